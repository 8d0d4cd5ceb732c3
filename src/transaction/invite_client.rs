//! INVITE client transaction: RFC 3261 17.1.1 as amended by RFC 6026 7.2, with timer C (RFC 3261 16.6 item 11) and
//! the CANCEL of its request (RFC 3261 9.1), which shares branch and fate with it.

use std::time::{Duration, Instant};

use smallvec::{smallvec, SmallVec};

use super::{ClientEffect, ClientEffects, Timer, Timings};

/// How many dialogs one INVITE may establish. A 2xx with a tag beyond them is dropped, so that a peer cannot make the
/// list grow for as long as timer M runs.
const MAX_SUCCESS_TAGS: usize = 64;

/// The states of RFC 6026 7.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing came back yet.
    Calling,
    /// A provisional response came.
    Proceeding,
    /// A non-2xx final response came; its retransmissions are acknowledged.
    Completed,
    /// A 2xx came; more may.
    Accepted,
    /// Over.
    Terminated,
}

impl State {
    /// The state's name in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Calling => "calling",
            State::Proceeding => "proceeding",
            State::Completed => "completed",
            State::Accepted => "accepted",
            State::Terminated => "terminated",
        }
    }
}

/// How far the cancellation of the INVITE has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancel {
    /// Nobody asked for it.
    NotAsked,
    /// Asked for before a provisional response: CANCEL must wait for one.
    Held,
    /// Sent and not answered. `interval` is timer E's next one; `provisional` says that CANCEL itself got a 1xx.
    Sent { interval: Duration, provisional: bool },
    /// Sent and answered.
    Answered,
}

/// One INVITE client transaction.
#[derive(Debug)]
pub struct InviteClient {
    state: State,
    reliable: bool,
    timings: Timings,
    /// Timer A's next interval.
    interval: Duration,
    /// Timer C's interval, where provisional responses set it anew.
    restart_c: Option<Duration>,
    cancel: Cancel,
    /// Timer C fired: no more retransmissions of the INVITE.
    expired: bool,
    /// The core waits for nothing but a 2xx: timer C fired, or the branch was abandoned.
    unattended: bool,
    /// What is left of timer B when it comes early.
    rest: Option<Duration>,
    /// To tags of the 2xx passed up so far; a 2xx without one counts as an empty tag.
    success_tags: SmallVec<[SmallVec<[u8; 24]>; 1]>,
}

impl InviteClient {
    /// Starts the transaction by sending its request. `timer_b` and `timer_c` come from the profile; `reliable` says
    /// that the transport retransmits by itself.
    pub fn new(
        now: Instant,
        reliable: bool,
        timings: &Timings,
        timer_b: Duration,
        timer_c: Duration,
    ) -> (Self, ClientEffects) {
        let machine = InviteClient {
            state: State::Calling,
            reliable,
            timings: *timings,
            interval: timings.t1,
            restart_c: None,
            cancel: Cancel::NotAsked,
            expired: false,
            unattended: false,
            rest: None,
            success_tags: SmallVec::new(),
        };
        // RFC 3261 17.1.1.2: timer A only over unreliable transports, timer B over all.
        // RFC 3261 16.6 item 11: timer C is started when the INVITE is forwarded.
        let mut effects: ClientEffects = smallvec![ClientEffect::SendRequest];
        if !reliable {
            effects.push(ClientEffect::Arm(Timer::A, now + timings.t1));
        }
        effects.push(ClientEffect::Arm(Timer::B, now + timer_b));
        effects.push(ClientEffect::Arm(Timer::C, now + timer_c));
        (machine, effects)
    }

    /// The core waits for a first response only `limit`, less than `timer_b`. The callee may begin to ring later
    /// nevertheless: the transaction goes on without the core until timer B, to cancel that. Due right after `new`.
    pub fn limit_calling(&mut self, now: Instant, limit: Duration, timer_b: Duration) -> ClientEffects {
        self.rest = Some(timer_b.saturating_sub(limit));
        smallvec![ClientEffect::Arm(Timer::B, now + limit)]
    }

