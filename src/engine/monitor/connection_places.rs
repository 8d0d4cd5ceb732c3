//! Who is connected at a door. A peer has a bound of its own, and who only stays connected makes room for who comes: idle connections,
//! however many, keep nobody from asking. Other machines, however many, leave some places for this one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::futures::Notified;
use tokio::sync::Notify;

use super::refusals::{Refusal, Refusals};
use crate::clock::Clock;
use crate::engine::SystemClock;
use crate::host::lock;

/// Connections at a time.
pub(super) const MOST_CONNECTIONS: usize = 64;

/// Connections of all other machines at a time.
const MOST_OF_OTHERS: usize = 60;

/// Connections of an address at a time: more than answers may go on, which a proxy in front of browsers asks for.
const MOST_OF_ADDRESS: usize = 24;

/// Connections from this machine at a time: several programs may look.
const MOST_OF_THIS_MACHINE: usize = 48;

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum MonitorPeer {
    /// The control socket.
    Control,
    /// This machine, by any of its addresses.
    ThisMachine,
    /// An address; of an IPv6 address the first 64 bits: a host has all of such a network (RFC 6177).
    Address(IpAddr),
}

impl MonitorPeer {
    /// The peer at an address, which has come to this one of ours.
    pub(super) fn at(remote: IpAddr, local: IpAddr) -> MonitorPeer {
        match remote.to_canonical() {
            address if address.is_loopback() || address == local.to_canonical() => MonitorPeer::ThisMachine,
            IpAddr::V6(address) => {
                MonitorPeer::Address(Ipv6Addr::from_bits(address.to_bits() & (!0 << 64)).into())
            }
            address => MonitorPeer::Address(address),
        }
    }

    fn most(self) -> usize {
        match self {
            // Whoever comes by it is let in: it waits for a place.
            MonitorPeer::Control => usize::MAX,
            MonitorPeer::ThisMachine => MOST_OF_THIS_MACHINE,
            MonitorPeer::Address(_) => MOST_OF_ADDRESS,
        }
    }

    fn is_other_machine(self) -> bool {
        matches!(self, MonitorPeer::Address(_))
    }
}

/// There is no room for one more connection, and none is idle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// This peer has as many as it may have.
    OfPeer,
    /// There are as many as there may be.
    AtAll,
}

#[derive(Debug)]
struct Occupant {
    peer: MonitorPeer,
    /// Since when it has had no answer under way; `None` until hyper has all of one. Who waits for its turn has none yet.
    idle_since: Option<Instant>,
    leave: Arc<Notify>,
}

/// The connections of a door.
#[derive(Debug, Default)]
pub(super) struct ConnectionPlaces {
    occupants: Mutex<(u64, HashMap<u64, Occupant>)>,
    /// A connection has ended or become idle.
    changed: Notify,
    refusals: Arc<Refusals>,
}

impl ConnectionPlaces {
    /// None is taken; who has to leave is counted there.
    pub(super) fn new(refusals: Arc<Refusals>) -> ConnectionPlaces {
        ConnectionPlaces { refusals, ..ConnectionPlaces::default() }
    }

    /// Room for one more connection. Where there is none, the connection that has been idle for the longest time has to leave: one of this
    /// peer's where it has as many as it may have, one of another machine where all of those have as many as they may have, else anybody's.
    pub(super) fn take(self: &Arc<Self>, peer: MonitorPeer) -> Result<ConnectionPlace, NoPlace> {
        let mut occupants = lock(&self.occupants);
        let (last, connected) = &mut *occupants;
        let number = |among: &dyn Fn(MonitorPeer) -> bool| {
            connected.values().filter(|occupant| among(occupant.peer)).count()
        };
        let is_same = |other| other == peer;
        let dismissed = if number(&is_same) >= peer.most() {
            Some(dismiss(connected, is_same).ok_or(NoPlace::OfPeer)?)
        } else if peer.is_other_machine() && number(&MonitorPeer::is_other_machine) >= MOST_OF_OTHERS {
            Some(dismiss(connected, MonitorPeer::is_other_machine).ok_or(NoPlace::AtAll)?)
        } else if connected.len() >= MOST_CONNECTIONS {
            Some(dismiss(connected, |_| true).ok_or(NoPlace::AtAll)?)
        } else {
            None
        };
        if let Some(dismissed) = dismissed {
            dismissed.leave.notify_one();
            self.refusals.count(Refusal::Idle);
        }
        *last += 1;
        let leave = Arc::new(Notify::new());
        connected.insert(*last, Occupant { peer, idle_since: Some(SystemClock.now()), leave: leave.clone() });
        Ok(ConnectionPlace { places: self.clone(), number: *last, leave })
    }

