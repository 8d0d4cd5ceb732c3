//! Numbers about a running engine.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::events::{EventQueue, Queued};

/// A reading of the engine's counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Requests that are pending or have a server transaction.
    pub server_transactions: usize,
    /// Client transactions alive.
    pub client_transactions: usize,
    /// Stream connections.
    pub connections: usize,
    /// Events waiting for Ruby.
    pub dispatcher_queue: usize,
    /// Events that Ruby took so far.
    pub dispatched_events: u64,
    /// Responses relayed without Ruby so far.
    pub engine_relayed_responses: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    servers: AtomicUsize,
    branches: AtomicUsize,
    connections: AtomicUsize,
    relayed: AtomicU64,
}

impl Counts {
    pub(super) fn publish(&self, servers: usize, branches: usize, connections: usize) {
        self.servers.store(servers, Ordering::Relaxed);
        self.branches.store(branches, Ordering::Relaxed);
        self.connections.store(connections, Ordering::Relaxed);
    }

    pub(super) fn count_relayed(&self) {
        self.relayed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats<E: Queued>(&self, events: &EventQueue<E>) -> Stats {
        Stats {
            server_transactions: self.servers.load(Ordering::Relaxed),
            client_transactions: self.branches.load(Ordering::Relaxed),
            connections: self.connections.load(Ordering::Relaxed),
            dispatcher_queue: events.len(),
            dispatched_events: events.taken(),
            engine_relayed_responses: self.relayed.load(Ordering::Relaxed),
        }
    }
}
