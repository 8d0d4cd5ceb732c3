//! A request and its server transaction, if it has one.
//!
//! Before a script has decided anything a request is *pending*: it absorbs retransmissions, so that
//! `on_request` runs once.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use smallvec::SmallVec;

use super::context::ResponseContext;
use super::hold::Hold;
use super::ids::{RequestId, RouteId};
use super::received_request::{ReceivedRequest, WayBack};
use super::server_stage::{Responded, ServerState, Stage};
use super::timers::{ArmedTimers, TimerId, TimerKey, Timers};
use crate::client::Recorded;
use crate::message::Method;
use crate::transaction::{AckOutcome, InviteServer, KeyText, NonInviteServer, ServerEffects, Timer, Timings};

/// What came of a script's wish for a server transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// It was made.
    Created,
    /// There is one already, or the request is over.
    Present,
    /// An ACK and a CANCEL never have one of their own.
    Impossible,
}

/// What the element does about a CANCEL that matches a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CancelOutcome {
    /// Nothing more: it was cancelled before, has its final response, or waits for the script.
    Noted,
    /// Its branches are cancelled, and their Clients hear of it.
    TellClients,
    /// It has no branches: the transaction itself replies 487.
    ReplyTerminated,
}

/// A 2xx of an INVITE: the route and the To tag that it came with from downstream, and its bytes upstream.
#[derive(Debug)]
struct Success {
    route: RouteId,
    tag: SmallVec<[u8; 24]>,
    wire: Bytes,
}

/// A request and its place in the transaction layer.
#[derive(Debug)]
pub(super) struct ServerRequest {
    /// Gone once the final response has left: nothing is made of the request any more.
    pub(super) request: Option<Arc<ReceivedRequest>>,
    pub(super) way_back: WayBack,
    /// The branches that were made for it, and what they have answered.
    pub(super) context: ResponseContext,
    method: Method,
    key: Option<KeyText>,
    stage: Stage,
    canceled: bool,
    /// The script failed over it: nothing is to be sent for it any more.
    abandoned: bool,
    /// Set when a proxy sent it the first time: what was recorded then.
    proxied: Option<Option<Recorded>>,
    /// Made when the first Record-Route for it is: the same for each target.
    dialog_code: Option<String>,
    local_tag: Option<Bytes>,
    /// When the transaction of a request other than INVITE will end without an answer.
    end_unanswered: Option<Instant>,
    /// The 2xx that went upstream, each as it was sent.
    successes: SmallVec<[Success; 1]>,
    /// Keeps the connection of a client that has closed its side until the final answer is on its way.
    hold: Option<Hold>,
    timers: ArmedTimers,
    /// Fires when the script takes its time with an INVITE.
    trying: Option<TimerId>,
    /// The script has it still.
    held: bool,
}

impl ServerRequest {
    /// A new request, pending if it has a key. The script is going to have it.
    pub(super) fn admitted(
        request: Arc<ReceivedRequest>,
        key: Option<KeyText>,
        way_back: WayBack,
        hold: Option<Hold>,
    ) -> ServerRequest {
        let stage = match &key {
            Some(_) => Stage::Pending { answered: None },
            None => Stage::None { answered: None },
        };
        ServerRequest {
            method: request.message.method().cloned().unwrap_or(Method::Invite),
            way_back,
            request: Some(request),
            context: ResponseContext::default(),
            key,
            stage,
            canceled: false,
            abandoned: false,
            proxied: None,
            dialog_code: None,
            local_tag: None,
            end_unanswered: None,
            successes: SmallVec::new(),
            hold,
            timers: ArmedTimers::default(),
            trying: None,
            held: true,
        }
    }

    fn is_invite(&self) -> bool {
        self.method == Method::Invite
    }

    pub(super) fn is_ack(&self) -> bool {
        self.method == Method::Ack
    }

    pub(super) fn is_canceled(&self) -> bool {
        self.canceled
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned
    }

    pub(super) fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// Responses go to the port that the request came from, as if the client had asked for it with `rport`.
    pub(super) fn reply_to_source_port(&mut self) {
        self.way_back.udp_port = self.way_back.source.remote.port();
    }

