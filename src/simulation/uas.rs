//! A scripted callee (RFC 3261 8.2, 13.3, 17.2).

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::peer::{Peer, PeerApi};
use super::uac::transport_parameter;
use super::user_agent::{branch, record_route_lines, with_via, Dialog};
use crate::message::{reason_phrase, reply, Message, Method, Source, Transport};
use crate::transaction::Timings;

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalleeState {
    /// The INVITE has come.
    Ringing,
    /// It was refused with this status, and the ACK has not come.
    Refused(u16),
    /// It was refused with this status, and the ACK has come, or did not in time.
    Over(u16),
    /// It was accepted, and the ACK has not come.
    Accepted,
    /// It was accepted, and the ACK has come.
    Up,
    /// It was accepted, and the other side has hung up.
    EndedByPeer,
    /// It was accepted, no ACK came in time, and this side has hung up (RFC 3261 13.3.1.4).
    NeverAcknowledged,
}

/// A call that has come to a [`Uas`].
#[derive(Debug)]
pub struct UasCall {
    state: CalleeState,
    invite: Message,
    source: Source,
    tag: String,
    /// The latest response.
    response: Option<Bytes>,
    interval: Duration,
    left: Duration,
    canceled: bool,
    dialog: Option<Dialog>,
    acks: usize,
    bye: Option<(Bytes, Bytes)>,
}

impl UasCall {
    /// How far it has come.
    pub fn state(&self) -> CalleeState {
        self.state
    }

    /// Its INVITE.
    pub fn invite(&self) -> &Message {
        &self.invite
    }

    /// Whether a CANCEL has come for it.
    pub fn is_canceled(&self) -> bool {
        self.canceled
    }

    /// How many ACKs have come for it.
    pub fn acks(&self) -> usize {
        self.acks
    }
}

/// A timer of a call: the next of the answers, or the time to repeat something.
const REPEAT: u64 = 0xff;
const REPEAT_BYE: u64 = 0xfe;

/// A callee. It answers each INVITE with the same statuses, each after a time from the INVITE on.
#[derive(Debug)]
pub struct Uas {
    answers: Vec<(Duration, u16)>,
    lines: Vec<Bytes>,
    timings: Timings,
    calls: Vec<UasCall>,
    by_branch: BTreeMap<Bytes, usize>,
    by_tag: BTreeMap<Bytes, usize>,
    others: Vec<Message>,
}

impl Uas {
    /// A callee that rings at once and answers with this status after a time.
    pub fn answering(status: u16, after: Duration) -> Uas {
        Uas::with_answers(&[(Duration::ZERO, 180), (after, status)])
    }

    /// A callee that answers with these statuses, each after a time from the INVITE on.
    pub fn with_answers(answers: &[(Duration, u16)]) -> Uas {
        assert!(answers.len() < REPEAT_BYE as usize, "too many answers");
        Uas {
            answers: answers.to_vec(),
            lines: Vec::new(),
            timings: Timings::default(),
            calls: Vec::new(),
            by_branch: BTreeMap::new(),
            by_tag: BTreeMap::new(),
            others: Vec::new(),
        }
    }

    /// Adds a header line to all answers, such as `Retry-After: 5`.
    #[must_use]
    pub fn with_line(mut self, line: &str) -> Uas {
        self.lines.push(Bytes::copy_from_slice(line.as_bytes()));
        self
    }

    /// All calls that have come, in their order.
    pub fn calls(&self) -> &[UasCall] {
        &self.calls
    }

    /// The requests that have come but INVITE, ACK, CANCEL and BYE.
    pub fn others(&self) -> &[Message] {
        &self.others
    }

    /// Answers a call now, whatever else it would do.
    pub fn answer(&mut self, api: &mut PeerApi<'_>, number: usize, status: u16) {
        self.respond(api, number, status);
    }

    fn arm(&self, api: &mut PeerApi<'_>, number: usize, what: u64, after: Duration) {
        api.after(after, (number as u64) << 8 | what);
    }

    fn invite(&mut self, api: &mut PeerApi<'_>, message: Message, source: Source) {
        let branch = branch(&message);
        if let Some(&number) = self.by_branch.get(&branch) {
            if let Some(response) = self.calls[number].response.clone() {
                api.send(response, source.remote);
            }
            return;
        }
        let number = self.calls.len();
        let tag = format!("{:016x}", api.random().number());
        self.by_branch.insert(branch, number);
        self.by_tag.insert(tag.clone().into(), number);
        self.calls.push(UasCall {
            state: CalleeState::Ringing,
            invite: message,
            source,
            tag,
            response: None,
            interval: self.timings.t1,
            left: self.timings.transaction_timeout(),
            canceled: false,
            dialog: None,
            acks: 0,
            bye: None,
        });
        for (step, (after, _)) in self.answers.clone().into_iter().enumerate() {
            self.arm(api, number, step as u64, after);
        }
    }

    fn respond(&mut self, api: &mut PeerApi<'_>, number: usize, status: u16) {
        let call = &mut self.calls[number];
        if call.state != CalleeState::Ringing {
            return;
        }
        let mut lines = self.lines.clone();
        if status < 300 && status > 100 {
            let transport = transport_parameter(api.transport());
            lines.push(format!("Contact: <sip:callee@{}{transport}>", api.address()).into());
            lines.extend(record_route_lines(&call.invite));
        }
        let tag = Some(call.tag.as_bytes()).filter(|_| status > 100);
        let reason = reason_phrase(status).as_bytes();
        let wire = reply(&call.invite, status, reason, tag, &lines, b"", b"");
        call.response = Some(wire.clone());
        api.send(wire, call.source.remote);
        call.state = match status {
            ..200 => CalleeState::Ringing,
            200..300 => {
                call.dialog = Some(Dialog::of_callee(&call.invite, call.tag.as_bytes()));
                CalleeState::Accepted
            }
            _ => CalleeState::Refused(status),
        };
        if status >= 200 {
            let after = call.interval;
            self.arm(api, number, REPEAT, after);
        }
    }

