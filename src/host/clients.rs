//! What a script asks of its Clients.

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;

use super::call::Call;
use super::client::Client;
use super::interface::Host;
use super::stores::StoredProfile;
use crate::client::digest::Credentials;
use crate::client::session::Role;
use crate::client::{Destination, RestoreHeaders};
use crate::element::{
    self, AcknowledgeError, AnchorId, Body, Origin, ProxyHeaders, Round, RoundEnd, TooDeep,
};
use crate::message::{Message, RequestSnapshot};

/// Everything that `Client#route` hands to the host.
pub struct NewRoute {
    /// Proxy or Uac.
    pub role: Role,
    /// The Client.
    pub client: Arc<Client>,
    /// The profile, as read when `route` was called.
    pub profile: StoredProfile,
    /// The request as the script left it.
    pub request: RequestSnapshot,
    /// Marks our branches (RFC 3261 16.6 step 8). `None`: the request is new wherever it arrives, our own listener included.
    pub antiloop_id: Option<[u8; 32]>,
    /// Where the request comes from.
    pub origin: Origin,
    /// Routing headers and hop count: set in a proxy.
    pub proxy_headers: Option<ProxyHeaders>,
    /// Where to.
    pub destination: Destination,
    /// From and To values to put back into responses, where the script changed them.
    pub restore: RestoreHeaders,
    /// It is for a SIPS resource, though the Request-URI may not say so.
    pub sips: bool,
    /// What challenges are answered with: set in a Uac.
    pub credentials: Vec<Credentials>,
    /// Who waits for the end.
    pub call: Option<Arc<Call>>,
    /// Keeps the script's objects alive; dropped with the route.
    pub anchor: Arc<dyn Any + Send + Sync>,
    /// The caller runs the first rounds of blocks itself.
    pub inline: bool,
    /// In how many other `route` calls this one is made.
    pub depth: u32,
}

/// The Clients and their routes.
#[derive(Clone, Copy)]
pub struct Clients<'a>(pub &'a Arc<dyn Host>);

impl Clients<'_> {
    /// Begins a route. Where it is `inline`, the round of blocks that it begins with is handed out:
    /// [`Clients::round_done`] is due when it ended.
    ///
    /// # Errors
    ///
    /// When it is nested too deep in blocks.
    pub fn route(&self, ask: NewRoute) -> Result<Option<Round>, TooDeep> {
        let host = self.0;
        let client = ask.client.known_to(host);
        ask.profile.known_to(host);
        if let Some(call) = &ask.call {
            host.expect_end(call);
        }
        let ask = element::RouteRequest {
            client,
            role: ask.role,
            profile: ask.profile.parameters,
            request: ask.request,
            antiloop_id: ask.antiloop_id,
            origin: ask.origin,
            proxy_headers: ask.proxy_headers,
            destination: ask.destination,
            restore: ask.restore,
            sips: ask.sips,
            credentials: ask.credentials,
            caller: ask.call.map(|call| call.caller()),
            anchor: host.anchors().keep(ask.anchor),
            inline: ask.inline,
            depth: ask.depth,
        };
        host.step(|element, now| element.route(now, ask))
    }

    /// A round of blocks has ended. Hands out the next one of the same route, if it has one at once.
    pub fn round_done(&self, round: &Round, end: RoundEnd) -> Option<Round> {
        self.0.step(|element, now| element.round_done(now, round.client, round.route, end))
    }

    /// A round that its thread cannot run: another one does, in its turn.
    pub fn put_off(&self, round: Round) {
        self.0.put_off(Box::new(round));
    }

    /// What keeps the script's objects of a route alive.
    pub fn anchored(&self, anchor: AnchorId) -> Option<Arc<dyn Any + Send + Sync>> {
        self.0.anchors().get(anchor)
    }

    /// Cancels what a Client has pending, for one request or for all.
    pub fn cancel(&self, client: &Client, of: Option<&Origin>) {
        if let Some((host, id)) = client.known() {
            host.step(|element, now| element.cancel(now, id, of));
        }
    }

    /// The thread that waits for a call waits no longer: the request is cancelled. False: it has ended, and the call is told.
    pub fn give_up(&self, client: &Client, call: &Call) -> bool {
        let known = client.known();
        known.is_some_and(|(host, id)| host.step(|element, now| element.give_up(now, id, call.id())))
    }

    /// Ends the call of a 2xx that was acknowledged, and that nobody has taken (RFC 3261 15). `ruri` is the Request-URI of its
    /// INVITE. Another response has no call.
    pub fn hang_up(
        &self,
        profile: &StoredProfile,
        response: &Message,
        ruri: &Bytes,
        credentials: Vec<Credentials>,
    ) {
        profile.known_to(self.0);
        let profile = &profile.parameters;
        self.0.step(|element, now| element.hang_up(now, profile, response, ruri, credentials));
    }

    /// Sends the ACK for a 2xx that a Client has received (RFC 3261 13.2.2.4). `ruri` is the Request-URI of its INVITE.
    pub fn acknowledge(
        &self,
        client: &Client,
        profile: &StoredProfile,
        response: &Message,
        ruri: &Bytes,
        body: Option<Body>,
    ) -> Result<(), AcknowledgeError> {
        let id = client.known_to(self.0);
        profile.known_to(self.0);
        let profile = &profile.parameters;
        self.0.step(|element, now| element.acknowledge(now, id, profile, response, ruri, body))
    }
}
