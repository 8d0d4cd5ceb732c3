//! What scripted user agents share: dialogs and the requests in them.

use std::net::SocketAddr;

use bytes::Bytes;

use super::peer::PeerApi;
use crate::message::{HeaderName, Headers, Message, Method, RequestSnapshot};

/// The names by which a user agent is reached, and its next hop.
#[derive(Debug, Clone)]
pub(super) struct Dialog {
    pub(super) call_id: Bytes,
    /// Its own From or To value, with the tag.
    pub(super) local: Bytes,
    /// That of the other side.
    pub(super) remote: Bytes,
    /// The Request-URI of requests: the Contact of the other side (RFC 3261 12.1).
    pub(super) target: Bytes,
    /// The Route values of requests, in their order.
    pub(super) routes: Vec<Bytes>,
    /// The CSeq number of the latest request.
    pub(super) cseq: u32,
    /// Where all requests are sent.
    pub(super) hop: SocketAddr,
}

impl Dialog {
    /// The dialog of the caller (RFC 3261 12.1.2). `target` is what the INVITE was sent to.
    pub(super) fn of_caller(response: &Message, cseq: u32, target: &Bytes, hop: SocketAddr) -> Dialog {
        let mut routes = record_routes(response);
        routes.reverse();
        Dialog {
            call_id: copy(response.call_id()),
            local: copy(response.from_value()),
            remote: copy(response.to_value()),
            target: contact(response).unwrap_or_else(|| target.clone()),
            routes,
            cseq,
            hop,
        }
    }

    /// The dialog of the callee (RFC 3261 12.1.1).
    pub(super) fn of_callee(invite: &Message, tag: &str, hop: SocketAddr) -> Dialog {
        Dialog {
            call_id: copy(invite.call_id()),
            local: [invite.to_value().unwrap_or_default(), b";tag=", tag.as_bytes()].concat().into(),
            remote: copy(invite.from_value()),
            target: contact(invite).unwrap_or_default(),
            routes: record_routes(invite),
            cseq: 1,
            hop,
        }
    }

    /// A request of the dialog, with a new branch.
    pub(super) fn request(&self, api: &mut PeerApi<'_>, method: Method) -> RequestSnapshot {
        let mut request = RequestSnapshot {
            ruri: self.target.clone(),
            headers: Headers::new(),
            body: Bytes::new(),
            method: method.clone(),
        };
        let cseq = [self.cseq.to_string().as_bytes(), b" ", method.as_bytes()].concat();
        request.headers.push(b"Via", via(api).as_bytes());
        for route in &self.routes {
            request.headers.push(b"Route", route);
        }
        request.headers.push(b"Max-Forwards", b"70");
        request.headers.push(b"From", &self.local);
        request.headers.push(b"To", &self.remote);
        request.headers.push(b"Call-ID", &self.call_id);
        request.headers.push(b"CSeq", &cseq);
        request
    }
}

/// A Via with a new branch.
pub(super) fn via(api: &mut PeerApi<'_>) -> String {
    let branch = api.random().number();
    let (transport, address) = (api.transport(), api.address());
    format!("SIP/2.0/{} {address};branch=z9hG4bK{branch:016x};rport", transport.as_str().to_ascii_uppercase())
}

/// The branch of the top Via.
pub(super) fn branch(message: &Message) -> Bytes {
    message.branch_id().map(Bytes::copy_from_slice).unwrap_or_default()
}

fn record_routes(message: &Message) -> Vec<Bytes> {
    let headers = Headers::from_message(message);
    headers.list(HeaderName::RecordRoute).map(Bytes::copy_from_slice).collect()
}

fn contact(message: &Message) -> Option<Bytes> {
    message.contact().map(|contact| Bytes::copy_from_slice(contact.uri().text))
}

fn copy(value: Option<&[u8]>) -> Bytes {
    value.map(Bytes::copy_from_slice).unwrap_or_default()
}
