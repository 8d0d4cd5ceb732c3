//! Where a received message came from.

use std::fmt;
use std::net::SocketAddr;

use super::transport::Transport;

/// Names one connection for the life of the process; numbers are never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// The name of the connection with this number. Who opens connections gives each number once.
    pub fn new(number: u64) -> ConnectionId {
        ConnectionId(number)
    }

    /// The number itself, for logs.
    pub fn as_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a message came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The transport it came over.
    pub transport: Transport,
    /// The peer's address.
    pub remote: SocketAddr,
    /// Our address: the listener's for UDP, the socket's own for a connection.
    pub local: SocketAddr,
    /// The connection it came over; `None` for UDP.
    pub connection: Option<ConnectionId>,
    /// `true` for UDP and for connections a listener accepted, `false` for those opened from here.
    pub inbound: bool,
}
