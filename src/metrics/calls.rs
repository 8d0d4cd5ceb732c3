//! What becomes of calls, which are INVITEs outside of dialogs from the network: how long they take, how they end, and why they fail.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::Duration;

use prometheus::{Histogram, HistogramVec};

use super::families::Families;
use super::messages::{class, CLASSES};
use super::times::{histogram, histograms};
use crate::element::Responder;
use crate::message::reason_phrase;

/// The status by which a call ends that its caller has cancelled.
const CANCELLED: u16 = 487;

/// Calls from the network.
#[derive(Debug)]
pub(super) struct Calls {
    begun: AtomicU64,
    ended: AtomicU64,
    /// By class, from 2xx on.
    by_class: [AtomicU64; CLASSES.len() - 1],
    cancelled: AtomicU64,
    provisional: Histogram,
    last: HistogramVec,
    /// How often each status has been the last answer, by who has made it.
    causes: Mutex<BTreeMap<(u16, &'static str), u64>>,
}

/// How calls have ended so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFigures {
    /// Those that came to the script.
    pub begun: u64,
    /// Those without a final answer.
    pub in_progress: u64,
    /// Those with a 2xx.
    pub answered: u64,
    /// Those that their callers have cancelled.
    pub cancelled: u64,
    /// The others, by the class of their answer.
    pub failed: Vec<(&'static str, u64)>,
}

/// A reason for which calls have failed, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The status and its words.
    pub words: String,
    /// Who has said it: `script`, `relayed` or `element`.
    pub by: &'static str,
    /// How often.
    pub count: u64,
}

impl Calls {
    pub(super) fn new() -> Calls {
        Calls {
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            by_class: Default::default(),
            cancelled: AtomicU64::new(0),
            provisional: histogram(
                "oversip_invite_provisional_seconds",
                "From an INVITE to its first provisional response other than 100.",
            ),
            last: histograms(
                "oversip_invite_final_seconds",
                "From an INVITE to its final response, by the class of that.",
                &["class"],
            ),
            causes: Mutex::default(),
        }
    }

    /// One goes to the script.
    pub(super) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// Its first provisional response leaves.
    pub(super) fn progress(&self, after: Duration) {
        self.provisional.observe(after.as_secs_f64());
    }

    /// Its final response leaves, the first one.
    pub(super) fn end(&self, status: u16, by: Responder, after: Duration) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        self.last.with_label_values(&[class(status)]).observe(after.as_secs_f64());
        let place = usize::from(status / 100).clamp(2, CLASSES.len()) - 2;
        self.by_class[place].fetch_add(1, Ordering::Relaxed);
        if status == CANCELLED {
            self.cancelled.fetch_add(1, Ordering::Relaxed);
        }
        if status >= 300 {
            let mut causes = self.causes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *causes.entry((status, by.as_str())).or_default() += 1;
        }
    }

    pub(super) fn figures(&self) -> CallFigures {
        // In this order what ends meanwhile is not missed.
        let ended = self.ended.load(Ordering::Relaxed);
        let begun = self.begun.load(Ordering::Relaxed);
        let counts = self.by_class.each_ref().map(|count| count.load(Ordering::Relaxed));
        let cancelled = self.cancelled.load(Ordering::Relaxed);
        let failed = CLASSES[2..].iter().copied().zip(counts[1..].iter().copied());
        let failed = failed.map(|(class, count)| match class {
            "4xx" => (class, count.saturating_sub(cancelled)),
            _ => (class, count),
        });
        CallFigures {
            begun,
            in_progress: begun.saturating_sub(ended),
            answered: counts[0],
            cancelled,
            failed: failed.collect(),
        }
    }

    /// The reasons for which calls have failed, the most frequent one first; a cancelled one has not.
    pub(super) fn causes(&self) -> Vec<Cause> {
        let causes = self.causes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let failed = causes.iter().filter(|((status, _), _)| *status != CANCELLED);
        let cause = |(&(status, by), &count): (&(u16, &'static str), &u64)| Cause {
            words: format!("{status} {}", reason_phrase(status)),
            by,
            count,
        };
        let mut list: Vec<_> = failed.map(cause).collect();
        list.sort_by_key(|cause| std::cmp::Reverse(cause.count));
        list
    }

    pub(super) fn read(&self, families: &mut Families) {
        let figures = self.figures();
        families.counter(
            "oversip_calls_received_total",
            "Calls that have come to the script: INVITEs outside of dialogs.",
            figures.begun as f64,
        );
        families.gauge(
            "oversip_calls_in_progress",
            "Calls that have come to the script and have no final answer.",
            figures.in_progress as f64,
        );
        families.counters(
            "oversip_calls_ended_total",
            "Calls that have come to the script and have a final answer, by what that was.",
            |family| {
                family.add(&[("outcome", "answered")], figures.answered as f64);
                family.add(&[("outcome", "cancelled")], figures.cancelled as f64);
                for (class, count) in &figures.failed {
                    family.add(&[("outcome", class)], *count as f64);
                }
            },
        );
        families.counters(
            "oversip_calls_failed_total",
            "Calls that have ended without a 2xx, by status and who has made the answer.",
            |family| {
                let causes = self.causes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                for ((status, by), count) in causes.iter() {
                    family.add(&[("by", by), ("status", &status.to_string())], *count as f64);
                }
            },
        );
        families.collected(&self.provisional);
        families.collected(&self.last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn calls_count_by_how_they_end() {
        let calls = Calls::new();
        (0..6).for_each(|_| calls.begin());
        calls.end(200, Responder::Relayed, SECOND);
        calls.end(487, Responder::Element, SECOND);
        calls.end(486, Responder::Relayed, SECOND);
        calls.end(486, Responder::Relayed, SECOND);
        calls.end(503, Responder::Script, SECOND);
        let wanted = CallFigures {
            begun: 6,
            in_progress: 1,
            answered: 1,
            cancelled: 1,
            failed: vec![("3xx", 0), ("4xx", 2), ("5xx", 1), ("6xx", 0)],
        };
        assert_eq!(calls.figures(), wanted);
        let causes: Vec<_> =
            calls.causes().into_iter().map(|cause| (cause.words, cause.by, cause.count)).collect();
        assert_eq!(
            causes,
            [("486 Busy Here".into(), "relayed", 2), ("503 Service Unavailable".into(), "script", 1)]
        );
    }
}
