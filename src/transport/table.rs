//! The connections of a layer, by number and peer.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use smallvec::SmallVec;
use tokio::sync::mpsc;

use super::connection::{Connection, Phase};
use super::{ConnectionId, Transport};

/// Those that exist, in every state.
pub(super) struct Table {
    pub by_id: HashMap<ConnectionId, Arc<Connection>>,
    /// Newest last. More than one is rare: the peer connected to us while we connected to it.
    pub by_peer: HashMap<(Transport, SocketAddr), SmallVec<[ConnectionId; 1]>>,
    /// Those whose peer has closed its side and waits for answers: nothing else is sent on them.
    pub finished: HashMap<ConnectionId, Arc<Connection>>,
    /// Those that write what is left in their queues before they close.
    pub closing: HashMap<ConnectionId, Arc<Connection>>,
    pub tasks: Tasks,
}

/// Counts the tasks that still have something to write: each holds a clone of the sender.
pub(super) enum Tasks {
    Running { alive: mpsc::Sender<()>, ended: mpsc::Receiver<()> },
    Stopped,
}

/// Held by a task until it wrote what it had to.
pub(super) type Alive = mpsc::Sender<()>;

impl Table {
    pub fn new() -> Table {
        let (alive, ended) = mpsc::channel(1);
        Table {
            by_id: HashMap::new(),
            by_peer: HashMap::new(),
            finished: HashMap::new(),
            closing: HashMap::new(),
            tasks: Tasks::Running { alive, ended },
        }
    }

    pub fn insert(&mut self, connection: &Arc<Connection>) {
        self.by_id.insert(connection.id, connection.clone());
        self.by_peer
            .entry(peer_key(connection.transport, connection.remote))
            .or_default()
            .push(connection.id);
    }

    /// Those that are up or being opened, and those that are up for answers alone.
    pub fn len(&self) -> usize {
        self.by_id.len() + self.finished.len()
    }

    /// Takes a connection from those that may be used. One that closes may write for a while.
    pub fn retire(&mut self, connection: &Connection, phase: Phase) {
        let Some(entry) = self.remove(connection).or_else(|| self.finished.remove(&connection.id)) else {
            return;
        };
        if phase == Phase::Closing {
            self.closing.insert(connection.id, entry);
        }
    }

    /// From now on it carries answers alone; `false` when it is not among those that may be used.
    pub fn finish(&mut self, connection: &Connection) -> bool {
        let entry = self.remove(connection);
        let known = entry.is_some();
        self.finished.extend(entry.map(|entry| (connection.id, entry)));
        known
    }

    /// Removes exactly this connection: another one to the same address stays.
    fn remove(&mut self, connection: &Connection) -> Option<Arc<Connection>> {
        let entry = self.by_id.remove(&connection.id)?;
        let key = peer_key(connection.transport, connection.remote);
        if let Some(ids) = self.by_peer.get_mut(&key) {
            ids.retain(|id| *id != connection.id);
            if ids.is_empty() {
                self.by_peer.remove(&key);
            }
        }
        Some(entry)
    }
}

/// Addresses of targets carry no scope and no flow label, those of sockets may.
pub(super) fn peer_key(transport: Transport, remote: SocketAddr) -> (Transport, SocketAddr) {
    (transport, SocketAddr::new(remote.ip(), remote.port()))
}
