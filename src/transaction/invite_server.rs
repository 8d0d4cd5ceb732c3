//! INVITE server transaction: RFC 3261 17.2.1 as amended by RFC 6026 7.1, with a limit on the core's silence.

use std::time::{Duration, Instant};

use bytes::Bytes;
use smallvec::smallvec;

use super::{AckOutcome, ServerEffect, ServerEffects, Timer, Timings};

/// The states of RFC 6026 7.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No final response yet.
    Proceeding,
    /// A non-2xx final response was sent; the ACK is due.
    Completed,
    /// The ACK came; its retransmissions are absorbed.
    Confirmed,
    /// A 2xx was sent; the core repeats it until the ACK that it gets itself.
    Accepted,
    /// Over.
    Terminated,
}

impl State {
    /// The state's name in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Proceeding => "proceeding",
            State::Completed => "completed",
            State::Confirmed => "confirmed",
            State::Accepted => "accepted",
            State::Terminated => "terminated",
        }
    }
}

/// One INVITE server transaction.
#[derive(Debug)]
pub struct InviteServer {
    state: State,
    reliable: bool,
    timings: Timings,
    last_response: Option<Bytes>,
    /// Timer G's last interval.
    interval: Duration,
    /// When timer C2 is due; it is the only timer that is set anew before it fired.
    c2_due: Instant,
    /// Timer C2 fired and the core was told.
    expired: bool,
    canceled: bool,
}

impl InviteServer {
    /// Starts the transaction. It sends nothing by itself: the 100 of RFC 3261 17.2.1 comes through `respond`.
    /// `reliable` says that the transport retransmits by itself.
    pub fn new(now: Instant, reliable: bool, timings: &Timings) -> (Self, ServerEffects) {
        let c2_due = now + timings.c2();
        let machine = InviteServer {
            state: State::Proceeding,
            reliable,
            timings: *timings,
            last_response: None,
            interval: timings.t1,
            c2_due,
            expired: false,
            canceled: false,
        };
        (machine, smallvec![ServerEffect::Arm(Timer::C2, c2_due)])
    }

    /// The present state.
    pub fn state(&self) -> State {
        self.state
    }

    /// The response sent last, as it went to the wire.
    pub fn last_response(&self) -> Option<&Bytes> {
        self.last_response.as_ref()
    }

    /// Whether `respond` would take a response of this status.
    pub fn accepts(&self, status: u16) -> bool {
        match self.state {
            // RFC 3261 17.2.1: anything goes before the final response.
            State::Proceeding => (100..=699).contains(&status),
            // RFC 6026 7.1: 2xx of this and other forks, and their retransmissions by the core.
            State::Accepted => (200..=299).contains(&status),
            // RFC 3261 17.2.1: any other final response from the core is discarded here.
            State::Completed | State::Confirmed | State::Terminated => false,
        }
    }

    /// The core responds: `wire` is the response of this status as it is to be sent. `None` if the state refuses it.
    pub fn respond(&mut self, now: Instant, status: u16, wire: Bytes) -> Option<ServerEffects> {
        let mut effects = self.advance(now, status)?;
        self.last_response = Some(wire.clone());
        effects.insert(0, ServerEffect::Send(wire));
        Some(effects)
    }

    /// The core sends a response of this status by itself: the machine goes on as for [`respond`](Self::respond), and
    /// sends nothing. `None` if the state refuses it.
    pub fn advance(&mut self, now: Instant, status: u16) -> Option<ServerEffects> {
        if !self.accepts(status) {
            return None;
        }
        let mut effects = ServerEffects::new();
        match (self.state, status) {
            // RFC 6026 7.1: a 2xx is sent once by the transaction, which then absorbs the INVITE until timer L.
            (State::Proceeding, 200..=299) => {
                self.state = State::Accepted;
                effects.push(ServerEffect::Stop(Timer::C2));
                effects.push(ServerEffect::Arm(Timer::L, now + self.timings.transaction_timeout()));
            }
            // RFC 3261 17.2.1: a non-2xx is retransmitted (timer G, unreliable transports only) until the ACK or timer H.
            (State::Proceeding, 300..=699) => {
                self.state = State::Completed;
                effects.push(ServerEffect::Stop(Timer::C2));
                if !self.reliable {
                    effects.push(ServerEffect::Arm(Timer::G, now + self.timings.t1));
                }
                effects.push(ServerEffect::Arm(Timer::H, now + self.timings.transaction_timeout()));
            }
            // RFC 3261 17.2.1: provisional responses; RFC 6026 7.1: repeated 2xx. They are sent, no more.
            _ => {}
        }
        Some(effects)
    }