    /// A proxy sends it, with this header added. Further targets get the same header.
    pub(super) fn note_proxied(&mut self, recorded: Option<Recorded>) {
        self.proxied.get_or_insert(recorded);
    }

    /// Whether a proxy has sent it, and the Record-Route or Path that was added.
    pub(super) fn proxied(&self) -> Option<Option<Recorded>> {
        self.proxied
    }

    /// The code that marks our Record-Route values of its dialog.
    pub(super) fn dialog_code(&mut self, make: impl FnOnce() -> String) -> &str {
        self.dialog_code.get_or_insert_with(make)
    }

    /// The state of the server transaction, `None` when there is none.
    pub(super) fn state(&self) -> Option<ServerState> {
        self.stage.state()
    }

    /// The last response that the server transaction sent.
    pub(super) fn last_response(&self) -> Option<&Bytes> {
        self.stage.last_response()
    }

    /// What the server transaction sends again from now on; nothing is done without one.
    pub(super) fn set_last_response(&mut self, wire: Bytes) {
        self.stage.set_last_response(wire)
    }

    /// Whether a response of this status would be taken now.
    pub(super) fn accepts(&self, status: u16) -> bool {
        self.stage.accepts(status)
    }

    /// Whether a final reply was sent without a transaction.
    pub(super) fn is_answered_statelessly(&self) -> bool {
        self.stage.is_answered_statelessly()
    }

    /// The To tag of our responses, chosen by `make` at the first response that needs one (RFC 3261 8.2.6.2); it is told
    /// whether there is a transaction.
    pub(super) fn local_tag(&mut self, make: impl FnOnce(bool) -> Bytes) -> Bytes {
        let with_transaction = self.stage.has_transaction();
        self.local_tag.get_or_insert_with(|| make(with_transaction)).clone()
    }

    /// The To tag chosen so far.
    pub(super) fn chosen_tag(&self) -> Option<Bytes> {
        self.local_tag.clone()
    }

    /// Makes the server transaction. `None`: it has one already, or never gets one.
    pub(super) fn create_transaction(&mut self, now: Instant, timings: &Timings) -> Option<ServerEffects> {
        if self.key.is_none() || self.stage.has_transaction() {
            return None;
        }
        let reliable = self.way_back.source.transport.reliable();
        let answer = self.stage.take_answer();
        let mut effects;
        if self.is_invite() {
            let (mut machine, begun) = InviteServer::new(now, reliable, timings);
            effects = begun;
            if let Some((status, wire)) = answer {
                effects.extend(machine.advance(now, status).into_iter().flatten());
                wire.into_iter().for_each(|wire| machine.set_last_response(wire));
            }
            self.stage = Stage::Invite(machine);
        } else {
            let (mut machine, begun) = NonInviteServer::new(now, reliable, timings);
            effects = begun;
            if let Some((status, wire)) = answer {
                effects.extend(machine.advance(now, status).into_iter().flatten());
                wire.into_iter().for_each(|wire| machine.set_last_response(wire));
            }
            self.stage = Stage::NonInvite(machine);
            self.end_unanswered = Some(now + timings.transaction_timeout());
        }
        Some(effects)
    }

    /// Steps the machine with a response.
    pub(super) fn respond(&mut self, now: Instant, status: u16, wire: Bytes) -> Responded {
        self.stage.respond(now, status, wire)
    }

    /// Steps the machine for a response of this status that somebody else sends. `None`: the transaction refuses it, or there
    /// is none.
    pub(super) fn advance(&mut self, now: Instant, status: u16) -> Option<ServerEffects> {
        self.stage.advance(now, status)
    }

    /// A retransmission: what to do for it.
    pub(super) fn request_again(&mut self, now: Instant) -> ServerEffects {
        self.stage.request_again(now)
    }

    pub(super) fn ack(&mut self, now: Instant) -> AckOutcome {
        self.stage.ack(now)
    }

    pub(super) fn timer(&mut self, now: Instant, timer: Timer) -> ServerEffects {
        self.stage.timer(now, timer)
    }

