//! Services and their servers, as the records of DNS or the destination itself name them.

use std::net::IpAddr;

use crate::message::Transport;

/// Servers that are reached by one transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The transport.
    pub transport: Transport,
    /// The servers, by priority; never empty.
    pub servers: Vec<Server>,
}

/// A host, as an SRV record or the destination itself names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Servers with a lower number are tried first.
    pub priority: u16,
    /// The share of requests among servers of equal priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// Its addresses of all families asked for, within each in the order of the answer; never empty.
    pub addrs: Vec<IpAddr>,
}
