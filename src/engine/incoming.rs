//! A request from the network and its server transaction, shared by the engine and the Ruby boundary.
//!
//! Both step the machine under one short lock and post the effects to the engine, so that `reply` and
//! `create_transaction` can say at once what became of them. Before a script has decided anything the request is
//! *pending*: it absorbs retransmissions and remembers a CANCEL, so that `on_request` runs once.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use smallvec::SmallVec;

use crate::message::{Message, Method};
use crate::transaction::{
    AckOutcome, InviteServer, NonInviteServer, ServerEffects, ServerKey, Timer, Timings,
};
use crate::transport::{Owed, Source};

/// How long an INVITE may wait for the script before the engine says 100 by itself (RFC 3261 17.2.1).
pub(super) const PENDING_TRYING: Duration = Duration::from_millis(200);

/// The Client and its routing that a server transaction reports CANCEL to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CoreRef {
    pub(super) client: u64,
    pub(super) route: u64,
}

/// What became of a request.
#[derive(Debug)]
enum Stage {
    /// Queued for the script or being looked at by it. `answered` is the final reply sent without a transaction.
    Pending {
        answered: Option<StatelessAnswer>,
    },
    Invite(InviteServer),
    NonInvite(NonInviteServer),
    /// Its transaction is over.
    Over {
        last_response: Option<Bytes>,
    },
    /// There is no transaction: an ACK, or a request whose `on_request` ended without one. `answered` is the status of the
    /// final reply sent all the same.
    None {
        answered: Option<u16>,
    },
}

/// A final reply that was sent without a transaction.
#[derive(Debug)]
struct StatelessAnswer {
    status: u16,
    wire: Bytes,
}

impl Stage {
    /// The final reply that was sent before there was a transaction; its bytes, while they are known.
    fn take_answer(&mut self) -> Option<(u16, Option<Bytes>)> {
        match self {
            Self::Pending { answered } => answered.take().map(|answer| (answer.status, Some(answer.wire))),
            Self::None { answered } => answered.map(|status| (status, None)),
            Self::Invite(_) | Self::NonInvite(_) | Self::Over { .. } => None,
        }
    }
}

#[derive(Debug)]
struct State {
    stage: Stage,
    core: Option<CoreRef>,
    local_tag: Option<Bytes>,
    /// When the transaction of a request other than INVITE will end without an answer.
    end_unanswered: Option<Instant>,
    /// The 2xx that went upstream, each as it was sent.
    successes: SmallVec<[Success; 1]>,
    /// Keeps the connection of a client that has closed its side until the final answer is on its way.
    owed: Option<Owed>,
}

impl State {
    /// Whether a transaction was made, be it over by now.
    fn has_transaction(&self) -> bool {
        matches!(self.stage, Stage::Invite(_) | Stage::NonInvite(_) | Stage::Over { .. })
    }
}

/// A 2xx of an INVITE: the route and the To tag that it came with from downstream, and its bytes upstream.
#[derive(Debug)]
struct Success {
    route: u64,
    tag: Bytes,
    wire: Bytes,
}

/// A request as it arrived, with its place in the transaction layer.
#[derive(Debug)]
pub struct IncomingRequest {
    /// The request, its top Via stamped with the source (RFC 3261 18.2.1, RFC 3581).
    pub message: Message,
    /// Where it came from.
    pub source: Source,
    /// Marks our own branches of this request, so that it is recognised when it loops back.
    pub antiloop_id: [u8; 32],
    pub(super) key: Option<ServerKey>,
    canceled: AtomicBool,
    canceled_told: AtomicBool,
    abandoned: AtomicBool,
    reply_port: AtomicU16,
    /// Set when a proxy sent it the first time: the header that was added then.
    proxied: OnceLock<Option<&'static str>>,
    /// Made when the first Record-Route for it is: the same for each target.
    pub(super) dialog_code: OnceLock<String>,
    state: Mutex<State>,
}

/// What the engine does about a CANCEL that matched this request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CancelOutcome {
    /// Nothing more: it was cancelled before, has its final response, or waits for the script.
    Noted,
    /// Tell this core.
    TellCore(CoreRef),
    /// There is no core: the transaction itself replies 487.
    ReplyTerminated,
}