    /// A CANCEL that matches (RFC 3261 9.2, 16.10).
    pub(super) fn cancel(&mut self) -> CancelOutcome {
        let proceeding = match &mut self.stage {
            Stage::Pending { answered } => answered.is_none(),
            Stage::Invite(machine) => machine.cancel(),
            Stage::NonInvite(_) | Stage::Over { .. } | Stage::None { .. } => false,
        };
        if !proceeding || std::mem::replace(&mut self.canceled, true) {
            return CancelOutcome::Noted;
        }
        match self.context.is_empty() {
            true => CancelOutcome::ReplyTerminated,
            false => CancelOutcome::TellClients,
        }
    }

    /// Somebody is at work on it still: timer C2 begins anew.
    pub(super) fn restart_c2(&mut self, now: Instant) -> ServerEffects {
        self.stage.restart_c2(now)
    }

    /// When its client will have given up (RFC 3261 17.1.2.2); an INVITE's waits for as long as it is kept waiting.
    pub(super) fn end_unanswered(&self) -> Option<Instant> {
        self.end_unanswered
    }

    /// True while the script has not made anything of the request.
    pub(super) fn is_pending(&self) -> bool {
        self.stage.is_pending()
    }

    /// True when it is pending and was not answered.
    pub(super) fn is_unanswered(&self) -> bool {
        self.stage.is_unanswered()
    }

    /// Remembers a 2xx as it went upstream. How many there may be is bounded by the client transactions.
    pub(super) fn keep_success(&mut self, route: RouteId, tag: Option<&[u8]>, wire: Bytes) {
        if self.is_invite() {
            let tag = SmallVec::from_slice(tag.unwrap_or_default());
            self.successes.push(Success { route, tag, wire });
        }
    }

    /// The bytes of a 2xx that went upstream.
    pub(super) fn success(&self, route: RouteId, tag: Option<&[u8]>) -> Option<Bytes> {
        let tag = tag.unwrap_or_default();
        let known = self.successes.iter().find(|success| success.route == route && *success.tag == *tag);
        known.map(|success| success.wire.clone())
    }

    /// True when it was cancelled and nobody is there to answer it: it has no branch that is pending.
    pub(super) fn is_left_canceled(&self) -> bool {
        let proceeding = matches!(&self.stage, Stage::Invite(machine) if machine.accepts(487));
        proceeding && self.canceled && !self.context.is_open()
    }

    /// True while the client waits for a final response.
    pub(super) fn is_undecided(&self) -> bool {
        self.stage.is_undecided()
    }

    /// What is owed to the client's connection, once.
    pub(super) fn take_hold(&mut self) -> Option<Hold> {
        self.hold.take()
    }

    /// The final response has left: what was only needed to make it goes.
    pub(super) fn slim_down(&mut self) {
        if !self.is_undecided() && !matches!(self.stage, Stage::None { .. }) {
            self.request = None;
            self.dialog_code = None;
        }
    }

    pub(super) fn arm(&mut self, timers: &mut Timers, id: RequestId, timer: Timer, at: Instant) {
        self.timers.arm(timers, timer, at, TimerKey::Server(id, timer));
    }

    pub(super) fn stop(&mut self, timers: &mut Timers, timer: Timer) {
        self.timers.stop(timers, timer);
    }

    /// The transaction, or the pending record, is over.
    pub(super) fn end(&mut self, timers: &mut Timers) {
        self.stage.end();
        self.hold = None;
        self.timers.stop_all(timers);
        self.set_trying(timers, None);
    }

    /// The timer that says 100 where the script takes its time; none once something was made of the request.
    pub(super) fn set_trying(&mut self, timers: &mut Timers, timer: Option<TimerId>) {
        if let Some(before) = std::mem::replace(&mut self.trying, timer) {
            timers.stop(before);
        }
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// The key of its transaction; none for an ACK.
    pub(super) fn key(&self) -> Option<&KeyText> {
        self.key.as_ref()
    }

    /// A timer of it has fired.
    pub(super) fn fired(&mut self, timer: Timer) {
        self.timers.fired(timer);
    }

    /// The script has let go of it.
    pub(super) fn release(&mut self) {
        self.held = false;
    }

    /// Whether nobody needs it any longer.
    pub(super) fn is_done_with(&self) -> bool {
        matches!(self.stage, Stage::Over { .. } | Stage::None { .. }) && !self.held
    }
}
