//! Non-INVITE server transaction: RFC 3261 17.2.2, with the 100 of RFC 4320 4.1.

use std::time::Instant;

use bytes::Bytes;
use smallvec::smallvec;

use super::{ServerEffect, ServerEffects, Timer, Timings};

/// The states of RFC 3261 figure 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing was sent yet.
    Trying,
    /// A provisional response was sent.
    Proceeding,
    /// The final response was sent and answers retransmissions.
    Completed,
    /// Over.
    Terminated,
}

impl State {
    /// The state's name in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Trying => "trying",
            State::Proceeding => "proceeding",
            State::Completed => "completed",
            State::Terminated => "terminated",
        }
    }
}

/// One server transaction of any method but INVITE, ACK and CANCEL.
#[derive(Debug)]
pub struct NonInviteServer {
    state: State,
    reliable: bool,
    timings: Timings,
    last_response: Option<Bytes>,
    /// Which of timers Int1 and Int2 runs until the final response.
    patience: Timer,
}

impl NonInviteServer {
    /// Starts the transaction; nothing is sent. `reliable` says that the transport retransmits by itself.
    pub fn new(now: Instant, reliable: bool, timings: &Timings) -> (Self, ServerEffects) {
        let machine = NonInviteServer {
            state: State::Trying,
            reliable,
            timings: *timings,
            last_response: None,
            patience: Timer::Int1,
        };
        // RFC 4320 4.1: the 100 goes when the client's timer E is set to T2, no sooner and no later.
        (machine, smallvec![ServerEffect::Arm(Timer::Int1, now + timings.int1())])
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
            // RFC 3261 17.2.2.
            State::Trying | State::Proceeding => (100..=699).contains(&status),
            // RFC 3261 17.2.2: any other final response is discarded here.
            State::Completed | State::Terminated => false,
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
        if status < 200 {
            // RFC 3261 17.2.2: a provisional response.
            self.state = State::Proceeding;
        } else {
            // RFC 3261 17.2.2: the final response. Timer J is zero over a reliable transport.
            effects.push(ServerEffect::Stop(self.patience));
            if self.reliable {
                self.terminate(&mut effects);
            } else {
                self.state = State::Completed;
                effects.push(ServerEffect::Arm(Timer::J, now + self.timings.transaction_timeout()));
            }
        }
        Some(effects)
    }

    /// What is sent again from now on.
    pub fn set_last_response(&mut self, wire: Bytes) {
        self.last_response = Some(wire);
    }

    /// The request arrived again.
    pub fn request_again(&mut self, _now: Instant) -> ServerEffects {
        match self.state {
            // RFC 3261 17.2.2: discarded while nothing was sent.
            State::Trying | State::Terminated => ServerEffects::new(),
            // RFC 3261 17.2.2: the last response is sent again.
            State::Proceeding | State::Completed => {
                self.last_response.iter().cloned().map(ServerEffect::Send).collect()
            }
        }
    }

    /// A timer fired.
    pub fn timer(&mut self, now: Instant, timer: Timer) -> ServerEffects {
        let mut effects = ServerEffects::new();
        match (self.state, timer) {
            // RFC 4320 4.1: a core that is still at work spares the client its retransmissions with a 100.
            (State::Trying | State::Proceeding, Timer::Int1) if self.patience == Timer::Int1 => {
                if self.state == State::Trying {
                    effects.push(ServerEffect::StillAlive);
                }
                self.patience = Timer::Int2;
                effects.push(ServerEffect::Arm(Timer::Int2, now + self.timings.int2()));
            }
            // RFC 4320 4.2: the client's timer F has fired, a late response (408 included) only does harm.
            (State::Trying | State::Proceeding, Timer::Int2) if self.patience == Timer::Int2 => {
                self.terminate(&mut effects);
            }
            // RFC 3261 17.2.2: timer J.
            (State::Completed, Timer::J) => self.terminate(&mut effects),
            // A timer that this state does not want: it was stopped, or belongs to another machine.
            _ => {}
        }
        effects
    }

    fn terminate(&mut self, effects: &mut ServerEffects) {
        self.state = State::Terminated;
        effects.push(ServerEffect::Terminated);
    }
}
