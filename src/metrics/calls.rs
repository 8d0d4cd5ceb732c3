//! What becomes of calls, which are INVITEs outside of dialogs from the network: how long they take, how they end, and why they fail.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramVec};

use super::count::{raise, read};
use super::families::Families;
use super::messages::{class, CLASSES};
use super::times::{histogram, histograms, Buckets};
use crate::element::Responder;
use crate::message::{reason_phrase, REASON_PHRASES};

/// The status by which a call ends that its caller has cancelled.
const CANCELLED: u16 = 487;

/// How a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CallEnd {
    Answered,
    Cancelled,
    Redirected,
    ClientError,
    ServerError,
    GlobalError,
    /// Without a final response.
    Unanswered,
}

impl CallEnd {
    /// What they are called, in their order.
    const NAMES: [&'static str; 7] = ["answered", "cancelled", "3xx", "4xx", "5xx", "6xx", "none"];

    /// Those of calls that have failed: neither answered, cancelled nor redirected. A call of a record has failed by the same rule
    /// (`OverSIP::CallRecord::Call#failed?`).
    const FAILED: std::ops::Range<usize> = CallEnd::ClientError as usize..CallEnd::NAMES.len();

    fn of(status: u16, cancelled: bool) -> CallEnd {
        match status {
            CANCELLED if cancelled => CallEnd::Cancelled,
            ..=299 => CallEnd::Answered,
            300..=399 => CallEnd::Redirected,
            400..=499 => CallEnd::ClientError,
            500..=599 => CallEnd::ServerError,
            600.. => CallEnd::GlobalError,
        }
    }
}

/// What a call fails by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// A status with a phrase of its own.
    Known(u16),
    /// Any other status of this class.
    Other(&'static str),
    /// No final response.
    Unanswered,
}

/// The reasons that calls fail for: the statuses with a phrase of their own, a class for all others of it, since a server
/// downstream may make up any number, and no response. Each has its place, and counts by who has made the answer.
#[derive(Debug)]
struct Causes(Vec<[AtomicU64; Responder::ALL.len()]>);

impl Causes {
    fn new() -> Causes {
        Causes((0..=REASON_PHRASES.len() + CLASSES.len()).map(|_| Default::default()).collect())
    }

    fn note(&self, status: u16, by: Responder) {
        let known = REASON_PHRASES.binary_search_by_key(&status, |(code, _)| *code);
        let of_class = || CLASSES.iter().position(|name| *name == class(status)).unwrap_or_default();
        let place = known.unwrap_or_else(|_| REASON_PHRASES.len() + of_class());
        raise(&self.0[place][by as usize]);
    }

    /// It is the script that leaves a call without a response.
    fn note_unanswered(&self) {
        raise(&self.0[REASON_PHRASES.len() + CLASSES.len()][Responder::Script as usize]);
    }

    /// Those that there were: the reason, who has made the answer, and how often.
    fn list(&self) -> impl Iterator<Item = (Reason, Responder, u64)> + '_ {
        let known = REASON_PHRASES.iter().map(|(status, _)| Reason::Known(*status));
        let reasons = known.chain(CLASSES.map(Reason::Other)).chain([Reason::Unanswered]);
        let counts = reasons.zip(&self.0).flat_map(|(reason, counts)| {
            let counts = Responder::ALL.into_iter().zip(counts);
            counts.map(move |(by, count)| (reason, by, count.load(Ordering::Relaxed)))
        });
        counts.filter(|(_, _, count)| *count > 0)
    }
}

/// Calls from the network.
#[derive(Debug)]
pub(super) struct CallMetrics {
    begun: AtomicU64,
    ended: [AtomicU64; CallEnd::NAMES.len()],
    causes: Causes,
    provisional: Histogram,
    last: HistogramVec,
    /// The same by class: an answer needs no look-up by name.
    last_by_class: [Histogram; CLASSES.len()],
}

/// How calls have ended so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFigures {
    /// Those that came to the script.
    pub begun: u64,
    /// Those without a final answer that have not ended.
    pub in_progress: u64,
    /// Those with a 2xx.
    pub answered: u64,
    /// Those that their callers have cancelled.
    pub cancelled: u64,
    /// Those with a 3xx.
    pub redirected: u64,
    /// The others, by the class of their answer; `none` are those that have ended without one.
    pub failed: Vec<(&'static str, u64)>,
}

