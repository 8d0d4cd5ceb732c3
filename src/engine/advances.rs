//! How a test moves the clock (`OverSIP::Testing.advance`): from one time at which something is due to the next.
//!
//! The tasks of connections and look-ups wait by the same clock as the engine's timers, and what one of them does at its time may
//! set timers within the time that is left. So the clock moves on only when all of them have acted. They are tasks of one
//! runtime, which goes to a task that is ready before it comes back to one that has just yielded: a task that has been started
//! after them has its turn after them. Two turns without any effect mean that nobody has anything to do at this time.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

/// Turns without an effect before the clock moves on.
const QUIET: usize = 2;

/// What is asked of the clock, in the order in which it was asked.
#[derive(Debug, Default)]
pub(super) struct Advances {
    pub(super) waiting: VecDeque<Advance>,
    /// Turns since something happened.
    pub(super) quiet: usize,
    /// Tasks may have been woken since everybody acted last.
    pub(super) woken: bool,
    /// The clock's count of waits when it was looked at last.
    changes: u64,
}

#[derive(Debug)]
pub(super) struct Advance {
    pub(super) by: Duration,
    /// Where it leads; known once it has begun.
    pub(super) until: Option<Instant>,
    pub(super) done: SyncSender<()>,
}

impl Advances {
    pub(super) fn add(&mut self, by: Duration, done: SyncSender<()>) {
        self.waiting.push_back(Advance { by, until: None, done });
        self.woken = true;
    }

    pub(super) fn are_due(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Counts a turn of the others; whether all of them have acted.
    pub(super) fn turn(&mut self, busy: bool, changes: u64) -> bool {
        if busy || changes != self.changes {
            self.changes = changes;
            self.quiet = 0;
            return false;
        }
        self.quiet += 1;
        self.quiet >= QUIET
    }
}

/// Resolves once every task of the runtime that was ready has had its turn, and the sockets have been asked for news.
pub(super) async fn others_act() {
    // One that panics has had its turn, too.
    let _ = tokio::spawn(async {}).await;
    tokio::task::yield_now().await;
}
