//! The engine's view of the transport layer: the sockets that the element's messages leave by.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::clock::SystemClock;
use crate::client::session::Role;
use crate::clock::Clock;
use crate::element::{
    NextHop, NoWay, OpeningLimits, SendFailure, ServerName, ServerProof, Settings, WayBack,
};
use crate::message::{ConnectionId, Source, Transport};
use crate::observed::FiveTuple;
use crate::resolve::Target;
use crate::transport::{
    self, is_of_peer, is_too_large, Connections, PeerName, TransportLayer, UdpSocket, Verification,
    MAX_MESSAGE,
};

/// How long queued bytes may take to leave when the engine stops.
const FLUSH_LIMIT: Duration = Duration::from_millis(500);

/// What an error of the system says about a datagram.
pub(super) fn of_datagram(error: &std::io::Error) -> SendFailure {
    match error {
        _ if is_too_large(error) => SendFailure::TooLarge,
        _ if is_of_peer(error) => SendFailure::Unreachable,
        _ => SendFailure::Lost,
    }
}

/// The sockets of an engine. Sending never waits.
pub(super) struct Network {
    layer: TransportLayer,
    settings: Arc<Settings>,
    /// Of connections for responses.
    opening: transport::OpeningLimits,
}

impl Network {
    pub(super) fn new(
        layer: TransportLayer,
        settings: Arc<Settings>,
        opening: transport::OpeningLimits,
    ) -> Self {
        Self { layer, settings, opening }
    }

    pub(super) fn connections(&self) -> &Connections {
        self.layer.connections()
    }

    /// Opens a connection by this name.
    pub(super) fn connect(
        &self,
        connection: ConnectionId,
        remote: SocketAddr,
        limits: OpeningLimits,
        proof: Option<ServerProof>,
    ) {
        self.layer.connect_as(connection, remote, opening(limits), proof.map(verification));
    }

    /// Asks more of the server of a connection; false when its handshake is over.
    pub(super) fn tighten(&self, connection: ConnectionId, proof: ServerProof) -> bool {
        self.connections().tighten(connection, &verification(proof))
    }

    /// Opens a socket at this address, if there is none, or a connection that begins there. Must be called within the runtime.
    pub(super) fn open_socket(
        &self,
        ip: IpAddr,
        target: Target,
        connection: Option<(ConnectionId, OpeningLimits, Option<ServerProof>)>,
    ) -> Result<SocketAddr, NoWay> {
        let local = match connection {
            None => self.layer.sending_from(ip),
            Some((id, limits, proof)) => {
                let wanted = proof.map(verification);
                self.connections().connect_from(id, ip, target.addr, opening(limits), wanted)
            }
        };
        local.map_err(|error| NoWay::NoSocket { target, cause: transport::error_text(&error) })
    }

    /// Sends a request; an error when it certainly did not leave.
    pub(super) fn send(&self, hop: &NextHop, wire: &Bytes) -> Result<(), SendFailure> {
        match hop {
            NextHop::Udp { remote, own } => {
                let sent = match own {
                    None => self.layer.send_udp(wire, *remote),
                    Some(own) => self.layer.send_udp_from(*own, wire, *remote),
                };
                sent.map_err(|error| {
                    tracing::info!(target: "oversip::transport", "sending to {hop}: {error}");
                    of_datagram(&error)
                })
            }
            // To try it would cost the connection, and all others that use it.
            NextHop::Stream { .. } if wire.len() > MAX_MESSAGE => Err(SendFailure::TooLarge),
            NextHop::Stream { connection, .. } => {
                let queued = self.connections().send(*connection, wire.clone());
                queued.then_some(()).ok_or(SendFailure::Lost)
            }
        }
    }

    /// Between which addresses a request goes, for who looks on.
    pub(super) fn five_tuple(&self, hop: &NextHop) -> FiveTuple {
        let (transport, remote, connection) = (hop.transport(), hop.remote(), hop.connection());
        let local = hop.own().or_else(|| match connection {
            None => self.layer.udp(remote).map(UdpSocket::local),
            Some(connection) => self.local(connection),
        });
        FiveTuple { transport, local, remote, connection }
    }

    fn local(&self, connection: ConnectionId) -> Option<SocketAddr> {
        self.connections().info(connection)?.local
    }

