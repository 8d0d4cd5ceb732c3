//! What scripts ask of connections, whoever has them: an engine its sockets, a world its simulated ones.

use std::net::SocketAddr;

use bytes::Bytes;
use magnus::{Ruby, Value};
use oversip::engine::{Engine, UpgradeRequest};
use oversip::message::{ConnectionId, Source, Transport};

use crate::anchors::Anchor;

/// What is known of a connection that is not closing.
pub struct Link {
    /// It is up, with TLS the handshake done.
    pub connected: bool,
    /// It carries messages as a WebSocket.
    pub websocket: bool,
}

/// Who has connections.
pub trait Links: Send + Sync {
    /// What listens, by transport and address.
    fn listening(&self) -> &[(Transport, SocketAddr)];

    /// What is known of a connection; `None` once it is closing.
    fn link(&self, connection: ConnectionId) -> Option<Link>;

    /// Every connection that is up, as the source of what comes over it.
    fn live(&self) -> Vec<Source>;

    /// Sends bytes over the connection of `source`, or from its UDP socket to an address. False when they did not leave.
    fn send_over(&self, source: &Source, wire: &Bytes, to: SocketAddr) -> bool;

    /// Closes a connection after what is queued for it.
    fn close(&self, connection: ConnectionId);

    /// The peer that has shown its certificates is accepted.
    fn admit(&self, connection: ConnectionId);

    /// Gives a client its WebSocket.
    fn accept_upgrade(&self, request: &UpgradeRequest);

    /// Sends an HTTP answer to a client that asks for a WebSocket, and closes.
    fn refuse_upgrade(&self, connection: ConnectionId, response: Bytes);

    /// Sends an HTTP answer to a client that asks for a WebSocket and leaves the rest open.
    fn answer_upgrade(&self, connection: ConnectionId, response: Bytes);

    /// Closes a WebSocket with this status and reason.
    fn close_websocket(&self, connection: ConnectionId, status: Option<u16>, reason: &str);

    /// The object that is kept for a connection.
    fn object(&self, ruby: &Ruby, connection: ConnectionId) -> Option<Value>;

    /// Keeps an object for a connection until that is gone.
    fn keep(&self, connection: ConnectionId, object: Anchor);

    /// Forgets that object.
    fn forget(&self, connection: ConnectionId);
}

impl Links for Engine {
    fn listening(&self) -> &[(Transport, SocketAddr)] {
        Engine::listening(self)
    }

    fn link(&self, connection: ConnectionId) -> Option<Link> {
        let info = self.connections().info(connection)?;
        Some(Link { connected: info.connected, websocket: info.websocket })
    }

    fn live(&self) -> Vec<Source> {
        self.connections().live()
    }

    fn send_over(&self, source: &Source, wire: &Bytes, to: SocketAddr) -> bool {
        self.connections().send_over(source, wire, to)
    }

    fn close(&self, connection: ConnectionId) {
        self.connections().close(connection);
    }

    fn admit(&self, connection: ConnectionId) {
        self.connections().admit(connection);
    }

    fn accept_upgrade(&self, request: &UpgradeRequest) {
        self.websockets().accept(request);
    }

    fn refuse_upgrade(&self, connection: ConnectionId, response: Bytes) {
        self.websockets().refuse(connection, response);
    }

    fn answer_upgrade(&self, connection: ConnectionId, response: Bytes) {
        self.websockets().answer(connection, response);
    }

    fn close_websocket(&self, connection: ConnectionId, status: Option<u16>, reason: &str) {
        self.websockets().close(connection, status, reason);
    }

    fn object(&self, ruby: &Ruby, connection: ConnectionId) -> Option<Value> {
        let found = self.connections().kept(connection, |kept| {
            kept.downcast_ref::<Anchor>().and_then(|anchor| anchor.values(ruby)).map(|(object, _)| object)
        });
        found.flatten()
    }

    fn keep(&self, connection: ConnectionId, object: Anchor) {
        self.connections().keep(connection, Box::new(object));
    }

    fn forget(&self, connection: ConnectionId) {
        self.connections().forget(connection);
    }
}
