//! What the engine itself counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use crate::transport::Malformed;

/// What the engine itself counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) lost_records: AtomicU64,
    /// Since they were told of last.
    untold_records: AtomicU64,
    pub(super) malformed: Arc<Malformed>,
}

impl Counts {
    /// What the transport layer counts by itself.
    pub(super) fn malformed(&self) -> Arc<Malformed> {
        self.malformed.clone()
    }

    /// Counts a log record that was dropped; whether it is the first since [`Counts::take_lost_records`].
    pub(super) fn lose_record(&self) -> bool {
        self.lost_records.fetch_add(1, Ordering::Relaxed);
        self.untold_records.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// Log records that were dropped since this was asked last.
    pub(super) fn take_lost_records(&self) -> u64 {
        self.untold_records.swap(0, Ordering::Relaxed)
    }
}
