//! Where peers come in, and how many may be there.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection_places::{ConnectionPlace, ConnectionPlaces, MonitorPeer, NoPlace};
use super::pace::{ConnectionPace, RequestPace};
use super::refusals::{Refusal, Refusals};

/// Answers of a door that go on, at a time.
const MOST_GOING_ON: usize = 16;

/// By which socket a peer has come, which decides what it may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MonitorSocket {
    /// The control socket: for the user that the server runs as.
    Control,
    /// A listening address of HTTP.
    Network,
}

/// Where peers come in, and how many may be there.
pub(super) struct Door {
    pub(super) socket: MonitorSocket,
    places: Arc<ConnectionPlaces>,
    going_on: Arc<Semaphore>,
    refusals: Arc<Refusals>,
    /// Where strangers come in.
    paces: Option<Paces>,
}

/// How fast peers may come and ask.
#[derive(Debug, Default)]
struct Paces {
    connections: ConnectionPace,
    requests: RequestPace,
    /// Of requests that are refused by their Host header: a page of another site takes no turn from who asks by a name of ours.
    of_other_names: RequestPace,
}

impl Door {
    pub(super) fn new(socket: MonitorSocket) -> Arc<Door> {
        let refusals = Arc::<Refusals>::default();
        Arc::new(Door {
            socket,
            places: Arc::new(ConnectionPlaces::new(refusals.clone())),
            going_on: Arc::new(Semaphore::new(MOST_GOING_ON)),
            refusals,
            paces: (socket == MonitorSocket::Network).then(Default::default),
        })
    }

    /// Ends when nobody is connected. Nobody comes in any more.
    pub(super) async fn is_empty(&self) {
        loop {
            let change = self.places.change();
            if self.connections() == 0 {
                return;
            }
            change.await;
        }
    }

    /// How many are connected.
    pub(super) fn connections(&self) -> usize {
        self.places.taken()
    }

    /// Who was refused here.
    pub(super) fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Waits until one more connection may come.
    pub(super) async fn opens(&self) {
        if let Some(paces) = &self.paces {
            paces.connections.turn().await;
        }
    }

    /// A place for a connection of this peer. By the control socket it is waited for. A network has it at once or never (`None`): while
    /// one waits here, nobody else comes in.
    pub(super) async fn place(&self, peer: MonitorPeer) -> Option<ConnectionPlace> {
        loop {
            let change = self.places.change();
            let refusal = match self.places.take(peer) {
                Ok(place) => return Some(place),
                Err(NoPlace::OfPeer) => Refusal::ConnectionsOfPeer,
                Err(NoPlace::AtAll) => Refusal::Connections,
            };
            if self.socket == MonitorSocket::Network {
                self.refusals.count(refusal);
                return None;
            }
            change.await;
        }
    }

    /// Room for one more answer that goes on, if there is some.
    pub(super) fn place_to_go_on(&self) -> Option<OwnedSemaphorePermit> {
        let place = self.going_on.clone().try_acquire_owned();
        place.inspect_err(|_| self.refusals.count(Refusal::GoingOn)).ok()
    }

    /// Waits until one more request of this peer may be answered, which is admitted by its Host header or not.
    pub(super) async fn turn(&self, peer: MonitorPeer, is_admitted: bool) {
        let Some(paces) = &self.paces else { return };
        let pace = if is_admitted { &paces.requests } else { &paces.of_other_names };
        pace.turn(peer).await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// The place, or that there is none; an outer `None` while it is waited for.
    async fn at_once(door: &Door, peer: MonitorPeer) -> Option<Option<ConnectionPlace>> {
        tokio::select! {
            biased;
            place = door.place(peer) => Some(place),
            () = std::future::ready(()) => None,
        }
    }

    fn refused(door: &Door) -> Vec<(&'static str, u64)> {
        door.refusals().by_reason().filter(|(_, count)| *count > 0).collect()
    }

    #[tokio::test]
    async fn a_network_never_waits_for_a_place_and_refusals_are_counted() {
        let door = Door::new(MonitorSocket::Network);
        let mut answering = Vec::new();
        let mut came = Vec::new();
        for number in 0..100u8 {
            let peer = MonitorPeer::Address(Ipv4Addr::new(192, 0, 2, number % 4).into());
            let place = at_once(&door, peer).await.expect("no wait");
            came.push(place.is_some());
            answering.extend(place.map(|place| Arc::new(place).answering()));
        }
        assert_eq!(came.iter().filter(|came| **came).count(), door.connections());
        assert_eq!(refused(&door), [("connections", 40)]);
        let one = MonitorPeer::Address(Ipv4Addr::new(192, 0, 2, 9).into());
        answering.clear();
        for _ in 0..30 {
            answering.extend(door.place(one).await.map(|place| Arc::new(place).answering()));
        }
        assert_eq!(refused(&door), [("connections_of_peer", 6), ("connections", 40)]);
    }

    #[tokio::test]
    async fn who_comes_by_the_control_socket_waits_for_a_place() {
        let door = Door::new(MonitorSocket::Control);
        let mut answering = Vec::new();
        while let Some(place) = at_once(&door, MonitorPeer::Control).await {
            answering.push(Arc::new(place.expect("no refusal")).answering());
        }
        let waiting = door.place(MonitorPeer::Control);
        answering.pop();
        assert!(waiting.await.is_some());
        assert_eq!(refused(&door), []);
    }

    #[tokio::test]
    async fn names_that_are_refused_take_no_turn_of_others() {
        let door = Door::new(MonitorSocket::Network);
        let peer = MonitorPeer::ThisMachine;
        let at_once = |is_admitted| {
            let door = &door;
            async move {
                tokio::select! {
                    biased;
                    () = door.turn(peer, is_admitted) => true,
                    () = std::future::ready(()) => false,
                }
            }
        };
        while at_once(false).await {}
        assert!(at_once(true).await);
    }
}
