//! Our listeners and the names by which they appear in headers. Nothing here changes.

use std::net::SocketAddr;

use super::received_request::ReceivedRequest;
use crate::client::ListenerNames;
use crate::message::{Message, Source, Transport};

/// A listener and its header texts.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The transport.
    pub transport: Transport,
    /// The address.
    pub local: SocketAddr,
    /// Its header texts.
    pub names: ListenerNames,
}

impl Listener {
    fn serves(&self, transport: Transport, remote: SocketAddr) -> bool {
        self.transport == transport && self.local.is_ipv4() == remote.is_ipv4()
    }

    /// `host:port` as it stands in our Via values.
    pub(super) fn sent_by(&self) -> &str {
        self.names.via_core.rsplit(' ').next().unwrap_or_default()
    }
}

/// All listeners of an element.
#[derive(Debug, Clone)]
pub struct Listeners(Vec<Listener>);

impl Listeners {
    /// The listeners of an element.
    pub fn new(listeners: Vec<Listener>) -> Self {
        Self(listeners)
    }

    /// Their header texts.
    pub fn names(&self) -> impl Iterator<Item = &ListenerNames> {
        self.0.iter().map(|listener| &listener.names)
    }

    /// The length of the longest text by which a listener names itself.
    pub(super) fn longest_name(&self) -> usize {
        let lengths =
            self.names().map(|names| names.record_route.len().max(names.outbound_path_fragment.len()));
        lengths.max().unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Listener> {
        self.0.iter()
    }

    /// The listener that stands for a transport and the family of an address.
    pub(super) fn listener(&self, transport: Transport, remote: SocketAddr) -> Option<&Listener> {
        self.0.iter().find(|listener| listener.serves(transport, remote))
    }

    /// Whether one of them listens at this address and port.
    pub(super) fn is_at(&self, address: SocketAddr) -> bool {
        self.0.iter().any(|listener| listener.local == address)
    }

    /// The listener that a request came in by.
    pub(super) fn listener_of(&self, source: &Source) -> Option<&Listener> {
        self.0
            .iter()
            .find(|listener| listener.transport == source.transport && listener.local == source.local)
            .or_else(|| self.listener(source.transport, source.local))
    }

    /// Whether a request came in by this port: that of the socket, or the one by which its listener names itself.
    pub(super) fn came_by_port(&self, source: &Source, port: u16) -> bool {
        source.local.port() == port
            || self.listener_of(source).is_some_and(|listener| listener.local.port() == port)
    }

    /// The listener whose name a request to an address has in its Via; any one for a transport nobody listens on.
    pub(super) fn naming(&self, transport: Transport, remote: SocketAddr) -> Option<&Listener> {
        self.listener(transport, remote).or_else(|| self.0.first())
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
    pub(super) fn is_from_us(&self, request: &ReceivedRequest) -> bool {
        let source = request.source.remote.ip();
        self.0.iter().any(|listener| listener.local.ip() == source)
            && request.message.via_values().next().is_some_and(|value| self.is_sent_by_us(value))
    }

    /// Whether a Via value names one of our listeners.
    fn is_sent_by_us(&self, via: &[u8]) -> bool {
        self.0.iter().any(|listener| {
            let sent_by = listener.sent_by().as_bytes();
            memchr::memmem::find(via, sent_by)
                .is_some_and(|at| at > 0 && via[at - 1] == b' ' && via.get(at + sent_by.len()) == Some(&b';'))
        })
    }
}
