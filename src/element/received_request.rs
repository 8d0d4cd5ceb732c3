//! A request as it came from the network. What becomes of it is in [`super::server_transactions`].

use std::net::SocketAddr;

use super::ids::RequestId;
use crate::message::{Message, Method, Source};

/// A request as it arrived. It does not change any more.
#[derive(Debug)]
pub struct ReceivedRequest {
    /// What the element knows it by.
    pub id: RequestId,
    /// The request, its top Via stamped with the source (RFC 3261 18.2.1, RFC 3581).
    pub message: Message,
    /// Where it came from.
    pub source: Source,
    /// Marks our own branches of this request, so that it is recognised when it loops back (RFC 3261 16.6 step 8).
    pub antiloop_id: [u8; 32],
}

impl ReceivedRequest {
    /// True for INVITE.
    pub fn is_invite(&self) -> bool {
        self.message.method() == Some(&Method::Invite)
    }

    /// True for ACK.
    pub fn is_ack(&self) -> bool {
        self.message.method() == Some(&Method::Ack)
    }
}

impl ReceivedRequest {
    /// Method, Request-URI and Call-ID, for people.
    pub fn in_words(&self) -> String {
        let method = self.message.method().cloned().unwrap_or(Method::Invite);
        let ruri = self.message.ruri().map_or(&b""[..], |uri| uri.text);
        in_words(&method, ruri, self.message.call_id().unwrap_or_default())
    }
}

/// What tells a request from others, for people.
pub fn in_words(method: &Method, ruri: &[u8], call_id: &[u8]) -> String {
    let text = String::from_utf8_lossy;
    format!("{} {} (Call-ID {})", text(method.as_bytes()), text(ruri), text(call_id))
}

/// Where the responses to a request go (RFC 3261 18.2.2, RFC 3581 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WayBack {
    /// Where the request came from.
    pub source: Source,
    /// The UDP port that responses go to.
    pub udp_port: u16,
    /// The port that the sender's Via names: a connection that is gone may be opened anew there.
    pub via_port: Option<u16>,
}

impl WayBack {
    pub(super) fn of(request: &Message, source: Source) -> WayBack {
        let via = request.top_via();
        let via_port = via.as_ref().and_then(|via| via.port());
        let udp_port = match via {
            // RFC 3581 4: with rport the response goes to the source port.
            Some(via) if !via.has_rport() => via.response_port(),
            _ => source.remote.port(),
        };
        WayBack { source, udp_port, via_port }
    }

    /// Where the client takes connections: the address it came from on the port that its Via names (RFC 3261 18.2.2).
    pub fn connection(&self) -> SocketAddr {
        let default = self.source.transport.default_port();
        SocketAddr::new(self.source.remote.ip(), self.via_port.unwrap_or(default))
    }

    /// The address that a datagram goes to.
    pub fn udp(&self) -> SocketAddr {
        SocketAddr::new(self.source.remote.ip(), self.udp_port)
    }
}