    /// Ends with the next connection that ends or becomes idle, from this call on.
    pub(super) fn change(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// How many are connected.
    pub(super) fn taken(&self) -> usize {
        lock(&self.occupants).1.len()
    }

    fn set(&self, number: u64, idle_since: Option<Instant>) {
        if let Some(occupant) = lock(&self.occupants).1.get_mut(&number) {
            occupant.idle_since = idle_since;
        }
    }
}

/// Takes out the connection that has been idle for the longest time among those of these peers.
fn dismiss(connected: &mut HashMap<u64, Occupant>, among: impl Fn(MonitorPeer) -> bool) -> Option<Occupant> {
    let idle = connected.iter().filter(|(_, occupant)| among(occupant.peer));
    let idle = idle.filter_map(|(number, occupant)| Some((occupant.idle_since?, *number)));
    let (_, number) = idle.min()?;
    connected.remove(&number)
}

/// The place of a connection, which is free again with this.
#[derive(Debug)]
pub(super) struct ConnectionPlace {
    places: Arc<ConnectionPlaces>,
    number: u64,
    leave: Arc<Notify>,
}

impl ConnectionPlace {
    /// Ends when the connection has to make room for another one.
    pub(super) async fn has_to_leave(&self) {
        self.leave.notified().await;
    }

