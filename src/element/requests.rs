//! Requests coming in: the transaction that they belong to, whether they are taken, and what becomes of those that a script
//! makes nothing of.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;

use super::beneficiary::Beneficiary;
use super::counts::{Dropped, Rejected};
use super::hold::Hold;
use super::ids::{RequestId, RouteId};
use super::output::{Output, ScriptEvent};
use super::received_request::{ReceivedRequest, WayBack};
use super::refusal::Refusal;
use super::server_request::{CancelOutcome, ServerRequest};
use super::settings::Limits;
use super::settings::Status;
use super::timers::{TimerId, TimerKey};
use super::Element;
use crate::client::session::SessionInput;
use crate::message::{Message, Method, Source};
use crate::resolve::Target;
use crate::transaction::{AckOutcome, ServerEffect, ServerEffects, ServerKey, Timer};

/// How long an INVITE may wait for the script before 100 is said without it (RFC 3261 17.2.1).
const PENDING_TRYING: Duration = Duration::from_millis(200);

/// How long the end waits for the ACK of a call that was accepted last.
const ACK_LIMIT: Duration = Duration::from_secs(2);

/// How long a script may take to send the last ACK on.
const ACK_ROUTING: Duration = Duration::from_millis(200);

impl Element {
    /// A request from the network (RFC 3261 17.2.3, 8.2).
    pub(super) fn request(&mut self, message: Message, source: Source, hold: Option<Hold>) {
        let message = self.settings.undo_strict_routing(message);
        let message = self.settings.strip_own_maddr(message, &source);
        match message.method() {
            Some(Method::Ack) => self.ack(message, source),
            Some(Method::Cancel) => self.cancel_request(message, source),
            _ => self.new_or_repeated(message, source, hold),
        }
    }

    fn new_or_repeated(&mut self, message: Message, source: Source, hold: Option<Hold>) {
        let Some(key) = ServerKey::from_request(&message) else { return };
        if let Some(id) = self.server_transactions.by_key(&key) {
            self.work_for(Beneficiary::Request(id));
            let now = self.now;
            let again = self.server_transactions.get_mut(id).map(|request| request.request_again(now));
            return self.server_effects(id, again.unwrap_or_default());
        }
        let of_dialog = message.to_tag().is_some();
        if self.settings.came_to_sender(&source) {
            if !self.is_of_own_dialog(&message) {
                return self.refuse(message, source, Refusal::new(403, "Forbidden", Rejected::Stranger));
            }
        } else if of_dialog && self.lacks_own_route(&message, &source) {
            let reason = "Route Shows No Code for This Dialog";
            return self.refuse(message, source, Refusal::new(403, reason, Rejected::NoOwnRoute));
        }
        if let Some(refusal) = self.admit(of_dialog) {
            return self.refuse(message, source, refusal);
        }
        let antiloop_id = self.settings.antiloop_id(&message);
        if self.settings.listeners.has_looped(&message, &antiloop_id) {
            return self.refuse(message, source, Refusal::new(482, "Loop Detected", Rejected::Loop));
        }
        let invite = message.method() == Some(&Method::Invite);
        let request = self.take(message, source, antiloop_id, Some(key), hold);
        if invite {
            let timer = self.timers.arm(self.now + PENDING_TRYING, TimerKey::PendingTrying(request));
            self.set_trying(request, Some(timer));
        }
    }

    fn set_trying(&mut self, id: RequestId, timer: Option<TimerId>) {
        if let Some(request) = self.server_transactions.get_mut(id) {
            request.set_trying(&mut self.timers, timer);
        }
    }

    /// A request for the script.
    fn take(
        &mut self,
        message: Message,
        source: Source,
        antiloop_id: [u8; 32],
        key: Option<ServerKey>,
        hold: Option<Hold>,
    ) -> RequestId {
        let id = RequestId(self.numbers.next());
        self.counts.calls +=
            u64::from(message.method() == Some(&Method::Invite) && message.to_tag().is_none());
        let way_back = WayBack::of(&message, source);
        let request = Arc::new(ReceivedRequest { id, message, source, antiloop_id });
        // In this order: what the script does not get it will not let go of.
        self.emit(Output::Script(ScriptEvent::Request(request.clone())));
        self.work_for(Beneficiary::Request(id));
        self.server_transactions.admit(request, key, way_back, hold);
        self.note_received(id);
        id
    }

    /// Whether a request belongs to a dialog that a request from a socket that only sends has begun.
    fn is_of_own_dialog(&self, message: &Message) -> bool {
        let dialog = message.call_id().zip(message.to_tag());
        dialog.is_some_and(|(call_id, tag)| self.own_dialogs.contains(call_id, tag))
    }

