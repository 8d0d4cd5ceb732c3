//! A resolution under way, as a value: it says what to ask DNS, is told the answers, and ends with a resolution.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::facts::{Facts, Lifetimes};
use super::policy::Policy;
use super::question::{Answer, Question};
use super::resolution::{Resolution, Resolved};
use super::search::Search;

/// What follows from answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InquiryProgress {
    /// More questions.
    Ask(Inquiry),
    /// The end.
    Done(Resolved),
}

/// A resolution under way: questions that can be asked all at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    cache_key: String,
    search: Search,
    known: BTreeMap<Question, Answer>,
    questions: Vec<Question>,
    last: bool,
    limits: CacheLimits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CacheLimits {
    longest: Duration,
    respect_ttl: bool,
}

impl Inquiry {
    pub(super) fn new(cache_key: String, search: Search, policy: &Policy) -> Inquiry {
        let limits =
            CacheLimits { longest: policy.dns_cache_time, respect_ttl: policy.dns_cache_respect_ttl };
        let mut inquiry =
            Inquiry { cache_key, search, known: BTreeMap::new(), questions: Vec::new(), last: false, limits };
        // Nothing is known yet: this leads to questions.
        inquiry.step();
        inquiry
    }

    /// What the DNS cache keeps the outcome under.
    pub fn cache_key(&self) -> &str {
        &self.cache_key
    }

    /// The questions; they depend on nothing but DNS and can be asked at the same time.
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// Whether these questions decide: no answer leads to another question.
    pub fn is_last(&self) -> bool {
        self.last
    }

    /// Takes the answers, one for each question in the same order. A missing one counts as [`Answer::Unavailable`].
    pub fn told(mut self, answers: Vec<Answer>) -> InquiryProgress {
        let answers = answers.into_iter().chain(std::iter::repeat(Answer::Unavailable));
        self.known.extend(std::mem::take(&mut self.questions).into_iter().zip(answers));
        match self.step() {
            Some(resolved) => InquiryProgress::Done(resolved),
            None => InquiryProgress::Ask(self),
        }
    }

    /// Goes on as far as the answers reach: to the end, or to the next questions.
    fn step(&mut self) -> Option<Resolved> {
        let mut facts = Facts::new(&self.known);
        let resolution = self.search.run(&mut facts);
        let Some(resolution) = resolution else {
            self.last = facts.is_last();
            self.questions = facts.into_missing();
            return None;
        };
        let keep = self.limits.keep(&resolution, facts.lifetimes());
        Some(Resolved { resolution: Arc::new(resolution), keep })
    }
}

impl CacheLimits {
    fn keep(&self, resolution: &Resolution, lifetimes: Lifetimes) -> Option<Duration> {
        match resolution {
            Resolution::Found(_) => {
                let ttl = if self.respect_ttl {
                    lifetimes.found?
                } else {
                    lifetimes.found.and(Some(self.longest))?
                };
                // Records with a TTL of zero are for those alone who wait for them (RFC 1035 3.2.1).
                Some(ttl.min(self.longest)).filter(|ttl| !ttl.is_zero())
            }
            Resolution::Failed(_) => lifetimes.nothing.map(|ttl| ttl.min(self.longest)),
        }
    }
}
