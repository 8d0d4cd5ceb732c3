//! How a test moves the clock (`OverSIP::Testing.advance`): from one time at which something is due to the next.
//!
//! The tasks of connections and look-ups wait by the same clock as the engine's timers, and what one of them does at its time may
//! set timers within the time that is left. So the clock moves on only when all of them have acted. They run on the engine's
//! thread, which goes to a task that is ready before it comes back to one that has just yielded: a task that has been started
//! after them has its turn after them. Two turns without any effect mean that nobody has anything to do at this time.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use super::run::Loop;
use crate::clock::Clock;

/// Turns without an effect before the clock moves on.
const QUIET: usize = 2;

/// What is asked of the clock, in the order in which it was asked.
#[derive(Debug, Default)]
pub(super) struct Advances {
    waiting: VecDeque<Advance>,
    /// Turns since something happened.
    quiet: usize,
    /// Tasks may have been woken since everybody acted last.
    woken: bool,
    /// The clock's count of waits when it was looked at last.
    changes: u64,
}

#[derive(Debug)]
struct Advance {
    by: Duration,
    /// Where it leads; known once it has begun.
    until: Option<Instant>,
    done: SyncSender<()>,
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
    fn turn(&mut self, busy: bool, changes: u64) -> bool {
        if busy || changes != self.changes {
            self.changes = changes;
            self.quiet = 0;
            return false;
        }
        self.quiet += 1;
        self.quiet >= QUIET
    }
}

/// Resolves once every task of this thread that was ready has had its turn, and the sockets have been asked for news.
pub(super) async fn others_act() {
    // One that panics has had its turn, too.
    let _ = tokio::spawn(async {}).await;
    tokio::task::yield_now().await;
}

impl Loop {
    /// Moves the clock to the next time at which something is due, if it is to be moved and everybody has acted. `busy`: the
    /// present turn of the loop had something to do.
    pub(super) fn advance(&mut self, busy: bool) {
        let driver = self.driver.clone();
        let clock = &driver.clock;
        if self.advances.woken {
            if !self.advances.are_due() || !self.advances.turn(busy, clock.changes()) {
                return;
            }
            self.advances.quiet = 0;
        }
        while let Some(advance) = self.advances.waiting.front_mut() {
            let until = *advance.until.get_or_insert_with(|| clock.now() + advance.by);
            self.advances.woken = self.has_tasks();
            let timer = driver.look(|element| element.next_timeout());
            let due = [timer, clock.next_sleeper()].into_iter().flatten().min();
            match due.filter(|at| *at <= until) {
                Some(at) => {
                    clock.move_to(at);
                    while driver.fire() {}
                }
                None => {
                    clock.move_to(until);
                    if let Some(advance) = self.advances.waiting.pop_front() {
                        let _ = advance.done.send(());
                    }
                }
            }
            self.advances.woken |= self.has_tasks();
            if self.advances.woken {
                return;
            }
        }
    }

    /// Whether there are tasks that wait for the clock or that a timer of the engine may set to work.
    fn has_tasks(&self) -> bool {
        let connections = self.driver.network.get().map_or(0, |network| network.connections().len());
        connections > 0
            || self.driver.look(|element| element.gauges().waiting_for_dns) > 0
            || self.driver.clock.next_sleeper().is_some()
    }
}
