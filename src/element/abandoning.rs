//! Routes whose answer is not wanted any more: cancelled, given up, or overtaken by another branch.

use super::ids::{ClientId, RouteId};
use super::route::Route;
use super::Element;
use crate::client::session::SessionInput;

impl Element {
    /// CANCEL came for the request of a route, or its script has cancelled it.
    pub(super) fn is_route_canceled(&self, route: &Route) -> bool {
        route.canceled || route.upstream().is_some_and(|id| self.is_canceled(id))
    }

    /// Nobody wants an answer to the request of a route any more.
    pub(super) fn is_given_up(&self, route: &Route) -> bool {
        let upstream = route.upstream().and_then(|id| self.server_request(id));
        route.given_up || upstream.is_some_and(|request| request.is_abandoned())
    }

    /// Whether a route may still come to an answer.
    pub(super) fn is_pending(&self, id: RouteId) -> bool {
        let session = self.clients.route(id).map(|route| &route.session);
        session.is_some_and(|session| !session.is_answered() && !session.is_abandoned())
    }

    /// The Client of a route.
    pub(super) fn client_of(&self, route: RouteId) -> Option<ClientId> {
        self.clients.client_of(route)
    }

    /// Of a route only a 2xx is still of interest. Only what is pending is abandoned: a route whose branch has failed ends in
    /// its own way, but tries no further target.
    pub(super) fn abandon_route(&mut self, id: RouteId) {
        let Some(client) = self.client_of(id) else { return };
        let route = self.clients.route_mut(id);
        let waits = route.is_some_and(|route| {
            route.session.note_abandoned();
            route.session.asks_probe()
        });
        if self.abandon_branch(id) || self.resolutions.abandon(id) || self.forget_socket(id) || waits {
            self.deliver(client, id, SessionInput::Abandoned);
        }
    }

    /// Nobody wants an answer of a route any more: what is pending is cancelled, and nothing more is tried.
    pub(super) fn give_up_route(&mut self, id: RouteId) {
        let Some(client) = self.client_of(id) else { return };
        if let Some(route) = self.clients.route_mut(id) {
            route.given_up = true;
        }
        self.abandon_branch(id);
        self.resolutions.abandon(id);
        self.deliver(client, id, SessionInput::Abandoned);
    }
}
