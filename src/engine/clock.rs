//! The engine's clock: the system's, until a test freezes it and moves it by hand.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::clock::Clock;

/// A clock that can be held and moved (`OverSIP::Testing.freeze`, `.advance`).
#[derive(Debug, Default)]
pub struct EngineClock {
    /// In front of the lock: a clock that was never frozen is read without it.
    frozen: AtomicBool,
    frozen_at: Mutex<Option<Instant>>,
}

impl EngineClock {
    /// Stops the clock at the present instant. A clock that stands already is left where it is.
    pub fn freeze(&self) {
        let mut frozen = self.lock();
        self.frozen.store(true, Ordering::Release);
        frozen.get_or_insert_with(Instant::now);
    }

    /// True while the clock stands.
    pub fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Acquire)
    }

    /// Moves a standing clock to `at`; never backwards.
    pub(super) fn move_to(&self, at: Instant) {
        if let Some(frozen) = self.lock().as_mut() {
            *frozen = (*frozen).max(at);
        }
    }

    /// Moves a standing clock on by `step` and returns the new time.
    pub(super) fn target(&self, step: Duration) -> Instant {
        self.now() + step
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.frozen_at.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Clock for EngineClock {
    fn now(&self) -> Instant {
        let frozen = if self.is_frozen() { *self.lock() } else { None };
        frozen.unwrap_or_else(Instant::now)
    }
}
