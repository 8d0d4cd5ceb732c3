//! The ring: the calls that something has happened to lately.

use std::time::{Duration, Instant, SystemTime};

use ahash::RandomState;

use super::entry::{Of, SentResponse, What};
use super::group::{hash, Group, NewEntry};
use super::log::{Log, TextPieces};
use crate::element::{Happening, ObservedRequest};
use crate::message::Method;
use crate::observed::{BlockRun, ObservedMessage};

/// One call takes this part of all bytes at most.
const PART_OF_CALL: usize = 8;

/// Entries of no call take this part of all bytes at most.
const PART_OF_OTHERS: usize = 32;

/// The part of all calls, and of all bytes, that each of the two minor groups may hold where there is no room for all: calls that were
/// not routed, and Call-IDs without an INVITE. Routed calls have the other half, whatever scanners and registrations do.
const PART_OF_MINOR_GROUP: usize = 4;

/// The memory of a dropped call is given to the next one, up to this many bytes.
const MOST_SPARE: usize = 64 * 1024;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceLimits {
    /// How many calls.
    pub calls: usize,
    /// How many bytes of memory.
    pub bytes: usize,
    /// Which part of all calls, 0.0 to 1.0.
    pub sample: f64,
}

/// What there is to say of a ring as a whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// When it began.
    pub began_at: SystemTime,
    /// How long ago that was.
    pub now: Duration,
    /// The number of the newest entry.
    pub last: u64,
    /// How many calls it holds.
    pub calls: usize,
    /// How many bytes of memory that takes.
    pub bytes: usize,
    /// How many calls went to make room.
    pub dropped: u64,
    /// How many requests that came to the script belong to calls that are not kept, since only a part is.
    pub unsampled: u64,
    /// What it may hold.
    pub limits: TraceLimits,
}

/// The calls that something has happened to lately, the one that was active last at the end.
pub struct Ring {
    limits: TraceLimits,
    began: (Instant, SystemTime),
    /// The number of the newest entry.
    last: u64,
    keys: RandomState,
    /// Calls that were routed: their INVITE was sent to a target, whether the system has taken it or not, or was answered by a provisional
    /// response above 100 or a 2xx.
    calls: Group,
    /// Calls that were not, or not yet.
    unrouted: Group,
    /// Call-IDs that begin with something else than an INVITE, as those of REGISTER, OPTIONS and SUBSCRIBE, and are not routed calls.
    no_calls: Group,
    /// What belongs to no call: when the second part is full, it becomes the first, which is dropped.
    others: [Log; 2],
    /// Memory for the next call.
    spare: Log,
    dropped: u64,
    /// The greatest number of an entry of a call that went to make room.
    newest_dropped: u64,
    unsampled: u64,
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("calls", &self.count()).field("bytes", &self.bytes()).finish()
    }
}

impl Ring {
    /// An empty one that begins now. The key decides which calls are sampled.
    pub fn new(limits: TraceLimits, now: Instant, date: SystemTime, key: [u64; 4]) -> Ring {
        let keys = RandomState::with_seeds(key[0], key[1], key[2], key[3]);
        Ring {
            limits,
            began: (now, date),
            last: 0,
            calls: Group::new(keys.clone()),
            unrouted: Group::new(keys.clone()),
            no_calls: Group::new(keys.clone()),
            keys,
            others: Default::default(),
            spare: Log::default(),
            dropped: 0,
            newest_dropped: 0,
            unsampled: 0,
        }
    }

    /// A message has come or left.
    pub fn message(&mut self, message: &ObservedMessage<'_>) {
        let ObservedMessage { direction, transport, local, remote, connection, fate, .. } = *message;
        let wire = [message.head, message.body];
        let what = What::Message { direction, transport, local, remote, connection, fate, wire };
        let is_invite = message.status.is_none() && message.method == Method::Invite.as_bytes();
        let means = if is_invite { Means::Invite } else { Means::Nothing };
        self.add_meaning(message.at, message.call_id, &what, means);
    }

    /// A block has run.
    pub fn block_ran(&mut self, run: &BlockRun<'_>) {
        let what = What::Block {
            event: run.event,
            method: one(run.method),
            file: one(run.file.as_bytes()),
            line: run.line,
            duration: run.ended.saturating_duration_since(run.began),
            exception: run.exception.map(|(class, message)| (one(class.as_bytes()), one(message.as_bytes()))),
        };
        self.add(run.began, run.call_id, &what);
    }

