//! Commands that nothing waits for. Each wake-up of the engine's thread costs more than most commands do, so those that
//! only set timers or clear away stay here until it wakes for another reason, or for its [`TICK`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::commands::Command;

/// The longest that a command may stay here. Timers carry their time with them, and none is shorter than T1, 500 ms.
pub(super) const TICK: Duration = Duration::from_millis(200);

/// The commands that wait, in the order they were posted.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Mutex<Vec<Command>>,
    filled: AtomicBool,
}

impl Outbox {
    pub(super) fn push(&self, command: Command) {
        let mut waiting = self.lock();
        waiting.push(command);
        self.filled.store(true, Ordering::Release);
    }

    /// Takes everything. Costs next to nothing when there is nothing.
    pub(super) fn take(&self) -> Vec<Command> {
        if !self.filled.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut waiting = self.lock();
        self.filled.store(false, Ordering::Release);
        std::mem::take(&mut *waiting)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Command>> {
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
