//! Server transactions inside the engine: requests coming in, their timers, the effects of their machines.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::core::{Core, ServerEntry, TimerKey};
use super::incoming::{CancelOutcome, IncomingRequest, PENDING_TRYING};
use super::timers::TimerId;
use super::{upstream, Class, Dropped, Event, Limits, Rejected, Status};
use crate::client::session::Input;
use crate::clock::Clock;
use crate::message::{Message, Method};
use crate::transaction::{AckOutcome, ServerEffect, ServerEffects, ServerKey, Timer};
use crate::transport::{Owed, Source};

impl Core {
    /// A request from the network (RFC 3261 17.2.3, 8.2).
    pub(super) fn request(&mut self, message: Message, source: Source, owed: Option<Owed>) {
        let now = self.shared.clock.now();
        let message = self.shared.undo_strict_routing(message);
        let message = self.shared.strip_own_maddr(message, &source);
        match message.method() {
            Some(Method::Ack) => self.ack(now, message, source),
            Some(Method::Cancel) => self.cancel(now, message, source),
            _ => self.new_or_repeated(now, message, source, owed),
        }
    }

    fn new_or_repeated(&mut self, now: Instant, message: Message, source: Source, owed: Option<Owed>) {
        let Some(key) = ServerKey::from_request(&message) else { return };
        if let Some(entry) = self.servers.get(&key) {
            let request = entry.request.clone();
            self.work_for_request(&request);
            if let Some(effects) = request.request_again(now) {
                self.server_effects(&request, effects);
            }
            return;
        }
        let of_dialog = message.to_tag().is_some();
        if self.shared.came_to_sender(&source) {
            if !self.is_of_own_dialog(&message) {
                return self.stateless(message, source, Refusal::new(403, "Forbidden", Rejected::Stranger));
            }
        } else if of_dialog && self.lacks_own_route(&message, &source) {
            let reason = "Route Shows No Code for This Dialog";
            return self.stateless(message, source, Refusal::new(403, reason, Rejected::NoOwnRoute));
        }
        if let Some(refusal) = self.refusal(of_dialog) {
            return self.stateless(message, source, refusal);
        }
        let antiloop_id = self.shared.antiloop_id(&message);
        if self.shared.listeners.has_looped(&message, &antiloop_id) {
            return self.stateless(message, source, Refusal::new(482, "Loop Detected", Rejected::Loop));
        }
        let invite = message.method() == Some(&Method::Invite);
        let request = IncomingRequest::new(message, source, antiloop_id, Some(key.clone()));
        request.owe(owed);
        let pending =
            invite.then(|| self.timers.arm(now + PENDING_TRYING, TimerKey::PendingTrying(request.clone())));
        let entry = ServerEntry { request: request.clone(), timers: Default::default(), pending };
        self.servers.insert(key, entry);
        self.shared.events.push(Event::Request(request));
    }

    /// Whether a request belongs to a dialog that a request from a socket that only sends has begun.
    fn is_of_own_dialog(&self, message: &Message) -> bool {
        let dialog = message.call_id().zip(message.to_tag());
        dialog.is_some_and(|(call_id, tag)| self.own_dialogs.contains(call_id, tag))
    }

    /// Whether a request inside a dialog is to be refused because its Route does not show that the dialog came by here.
    fn lacks_own_route(&self, message: &Message, source: &Source) -> bool {
        let lacks = self.shared.require_own_route && !self.shared.own_route(message);
        if lacks {
            tracing::debug!(target: "oversip::request", method = ?message.method(), remote = %source.remote,
                call_id = %String::from_utf8_lossy(message.call_id().unwrap_or_default()),
                "the Route shows no code for this dialog");
        }
        lacks
    }

    /// Why no new request is taken now. Where there is no room for new calls, those that are up can still be changed and
    /// hung up: requests of dialogs have a reserve above the bounds.
    pub(super) fn refusal(&self, of_dialog: bool) -> Option<Refusal> {
        match self.shared.status() {
            Status::Loading => return Some(Refusal::later(500, "Server Still Loading", Rejected::Loading)),
            Status::Terminating => {
                return Some(Refusal::later(500, "Server is Being Stopped", Rejected::Terminating))
            }
            Status::Running => {}
        }
        let limits = &self.shared.limits;
        let full = self.full(limits)?;
        if of_dialog && self.full(&limits.with_reserve()).is_none() {
            self.shared.counts.count_reserve_used();
            return None;
        }
        Some(Refusal::later(503, "Service Unavailable", full))
    }

    /// Which of the bounds is reached.
    fn full(&self, limits: &Limits) -> Option<Rejected> {
        // A request that was admitted may make its client transactions, however many there are by then.
        let transactions = self.servers.len() + self.branches.len();
        let (queued, bytes) = self.shared.events.queued(Class::Requests);
        if queued >= limits.queued_requests {
            Some(Rejected::QueuedRequests)
        } else if bytes >= limits.queued_bytes {
            Some(Rejected::QueuedBytes)
        } else if transactions >= limits.transactions {
            Some(Rejected::Transactions)
        } else {
            None
        }
    }