/// A reason for which calls have failed, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The status and its words; of one that has none, its class.
    pub words: String,
    /// Who has said it: `script`, `relayed` or `element`.
    pub by: &'static str,
    /// How often.
    pub count: u64,
}

impl CallMetrics {
    pub(super) fn new() -> CallMetrics {
        let last = histograms(
            "oversip_invite_final_seconds",
            "From an INVITE to its final response, by the class of that.",
            Buckets::Ringing,
            &["class"],
        );
        CallMetrics {
            begun: AtomicU64::new(0),
            ended: Default::default(),
            causes: Causes::new(),
            provisional: histogram(
                "oversip_invite_provisional_seconds",
                "From an INVITE to its first provisional response other than 100.",
                Buckets::Work,
            ),
            last_by_class: CLASSES.map(|class| last.with_label_values(&[class])),
            last,
        }
    }

    /// One goes to the script.
    pub(super) fn begin(&self) {
        raise(&self.begun);
    }

    /// Its first provisional response leaves.
    pub(super) fn progress(&self, after: Duration) {
        self.provisional.observe(after.as_secs_f64());
    }

    /// Its final response leaves, the first one. Its caller may have cancelled it before.
    pub(super) fn end(&self, status: u16, by: Responder, after: Duration, cancelled: bool) {
        let outcome = CallEnd::of(status, cancelled);
        raise(&self.ended[outcome as usize]);
        let place = usize::from(status / 100).clamp(1, CLASSES.len()) - 1;
        self.last_by_class[place].observe(after.as_secs_f64());
        if CallEnd::FAILED.contains(&(outcome as usize)) {
            self.causes.note(status, by);
        }
    }

    /// It has ended without a final response.
    pub(super) fn end_unanswered(&self) {
        raise(&self.ended[CallEnd::Unanswered as usize]);
        self.causes.note_unanswered();
    }

    pub(super) fn figures(&self) -> CallFigures {
        // In this order none has ended that has not begun.
        let ended = self.ended.each_ref().map(|count| count.load(Ordering::Acquire));
        let begun = self.begun.load(Ordering::Relaxed);
        CallFigures {
            begun,
            in_progress: begun.saturating_sub(ended.iter().sum()),
            answered: ended[CallEnd::Answered as usize],
            cancelled: ended[CallEnd::Cancelled as usize],
            redirected: ended[CallEnd::Redirected as usize],
            failed: CallEnd::FAILED.map(|place| (CallEnd::NAMES[place], ended[place])).collect(),
        }
    }

    /// The reasons for which calls have failed, the most frequent one first.
    pub(super) fn causes(&self) -> Vec<Cause> {
        let cause = |(reason, by, count): (Reason, Responder, u64)| Cause {
            words: match reason {
                Reason::Known(status) => format!("{status} {}", reason_phrase(status)),
                Reason::Other(class) => format!("{class} without a usual phrase"),
                Reason::Unanswered => "no response".to_owned(),
            },
            by: by.as_str(),
            count,
        };
        let mut list: Vec<_> = self.causes.list().map(cause).collect();
        list.sort_by_key(|cause| std::cmp::Reverse(cause.count));
        list
    }

