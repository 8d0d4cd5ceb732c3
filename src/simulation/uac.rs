//! A scripted caller (RFC 3261 8.1, 13.2, 17.1).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::peer::{Peer, PeerApi};
use super::user_agent::{branch, via, with_via, Dialog};
use crate::message::{
    ack_for, cancel_for, reason_phrase, reply, Headers, Message, Method, RequestSnapshot, Source, Transport,
};
use crate::transaction::Timings;

/// What a caller does in a call.
#[derive(Debug, Clone, Default)]
pub struct CallPlan {
    /// It cancels after this time, if there is no final response by then. The CANCEL waits for a provisional response
    /// (RFC 3261 9.1).
    pub cancel_after: Option<Duration>,
    /// It hangs up so long after the call was accepted.
    pub hang_up_after: Option<Duration>,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallState {
    /// No response has come.
    Calling,
    /// A provisional response has come.
    Proceeding,
    /// It was refused with this status.
    Refused(u16),
    /// It was accepted.
    Up,
    /// It was accepted, and this side has hung up.
    HungUp,
    /// It was accepted, and the other side has hung up.
    EndedByPeer,
    /// No final response came in time (Timer B, or 64*T1 after CANCEL).
    TimedOut,
}

/// A call of a [`Uac`].
#[derive(Debug)]
pub struct UacCall {
    state: CallState,
    invite: RequestSnapshot,
    wire: Bytes,
    plan: CallPlan,
    branch: Bytes,
    interval: Duration,
    /// The statuses of all responses to the INVITE, in their order, repeated ones included.
    statuses: Vec<u16>,
    wants_cancel: bool,
    canceled: bool,
    /// The CANCEL has its answer.
    cancel_answered: bool,
    /// The dialogs that 2xx have made, by the tag of the callee, with the ACK of each.
    dialogs: BTreeMap<Bytes, (Dialog, Bytes)>,
    /// The tag of the callee whose 2xx came first: of the dialog that is kept.
    kept: Option<Bytes>,
    /// The BYEs that it has sent, one for each dialog; `None` once answered or given up.
    byes: Vec<Option<Request>>,
}

/// A request that waits for its final response.
#[derive(Debug)]
struct Request {
    branch: Bytes,
    wire: Bytes,
    interval: Duration,
    left: Duration,
}

impl UacCall {
    /// How far it has come.
    pub fn state(&self) -> CallState {
        self.state
    }

    /// The statuses of all responses to its INVITE, in their order, repeated ones included.
    pub fn statuses(&self) -> &[u16] {
        &self.statuses
    }

    /// Its Call-ID.
    pub fn call_id(&self) -> &[u8] {
        self.invite.call_id().unwrap_or_default()
    }

    /// How many different callees have accepted it.
    pub fn dialogs(&self) -> usize {
        self.dialogs.len()
    }

    /// Whether its CANCEL was sent.
    pub fn is_canceled(&self) -> bool {
        self.canceled
    }

    /// Whether a BYE that it has sent waits for its response.
    pub fn awaits_bye(&self) -> bool {
        self.byes.iter().any(Option::is_some)
    }

    fn is_undecided(&self) -> bool {
        matches!(self.state, CallState::Calling | CallState::Proceeding)
    }
}

/// What a timer of a call is for.
#[derive(Debug, Clone, Copy)]
enum For {
    /// Timer A.
    Repeat,
    /// Timer B.
    GiveUp,
    /// The end of the wait for the final response after CANCEL (RFC 3261 9.1).
    GiveUpCanceled,
    Cancel,
    HangUp,
}

const FOR: [For; 5] = [For::Repeat, For::GiveUp, For::GiveUpCanceled, For::Cancel, For::HangUp];

/// From this number on a timer repeats one of the BYEs.
const FIRST_BYE: u64 = 0x80;

fn bye_key(number: usize, index: usize) -> u64 {
    (number as u64) << 8 | (FIRST_BYE + index as u64).min(0xff)
}

/// A caller that sends everything to one next hop.
#[derive(Debug)]
pub struct Uac {
    hop: SocketAddr,
    user: String,
    timings: Timings,
    calls: Vec<UacCall>,
    by_call_id: BTreeMap<Bytes, usize>,
    /// Responses that belong to no request of this side.
    strays: usize,
}

impl Uac {
    /// A caller with this user name.
    pub fn new(user: &str, hop: SocketAddr) -> Uac {
        Uac {
            hop,
            user: user.to_owned(),
            timings: Timings::default(),
            calls: Vec::new(),
            by_call_id: BTreeMap::new(),
            strays: 0,
        }
    }

    /// All calls, in the order they were begun.
    pub fn calls(&self) -> &[UacCall] {
        &self.calls
    }

    /// How many messages have come that belong to nothing that this side has sent.
    pub fn strays(&self) -> usize {
        self.strays
    }