    /// Whether a request inside a dialog is to be refused because its Route does not show that the dialog came by here.
    fn lacks_own_route(&self, message: &Message, source: &Source) -> bool {
        let lacks = self.settings.require_own_route && !self.settings.own_route(message);
        if lacks {
            tracing::debug!(target: "oversip::request", method = ?message.method(), remote = %source.remote,
                call_id = %String::from_utf8_lossy(message.call_id().unwrap_or_default()),
                "the Route shows no code for this dialog");
        }
        lacks
    }

    /// Why no new request is taken now; a refusal is not counted yet. Where there is no room for new calls, those that are up
    /// can still be changed and hung up: requests of dialogs have a reserve above the bounds.
    pub fn admit(&mut self, of_dialog: bool) -> Option<Refusal> {
        match self.status {
            Status::Loading => return Some(Refusal::later(500, "Server Still Loading", Rejected::Loading)),
            Status::Terminating => {
                return Some(Refusal::later(500, "Server is Being Stopped", Rejected::Terminating))
            }
            Status::Running => {}
        }
        let limits = self.settings.limits;
        let full = self.full(&limits)?;
        if of_dialog && self.full(&limits.with_reserve()).is_none() {
            self.counts.reserve_admissions += 1;
            return None;
        }
        Some(Refusal::later(503, "Service Unavailable", full))
    }

    /// Counts something that the driver refuses by itself.
    pub fn count_rejected(&mut self, reason: Rejected) {
        self.counts.reject(reason);
    }

    /// Which of the bounds is reached.
    fn full(&self, limits: &Limits) -> Option<Rejected> {
        // A request that was admitted may make its client transactions, however many there are by then.
        let transactions = self.server_transactions.len() + self.client_transactions.len();
        if self.script_queue.requests >= limits.queued_requests {
            Some(Rejected::QueuedRequests)
        } else if self.script_queue.request_bytes >= limits.queued_bytes {
            Some(Rejected::QueuedBytes)
        } else if transactions >= limits.transactions {
            Some(Rejected::Transactions)
        } else {
            None
        }
    }

    fn refuse(&mut self, message: Message, source: Source, refusal: Refusal) {
        self.counts.reject(refusal.cause);
        let lines: Vec<Bytes> =
            refusal.retry_after.map(|seconds| format!("Retry-After: {seconds}").into()).into_iter().collect();
        self.reply_statelessly(&message, source, refusal.status, refusal.reason, &lines);
    }

    /// A request that violates the syntax or a bound.
    pub(super) fn refused(
        &mut self,
        message: Message,
        source: Source,
        status: u16,
        reason: &str,
        close: bool,
    ) {
        self.heard(Target::of(&source), true);
        self.counts.reject(Rejected::Malformed);
        self.reply_statelessly(&message, source, status, reason, &[]);
        if let (true, Some(connection)) = (close, source.connection) {
            self.emit(Output::Close { connection });
        }
    }

    /// An ACK belongs to the INVITE's transaction, to a stateless reply of ours, or to the script.
    fn ack(&mut self, message: Message, source: Source) {
        if let Some(id) = self.server_transactions.invite_of(&message) {
            self.work_for(Beneficiary::Request(id));
            let now = self.now;
            let outcome = self.server_transactions.get_mut(id).map(|request| request.ack(now));
            match outcome {
                Some(AckOutcome::Absorbed(effects)) => return self.server_effects(id, effects),
                Some(AckOutcome::PassToCore) | None => {}
            }
        } else if message.to_tag().is_some_and(|tag| self.settings.tags.check_totag_for_sl_reply(tag)) {
            return;
        }
        // The end, and the bounds of requests, are for new calls; an ACK belongs to one that was admitted.
        if self.status == Status::Loading {
            return self.counts.drop(Dropped::RefusedAck);
        }
        if self.settings.came_to_sender(&source) {
            if !self.is_of_own_dialog(&message) {
                return self.counts.drop(Dropped::AckOfStranger);
            }
        } else if message.to_tag().is_some() && self.lacks_own_route(&message, &source) {
            return self.counts.drop(Dropped::AckWithoutOwnRoute);
        }
        // The caller repeats it when the callee repeats its 2xx.
        let (queued, bytes) = (self.script_queue.acks, self.script_queue.ack_bytes);
        let limits = &self.settings.limits;
        if queued >= limits.queued_acks || bytes >= limits.queued_ack_bytes {
            tracing::debug!(target: "oversip::transaction", queued, bytes, "ACK dropped: too many wait for the script");
            return self.counts.drop(Dropped::Ack);
        }
        let antiloop_id = self.settings.antiloop_id(&message);
        if self.settings.listeners.has_looped(&message, &antiloop_id) {
            return self.counts.drop(Dropped::RefusedAck);
        }
        self.ack_has_come();
        self.take(message, source, antiloop_id, None, None);
    }