    /// What is sent again from now on.
    pub fn set_last_response(&mut self, wire: Bytes) {
        self.last_response = Some(wire);
    }

    /// The INVITE arrived again.
    pub fn request_again(&mut self, _now: Instant) -> ServerEffects {
        match self.state {
            // RFC 3261 17.2.1: the last response, if there is one, is sent again.
            State::Proceeding | State::Completed => self.last_response_again(),
            // RFC 6026 7.1 and RFC 3261 17.2.1 only absorb it here. Answering is harmless and helps when the first
            // answers were lost.
            State::Accepted | State::Confirmed => self.last_response_again(),
            State::Terminated => ServerEffects::new(),
        }
    }

    /// An ACK that matches this transaction arrived.
    pub fn ack(&mut self, now: Instant) -> AckOutcome {
        let mut effects = ServerEffects::new();
        match self.state {
            // RFC 6026 7.1: an ACK with the branch of an accepted INVITE is for the core.
            State::Accepted => return AckOutcome::PassToCore,
            // RFC 3261 17.2.1: the ACK ends the retransmissions. Timer I is zero over a reliable transport.
            State::Completed => {
                if self.reliable {
                    effects.push(ServerEffect::Stop(Timer::H));
                    self.terminate(&mut effects);
                } else {
                    self.state = State::Confirmed;
                    effects.push(ServerEffect::Stop(Timer::G));
                    effects.push(ServerEffect::Stop(Timer::H));
                    effects.push(ServerEffect::Arm(Timer::I, now + self.timings.t4));
                }
            }
            // RFC 3261 17.2.1: Confirmed absorbs further ACKs. One before a final response means nothing.
            State::Confirmed | State::Proceeding | State::Terminated => {}
        }
        AckOutcome::Absorbed(effects)
    }

    /// A CANCEL for this INVITE arrived. True if the core is to be told: the INVITE has no final response yet and
    /// this is its first CANCEL (RFC 3261 9.2).
    pub fn cancel(&mut self) -> bool {
        let first = self.state == State::Proceeding && !self.canceled;
        self.canceled |= first;
        first
    }

    /// Whether a CANCEL came before the final response.
    pub fn is_canceled(&self) -> bool {
        self.canceled
    }

    /// The core began to route the INVITE anew, or gives the callee the whole of timer C again: so does timer C2.
    pub fn restart_c2(&mut self, now: Instant) -> ServerEffects {
        if self.state != State::Proceeding {
            return ServerEffects::new();
        }
        self.expired = false;
        smallvec![self.arm_c2(now + self.timings.c2())]
    }

    /// A timer fired.
    pub fn timer(&mut self, now: Instant, timer: Timer) -> ServerEffects {
        let mut effects = ServerEffects::new();
        match (self.state, timer) {
            // An earlier setting of timer C2, overtaken by `restart_c2`.
            (State::Proceeding, Timer::C2) if now < self.c2_due => {
                effects.push(ServerEffect::Arm(Timer::C2, self.c2_due));
            }
            // The core has been silent for longer than timer C allows (RFC 3261 16.8): it is told to answer 408. The
            // timer is set once more, so that a core that does not obey leaves no transaction behind.
            (State::Proceeding, Timer::C2) if !self.expired => {
                self.expired = true;
                effects.push(ServerEffect::Expired);
                effects.push(self.arm_c2(now + self.timings.transaction_timeout()));
            }
            (State::Proceeding, Timer::C2) => self.terminate(&mut effects),
            // RFC 3261 17.2.1: timer G doubles up to T2.
            (State::Completed, Timer::G) if !self.reliable => {
                self.interval = self.timings.doubled(self.interval);
                effects = self.last_response_again();
                effects.push(ServerEffect::Arm(Timer::G, now + self.interval));
            }
            // RFC 3261 17.2.1: timer H, no ACK came.
            (State::Completed, Timer::H) => self.terminate(&mut effects),
            // RFC 3261 17.2.1: timer I.
            (State::Confirmed, Timer::I) => self.terminate(&mut effects),
            // RFC 6026 7.1: timer L.
            (State::Accepted, Timer::L) => self.terminate(&mut effects),
            // A timer that this state does not want: it was stopped, or belongs to another machine.
            _ => {}
        }
        effects
    }

    fn arm_c2(&mut self, due: Instant) -> ServerEffect {
        self.c2_due = due;
        ServerEffect::Arm(Timer::C2, due)
    }

    fn last_response_again(&self) -> ServerEffects {
        self.last_response.iter().cloned().map(ServerEffect::Send).collect()
    }

    fn terminate(&mut self, effects: &mut ServerEffects) {
        self.state = State::Terminated;
        effects.push(ServerEffect::Terminated);
    }
}
