//! What of the element's steps is kept as something that has happened. While nobody asks for it each of these is a single branch.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::client_transactions::ClientTransaction;
use super::happening::{AttemptEnd, Happening, ObservedRequest, Responder};
use super::happenings::Happenings;
use super::ids::{RequestId, RouteId};
use super::route::Route;
use super::word::Word;
use super::Element;
use crate::client::session::SessionInput;
use crate::client::{Branch, IncomingResponse};
use crate::message::{ConnectionId, Method, MAGIC_COOKIE};
use crate::resolve::{Asked, Target};
use crate::transaction::{branch_of_key, ClientEffect, Timer};

impl Element {
    /// From now on what the element does is kept, up to this number of things. What was kept before is dropped. Timers that
    /// only end a transaction which is over are left out unless they are asked for.
    pub fn begin_happenings(&mut self, room: usize, absorbing_timers: bool) {
        self.happenings = Some(Box::new(Happenings::new(room, absorbing_timers)));
    }

    /// Nothing is kept any more.
    pub fn end_happenings(&mut self) {
        self.happenings = None;
    }

    /// Hands out the oldest thing that the element has done since it was asked last.
    pub fn next_happening(&mut self) -> Option<(Instant, Happening)> {
        self.happenings.as_mut()?.next()
    }

    /// Whether [`Element::next_happening`] has something to hand out; true once until it was asked.
    pub fn has_news(&mut self) -> bool {
        self.happenings.as_mut().is_some_and(|happenings| happenings.has_news())
    }

    /// What the element has done since [`Element::begin_happenings`].
    pub fn happenings(&self) -> Option<&Happenings> {
        self.happenings.as_deref()
    }

    /// Keeps what has happened, if somebody asks for it.
    pub(super) fn note(&mut self, happening: impl FnOnce(&Element) -> Option<Happening>) {
        if self.happenings.is_none() {
            return;
        }
        let happening = happening(self);
        if let (Some(happenings), Some(happening)) = (&mut self.happenings, happening) {
            happenings.add(self.now, happening);
        }
    }

    pub(super) fn note_client_timer(&mut self, branch: &Branch, timer: Timer) {
        if self.wants(timer) {
            self.note(|element| {
                let transaction = element.client_transactions.get(branch)?;
                Some(Happening::Timer { timer, of: element.observed_attempt(branch, transaction) })
            });
        }
    }

    pub(super) fn note_server_timer(&mut self, request: RequestId, timer: Timer) {
        if self.wants(timer) {
            self.note(|element| Some(Happening::Timer { timer, of: element.observed_request(request)? }));
        }
    }

    fn wants(&self, timer: Timer) -> bool {
        self.happenings.as_ref().is_some_and(|happenings| happenings.wants(timer))
    }

    pub(super) fn note_received(&mut self, request: RequestId) {
        if self.happenings.is_none() {
            return;
        }
        let Some(of) = self.observed_request(request).filter(|of| of.method != Method::Ack) else { return };
        let call = self.begins_call(request);
        if let Some(happenings) = &mut self.happenings {
            // A call whose end will not be known would never end for those who count.
            let call = happenings.follow(request, of.clone(), call, self.now) && call;
            happenings.add(self.now, Happening::Received { of, call });
        }
    }

    /// Whether a request that has come is an INVITE outside of a dialog.
    fn begins_call(&self, request: RequestId) -> bool {
        let received = self.server_transactions.get(request).and_then(|it| it.request.as_ref());
        received
            .is_some_and(|it| it.message.method() == Some(&Method::Invite) && it.message.to_tag().is_none())
    }

    /// A response leaves for the client of a request.
    pub(super) fn note_response_to_client(&mut self, request: RequestId, status: u16, by: Option<Responder>) {
        let (Some(happenings), Some(by), true) = (&mut self.happenings, by, status > 100) else { return };
        let (after, repeated, call) = match happenings.followed(request) {
            Some(followed) => {
                let repeated = std::mem::replace(&mut followed.in_progress, true);
                let call = followed.call && !followed.answered;
                followed.answered |= status >= 200;
                (Some(self.now.saturating_duration_since(followed.began)), repeated, call)
            }
            None => (None, false, false),
        };
        if status < 200 && repeated {
            return;
        }
        self.note(|element| {
            let of = element.observed_request(request)?;
            Some(match status {
                ..=199 => Happening::Progress { of, status, by, after, call },
                _ => {
                    let cancelled = element.server_request(request).is_some_and(|it| it.is_canceled());
                    Happening::Answered { of, status, by, after, call, cancelled }
                }
            })
        });
        // Another final response to an INVITE is repeated until its ACK has come.
        let is_over = |of: &ObservedRequest| status >= 200 && (of.method != Method::Invite || status < 300);
        if let Some(happenings) = &mut self.happenings {
            if happenings.observed_request(request).is_some_and(is_over) {
                happenings.is_answered(request);
            }
        }
    }

