//! The connections of an element as its script sees them.

use std::net::SocketAddr;

use bytes::Bytes;

use super::{ElementId, World};
use crate::element::ConnectionEnd;
use crate::message::{ConnectionId, Source};
use crate::simulation::stream::Phase;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// It is being opened, its peer not accepted yet.
    Opening,
    /// The peer is accepted, and has asked for a WebSocket.
    Connected,
    /// It carries messages.
    Up,
}

impl World {
    /// How far a connection of an element has come; `None`: there is none by this name.
    pub fn link(&self, id: ElementId, connection: ConnectionId) -> Option<LinkState> {
        let end = self.streams.by_id(id.0, connection)?;
        Some(match self.streams.get(end.stream)?.phase {
            Phase::Opening | Phase::Shaking => LinkState::Opening,
            Phase::Upgrading | Phase::Answered => LinkState::Connected,
            Phase::Up => LinkState::Up,
        })
    }

    /// Where what comes over a connection of an element comes from.
    pub fn source(&self, id: ElementId, connection: ConnectionId) -> Option<Source> {
        let end = self.streams.by_id(id.0, connection)?;
        Some(self.streams.end(end)?.source)
    }

    /// All connections of an element that are up.
    pub fn live_connections(&self, id: ElementId) -> Vec<Source> {
        self.streams.up_of(id.0)
    }

    /// An element sends bytes over a connection, or from one of its UDP sockets to an address. False: they did not leave.
    pub fn send_over(&mut self, id: ElementId, source: &Source, wire: Bytes, to: SocketAddr) -> bool {
        match source.connection {
            Some(connection) => {
                let end = self.streams.by_id(id.0, connection);
                end.is_some_and(|end| self.send_bytes(end, wire))
            }
            None if self.udp.get(&source.local) == Some(&id.0) => {
                self.send_datagram(id.0, source.local, to, wire);
                true
            }
            None => false,
        }
    }

    /// An element closes a connection after what was sent on it.
    pub fn close_connection(&mut self, id: ElementId, connection: ConnectionId) {
        let Some(end) = self.streams.by_id(id.0, connection) else { return };
        match self.streams.get(end.stream).map(|stream| stream.phase) {
            Some(Phase::Shaking) => self.judged(id, connection, false),
            Some(Phase::Upgrading | Phase::Answered) => {
                self.not_opened(end.stream, ConnectionEnd::NotAccepted);
            }
            _ => self.close_end(end),
        }
    }
}
