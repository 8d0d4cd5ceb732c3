//! Whom a connection is for, and what a server has to prove before anything is sent to it.

use std::net::IpAddr;

use rustls::pki_types::ServerName;

/// The name under which a server is known to the one who connects to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PeerName {
    /// The domain of the URI.
    Domain(String),
    /// The URI has an address.
    Ip(IpAddr),
}

impl PeerName {
    pub(super) fn server_name(&self, remote: IpAddr) -> ServerName<'static> {
        let name = match self {
            PeerName::Domain(domain) => ServerName::try_from(domain.trim_end_matches('.').to_owned()).ok(),
            PeerName::Ip(_) => None,
        };
        // A name that could not be sent as SNI is not sent.
        name.unwrap_or_else(|| ServerName::from(remote))
    }
}

/// What a server has to prove before anything is sent to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Whom we want to reach.
    pub name: PeerName,
    /// The library checks chain and identity (RFC 5922).
    pub by_library: bool,
    /// The decision is asked for outside ([`crate::transport::TransportEvent::TlsHandshake`]).
    pub by_callback: bool,
}

impl Verification {
    /// Whether a connection that was verified like this is good enough for `wanted`.
    pub(in crate::transport) fn covers(&self, wanted: &Verification) -> bool {
        self.name == wanted.name
            && (self.by_library || !wanted.by_library)
            && (self.by_callback || !wanted.by_callback)
    }
    /// Takes over what `other` demands beyond this.
    pub(in crate::transport) fn tighten(&mut self, other: &Verification) {
        self.by_library |= other.by_library;
        self.by_callback |= other.by_callback;
    }
}
