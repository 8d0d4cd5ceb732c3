//! What an event for Ruby is about, in words for an operator.

use std::fmt;
use std::sync::Arc;

use super::event::Event;
use crate::element::{in_words, OwnRequest, ReceivedRequest, Round};
use crate::message::Source;

/// What the blocks of an event work on. Cheap to make: the words come when they are asked for.
#[derive(Debug)]
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
    /// What an event is about.
    pub fn of(event: &Event) -> Self {
        match event {
            Event::Request(request) => Self::Request { request: request.received().clone(), routed: false },
            Event::Round(round) => Self::of_round(round),
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

    fn of_round(round: &Round) -> Self {
        match (&round.upstream, &round.own) {
            (Some(request), _) => Self::Request { request: request.clone(), routed: true },
            (None, Some(own)) => Self::Own(own.clone()),
            (None, None) => Self::Other("a block"),
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
