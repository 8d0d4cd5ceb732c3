//! An element that is called: a user agent server in the hands of a script (RFC 3261 13.3).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use oversip::client::session::{Callback, CallbackClass};
use oversip::client::{Destination, Profile};
use oversip::element::{ClientId, OwnRequestId, ReceivedRequest, Round, RoundEnd};
use oversip::message::{Message, Method};
use oversip::random::Random;
use oversip::simulation::{record_route_lines, Api, Dialog, Script};
use oversip::transaction::Timings;

/// What becomes of a call at a callee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It rings. No call ends like this.
    Ringing,
    /// It was refused from here with this status.
    Refused(u16),
    /// The element has ended it before: it was cancelled.
    Canceled,
    /// It was accepted, and no ACK has come. No call ends like this.
    Accepted,
    /// It was accepted, and the ACK has come.
    Up,
    /// It was accepted, and the caller has hung up.
    EndedByCaller,
    /// It was accepted, no ACK has come in time, and this side has sent BYE. No call ends like this.
    HangingUp,
    /// The same, with the status of the answer to the BYE, or one that stands for an error.
    NeverAcknowledged(u16),
}

#[derive(Debug)]
pub struct Call {
    pub state: State,
    request: Arc<ReceivedRequest>,
    status: u16,
    interval: Duration,
    left: Duration,
    dialog: Option<Dialog>,
}

const KINDS: u64 = 2;
const ANSWER: u64 = 0;
const REPEAT: u64 = 1;

pub struct Callee {
    profile: Arc<Profile>,
    contact: String,
    random: Random,
    timings: Timings,
    pub calls: Vec<Call>,
    by_tag: BTreeMap<Vec<u8>, usize>,
    byes: BTreeMap<ClientId, usize>,
    pub strays: BTreeSet<String>,
}

impl Callee {
    pub fn new(profile: Profile, contact: &str, seed: u64) -> Callee {
        Callee {
            profile: Arc::new(profile),
            contact: contact.to_owned(),
            random: Random::from_number(seed),
            timings: Timings::default(),
            calls: Vec::new(),
            by_tag: BTreeMap::new(),
            byes: BTreeMap::new(),
            strays: BTreeSet::new(),
        }
    }

    /// The calls that were accepted, by the tags that they have from here: the INVITE of each, and what became of it.
    pub fn accepted(&self) -> impl Iterator<Item = (&[u8], &Message, State)> {
        self.by_tag.iter().map(|(tag, &number)| {
            let call = &self.calls[number];
            (&tag[..], &call.request.message, call.state)
        })
    }

    /// The call of a request inside a dialog.
    fn call_of(&self, message: &Message) -> Option<usize> {
        let number = *self.by_tag.get(message.to_tag()?)?;
        let invite = &self.calls[number].request.message;
        (invite.call_id() == message.call_id()).then_some(number)
    }

    fn invited(&mut self, api: &mut Api<'_>, request: Arc<ReceivedRequest>) {
        let number = self.calls.len();
        let after = Duration::from_millis(self.random.up_to(8000).into());
        // Three of four answer; of the others some send the caller away altogether.
        let status = match self.random.up_to(7) {
            0 => 486,
            1 => 603,
            _ => 200,
        };
        api.step(|element, now| element.create_transaction(now, &request));
        api.reply(&request, 180);
        self.calls.push(Call {
            state: State::Ringing,
            request,
            status,
            interval: self.timings.t1,
            left: self.timings.transaction_timeout(),
            dialog: None,
        });
        api.after(after, number as u64 * KINDS + ANSWER);
    }

    fn answer(&mut self, api: &mut Api<'_>, number: usize) {
        let call = &mut self.calls[number];
        let mut lines = vec![Bytes::from(format!("Contact: <{}>", self.contact))];
        lines.extend(record_route_lines(&call.request.message));
        if !api.reply_with(&call.request, call.status, &lines, b"") {
            call.state = State::Canceled;
            return;
        }
        if call.status >= 300 {
            call.state = State::Refused(call.status);
            return;
        }
        call.state = State::Accepted;
        let sent = api.element().last_response(call.request.id).expect("the 2xx");
        let sent = Message::parse(sent).expect("a valid response").0;
        let tag = sent.to_tag().expect("a tag");
        call.dialog = Some(Dialog::of_callee(&call.request.message, tag));
        self.by_tag.insert(tag.to_vec(), number);
        api.after(call.interval, number as u64 * KINDS + REPEAT);
    }

    /// RFC 3261 13.3.1.4
    fn repeat(&mut self, api: &mut Api<'_>, number: usize) {
        let call = &mut self.calls[number];
        if call.state != State::Accepted {
            return;
        }
        call.left = call.left.saturating_sub(call.interval);
        if call.left.is_zero() {
            call.state = State::HangingUp;
            return self.hang_up(api, number);
        }
        let id = call.request.id;
        if !api.step(|element, _| element.retransmit_last_response(id)) {
            self.strays.insert("a 2xx could not be repeated".to_owned());
        }
        call.interval = (call.interval * 2).min(self.timings.t2).min(call.left);
        api.after(call.interval, number as u64 * KINDS + REPEAT);
    }

    fn hang_up(&mut self, api: &mut Api<'_>, number: usize) {
        let Some(dialog) = &mut self.calls[number].dialog else { return };
        let bye = dialog.request(Method::Bye);
        let classes = [CallbackClass::Success, CallbackClass::Failure, CallbackClass::Error];
        let client = api.new_client(classes.iter().fold(0, |bits, class| bits | class.bit()));
        self.byes.insert(client, number);
        let to = Destination::of_request(&bye, true);
        let ask = api.own_request(client, &self.profile, OwnRequestId(number as u64), bye, Some(to));
        api.route(self, ask).expect("it is nested in no other one");
        api.step(|element, _| element.release_client(client));
    }
}

impl Script for Callee {
    fn on_request(&mut self, api: &mut Api<'_>, request: Arc<ReceivedRequest>) {
        let number = self.call_of(&request.message);
        match (request.message.method(), number) {
            (Some(Method::Invite), None) => self.invited(api, request),
            (Some(Method::Ack), Some(number)) => {
                let call = &mut self.calls[number];
                if call.state == State::Accepted {
                    call.state = State::Up;
                }
            }
            (Some(Method::Bye), Some(number)) => {
                let call = &mut self.calls[number];
                if matches!(call.state, State::Accepted | State::Up) {
                    call.state = State::EndedByCaller;
                }
                api.reply(&request, 200);
            }
            // Of a refusal that was given up: it may come very late.
            (Some(Method::Ack), None) => {}
            (method, _) => {
                self.strays.insert(format!("a callee was sent {method:?}"));
                api.reply(&request, 481);
            }
        }
    }

    fn round(&mut self, _: &mut Api<'_>, round: Round) -> RoundEnd {
        let status = match &round.callback {
            Callback::Success(response) | Callback::Failure(response, _) => response.status().unwrap_or(0),
            Callback::Error(failure) => failure.status,
            _ => return RoundEnd::default(),
        };
        if let Some(&number) = self.byes.get(&round.client) {
            self.calls[number].state = State::NeverAcknowledged(status);
        }
        RoundEnd::default()
    }

    fn timer(&mut self, api: &mut Api<'_>, key: u64) {
        let number = (key / KINDS) as usize;
        match key % KINDS {
            ANSWER => self.answer(api, number),
            _ => self.repeat(api, number),
        }
    }
}
