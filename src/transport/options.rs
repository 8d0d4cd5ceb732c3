//! What the transport layer is started with.

use std::sync::Arc;
use std::time::Duration;

use super::malformed::Malformed;
use super::tls::{ClientCertificates, Tls};
use super::ws;

/// What can be set.
#[derive(Clone)]
pub struct Options {
    /// Largest body accepted over a stream, bytes; over it there is 413.
    pub max_body_size: usize,
    /// Bytes that may wait to be sent on all connections together; beyond it those with the most are closed.
    pub max_outgoing_bytes: usize,
    /// Connections that may exist at a time; further ones are closed at once, or fail.
    pub max_connections: usize,
    /// Idle time and interval of TCP keepalive probes; `None` for no probes.
    pub tcp_keepalive: Option<Duration>,
    /// Bounds of what WebSocket clients send.
    pub ws_limits: ws::FrameLimits,
    /// Interval of WebSocket pings; `None` for no pings.
    pub ws_keepalive: Option<Duration>,
    /// What TLS needs; without it there is none.
    pub tls: Option<Arc<Tls>>,
    /// What clients of TLS listeners are asked for.
    pub client_certificates: ClientCertificates,
    /// What clients of secure WebSocket listeners are asked for.
    pub websocket_client_certificates: ClientCertificates,
    /// Where messages are counted that are not fit to be looked at.
    pub malformed: Arc<Malformed>,
}

/// How long it may take to open a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpeningLimits {
    /// Until TCP is up.
    pub connect: Duration,
    /// From then until the TLS handshake is over.
    pub handshake: Duration,
}
