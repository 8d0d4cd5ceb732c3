//! What an engine is started with.

use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;

use super::hep::HepSettings;
use crate::client::{KeyTooShort, ProcessTags};
use crate::element::{AddressFamilies, Limits};
use crate::trace;
use crate::transport::{ws, BindError, ClientCertificates, ListenSpec, OpeningLimits, TlsError, TlsSettings};

/// Connections that may exist at a time.
pub(super) const MAX_CONNECTIONS: usize = 60_000;

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
    pub sending: AddressFamilies,
    /// Bounds at admission.
    pub limits: Limits,
    /// Tells which process this is, such as [`std::process::id`]: a forked child has no engine.
    pub process: fn() -> u32,
    /// Bytes that may wait to be sent on all connections together; beyond it those with the most are closed.
    pub outgoing_bytes: usize,
    /// How much of the calls is kept for who looks into them; `None`: nothing.
    pub trace: Option<trace::TraceLimits>,
    /// Whether figures are kept, for [`Engine::open_monitor`](super::Engine::open_monitor).
    pub metrics: bool,
    /// The collectors that get all messages by HEP3, if there are any.
    pub hep: Option<HepSettings>,
}

/// The settings of WebSocket listeners.
#[derive(Debug, Clone)]
pub struct WebSocketConfig {
    /// The IPv4 address that headers name instead of the listening one.
    pub advertised_ipv4: Option<String>,
    /// The IPv6 address that headers name instead of the listening one.
    pub advertised_ipv6: Option<String>,
    /// Bounds of frames and messages.
    pub limits: ws::FrameLimits,
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
