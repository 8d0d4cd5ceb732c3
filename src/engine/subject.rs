//! What an event for Ruby is about, in words for an operator.

use std::fmt;
use std::sync::Arc;

use super::event::Event;
use crate::element::{in_words, OwnRequest, ReceivedRequest, Round};
use crate::message::{Method, Source};

/// What the blocks of an event work on. Cheap to make: the words come when they are asked for.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A request from the network, and whether its routing goes on.
    Request {
        /// The request.
        request: Arc<ReceivedRequest>,
        /// False while `on_request` runs.
        routed: bool,
    },
    /// A request that a `Uac` has sent.
    Own(OwnRequest),
    /// A connection, and the name of the event.
    Connection(&'static str, Source),
    /// Something that belongs to no message.
    Other(&'static str),
}

impl Subject {
    /// A WebSocket that is gone.
    pub const DISCONNECTION: Subject = Self::Other("on_disconnection");

    /// A block whose time has come.
    pub const SCHEDULED: Subject = Self::Other("a block given to OverSIP.schedule");

    /// What an event is about.
    pub fn of(event: &Event) -> Self {
        match event {
            Event::Request(request) => Self::Request { request: request.received().clone(), routed: false },
            Event::Round(round) => Self::of_round(round),
            Event::Upgrade(request) => Self::of_upgrade(request.source),
            Event::TlsHandshake(handshake) => Self::of_handshake(handshake.source),
            Event::WebSocketClosed { .. } => Self::DISCONNECTION,
            Event::Scheduled(_) => Self::SCHEDULED,
            Event::Descriptor { .. } => Self::Other("a descriptor that a block waits for"),
            Event::Log(_) | Event::LostRecords => Self::Other("a log record"),
            Event::Happened => Self::Other("what ActiveSupport::Notifications is told"),
        }
    }

    /// A client asks for a WebSocket.
    pub fn of_upgrade(source: Source) -> Self {
        Self::Connection("on_connection", source)
    }

    /// A TLS connection whose peer is to be judged.
    pub fn of_handshake(source: Source) -> Self {
        let event = if source.inbound { "on_client_tls_handshake" } else { "on_server_tls_handshake" };
        Self::Connection(event, source)
    }

    /// What a round of blocks is about.
    pub fn of_round(round: &Round) -> Self {
        match (&round.upstream, &round.own) {
            (Some(request), _) => Self::Request { request: request.clone(), routed: true },
            (None, Some(own)) => Self::Own(own.clone()),
            (None, None) => Self::Other("a block"),
        }
    }

    /// The method of its request.
    pub fn method(&self) -> Option<&Method> {
        match self {
            Self::Request { request, .. } => request.message.method(),
            Self::Own(own) => Some(&own.method),
            Self::Connection(..) | Self::Other(_) => None,
        }
    }

    /// The Request-URI of its request, as it came or was handed over.
    pub fn ruri(&self) -> Option<&[u8]> {
        match self {
            Self::Request { request, .. } => request.message.ruri().map(|uri| uri.text),
            Self::Own(own) => Some(&own.ruri),
            Self::Connection(..) | Self::Other(_) => None,
        }
    }

    /// The Call-ID of its request.
    pub fn call_id(&self) -> Option<&[u8]> {
        match self {
            Self::Request { request, .. } => request.message.call_id(),
            Self::Own(own) => own.call_id.as_deref(),
            Self::Connection(..) | Self::Other(_) => None,
        }
    }

    /// The branch of the server transaction that its request belongs to (RFC 3261 17.2.3).
    pub fn branch(&self) -> Option<&[u8]> {
        match self {
            Self::Request { request, .. } => request.message.top_via().and_then(|via| via.branch()),
            Self::Own(_) | Self::Connection(..) | Self::Other(_) => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { request, routed: false } => write!(f, "on_request of {}", request.in_words()),
            Self::Request { request, routed: true } => write!(f, "a block of {}", request.in_words()),
            Self::Own(OwnRequest { method, ruri, call_id }) => {
                let call_id = call_id.as_deref().unwrap_or(b"unknown");
                write!(f, "a block of {}", in_words(method, ruri, call_id))
            }
            Self::Connection(event, source) => write!(f, "{event} of {}:{}", source.transport, source.remote),
            Self::Other(what) => f.write_str(what),
        }
    }
}
