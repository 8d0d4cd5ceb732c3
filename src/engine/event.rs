//! What the engine has for the thread that runs Ruby.

use std::sync::Arc;

use bytes::Bytes;

use super::descriptors::Readiness;
use super::events::{Class, Queued};
use crate::element::Round;
use crate::host::IncomingRequest;
use crate::message::{ConnectionId, Source};
use crate::transport::ws::HttpRequest;

/// Something that Ruby has to run.
#[derive(Debug)]
pub enum Event {
    /// A new request: `on_request`. [`Requests::done`](crate::host::Requests::done) is due when it ended.
    Request(Arc<IncomingRequest>),
    /// A round of a Client's blocks. [`Clients::round_done`](crate::host::Clients::round_done) is due when it ended.
    Round(Box<Round>),
    /// A client asks for a WebSocket: `on_connection`. [`WebSockets::accept`](super::WebSockets::accept) is due when it ended well, else
    /// [`WebSockets::refuse`](super::WebSockets::refuse).
    Upgrade(Box<UpgradeRequest>),
    /// A WebSocket is gone: `on_disconnection`. [`Connections::forget`](super::Connections::forget) is due when it ended.
    WebSocketClosed {
        /// The connection.
        connection: ConnectionId,
        /// Whether the client ended it.
        by_client: bool,
    },
    /// A peer has shown its certificates: `on_server_tls_handshake` where we opened the connection, else
    /// `on_client_tls_handshake`. [`Connections::admit`](super::Connections::admit) or [`Connections::close`](super::Connections::close) is due.
    TlsHandshake(TlsHandshake),
    /// A scheduled block's time has come.
    Scheduled(u64),
    /// A descriptor of the script, watched by [`Engine::watch`](super::Engine::watch), is ready.
    Descriptor {
        /// As it was handed over.
        number: u64,
        /// What for.
        readiness: Readiness,
    },
    /// A log record of the engine.
    Log(LogRecord),
    /// Log records were dropped: [`Engine::lost_records`](super::Engine::lost_records) says how many.
    LostRecords,
    /// Something has happened: [`Engine::take_happenings`](super::Engine::take_happenings) hands it out.
    Happened,
}

/// A TLS connection whose peer is to be judged.
#[derive(Debug)]
pub struct TlsHandshake {
    /// The connection.
    pub source: Source,
    /// What the peer showed (DER), its own certificate first; a client need not show any.
    pub certificates: Vec<Bytes>,
}

impl TlsHandshake {
    /// About how many bytes of memory it takes.
    fn footprint(&self) -> usize {
        self.certificates.iter().map(Bytes::len).sum::<usize>() + std::mem::size_of::<Self>()
    }
}

impl Queued for Event {
    fn load(&self) -> Option<(Class, usize)> {
        match self {
            Event::Request(request) if request.is_ack() => Some((Class::Acks, request.message.footprint())),
            Event::Request(request) => Some((Class::Requests, request.message.footprint())),
            Event::Upgrade(request) => Some((Class::Requests, request.http.footprint())),
            Event::TlsHandshake(handshake) => Some((Class::Handshakes, handshake.footprint())),
            // One for each Client or connection; what waits for a Client is bounded there.
            Event::Round(_) | Event::WebSocketClosed { .. } => None,
            // One for each block that waits.
            Event::Descriptor { .. } => None,
            Event::Scheduled(_) | Event::Log(_) | Event::LostRecords | Event::Happened => None,
        }
    }
}

/// A request for a WebSocket that the script has to decide on.
#[derive(Debug)]
pub struct UpgradeRequest {
    /// Where it came from.
    pub source: Source,
    /// The HTTP request.
    pub http: HttpRequest,
}

/// How much a record matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For who looks for a fault.
    Debug,
    /// Something that happened to one message.
    Info,
    /// Something that an operator may have to change.
    Warning,
    /// Something that an operator has to change.
    Error,
}

/// What the engine has to say to an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// How much it matters.
    pub severity: Severity,
    /// The part of the engine that speaks.
    pub target: String,
    /// The text.
    pub text: String,
    /// The place in the source that speaks, which tells records of one kind from others whatever peers have put into the text.
    pub kind: &'static str,
}
