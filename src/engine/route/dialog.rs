//! What a `Uac` sends by itself in the dialog of its INVITE: ACK for a 2xx, and BYE for a call that nobody waits for.

use std::sync::Arc;

use bytes::Bytes;

use super::{ClientShared, Route, RouteRequest, Shared};
use crate::client::digest::Credentials;
use crate::client::session::Kind;
use crate::client::{request_within, Destination, DialogRequest};
use crate::engine::stores::StoredProfile;
use crate::message::{HeaderName, Message, Method};

/// A body and its type.
#[derive(Debug, Clone)]
pub struct Body {
    /// The bytes.
    pub bytes: Bytes,
    /// The value of Content-Type.
    pub content_type: Bytes,
}

/// The ACK for a 2xx that a Client has received. `ruri` is the Request-URI of its INVITE. `None`: the response is no 2xx to
/// an INVITE.
pub(in crate::engine) fn acknowledgement(
    shared: &Shared,
    client: &ClientShared,
    profile: &StoredProfile,
    response: &Message,
    ruri: &Bytes,
    body: Option<Body>,
) -> Option<RouteRequest> {
    let mut ack = request_within(response, Method::Ack, ruri)?;
    // RFC 3261 22.1, as for an ACK of the script's.
    for (name, value) in client.authorization(response.call_id().unwrap_or_default()) {
        ack.request.headers.push(name.canonical().as_bytes(), &value);
    }
    if let Some(body) = body {
        ack.request.headers.push(b"Content-Type", &body.content_type);
        ack.request.body = body.bytes;
    }
    Some(own_request(shared, profile, ack, Vec::new()))
}

impl Route {
    /// The 2xx of a request that a thread waits for is acknowledged here; one that came after the thread gave up makes a call
    /// that is ended at once (RFC 3261 13.2.2.4, 15).
    pub(super) fn acknowledge_for_caller(&self, shared: &Shared, response: &Message) {
        let (Some(caller), Method::Invite) = (&self.caller, &self.request.method) else { return };
        let (profile, ruri) = (&self.profile, &self.request.ruri);
        let Some(ack) = acknowledgement(shared, &self.client, profile, response, ruri, None) else { return };
        shared.start_own_request(ack);
        if caller.0.is_given_up() {
            if let Some(bye) = request_within(response, Method::Bye, ruri) {
                let credentials = self.authenticator.credentials().to_vec();
                shared.start_own_request(own_request(shared, profile, bye, credentials));
            }
        }
    }
}

/// A request that no script made: no blocks run for it.
fn own_request(
    shared: &Shared,
    profile: &StoredProfile,
    DialogRequest { mut request, by_route, sips }: DialogRequest,
    credentials: Vec<Credentials>,
) -> RouteRequest {
    request.headers.push(HeaderName::UserAgent.canonical().as_bytes(), shared.product.as_bytes());
    RouteRequest {
        kind: Kind::Uac,
        client: Arc::new(ClientShared::new()),
        profile: profile.clone(),
        destination: Destination::of_request(&request, by_route),
        request,
        antiloop_id: None,
        upstream: None,
        proxy_headers: None,
        sips,
        restore: Default::default(),
        credentials,
        call: None,
        anchor: Box::new(()),
    }
}