    /// An answer begins: the connection is not idle as long as this is there.
    pub(super) fn answering(self: &Arc<Self>) -> Answering {
        self.places.set(self.number, None);
        Answering(self.clone())
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        lock(&self.places.occupants).1.remove(&self.number);
        self.places.changed.notify_waiters();
    }
}

/// An answer of a connection that is not idle meanwhile.
#[derive(Debug)]
pub(super) struct Answering(Arc<ConnectionPlace>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.places.set(self.0.number, Some(SystemClock.now()));
        self.0.places.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> MonitorPeer {
        MonitorPeer::at(address.parse().expect("an address"), IpAddr::from([192, 0, 2, 99]))
    }

    /// Takes all places of a peer.
    fn fill(places: &Arc<ConnectionPlaces>, peer: MonitorPeer) -> Vec<Arc<ConnectionPlace>> {
        (0..peer.most()).map(|_| Arc::new(places.take(peer).expect("room"))).collect()
    }

    fn has_to_leave(place: &ConnectionPlace) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            tokio::select! {
                biased;
                () = place.has_to_leave() => true,
                () = std::future::ready(()) => false,
            }
        })
    }

    #[test]
    fn a_peer_is_an_address_a_network_of_ipv6_or_this_machine() {
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(peer(address), MonitorPeer::ThisMachine, "{address}");
        }
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:0:0:1"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("192.0.2.1"), peer("::ffff:192.0.2.1"));
        assert_ne!(peer("192.0.2.1"), peer("192.0.2.2"));
    }

    #[test]
    fn who_comes_from_the_address_that_it_asks_is_this_machine() {
        for (remote, local) in
            [("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::1"), ("::ffff:192.0.2.1", "192.0.2.1")]
        {
            let [remote, local] = [remote, local].map(|address| address.parse().expect("an address"));
            assert_eq!(MonitorPeer::at(remote, local), MonitorPeer::ThisMachine, "{remote}");
        }
        let [neighbour, ours] =
            ["2001:db8::2", "2001:db8::1"].map(|address| address.parse().expect("an address"));
        assert_eq!(MonitorPeer::at(neighbour, ours), peer("2001:db8::2"));
    }

    #[test]
    fn other_machines_leave_places_for_this_one() {
        let places = Arc::<ConnectionPlaces>::default();
        let of_others: Vec<_> = (0..MOST_OF_OTHERS)
            .map(|number| places.take(peer(&format!("192.0.2.{}", number % 3))).map(Arc::new).expect("room"))
            .collect();
        let answering: Vec<_> = of_others.iter().map(ConnectionPlace::answering).collect();
        assert_eq!(places.take(peer("192.0.2.9")).err(), Some(NoPlace::AtAll));
        let of_this_machine: Vec<_> =
            (MOST_OF_OTHERS..MOST_CONNECTIONS).map(|_| places.take(MonitorPeer::ThisMachine)).collect();
        assert!(of_this_machine.iter().all(Result::is_ok));
        drop(answering);
        let _of_another = places.take(peer("192.0.2.9")).expect("room");
        // One of another machine's has made room, though these have been idle for longer.
        assert!(!of_this_machine.iter().flatten().any(has_to_leave));
        assert_eq!(places.taken(), MOST_CONNECTIONS);
    }

    #[test]
    fn a_peer_that_has_its_number_gives_up_the_one_that_is_idle_for_the_longest_time() {
        let places = Arc::<ConnectionPlaces>::default();
        let (alice, bob) = (peer("192.0.2.1"), peer("192.0.2.2"));
        let of_bob = places.take(bob).expect("room");
        let of_alice = fill(&places, alice);
        let answering = of_alice[0].answering();
        let _one_more = places.take(alice).expect("room");
        assert_eq!(
            [&of_alice[0], &of_alice[1], &of_alice[2]].map(|place| has_to_leave(place)),
            [false, true, false]
        );
        assert!(!has_to_leave(&of_bob));
        drop(answering);
        // It has been idle for less time than all others.
        let _another = places.take(alice).expect("room");
        assert_eq!([&of_alice[0], &of_alice[2]].map(|place| has_to_leave(place)), [false, true]);
    }

    #[test]
    fn a_peer_whose_connections_are_all_answered_gets_no_further_one() {
        let places = Arc::<ConnectionPlaces>::default();
        let of_alice = fill(&places, peer("192.0.2.1"));
        let answering: Vec<_> = of_alice.iter().map(ConnectionPlace::answering).collect();
        assert_eq!(places.take(peer("192.0.2.1")).err(), Some(NoPlace::OfPeer));
        assert!(places.take(peer("192.0.2.2")).is_ok());
        drop(answering);
        assert!(places.take(peer("192.0.2.1")).is_ok());
    }

    #[test]
    fn when_all_places_are_taken_the_idle_ones_of_others_make_room() {
        let places = Arc::<ConnectionPlaces>::default();
        let of_this_machine = fill(&places, MonitorPeer::ThisMachine);
        let of_alice = fill(&places, peer("192.0.2.1"));
        assert!(places.take(peer("192.0.2.2")).is_ok());
        assert!(has_to_leave(&of_this_machine[0]));
        let answering: Vec<_> =
            of_this_machine.iter().chain(&of_alice).map(ConnectionPlace::answering).collect();
        let last = places.take(peer("192.0.2.3")).expect("room");
        let last = Arc::new(last);
        let _answering = last.answering();
        assert_eq!(places.take(peer("192.0.2.4")).err(), Some(NoPlace::AtAll));
        drop(answering);
        assert!(places.take(peer("192.0.2.4")).is_ok());
    }

    #[test]
    fn who_comes_by_the_control_socket_waits_and_is_not_refused() {
        let places = Arc::<ConnectionPlaces>::default();
        let taken = (0..MOST_CONNECTIONS).map(|_| Arc::new(places.take(MonitorPeer::Control).expect("room")));
        let taken: Vec<_> = taken.collect();
        let _answering: Vec<_> = taken.iter().map(ConnectionPlace::answering).collect();
        assert_eq!(places.take(MonitorPeer::Control).err(), Some(NoPlace::AtAll));
    }

    #[test]
    fn a_place_is_free_again_with_its_connection() {
        let places = Arc::<ConnectionPlaces>::default();
        let place = places.take(MonitorPeer::Control).expect("room");
        assert_eq!(places.taken(), 1);
        drop(place);
        assert_eq!(places.taken(), 0);
    }
}