    /// CANCEL (RFC 3261 9.2): answered here, reported to the script once.
    fn cancel_request(&mut self, message: Message, source: Source) {
        let key = ServerKey::from_request(&message).filter(|_| !source.transport.reliable());
        if let Some(wire) = key.as_ref().and_then(|key| self.cancels.get(key)).cloned() {
            let way_back = WayBack::of(&message, source);
            return self.emit(Output::Respond { way_back, wire, hold: None });
        }
        let invite = self.server_transactions.invite_of(&message);
        let outcome = invite.and_then(|id| {
            // Noted before it is answered: a script that routes when the client has its 200 finds the request cancelled.
            let request = self.server_transactions.get_mut(id)?;
            Some((id, request.cancel()))
        });
        let Some((id, outcome)) = outcome else {
            self.reply_statelessly(&message, source, 481, "Call/Transaction Does Not Exist", &[]);
            return;
        };
        self.work_for(Beneficiary::Request(id));
        let answer = self.reply_statelessly(&message, source, 200, "Cancelled", &[]);
        if let (Some(key), Some(answer)) = (key, answer) {
            // Over a reliable transport Timer J is zero.
            let key = key.kept();
            if self.cancels.remember(key.clone(), answer) {
                let at = self.now + self.settings.timings.transaction_timeout();
                self.timers.arm(at, TimerKey::Cancel(key));
            }
        }
        match outcome {
            CancelOutcome::Noted => {}
            // RFC 3326: the reason for hanging up travels with the CANCEL.
            CancelOutcome::TellClients => {
                let reasons: Vec<Bytes> =
                    message.header_all_named(b"Reason").map(Bytes::copy_from_slice).collect();
                self.tell_canceled(id, &reasons);
            }
            CancelOutcome::ReplyTerminated => {
                // The script may wait for long before it routes; what it routes from now on ends at once.
                self.make_transaction(id);
                self.complete_context(id);
            }
        }
    }

    /// CANCEL reached a request (RFC 3261 16.10): downstream at once, the script in its turn.
    fn tell_canceled(&mut self, id: RequestId, reasons: &[Bytes]) {
        let Some(request) = self.server_transactions.get(id) else { return };
        let routes = request.context.canceled_routes();
        let mut pending: SmallVec<[RouteId; 1]> = SmallVec::new();
        for route in routes.iter().copied().filter(|route| self.is_pending(*route)) {
            // Each Client hears of it once.
            let client = self.client_of(route);
            pending.retain(|known| self.client_of(*known) != client);
            pending.push(route);
        }
        if let Some(request) = self.server_transactions.get_mut(id) {
            request.context.cancel(pending);
        }
        for route in routes {
            let Some(client) = self.client_of(route) else { continue };
            self.cancel_branch(route, reasons.to_vec());
            self.deliver(client, route, SessionInput::Canceled);
        }
        self.complete_context(id);
    }

    /// `on_request` ended. What the script made nothing of is over; where all its branches have failed meanwhile, the best of
    /// their answers goes upstream.
    pub fn request_done(&mut self, now: std::time::Instant, id: RequestId) {
        self.begin(now);
        self.attempt_for(Beneficiary::Request(id), |element| {
            let Some(request) = element.server_transactions.get_mut(id) else { return };
            let best = request.context.complete();
            if request.is_pending() {
                element.end_server(id);
            } else if request.is_left_canceled() || best.is_some() {
                element.send_best(id, best);
            }
        });
    }

