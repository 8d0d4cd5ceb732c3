//! What is going to happen, in the order of its time.

use std::collections::BTreeMap;
use std::time::Instant;

/// Events by time; those of one instant come in the order in which they were put in.
#[derive(Debug)]
pub(super) struct Schedule<E> {
    events: BTreeMap<(Instant, u64), E>,
    serial: u64,
}

impl<E> Schedule<E> {
    pub(super) fn new() -> Schedule<E> {
        Schedule { events: BTreeMap::new(), serial: 0 }
    }

    /// Lets an event happen at this time.
    pub(super) fn put(&mut self, at: Instant, event: E) {
        self.serial += 1;
        self.events.insert((at, self.serial), event);
    }

    /// When the next event happens.
    pub(super) fn next(&self) -> Option<Instant> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the next event out, with its time.
    pub(super) fn take(&mut self) -> Option<(Instant, E)> {
        self.events.pop_first().map(|((at, _), event)| (at, event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn events_come_by_time_and_then_in_the_order_they_were_put_in() {
        let now = Instant::now();
        let mut schedule = Schedule::new();
        for (seconds, event) in [(2, 'd'), (1, 'b'), (1, 'c'), (0, 'a')] {
            schedule.put(now + Duration::from_secs(seconds), event);
        }
        let order: String = std::iter::from_fn(|| schedule.take()).map(|(_, event)| event).collect();
        assert_eq!(order, "abcd");
        assert_eq!(schedule.next(), None);
    }
}
