//! Which transaction a message belongs to (RFC 3261 17.1.3 and 17.2.3).

use bytes::Bytes;

use crate::message::{Message, Method};

/// The key of a server transaction: branch, sent-by and method (RFC 3261 17.2.3). Sent-by keeps clients apart that
/// happen to use the same branch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerKey {
    branch: Bytes,
    sent_by_host: Bytes,
    sent_by_port: u16,
    method: Method,
}

impl ServerKey {
    /// The key of the transaction that this request makes, or made when it came first. `None` if the message is no
    /// request or its branch is not one of RFC 3261.
    pub fn from_request(request: &Message) -> Option<ServerKey> {
        if !request.is_request() {
            return None;
        }
        ServerKey::with_method(request, request.method()?.clone())
    }

    /// The key of the INVITE that this ACK or CANCEL is for (RFC 3261 17.2.3 and 9.2).
    pub fn invite_key(request: &Message) -> Option<ServerKey> {
        if !request.is_request() {
            return None;
        }
        ServerKey::with_method(request, Method::Invite)
    }

    fn with_method(request: &Message, method: Method) -> Option<ServerKey> {
        let via = request.top_via()?;
        // RFC 3261 18.2.2: a sent-by without a port means the default one.
        let default_port = if via.transport().eq_ignore_ascii_case(b"TLS") { 5061 } else { 5060 };
        Some(ServerKey {
            branch: Bytes::copy_from_slice(request.branch_id()?),
            sent_by_host: via.host().to_ascii_lowercase().into(),
            sent_by_port: via.port().unwrap_or(default_port),
            method,
        })
    }

    /// The method of the request that made the transaction.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The branch without its magic cookie.
    pub fn branch_id(&self) -> &[u8] {
        &self.branch
    }
}

/// The key of a client transaction: the branch it put into its Via, and its method (RFC 3261 17.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientKey {
    branch: Bytes,
    method: Method,
}

impl ClientKey {
    /// The key of a request sent with this branch, given without its magic cookie. CANCEL belongs to its INVITE,
    /// whose branch it carries (RFC 3261 9.1).
    pub fn new(branch_id: Bytes, method: Method) -> ClientKey {
        let method = if method == Method::Cancel { Method::Invite } else { method };
        ClientKey { branch: branch_id, method }
    }

    /// The key of the transaction that this response belongs to, by its top Via and the method in CSeq. Whether it
    /// answers the INVITE or the CANCEL is for [`Message::cseq_method`] to tell. `None` if the message is no
    /// response, its branch is not one of RFC 3261, or it claims to answer an ACK, which nobody may do.
    pub fn from_response(response: &Message) -> Option<ClientKey> {
        let method = response.cseq_method()?;
        if response.is_request() || *method == Method::Ack {
            return None;
        }
        Some(ClientKey::new(Bytes::copy_from_slice(response.branch_id()?), method.clone()))
    }

    /// The method of the transaction, INVITE for CANCEL too.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The branch without its magic cookie.
    pub fn branch_id(&self) -> &[u8] {
        &self.branch
    }
}