    /// Why a request gets no answer by the end of `on_request`, for the log.
    pub fn why_unanswered(&self, id: RequestId) -> Option<&'static str> {
        let request = self.server_transactions.get(id)?;
        if request.is_abandoned() || request.is_canceled() || !request.context.is_empty() {
            return None;
        }
        if request.is_ack() {
            return Some("on_request ended without a route, the ACK goes no further");
        }
        if request.is_unanswered() {
            return Some("on_request ended without a reply or a route, it is forgotten");
        }
        let waits = request.state().is_some() && request.is_undecided();
        waits.then_some("on_request ended without a reply or a route, its transaction waits for one")
    }

    /// The script has let go of a request.
    pub fn release_request(&mut self, id: RequestId) {
        self.server_transactions.release(id);
    }

    /// Makes the server transaction of a request; an INVITE is told at once that it is being tried (RFC 3261 17.2.1). False:
    /// there is one already, or never will be.
    pub(super) fn make_transaction(&mut self, id: RequestId) -> bool {
        let (now, timings) = (self.now, self.settings.timings);
        let Some(request) = self.server_transactions.get_mut(id) else { return false };
        let Some(effects) = request.create_transaction(now, &timings) else { return false };
        request.set_trying(&mut self.timers, None);
        // It may have been answered before it got its transaction.
        let untold = request.accepts(100)
            && !request.is_canceled()
            && request.request.as_ref().is_some_and(|it| it.is_invite());
        self.server_effects(id, effects);
        if untold {
            self.reply_by_itself(id, 100, b"Trying");
        }
        true
    }

    /// Carries out what a server machine asks for.
    pub(super) fn server_effects(&mut self, id: RequestId, effects: ServerEffects) {
        for effect in effects {
            match effect {
                ServerEffect::Send(wire) => self.respond(id, wire),
                ServerEffect::Arm(timer, at) => {
                    if timer == Timer::L {
                        self.expect_ack();
                    }
                    if let Some(request) = self.server_transactions.get_mut(id) {
                        request.arm(&mut self.timers, id, timer, at);
                    }
                }
                ServerEffect::Stop(timer) => {
                    if let Some(request) = self.server_transactions.get_mut(id) {
                        request.stop(&mut self.timers, timer);
                    }
                }
                ServerEffect::StillAlive => self.reply_by_itself(id, 100, b"I'm alive"),
                ServerEffect::Expired => self.server_expired(id),
                ServerEffect::Terminated => self.end_server(id),
            }
        }
    }

    pub(super) fn end_server(&mut self, id: RequestId) {
        self.server_transactions.end(&mut self.timers, id);
        if let Some(happenings) = &mut self.happenings {
            happenings.end(id, self.now);
        }
    }

    /// Timer C2: nobody has answered the client for too long (RFC 3261 16.8).
    fn server_expired(&mut self, id: RequestId) {
        self.abandon(id);
        self.reply_by_itself(id, 408, b"Request Timeout");
    }

    /// Nothing is to be sent for a request any more: what is pending downstream is cancelled.
    pub(super) fn abandon(&mut self, id: RequestId) {
        let Some(request) = self.server_transactions.get_mut(id) else { return };
        request.abandon();
        for route in request.context.open() {
            self.give_up_route(route);
        }
    }

    pub(super) fn server_timer(&mut self, id: RequestId, timer: Timer) {
        self.work_for(Beneficiary::Request(id));
        self.note_server_timer(id, timer);
        let now = self.now;
        let Some(request) = self.server_transactions.fired(id, timer) else { return };
        let effects = request.timer(now, timer);
        let open = request.context.open();
        let unanswered = timer == Timer::Int2 && !effects.is_empty();
        self.server_effects(id, effects);
        for route in open.into_iter().filter(|_| unanswered) {
            if let Some(client) = self.client_of(route) {
                self.deliver(client, route, SessionInput::ServerEnded);
            }
        }
    }

    /// The script takes its time: the client is told that its INVITE arrived (RFC 3261 17.2.1).
    pub(super) fn pending_trying(&mut self, id: RequestId) {
        self.work_for(Beneficiary::Request(id));
        let Some(request) = self.server_transactions.get(id).filter(|it| it.is_unanswered()) else { return };
        let Some(received) = request.request.clone() else { return };
        let product = self.settings.product.as_bytes();
        let wire = crate::message::reply(&received.message, 100, b"Trying", None, &[], b"", product);
        self.respond(id, wire);
    }

    /// A 2xx to an INVITE went upstream: the call is up once its ACK has come by, which is a request of its own
    /// (RFC 3261 13.2.2.4).
    fn expect_ack(&mut self) {
        self.acks_due += 1;
        self.waits_for_acks = self.now + ACK_LIMIT;
    }

    /// An ACK goes to the script.
    fn ack_has_come(&mut self) {
        self.acks_due = self.acks_due.saturating_sub(1);
        if self.acks_due == 0 {
            self.waits_for_acks = self.now + ACK_ROUTING;
        }
    }

    pub(super) fn server_request(&self, id: RequestId) -> Option<&ServerRequest> {
        self.server_transactions.get(id)
    }
}
