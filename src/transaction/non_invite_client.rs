//! Non-INVITE client transaction: RFC 3261 17.1.2.

use std::time::{Duration, Instant};

use smallvec::smallvec;

use super::{ClientEffect, ClientEffects, Timer, Timings};

/// The states of RFC 3261 figure 6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing came back yet.
    Trying,
    /// A provisional response came.
    Proceeding,
    /// The final response came; its retransmissions are absorbed.
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

/// One client transaction of any method but INVITE and ACK.
#[derive(Debug)]
pub struct NonInviteClient {
    state: State,
    reliable: bool,
    timings: Timings,
    /// Timer E's last interval.
    interval: Duration,
    /// The core waits for nothing but a 2xx.
    unattended: bool,
}

impl NonInviteClient {
    /// Starts the transaction by sending its request. `timer_f` comes from the profile; `reliable` says that the
    /// transport retransmits by itself.
    pub fn new(now: Instant, reliable: bool, timings: &Timings, timer_f: Duration) -> (Self, ClientEffects) {
        let machine = NonInviteClient {
            state: State::Trying,
            reliable,
            timings: *timings,
            interval: timings.t1,
            unattended: false,
        };
        // RFC 3261 17.1.2.2: timer E only over unreliable transports, timer F over all.
        let mut effects: ClientEffects = smallvec![ClientEffect::SendRequest];
        if !reliable {
            effects.push(ClientEffect::Arm(Timer::E, now + timings.t1));
        }
        effects.push(ClientEffect::Arm(Timer::F, now + timer_f));
        (machine, effects)
    }

    /// The present state.
    pub fn state(&self) -> State {
        self.state
    }

    /// A response arrived.
    pub fn response(&mut self, now: Instant, status: u16) -> ClientEffects {
        let mut effects = ClientEffects::new();
        match (self.state, status) {
            // RFC 3261 17.1.2.2: a provisional response is passed up, 100 excepted, which is for this hop only
            // (16.7 item 2). Timers E and F go on.
            (State::Trying | State::Proceeding, 100..=199) => {
                self.state = State::Proceeding;
                if status != 100 && !self.unattended {
                    effects.push(ClientEffect::Response);
                }
            }
            // RFC 3261 17.1.2.2: the final response is passed up. Timer K is zero over a reliable transport.
            (State::Trying | State::Proceeding, 200..=699) => {
                if !self.reliable {
                    effects.push(ClientEffect::Stop(Timer::E));
                }
                effects.push(ClientEffect::Stop(Timer::F));
                effects.push(if self.unattended && status >= 300 {
                    ClientEffect::SwallowedFinal
                } else {
                    ClientEffect::Response
                });
                if self.reliable {
                    self.terminate(&mut effects);
                } else {
                    self.state = State::Completed;
                    effects.push(ClientEffect::Arm(Timer::K, now + self.timings.t4));
                }
            }
            // RFC 3261 17.1.2.2: Completed exists to absorb retransmissions.
            (State::Completed, _) => {}
            (State::Trying | State::Proceeding | State::Terminated, _) => {}
        }
        effects
    }

    /// The core has turned to another branch: keep everything but a 2xx from it. A non-INVITE cannot be cancelled
    /// (RFC 3261 9.1), so the request goes on to its end.
    pub fn abandon(&mut self, _now: Instant) -> ClientEffects {
        self.unattended = true;
        ClientEffects::new()
    }

    /// Whether [`Self::abandon`] was called: nobody waits for its end.
    pub fn is_unattended(&self) -> bool {
        self.unattended
    }

    /// The transport could not deliver the request, or lost its connection.
    pub fn transport_failed(&mut self, _now: Instant) -> ClientEffects {
        let mut effects = ClientEffects::new();
        // RFC 3261 17.1.2.2, 17.1.4: only while trying. Once a response came the peer has the request and may answer
        // over another connection.
        if self.state == State::Trying {
            if !self.unattended {
                effects.push(ClientEffect::TransportFailed);
            }
            self.terminate(&mut effects);
        }
        effects
    }

    /// A timer fired.
    pub fn timer(&mut self, now: Instant, timer: Timer) -> ClientEffects {
        let mut effects = ClientEffects::new();
        match (self.state, timer) {
            // RFC 3261 17.1.2.2: timer E doubles up to T2 while trying, and is T2 while proceeding.
            (State::Trying | State::Proceeding, Timer::E) if !self.reliable => {
                self.interval = match self.state {
                    State::Trying => self.timings.doubled(self.interval),
                    _ => self.timings.t2,
                };
                effects.push(ClientEffect::SendRequest);
                effects.push(ClientEffect::Arm(Timer::E, now + self.interval));
            }
            // RFC 3261 17.1.2.2: timer F. Nobody is told when nobody waits.
            (State::Trying | State::Proceeding, Timer::F) => {
                if !self.unattended {
                    effects.push(ClientEffect::Timeout);
                }
                self.terminate(&mut effects);
            }
            // RFC 3261 17.1.2.2: timer K.
            (State::Completed, Timer::K) => self.terminate(&mut effects),
            // A timer that this state does not want: it was stopped, or belongs to another machine.
            _ => {}
        }
        effects
    }

    fn terminate(&mut self, effects: &mut ClientEffects) {
        self.state = State::Terminated;
        effects.push(ClientEffect::Terminated);
    }
}