    /// Every provisional response but 100 gives the callee the whole of timer C again (RFC 3261 16.7 step 2). Due right after
    /// `new`, with its `timer_c`.
    pub fn restart_timer_c(&mut self, timer_c: Duration) {
        self.restart_c = Some(timer_c);
    }

    /// The present state.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether a 2xx with this To tag was passed up before.
    pub fn knows_success(&self, to_tag: Option<&[u8]>) -> bool {
        let tag = to_tag.unwrap_or_default();
        self.success_tags.iter().any(|known| **known == *tag)
    }

    /// Whether the INVITE is to be cancelled or was, by `cancel`, `abandon` or timer C.
    pub fn is_canceled(&self) -> bool {
        self.cancel != Cancel::NotAsked
    }

    /// A response to the INVITE arrived. `to_tag` tells the 2xx of different dialogs apart.
    pub fn response(&mut self, now: Instant, status: u16, to_tag: Option<&[u8]>) -> ClientEffects {
        let mut effects = ClientEffects::new();
        match (self.state, status) {
            // RFC 3261 17.1.1.2: the first provisional response ends retransmission and timer B.
            (State::Calling, 100..=199) => {
                self.stop_calling(&mut effects);
                self.state = State::Proceeding;
                // RFC 3261 9.1: a CANCEL asked for earlier may go now.
                if self.cancel == Cancel::Held {
                    self.send_cancel(now, &mut effects);
                }
                self.prolong(now, status, &mut effects);
                self.pass_provisional(status, &mut effects);
            }
            // RFC 3261 17.1.1.2: further provisional responses are passed up.
            (State::Proceeding, 100..=199) => {
                self.prolong(now, status, &mut effects);
                self.pass_provisional(status, &mut effects);
            }
            // RFC 6026 7.2: a 2xx is passed up and timer M is started. It passes even when CANCEL was sent or the core
            // has turned away (RFC 3261 9.1, 16.7): the callee believes in a session and must hear of its end.
            (State::Calling | State::Proceeding, 200..=299) => {
                self.stop_waiting(&mut effects);
                self.state = State::Accepted;
                self.success_tags.push(SmallVec::from_slice(to_tag.unwrap_or_default()));
                effects.push(ClientEffect::Arm(Timer::M, now + self.timings.transaction_timeout()));
                effects.push(ClientEffect::Response);
            }
            // RFC 6026 7.2: further 2xx are passed up. A repeated one asks for the ACK again, no more.
            (State::Accepted, 200..=299) => {
                if self.knows_success(to_tag) {
                    effects.push(ClientEffect::RepeatedSuccess);
                } else if self.success_tags.len() < MAX_SUCCESS_TAGS {
                    self.success_tags.push(SmallVec::from_slice(to_tag.unwrap_or_default()));
                    effects.push(ClientEffect::Response);
                }
            }
            // RFC 3261 17.1.1.2: a non-2xx final response is acknowledged by the transaction and passed up, once.
            // Timer D is zero over a reliable transport.
            (State::Calling | State::Proceeding, 300..=699) => {
                self.stop_waiting(&mut effects);
                effects.push(ClientEffect::SendAck);
                effects.push(if self.unattended {
                    ClientEffect::SwallowedFinal
                } else {
                    ClientEffect::Response
                });
                if self.reliable {
                    self.terminate(&mut effects);
                } else {
                    self.state = State::Completed;
                    effects.push(ClientEffect::Arm(Timer::D, now + self.timings.d()));
                }
            }
            // RFC 3261 17.1.1.2: its retransmissions are acknowledged again and not passed up.
            (State::Completed, 300..=699) => effects.push(ClientEffect::SendAck),
            // RFC 6026 7.2: nothing else is expected in these states; late provisional responses are dropped.
            (State::Accepted | State::Completed, _) => {}
            (State::Calling | State::Proceeding | State::Terminated, _) => {}
        }
        effects
    }

