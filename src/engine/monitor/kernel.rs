//! What the system knows of the sockets and of the process, as Linux shows it in `/proc`. Elsewhere these figures are missing.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::Mutex;

use nix::sys::resource::{getrusage, UsageWho};
use nix::sys::time::TimeValLike;
use nix::unistd::{sysconf, SysconfVar};

use crate::host::lock;
use crate::metrics::Families;

/// What the system says of a UDP socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct UdpState {
    /// Bytes that wait to be read.
    waiting: u64,
    /// Datagrams that it had no room for.
    drops: u64,
}

/// Datagrams that sockets had no room for, those that are closed by now too: the number never falls.
#[derive(Debug, Default)]
pub(super) struct UdpDrops(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    total: u64,
    /// Of each open socket, by its inode.
    last: HashMap<u64, u64>,
}

impl UdpDrops {
    /// What each open socket says now, by its inode; the number of all.
    fn note(&self, states: &HashMap<u64, UdpState>) -> u64 {
        let mut seen = lock(&self.0);
        for (inode, UdpState { drops, .. }) in states {
            // A smaller number is that of another socket, which has the inode of one that is closed.
            let before = seen.last.get(inode).copied().filter(|before| before <= drops).unwrap_or_default();
            seen.total += drops - before;
        }
        seen.last = states.iter().map(|(inode, state)| (*inode, state.drops)).collect();
        seen.total
    }
}

/// The figures, of UDP sockets with these inodes.
pub(super) fn read(families: &mut Families, ours: &HashSet<u64>, drops: &UdpDrops) {
    udp(families, ours, drops);
    process(families);
}

fn udp(families: &mut Families, ours: &HashSet<u64>, drops: &UdpDrops) {
    let tables: Vec<String> =
        ["/proc/net/udp", "/proc/net/udp6"].iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
    if tables.is_empty() {
        return;
    }
    let lines = tables.iter().flat_map(|table| table.lines().filter_map(line));
    let states: HashMap<u64, UdpState> = lines.filter(|(inode, _)| ours.contains(inode)).collect();
    families.counter(
        "oversip_udp_kernel_drops_total",
        "Datagrams that the system had no room for in the buffers of sockets.",
        drops.note(&states) as f64,
    );
    families.gauge(
        "oversip_udp_receive_queue_bytes",
        "Bytes that wait in the buffers of UDP sockets to be read.",
        states.values().map(|state| state.waiting).sum::<u64>() as f64,
    );
}

/// A line of `/proc/net/udp`: the inode of the socket and its state.
fn line(line: &str) -> Option<(u64, UdpState)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, waiting) = fields.get(4)?.split_once(':')?;
    let state =
        UdpState { waiting: u64::from_str_radix(waiting, 16).ok()?, drops: fields.get(12)?.parse().ok()? };
    Some((fields.get(9)?.parse().ok()?, state))
}

/// When the process was started, in seconds since 1970, from the texts of `/proc/self/stat` and `/proc/stat`.
fn started(of_process: &str, of_system: &str, ticks: f64) -> Option<f64> {
    // The name of the program is in parentheses, and may have anything in it.
    let (_, fields) = of_process.rsplit_once(')')?;
    let since_boot: f64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    let boot = of_system.lines().find_map(|line| line.strip_prefix("btime "))?;
    Some(boot.trim().parse::<f64>().ok()? + since_boot / ticks)
}

fn process(families: &mut Families) {
    if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
        let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        families.counter(
            "process_cpu_seconds_total",
            "Processor time of the process.",
            microseconds as f64 / 1e6,
        );
    }
    let text = |file| fs::read_to_string(file).unwrap_or_default();
    let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    if let Some(began) = started(&text("/proc/self/stat"), &text("/proc/stat"), ticks as f64) {
        families.gauge(
            "process_start_time_seconds",
            "When the process was started, in seconds since 1970.",
            began,
        );
    }
    let status = text("/proc/self/status");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = resident.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    if let Some(kilobytes) = kilobytes {
        families.gauge(
            "process_resident_memory_bytes",
            "Memory of the process that is resident.",
            (kilobytes * 1024) as f64,
        );
    }
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        families.gauge("process_open_fds", "Open descriptors of the process.", entries.count() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_a_socket_with_its_queue_and_its_drops() {
        let four = "  123: 0100007F:13C4 00000000:0000 07 00000000:00000A00 00:00000000 00000000  1000        0 4242 2 0000000000000000 17";
        let six = "  9: 00000000000000000000000001000000:13C5 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 1 2 0000000000000000 0";
        assert_eq!(line(four), Some((4242, UdpState { waiting: 2560, drops: 17 })));
        assert_eq!(line(six), Some((1, UdpState::default())));
        assert_eq!(line("   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops"), None);
        assert_eq!(line(""), None);
    }

    #[test]
    fn the_drops_of_sockets_that_are_closed_still_count() {
        let drops = UdpDrops::default();
        let note = |states: &[(u64, u64)]| {
            let state = |&(inode, drops): &(u64, u64)| (inode, UdpState { waiting: 0, drops });
            drops.note(&states.iter().map(state).collect())
        };
        assert_eq!([note(&[(1, 5), (2, 7)]), note(&[(1, 6)]), note(&[(1, 6), (3, 1)])], [12, 13, 14]);
        // Another socket with the inode of the first one.
        assert_eq!([note(&[(1, 2)]), note(&[]), note(&[(1, 2)])], [16, 16, 18]);
    }

    #[test]
    fn a_process_began_so_long_after_the_system() {
        let fields = ["0"; 17].join(" ");
        let stat = format!("4711 (a) b (c)) S 1 {fields} 250 0 0");
        assert_eq!(started(&stat, "cpu 1\nbtime 1700000000\nprocesses 1\n", 100.0), Some(1_700_000_002.5));
        assert_eq!(started("", "", 100.0), None);
    }
}