    /// Something has happened.
    pub fn happened(&mut self, at: Instant, happening: &Happening) {
        match happening {
            Happening::Received { of, .. } => self.received(at, of),
            Happening::Progress { of, status, by, after, .. } => {
                let answer = SentResponse { status: *status, by: *by, after: *after };
                self.add_of_routed(at, of, true, |transaction| What::Progress(transaction, answer));
            }
            Happening::Answered { of, status, by, after, .. } => {
                let answer = SentResponse { status: *status, by: *by, after: *after };
                self.add_of_routed(at, of, *status < 300, |transaction| What::Answered(transaction, answer));
            }
            Happening::Unanswered { of, .. } => self.add_of(at, of, What::Unanswered),
            Happening::DroppedResponse { of, status } => {
                self.add_of(at, of, |transaction| What::DroppedResponse(transaction, *status));
            }
            Happening::Timer { timer, of } => {
                self.add_of(at, of, |transaction| What::Timer(transaction, *timer));
            }
            Happening::Attempt { target, of } => {
                self.add_of_routed(at, of, true, |transaction| What::Attempt(transaction, *target));
            }
            Happening::AttemptEnded { target, of, end, .. } => {
                self.add_of(at, of, |transaction| What::AttemptEnded(transaction, *target, *end));
            }
            Happening::Resolved { asked, targets, call_id, took } => {
                let question = asked.to_string();
                let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
                let targets = targets.join(" ");
                let (question, targets) = (one(question.as_bytes()), one(targets.as_bytes()));
                self.add(at, call_id.as_deref(), &What::Resolved { question, targets, took: *took });
            }
            Happening::PassedOver { target, call_id } => {
                self.add(at, call_id.as_deref(), &What::PassedOver(*target));
            }
            Happening::Blacklisted { target } => self.add(at, None, &What::Blacklisted(*target)),
            Happening::FlowOpened { peer, local, inbound, handshake } => {
                let (peer, local, inbound, handshake) = (*peer, *local, *inbound, *handshake);
                let what = What::FlowOpened { peer, local, inbound, handshake };
                self.add(at, None, &what);
            }
            Happening::FlowClosed { peer } => self.add(at, None, &What::FlowClosed(*peer)),
        }
    }

    fn received(&mut self, at: Instant, of: &ObservedRequest) {
        if of.call_id.as_deref().is_some_and(|call_id| !self.is_kept(call_id)) {
            self.unsampled += 1;
        }
        self.add_of(at, of, What::Received);
    }

    fn add_of<'a>(
        &mut self,
        at: Instant,
        of: &'a ObservedRequest,
        what: impl FnOnce(Of<TextPieces<'a>>) -> What<TextPieces<'a>>,
    ) {
        self.add_of_routed(at, of, false, what);
    }

    /// The same of what shows that a call is routed, if its request is an INVITE. The method is that of the request, not that of a CSeq,
    /// where a peer may have written another one.
    fn add_of_routed<'a>(
        &mut self,
        at: Instant,
        of: &'a ObservedRequest,
        is_routed: bool,
        what: impl FnOnce(Of<TextPieces<'a>>) -> What<TextPieces<'a>>,
    ) {
        let means = if is_routed && of.method == Method::Invite { Means::Routed } else { Means::Nothing };
        self.add_meaning(at, of.call_id.as_deref(), &what(transaction(of)), means);
    }

    fn add(&mut self, at: Instant, call_id: Option<&[u8]>, what: &What<TextPieces<'_>>) {
        self.add_meaning(at, call_id, what, Means::Nothing);
    }

    /// The same of what may change the place of its call.
    fn add_meaning(
        &mut self,
        at: Instant,
        call_id: Option<&[u8]>,
        what: &What<TextPieces<'_>>,
        means: Means,
    ) {
        let at = at.saturating_duration_since(self.began.0);
        match call_id {
            Some(call_id) if self.is_kept(call_id) => self.add_to_call(at, call_id, what, means),
            Some(_) => {}
            None => self.add_to_others(at, what),
        }
    }

    /// Whether a call belongs to the part of all that is kept: the same for all that happens to it.
    fn is_kept(&self, call_id: &[u8]) -> bool {
        let part = self.limits.sample;
        part >= 1.0 || (self.keys.hash_one((call_id, "sample")) as f64) < part * 2f64.powi(64)
    }

    fn add_to_call(&mut self, at: Duration, call_id: &[u8], what: &What<TextPieces<'_>>, means: Means) {
        self.last += 1;
        let entry = NewEntry { number: self.last, at, what, most: self.limits.bytes / PART_OF_CALL };
        let Ring { calls, unrouted, no_calls, spare, .. } = self;
        // Most of what happens belongs to a routed call that is known: it is looked for once.
        let hash = hash(&self.keys, call_id);
        let group = if calls.add(hash, call_id, &entry) {
            None
        } else if unrouted.add(hash, call_id, &entry) {
            Some(unrouted)
        } else if no_calls.add(hash, call_id, &entry) {
            Some(no_calls)
        } else {
            let group = match means {
                Means::Nothing => no_calls,
                Means::Invite => unrouted,
                Means::Routed => &mut *calls,
            };
            group.begin(hash, call_id, &entry, std::mem::take(spare));
            None
        };
        if let (Some(minor), Means::Routed) = (group, means) {
            minor.hand_over(hash, call_id, calls);
        }
        while self.count() > 1 && (self.count() > self.limits.calls || self.bytes() > self.limits.bytes) {
            self.drop_oldest();
        }
    }