    /// Asks for CANCEL. It goes at once when a provisional response came, else with the first one; a second request
    /// for it changes nothing.
    pub fn cancel(&mut self, now: Instant) -> ClientEffects {
        let mut effects = ClientEffects::new();
        if self.is_canceled() {
            return effects;
        }
        match self.state {
            // RFC 3261 9.1: no CANCEL before a provisional response, since it could overtake the INVITE. The INVITE
            // goes on being retransmitted to draw that response out.
            State::Calling => {
                effects.push(ClientEffect::Stop(Timer::C));
                self.cancel = Cancel::Held;
            }
            // RFC 3261 9.1.
            State::Proceeding => {
                effects.push(ClientEffect::Stop(Timer::C));
                self.send_cancel(now, &mut effects);
            }
            // RFC 3261 9.1: CANCEL has no effect on a request that has its final response.
            State::Completed | State::Accepted | State::Terminated => {}
        }
        effects
    }

    /// The core has turned to another branch: cancel this one, keep its non-2xx final response from the core, but
    /// let its 2xx through (RFC 3261 16.7 item 10 and its rule for 2xx).
    pub fn abandon(&mut self, now: Instant) -> ClientEffects {
        if matches!(self.state, State::Calling | State::Proceeding) {
            self.unattended = true;
        }
        self.cancel(now)
    }

    /// A response to the CANCEL arrived.
    pub fn cancel_response(&mut self, _now: Instant, status: u16) -> ClientEffects {
        let mut effects = ClientEffects::new();
        if let (State::Proceeding, Cancel::Sent { provisional, .. }) = (self.state, &mut self.cancel) {
            match status {
                // RFC 3261 17.1.2.2: a provisional response slows the retransmissions down to T2.
                100..=199 => *provisional = true,
                // RFC 3261 17.1.2.2: a final one ends them. The INVITE's own final response is still due.
                200..=699 => {
                    self.cancel = Cancel::Answered;
                    if !self.reliable {
                        effects.push(ClientEffect::Stop(Timer::CancelE));
                    }
                }
                _ => {}
            }
        }
        effects
    }

    /// The transport could not deliver the request, or lost its connection.
    pub fn transport_failed(&mut self, _now: Instant) -> ClientEffects {
        let mut effects = ClientEffects::new();
        // RFC 3261 17.1.1.2, 17.1.4: only while calling. Once a response came the peer has the request and may answer
        // over another connection; a failed ACK or CANCEL is made good by retransmissions or ended by a timer.
        if self.state == State::Calling {
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
            // RFC 3261 17.1.1.2: timer A doubles at each retransmission, without a limit but timer B.
            (State::Calling, Timer::A) if !self.expired && !self.reliable => {
                self.interval *= 2;
                effects.push(ClientEffect::SendRequest);
                effects.push(ClientEffect::Arm(Timer::A, now + self.interval));
            }
            // The time that the core has for the INVITE is over; as for timer C while calling.
            (State::Calling, Timer::B) if self.rest.is_some() => {
                if !self.reliable && !self.expired {
                    effects.push(ClientEffect::Stop(Timer::A));
                }
                effects.push(ClientEffect::Arm(Timer::B, now + self.rest.take().unwrap_or_default()));
                if !self.unattended {
                    effects.push(ClientEffect::Timeout);
                }
                self.expired = true;
                self.unattended = true;
                self.cancel = Cancel::Held;
            }
            // RFC 3261 17.1.1.2: timer B. Nobody is told when nobody waits.
            (State::Calling, Timer::B) => {
                if !self.unattended {
                    effects.push(ClientEffect::Timeout);
                }
                self.terminate(&mut effects);
            }
            // RFC 3261 16.8 asks for a CANCEL, which cannot go before a provisional response. Timer C below timer B:
            // retransmission ends, since nobody wants the call to begin now, and timer B goes on.
            (State::Calling, Timer::C) if !self.is_canceled() => {
                self.expired = true;
                self.unattended = true;
                self.cancel = Cancel::Held;
                if !self.reliable {
                    effects.push(ClientEffect::Stop(Timer::A));
                }
                effects.push(ClientEffect::InviteTimeout);
            }
            // RFC 3261 16.8: timer C after a provisional response.
            (State::Proceeding, Timer::C) if !self.is_canceled() => {
                self.expired = true;
                self.unattended = true;
                self.send_cancel(now, &mut effects);
                effects.push(ClientEffect::InviteTimeout);
            }
            // RFC 3261 9.1: CANCEL is a non-INVITE request and is retransmitted as one (17.1.2.2, timer E).
            (State::Proceeding, Timer::CancelE) if !self.reliable => {
                if let Cancel::Sent { interval, provisional } = &mut self.cancel {
                    *interval = if *provisional { self.timings.t2 } else { self.timings.doubled(*interval) };
                    effects.push(ClientEffect::SendCancel);
                    effects.push(ClientEffect::Arm(Timer::CancelE, now + *interval));
                }
            }
            // RFC 3261 9.1: without a final response 64*T1 after CANCEL the transaction counts as cancelled.
            (State::Proceeding, Timer::CancelWait)
                if matches!(self.cancel, Cancel::Sent { .. } | Cancel::Answered) =>
            {
                if !self.unattended {
                    effects.push(ClientEffect::CancelTimeout);
                }
                self.terminate(&mut effects);
            }
            // RFC 3261 17.1.1.2: timer D.
            (State::Completed, Timer::D) => self.terminate(&mut effects),
            // RFC 6026 7.2: timer M.
            (State::Accepted, Timer::M) => self.terminate(&mut effects),
            // A timer that this state does not want: it was stopped, or belongs to another machine.
            _ => {}
        }
        effects
    }

