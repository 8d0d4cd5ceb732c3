//! The sockets as every thread may use them: sending never waits, so a response leaves from the thread that made it.

use std::net::SocketAddr;

use bytes::Bytes;

use super::incoming::IncomingRequest;
use super::{Dropped, Stats};
use crate::transport::{
    ConnectionId, Connections, SendingSockets, Source, Transport, TransportLayer, UdpSocket,
};

/// Handles to the sockets of an engine.
pub(super) struct Sockets {
    udp: Vec<UdpSocket>,
    sending: SendingSockets,
    connections: Connections,
}

impl Sockets {
    pub(super) fn of(layer: &TransportLayer) -> Self {
        Self {
            udp: layer.udp_sockets().to_vec(),
            sending: layer.sending().clone(),
            connections: layer.connections().clone(),
        }
    }

    /// The token of the flow that a connection is; `None` for one that we opened, or that is gone.
    pub(super) fn flow_token(&self, connection: ConnectionId) -> Option<String> {
        self.connections.flow_token(connection)
    }

    /// How the messages of the connection travel that a flow token names; `None` for one that is gone.
    pub(super) fn flow_transport(&self, token: &str) -> Option<Transport> {
        let connection = self.connections.by_flow_token(token)?;
        Some(self.connections.info(connection)?.transport)
    }

    /// Adds what the sockets know of themselves.
    pub(super) fn complete(&self, stats: &mut Stats) {
        let sending = self.sending.all();
        let udp = |count: fn(&UdpSocket) -> u64| self.udp.iter().chain(&sending).map(count).sum();
        stats.sending_sockets = sending.len();
        stats.outgoing_bytes = self.connections.outgoing_bytes();
        stats.held_bytes = self.connections.held_bytes();
        stats.unconfirmed_bytes = self.connections.unconfirmed_bytes();
        stats.paused_connections = self.connections.paused();
        stats.dropped[Dropped::SlowConnection as usize] = self.connections.overflows();
        stats.dropped[Dropped::UnsentDatagram as usize] = udp(UdpSocket::unsent);
    }

    /// Sends a response to where its request came from (RFC 3261 18.2.2, RFC 3581 4). False when it did not leave.
    pub(super) fn respond(&self, request: &IncomingRequest, wire: &Bytes) -> bool {
        let source = &request.source;
        match source.connection {
            Some(connection) => {
                self.connections.respond(connection, wire.clone(), || Some(request.address_of_client()))
            }
            None => self.send(source, wire, SocketAddr::new(source.remote.ip(), request.reply_port())),
        }
    }

    /// Sends over the connection of `source`, else from its UDP socket to an address. False when nothing left.
    pub(super) fn send(&self, source: &Source, wire: &Bytes, to: SocketAddr) -> bool {
        match source.connection {
            Some(connection) => self.connections.respond(connection, wire.clone(), || None),
            None => {
                let sent = match self.udp.iter().find(|socket| socket.local() == source.local) {
                    Some(socket) => Some(socket.try_send(wire, to)),
                    None => self.sending.find(source.local).map(|socket| socket.try_send(wire, to)),
                };
                sent.is_some_and(|sent| sent.is_ok())
            }
        }
    }
}