    pub(super) fn read(&self, families: &mut Families) {
        let figures = self.figures();
        families.gauge(
            "oversip_calls_in_progress",
            "Calls that have come and have no final answer yet.",
            figures.in_progress as f64,
        );
        families.counters(
            "oversip_calls_ended_total",
            "Calls that have come and have ended: answered by a 2xx, cancelled by their callers, with another final \
             answer by its class, or with none.",
            |family| {
                for (outcome, count) in CallEnd::NAMES.iter().zip(&self.ended) {
                    family.add(&[("outcome", outcome)], read(count));
                }
            },
        );
        families.counters(
            "oversip_calls_failed_total",
            "Calls that have failed, with a 4xx, 5xx or 6xx and not by their caller's CANCEL, or without a final answer: by status (its \
             class where it is not registered, or none) and who has made the answer.",
            |family| {
                for (reason, by, count) in self.causes.list() {
                    let status = match reason {
                        Reason::Known(status) => status.to_string(),
                        Reason::Other(class) => class.to_owned(),
                        Reason::Unanswered => "none".to_owned(),
                    };
                    family.add(&[("by", by.as_str()), ("status", &status)], count as f64);
                }
            },
        );
        families.collected(&self.provisional);
        families.in_use(self.last.collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn causes(calls: &CallMetrics) -> Vec<(String, &'static str, u64)> {
        calls.causes().into_iter().map(|cause| (cause.words, cause.by, cause.count)).collect()
    }

    #[test]
    fn calls_count_by_how_they_end() {
        let calls = CallMetrics::new();
        (0..9).for_each(|_| calls.begin());
        calls.end(200, Responder::Relayed, SECOND, false);
        calls.end(487, Responder::Element, SECOND, true);
        calls.end(486, Responder::Relayed, SECOND, false);
        calls.end(486, Responder::Relayed, SECOND, true);
        calls.end(503, Responder::Script, SECOND, false);
        calls.end(302, Responder::Relayed, SECOND, false);
        calls.end_unanswered();
        let failed = vec![("4xx", 2), ("5xx", 1), ("6xx", 0), ("none", 1)];
        let wanted =
            CallFigures { begun: 9, in_progress: 2, answered: 1, cancelled: 1, redirected: 1, failed };
        assert_eq!(calls.figures(), wanted);
        assert_eq!(
            causes(&calls),
            [
                ("486 Busy Here".into(), "relayed", 2),
                ("503 Service Unavailable".into(), "script", 1),
                ("no response".into(), "script", 1)
            ]
        );
    }

    #[test]
    fn a_487_that_no_caller_has_asked_for_is_a_failure() {
        let calls = CallMetrics::new();
        calls.end(487, Responder::Relayed, SECOND, false);
        assert_eq!((calls.figures().cancelled, calls.figures().failed[0]), (0, ("4xx", 1)));
        assert_eq!(causes(&calls), [("487 Request Terminated".into(), "relayed", 1)]);
    }

    #[test]
    fn the_page_and_the_figures_have_the_same_calls_as_failed() {
        let calls = CallMetrics::new();
        for status in [200, 302, 305, 404, 503, 603, 699] {
            calls.end(status, Responder::Relayed, SECOND, false);
        }
        calls.end(487, Responder::Element, SECOND, true);
        calls.end_unanswered();
        let mut families = Families::default();
        calls.read(&mut families);
        let text = String::from_utf8(families.text()).expect("UTF-8");
        let failed = text.lines().filter(|line| line.starts_with("oversip_calls_failed_total{"));
        let statuses: Vec<_> = failed.filter_map(|line| line.split('"').nth(3)).collect();
        assert_eq!(statuses, ["404", "503", "603", "6xx", "none"]);
        let figures = calls.figures().failed.iter().map(|(_, count)| count).sum::<u64>();
        let causes = calls.causes().iter().map(|cause| cause.count).sum::<u64>();
        assert_eq!((figures, causes), (5, 5));
    }

    #[test]
    fn statuses_that_a_server_makes_up_count_by_their_class() {
        let calls = CallMetrics::new();
        (450..460).for_each(|status| calls.end(status, Responder::Relayed, SECOND, false));
        calls.end(699, Responder::Relayed, SECOND, false);
        let mut families = Families::default();
        calls.read(&mut families);
        let text = String::from_utf8(families.text()).expect("UTF-8");
        let failed: Vec<_> =
            text.lines().filter(|line| line.starts_with("oversip_calls_failed_total{")).collect();
        assert_eq!(
            failed,
            [
                r#"oversip_calls_failed_total{by="relayed",status="4xx"} 10"#,
                r#"oversip_calls_failed_total{by="relayed",status="6xx"} 1"#
            ]
        );
    }

    #[test]
    fn a_call_that_rings_for_two_minutes_is_told_from_one_that_rings_for_one() {
        let calls = CallMetrics::new();
        calls.end(408, Responder::Element, 100 * SECOND, false);
        let mut families = Families::default();
        calls.read(&mut families);
        let text = String::from_utf8(families.text()).expect("UTF-8");
        assert!(text.contains(r#"oversip_invite_final_seconds_bucket{class="4xx",le="60"} 0"#), "{text}");
        assert!(text.contains(r#"oversip_invite_final_seconds_bucket{class="4xx",le="120"} 1"#), "{text}");
        assert!(!text.contains(r#"class="6xx",le"#), "{text}");
    }
}
