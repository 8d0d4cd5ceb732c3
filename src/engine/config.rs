//! What an engine is started with.

use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;

use super::way::Families;
use crate::client::{KeyTooShort, ProcessTags};
use crate::transport::{ws, BindError, ClientCertificates, ListenSpec, OpeningLimits, TlsError, TlsSettings};

/// Bounds of what waits for Ruby. Beyond those of requests new ones get 503 with Retry-After; what was admitted is never
/// dropped. Requests of dialogs have a reserve above them ([`Limits::with_reserve`]).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests that may wait for Ruby.
    pub queued_requests: usize,
    /// Bytes of the requests that may wait for Ruby; so many of certificates may wait as well.
    pub queued_bytes: usize,
    /// ACKs without a transaction that may wait for Ruby; beyond it they are dropped.
    pub queued_acks: usize,
    /// Bytes of those ACKs.
    pub queued_ack_bytes: usize,
    /// Provisional responses that may wait for one Client; beyond it they are dropped.
    pub client_responses: usize,
    /// Bytes of the responses that may wait for one Client, from which on provisional ones are dropped.
    pub client_bytes: usize,
    /// Bytes that may wait to be sent on all connections together; beyond it those with the most are closed.
    pub outgoing_bytes: usize,
    /// Bytes of the responses that may wait for all Clients together.
    pub response_bytes: usize,
    /// Server and client transactions together that may be alive.
    pub transactions: usize,
}

impl Limits {
    /// The bounds of requests of dialogs: a quarter more, and one at least.
    pub(super) fn with_reserve(&self) -> Limits {
        let with_reserve = |bound: usize| bound.saturating_add(bound.div_ceil(4).max(1));
        Limits {
            queued_requests: with_reserve(self.queued_requests),
            queued_bytes: with_reserve(self.queued_bytes),
            transactions: with_reserve(self.transactions),
            ..*self
        }
    }
}

/// The settings of an engine.
#[derive(Debug, Clone)]
pub struct Config {
    /// The sockets to open. Port 0 asks for one free number, the same for all that ask.
    pub listeners: Vec<ListenSpec>,
    /// The IPv4 address that headers name instead of the listening one.
    pub advertised_ipv4: Option<String>,
    /// The IPv6 address that headers name instead of the listening one.
    pub advertised_ipv6: Option<String>,
    /// Domains that are ours.
    pub local_domains: Vec<String>,
    /// What `Server` and `User-Agent` headers say.
    pub product: String,
    /// How long connections may take that are opened for a response alone: no profile is asked for those.
    pub opening: OpeningLimits,
    /// Name servers; the system's when empty.
    pub nameservers: Vec<SocketAddr>,
    /// Key of the UDP flow tokens and of the codes in Record-Route values, 16 bytes or more; random when `None`.
    pub flow_token_key: Option<String>,
    /// Take the original's unsigned UDP flow tokens too.
    pub accept_unsigned_flow_tokens: bool,
    /// Refuse requests inside a dialog that show no code of a Record-Route value of ours.
    pub require_own_route: bool,
    /// The marks of this process; new ones when `None`.
    pub tags: Option<ProcessTags>,
    /// Largest body accepted over a stream, bytes.
    pub max_body_size: usize,
    /// Idle time after which TCP probes a connection; none when `None`.
    pub tcp_keepalive: Option<Duration>,
    /// What concerns WebSocket only.
    pub websocket: WebSocketConfig,
    /// Sockets for TLS connections that a proxy on this host decrypts and passes on with a PROXY line.
    pub tunnels: Vec<ListenSpec>,
    /// Certificate, key and authorities.
    pub tls: TlsSettings,
    /// What clients of TLS listeners are asked for.
    pub client_certificates: ClientCertificates,
    /// What clients of secure WebSocket listeners are asked for.
    pub websocket_client_certificates: ClientCertificates,
    /// The host that headers name for IPv4 listeners under TLS.
    pub tls_hostname_ipv4: Option<String>,
    /// The host that headers name for IPv6 listeners under TLS.
    pub tls_hostname_ipv6: Option<String>,
    /// The families whose address was not configured. If their listeners are on loopback, requests that start here leave for
    /// other hosts from the address that the system's routing picks.
    pub sending: Families,
    /// Bounds at admission.
    pub limits: Limits,
}

/// The settings of WebSocket listeners.
#[derive(Debug, Clone)]
pub struct WebSocketConfig {
    /// The IPv4 address that headers name instead of the listening one.
    pub advertised_ipv4: Option<String>,
    /// The IPv6 address that headers name instead of the listening one.
    pub advertised_ipv6: Option<String>,
    /// Bounds of frames and messages.
    pub limits: ws::Limits,
    /// Interval of pings; none when `None`.
    pub keepalive: Option<Duration>,
}

/// The engine could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// A listener cannot be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The flow token key is too short.
    #[error("flow_token_key: {0}")]
    FlowTokenKey(#[from] KeyTooShort),
    /// Certificate or key cannot be used.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// The operating system refuses a thread, a reactor or a socket.
    #[error("the SIP engine cannot be started: {0}")]
    System(#[from] std::io::Error),
}