    /// RFC 3261 13.3.1.4 and 17.2.1: a final response is repeated until its ACK comes, a 2xx over every transport.
    fn repeat(&mut self, api: &mut PeerApi<'_>, number: usize) {
        let (t2, udp) = (self.timings.t2, api.transport() == Transport::Udp);
        let call = &mut self.calls[number];
        let accepted = call.state == CalleeState::Accepted;
        if !accepted && !matches!(call.state, CalleeState::Refused(_)) {
            return;
        }
        call.left = call.left.saturating_sub(call.interval);
        if call.left.is_zero() {
            match call.state {
                CalleeState::Refused(status) => call.state = CalleeState::Over(status),
                _ => {
                    call.state = CalleeState::NeverAcknowledged;
                    self.hang_up(api, number);
                }
            }
            return;
        }
        if let Some(response) = call.response.clone().filter(|_| accepted || udp) {
            api.send(response, call.source.remote);
        }
        call.interval = (call.interval * 2).min(t2).min(call.left);
        let after = call.interval;
        self.arm(api, number, REPEAT, after);
    }

    fn hang_up(&mut self, api: &mut PeerApi<'_>, number: usize) {
        let call = &mut self.calls[number];
        let Some(dialog) = &mut call.dialog else { return };
        let wire = with_via(api, dialog.request(Method::Bye)).to_bytes();
        let of = Message::parse(wire.clone()).map(|(message, _)| branch(&message)).unwrap_or_default();
        api.send(wire.clone(), call.source.remote);
        call.bye = Some((of, wire));
        call.interval = self.timings.t1;
        call.left = self.timings.transaction_timeout();
        self.arm(api, number, REPEAT_BYE, self.timings.t1);
    }

    fn repeat_bye(&mut self, api: &mut PeerApi<'_>, number: usize) {
        let t2 = self.timings.t2;
        let call = &mut self.calls[number];
        call.left = call.left.saturating_sub(call.interval);
        if call.left.is_zero() {
            call.bye = None;
        }
        let Some((_, wire)) = &call.bye else { return };
        if api.transport() == Transport::Udp {
            api.send(wire.clone(), call.source.remote);
        }
        call.interval = (call.interval * 2).min(t2);
        let after = call.interval;
        self.arm(api, number, REPEAT_BYE, after);
    }

    /// The call of a request inside its dialog.
    fn call_of(&mut self, message: &Message) -> Option<&mut UasCall> {
        let number = *self.by_tag.get(message.to_tag()?)?;
        Some(&mut self.calls[number]).filter(|call| call.invite.call_id() == message.call_id())
    }

    fn ack(&mut self, message: &Message) {
        let call = self.call_of(message);
        let Some(call) = call else { return };
        call.acks += 1;
        call.state = match call.state {
            CalleeState::Accepted => CalleeState::Up,
            CalleeState::Refused(status) => CalleeState::Over(status),
            other => other,
        };
    }

    fn cancel(&mut self, api: &mut PeerApi<'_>, message: &Message, source: &Source) {
        let number = self.by_branch.get(&branch(message)).copied();
        let status = if number.is_some() { 200 } else { 481 };
        let wire = reply(message, status, reason_phrase(status).as_bytes(), Some(b"c"), &[], b"", b"");
        api.send(wire, source.remote);
        if let Some(number) = number {
            self.calls[number].canceled = true;
            self.respond(api, number, 487);
        }
    }

    fn bye(&mut self, api: &mut PeerApi<'_>, message: &Message, source: &Source) {
        let call = self.call_of(message);
        let status = match call {
            Some(call) => {
                if matches!(call.state, CalleeState::Up | CalleeState::Accepted) {
                    call.state = CalleeState::EndedByPeer;
                }
                200
            }
            None => 481,
        };
        api.send(
            reply(message, status, reason_phrase(status).as_bytes(), None, &[], b"", b""),
            source.remote,
        );
    }
}

impl Peer for Uas {
    fn receive(&mut self, api: &mut PeerApi<'_>, message: Message, source: Source) {
        match message.method() {
            None => {
                let of = branch(&message);
                let ended = message.status().is_some_and(|status| status >= 200);
                let call =
                    self.calls.iter_mut().find(|call| call.bye.as_ref().is_some_and(|bye| bye.0 == of));
                if let (Some(call), true) = (call, ended) {
                    call.bye = None;
                }
            }
            Some(Method::Invite) => self.invite(api, message, source),
            Some(Method::Ack) => self.ack(&message),
            Some(Method::Cancel) => self.cancel(api, &message, &source),
            Some(Method::Bye) => self.bye(api, &message, &source),
            Some(_) => {
                let wire = reply(&message, 200, b"OK", Some(b"o"), &self.lines, b"", b"");
                api.send(wire, source.remote);
                self.others.push(message);
            }
        }
    }

    fn timer(&mut self, api: &mut PeerApi<'_>, key: u64) {
        let number = (key >> 8) as usize;
        match key & 0xff {
            REPEAT => self.repeat(api, number),
            REPEAT_BYE => self.repeat_bye(api, number),
            step => {
                if let Some(&(_, status)) = self.answers.get(step as usize) {
                    self.respond(api, number, status);
                }
            }
        }
    }
}
