//! Where peers come in, and how many may be there.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::pace::Pace;

/// Connections of a door at a time; further ones wait to be accepted.
const MOST_CONNECTIONS: usize = 64;

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
    connections: Arc<Semaphore>,
    going_on: Arc<Semaphore>,
    pace: Option<Pace>,
}

impl Door {
    pub(super) fn new(socket: MonitorSocket) -> Arc<Door> {
        Arc::new(Door {
            socket,
            connections: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
            going_on: Arc::new(Semaphore::new(MOST_GOING_ON)),
            pace: (socket == MonitorSocket::Network).then(Pace::default),
        })
    }

    /// Ends when nobody is connected. Nobody comes in any more.
    pub(super) async fn is_empty(&self) {
        let _ = self.connections.acquire_many(MOST_CONNECTIONS as u32).await;
    }

    /// Waits for room for one more connection.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.connections.clone().acquire_owned().await.ok()
    }

    /// Room for one more answer that goes on, if there is some.
    pub(super) fn place_to_go_on(&self) -> Option<OwnedSemaphorePermit> {
        self.going_on.clone().try_acquire_owned().ok()
    }

    /// Waits until one more connection or request may go on.
    pub(super) async fn turn(&self) {
        if let Some(pace) = &self.pace {
            pace.turn().await;
        }
    }
}
