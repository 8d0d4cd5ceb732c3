//! The one timer queue of the engine. A timer is removed the moment it is stopped, so that none outlives its owner.

use std::collections::BTreeMap;
use std::time::Instant;

/// Names an armed timer: its time, and a number that keeps timers of one instant in the order they were armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId(Instant, u64);

/// Timers by time; `K` says whose timer it is.
#[derive(Debug)]
pub struct TimerQueue<K> {
    entries: BTreeMap<TimerId, K>,
    serial: u64,
}

impl<K> Default for TimerQueue<K> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), serial: 0 }
    }
}

impl<K> TimerQueue<K> {
    /// Arms a timer.
    pub fn arm(&mut self, at: Instant, key: K) -> TimerId {
        self.serial += 1;
        let id = TimerId(at, self.serial);
        self.entries.insert(id, key);
        id
    }

    /// Stops a timer. Stopping one that fired already does nothing.
    pub fn stop(&mut self, id: TimerId) {
        self.entries.remove(&id);
    }

    /// The time of the earliest timer.
    pub fn next(&self) -> Option<Instant> {
        self.entries.first_key_value().map(|(id, _)| id.0)
    }

    /// Takes the earliest timer if its time has come.
    pub fn pop_due(&mut self, now: Instant) -> Option<(TimerId, K)> {
        let entry = self.entries.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove_entry())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn due_timers_come_in_the_order_of_their_times_and_then_of_arming() {
        let now = Instant::now();
        let mut queue = TimerQueue::default();
        queue.arm(now + Duration::from_secs(2), "late");
        queue.arm(now + Duration::from_secs(1), "first");
        queue.arm(now + Duration::from_secs(1), "second");
        let at = now + Duration::from_secs(1);
        assert_eq!(queue.pop_due(at).map(|(_, k)| k), Some("first"));
        assert_eq!(queue.pop_due(at).map(|(_, k)| k), Some("second"));
        assert_eq!(queue.pop_due(at).map(|(_, k)| k), None);
        assert_eq!(queue.next(), Some(now + Duration::from_secs(2)));
    }

    #[test]
    fn a_stopped_timer_leaves_nothing_behind() {
        let now = Instant::now();
        let mut queue = TimerQueue::default();
        let id = queue.arm(now, ());
        queue.stop(id);
        assert_eq!(queue.next(), None);
        queue.stop(id);
        assert_eq!(queue.pop_due(now), None);
    }
}
