//! The ACKs and BYEs that the element sends by itself: for a 2xx that a script acknowledges, that somebody waits for, or that
//! nobody wants (RFC 3261 13.2.2.4, 15).

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::beneficiary::Beneficiary;
use super::ids::{AnchorId, ClientId, OwnRequestId};
use super::route::{AcknowledgeError, Body, Origin, Route, RouteRequest};
use super::Element;
use crate::client::digest::Credentials;
use crate::client::session::Role;
use crate::client::{request_within, Destination, DialogRequest, IncomingResponse, Profile};
use crate::message::{HeaderName, Message, Method};

impl Element {
    /// Sends the ACK for a 2xx that a Client has received (RFC 3261 13.2.2.4). `ruri` is the Request-URI of its INVITE.
    pub fn acknowledge(
        &mut self,
        now: Instant,
        client: ClientId,
        profile: &Arc<Profile>,
        response: &Message,
        ruri: &Bytes,
        body: Option<Body>,
    ) -> Result<(), AcknowledgeError> {
        self.begin(now);
        self.attempt_for(Beneficiary::Client(client), |element| {
            element.send_acknowledgement(client, profile, response, ruri, body)
        })
        .unwrap_or(Err(AcknowledgeError::Defect))
    }

    fn send_acknowledgement(
        &mut self,
        client: ClientId,
        profile: &Arc<Profile>,
        response: &Message,
        ruri: &Bytes,
        body: Option<Body>,
    ) -> Result<(), AcknowledgeError> {
        let ack = self.within(response, Method::Ack, ruri);
        let mut ack = ack.ok_or(AcknowledgeError::NoSuccessOfInvite)?;
        // RFC 3261 22.1, as for an ACK of the script's.
        let client = self.clients.get(client);
        let answers = client.map_or(&[][..], |it| it.authorization(response.call_id().unwrap_or_default()));
        for (name, value) in answers {
            ack.request.headers.push(name.canonical().as_bytes(), value);
        }
        if let Some(body) = body {
            ack.request.headers.push(b"Content-Type", &body.content_type);
            ack.request.body = body.bytes;
        }
        self.send_by_itself(profile, ack, Vec::new());
        Ok(())
    }

    /// The 2xx of a request that somebody waits for is acknowledged here; one that is not theirs makes a call that is ended at once
    /// (RFC 3261 13.2.2.4, 15).
    pub(super) fn acknowledge_for_caller(&mut self, route: &mut Route, response: &IncomingResponse) {
        if route.is_called_invite(response) {
            let theirs = route.is_callers(response);
            self.acknowledge_and_end(route, response, !theirs);
        }
    }

    /// A 2xx to a request of a Uac that was given up before: nobody else ends its call.
    pub(super) fn end_given_up(&mut self, route: &Route, response: &IncomingResponse) {
        tracing::info!(target: "oversip::transaction", client = %route.client, route = %route.id,
            "the request was given up before this 2xx: it is acknowledged and its call ended");
        self.acknowledge_and_end(route, response, true);
    }

    /// Acknowledges a 2xx, and ends its call if that is asked.
    pub(super) fn acknowledge_and_end(&mut self, route: &Route, response: &Message, end: bool) {
        let profile = route.profile().clone();
        let ruri = route.request.ruri.clone();
        if self.send_acknowledgement(route.client, &profile, response, &ruri, None).is_err() || !end {
            return;
        }
        if let Some(bye) = self.within(response, Method::Bye, &ruri) {
            let credentials = route.authenticator.credentials().to_vec();
            self.send_by_itself(&profile, bye, credentials);
        }
    }

    /// Ends the call of a 2xx that was acknowledged, and that nobody has taken (RFC 3261 15). `ruri` is the Request-URI of its
    /// INVITE. Another response has no call.
    pub fn hang_up(
        &mut self,
        now: Instant,
        profile: &Arc<Profile>,
        response: &Message,
        ruri: &Bytes,
        credentials: Vec<Credentials>,
    ) {
        self.begin(now);
        self.attempt_for(Beneficiary::Nobody, |element| {
            if let Some(bye) = element.within(response, Method::Bye, ruri) {
                element.send_by_itself(profile, bye, credentials);
            }
        });
    }

    /// A request to the callee whose 2xx this is.
    fn within(&self, response: &Message, method: Method, ruri: &Bytes) -> Option<DialogRequest> {
        request_within(response, method, ruri, |value| self.settings.has_recorded(value))
    }

    /// Sends a request that no script made: no blocks run for it.
    fn send_by_itself(&mut self, profile: &Arc<Profile>, ask: DialogRequest, credentials: Vec<Credentials>) {
        let DialogRequest { mut request, by_route, sips } = ask;
        let product = self.settings.product.as_bytes();
        request.headers.push(HeaderName::UserAgent.canonical().as_bytes(), product);
        let client = ClientId(self.numbers.next());
        let ask = RouteRequest {
            client,
            role: Role::Uac,
            profile: profile.clone(),
            destination: Destination::of_request(&request, by_route),
            request,
            antiloop_id: None,
            origin: Origin::Own(OwnRequestId(client.as_u64())),
            proxy_headers: None,
            restore: Default::default(),
            sips,
            credentials,
            caller: None,
            anchor: AnchorId::NOTHING,
            inline: false,
            depth: 0,
        };
        self.working_for(Beneficiary::Client(client), |element| {
            element.begin_route(ask);
        });
    }
}
