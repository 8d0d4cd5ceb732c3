//! An element that calls: a user agent client with a script in Rust (RFC 3261 13.2).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use oversip::client::session::{Callback, CallbackClass};
use oversip::client::{Destination, Profile};
use oversip::element::{ClientId, Origin, OwnRequestId, ReceivedRequest, Round, RoundEnd};
use oversip::message::{Headers, Message, Method, RequestSnapshot};
use oversip::simulation::{Api, Dialog, Script};

/// What becomes of a call at its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// There is no outcome yet. No call ends like this.
    Calling,
    /// It has failed, with this status or one that stands for an error.
    Failed(u16),
    /// It was cancelled, and the INVITE has not failed or been accepted nevertheless.
    Canceled,
    /// It was accepted, and nobody has hung up yet. No call ends like this.
    Up,
    /// It was accepted, and this side has sent BYE. No call ends like this.
    HangingUp,
    /// It was accepted, and this side has hung up; the status of the answer to its BYE, or one that stands for an error.
    HungUp(u16),
    /// It was accepted, and the callee has hung up.
    EndedByCallee,
}

impl State {
    pub fn is_end(self) -> bool {
        !matches!(self, State::Calling | State::Up | State::HangingUp)
    }
}

/// What a caller intends.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub cancel_after: Option<Duration>,
    pub hang_up_after: Duration,
}

#[derive(Debug)]
pub struct Call {
    pub state: State,
    pub canceled: bool,
    /// How often a final outcome was told for its INVITE, but for the 2xx of further callees.
    pub outcomes: usize,
    client: ClientId,
    plan: Plan,
    /// By the tags of the callees that have accepted it.
    pub dialogs: BTreeMap<Bytes, Dialog>,
    /// The tag of the callee that it is with.
    pub with: Option<Bytes>,
}

const KINDS: u64 = 2;
const CANCEL: u64 = 0;
const HANG_UP: u64 = 1;

pub struct Caller {
    profile: Arc<Profile>,
    hop: Destination,
    contact: String,
    pub calls: Vec<Call>,
    /// Of an INVITE, and of a BYE by the call's number; `true`: it ends the call, and not only one of several callees.
    invites: BTreeMap<ClientId, usize>,
    byes: BTreeMap<ClientId, (usize, bool)>,
    requests: u64,
    /// How many BYEs got no 200.
    pub failed_byes: usize,
    /// How often a 2xx was told again, since the connection of its ACK is gone.
    pub told_again: usize,
    /// What should not have come.
    pub strays: BTreeSet<String>,
}

const RURI: &str = "sip:bob@b.example";

impl Caller {
    pub fn new(profile: Profile, hop: Destination, contact: &str) -> Caller {
        Caller {
            profile: Arc::new(profile),
            hop,
            contact: contact.to_owned(),
            calls: Vec::new(),
            invites: BTreeMap::new(),
            byes: BTreeMap::new(),
            requests: 0,
            failed_byes: 0,
            told_again: 0,
            strays: BTreeSet::new(),
        }
    }

    /// The number of a call, by its Call-ID.
    pub fn number(message: &Message) -> Option<usize> {
        std::str::from_utf8(message.call_id()?).ok()?.strip_prefix("call-")?.parse().ok()
    }

    pub fn call(&mut self, api: &mut Api<'_>, plan: Plan) {
        let number = self.calls.len();
        let mut headers = Headers::new();
        for (name, value) in [
            ("Max-Forwards", String::from("70")),
            ("From", format!("<sip:alice@a.example>;tag=caller-{number}")),
            ("To", format!("<{RURI}>")),
            ("Call-ID", format!("call-{number}")),
            ("CSeq", String::from("1 INVITE")),
            ("Contact", format!("<{}>", self.contact)),
        ] {
            headers.push(name.as_bytes(), value.as_bytes());
        }
        let invite = RequestSnapshot {
            method: Method::Invite,
            ruri: Bytes::from_static(RURI.as_bytes()),
            headers,
            body: Bytes::new(),
        };
        let client = self.client(api);
        self.invites.insert(client, number);
        let (dialogs, state) = (BTreeMap::new(), State::Calling);
        self.calls.push(Call { state, canceled: false, outcomes: 0, client, plan, dialogs, with: None });
        if let Some(after) = plan.cancel_after {
            api.after(after, number as u64 * KINDS + CANCEL);
        }
        self.send(api, client, invite, Some(self.hop.clone()), number as u64);
    }

    fn client(&self, api: &mut Api<'_>) -> ClientId {
        let others = [CallbackClass::Provisional, CallbackClass::Target];
        let classes = CallbackClass::ALL.iter().filter(|class| !others.contains(class));
        api.new_client(classes.fold(0, |bits, class| bits | class.bit()))
    }

