//! What an element does that no message shows: requests from their arrival to their answer, timers that fire, attempts at targets,
//! resolutions, blacklisted targets and connections. Kept for who asks for it, up to a number; data only.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use bytes::Bytes;

use super::next_hop::SendFailure;
use crate::message::Method;
use crate::resolve::{Asked, Target};
use crate::transaction::Timer;

/// The request that something is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its method.
    pub method: Method,
    /// The branch of its transaction. In that of a server transaction small letters stand for all; it is empty where the branch
    /// is not unique.
    pub branch: Bytes,
    /// Its Call-ID. `None`: the request was answered, and is not kept any more.
    pub call_id: Option<Bytes>,
}

/// How an attempt has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEnd {
    /// With a final response of this status.
    Answered(u16),
    /// The target has not answered in its time.
    Unanswered,
    /// No final response has come in the time that the profile gives a callee.
    InviteTimeout,
    /// The request has not left, or was lost with its connection.
    Failed(SendFailure),
    /// Nobody wants the answer any more.
    Abandoned,
}

/// Something that an element has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A request other than ACK goes to the script.
    Received {
        /// The request.
        of: Subject,
    },
    /// A final response to it leaves for its client. Of an INVITE there may be several 2xx.
    Answered {
        /// The request.
        of: Subject,
        /// The status of the response.
        status: u16,
    },
    /// A timer has fired.
    Timer {
        /// Which one.
        timer: Timer,
        /// Of which transaction.
        of: Subject,
    },
    /// A request is sent to a target.
    Attempt {
        /// The target.
        target: Target,
        /// The request.
        of: Subject,
    },
    /// What came of that.
    AttemptEnded {
        /// The target.
        target: Target,
        /// The request.
        of: Subject,
        /// How it ended.
        end: AttemptEnd,
    },
    /// Names were looked up.
    Resolved {
        /// The destination.
        asked: Asked,
        /// Where it leads, in the order in which they are tried; none where it leads nowhere.
        targets: Vec<Target>,
        /// The Call-ID of the request that wants to know.
        call_id: Option<Bytes>,
    },
    /// The element has put a target on a blacklist.
    Blacklisted {
        /// The target.
        target: Target,
    },
    /// A connection carries messages from now on.
    FlowOpened {
        /// The other end.
        peer: Target,
        /// Our end.
        local: SocketAddr,
        /// Whether the peer has opened it.
        inbound: bool,
    },
    /// A connection is gone, or did not come up.
    FlowClosed {
        /// The other end.
        peer: Target,
    },
}

/// What an element has done lately.
#[derive(Debug)]
pub struct Trace {
    room: usize,
    /// How many were dropped to make room.
    dropped: usize,
    kept: VecDeque<(Instant, Happening)>,
    /// Whether somebody has been told that there is something to take.
    announced: bool,
    /// The branches of attempts that have not ended yet.
    open: BTreeSet<Bytes>,
}

impl Trace {
    /// Keeps this many at most; the oldest ones go.
    pub(super) fn new(room: usize) -> Trace {
        Trace {
            room: room.max(1),
            dropped: 0,
            kept: VecDeque::new(),
            announced: false,
            open: BTreeSet::new(),
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

    /// What is kept from a number on, counted from the beginning of the trace.
    pub fn from(&self, number: usize) -> impl Iterator<Item = &(Instant, Happening)> {
        self.kept.iter().skip(number.saturating_sub(self.dropped))
    }

    /// How many things have happened since the beginning of the trace.
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

    fn target(port: u16) -> Target {
        Target::new(Transport::Udp, [192, 0, 2, 1].into(), port)
    }

    #[test]
    fn a_full_trace_drops_the_oldest_and_keeps_its_numbers() {
        let (now, mut trace) = (Instant::now(), Trace::new(2));
        (1..=3).for_each(|port| trace.add(now, Happening::Blacklisted { target: target(port) }));
        let kept = |from| -> Vec<Target> {
            let kept = trace.from(from).filter_map(|(_, happening)| match happening {
                Happening::Blacklisted { target } => Some(*target),
                _ => None,
            });
            kept.collect()
        };
        assert_eq!(kept(0), [target(2), target(3)]);
        assert_eq!(kept(2), [target(3)]);
        assert_eq!((kept(3).len(), trace.len(), trace.is_empty()), (0, 3, false));
    }

    #[test]
    fn what_is_taken_is_announced_once_and_counts_on() {
        let (now, mut trace) = (Instant::now(), Trace::new(5));
        assert!(!trace.has_news());
        trace.add(now, Happening::Blacklisted { target: target(1) });
        trace.add(now, Happening::Blacklisted { target: target(2) });
        assert!(trace.has_news());
        assert!(!trace.has_news());
        assert_eq!(trace.take().len(), 2);
        assert_eq!((trace.len(), trace.take().len(), trace.has_news()), (2, 0, false));
        trace.add(now, Happening::Blacklisted { target: target(3) });
        assert!(trace.has_news());
        assert_eq!(trace.from(2).count(), 1);
    }

    #[test]
    fn an_attempt_ends_once() {
        let (now, mut trace) = (Instant::now(), Trace::new(9));
        let of = Subject { method: Method::Invite, branch: Bytes::from_static(b"z9hG4bK-1"), call_id: None };
        let ended = |end| Happening::AttemptEnded { target: target(1), of: of.clone(), end };
        let all = [
            Happening::Attempt { target: target(1), of: of.clone() },
            ended(AttemptEnd::Answered(487)),
            ended(AttemptEnd::Abandoned),
        ];
        all.iter().for_each(|happening| trace.add(now, happening.clone()));
        assert!(trace.from(0).map(|(_, happening)| happening).eq(&all[..2]));
    }
}