    /// A block has kept back a response to the client of a request.
    pub(super) fn note_kept_back(&mut self, request: Option<RequestId>, status: Option<u16>) {
        self.note(|element| {
            Some(Happening::DroppedResponse { of: element.observed_request(request?)?, status: status? })
        });
    }

    /// The targets that a route has not tried since they are on the blacklist.
    pub(super) fn note_passed_over(&mut self, route: &mut Route) {
        for target in route.session.take_passed_over() {
            let call_id = route.request.call_id().map(Word::from);
            self.note(|_| Some(Happening::PassedOver { target, call_id }));
        }
    }

    /// A request that the script has got.
    fn observed_request(&self, id: RequestId) -> Option<ObservedRequest> {
        if let Some(followed) =
            self.happenings.as_ref().and_then(|happenings| happenings.observed_request(id))
        {
            return Some(followed.clone());
        }
        let request = self.server_transactions.get(id)?;
        let unique = request.key().and_then(|key| branch_of_key(key));
        let branch = unique.map(|rest| Word::of(MAGIC_COOKIE, rest)).unwrap_or_default();
        let call_id = request.request.as_ref().and_then(|it| it.message.call_id());
        let call_id = call_id.map(Word::from);
        Some(ObservedRequest { method: request.method().clone(), branch, call_id })
    }

    /// A request that has left.
    fn observed_attempt(&self, branch: &Branch, transaction: &ClientTransaction) -> ObservedRequest {
        let (method, call_id) = transaction.of_call();
        let known = self.happenings.as_ref().and_then(|happenings| happenings.call_of_attempt(branch));
        let call_id = known.or_else(|| call_id.map(Word::from));
        ObservedRequest { method: method.clone(), branch: Word::of(branch, b""), call_id }
    }

    pub(super) fn note_attempt(&mut self, branch: &Branch) {
        if self.happenings.is_none() {
            return;
        }
        let Some(transaction) = self.client_transactions.get(branch) else { return };
        let (target, of) = (transaction.target(), self.observed_attempt(branch, transaction));
        if let Some(happenings) = &mut self.happenings {
            happenings.begin_attempt(&of, self.now);
            happenings.add(self.now, Happening::Attempt { target, of });
        }
    }

    /// What a client transaction is about to do may end its attempt.
    pub(super) fn note_effect(
        &mut self,
        branch: &Branch,
        effect: &ClientEffect,
        response: Option<&Arc<IncomingResponse>>,
    ) {
        let (Some(happenings), Some(transaction)) =
            (&mut self.happenings, self.client_transactions.get(branch))
        else {
            return;
        };
        let end = match effect {
            ClientEffect::Response | ClientEffect::SwallowedFinal => response
                .and_then(|response| response.status())
                .filter(|status| *status >= 200)
                .map(AttemptEnd::Answered),
            ClientEffect::Timeout => Some(AttemptEnd::Unanswered),
            ClientEffect::InviteTimeout => Some(AttemptEnd::InviteTimeout),
            ClientEffect::TransportFailed => Some(AttemptEnd::Failed(transaction.failure())),
            ClientEffect::Terminated => Some(AttemptEnd::Abandoned),
            _ => None,
        };
        let Some(end) = end else { return };
        let Some((call_id, took)) = happenings.end_attempt(branch, self.now) else { return };
        let method = transaction.of_call().0.clone();
        let of = ObservedRequest { method, branch: Word::of(branch, b""), call_id };
        happenings.add(self.now, Happening::AttemptEnded { target: transaction.target(), of, end, took });
    }

    /// The resolution with this cache key has led to this for a request with this Call-ID.
    pub(super) fn note_resolved(
        &mut self,
        asked: &str,
        call_id: Option<&[u8]>,
        input: &SessionInput,
        took: Duration,
    ) {
        self.note(|_| {
            let targets = match input {
                SessionInput::Targets(targets) => targets.to_vec(),
                _ => Vec::new(),
            };
            let call_id = call_id.map(Word::from);
            Some(Happening::Resolved { asked: Asked::of_cache_key(asked)?, targets, call_id, took })
        });
    }

    /// The same for a route that has waited.
    pub(super) fn note_resolved_for(
        &mut self,
        route: RouteId,
        asked: Option<String>,
        input: &SessionInput,
        took: Duration,
    ) {
        let Some(asked) = asked else { return };
        let call_id = self.clients.route_mut(route).and_then(|route| route.request.call_id());
        let call_id = call_id.map(Word::from);
        self.note_resolved(&asked, call_id.as_deref(), input, took);
    }

    pub(super) fn note_flow_opened(
        &mut self,
        peer: Target,
        local: SocketAddr,
        inbound: bool,
        handshake: Option<Duration>,
    ) {
        self.note(|_| Some(Happening::FlowOpened { peer, local, inbound, handshake }));
    }

    pub(super) fn note_flow_closed(&mut self, connection: ConnectionId) {
        self.note(|element| element.flows.peer(connection).map(|peer| Happening::FlowClosed { peer }));
    }

    pub(super) fn note_blacklisted(&mut self, target: Target) {
        self.note(|_| Some(Happening::Blacklisted { target }));
    }
}
