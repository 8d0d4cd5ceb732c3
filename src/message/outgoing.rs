//! Requests and responses as they are going to leave: values, so that what is sent does not change any more.

use bytes::{BufMut, Bytes, BytesMut};

use super::header_name::HeaderName;
use super::headers::{put_decimal, Headers};
use super::method::Method;
use super::name_addr;
use super::neutral::{put_neutral, Folds};
use super::received::Message;

const VERSION: &[u8] = b"SIP/2.0";

/// A request to be sent (RFC 3261 7.1).
#[derive(Debug, Clone)]
pub struct RequestSnapshot {
    /// Method of the request line.
    pub method: Method,
    /// Text of the Request-URI.
    pub ruri: Bytes,
    /// All headers.
    pub headers: Headers,
    /// The body; empty for none.
    pub body: Bytes,
}

impl RequestSnapshot {
    /// A received request as it is; `None` for a response.
    pub fn from_message(message: &Message) -> Option<RequestSnapshot> {
        Some(RequestSnapshot {
            method: message.is_request().then(|| message.method().cloned())??,
            ruri: message.head_bytes().slice_ref(message.ruri()?.text),
            headers: Headers::from_message(message),
            body: message.body().clone(),
        })
    }

    /// The bytes to send. Content-Length is always there and true.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.wire_len());
        put_request_line(&mut out, self.method.as_bytes(), &self.ruri);
        self.headers.write_with_length(&mut out, self.body.len());
        out.put_slice(b"\r\n");
        out.put_slice(&self.body);
        out.freeze()
    }

    /// How many bytes [`to_bytes`](RequestSnapshot::to_bytes) makes.
    pub fn wire_len(&self) -> usize {
        // Two spaces, the version and two line ends.
        let fixed = 2 + VERSION.len() + 4;
        let text = self.method.as_bytes().len() + self.ruri.len() + self.body.len();
        fixed + text + self.headers.wire_len_with_length(self.body.len())
    }

    /// Value of Call-ID.
    pub fn call_id(&self) -> Option<&[u8]> {
        self.headers.first(HeaderName::CallId)
    }

    /// Number in CSeq.
    pub fn cseq(&self) -> Option<u32> {
        let digits = self.headers.first(HeaderName::CSeq)?.split(|b| !b.is_ascii_digit()).next()?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// Value of From.
    pub fn from(&self) -> Option<&[u8]> {
        self.headers.first(HeaderName::From)
    }

    /// Value of To.
    pub fn to(&self) -> Option<&[u8]> {
        self.headers.first(HeaderName::To)
    }

    /// `tag` of From (RFC 3261 19.3).
    pub fn from_tag(&self) -> Option<&[u8]> {
        name_addr::tag(self.from()?)
    }

    /// `tag` of To (RFC 3261 19.3).
    pub fn to_tag(&self) -> Option<&[u8]> {
        name_addr::tag(self.to()?)
    }

    /// Route values in order, comma lists split.
    pub fn route_values(&self) -> impl Iterator<Item = &[u8]> {
        self.headers.list(HeaderName::Route)
    }
}

/// A response to be sent (RFC 3261 7.2).
#[derive(Debug, Clone)]
pub struct ResponseSnapshot {
    /// Status code.
    pub status: u16,
    /// Reason phrase, possibly empty.
    pub reason: Bytes,
    /// All headers.
    pub headers: Headers,
    /// The body; empty for none.
    pub body: Bytes,
}

impl ResponseSnapshot {
    /// A received response as it is; `None` for a request.
    pub fn from_message(message: &Message) -> Option<ResponseSnapshot> {
        Some(ResponseSnapshot {
            status: message.status()?,
            reason: message.head_bytes().slice_ref(message.reason()),
            headers: Headers::from_message(message),
            body: message.body().clone(),
        })
    }

    /// The bytes to send. Content-Length is always there and true.
    pub fn to_bytes(&self) -> Bytes {
        let headers = self.headers.wire_len_with_length(self.body.len());
        let mut out = BytesMut::with_capacity(status_line_len(&self.reason) + headers + 2 + self.body.len());
        put_status_line(&mut out, self.status, &self.reason);
        self.headers.write_with_length(&mut out, self.body.len());
        out.put_slice(b"\r\n");
        out.put_slice(&self.body);
        out.freeze()
    }
}

pub(crate) fn put_request_line(out: &mut BytesMut, method: &[u8], ruri: &[u8]) {
    put_neutral(out, method, Folds::Replace);
    out.put_u8(b' ');
    put_neutral(out, ruri, Folds::Replace);
    out.put_u8(b' ');
    out.put_slice(VERSION);
    out.put_slice(b"\r\n");
}

/// How many bytes [`put_status_line`] writes for a status of three digits.
pub(crate) fn status_line_len(reason: &[u8]) -> usize {
    VERSION.len() + " 200 ".len() + reason.len() + 2
}

pub(crate) fn put_status_line(out: &mut BytesMut, status: u16, reason: &[u8]) {
    out.put_slice(VERSION);
    out.put_u8(b' ');
    put_decimal(out, status.into());
    out.put_u8(b' ');
    put_neutral(out, reason, Folds::Replace);
    out.put_slice(b"\r\n");
}
