//! What an element has done lately, for who asks for it, up to a number.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use bytes::Bytes;

use super::happening::Happening;
use super::ids::RequestId;

/// What an element has done lately.
#[derive(Debug)]
pub struct Happenings {
    room: usize,
    /// How many were dropped to make room.
    dropped: usize,
    kept: VecDeque<(Instant, Happening)>,
    /// Whether somebody has been told that there is something to take.
    announced: bool,
    /// The branches of attempts that have not ended yet.
    open: BTreeSet<Bytes>,
    /// What is to be known of requests until their transactions are over.
    requests: BTreeMap<RequestId, Followed>,
}

/// What is to be known of a request until its transaction is over: the request itself goes with its final response.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) call_id: Bytes,
    pub(super) began: Instant,
    /// The client has got a provisional response other than 100.
    pub(super) in_progress: bool,
}

impl Happenings {
    /// Keeps this many at most; the oldest ones go.
    pub(super) fn new(room: usize) -> Happenings {
        Happenings {
            room: room.max(1),
            dropped: 0,
            kept: VecDeque::new(),
            announced: false,
            open: BTreeSet::new(),
            requests: BTreeMap::new(),
        }
    }

    /// An attempt ends once: a branch may get a final response or end after the core has turned away from it.
    pub(super) fn add(&mut self, at: Instant, happening: Happening) {
        match &happening {
            Happening::Attempt { of, .. } => drop(self.open.insert(of.branch.clone())),
            Happening::AttemptEnded { of, .. } if !self.open.remove(&of.branch) => return,
            _ => {}
        }
        if self.kept.len() == self.room {
            self.kept.pop_front();
            self.dropped += 1;
        }
        self.kept.push_back((at, happening));
    }

    /// A request is followed until its end; of too many the oldest one is not.
    pub(super) fn follow(&mut self, request: RequestId, call_id: &[u8], now: Instant) {
        let call_id = Bytes::copy_from_slice(call_id);
        self.requests.insert(request, Followed { call_id, began: now, in_progress: false });
        if self.requests.len() > self.room {
            self.requests.pop_first();
        }
    }

    /// What is known of a request that is followed.
    pub(super) fn followed(&mut self, request: RequestId) -> Option<&mut Followed> {
        self.requests.get_mut(&request)
    }

    /// The Call-ID of a request that is followed.
    pub(super) fn call_id(&self, request: RequestId) -> Option<&Bytes> {
        self.requests.get(&request).map(|followed| &followed.call_id)
    }

    /// The transaction of a request is over.
    pub(super) fn forget(&mut self, request: RequestId) {
        self.requests.remove(&request);
    }

    /// Hands out what is kept, once.
    pub(super) fn take(&mut self) -> Vec<(Instant, Happening)> {
        self.announced = false;
        self.dropped += self.kept.len();
        self.kept.drain(..).collect()
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
    use crate::element::happening::{AttemptEnd, Subject};
    use crate::message::{Method, Transport};
    use crate::resolve::Target;

    fn target(port: u16) -> Target {
        Target::new(Transport::Udp, [192, 0, 2, 1].into(), port)
    }

    #[test]
    fn a_full_store_drops_the_oldest_and_keeps_its_numbers() {
        let (now, mut happenings) = (Instant::now(), Happenings::new(2));
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
        let (now, mut happenings) = (Instant::now(), Happenings::new(5));
        assert!(!happenings.has_news());
        happenings.add(now, Happening::Blacklisted { target: target(1) });
        happenings.add(now, Happening::Blacklisted { target: target(2) });
        assert!(happenings.has_news());
        assert!(!happenings.has_news());
        assert_eq!(happenings.take().len(), 2);
        assert_eq!((happenings.len(), happenings.take().len(), happenings.has_news()), (2, 0, false));
        happenings.add(now, Happening::Blacklisted { target: target(3) });
        assert!(happenings.has_news());
        assert_eq!(happenings.from(2).count(), 1);
    }

    #[test]
    fn an_attempt_ends_once() {
        let (now, mut happenings) = (Instant::now(), Happenings::new(9));
        let of = Subject { method: Method::Invite, branch: Bytes::from_static(b"z9hG4bK-1"), call_id: None };
        let ended = |end| Happening::AttemptEnded { target: target(1), of: of.clone(), end };
        let all = [
            Happening::Attempt { target: target(1), of: of.clone() },
            ended(AttemptEnd::Answered(487)),
            ended(AttemptEnd::Abandoned),
        ];
        all.iter().for_each(|happening| happenings.add(now, happening.clone()));
        assert!(happenings.from(0).map(|(_, happening)| happening).eq(&all[..2]));
    }
}
