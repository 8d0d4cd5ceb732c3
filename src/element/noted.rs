//! What of the element's steps is kept as something that has happened. While nobody asks for it each of these is a single branch.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::client_transactions::ClientTransaction;
use super::happening::{AttemptEnd, Happening, Responder, Subject};
use super::happenings::Happenings;
use super::ids::{RequestId, RouteId};
use super::route::Route;
use super::Element;
use crate::client::session::SessionInput;
use crate::client::{Branch, IncomingResponse};
use crate::message::{ConnectionId, Method, MAGIC_COOKIE};
use crate::resolve::{Asked, Target};
use crate::transaction::{branch_of_key, ClientEffect, Timer};

impl Element {
    /// From now on what the element does is kept, up to this number of things. What was kept before is dropped.
    pub fn begin_happenings(&mut self, room: usize) {
        self.happenings = Some(Box::new(Happenings::new(room)));
    }

    /// Nothing is kept any more.
    pub fn end_happenings(&mut self) {
        self.happenings = None;
    }

    /// Hands out what the element has done since it was asked last.
    pub fn take_happenings(&mut self) -> Vec<(Instant, Happening)> {
        self.happenings.as_mut().map(|happenings| happenings.take()).unwrap_or_default()
    }

    /// Whether [`Element::take_happenings`] has something to hand out; true once until it was asked.
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
        self.note(|element| {
            let transaction = element.client_transactions.get(branch)?;
            Some(Happening::Timer { timer, of: subject(branch, transaction) })
        });
    }

    pub(super) fn note_server_timer(&mut self, request: RequestId, timer: Timer) {
        self.note(|element| Some(Happening::Timer { timer, of: element.subject_of(request)? }));
    }

    pub(super) fn note_received(&mut self, request: RequestId) {
        if let Some(happenings) = &mut self.happenings {
            let received = self.server_transactions.get(request).and_then(|it| it.request.as_ref());
            if let Some(call_id) = received.and_then(|it| it.message.call_id()) {
                happenings.follow(request, call_id, self.now);
            }
        }
        self.note(|element| {
            let of = element.subject_of(request)?;
            (of.method != Method::Ack).then_some(Happening::Received { of })
        });
    }

    /// A response leaves for the client of a request.
    pub(super) fn note_response_to_client(&mut self, request: RequestId, status: u16, by: Option<Responder>) {
        let (Some(happenings), Some(by), true) = (&mut self.happenings, by, status > 100) else { return };
        let (after, repeated) = match happenings.followed(request) {
            Some(followed) => {
                let repeated = std::mem::replace(&mut followed.in_progress, true);
                (Some(self.now.saturating_duration_since(followed.began)), repeated)
            }
            None => (None, false),
        };
        if status < 200 && repeated {
            return;
        }
        self.note(|element| {
            let of = element.subject_of(request)?;
            Some(match status {
                ..=199 => Happening::Progress { of, status, by, after },
                _ => Happening::Answered { of, status, by, after },
            })
        });
    }

    /// A block has kept back a response to the client of a request.
    pub(super) fn note_kept_back(&mut self, request: Option<RequestId>, status: Option<u16>) {
        self.note(|element| {
            Some(Happening::DroppedResponse { of: element.subject_of(request?)?, status: status? })
        });
    }

    /// The targets that a route has not tried since they are on the blacklist.
    pub(super) fn note_passed_over(&mut self, route: &mut Route) {
        for target in route.session.take_passed_over() {
            let call_id = route.request.call_id().map(Bytes::copy_from_slice);
            self.note(|_| Some(Happening::PassedOver { target, call_id }));
        }
    }

    /// A request that the script has got.
    fn subject_of(&self, id: RequestId) -> Option<Subject> {
        let request = self.server_transactions.get(id)?;
        let unique = request.key().and_then(|key| branch_of_key(key));
        let branch = unique.map(|rest| [MAGIC_COOKIE, rest].concat()).unwrap_or_default();
        let call_id = self.happenings.as_ref().and_then(|happenings| happenings.call_id(id).cloned());
        Some(Subject { method: request.method().clone(), branch: branch.into(), call_id })
    }

    pub(super) fn note_attempt(&mut self, branch: &Branch) {
        self.note(|element| {
            let transaction = element.client_transactions.get(branch)?;
            Some(Happening::Attempt { target: transaction.target(), of: subject(branch, transaction) })
        });
    }

    /// What a client transaction is about to do may end its attempt.
    pub(super) fn note_effect(
        &mut self,
        branch: &Branch,
        effect: &ClientEffect,
        response: Option<&Arc<IncomingResponse>>,
    ) {
        self.note(|element| {
            let transaction = element.client_transactions.get(branch)?;
            let end = match effect {
                ClientEffect::Response | ClientEffect::SwallowedFinal => {
                    AttemptEnd::Answered(response?.status().filter(|status| *status >= 200)?)
                }
                ClientEffect::Timeout => AttemptEnd::Unanswered,
                ClientEffect::InviteTimeout => AttemptEnd::InviteTimeout,
                ClientEffect::TransportFailed => AttemptEnd::Failed(transaction.failure()),
                // An answered one was settled, or a 2xx has left nothing of its headers.
                ClientEffect::Terminated
                    if !transaction.is_settled() && transaction.of_call().1.is_some() =>
                {
                    AttemptEnd::Abandoned
                }
                _ => return None,
            };
            let (target, of) = (transaction.target(), subject(branch, transaction));
            Some(Happening::AttemptEnded { target, of, end })
        });
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
            let call_id = call_id.map(Bytes::copy_from_slice);
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
        let call_id = call_id.map(Bytes::copy_from_slice);
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

fn subject(branch: &Branch, transaction: &ClientTransaction) -> Subject {
    let (method, call_id) = transaction.of_call();
    let call_id = call_id.map(Bytes::copy_from_slice);
    Subject { method: method.clone(), branch: Bytes::copy_from_slice(branch), call_id }
}
