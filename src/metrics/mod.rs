//! What is counted and timed for operators: figures for Prometheus, and tables of targets, blocks and causes of failures. A message
//! and the end of a call raise one number each. Attempts and blocks take a lock for one place in a table of bounded size, and who
//! looks copies that table before it makes texts of it.
//!
//! No label comes from a peer.

mod blocks;
mod calls;
mod count;
mod definition;
mod families;
mod messages;
mod script;
mod targets;
mod times;

use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::element::{AttemptEnd, Happening, SendFailure};
use crate::observed::{BlockRun, ObservedMessage};
use crate::resolve::Target;

pub use blocks::{BlockFigures, BlockRuns};
pub use calls::{CallFigures, Cause};
pub use definition::{MetricDefinition, MetricError, MetricType};
pub use families::{Families, Family, Labels};
pub use script::{ScriptMetric, ScriptMetrics};
pub use targets::Attempts;

use blocks::{BlockMetrics, Places};
use calls::CallMetrics;
use count::{raise, read};
use messages::{Messages, CLASSES};
use targets::Targets;
use times::Times;

/// The ends of attempts without a final response, in the order of their counts.
const FAILURES: [AttemptEnd; 7] = [
    AttemptEnd::Unanswered,
    AttemptEnd::InviteTimeout,
    AttemptEnd::Failed(SendFailure::Unreachable),
    AttemptEnd::Failed(SendFailure::NotAccepted),
    AttemptEnd::Failed(SendFailure::TooLarge),
    AttemptEnd::Failed(SendFailure::Lost),
    AttemptEnd::Abandoned,
];

/// The figures of an engine.
#[derive(Debug)]
pub struct Metrics {
    messages: Messages,
    calls: CallMetrics,
    times: Times,
    blocks: BlockMetrics,
    attempts: AtomicU64,
    answered: [AtomicU64; CLASSES.len()],
    failed: [AtomicU64; FAILURES.len()],
    blacklisted: AtomicU64,
    passed_over: AtomicU64,
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    targets: Targets,
    places: Places,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics {
            messages: Messages::default(),
            calls: CallMetrics::new(),
            times: Times::new(),
            blocks: BlockMetrics::new(),
            attempts: AtomicU64::new(0),
            answered: Default::default(),
            failed: Default::default(),
            blacklisted: AtomicU64::new(0),
            passed_over: AtomicU64::new(0),
            tables: Mutex::default(),
        }
    }
}

impl Metrics {
    /// A message has come or leaves.
    pub fn message(&self, message: &ObservedMessage<'_>) {
        self.messages.note(message);
    }

    /// Something has happened.
    pub fn happened(&self, happening: &Happening) {
        match happening {
            Happening::Received { call: true, .. } => self.calls.begin(),
            Happening::Progress { after: Some(after), call: true, .. } => self.calls.progress(*after),
            Happening::Answered { status, by, after: Some(after), call: true, cancelled, .. } => {
                self.calls.end(*status, *by, *after, *cancelled);
            }
            Happening::Unanswered { call: true, .. } => self.calls.end_unanswered(),
            Happening::Attempt { target, .. } => {
                raise(&self.attempts);
                self.tables().targets.attempt(*target);
            }
            Happening::AttemptEnded { target, end, took, .. } => {
                self.count_end(*end);
                self.tables().targets.ended(*target, *end, *took);
            }
            // Where the answer was known nobody has waited.
            Happening::Resolved { took, .. } if !took.is_zero() => self.times.resolved(*took),
            Happening::Blacklisted { .. } => raise(&self.blacklisted),
            Happening::PassedOver { .. } => raise(&self.passed_over),
            Happening::FlowOpened { inbound, handshake: Some(took), .. } => {
                self.times.handshake(*inbound, *took);
            }
            _ => {}
        }
    }

    /// A block has run.
    pub fn block_ran(&self, run: &BlockRun<'_>) {
        self.blocks.note(run);
        self.tables().places.note(run);
    }

    /// An event has waited for the script.
    pub fn waited(&self, time: Duration) {
        self.times.waited(time);
    }

    /// What calls have come to.
    pub fn calls(&self) -> CallFigures {
        self.calls.figures()
    }

    /// Why calls have failed, the most frequent reason first.
    pub fn causes(&self) -> Vec<Cause> {
        self.calls.causes()
    }

    /// The targets that requests were sent to lately, the last one at the end.
    pub fn targets(&self) -> Vec<(Target, Attempts)> {
        self.tables().targets.list()
    }

    /// The blocks that ran lately, the one first that takes most time in all.
    pub fn blocks(&self) -> Vec<BlockFigures> {
        // Copied in a statement of its own: nobody waits while texts are made.
        let places = self.tables().places.copy();
        blocks::figures(places)
    }

    /// All figures.
    pub fn read(&self, families: &mut Families) {
        self.messages.read(families);
        self.calls.read(families);
        self.times.read(families);
        self.blocks.read(families);
        families.counter(
            "oversip_attempts_total",
            "Requests sent to a target, without repetitions.",
            read(&self.attempts),
        );
        let ended = "How attempts at targets have ended.";
        families.counters("oversip_attempts_ended_total", ended, |family| {
            for (class, count) in CLASSES.iter().zip(&self.answered).skip(1) {
                family.add(&[("class", class), ("outcome", "answered")], read(count));
            }
            for (end, count) in FAILURES.iter().zip(&self.failed) {
                family.add(&[("class", ""), ("outcome", end.outcome())], read(count));
            }
        });
        families.counter(
            "oversip_blacklistings_total",
            "Targets put on a blacklist.",
            read(&self.blacklisted),
        );
        families.counter(
            "oversip_passed_over_total",
            "Targets that were passed over since they were on a blacklist.",
            read(&self.passed_over),
        );
    }

    fn count_end(&self, end: AttemptEnd) {
        match end {
            AttemptEnd::Answered(status) => {
                raise(&self.answered[usize::from(status / 100).clamp(1, CLASSES.len()) - 1]);
            }
            AttemptEnd::Unanswered => raise(&self.failed[0]),
            AttemptEnd::InviteTimeout => raise(&self.failed[1]),
            AttemptEnd::Failed(SendFailure::Unreachable) => raise(&self.failed[2]),
            AttemptEnd::Failed(SendFailure::NotAccepted) => raise(&self.failed[3]),
            AttemptEnd::Failed(SendFailure::TooLarge) => raise(&self.failed[4]),
            AttemptEnd::Failed(SendFailure::Lost) => raise(&self.failed[5]),
            AttemptEnd::Abandoned => raise(&self.failed[6]),
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_of_an_attempt_counts_under_its_own_name() {
        for end in FAILURES {
            let (metrics, mut families) = (Metrics::default(), Families::default());
            metrics.count_end(end);
            metrics.read(&mut families);
            let text = String::from_utf8(families.text()).expect("UTF-8");
            let counted: Vec<_> = text
                .lines()
                .filter(|line| line.starts_with("oversip_attempts_ended_total{") && line.ends_with("} 1"))
                .collect();
            assert_eq!(
                counted,
                [format!(r#"oversip_attempts_ended_total{{class="",outcome="{}"}} 1"#, end.outcome())]
            );
        }
    }
}
