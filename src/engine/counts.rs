//! What the engine itself counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use super::clock::Nanoseconds;
use crate::transport::Malformed;

/// What the engine itself counts.
#[derive(Debug, Default)]
pub(super) struct EngineCounts {
    pub(super) lost_records: AtomicU64,
    /// Since they were told of last.
    untold_records: AtomicU64,
    pub(super) malformed: Arc<Malformed>,
    /// The time of the loop's turns.
    pub(super) loop_time: Stopwatch,
    /// The time that the thread of the blocks has had the interpreter.
    pub(super) script_time: Stopwatch,
    /// Reloads that were complete, and others.
    reloads: [AtomicU64; 2],
}

/// Adds up the times between its starts and its stops. One thread at a time uses it.
#[derive(Debug, Default)]
pub(super) struct Stopwatch {
    clock: Nanoseconds,
    /// When it was started; 0 while it stands.
    started: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Stopwatch {
    /// From now on time counts.
    pub(super) fn start(&self) {
        self.started.store(self.clock.now(), Ordering::Relaxed);
    }

    /// From now on it does not.
    pub(super) fn stop(&self) {
        let started = self.started.swap(0, Ordering::Relaxed);
        if started > 0 {
            let time = self.clock.now().saturating_sub(started);
            self.nanoseconds.fetch_add(time, Ordering::Relaxed);
        }
    }

    /// The time since it was started; none while it stands.
    pub(super) fn running(&self) -> Duration {
        match self.started.load(Ordering::Relaxed) {
            0 => Duration::ZERO,
            started => Duration::from_nanos(self.clock.now().saturating_sub(started)),
        }
    }

    /// What has counted so far, but for the time since the last start.
    pub(super) fn read(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }
}

impl EngineCounts {
    /// What the transport layer counts by itself.
    pub(super) fn malformed(&self) -> Arc<Malformed> {
        self.malformed.clone()
    }

    /// Files were read again: all of them, or not.
    pub(super) fn count_reload(&self, complete: bool) {
        self.reloads[usize::from(!complete)].fetch_add(1, Ordering::Relaxed);
    }

    /// Reloads that were complete, and others.
    pub(super) fn reloads(&self) -> [u64; 2] {
        self.reloads.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// Counts a log record that was dropped; whether it is the first since [`EngineCounts::take_lost_records`].
    pub(super) fn lose_record(&self) -> bool {
        self.lost_records.fetch_add(1, Ordering::Relaxed);
        self.untold_records.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// Log records that were dropped since this was asked last.
    pub(super) fn take_lost_records(&self) -> u64 {
        self.untold_records.swap(0, Ordering::Relaxed)
    }
}
