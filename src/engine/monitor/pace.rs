//! How fast peers of a network may ask: a peer without end must not take the processor from calls.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::engine::SystemClock;
use crate::host::lock;

/// Time between two requests of a long row.
const INTERVAL: Duration = Duration::from_millis(20);

/// Requests at once, after a while without any.
const BURST: u32 = 50;

/// Lets each who asks go on at its time.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the requests so far would have been over at an even pace.
    over: Mutex<Option<Instant>>,
}

impl Pace {
    /// Waits until one more may go on.
    pub(super) async fn turn(&self) {
        if let Some(at) = self.book(SystemClock.now()) {
            SystemClock.sleep_until(at).await;
        }
    }

    /// When one more may go on; `None` for at once.
    fn book(&self, now: Instant) -> Option<Instant> {
        let mut over = lock(&self.over);
        let at = over.unwrap_or(now).max(now);
        *over = Some(at + INTERVAL);
        let begins = at.checked_sub(INTERVAL * BURST)?;
        (begins > now).then_some(begins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_go_on_at_once_and_a_long_row_at_an_even_pace() {
        let (pace, now) = (Pace::default(), Instant::now());
        let at_once = (0..).take_while(|_| pace.book(now).is_none()).count();
        assert_eq!(at_once as u32, BURST + 1);
        let (first, second) = (pace.book(now), pace.book(now));
        assert_eq!((first, second), (Some(now + 2 * INTERVAL), Some(now + 3 * INTERVAL)));
    }

    #[test]
    fn after_a_while_a_few_go_on_at_once_again() {
        let (pace, now) = (Pace::default(), Instant::now());
        let row: Vec<_> = (0..2 * BURST).map(|_| pace.book(now)).collect();
        assert!(row.last().is_some_and(Option::is_some));
        assert_eq!(pace.book(now + 3 * BURST * INTERVAL), None);
    }
}
