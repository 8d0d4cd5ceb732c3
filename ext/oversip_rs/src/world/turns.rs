//! What other threads ask of a world's element happens between two steps, so that it does not fall into the midst of one.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::locks::lock;
use crate::gvl::briefly_without_gvl;

/// How long a thread waits for the end of a step. The block that runs in it may wait for that thread.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

#[derive(Default)]
struct State {
    /// A step is under way.
    stepping: bool,
    /// The threads that wait for its end, by number.
    waiting: VecDeque<u64>,
    last: u64,
    /// The thread whose turn it is.
    turn: Option<u64>,
}

#[derive(Default)]
pub(super) struct Turns {
    state: Mutex<State>,
    changed: Condvar,
    steps: AtomicU64,
}

/// The turn of a thread; ends when dropped.
pub(super) struct Turn<'a>(Option<(&'a Turns, u64)>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some((turns, number)) = self.0 else { return };
        let mut state = lock(&turns.state);
        if state.turn == Some(number) {
            state.turn = None;
            turns.changed.notify_all();
        }
    }
}

impl Turns {
    /// A step begins.
    pub(super) fn begin_step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        lock(&self.state).stepping = true;
    }

    /// A step has ended: those that wait get their turns.
    pub(super) fn end_step(&self) {
        loop {
            let mut state = lock(&self.state);
            let Some(next) = state.waiting.pop_front() else {
                state.stepping = false;
                return;
            };
            state.turn = Some(next);
            drop(state);
            self.changed.notify_all();
            briefly_without_gvl(|| self.wait(|state| state.turn == Some(next)), || self.changed.notify_all());
            lock(&self.state).turn = None;
        }
    }

    /// How many steps have begun.
    pub(super) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// A thread that is not the world's waits for its turn.
    pub(super) fn take(&self) -> Turn<'_> {
        let number = {
            let mut state = lock(&self.state);
            if !state.stepping {
                return Turn(None);
            }
            state.last += 1;
            let number = state.last;
            state.waiting.push_back(number);
            number
        };
        briefly_without_gvl(|| self.wait(|state| state.turn != Some(number)), || self.changed.notify_all());
        lock(&self.state).waiting.retain(|waiting| *waiting != number);
        Turn(Some((self, number)))
    }

    /// Waits as long as something is so, but not for ever.
    fn wait(&self, is_so: impl Fn(&State) -> bool) {
        let waited = self.changed.wait_timeout_while(lock(&self.state), LONGEST_WAIT, |state| is_so(state));
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}