    /// Calls somebody, and says which of [`Uac::calls`] it is.
    pub fn call(&mut self, api: &mut PeerApi<'_>, uri: &str, plan: CallPlan) -> usize {
        let number = self.calls.len();
        let (call_id, tag) = (api.random().number(), api.random().number());
        let call_id = format!("{call_id:016x}@{}", api.address().ip());
        let from = format!("<sip:{}@{}>;tag={tag:016x}", self.user, api.address().ip());
        let contact =
            format!("<sip:{}@{}{}>", self.user, api.address(), transport_parameter(api.transport()));
        let mut headers = Headers::new();
        let lines: [(&str, String); 7] = [
            ("Via", via(api)),
            ("Max-Forwards", "70".into()),
            ("From", from),
            ("To", format!("<{uri}>")),
            ("Call-ID", call_id.clone()),
            ("CSeq", "1 INVITE".into()),
            ("Contact", contact),
        ];
        for (name, value) in lines {
            headers.push(name.as_bytes(), value.as_bytes());
        }
        let ruri = Bytes::copy_from_slice(uri.as_bytes());
        let invite = RequestSnapshot { method: Method::Invite, ruri, headers, body: Bytes::new() };
        let wire = invite.to_bytes();
        let branch = Message::parse(wire.clone()).map(|(message, _)| branch(&message)).unwrap_or_default();
        self.by_call_id.insert(call_id.into(), number);
        let interval = self.timings.t1;
        api.send(wire.clone(), self.hop);
        if api.transport() == Transport::Udp {
            self.arm(api, number, For::Repeat, interval);
        }
        self.arm(api, number, For::GiveUp, self.timings.transaction_timeout());
        if let Some(after) = plan.cancel_after {
            self.arm(api, number, For::Cancel, after);
        }
        self.calls.push(UacCall {
            state: CallState::Calling,
            invite,
            wire,
            plan,
            branch,
            interval,
            statuses: Vec::new(),
            wants_cancel: false,
            canceled: false,
            cancel_answered: false,
            dialogs: BTreeMap::new(),
            kept: None,
            byes: Vec::new(),
        });
        number
    }

    /// Cancels a call, if it has no final response. The CANCEL waits for a provisional response (RFC 3261 9.1).
    pub fn cancel(&mut self, api: &mut PeerApi<'_>, number: usize) {
        if self.calls[number].is_undecided() {
            self.calls[number].wants_cancel = true;
            self.send_cancel(api, number);
        }
    }

    /// Hangs up a call, if it is up.
    pub fn hang_up(&mut self, api: &mut PeerApi<'_>, number: usize) {
        if self.calls[number].state != CallState::Up {
            return;
        }
        self.calls[number].state = CallState::HungUp;
        if let Some(tag) = self.calls[number].kept.clone() {
            self.send_bye(api, number, &tag);
        }
    }

    fn arm(&self, api: &mut PeerApi<'_>, number: usize, what: For, after: Duration) {
        api.after(after, (number as u64) << 8 | what as u64);
    }

    fn send_cancel(&mut self, api: &mut PeerApi<'_>, number: usize) {
        let call = &mut self.calls[number];
        if call.state != CallState::Proceeding || !call.wants_cancel || call.canceled {
            return;
        }
        call.canceled = true;
        api.send(cancel_for(&call.invite, &[]), self.hop);
        // Over UDP it may be lost: it is sent again as long as it is not answered, by Timer A's timer.
        self.calls[number].interval = self.timings.t1;
        if api.transport() == Transport::Udp {
            self.arm(api, number, For::Repeat, self.timings.t1);
        }
        self.arm(api, number, For::GiveUpCanceled, self.timings.transaction_timeout());
    }

    fn send_bye(&mut self, api: &mut PeerApi<'_>, number: usize, tag: &Bytes) {
        let call = &mut self.calls[number];
        let Some((dialog, _)) = call.dialogs.get_mut(tag) else { return };
        let wire = with_via(api, dialog.request(Method::Bye)).to_bytes();
        let branch = Message::parse(wire.clone()).map(|(message, _)| branch(&message)).unwrap_or_default();
        api.send(wire.clone(), self.hop);
        let left = self.timings.transaction_timeout();
        let index = call.byes.len();
        call.byes.push(Some(Request { branch, wire, interval: self.timings.t1, left }));
        api.after(self.timings.t1, bye_key(number, index));
    }

    fn repeat_bye(&mut self, api: &mut PeerApi<'_>, number: usize, index: usize) {
        let (t2, timeout) = (self.timings.t2, self.timings.transaction_timeout());
        let place = &mut self.calls[number].byes[index];
        let Some(bye) = place else { return };
        if bye.left.is_zero() {
            *place = None;
            return;
        }
        if api.transport() == Transport::Udp {
            api.send(bye.wire.clone(), self.hop);
        }
        bye.left = bye.left.saturating_sub(bye.interval);
        bye.interval = (bye.interval * 2).min(t2);
        api.after(bye.interval.min(timeout), bye_key(number, index));
    }

