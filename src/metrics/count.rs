//! Counts that only grow.

use std::sync::atomic::{AtomicU64, Ordering};

/// One more.
pub(super) fn raise(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

/// The count as metrics have it.
pub(super) fn read(count: &AtomicU64) -> f64 {
    count.load(Ordering::Relaxed) as f64
}