impl IncomingRequest {
    pub(super) fn new(
        message: Message,
        source: Source,
        antiloop_id: [u8; 32],
        key: Option<ServerKey>,
    ) -> Arc<Self> {
        let reply_port = match message.top_via() {
            // RFC 3581 4: with rport the response goes to the source port.
            Some(via) if via.has_rport() => source.remote.port(),
            Some(via) => via.response_port(),
            None => source.remote.port(),
        };
        let stage =
            if key.is_some() { Stage::Pending { answered: None } } else { Stage::None { answered: None } };
        Arc::new(Self {
            message,
            source,
            antiloop_id,
            key,
            canceled: AtomicBool::new(false),
            canceled_told: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            reply_port: AtomicU16::new(reply_port),
            proxied: OnceLock::new(),
            dialog_code: OnceLock::new(),
            state: Mutex::new(State {
                stage,
                core: None,
                local_tag: None,
                end_unanswered: None,
                successes: SmallVec::new(),
                owed: None,
            }),
        })
    }

    /// Its connection is kept for the final answer.
    pub(super) fn owe(&self, owed: Option<Owed>) {
        self.lock().owed = owed;
    }

    /// True for INVITE.
    pub fn is_invite(&self) -> bool {
        self.message.method() == Some(&Method::Invite)
    }

    /// True for ACK.
    pub fn is_ack(&self) -> bool {
        self.message.method() == Some(&Method::Ack)
    }

    /// True once a CANCEL for it was answered.
    pub fn is_canceled(&self) -> bool {
        self.canceled.load(Ordering::Acquire)
    }