    fn stateless(&mut self, message: Message, source: Source, refusal: Refusal) {
        self.shared.counts.count_rejected(refusal.cause);
        let lines: Vec<Bytes> =
            refusal.retry_after.map(|seconds| format!("Retry-After: {seconds}").into()).into_iter().collect();
        self.reply_statelessly(message, source, refusal.status, refusal.reason, &lines);
    }

    /// Replies without a transaction; an ACK is never answered.
    pub(super) fn reply_statelessly(
        &mut self,
        message: Message,
        source: Source,
        status: u16,
        reason: &str,
        lines: &[Bytes],
    ) {
        if message.method() == Some(&Method::Ack) {
            return;
        }
        let tag =
            message.to_tag().map_or_else(|| self.shared.totag_for_sl_reply().into_bytes(), <[u8]>::to_vec);
        let product = self.shared.product.as_bytes();
        let wire =
            crate::message::reply(&message, status, reason.as_bytes(), Some(&tag), lines, b"", product);
        let request = IncomingRequest::new(message, source, [0; 32], None);
        self.shared.deliver(&request, &wire);
    }

    /// The INVITE that an ACK or CANCEL is for (RFC 3261 17.2.3, 9.2).
    fn invite_of(&self, message: &Message) -> Option<Arc<IncomingRequest>> {
        let key = ServerKey::invite_key(message)?;
        if let Some(entry) = self.servers.get(&key) {
            return Some(entry.request.clone());
        }
        let request = &self.servers.get(&key.before_response()?)?.request;
        let (response, _) = Message::parse(request.last_response()?).ok()?;
        (response.to_tag() == message.to_tag()).then(|| request.clone())
    }

    /// An ACK belongs to the INVITE's transaction, to a stateless reply of ours, or to the script.
    fn ack(&mut self, now: Instant, message: Message, source: Source) {
        if let Some(request) = self.invite_of(&message) {
            self.work_for_request(&request);
            match request.ack(now) {
                AckOutcome::Absorbed(effects) => return self.server_effects(&request, effects),
                AckOutcome::PassToCore => {}
            }
        } else if message.to_tag().is_some_and(|tag| self.shared.tags.check_totag_for_sl_reply(tag)) {
            return;
        }
        // The end, and the bounds of requests, are for new calls; an ACK belongs to one that was admitted.
        if self.shared.status() == Status::Loading {
            return self.shared.counts.count_dropped(Dropped::RefusedAck);
        }
        if self.shared.came_to_sender(&source) {
            if !self.is_of_own_dialog(&message) {
                return self.shared.counts.count_dropped(Dropped::AckOfStranger);
            }
        } else if message.to_tag().is_some() && self.lacks_own_route(&message, &source) {
            return self.shared.counts.count_dropped(Dropped::AckWithoutOwnRoute);
        }
        // The caller repeats it when the callee repeats its 2xx.
        let (queued, bytes) = self.shared.events.queued(Class::Acks);
        let limits = &self.shared.limits;
        if queued >= limits.queued_acks || bytes >= limits.queued_ack_bytes {
            tracing::debug!(target: "oversip::transaction", queued, bytes, "ACK dropped: too many wait for the script");
            return self.shared.counts.count_dropped(Dropped::Ack);
        }
        let antiloop_id = self.shared.antiloop_id(&message);
        if self.shared.listeners.has_looped(&message, &antiloop_id) {
            return self.shared.counts.count_dropped(Dropped::RefusedAck);
        }
        self.ack_has_come();
        self.shared.events.push(Event::Request(IncomingRequest::new(message, source, antiloop_id, None)));
    }

    /// CANCEL (RFC 3261 9.2): answered here, reported to the core once.
    fn cancel(&mut self, now: Instant, message: Message, source: Source) {
        let Some(request) = self.invite_of(&message).filter(|request| request.is_invite()) else {
            return self.reply_statelessly(message, source, 481, "Call/Transaction Does Not Exist", &[]);
        };
        // RFC 3326: the reason for hanging up travels with the CANCEL.
        let reasons = message.header_all_named(b"Reason").map(Bytes::copy_from_slice).collect();
        self.work_for_request(&request);
        // Noted before it is answered: a script that routes when the client has its 200 finds the request canceled.
        let outcome = request.cancel();
        self.reply_statelessly(message, source, 200, "Cancelled", &[]);
        match outcome {
            CancelOutcome::Noted => {}
            CancelOutcome::TellCore(core) => self.tell_canceled(now, core, reasons),
            CancelOutcome::ReplyTerminated => self.terminate_canceled(now, &request),
        }
    }

    fn terminate_canceled(&mut self, now: Instant, request: &Arc<IncomingRequest>) {
        upstream::reply(&self.shared, now, request, 487, b"Request Terminated", &[], b"");
    }

