//! The engine's view of the transport layer: destinations and the way back to a client.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};
use std::{fmt, io};

use bytes::Bytes;

use super::clock::SystemClock;
use super::way::{Name, NoWay, Ways};
use super::Shared;
use crate::client::session::Kind;
use crate::client::{is_udp_token, Profile, Target};
use crate::clock::Clock;
use crate::transport::{
    is_of_peer, is_too_large, ConnectionId, Connections, OpeningLimits, PeerName, Transport, TransportLayer,
    Verification, MAX_MESSAGE,
};

/// How long queued bytes may take to leave when the engine stops, by the system's clock: nobody moves another one by then.
const FLUSH_LIMIT: Duration = Duration::from_millis(500);

/// Where a client transaction sends. `own` is the socket that it leaves by if that is none of the listening ones, but opened
/// for requests to other hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    Udp { remote: SocketAddr, own: Option<SocketAddr> },
    Stream { transport: Transport, connection: ConnectionId, remote: SocketAddr, own: Option<SocketAddr> },
}

impl Destination {
    pub(super) fn transport(&self) -> Transport {
        match self {
            Self::Udp { .. } => Transport::Udp,
            Self::Stream { transport, .. } => *transport,
        }
    }

    pub(super) fn remote(&self) -> SocketAddr {
        match self {
            Self::Udp { remote, .. } | Self::Stream { remote, .. } => *remote,
        }
    }

    pub(super) fn own(&self) -> Option<SocketAddr> {
        match self {
            Self::Udp { own, .. } | Self::Stream { own, .. } => *own,
        }
    }

    pub(super) fn target(&self) -> Target {
        Target::new(self.transport(), self.remote().ip(), self.remote().port())
    }

    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Udp { .. } => None,
            Self::Stream { connection, .. } => Some(*connection),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport(), self.remote())
    }
}

/// Why a request did not leave, or did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendFailure {
    /// The target refuses or cannot be reached.
    Unreachable,
    /// The server's certificate was not accepted.
    NotAccepted,
    /// Larger than the transport can carry.
    TooLarge,
    /// The connection is gone, or the reason lies on this side.
    Lost,
}

impl SendFailure {
    /// What an error of the system says about a datagram.
    pub(super) fn of_datagram(error: &std::io::Error) -> SendFailure {
        match error {
            _ if is_too_large(error) => SendFailure::TooLarge,
            _ if is_of_peer(error) => SendFailure::Unreachable,
            _ => SendFailure::Lost,
        }
    }
}

pub(super) struct Network {
    layer: TransportLayer,
    ways: Ways,
    /// Of connections for responses.
    opening: OpeningLimits,
}

impl Network {
    pub(super) fn new(layer: TransportLayer, ways: Ways, opening: OpeningLimits) -> Self {
        Self { layer, ways, opening }
    }

    /// The way to a target for a request of this kind of Client. A connection is opened where none exists.
    ///
    /// For TLS, `server` is the host that the request is for, where it is not just this address, and the profile says what the
    /// server has to prove.
    pub(super) fn destination(
        &self,
        kind: Kind,
        transport: Transport,
        remote: SocketAddr,
        server: Option<&str>,
        profile: &Profile,
    ) -> Result<Destination, NoWay> {
        let wanted = (transport == Transport::Tls).then(|| Verification {
            name: match server {
                Some(host) => match host.parse() {
                    Ok(ip) => PeerName::Ip(ip),
                    Err(_) => PeerName::Domain(host.to_ascii_lowercase()),
                },
                None => PeerName::Ip(remote.ip()),
            },
            by_library: profile.verifies_by_library(),
            by_callback: profile.verifies_by_callback(),
        });
        let own = self.ways.to(kind, transport, remote)?;
        let destination = self.open(transport, remote, own, limits(profile), wanted);
        destination.map_err(|cause| NoWay::NoSocket { target: Name(transport, remote), cause })
    }

