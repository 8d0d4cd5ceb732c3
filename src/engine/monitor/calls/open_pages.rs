//! What all pages that are open share, so that many cost little more than one: the rows of the list, and Ruby's time for ladders.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use super::access::CallsPage;
use super::row::CallRow;
use crate::clock::Clock;
use crate::engine::trace_rows::copy;
use crate::engine::SystemClock;
use crate::host::lock;
use crate::trace::Ring;

/// Rows that are kept.
const MOST_ROWS: usize = 1000;

/// After a ladder nobody asks Ruby for another one for as many times the time that it took: ladders take a tenth of it at most.
const REST: u32 = 9;

/// What the pages of a server share.
#[derive(Debug)]
pub(in crate::engine::monitor) struct OpenPages {
    /// Who may see calls.
    pub(super) guard: CallsPage,
    /// By Call-ID.
    rows: Mutex<HashMap<Box<[u8]>, Made>>,
    /// Before that Ruby is not asked for a ladder.
    not_before: Mutex<Option<Instant>>,
}

/// A row of the list.
#[derive(Debug)]
struct Made {
    /// The newest entry of its call.
    last: u64,
    json: Arc<str>,
}

impl OpenPages {
    pub(in crate::engine::monitor) fn new(guard: CallsPage) -> OpenPages {
        OpenPages { guard, rows: Mutex::default(), not_before: Mutex::default() }
    }

    /// The row of a call in a ring that began at this date. `None`: the call is not kept any more. It is copied part by part.
    pub(super) fn row(
        &self,
        ring: &Mutex<Ring>,
        call_id: &[u8],
        ring_began_at: SystemTime,
    ) -> Option<Arc<str>> {
        let last = lock(ring).last_of(call_id)?;
        if let Some(made) = lock(&self.rows).get(call_id).filter(|made| made.last == last) {
            return Some(made.json.clone());
        }
        let log = copy(ring, call_id, 0)?;
        let json: Arc<str> = serde_json::to_string(&CallRow::new(call_id, &log, ring_began_at)).ok()?.into();
        let mut rows = lock(&self.rows);
        if rows.len() >= MOST_ROWS {
            rows.clear();
        }
        rows.insert(call_id.into(), Made { last: log.last(), json: json.clone() });
        Some(json)
    }

    /// Whether Ruby may be asked for a ladder now. If so, nobody else may until [`OpenPages::drawn`].
    pub(super) fn may_draw(&self, now: Instant, limit: Duration) -> bool {
        let mut not_before = lock(&self.not_before);
        let may = not_before.is_none_or(|at| at <= now);
        if may {
            *not_before = Some(now + limit);
        }
        may
    }

    /// Ruby was asked for a ladder at that time, and has answered, or has not.
    pub(super) fn drawn(&self, asked_at: Instant) {
        let now = SystemClock.now();
        *lock(&self.not_before) = Some(now + (now - asked_at) * REST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_pages() -> OpenPages {
        OpenPages::new(CallsPage { token: String::new() })
    }

    #[test]
    fn ruby_draws_one_ladder_at_a_time_and_rests_after_it() {
        let (open_pages, limit) = (open_pages(), Duration::from_secs(2));
        let asked_at = Instant::now() - Duration::from_secs(1);
        assert!(open_pages.may_draw(asked_at, limit));
        assert!(!open_pages.may_draw(asked_at + Duration::from_millis(1999), limit));
        assert!(open_pages.may_draw(asked_at + limit, limit));
        // It has taken a second, or a little more.
        open_pages.drawn(asked_at);
        assert!(!open_pages.may_draw(asked_at + Duration::from_secs(9), limit));
        assert!(open_pages.may_draw(Instant::now() + Duration::from_secs(20), limit));
    }
}
