//! Who was refused, counted for operators: to who is refused, a server looks as if it were down.

use std::sync::atomic::{AtomicU64, Ordering};

/// Why somebody was refused.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal {
    /// A connection of a peer that has as many as it may have.
    ConnectionsOfPeer,
    /// A connection when there were as many as there may be.
    Connections,
    /// A connection that had no answer under way when another one needed its place.
    Idle,
    /// A request whose Host header names no address of this server.
    Host,
    /// A request for an answer that goes on when as many went on as may.
    GoingOn,
}

/// The words for each, in the order above.
const REASONS: [&str; 5] = ["connections_of_peer", "connections", "idle", "host", "going_on"];

/// How many were refused at a door.
#[derive(Debug, Default)]
pub(super) struct Refusals([AtomicU64; REASONS.len()]);

impl Refusals {
    /// One more.
    pub(super) fn count(&self, refusal: Refusal) {
        self.0[refusal as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many, by the reason.
    pub(super) fn by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        REASONS.into_iter().zip(self.0.iter().map(|count| count.load(Ordering::Relaxed)))
    }
}