    /// The socket, from `own` where the listeners do not reach the target. With a verification it is TLS.
    fn open(
        &self,
        transport: Transport,
        remote: SocketAddr,
        own: Option<IpAddr>,
        limits: OpeningLimits,
        wanted: Option<Verification>,
    ) -> io::Result<Destination> {
        let (connection, own) = match (transport, own, wanted) {
            (Transport::Udp, None, _) => {
                let socket = self.layer.udp(remote).map(|_| Destination::Udp { remote, own: None });
                return socket.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into());
            }
            (Transport::Udp, Some(ip), _) => {
                let own = Some(self.layer.sending_from(ip)?);
                return Ok(Destination::Udp { remote, own });
            }
            (Transport::Ws | Transport::Wss, _, _) => return Err(io::ErrorKind::Unsupported.into()),
            (_, None, None) => (self.layer.tcp_to(remote, limits), None),
            (_, None, Some(wanted)) => (self.layer.tls_to(remote, limits, wanted), None),
            (_, Some(ip), wanted) => {
                let (connection, own) = self.layer.connections().open_at(ip, remote, limits, wanted)?;
                (connection, Some(own))
            }
        };
        Ok(Destination::Stream { transport, connection, remote, own })
    }

    /// The live flow that a token names (RFC 5626 5.3).
    pub(super) fn flow(&self, shared: &Shared, token: &[u8]) -> Option<Destination> {
        if is_udp_token(token) {
            let remote = shared.udp_flow(token)?;
            return self.layer.udp(remote).map(|_| Destination::Udp { remote, own: None });
        }
        let connections = self.layer.connections();
        let connection = connections.by_flow_token(std::str::from_utf8(token).ok()?)?;
        let info = connections.info(connection)?;
        Some(Destination::Stream { transport: info.transport, connection, remote: info.remote, own: None })
    }

    /// Sends a request; an error when it certainly did not leave.
    pub(super) fn send(&self, destination: &Destination, wire: &Bytes) -> Result<(), SendFailure> {
        match destination {
            Destination::Udp { remote, own } => {
                let sent = match own {
                    None => self.layer.send_udp(wire, *remote),
                    Some(own) => self.layer.send_udp_from(*own, wire, *remote),
                };
                sent.map_err(|error| {
                    tracing::info!(target: "oversip::transport", "sending to {destination}: {error}");
                    SendFailure::of_datagram(&error)
                })
            }
            // To try it would cost the connection, and all others that use it.
            Destination::Stream { .. } if wire.len() > MAX_MESSAGE => Err(SendFailure::TooLarge),
            Destination::Stream { connection, .. } => {
                let queued = self.layer.connections().send(*connection, wire.clone());
                queued.then_some(()).ok_or(SendFailure::Lost)
            }
        }
    }

    /// Sends a response whose connection is gone: one attempt to reach its client where that takes connections (RFC 3261
    /// 18.2.2). WebSocket clients cannot be called back.
    pub(super) fn respond_anew(&self, transport: Transport, remote: SocketAddr, wire: &Bytes) {
        // It is for the script to say whom it trusts, if it does.
        let wanted = (transport == Transport::Tls).then(|| Verification {
            name: PeerName::Ip(remote.ip()),
            by_library: false,
            by_callback: true,
        });
        let again = matches!(transport, Transport::Tcp | Transport::Tls);
        let own = self.ways.to(Kind::Uac, transport, remote).ok().filter(|_| again);
        let opened = own.and_then(|own| self.open(transport, remote, own, self.opening, wanted).ok());
        let connection = opened.and_then(|destination| destination.connection());
        let sent =
            connection.is_some_and(|connection| self.layer.connections().send(connection, wire.clone()));
        if !sent {
            tracing::info!(target: "oversip::transport", "error sending the SIP response to {transport}:{remote}");
        }
    }

    pub(super) fn heed_keepalives(&self, on: bool) {
        self.layer.heed_keepalives(on);
    }

    pub(super) fn connections(&self) -> &Connections {
        self.layer.connections()
    }

    pub(super) fn admit(&self, connection: ConnectionId) {
        self.layer.connections().admit(connection);
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
        let clock: &dyn Clock = &SystemClock;
        self.layer.shutdown(clock.sleep(FLUSH_LIMIT)).await;
    }
}

fn limits(profile: &Profile) -> OpeningLimits {
    OpeningLimits { connect: profile.connect_timeout, handshake: profile.tls_handshake_timeout }
}