    /// RFC 3261 16.7 step 2: a provisional response sets timer C anew. Without `restart_timer_c` it does not: a peer that sends
    /// 180 for ever must not hold the call for ever.
    fn prolong(&self, now: Instant, status: u16, effects: &mut ClientEffects) {
        if let Some(timer_c) = self.restart_c.filter(|_| status != 100 && !self.is_canceled()) {
            effects.push(ClientEffect::Arm(Timer::C, now + timer_c));
        }
    }

    /// RFC 3261 17.1.1.2 and 16.7 item 2: 100 is for this hop only. The core that has turned away gets no 1xx.
    fn pass_provisional(&self, status: u16, effects: &mut ClientEffects) {
        if status != 100 && !self.unattended {
            effects.push(ClientEffect::Response);
        }
    }

    /// RFC 3261 9.1: the CANCEL, its retransmission timer and the limit for the INVITE's final response.
    fn send_cancel(&mut self, now: Instant, effects: &mut ClientEffects) {
        self.cancel = Cancel::Sent { interval: self.timings.t1, provisional: false };
        effects.push(ClientEffect::SendCancel);
        if !self.reliable {
            effects.push(ClientEffect::Arm(Timer::CancelE, now + self.timings.t1));
        }
        effects.push(ClientEffect::Arm(Timer::CancelWait, now + self.timings.transaction_timeout()));
    }

    /// Stops what runs only while calling.
    fn stop_calling(&self, effects: &mut ClientEffects) {
        if !self.reliable && !self.expired {
            effects.push(ClientEffect::Stop(Timer::A));
        }
        effects.push(ClientEffect::Stop(Timer::B));
    }

    /// Stops what runs until the final response. CANCEL ends with it too: there is nothing left to cancel.
    fn stop_waiting(&mut self, effects: &mut ClientEffects) {
        if self.state == State::Calling {
            self.stop_calling(effects);
        }
        match self.cancel {
            Cancel::NotAsked => effects.push(ClientEffect::Stop(Timer::C)),
            Cancel::Held => {}
            Cancel::Sent { .. } => {
                if !self.reliable {
                    effects.push(ClientEffect::Stop(Timer::CancelE));
                }
                effects.push(ClientEffect::Stop(Timer::CancelWait));
            }
            Cancel::Answered => effects.push(ClientEffect::Stop(Timer::CancelWait)),
        }
    }

    fn terminate(&mut self, effects: &mut ClientEffects) {
        self.state = State::Terminated;
        effects.push(ClientEffect::Terminated);
    }
}
