//! What is known of DNS during one resolution, and what has to be asked.

use std::collections::BTreeMap;
use std::time::Duration;

use super::question::{Answer, Question, RecordKind};

/// The answers so far. Looking one up that is not there yet makes it a question, so that a procedure written down as if
/// everything were known finds out what it needs.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    known: &'a BTreeMap<Question, Answer>,
    missing: Vec<Question>,
    /// The smallest time to live of records that were found.
    found_ttl: Option<Duration>,
    /// The same of denials.
    denied_ttl: Option<Duration>,
    /// Something is not known, or was denied without a time for which that holds.
    uncertain: Uncertain,
    last: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Uncertain {
    unavailable: bool,
    unlimited_denial: bool,
}

/// How long the outcome of a resolution may be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lifetimes {
    /// If it is good; `None`: not at all.
    pub(super) found: Option<Duration>,
    /// If there is nothing to send to.
    pub(super) nothing: Option<Duration>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(known: &'a BTreeMap<Question, Answer>) -> Self {
        Facts {
            known,
            missing: Vec::new(),
            found_ttl: None,
            denied_ttl: None,
            uncertain: Uncertain::default(),
            last: false,
        }
    }

    /// What DNS said, if it was asked.
    pub(super) fn get(&mut self, kind: impl Into<RecordKind>, name: &str) -> Option<&'a Answer> {
        let question = Question::new(kind, name);
        let Some(answer) = self.known.get(&question) else {
            if !self.missing.contains(&question) {
                self.missing.push(question);
            }
            return None;
        };
        match answer {
            Answer::Found { ttl, .. } => shorten(&mut self.found_ttl, *ttl),
            Answer::NoSuchRecord { ttl: Some(ttl) } => shorten(&mut self.denied_ttl, *ttl),
            Answer::NoSuchRecord { ttl: None } => self.uncertain.unlimited_denial = true,
            Answer::Unavailable => self.uncertain.unavailable = true,
        }
        Some(answer)
    }

    /// Says that whatever is asked from here on decides: no answer leads to another question.
    pub(super) fn ask_last(&mut self) {
        self.last = true;
    }

    /// Whether [`Facts::ask_last`] was reached.
    pub(super) fn is_last(&self) -> bool {
        self.last
    }

    /// The questions, each once.
    pub(super) fn into_missing(self) -> Vec<Question> {
        self.missing
    }

    /// Read after a procedure that needed nothing more. An outage of DNS is never remembered, not even one that hit a single
    /// question; and of denials only what DNS itself limits in time (RFC 2308).
    pub(super) fn lifetimes(&self) -> Lifetimes {
        let Uncertain { unavailable, unlimited_denial } = self.uncertain;
        let shortest = [self.found_ttl, self.denied_ttl].into_iter().flatten().min();
        Lifetimes {
            found: self.found_ttl.filter(|_| !unavailable),
            nothing: shortest.filter(|ttl| !unavailable && !unlimited_denial && !ttl.is_zero()),
        }
    }
}

fn shorten(shortest: &mut Option<Duration>, ttl: Duration) {
    *shortest = Some(shortest.map_or(ttl, |s| s.min(ttl)));
}
