//! The connections of an engine as a script sees them.

use std::any::Any;
use std::net::SocketAddr;

use bytes::Bytes;

use super::driver::Driver;
use crate::message::{ConnectionId, Source};
use crate::transport::ConnectionInfo;

/// The connections, and the flows that they are (RFC 5626).
#[derive(Clone, Copy)]
pub struct Connections<'a>(pub(super) &'a Driver);

impl Connections<'_> {
    /// What is known about a connection; `None` once it is closing.
    pub fn info(&self, connection: ConnectionId) -> Option<ConnectionInfo> {
        self.0.network.get()?.connections().info(connection)
    }

    /// Every connection that is up, as the source of what comes over it.
    pub fn live(&self) -> Vec<Source> {
        self.0.network.get().map(|network| network.connections().sources()).unwrap_or_default()
    }

    /// Sends bytes over the connection of `source`, or from its UDP socket to an address. False when they did not leave.
    pub fn send_over(&self, source: &Source, wire: &Bytes, to: SocketAddr) -> bool {
        self.0.send_over(source, wire, to)
    }

    /// The peer of [`Event::TlsHandshake`](super::Event::TlsHandshake) is accepted. Nothing happens if the connection was closed
    /// meanwhile.
    pub fn admit(&self, connection: ConnectionId) {
        if let Some(network) = self.0.network.get() {
            network.connections().admit(connection);
        }
    }

    /// Closes a connection after what is queued for it.
    pub fn close(&self, connection: ConnectionId) {
        if let Some(network) = self.0.network.get() {
            network.close(connection);
        }
    }

    /// The token of the flow that a request came by (RFC 5626); `None` for connections that we opened.
    pub fn flow_token(&self, source: &Source) -> Option<String> {
        let gone = source.connection.is_some_and(|connection| self.info(connection).is_none());
        (!gone).then(|| self.0.look(|element| element.flow_token(source))).flatten()
    }

    /// Whether a token names a flow that can be sent over: a signed UDP token, or a live connection.
    pub fn is_flow(&self, token: &[u8]) -> bool {
        self.0.look(|element| element.is_flow(token))
    }

    /// Looks at what was kept with [`Connections::keep`].
    pub fn kept<R>(&self, connection: ConnectionId, look: impl FnOnce(&dyn Any) -> R) -> Option<R> {
        self.0.connection_data().get(&connection).map(|kept| look(&**kept))
    }

    /// Keeps something for a connection until it is gone.
    pub fn keep(&self, connection: ConnectionId, thing: Box<dyn Any + Send>) {
        self.0.connection_data().insert(connection, thing);
        // It may have gone before; then nobody would ever take the thing away.
        if self.info(connection).is_none() {
            self.0.connection_data().remove(&connection);
        }
    }

    /// Forgets what was kept with [`Connections::keep`].
    pub fn forget(&self, connection: ConnectionId) {
        self.0.connection_data().remove(&connection);
    }
}
