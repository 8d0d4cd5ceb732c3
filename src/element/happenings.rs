//! What an element has done lately, for who asks for it, up to a number.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::happening::{Happening, ObservedRequest};
use super::ids::RequestId;
use super::table::{Table, Tables};
use super::word::Word;
use crate::transaction::Timer;

/// Requests that have their final response and are followed still.
const MOST_ANSWERED: usize = 1000;

/// Requests that are followed at a time.
const MOST_FOLLOWED: usize = 200_000;

/// What an element has done lately.
#[derive(Debug)]
pub struct Happenings {
    room: usize,
    /// Whether timers are kept that only end a transaction which is over.
    absorbing_timers: bool,
    /// How many were dropped to make room.
    dropped: usize,
    kept: VecDeque<(Instant, Happening)>,
    /// Whether somebody has been told that there is something to take.
    announced: bool,
    /// The attempts that have not ended yet, by their branches.
    attempts: Table<Word, Attempt>,
    /// The requests from the network that are under way.
    requests: Table<RequestId, Followed>,
    /// Those of them that were answered lately.
    answered: VecDeque<RequestId>,
}

/// What is to be known of an attempt until its end.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) call_id: Option<Word>,
    began: Instant,
}

/// What is to be known of a request while it is under way.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) request: ObservedRequest,
    pub(super) began: Instant,
    /// The client has got a provisional response other than 100.
    pub(super) in_progress: bool,
    /// It begins a call.
    pub(super) call: bool,
    /// The client has got a final response.
    pub(super) answered: bool,
}

impl Happenings {
    /// Keeps this many at most; the oldest ones go.
    pub(super) fn new(room: usize, absorbing_timers: bool) -> Happenings {
        // No peer chooses what these are known by.
        let tables = Tables::keyed([0; 4]);
        Happenings {
            room: room.max(1),
            absorbing_timers,
            dropped: 0,
            kept: VecDeque::new(),
            announced: false,
            attempts: tables.table(),
            requests: tables.table(),
            answered: VecDeque::new(),
        }
    }

    pub(super) fn add(&mut self, at: Instant, happening: Happening) {
        if self.kept.len() == self.room {
            self.kept.pop_front();
            self.dropped += 1;
        }
        self.kept.push_back((at, happening));
    }

    /// Whether it is of interest that this timer has fired.
    pub(super) fn wants(&self, timer: Timer) -> bool {
        self.absorbing_timers || !timer.only_absorbs()
    }

    /// An attempt has begun.
    pub(super) fn begin_attempt(&mut self, of: &ObservedRequest, now: Instant) {
        self.attempts.insert(of.branch.clone(), Attempt { call_id: of.call_id.clone(), began: now });
    }

    /// The Call-ID of an attempt that has not ended.
    pub(super) fn call_of_attempt(&self, branch: &[u8]) -> Option<Word> {
        self.attempts.get(branch)?.call_id.clone()
    }

    /// An attempt ends once: a branch may get a final response or end after the core has turned away from it. Hands out its
    /// Call-ID and how long it took.
    pub(super) fn end_attempt(&mut self, branch: &[u8], now: Instant) -> Option<(Option<Word>, Duration)> {
        let attempt = self.attempts.remove(branch)?;
        Some((attempt.call_id, now.saturating_duration_since(attempt.began)))
    }

    /// A request is followed while it is under way, unless too many are: false.
    pub(super) fn follow(
        &mut self,
        id: RequestId,
        request: ObservedRequest,
        call: bool,
        now: Instant,
    ) -> bool {
        let room = self.requests.len() < MOST_FOLLOWED;
        if room {
            let followed = Followed { request, began: now, in_progress: false, call, answered: false };
            self.requests.insert(id, followed);
        }
        room
    }

    /// What is known of a request that is followed.
    pub(super) fn followed(&mut self, request: RequestId) -> Option<&mut Followed> {
        self.requests.get_mut(&request)
    }

    /// A request that is followed.
    pub(super) fn observed_request(&self, id: RequestId) -> Option<&ObservedRequest> {
        self.requests.get(&id).map(|followed| &followed.request)
    }

    /// A request has its final response, and little more comes of it.
    pub(super) fn is_answered(&mut self, request: RequestId) {
        self.answered.push_back(request);
        if self.answered.len() > MOST_ANSWERED {
            if let Some(first) = self.answered.pop_front() {
                self.requests.remove(&first);
            }
        }
    }

    /// A request is over, with a final response to its client or without one.
    pub(super) fn end(&mut self, id: RequestId, now: Instant) {
        let Some(Followed { request: of, call, answered, .. }) = self.requests.remove(&id) else { return };
        if !answered {
            self.add(now, Happening::Unanswered { of, call });
        }
    }

    /// Hands out the oldest thing that is kept, once.
    pub(super) fn next(&mut self) -> Option<(Instant, Happening)> {
        self.announced = false;
        let next = self.kept.pop_front()?;
        self.dropped += 1;
        Some(next)
    }

    /// Whether there is something to take; true once until it is taken.
    pub(super) fn has_news(&mut self) -> bool {
        !self.kept.is_empty() && !std::mem::replace(&mut self.announced, true)
    }

    /// What is kept from a number on, counted from the beginning.
    pub fn from(&self, number: usize) -> impl Iterator<Item = &(Instant, Happening)> {
        self.kept.iter().skip(number.saturating_sub(self.dropped))
    }

    /// How many things have happened since the beginning.
    pub fn len(&self) -> usize {
        self.dropped + self.kept.len()
    }

    /// Whether nothing has happened yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Transport;
    use crate::resolve::Target;

    fn target(port: u16) -> Target {
        Target::new(Transport::Udp, [192, 0, 2, 1].into(), port)
    }

    #[test]
    fn a_full_store_drops_the_oldest_and_keeps_its_numbers() {
        let (now, mut happenings) = (Instant::now(), Happenings::new(2, true));
        (1..=3).for_each(|port| happenings.add(now, Happening::Blacklisted { target: target(port) }));
        let kept = |from| -> Vec<Target> {
            let kept = happenings.from(from).filter_map(|(_, happening)| match happening {
                Happening::Blacklisted { target } => Some(*target),
                _ => None,
            });
            kept.collect()
        };
        assert_eq!(kept(0), [target(2), target(3)]);
        assert_eq!(kept(2), [target(3)]);
        assert_eq!((kept(3).len(), happenings.len(), happenings.is_empty()), (0, 3, false));
    }

    #[test]
    fn what_is_taken_is_announced_once_and_counts_on() {
        let (now, mut happenings) = (Instant::now(), Happenings::new(5, true));
        assert!(!happenings.has_news());
        happenings.add(now, Happening::Blacklisted { target: target(1) });
        happenings.add(now, Happening::Blacklisted { target: target(2) });
        assert!(happenings.has_news());
        assert!(!happenings.has_news());
        assert!(happenings.next().is_some() && happenings.next().is_some());
        assert_eq!((happenings.len(), happenings.next(), happenings.has_news()), (2, None, false));
        happenings.add(now, Happening::Blacklisted { target: target(3) });
        assert!(happenings.has_news());
        assert_eq!(happenings.from(2).count(), 1);
    }
}
