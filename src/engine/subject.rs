//! What an event for Ruby is about, in words for an operator.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{Event, IncomingRequest, Route};
use crate::client::session::Kind;
use crate::client::Failure;
use crate::message::{HeaderField, HeaderName, Method};
use crate::transport::Source;

/// What the blocks of an event work on. Cheap to make: the words come when they are asked for.
#[derive(Debug)]
pub enum Subject {
    /// A request from the network, and whether its routing goes on.
    Request {
        /// The request.
        request: Arc<IncomingRequest>,
        /// False while `on_request` runs.
        routed: bool,
    },
    /// A request that a `Uac` has sent.
    Own {
        /// Its method.
        method: Method,
        /// Its Request-URI.
        ruri: Bytes,
        /// Its Call-ID, while it is known.
        call_id: Option<Bytes>,
    },
    /// A connection, and the name of the event.
    Connection(&'static str, Source),
    /// Something that belongs to no message.
    Other(&'static str),
}

impl Subject {
    /// What an event is about.
    pub fn of(event: &Event) -> Self {
        match event {
            Event::Request(request) => Self::Request { request: request.clone(), routed: false },
            Event::Callback(route) => Self::of_route(route),
            Event::Upgrade(request) => Self::Connection("on_connection", request.source),
            Event::TlsHandshake(handshake) if handshake.source.inbound => {
                Self::Connection("on_client_tls_handshake", handshake.source)
            }
            Event::TlsHandshake(handshake) => Self::Connection("on_server_tls_handshake", handshake.source),
            Event::WebSocketClosed { .. } => Self::Other("on_disconnection"),
            Event::Scheduled(_) => Self::Other("a block given to OverSIP.schedule"),
            Event::Log(_) | Event::LostRecords => Self::Other("a log record"),
        }
    }

    fn of_route(route: &Route) -> Self {
        match &route.upstream {
            Some(request) => Self::Request { request: request.clone(), routed: true },
            None => {
                let mut headers = route.request.headers.iter();
                let call_id = headers.find(|field| field.name == HeaderName::CallId);
                Self::Own {
                    method: route.request.method.clone(),
                    ruri: route.request.ruri.clone(),
                    call_id: call_id.map(HeaderField::shared_value),
                }
            }
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { request, routed: false } => write!(f, "on_request of {}", request.in_words()),
            Self::Request { request, routed: true } => write!(f, "a block of {}", request.in_words()),
            Self::Own { method, ruri, call_id } => {
                let call_id = call_id.as_deref().unwrap_or(b"unknown");
                write!(f, "a block of {}", in_words(method, ruri, call_id))
            }
            Self::Connection(event, source) => write!(f, "{event} of {}:{}", source.transport, source.remote),
            Self::Other(what) => f.write_str(what),
        }
    }
}

impl Route {
    /// Says why a request has failed that neither a block nor a thread hears of. The client of a Proxy does, but not of an ACK.
    pub(super) fn log_unheard(&self, failure: &Failure) {
        if self.kind == Kind::Proxy && !self.is_ack() {
            return;
        }
        let request = &self.request;
        let subject = in_words(&request.method, &request.ruri, request.call_id().unwrap_or_default());
        let Failure { status, reason, .. } = failure;
        tracing::info!(target: "oversip::request", "{subject} has failed, and no on_error hears of it: {status} {reason}");
    }
}

impl IncomingRequest {
    /// Method, Request-URI and Call-ID.
    pub(super) fn in_words(&self) -> String {
        let method = self.message.method().cloned().unwrap_or(Method::Invite);
        let ruri = self.message.ruri().map_or(&b""[..], |uri| uri.text);
        in_words(&method, ruri, self.message.call_id().unwrap_or_default())
    }

    /// Says for what reason a request gets no answer by the end of `on_request`.
    pub(super) fn log_unanswered(&self) {
        if !tracing::enabled!(target: "oversip::request", tracing::Level::DEBUG) {
            return;
        }
        if let Some(reason) = self.why_unanswered() {
            tracing::debug!(target: "oversip::request", "{}: {reason}", self.in_words());
        }
    }

    fn why_unanswered(&self) -> Option<&'static str> {
        if self.is_abandoned() || self.is_canceled() || self.core().is_some() {
            return None;
        }
        if self.is_ack() {
            return Some("on_request ended without a route, the ACK goes no further");
        }
        if self.is_unanswered() {
            return Some("on_request ended without a reply or a route, it is forgotten");
        }
        let waits = self.transaction_state().is_some() && self.is_undecided();
        waits.then_some("on_request ended without a reply or a route, its transaction waits for one")
    }
}

fn in_words(method: &Method, ruri: &[u8], call_id: &[u8]) -> String {
    let text = String::from_utf8_lossy;
    format!("{} {} (Call-ID {})", text(method.as_bytes()), text(ruri), text(call_id))
}
