//! From downstream to upstream: what the branches of a request answer, and what of it the client gets (RFC 3261 16.7).

use std::sync::Arc;

use bytes::Bytes;

use super::context::Candidate;
use super::happening::Responder;
use super::ids::{RequestId, RouteId};
use super::route::Route;
use super::server_request::ServerRequest;
use super::Element;
use crate::client::session::SessionInput;
use crate::client::IncomingResponse;
use crate::message::{passed_on, reason_phrase, Method};

/// Who has made what comes from downstream.
const RELAYED: Option<Responder> = Some(Responder::Relayed);

impl Element {
    /// A response of a route goes upstream, as the blocks left it.
    pub(super) fn forward(&mut self, route: &mut Route, response: &Arc<IncomingResponse>, status: u16) {
        let edited = route.edited.take();
        let Some(upstream) = route.upstream() else { return };
        if self.takes_drop(route) {
            self.note_kept_back(Some(upstream), Some(status));
            self.note_dropped(route, response);
            return;
        }
        // The usual case has no need of a list of the response's lines.
        if let (None, true, Some(status @ ..=299)) = (&edited, route.passes_on(), response.status()) {
            return self.forward_at_once(upstream, route, response, status, passed_on(response));
        }
        let Some(mut snapshot) = edited.or_else(|| route.upstream_form(response)) else { return };
        // Blocks may have set a status of their own; only the 503 that came from downstream is hidden.
        if snapshot.status == 503 && status == 500 {
            snapshot.status = 500;
            snapshot.reason = Bytes::from_static(reason_phrase(500).as_bytes());
        }
        match snapshot.status {
            ..=299 => {
                self.forward_at_once(upstream, route, response, snapshot.status, snapshot.to_bytes());
            }
            _ => {
                // The blocks have made a refusal of it: the client sends no ACK.
                if response.is_success() {
                    self.end_orphan(route, response);
                }
                self.offer(upstream, route.id, Candidate::Response(snapshot));
            }
        }
    }

    /// A provisional response or a 2xx goes upstream.
    fn forward_at_once(
        &mut self,
        upstream: RequestId,
        route: &Route,
        response: &IncomingResponse,
        status: u16,
        wire: Bytes,
    ) {
        if status < 200 {
            // Where the client has its final response, it needs no other.
            let _ = self.send_response(upstream, status, wire, RELAYED);
        } else if self.may_accept(upstream)
            && self.send_response(upstream, status, wire.clone(), RELAYED).is_ok()
        {
            self.succeed(upstream, route.id, response.to_tag(), wire);
        } else if response.is_success() {
            self.end_orphan(route, response);
        }
    }

    /// A route is answered by a reply of our own.
    pub(super) fn answer_by_reply(&mut self, route: &Route, status: u16, reason: &str) {
        let Some(upstream) = route.upstream() else { return };
        match self.takes_drop(route) {
            true => self.note_kept_back(Some(upstream), Some(status)),
            false => {
                self.offer(upstream, route.id, Candidate::Reply { status, reason: reason.to_owned() });
            }
        }
    }

    /// `drop_response` was called outside of a block: it counts once.
    fn takes_drop(&mut self, route: &Route) -> bool {
        let client = self.clients.get_mut(route.client);
        client.is_some_and(|client| std::mem::take(&mut client.drops_next))
    }

    /// A 2xx went upstream: it is kept to be repeated, and no other branch is wanted (RFC 3261 16.7 step 10).
    fn succeed(&mut self, upstream: RequestId, route: RouteId, tag: Option<&[u8]>, wire: Bytes) {
        let Some(request) = self.server_transactions.get_mut(upstream) else { return };
        request.keep_success(route, tag, wire);
        request.context.answer();
        self.abandon_branches(upstream, Some(route));
    }

    /// The script keeps a response from the client: nobody but the element can end the call that a 2xx has begun.
    pub(super) fn note_dropped(&mut self, route: &Route, response: &IncomingResponse) {
        if route.upstream().is_some() && response.is_success() {
            self.end_orphan(route, response);
        }
    }

    /// Whether a 2xx of a branch may go upstream: not where the script has answered by itself, by a 2xx or else.
    fn may_accept(&self, upstream: RequestId) -> bool {
        let request = self.server_transactions.get(upstream);
        request.is_some_and(|request| request.accepts(200) && !request.context.is_decided())
    }

    /// A 2xx that does not go upstream, since the script has dropped it or the client gets another final response: the call is
    /// ended (RFC 3261 13.2.2.4, 15).
    fn end_orphan(&mut self, route: &Route, response: &IncomingResponse) {
        if route.request.method == Method::Invite || response.cseq_method() == Some(&Method::Invite) {
            tracing::info!(target: "oversip::transaction", client = %route.client, route = %route.id,
                "this 2xx does not go to the client: it is acknowledged and its call ended");
            self.acknowledge_and_end(route, response, true);
        }
    }

    /// A final answer that is no 2xx: it waits for the other branches. A 6xx cancels them.
    fn offer(&mut self, upstream: RequestId, route: RouteId, candidate: Candidate) {
        let Some(request) = self.server_transactions.get_mut(upstream) else { return };
        request.context.offer(candidate);
        if !request.context.is_refused_globally() {
            return;
        }
        let others = request.context.open().into_iter().filter(|open| *open != route);
        for other in others.collect::<Vec<_>>() {
            let Some(client) = self.client_of(other) else { continue };
            if let Some(route) = self.clients.route_mut(other) {
                route.session.note_superseded();
            }
            self.cancel_branch(other, Vec::new());
            self.deliver(client, other, SessionInput::Superseded);
        }
    }

    /// A route has its answer: where no other one has to be waited for, the best goes upstream.
    pub(super) fn close_branch(&mut self, route: &Route) {
        let Some(upstream) = route.upstream() else { return };
        let Some(request) = self.server_transactions.get_mut(upstream) else { return };
        let best = request.context.close(route.id);
        self.send_best(upstream, best);
    }

    /// No further branch has to be waited for: where none is open, the best answer goes upstream.
    pub(super) fn complete_context(&mut self, id: RequestId) {
        let Some(request) = self.server_transactions.get_mut(id) else { return };
        let best = request.context.complete();
        self.send_best(id, best);
    }

    /// A client that has its final response needs no other.
    pub(super) fn send_best(&mut self, id: RequestId, best: Option<Candidate>) {
        match best {
            None => self.end_if_canceled(id),
            Some(Candidate::Response(response)) => {
                let _ = self.send_response(id, response.status, response.to_bytes(), RELAYED);
            }
            Some(Candidate::Reply { status, reason }) => self.reply_by_itself(id, status, reason.as_bytes()),
        }
    }

    /// A request that was cancelled and of which nothing is pending: nobody else answers it (RFC 3261 9.2).
    fn end_if_canceled(&mut self, id: RequestId) {
        if self.server_transactions.get(id).is_some_and(ServerRequest::is_left_canceled) {
            self.reply_by_itself(id, 487, b"Request Terminated");
        }
    }

    /// The request is answered: of its branches, but for `except`, only a 2xx is still of interest.
    pub(super) fn abandon_branches(&mut self, upstream: RequestId, except: Option<RouteId>) {
        let Some(request) = self.server_transactions.get(upstream) else { return };
        for route in request.context.open() {
            if Some(route) != except {
                self.abandon_route(route);
            }
        }
    }
}