    fn send(
        &mut self,
        api: &mut Api<'_>,
        client: ClientId,
        request: RequestSnapshot,
        to: Option<Destination>,
        id: u64,
    ) {
        let to = to.unwrap_or_else(|| Destination::of_request(&request, true));
        let ask = api.own_request(client, &self.profile, OwnRequestId(id), request, Some(to));
        api.route(self, ask).expect("it is nested in no other one");
        api.step(|element, _| element.release_client(client));
    }

    /// Hangs up one of the callees; `whole`: it is the one that the call is with.
    fn hang_up(&mut self, api: &mut Api<'_>, number: usize, tag: &Bytes, whole: bool) {
        let Some(dialog) = self.calls[number].dialogs.get_mut(tag) else { return };
        let bye = dialog.request(Method::Bye);
        let client = self.client(api);
        self.byes.insert(client, (number, whole));
        self.requests += 1;
        self.send(api, client, bye, None, 1 << 32 | self.requests);
    }

    fn accepted(&mut self, api: &mut Api<'_>, number: usize, response: &Message) {
        let tag = Bytes::copy_from_slice(response.to_tag().unwrap_or_default());
        let ruri = Bytes::from_static(RURI.as_bytes());
        let (client, profile) = (self.calls[number].client, self.profile.clone());
        let sent = api.step(|element, now| element.acknowledge(now, client, &profile, response, &ruri, None));
        sent.expect("a 2xx to an INVITE");
        let call = &mut self.calls[number];
        if call.dialogs.contains_key(&tag) {
            self.told_again += 1;
            return;
        }
        call.dialogs.insert(tag.clone(), Dialog::of_caller(response, 1, &ruri));
        if !matches!(call.state, State::Calling | State::Canceled) {
            return self.hang_up(api, number, &tag, false);
        }
        call.outcomes += 1;
        call.with = Some(tag.clone());
        if call.canceled {
            call.state = State::HangingUp;
            return self.hang_up(api, number, &tag, true);
        }
        call.state = State::Up;
        api.after(call.plan.hang_up_after, number as u64 * KINDS + HANG_UP);
    }

    fn canceled(&mut self, number: usize) {
        let call = &mut self.calls[number];
        if call.state == State::Calling {
            call.state = State::Canceled;
        }
    }

    fn failed(&mut self, number: usize, status: u16) {
        let call = &mut self.calls[number];
        call.outcomes += 1;
        if matches!(call.state, State::Calling | State::Canceled) {
            call.state = State::Failed(status);
        }
    }
}

impl Script for Caller {
    fn on_request(&mut self, api: &mut Api<'_>, request: Arc<ReceivedRequest>) {
        let number = Self::number(&request.message).filter(|number| *number < self.calls.len());
        match (request.message.method(), number) {
            (Some(Method::Bye), Some(number)) => {
                let call = &mut self.calls[number];
                if call.state == State::Up {
                    call.state = State::EndedByCallee;
                }
                api.reply(&request, 200);
            }
            (method, _) => {
                self.strays.insert(format!("the caller was sent {method:?}"));
                if !request.is_ack() {
                    api.reply(&request, 481);
                }
            }
        }
    }

    fn round(&mut self, api: &mut Api<'_>, round: Round) -> RoundEnd {
        let status = match &round.callback {
            Callback::Success(response) | Callback::Failure(response, _) => response.status().unwrap_or(0),
            Callback::Error(failure) => failure.status,
            // Timer C: what its CANCEL leads to is told nobody.
            Callback::InviteTimeout => 408,
            Callback::Canceled => {
                if let Some(&number) = self.invites.get(&round.client) {
                    self.canceled(number);
                }
                return RoundEnd::default();
            }
            _ => return RoundEnd::default(),
        };
        if let Some(&(number, whole)) = self.byes.get(&round.client) {
            self.failed_byes += usize::from(status != 200);
            let call = &mut self.calls[number];
            if whole && call.state == State::HangingUp {
                call.state = State::HungUp(status);
            }
        } else if let Some(&number) = self.invites.get(&round.client) {
            match &round.callback {
                Callback::Success(response) => self.accepted(api, number, response),
                _ => self.failed(number, status),
            }
        }
        RoundEnd::default()
    }

    fn timer(&mut self, api: &mut Api<'_>, key: u64) {
        let number = (key / KINDS) as usize;
        let call = &mut self.calls[number];
        match (key % KINDS, call.state) {
            (CANCEL, State::Calling) => {
                call.canceled = true;
                let (client, origin) = (call.client, Origin::Own(OwnRequestId(number as u64)));
                api.step(|element, now| element.cancel(now, client, Some(&origin)));
            }
            (HANG_UP, State::Up) => {
                call.state = State::HangingUp;
                if let Some(tag) = call.with.clone() {
                    self.hang_up(api, number, &tag, true);
                }
            }
            _ => {}
        }
    }
}
