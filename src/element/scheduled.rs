//! The timers of what the script has scheduled.

use std::collections::BTreeMap;

use super::timers::TimerId;

/// The timers that are armed for the script, by its own numbers.
#[derive(Debug, Default)]
pub(super) struct Scheduled(BTreeMap<u64, TimerId>);

impl Scheduled {
    pub(super) fn add(&mut self, id: u64, timer: TimerId) {
        self.0.insert(id, timer);
    }

    /// Its timer, unless that has fired or was taken already.
    pub(super) fn take(&mut self, id: u64) -> Option<TimerId> {
        self.0.remove(&id)
    }
}
