//! Where a client transaction sends.

use std::fmt;
use std::net::SocketAddr;

use crate::message::{ConnectionId, Transport};
use crate::resolve::Target;

/// Where a request is sent. `own` is the socket that it leaves by if that is none of the listening ones, but opened for
/// requests to other hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextHop {
    /// By datagram.
    Udp {
        /// The address.
        remote: SocketAddr,
        /// The socket.
        own: Option<SocketAddr>,
    },
    /// Over a connection.
    Stream {
        /// Its transport.
        transport: Transport,
        /// The connection.
        connection: ConnectionId,
        /// The peer's address.
        remote: SocketAddr,
        /// Where it begins.
        own: Option<SocketAddr>,
    },
}

impl NextHop {
    /// The transport.
    pub fn transport(&self) -> Transport {
        match self {
            Self::Udp { .. } => Transport::Udp,
            Self::Stream { transport, .. } => *transport,
        }
    }

    /// The peer's address.
    pub fn remote(&self) -> SocketAddr {
        match self {
            Self::Udp { remote, .. } | Self::Stream { remote, .. } => *remote,
        }
    }

    /// The socket, if it is none of the listening ones.
    pub fn own(&self) -> Option<SocketAddr> {
        match self {
            Self::Udp { own, .. } | Self::Stream { own, .. } => *own,
        }
    }

    /// The target that it stands for.
    pub fn target(&self) -> Target {
        Target::new(self.transport(), self.remote().ip(), self.remote().port())
    }

    /// The connection.
    pub fn connection(&self) -> Option<ConnectionId> {
        match self {
            Self::Udp { .. } => None,
            Self::Stream { connection, .. } => Some(*connection),
        }
    }
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport(), self.remote())
    }
}

/// Why a request did not leave, or did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendFailure {
    /// The target refuses or cannot be reached.
    Unreachable,
    /// The server's certificate was not accepted.
    NotAccepted,
    /// Larger than the transport can carry.
    TooLarge,
    /// The connection is gone, or the reason lies on this side.
    Lost,
}
