//! How good or bad the network is: what it loses, repeats and holds up.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::random::Random;

/// What happens to what is sent from one host to another. Shares are per mille. The default is a network that loses nothing
/// and takes 10 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conditions {
    /// The share of datagrams that are lost.
    pub loss: u32,
    /// The share of datagrams that arrive twice.
    pub repetition: u32,
    /// The share of datagrams that are held up, so that later ones overtake them.
    pub reordering: u32,
    /// How long everything takes.
    pub delay: Duration,
    /// What is added to the delay at most, drawn anew for each datagram.
    pub jitter: Duration,
    /// What is added at most for a datagram that is held up.
    pub held_up: Duration,
}

impl Default for Conditions {
    fn default() -> Conditions {
        Conditions {
            loss: 0,
            repetition: 0,
            reordering: 0,
            delay: Duration::from_millis(10),
            jitter: Duration::ZERO,
            held_up: Duration::from_millis(500),
        }
    }
}

impl Conditions {
    /// The same share, in per cent, is lost, arrives twice and is held up.
    pub fn lossy(per_cent: u32) -> Conditions {
        let share = per_cent * 10;
        Conditions {
            loss: share,
            repetition: share,
            reordering: share,
            jitter: Duration::from_millis(20),
            ..Conditions::default()
        }
    }

    /// Draws after which times a datagram arrives: never, once or twice.
    pub(super) fn arrivals(&self, random: &mut Random) -> Arrivals {
        let copies = if happens(self.repetition, random) { 2 } else { 1 };
        let mut arrivals = [None; 2];
        for arrival in &mut arrivals[..copies] {
            if happens(self.loss, random) {
                continue;
            }
            let mut after = self.delay + up_to(self.jitter, random);
            if happens(self.reordering, random) {
                after += up_to(self.held_up, random);
            }
            *arrival = Some(after);
        }
        Arrivals(arrivals)
    }
}

impl Conditions {
    /// What is added to the delay this time.
    pub(super) fn drawn_jitter(&self, random: &mut Random) -> Duration {
        up_to(self.jitter, random)
    }
}

/// After which times a datagram arrives.
pub(super) struct Arrivals(pub(super) [Option<Duration>; 2]);

fn happens(share: u32, random: &mut Random) -> bool {
    share > 0 && random.up_to(999) < share
}

/// A time up to `most`, to the microsecond.
fn up_to(most: Duration, random: &mut Random) -> Duration {
    let micros = u32::try_from(most.as_micros()).unwrap_or(u32::MAX);
    if micros == 0 {
        return Duration::ZERO;
    }
    Duration::from_micros(random.up_to(micros).into())
}

/// How an address answers at which nobody listens, or which is to be unreachable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reachability {
    /// Datagrams and connections are refused at once: the host is there, the port is closed.
    Refused,
    /// Nothing ever comes back.
    Silent,
}

/// The network between hosts.
#[derive(Debug, Default)]
pub struct Network {
    conditions: Conditions,
    between: BTreeMap<(IpAddr, IpAddr), Conditions>,
    unreachable: BTreeMap<SocketAddr, Reachability>,
}

impl Network {
    /// Sets what happens between all hosts for which nothing else is set.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.conditions = conditions;
    }

    /// Sets what happens on the way from one host to another; the way back is another one.
    pub fn set_conditions_between(&mut self, from: IpAddr, to: IpAddr, conditions: Conditions) {
        self.between.insert((from, to), conditions);
    }

    /// From now on an address cannot be reached, whoever is there.
    pub fn cut_off(&mut self, address: SocketAddr, how: Reachability) {
        self.unreachable.insert(address, how);
    }

    /// An address that was cut off can be reached again.
    pub fn restore(&mut self, address: SocketAddr) {
        self.unreachable.remove(&address);
    }

    pub(super) fn conditions(&self, from: SocketAddr, to: SocketAddr) -> Conditions {
        *self.between.get(&(from.ip(), to.ip())).unwrap_or(&self.conditions)
    }

    pub(super) fn cut(&self, address: SocketAddr) -> Option<Reachability> {
        self.unreachable.get(&address).copied()
    }
}