    /// The script failed over it: nothing is to be sent for it any more.
    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Release);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    /// Whether the script has yet to hear of the CANCEL; it counts as told from now on.
    pub(super) fn tell_canceled(&self) -> bool {
        !self.canceled_told.swap(true, Ordering::AcqRel)
    }

    /// The UDP port that responses go to (RFC 3261 18.2.2, RFC 3581).
    pub fn reply_port(&self) -> u16 {
        self.reply_port.load(Ordering::Relaxed)
    }

    /// Where its client takes connections: the address it came from on the port that its Via names (RFC 3261 18.2.2).
    pub(super) fn address_of_client(&self) -> SocketAddr {
        let transport = self.source.transport;
        let port =
            self.message.top_via().and_then(|via| via.port()).unwrap_or_else(|| transport.default_port());
        SocketAddr::new(self.source.remote.ip(), port)
    }

    /// Sends responses to the port the request came from, as if the client had asked for it with `rport`.
    pub fn reply_to_source_port(&self) {
        self.reply_port.store(self.source.remote.port(), Ordering::Relaxed);
    }

    /// A proxy sends it, with this header added.
    pub(super) fn note_proxied(&self, in_rr: Option<&'static str>) {
        // Further targets get the same header.
        let _ = self.proxied.set(in_rr);
    }

    /// Whether a proxy has sent it.
    pub fn is_proxied(&self) -> bool {
        self.proxied.get().is_some()
    }

    /// The kind of Record-Route or Path that a proxy has added, by the name that Ruby has for it.
    pub fn in_rr(&self) -> Option<&'static str> {
        *self.proxied.get()?
    }

    /// The state of the server transaction, `None` when there is none.
    pub fn transaction_state(&self) -> Option<&'static str> {
        match &self.lock().stage {
            Stage::Invite(machine) => Some(machine.state().as_str()),
            Stage::NonInvite(machine) => Some(machine.state().as_str()),
            Stage::Over { .. } => Some("terminated"),
            Stage::Pending { .. } | Stage::None { .. } => None,
        }
    }

    /// The last response that the server transaction sent.
    pub fn last_response(&self) -> Option<Bytes> {
        match &self.lock().stage {
            Stage::Invite(machine) => machine.last_response().cloned(),
            Stage::NonInvite(machine) => machine.last_response().cloned(),
            Stage::Over { last_response } => last_response.clone(),
            Stage::Pending { .. } | Stage::None { .. } => None,
        }
    }

    /// What the server transaction sends again from now on; nothing is done without one.
    pub fn set_last_response(&self, wire: Bytes) {
        match &mut self.lock().stage {
            Stage::Invite(machine) => machine.set_last_response(wire),
            Stage::NonInvite(machine) => machine.set_last_response(wire),
            Stage::Over { last_response } => *last_response = Some(wire),
            Stage::Pending { .. } | Stage::None { .. } => {}
        }
    }

    /// Whether the server transaction would take a response of this status now.
    pub fn valid_response(&self, status: u16) -> bool {
        match &self.lock().stage {
            Stage::Invite(machine) => machine.accepts(status),
            Stage::NonInvite(machine) => machine.accepts(status),
            Stage::Over { .. } => false,
            Stage::Pending { answered } => answered.is_none(),
            Stage::None { answered } => answered.is_none(),
        }
    }

    /// Whether a final reply was sent without a transaction.
    pub(super) fn is_answered_statelessly(&self) -> bool {
        match &self.lock().stage {
            Stage::Pending { answered } => answered.is_some(),
            Stage::None { answered } => answered.is_some(),
            Stage::Invite(_) | Stage::NonInvite(_) | Stage::Over { .. } => false,
        }
    }

    /// The To tag of our responses, chosen by `make` at the first response that needs one (RFC 3261 8.2.6.2).
    pub(super) fn local_tag(&self, make: impl FnOnce(bool) -> Bytes) -> Bytes {
        let mut state = self.lock();
        let with_transaction = state.has_transaction();
        state.local_tag.get_or_insert_with(|| make(with_transaction)).clone()
    }

    /// The To tag chosen so far.
    pub(super) fn chosen_tag(&self) -> Option<Bytes> {
        self.lock().local_tag.clone()
    }

    /// Makes the server transaction. `None`: it has one already, or never gets one.
    pub(super) fn create_transaction(
        &self,
        now: Instant,
        timings: &Timings,
        post: impl FnOnce(ServerEffects),
    ) -> bool {
        let mut state = self.lock();
        if self.key.is_none() || state.has_transaction() {
            return false;
        }
        let reliable = self.source.transport.reliable();
        let answer = state.stage.take_answer();
        let mut effects;
        if self.is_invite() {
            let (mut machine, begun) = InviteServer::new(now, reliable, timings);
            effects = begun;
            if let Some((status, wire)) = answer {
                effects.extend(machine.advance(now, status).into_iter().flatten());
                wire.into_iter().for_each(|wire| machine.set_last_response(wire));
            }
            state.stage = Stage::Invite(machine);
        } else {
            let (mut machine, begun) = NonInviteServer::new(now, reliable, timings);
            effects = begun;
            if let Some((status, wire)) = answer {
                effects.extend(machine.advance(now, status).into_iter().flatten());
                wire.into_iter().for_each(|wire| machine.set_last_response(wire));
            }
            state.stage = Stage::NonInvite(machine);
            state.end_unanswered = Some(now + timings.transaction_timeout());
        }
        post(effects);
        true
    }

    /// Steps the machine with a response. `post` gets its effects, or `None` where there is no transaction and the
    /// response goes out statelessly. False: the transaction refuses the response.
    pub(super) fn respond(
        &self,
        now: Instant,
        status: u16,
        wire: Bytes,
        post: impl FnOnce(Option<ServerEffects>),
    ) -> bool {
        let mut state = self.lock();
        // Given back at the end, when the response is on its way.
        let accepted = self.step_with(&mut state, now, status, wire, post);
        if accepted && status >= 200 {
            state.owed = None;
        }
        accepted
    }

    fn step_with(
        &self,
        state: &mut State,
        now: Instant,
        status: u16,
        wire: Bytes,
        post: impl FnOnce(Option<ServerEffects>),
    ) -> bool {
        let effects = match &mut state.stage {
            Stage::Invite(machine) => machine.respond(now, status, wire),
            Stage::NonInvite(machine) => machine.respond(now, status, wire),
            Stage::Pending { answered } => {
                let first = answered.is_none();
                if first {
                    *answered = (status >= 200).then_some(StatelessAnswer { status, wire });
                    post(None);
                }
                return first;
            }
            Stage::Over { .. } => return false,
            Stage::None { answered } => {
                let first = answered.is_none();
                if first {
                    *answered = (status >= 200).then_some(status);
                    post(None);
                }
                return first;
            }
        };
        let accepted = effects.is_some();
        if accepted {
            post(effects);
        }
        accepted
    }

    /// Steps the machine for a response of this status that somebody else sends. False: the transaction refuses it, or
    /// there is none.
    pub(super) fn advance(&self, now: Instant, status: u16, post: impl FnOnce(ServerEffects)) -> bool {
        let effects = match &mut self.lock().stage {
            Stage::Invite(machine) => machine.advance(now, status),
            Stage::NonInvite(machine) => machine.advance(now, status),
            Stage::Pending { .. } | Stage::Over { .. } | Stage::None { .. } => None,
        };
        effects.map(post).is_some()
    }

    /// A retransmission: what to send for it.
    pub(super) fn request_again(&self, now: Instant) -> Option<ServerEffects> {
        match &mut self.lock().stage {
            Stage::Invite(machine) => Some(machine.request_again(now)),
            Stage::NonInvite(machine) => Some(machine.request_again(now)),
            Stage::Pending { answered: Some(answer) } => {
                Some(std::iter::once(crate::transaction::ServerEffect::Send(answer.wire.clone())).collect())
            }
            Stage::Pending { answered: None } | Stage::Over { .. } | Stage::None { .. } => None,
        }
    }

    pub(super) fn ack(&self, now: Instant) -> AckOutcome {
        match &mut self.lock().stage {
            Stage::Invite(machine) => machine.ack(now),
            _ => AckOutcome::PassToCore,
        }
    }

    pub(super) fn timer(&self, now: Instant, timer: Timer) -> ServerEffects {
        match &mut self.lock().stage {
            Stage::Invite(machine) => machine.timer(now, timer),
            Stage::NonInvite(machine) => machine.timer(now, timer),
            Stage::Pending { .. } | Stage::Over { .. } | Stage::None { .. } => ServerEffects::new(),
        }
    }

    /// A CANCEL that matched (RFC 3261 9.2, 16.10).
    pub(super) fn cancel(&self) -> CancelOutcome {
        let mut state = self.lock();
        let proceeding = match &mut state.stage {
            Stage::Pending { answered } => answered.is_none(),
            Stage::Invite(machine) => machine.cancel(),
            Stage::NonInvite(_) | Stage::Over { .. } | Stage::None { .. } => false,
        };
        if !proceeding || self.canceled.swap(true, Ordering::AcqRel) {
            return CancelOutcome::Noted;
        }
        match (&state.stage, state.core) {
            (Stage::Pending { .. }, _) => CancelOutcome::Noted,
            (_, Some(core)) => CancelOutcome::TellCore(core),
            (_, None) => CancelOutcome::ReplyTerminated,
        }
    }

    /// Makes `core` the one that CANCEL is reported to, and restarts timer C2 for its branch.
    pub(super) fn take_over(&self, now: Instant, core: CoreRef) -> ServerEffects {
        self.lock().core = Some(core);
        self.restart_c2(now)
    }

    /// Somebody is at work on it still: timer C2 begins anew.
    pub(super) fn restart_c2(&self, now: Instant) -> ServerEffects {
        match &mut self.lock().stage {
            Stage::Invite(machine) => machine.restart_c2(now),
            _ => ServerEffects::new(),
        }
    }

    /// When its client will have given up (RFC 3261 17.1.2.2); an INVITE's waits for as long as it is kept waiting.
    pub(super) fn end_unanswered(&self) -> Option<Instant> {
        self.lock().end_unanswered
    }

    pub(super) fn core(&self) -> Option<CoreRef> {
        self.lock().core
    }

    /// True while the script has not made anything of the request.
    pub(super) fn is_pending(&self) -> bool {
        matches!(self.lock().stage, Stage::Pending { .. })
    }

    /// Remembers a 2xx as it went upstream. How many there may be is bounded by the client transaction.
    pub(super) fn keep_success(&self, route: u64, tag: Option<&[u8]>, wire: Bytes) {
        if self.is_invite() {
            let tag = tag.map_or_else(Bytes::new, Bytes::copy_from_slice);
            self.lock().successes.push(Success { route, tag, wire });
        }
    }

    /// The bytes of a 2xx that went upstream.
    pub(super) fn success(&self, route: u64, tag: Option<&[u8]>) -> Option<Bytes> {
        let tag = tag.unwrap_or_default();
        let state = self.lock();
        let known = state.successes.iter().find(|success| success.route == route && success.tag == tag);
        known.map(|success| success.wire.clone())
    }

    /// True when it was cancelled and nobody is there to answer it: the script has not routed it.
    pub(super) fn is_left_canceled(&self) -> bool {
        let state = self.lock();
        let proceeding = match &state.stage {
            Stage::Pending { answered } => answered.is_none(),
            Stage::Invite(machine) => machine.accepts(487),
            Stage::NonInvite(_) | Stage::Over { .. } | Stage::None { .. } => false,
        };
        proceeding && state.core.is_none() && self.is_canceled()
    }

    /// True while the client waits for a final response from a transaction.
    pub(super) fn is_undecided(&self) -> bool {
        match &self.lock().stage {
            Stage::Pending { answered } => answered.is_none(),
            Stage::Invite(machine) => machine.accepts(500),
            Stage::NonInvite(machine) => machine.accepts(500),
            Stage::Over { .. } | Stage::None { .. } => false,
        }
    }

    /// True when it is pending and was not answered.
    pub(super) fn is_unanswered(&self) -> bool {
        matches!(self.lock().stage, Stage::Pending { answered: None })
    }

    /// The transaction is over, if there is one.
    pub(super) fn end_transaction(&self) {
        if !self.is_pending() {
            self.end();
        }
    }

    /// The transaction, or the pending record, is over.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.stage = match std::mem::replace(&mut state.stage, Stage::None { answered: None }) {
            Stage::Invite(machine) => Stage::Over { last_response: machine.last_response().cloned() },
            Stage::NonInvite(machine) => Stage::Over { last_response: machine.last_response().cloned() },
            Stage::Pending { answered } => Stage::None { answered: answered.map(|answer| answer.status) },
            same => same,
        };
        state.owed = None;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
