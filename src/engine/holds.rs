//! The holds of the element's lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often the lock was held, and for how long at most.
#[derive(Debug, Default)]
pub(super) struct Holds {
    number: AtomicU64,
    longest: AtomicU64,
}

impl Holds {
    pub(super) fn note(&self, time: Duration) {
        self.number.fetch_add(1, Ordering::Relaxed);
        self.longest.fetch_max(time.as_nanos() as u64, Ordering::Relaxed);
    }

    /// The number, and the longest.
    pub(super) fn read(&self) -> (u64, Duration) {
        let longest = Duration::from_nanos(self.longest.load(Ordering::Relaxed));
        (self.number.load(Ordering::Relaxed), longest)
    }
}