    /// `on_request` ended. What the script made nothing of is over.
    pub(super) fn request_done(&mut self, request: &Arc<IncomingRequest>) {
        if request.is_left_canceled() {
            let now = self.shared.clock.now();
            self.shared.create_transaction(request, now);
            self.terminate_canceled(now, request);
        } else if request.is_pending() {
            self.end_server(request);
        }
    }

    /// Carries out what a server machine asks for.
    pub(super) fn server_effects(&mut self, request: &Arc<IncomingRequest>, effects: ServerEffects) {
        self.work_for_request(request);
        self.stop_pending(request);
        for effect in effects {
            match effect {
                ServerEffect::Send(wire) => self.shared.deliver(request, &wire),
                ServerEffect::Arm(timer, at) => {
                    if timer == Timer::L {
                        self.expect_ack();
                    }
                    self.stop_server_timer(request, timer);
                    // A transaction that is no longer in the table is over and arms nothing.
                    if let Some(entry) = entry(&mut self.servers, request) {
                        let id = self.timers.arm(at, TimerKey::Server(request.clone(), timer));
                        entry.timers.push((timer, id));
                    }
                }
                ServerEffect::Stop(timer) => self.stop_server_timer(request, timer),
                ServerEffect::StillAlive => {
                    upstream::reply(
                        &self.shared,
                        self.shared.clock.now(),
                        request,
                        100,
                        b"I'm alive",
                        &[],
                        b"",
                    );
                }
                ServerEffect::Expired => self.server_expired(request),
                ServerEffect::Terminated => self.end_server(request),
            }
        }
    }

    /// Timer C2: nobody has answered the client for too long (RFC 3261 16.8).
    fn server_expired(&mut self, request: &Arc<IncomingRequest>) {
        let now = self.shared.clock.now();
        request.abandon();
        if let Some(core) = request.core() {
            self.give_up(now, core);
        }
        upstream::reply(&self.shared, now, request, 408, b"Request Timeout", &[], b"");
    }

    fn stop_pending(&mut self, request: &Arc<IncomingRequest>) {
        if request.is_pending() {
            return;
        }
        if let Some(id) = entry(&mut self.servers, request).and_then(|entry| entry.pending.take()) {
            self.timers.stop(id);
        }
    }

    fn stop_server_timer(&mut self, request: &Arc<IncomingRequest>, timer: Timer) {
        let Some(entry) = entry(&mut self.servers, request) else { return };
        if let Some(index) = entry.timers.iter().position(|(armed, _)| *armed == timer) {
            let (_, id) = entry.timers.swap_remove(index);
            self.timers.stop(id);
        }
    }

    pub(super) fn end_server(&mut self, request: &Arc<IncomingRequest>) {
        request.end();
        if entry(&mut self.servers, request).is_none() {
            return;
        }
        let Some(key) = &request.key else { return };
        if let Some(entry) = self.servers.remove(key) {
            for id in entry.timers.into_iter().map(|(_, id)| id).chain(entry.pending) {
                self.timers.stop(id);
            }
        }
    }

    pub(super) fn server_timer(
        &mut self,
        now: Instant,
        fired: TimerId,
        request: &Arc<IncomingRequest>,
        timer: Timer,
    ) {
        if let Some(entry) = entry(&mut self.servers, request) {
            entry.timers.retain(|(_, armed)| *armed != fired);
            let effects = request.timer(now, timer);
            let unanswered = timer == Timer::Int2 && !effects.is_empty();
            self.server_effects(request, effects);
            if let Some(core) = request.core().filter(|_| unanswered) {
                self.deliver(core.client, core.route, Input::ServerEnded);
            }
        }
    }

    /// The script takes its time: the client is told that its INVITE arrived (RFC 3261 17.2.1).
    pub(super) fn pending_trying(&mut self, request: &Arc<IncomingRequest>) {
        if let Some(entry) = entry(&mut self.servers, request) {
            entry.pending = None;
        }
        if request.is_unanswered() {
            let product = self.shared.product.as_bytes();
            let wire = crate::message::reply(&request.message, 100, b"Trying", None, &[], b"", product);
            self.shared.deliver(request, &wire);
        }
    }
}

/// Why a request is not processed.
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) reason: &'static str,
    pub(super) cause: Rejected,
    retry_after: Option<u32>,
}

impl Refusal {
    fn new(status: u16, reason: &'static str, cause: Rejected) -> Self {
        Self { status, reason, cause, retry_after: None }
    }

    /// The client may try again in a few seconds.
    fn later(status: u16, reason: &'static str, cause: Rejected) -> Self {
        Self { retry_after: Some(5), ..Self::new(status, reason, cause) }
    }
}

/// The table's entry of exactly this request; a later one may have the same key.
fn entry<'a>(
    servers: &'a mut std::collections::HashMap<ServerKey, ServerEntry>,
    request: &Arc<IncomingRequest>,
) -> Option<&'a mut ServerEntry> {
    servers.get_mut(request.key.as_ref()?).filter(|entry| Arc::ptr_eq(&entry.request, request))
}
