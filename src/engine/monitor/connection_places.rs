//! Who is connected at a door. A peer has a bound of its own, and who only stays connected makes room for who comes: idle connections,
//! however many, keep nobody from asking.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::futures::Notified;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::engine::SystemClock;
use crate::host::lock;

/// Connections at a time.
const MOST_CONNECTIONS: usize = 64;

/// Connections of an address at a time: more than answers may go on, which a proxy in front of browsers asks for.
const MOST_OF_ADDRESS: usize = 24;

/// Connections from this machine at a time: several programs may look.
const MOST_OF_LOOPBACK: usize = 48;

/// Where a connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum MonitorPeer {
    /// The control socket.
    Control,
    /// This machine.
    Loopback,
    /// An address; of an IPv6 address the first 64 bits: a host has all of such a network (RFC 6177).
    Address(IpAddr),
}

impl MonitorPeer {
    /// The peer at this address.
    pub(super) fn at(address: IpAddr) -> MonitorPeer {
        match address.to_canonical() {
            address if address.is_loopback() => MonitorPeer::Loopback,
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
            MonitorPeer::Loopback => MOST_OF_LOOPBACK,
            MonitorPeer::Address(_) => MOST_OF_ADDRESS,
        }
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
    /// Since when it has asked nothing; `None` while it is answered.
    idle_since: Option<Instant>,
    leave: Arc<Notify>,
}

/// The connections of a door.
#[derive(Debug, Default)]
pub(super) struct ConnectionPlaces {
    occupants: Mutex<(u64, HashMap<u64, Occupant>)>,
    /// A connection has ended or become idle.
    changed: Notify,
}

impl ConnectionPlaces {
    /// Room for one more connection. Where there is none, the connection that has been idle for the longest time has to leave: one of this
    /// peer's where it has as many as it may have, else anybody's.
    pub(super) fn take(self: &Arc<Self>, peer: MonitorPeer) -> Result<ConnectionPlace, NoPlace> {
        let mut occupants = lock(&self.occupants);
        let (last, connected) = &mut *occupants;
        let of_peer = connected.values().filter(|occupant| occupant.peer == peer).count();
        if of_peer >= peer.most() {
            dismiss(connected, |occupant| occupant.peer == peer).ok_or(NoPlace::OfPeer)?;
        } else if connected.len() >= MOST_CONNECTIONS {
            dismiss(connected, |_| true).ok_or(NoPlace::AtAll)?;
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

    /// Whether nobody is connected.
    pub(super) fn are_empty(&self) -> bool {
        lock(&self.occupants).1.is_empty()
    }

    fn set(&self, number: u64, idle_since: Option<Instant>) {
        if let Some(occupant) = lock(&self.occupants).1.get_mut(&number) {
            occupant.idle_since = idle_since;
        }
    }
}

/// Has the connection leave that has been idle for the longest time among these. Its place is free at once.
fn dismiss(connected: &mut HashMap<u64, Occupant>, among: impl Fn(&Occupant) -> bool) -> Option<()> {
    let idle = connected.iter().filter(|(_, occupant)| among(occupant));
    let idle = idle.filter_map(|(number, occupant)| Some((occupant.idle_since?, *number)));
    let (_, number) = idle.min()?;
    connected.remove(&number)?.leave.notify_one();
    Some(())
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

    /// The connection has asked something: it is not idle as long as this is there.
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
        MonitorPeer::at(address.parse().expect("an address"))
    }

    /// ConnectionPlaces of this peer, all that are there.
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
            assert_eq!(peer(address), MonitorPeer::Loopback, "{address}");
        }
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:0:0:1"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("192.0.2.1"), peer("::ffff:192.0.2.1"));
        assert_ne!(peer("192.0.2.1"), peer("192.0.2.2"));
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
        let of_this_machine = fill(&places, MonitorPeer::Loopback);
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
        assert!(!places.are_empty());
        drop(place);
        assert!(places.are_empty());
    }
}
