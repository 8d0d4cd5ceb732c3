//! What is counted and timed for operators: figures for Prometheus, and tables of targets, blocks and causes of failures. A message
//! raises one number; only the ends of attempts and blocks take a lock, which is held for a look-up in a table of bounded size.
//!
//! No label comes from a peer.

mod blocks;
mod calls;
mod families;
mod messages;
mod script;
mod targets;
mod times;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::element::{AttemptEnd, Happening};
use crate::observed::{BlockRun, ObservedMessage};
use crate::resolve::Target;

pub use blocks::{BlockFigures, Runs};
pub use calls::{CallFigures, Cause};
pub use families::{Families, Family, Labels};
pub use script::{Kind, Refusal, ScriptMetric, ScriptMetrics, Wanted};
pub use targets::Attempts;

use blocks::{Blocks, Places};
use calls::Calls;
use messages::{class, Messages, CLASSES};
use targets::Targets;
use times::Times;

/// How attempts end, but for the answered ones.
const OUTCOMES: [&str; 7] = [
    "timeout",
    "invite_timeout",
    "connection_error",
    "tls_validation_failed",
    "too_large",
    "connection_lost",
    "abandoned",
];

/// The figures of an engine.
#[derive(Debug)]
pub struct Metrics {
    messages: Messages,
    calls: Calls,
    times: Times,
    blocks: Blocks,
    attempts: AtomicU64,
    answered: [AtomicU64; CLASSES.len()],
    ended: [AtomicU64; OUTCOMES.len()],
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
            calls: Calls::new(),
            times: Times::new(),
            blocks: Blocks::new(),
            attempts: AtomicU64::new(0),
            answered: Default::default(),
            ended: Default::default(),
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
            Happening::Answered { status, by, after: Some(after), call: true, .. } => {
                self.calls.end(*status, *by, *after);
            }
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
        self.tables().places.list()
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
            for (outcome, count) in OUTCOMES.iter().zip(&self.ended) {
                family.add(&[("class", ""), ("outcome", outcome)], read(count));
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
        if let AttemptEnd::Answered(status) = end {
            let place = CLASSES.iter().position(|name| *name == class(status)).unwrap_or_default();
            raise(&self.answered[place]);
        } else if let Some(place) = OUTCOMES.iter().position(|name| *name == end.outcome()) {
            raise(&self.ended[place]);
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn raise(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

fn read(count: &AtomicU64) -> f64 {
    count.load(Ordering::Relaxed) as f64
}