    fn response(&mut self, api: &mut PeerApi<'_>, message: Message) {
        let number = message.call_id().and_then(|id| self.by_call_id.get(id)).copied();
        let (Some(number), Some(status)) = (number, message.status()) else {
            self.strays += 1;
            return;
        };
        let of = branch(&message);
        match message.cseq_method() {
            Some(Method::Invite) if of == self.calls[number].branch => {
                self.calls[number].statuses.push(status);
                match status {
                    100..=199 => self.provisional(api, number),
                    200..=299 => self.success(api, number, &message),
                    _ => self.failure(api, number, &message, status),
                }
            }
            Some(Method::Cancel) if of == self.calls[number].branch => {
                self.calls[number].cancel_answered |= status >= 200;
            }
            Some(Method::Bye) => {
                let call = &mut self.calls[number];
                let of_it = |bye: &&mut Option<Request>| bye.as_ref().is_some_and(|bye| bye.branch == of);
                if let Some(bye) = call.byes.iter_mut().find(of_it).filter(|_| status >= 200) {
                    *bye = None;
                }
            }
            _ => self.strays += 1,
        }
    }

    fn provisional(&mut self, api: &mut PeerApi<'_>, number: usize) {
        if self.calls[number].state == CallState::Calling {
            self.calls[number].state = CallState::Proceeding;
            self.send_cancel(api, number);
        }
    }

    fn success(&mut self, api: &mut PeerApi<'_>, number: usize, message: &Message) {
        let tag = message.to_tag().map(Bytes::copy_from_slice).unwrap_or_default();
        if let Some((_, ack)) = self.calls[number].dialogs.get(&tag) {
            api.send(ack.clone(), self.hop);
            return;
        }
        let call = &mut self.calls[number];
        let cseq = call.invite.cseq().unwrap_or(1);
        let mut dialog = Dialog::of_caller(message, cseq, &call.invite.ruri);
        let ack = with_via(api, dialog.request(Method::Ack)).to_bytes();
        api.send(ack.clone(), self.hop);
        call.dialogs.insert(tag.clone(), (dialog, ack));
        if !call.is_undecided() {
            // A second callee, or one that is too late.
            return self.send_bye(api, number, &tag);
        }
        if call.wants_cancel {
            call.state = CallState::HungUp;
            return self.send_bye(api, number, &tag);
        }
        call.state = CallState::Up;
        call.kept = Some(tag);
        if let Some(after) = call.plan.hang_up_after {
            self.arm(api, number, For::HangUp, after);
        }
    }

    fn failure(&mut self, api: &mut PeerApi<'_>, number: usize, message: &Message, status: u16) {
        let call = &mut self.calls[number];
        if call.is_undecided() {
            call.state = CallState::Refused(status);
        }
        api.send(ack_for(&call.invite, message), self.hop);
    }

    fn request(&mut self, api: &mut PeerApi<'_>, message: &Message, source: &Source) {
        let number = message.call_id().and_then(|id| self.by_call_id.get(id)).copied();
        let status = match (message.method(), number) {
            (Some(Method::Ack), _) => return,
            (Some(Method::Bye), Some(number)) => {
                let call = &mut self.calls[number];
                if call.state == CallState::Up {
                    call.state = CallState::EndedByPeer;
                }
                200
            }
            _ => 481,
        };
        let wire = reply(message, status, reason_phrase(status).as_bytes(), None, &[], b"", b"");
        api.send(wire, source.remote);
    }
}

impl Peer for Uac {
    fn receive(&mut self, api: &mut PeerApi<'_>, message: Message, source: Source) {
        if message.is_request() {
            self.request(api, &message, &source);
        } else {
            self.response(api, message);
        }
    }

    fn timer(&mut self, api: &mut PeerApi<'_>, key: u64) {
        let number = (key >> 8) as usize;
        if let Some(index) = (key & 0xff).checked_sub(FIRST_BYE) {
            return self.repeat_bye(api, number, index as usize);
        }
        let what = FOR[(key & 0xff) as usize];
        let call = &mut self.calls[number];
        match what {
            For::Repeat if call.state == CallState::Calling => {
                api.send(call.wire.clone(), self.hop);
                call.interval *= 2;
                let after = call.interval;
                self.arm(api, number, For::Repeat, after);
            }
            For::Repeat if call.state == CallState::Proceeding && call.canceled && !call.cancel_answered => {
                api.send(cancel_for(&call.invite, &[]), self.hop);
                call.interval = (call.interval * 2).min(self.timings.t2);
                let after = call.interval;
                self.arm(api, number, For::Repeat, after);
            }
            For::GiveUp if call.state == CallState::Calling => call.state = CallState::TimedOut,
            For::GiveUpCanceled if call.state == CallState::Proceeding => {
                call.state = CallState::TimedOut;
            }
            For::Cancel => self.cancel(api, number),
            For::HangUp => self.hang_up(api, number),
            For::Repeat | For::GiveUp | For::GiveUpCanceled => {}
        }
    }
}

/// The parameter by which a Contact says that it is not reached by UDP.
pub(super) fn transport_parameter(transport: Transport) -> String {
    match transport {
        Transport::Udp => String::new(),
        other => format!(";transport={}", other.as_str().to_ascii_lowercase()),
    }
}