    /// Sends a response to where its request came from (RFC 3261 18.2.2, RFC 3581 4). Says whether it
    /// has left, and between which addresses.
    pub(super) fn respond(&self, way_back: &WayBack, wire: &Bytes) -> (bool, FiveTuple) {
        let source = &way_back.source;
        let sent = match source.connection {
            Some(connection) => {
                self.connections().respond(connection, wire.clone(), || Some(way_back.connection()))
            }
            None => self.send_over(source, wire, way_back.udp()),
        };
        match (sent, source.connection) {
            (false, _) => self.respond_anew(source.transport, way_back.connection(), wire),
            (true, Some(_)) => (true, source.into()),
            (true, None) => (true, FiveTuple { remote: way_back.udp(), ..source.into() }),
        }
    }

    /// Sends over the connection of `source`, else from its UDP socket to an address. False when nothing left.
    pub(super) fn send_over(&self, source: &Source, wire: &Bytes, to: SocketAddr) -> bool {
        if let Some(connection) = source.connection {
            return self.connections().respond(connection, wire.clone(), || None);
        }
        let listening = self.layer.udp_sockets().iter().find(|socket| socket.local() == source.local);
        let sent = match listening {
            Some(socket) => Some(socket.try_send(wire, to)),
            None => self.layer.sending().find(source.local).map(|socket| socket.try_send(wire, to)),
        };
        sent.is_some_and(|sent| sent.is_ok())
    }

    /// Sends a response whose connection is gone: one attempt to reach its client where that takes connections (RFC 3261
    /// 18.2.2). WebSocket clients cannot be called back. Says whether it has left, and between which addresses.
    pub(super) fn respond_anew(
        &self,
        transport: Transport,
        remote: SocketAddr,
        wire: &Bytes,
    ) -> (bool, FiveTuple) {
        let connection = self.settings.reaches(Role::Uac, remote).then(|| match transport {
            // It is for the script to say whom it trusts, if it does.
            Transport::Tls => {
                let name = PeerName::Ip(remote.ip());
                let wanted = Verification { name, by_library: false, by_callback: true };
                Some(self.layer.tls_to(remote, self.opening, wanted))
            }
            Transport::Tcp => Some(self.layer.tcp_to(remote, self.opening)),
            Transport::Udp | Transport::Ws | Transport::Wss => None,
        });
        let connection = connection.flatten();
        let sent = connection.is_some_and(|it| self.connections().send(it, wire.clone()));
        let between =
            FiveTuple { transport, local: connection.and_then(|it| self.local(it)), remote, connection };
        if !sent {
            tracing::info!(target: "oversip::transport", "error sending the SIP response to {transport}:{remote}");
        }
        (sent, between)
    }

    pub(super) fn heed_keepalives(&self, on: bool) {
        self.layer.heed_keepalives(on);
    }

    pub(super) fn close(&self, connection: ConnectionId) {
        self.connections().close(connection);
    }

    pub(super) fn sweep(&self, now: Instant) {
        self.connections().sweep(now);
    }

    pub(super) fn stop_listening(&self) {
        self.layer.close_listeners();
    }

    /// The UDP sockets that were opened for requests to other hosts.
    pub(super) fn sending_sockets(&self) -> Vec<UdpSocket> {
        self.layer.sending().all()
    }

    /// The inodes of all UDP sockets.
    pub(super) fn udp_inodes(&self) -> HashSet<u64> {
        self.layer.udp_sockets().iter().chain(&self.sending_sockets()).filter_map(UdpSocket::inode).collect()
    }

    /// Datagrams that the system did not take in time.
    pub(super) fn unsent_datagrams(&self) -> u64 {
        self.layer.udp_sockets().iter().chain(&self.sending_sockets()).map(UdpSocket::unsent).sum()
    }

    pub(super) async fn shutdown(&self) {
        let clock: &dyn Clock = &SystemClock;
        self.layer.shutdown(clock.sleep(FLUSH_LIMIT)).await;
    }
}

fn opening(limits: OpeningLimits) -> transport::OpeningLimits {
    transport::OpeningLimits { connect: limits.connect, handshake: limits.handshake }
}

fn verification(proof: ServerProof) -> Verification {
    let ServerProof { name, by_library, by_callback } = proof;
    let name = match name {
        ServerName::Domain(domain) => PeerName::Domain(domain),
        ServerName::Ip(ip) => PeerName::Ip(ip),
    };
    Verification { name, by_library, by_callback }
}
