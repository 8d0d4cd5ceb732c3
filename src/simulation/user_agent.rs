//! What user agents in a simulation share: dialogs and the requests in them.

use bytes::Bytes;

use super::peer::PeerApi;
use crate::message::{HeaderName, Headers, Message, Method, RequestSnapshot};

/// A dialog, as one of its two user agents has it (RFC 3261 12).
#[derive(Debug, Clone)]
pub struct Dialog {
    call_id: Bytes,
    local: Bytes,
    remote: Bytes,
    target: Bytes,
    routes: Vec<Bytes>,
    cseq: u32,
}

impl Dialog {
    /// The dialog of the caller (RFC 3261 12.1.2): what a response to its INVITE began. `cseq` and `target` are the number and
    /// the Request-URI of the INVITE.
    pub fn of_caller(response: &Message, cseq: u32, target: &Bytes) -> Dialog {
        let mut routes = record_routes(response);
        routes.reverse();
        Dialog {
            call_id: copy(response.call_id()),
            local: copy(response.from_value()),
            remote: copy(response.to_value()),
            target: contact(response).unwrap_or_else(|| target.clone()),
            routes,
            cseq,
        }
    }

    /// The dialog of the callee (RFC 3261 12.1.1), which has this tag.
    pub fn of_callee(invite: &Message, tag: &[u8]) -> Dialog {
        Dialog {
            call_id: copy(invite.call_id()),
            local: [invite.to_value().unwrap_or_default(), b";tag=", tag].concat().into(),
            remote: copy(invite.from_value()),
            target: contact(invite).unwrap_or_default(),
            routes: record_routes(invite),
            cseq: 0,
        }
    }

    /// A request of the dialog, without Via. Its CSeq number is the next one, but an ACK has that of its INVITE.
    pub fn request(&mut self, method: Method) -> RequestSnapshot {
        if method != Method::Ack {
            self.cseq += 1;
        }
        let cseq = [self.cseq.to_string().as_bytes(), b" ", method.as_bytes()].concat();
        let mut headers = Headers::new();
        for route in &self.routes {
            headers.push(b"Route", route);
        }
        headers.push(b"Max-Forwards", b"70");
        headers.push(b"From", &self.local);
        headers.push(b"To", &self.remote);
        headers.push(b"Call-ID", &self.call_id);
        headers.push(b"CSeq", &cseq);
        RequestSnapshot { ruri: self.target.clone(), headers, body: Bytes::new(), method }
    }
}

/// Puts a Via with a new branch on a request.
pub(super) fn with_via(api: &mut PeerApi<'_>, mut request: RequestSnapshot) -> RequestSnapshot {
    request.headers.push_front(b"Via", via(api).as_bytes());
    request
}

/// The header lines by which a callee repeats the Record-Route of a request in its response (RFC 3261 12.1.1).
pub fn record_route_lines(request: &Message) -> Vec<Bytes> {
    record_routes(request).into_iter().map(|route| [b"Record-Route: ", &route[..]].concat().into()).collect()
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
