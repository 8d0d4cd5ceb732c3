//! The engine's only source of time, so that a test can hold and move it.

use std::time::Instant;

/// Tells the time. The engine hands the answer down to every sans-IO layer.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Instant;
}

/// The operating system's monotonic clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }
}
