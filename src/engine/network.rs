//! The engine's view of the transport layer: destinations, the way back to a client, and the names by which our
//! listeners appear in headers.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::incoming::IncomingRequest;
use super::Shared;
use crate::client::{is_udp_token, ListenerNames};
use crate::message::Message;
use crate::transport::{ConnectionId, Source, Transport, TransportLayer};

/// How long queued bytes may take to leave when the engine stops.
const FLUSH_LIMIT: Duration = Duration::from_millis(500);

/// Where a client transaction sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    Udp(SocketAddr),
    Stream { transport: Transport, connection: ConnectionId, remote: SocketAddr },
}

impl Destination {
    pub(super) fn transport(&self) -> Transport {
        match self {
            Self::Udp(_) => Transport::Udp,
            Self::Stream { transport, .. } => *transport,
        }
    }

    pub(super) fn remote(&self) -> SocketAddr {
        match self {
            Self::Udp(remote) | Self::Stream { remote, .. } => *remote,
        }
    }

    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Udp(_) => None,
            Self::Stream { connection, .. } => Some(*connection),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport(), self.remote())
    }
}

/// A listener and its header texts.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    pub(super) transport: Transport,
    pub(super) local: SocketAddr,
    pub(super) names: ListenerNames,
}

impl Listener {
    fn serves(&self, transport: Transport, remote: SocketAddr) -> bool {
        self.transport == transport && self.local.is_ipv4() == remote.is_ipv4()
    }

    /// `host:port` as it stands in our Via values.
    fn sent_by(&self) -> &str {
        self.names.via_core.rsplit(' ').next().unwrap_or_default()
    }
}

pub(super) struct Network {
    layer: TransportLayer,
    listeners: Vec<Listener>,
}

impl Network {
    pub(super) fn new(layer: TransportLayer, listeners: Vec<Listener>) -> Self {
        Self { layer, listeners }
    }

    /// The listener that stands for a transport and the family of an address.
    pub(super) fn listener(&self, transport: Transport, remote: SocketAddr) -> Option<&Listener> {
        self.listeners.iter().find(|listener| listener.serves(transport, remote))
    }

    /// The listener that a request came in by.
    pub(super) fn listener_of(&self, source: &Source) -> Option<&Listener> {
        self.listeners
            .iter()
            .find(|listener| listener.transport == source.transport && listener.local == source.local)
            .or_else(|| self.listener(source.transport, source.local))
    }

    /// Any listener: for a request that leaves by a transport nobody listens on.
    pub(super) fn any_listener(&self) -> Option<&Listener> {
        self.listeners.first()
    }

    /// The way to a target; `None` when there is no socket for it. A connection is opened where none exists.
    pub(super) fn destination(&self, transport: Transport, remote: SocketAddr) -> Option<Destination> {
        match transport {
            Transport::Udp => self.layer.udp(remote).map(|_| Destination::Udp(remote)),
            Transport::Tcp => {
                let connection = self.layer.tcp_to(remote);
                Some(Destination::Stream { transport, connection, remote })
            }
            Transport::Tls | Transport::Ws | Transport::Wss => None,
        }
    }

    /// The live flow that a token names (RFC 5626 5.3).
    pub(super) fn flow(&self, shared: &Shared, token: &[u8]) -> Option<Destination> {
        if is_udp_token(token) {
            let remote = shared.udp_flow(token)?;
            return self.destination(Transport::Udp, remote);
        }
        let connections = self.layer.connections();
        let connection = connections.by_flow_token(std::str::from_utf8(token).ok()?)?;
        let info = connections.info(connection)?;
        Some(Destination::Stream { transport: info.transport, connection, remote: info.remote })
    }

    /// The token of the flow that a request came by; `None` for connections that we opened.
    pub(super) fn flow_token(&self, shared: &Shared, source: &Source) -> Option<String> {
        match source.connection {
            None => Some(shared.flow_tokens.sign(source.remote)),
            Some(connection) => self.layer.connections().flow_token(connection),
        }
    }

    /// Sends a request; false when it certainly did not leave.
    pub(super) fn send(&self, destination: &Destination, wire: &Bytes) -> bool {
        match destination {
            Destination::Udp(remote) => match self.layer.send_udp(wire, *remote) {
                Ok(()) => true,
                Err(error) => {
                    tracing::info!(target: "oversip::transport", "sending to {destination}: {error}");
                    false
                }
            },
            Destination::Stream { connection, .. } => {
                self.layer.connections().send(*connection, wire.clone())
            }
        }
    }

    /// Sends a response that could not leave from the thread that made it. The connection of the request is gone: one
    /// attempt to reach the address it came from on the port that its Via names (RFC 3261 18.2.2). WebSocket clients
    /// cannot be called back.
    pub(super) fn respond_anew(&self, request: &IncomingRequest, wire: &Bytes) {
        let source = &request.source;
        let sent = source.transport == Transport::Tcp && {
            let port = request.message.top_via().and_then(|via| via.port()).unwrap_or(5060);
            let connection = self.layer.tcp_to(SocketAddr::new(source.remote.ip(), port));
            self.layer.connections().send(connection, wire.clone())
        };
        if !sent {
            let (transport, remote) = (source.transport, source.remote);
            tracing::info!(target: "oversip::transport", "error sending the SIP response to {transport}:{remote}");
        }
    }

    /// Whether a request has been here before: one of our Via values ends in its antiloop id (RFC 3261 16.3 step 4).
    pub(super) fn has_looped(&self, message: &Message, antiloop_id: &[u8; 32]) -> bool {
        message.via_values().any(|value| {
            memchr::memmem::find(value, antiloop_id)
                .is_some_and(|at| matches!(value.get(at + 32), None | Some(b';' | b' ' | b'\t')))
                && self.is_sent_by_us(value)
        })
    }

    /// Whether a request has just left this server: its top Via and its source address are ours. A client elsewhere may have
    /// our address behind its NAT, so the Via alone says too little.
    pub(super) fn is_from_us(&self, request: &IncomingRequest) -> bool {
        let source = request.source.remote.ip();
        self.listeners.iter().any(|listener| listener.local.ip() == source)
            && request.message.via_values().next().is_some_and(|value| self.is_sent_by_us(value))
    }

    /// Whether a Via value names one of our listeners.
    fn is_sent_by_us(&self, via: &[u8]) -> bool {
        self.listeners.iter().any(|listener| {
            let sent_by = listener.sent_by().as_bytes();
            memchr::memmem::find(via, sent_by)
                .is_some_and(|at| at > 0 && via[at - 1] == b' ' && via.get(at + sent_by.len()) == Some(&b';'))
        })
    }

    pub(super) fn close(&self, connection: ConnectionId) {
        self.layer.connections().close(connection);
    }

    pub(super) fn sweep(&self, now: Instant) {
        self.layer.connections().sweep(now);
    }

    pub(super) fn connection_count(&self) -> usize {
        self.layer.connections().len()
    }

    pub(super) fn stop_listening(&self) {
        self.layer.close_listeners();
    }

    pub(super) async fn shutdown(&self) {
        self.layer.shutdown(FLUSH_LIMIT).await;
    }
}