    fn groups(&self) -> [&Group; 3] {
        [&self.no_calls, &self.unrouted, &self.calls]
    }

    fn count(&self) -> usize {
        self.groups().iter().map(|group| group.len()).sum()
    }

    /// A minor group that has more than its part loses its oldest call, the one with the most first; if none has, a routed call goes.
    fn drop_oldest(&mut self) {
        let Ring { limits, last, unrouted, no_calls, calls, .. } = self;
        let part = |group: &Group| {
            group.held_of(limits.calls / PART_OF_MINOR_GROUP, limits.bytes / PART_OF_MINOR_GROUP)
        };
        let groups = [(part(unrouted), unrouted), (part(no_calls), no_calls), (1.0, calls)];
        // Not the call to which something is happening.
        let may_go =
            groups.into_iter().filter(|(_, group)| group.oldest().is_some_and(|newest| newest < *last));
        let Some((_, group)) = may_go.max_by(|(one, _), (other, _)| one.total_cmp(other)) else { return };
        let Some(mut log) = group.drop_oldest() else { return };
        self.dropped += 1;
        self.newest_dropped = self.newest_dropped.max(log.last());
        let size = log.size();
        if size > self.spare.size() && size <= MOST_SPARE.min(self.limits.bytes / PART_OF_CALL / 2) {
            log.clear();
            self.spare = log;
        }
    }

    fn add_to_others(&mut self, at: Duration, what: &What<TextPieces<'_>>) {
        self.last += 1;
        let most = self.limits.bytes / PART_OF_OTHERS / 2;
        if self.others[1].size() >= most {
            self.others[0] = std::mem::take(&mut self.others[1]);
        }
        self.others[1].add(self.last, at, what, most);
    }

    /// How many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        let groups: usize = self.groups().iter().map(|group| group.bytes()).sum();
        groups + self.spare.size() + self.others.iter().map(Log::size).sum::<usize>()
    }

    /// The number of the newest entry.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// How many calls went to make room.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether something had happened to one of them after the entry with this number.
    pub fn has_dropped_since(&self, number: u64) -> bool {
        self.newest_dropped > number
    }

    /// What there is to say of it as a whole.
    pub fn summary(&self, now: Instant) -> Summary {
        Summary {
            began_at: self.began.1,
            now: now.saturating_duration_since(self.began.0),
            last: self.last,
            calls: self.count(),
            bytes: self.bytes(),
            dropped: self.dropped,
            unsampled: self.unsampled,
            limits: self.limits,
        }
    }

    /// The Call-IDs of the calls to which something has happened after the entry with this number, the newest last; no more than
    /// `most` of them.
    pub fn active_since(&self, number: u64, most: usize) -> Vec<Box<[u8]>> {
        let mut groups = self.groups().map(|group| {
            let mut rest = group.newest();
            (rest.next(), rest)
        });
        let newest = std::iter::from_fn(|| {
            let (next, rest) = groups.iter_mut().max_by_key(|(next, _)| next.map_or(0, |(_, last)| last))?;
            std::mem::replace(next, rest.next())
        });
        let active = newest.take(most).take_while(|(_, last)| *last > number);
        let mut names: Vec<Box<[u8]>> = active.map(|(call_id, _)| call_id.into()).collect();
        names.reverse();
        names
    }

    fn log_of(&self, call_id: &[u8]) -> Option<&Log> {
        self.groups().into_iter().find_map(|group| group.get(call_id))
    }

    /// The number of the newest entry of a call; `None`: it is not kept.
    pub fn last_of(&self, call_id: &[u8]) -> Option<u64> {
        self.log_of(call_id).map(Log::last)
    }

    /// A copy of what is kept of a call after the entry with this number; of very much the first part.
    pub fn call_since(&self, call_id: &[u8], number: u64) -> Option<Log> {
        self.log_of(call_id).map(|log| log.copy_since(number))
    }

    /// A copy of what belongs to no call after the entry with this number; of much the first part.
    pub fn others_since(&self, number: u64) -> Log {
        let [former, latter] = &self.others;
        let first = former.copy_since(number);
        if first.newest().is_some() {
            return first;
        }
        latter.copy_since(number)
    }
}

/// What an entry means for the group of its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Means {
    /// Nothing.
    Nothing,
    /// It is an INVITE.
    Invite,
    /// The INVITE is routed.
    Routed,
}

fn one(text: &[u8]) -> TextPieces<'_> {
    [text, b""]
}

fn transaction(of: &ObservedRequest) -> Of<TextPieces<'_>> {
    Of { method: one(of.method.as_bytes()), branch: one(&of.branch) }
}
