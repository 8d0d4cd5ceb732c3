//! What the system knows of the sockets and of the process, as Linux shows it in `/proc`. Elsewhere these figures are missing.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::sys::resource::{getrusage, UsageWho};
use nix::sys::time::TimeValLike;

use super::scene::Scene;
use crate::metrics::Families;

/// What the system says of a UDP socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct UdpState {
    /// Bytes that wait to be read.
    waiting: u64,
    /// Datagrams that it had no room for.
    drops: u64,
}

/// The figures.
pub(super) fn read(families: &mut Families, scene: &Scene) {
    udp(families, &scene.driver.network.get().map(|network| network.udp_addresses()).unwrap_or_default());
    process(families);
}

fn udp(families: &mut Families, ours: &[SocketAddr]) {
    let tables: Vec<String> =
        ["/proc/net/udp", "/proc/net/udp6"].iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
    if tables.is_empty() {
        return;
    }
    let mut all = UdpState::default();
    for (_, state) in
        tables.iter().flat_map(|table| table.lines().filter_map(line)).filter(|(at, _)| ours.contains(at))
    {
        all.waiting += state.waiting;
        all.drops += state.drops;
    }
    families.counter(
        "oversip_udp_kernel_drops_total",
        "Datagrams that the system had no room for in the buffers of open sockets.",
        all.drops as f64,
    );
    families.gauge(
        "oversip_udp_receive_queue_bytes",
        "Bytes that wait in the buffers of UDP sockets to be read.",
        all.waiting as f64,
    );
}

/// A line of `/proc/net/udp`: the address of the socket and its state.
fn line(line: &str) -> Option<(SocketAddr, UdpState)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (ip, port) = fields.get(1)?.split_once(':')?;
    let (_, waiting) = fields.get(4)?.split_once(':')?;
    let state =
        UdpState { waiting: u64::from_str_radix(waiting, 16).ok()?, drops: fields.get(12)?.parse().ok()? };
    Some((SocketAddr::new(address(ip)?, u16::from_str_radix(port, 16).ok()?), state))
}

/// Words of 32 bits, each as this machine has it in memory.
fn address(hex: &str) -> Option<IpAddr> {
    let mut bytes = Vec::with_capacity(16);
    for start in (0..hex.len()).step_by(8) {
        let word = u32::from_str_radix(hex.get(start..start + 8)?, 16).ok()?;
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(|octets| Ipv4Addr::from(octets).into()),
        16 => <[u8; 16]>::try_from(bytes).ok().map(|octets| Ipv6Addr::from(octets).into()),
        _ => None,
    }
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
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
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
    #[cfg(target_endian = "little")]
    fn a_line_names_a_socket_with_its_queue_and_its_drops() {
        let four = "  123: 0100007F:13C4 00000000:0000 07 00000000:00000A00 00:00000000 00000000  1000        0 4242 2 0000000000000000 17";
        let six = "  9: 00000000000000000000000001000000:13C5 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 1 2 0000000000000000 0";
        let state = UdpState { waiting: 2560, drops: 17 };
        assert_eq!(line(four), Some((([127, 0, 0, 1], 5060).into(), state)));
        assert_eq!(line(six), Some((SocketAddr::new(Ipv6Addr::LOCALHOST.into(), 5061), UdpState::default())));
        assert_eq!(line("   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops"), None);
        assert_eq!(line(""), None);
    }
}
