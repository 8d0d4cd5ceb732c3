//! Where peers come in, and how many may be there.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection_places::{ConnectionPlace, ConnectionPlaces, MonitorPeer, NoPlace};
use super::pace::{ConnectionPace, RequestPace};

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
    /// Of connections and requests, where strangers come in.
    paces: Option<(ConnectionPace, RequestPace)>,
}

impl Door {
    pub(super) fn new(socket: MonitorSocket) -> Arc<Door> {
        Arc::new(Door {
            socket,
            places: Arc::default(),
            going_on: Arc::new(Semaphore::new(MOST_GOING_ON)),
            paces: (socket == MonitorSocket::Network).then(Default::default),
        })
    }

    /// Ends when nobody is connected. Nobody comes in any more.
    pub(super) async fn is_empty(&self) {
        loop {
            let change = self.places.change();
            if self.places.are_empty() {
                return;
            }
            change.await;
        }
    }

    /// Waits until one more connection may come.
    pub(super) async fn opens(&self) {
        if let Some((connections, _)) = &self.paces {
            connections.turn().await;
        }
    }

    /// A place for a connection of this peer, as soon as there is one at all. `None`: this peer has as many as it may have.
    pub(super) async fn place(&self, peer: MonitorPeer) -> Option<ConnectionPlace> {
        loop {
            let change = self.places.change();
            match self.places.take(peer) {
                Ok(place) => return Some(place),
                Err(NoPlace::OfPeer) => return None,
                Err(NoPlace::AtAll) => change.await,
            }
        }
    }

    /// Room for one more answer that goes on, if there is some.
    pub(super) fn place_to_go_on(&self) -> Option<OwnedSemaphorePermit> {
        self.going_on.clone().try_acquire_owned().ok()
    }

    /// Waits until one more request of this peer may be answered.
    pub(super) async fn turn(&self, peer: MonitorPeer) {
        if let Some((_, requests)) = &self.paces {
            requests.turn(peer).await;
        }
    }
}
