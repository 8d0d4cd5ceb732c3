//! Asks DNS, through hickory-resolver.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_resolver::proto::rr::Name;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::error::LookupError;
use super::name_servers::{self, KnownServer, NameServer};
use super::records::{absolute_name, read, record_type, Fault, RecordReading};
use crate::clock::Clock;
use crate::resolve::{Answer, Inquiry, InquiryProgress, Question, RecordKind, Resolved};

/// The time a whole resolution may take, all its questions together.
const RESOLUTION_LIMIT: Duration = Duration::from_secs(10);

/// How long one name server may stay silent before the next one is asked as well.
const NEXT_SERVER_AFTER: Duration = Duration::from_secs(1);

/// How many questions are put to name servers at the same time; the others wait for their turn. Each takes a socket.
const MAX_QUESTIONS: usize = 256;

/// How many names that are aliases of each other are followed.
const MAX_ALIASES: usize = 8;

/// Name servers in their order. Cheap to clone; has to be used inside a tokio runtime.
///
/// The servers are asked in order: the next one at once when one fails or cannot be reached, and beside it when it stays
/// silent for a second. One that did not answer is asked last for the next half minute. Nothing else is remembered here:
/// the DNS cache is the profile's.
#[derive(Clone)]
pub struct Lookup {
    servers: Arc<[KnownServer]>,
    clock: Arc<dyn Clock>,
    turns: Arc<Semaphore>,
    limit: Duration,
    next_after: Duration,
}

impl std::fmt::Debug for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookup").field("servers", &self.servers.len()).finish_non_exhaustive()
    }
}

impl Lookup {
    /// The name servers of `/etc/resolv.conf`. Its search list is not used: SIP domains are complete names.
    pub fn system(clock: Arc<dyn Clock>) -> Result<Lookup, LookupError> {
        Lookup::new(name_servers::of_the_system()?, clock)
    }

    /// The given name servers.
    pub fn with_name_servers(servers: &[NameServer], clock: Arc<dyn Clock>) -> Result<Lookup, LookupError> {
        Lookup::new(name_servers::given(servers)?, clock)
    }

    fn new(servers: Vec<KnownServer>, clock: Arc<dyn Clock>) -> Result<Lookup, LookupError> {
        if servers.is_empty() {
            return Err(LookupError::NoNameServer);
        }
        Ok(Lookup {
            servers: servers.into(),
            clock,
            turns: Arc::new(Semaphore::new(MAX_QUESTIONS)),
            limit: RESOLUTION_LIMIT,
            next_after: NEXT_SERVER_AFTER,
        })
    }

    /// Carries an inquiry to its end: asks, tells, asks again. Takes 10 seconds at most; what is not known by then counts
    /// as unavailable. A step that others can follow takes no more than half of the time that is left, so that a type of
    /// record that a name server never answers for does not cost the whole resolution.
    pub async fn resolve(&self, mut inquiry: Inquiry) -> Resolved {
        let deadline = self.clock.now() + self.limit;
        loop {
            let now = self.clock.now();
            let until = match inquiry.is_last() {
                true => deadline,
                false => now + deadline.saturating_duration_since(now) / 2,
            };
            let answers = self.ask_all(inquiry.questions(), until).await;
            match inquiry.told(answers) {
                InquiryProgress::Done(resolved) => return resolved,
                InquiryProgress::Ask(_) if self.clock.now() >= deadline => return Resolved::unknown(),
                InquiryProgress::Ask(next) => inquiry = next,
            }
        }
    }

    /// Asks all questions at the same time; the answers stand in the order of the questions.
    async fn ask_all(&self, questions: &[Question], deadline: Instant) -> Vec<Answer> {
        let mut tasks = JoinSet::new();
        for (at, question) in questions.iter().enumerate() {
            let (lookup, question) = (self.clone(), question.clone());
            tasks.spawn(async move { (at, lookup.ask_until(question, deadline).await) });
        }
        let mut answers = vec![Answer::Unavailable; questions.len()];
        while let Some(done) = tasks.join_next().await {
            if let Ok((at, answer)) = done {
                answers[at] = answer;
            }
        }
        answers
    }

    async fn ask_until(&self, question: Question, deadline: Instant) -> Answer {
        let Some(name) = absolute_name(&question) else {
            return Answer::Unavailable;
        };
        let Ok(Ok(_turn)) = self.clock.timeout_at(deadline, self.turns.acquire()).await else {
            return Answer::Unavailable;
        };
        // Dropped at the deadline together with what is still being asked.
        let mut asked = JoinSet::new();
        let mut waiting = self.in_order();
        let mut latest = None;
        while self.clock.now() < deadline {
            if let Some(at) = waiting.pop_front() {
                latest = Some(at);
                asked.spawn(self.clone().exchange(at, name.clone(), question.kind));
            } else if asked.is_empty() {
                break;
            }
            let patience = match waiting.is_empty() {
                true => deadline,
                false => deadline.min(self.clock.now() + self.next_after),
            };
            match self.clock.timeout_at(patience, asked.join_next()).await {
                Ok(Some(Ok((at, Ok(answer))))) => {
                    self.servers[at].trust();
                    return answer;
                }
                // Its datagrams or its answers may have been lost: it is asked once more after the others.
                Ok(Some(Ok((at, Err(Fault::Silent))))) => {
                    self.servers[at].shun(self.clock.now());
                    waiting.push_back(at);
                }
                Ok(Some(Ok((at, Err(Fault::Unreachable))))) => self.servers[at].shun(self.clock.now()),
                Ok(Some(Ok((_, Err(Fault::Failed))))) | Ok(Some(Err(_)) | None) => {}
                Err(_) => latest.into_iter().for_each(|at| self.servers[at].shun(self.clock.now())),
            }
        }
        Answer::Unavailable
    }

    /// The servers as configured, but those that did not answer of late behind the others.
    fn in_order(&self) -> VecDeque<usize> {
        let now = self.clock.now();
        let mut order: Vec<usize> = (0..self.servers.len()).collect();
        order.sort_by_key(|at| self.servers[*at].is_shunned(now));
        order.into()
    }

    /// Asks one server, once more for each alias that it does not look behind itself.
    async fn exchange(self, at: usize, mut name: Name, kind: RecordKind) -> (usize, Result<Answer, Fault>) {
        let mut alias_ttl = Duration::MAX;
        for _ in 0..=MAX_ALIASES {
            let response = self.servers[at].ask(name.clone(), record_type(kind)).await;
            match read(&name, kind, response) {
                Ok(RecordReading::Answer(answer)) => return (at, Ok(answer.holding_for(alias_ttl))),
                Ok(RecordReading::Alias { name: next, ttl }) => {
                    name = next;
                    alias_ttl = alias_ttl.min(ttl);
                }
                Err(fault) => return (at, Err(fault)),
            }
        }
        (at, Err(Fault::Failed))
    }
}

#[cfg(test)]
#[path = "lookup_tests.rs"]
mod tests;
