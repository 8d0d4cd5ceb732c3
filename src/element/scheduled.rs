//! What the script has scheduled: it can be taken back until its time has come.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::contract::Element;
use super::output::{Output, ScriptEvent};
use super::timers::{TimerId, TimerKey};

/// The timers of what the script has scheduled, by its own numbers.
#[derive(Debug, Default)]
pub(super) struct Scheduled(BTreeMap<u64, TimerId>);

impl Element {
    /// Hands out [`ScriptEvent::Scheduled`] after a time, at once for none.
    pub fn schedule(&mut self, now: Instant, id: u64, after: Duration) {
        self.begin(now);
        if after.is_zero() {
            self.emit(Output::Script(ScriptEvent::Scheduled(id)));
        } else {
            let timer = self.timers.arm(self.now + after, TimerKey::Scheduled(id));
            self.scheduled.0.insert(id, timer);
        }
    }

    /// Takes back what was scheduled. Does nothing when its time has come.
    pub fn unschedule(&mut self, id: u64) {
        if let Some(timer) = self.scheduled.0.remove(&id) {
            self.timers.stop(timer);
        }
    }

    pub(super) fn scheduled_is_due(&mut self, id: u64) {
        self.scheduled.0.remove(&id);
        self.emit(Output::Script(ScriptEvent::Scheduled(id)));
    }
}
