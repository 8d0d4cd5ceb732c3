//! A destination, as RFC 3263 takes it.

use std::net::IpAddr;

use super::error::ResolveError;
use crate::message::{parse_ip, Scheme, Transport, TransportParam, UriRef};

/// The scheme of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryScheme {
    /// `sip`.
    Sip,
    /// `sips`.
    Sips,
    /// Any other: nothing can be sent there.
    Other,
}

/// The host of a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryHost {
    /// An address literal.
    Ip(IpAddr),
    /// A name.
    Domain(String),
}

/// The parameter `maddr` of a URI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Maddr {
    /// A host.
    Host(QueryHost),
    /// Its value is no host.
    Invalid,
}

/// The transport that a destination asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryTransport {
    /// One that requests can leave by.
    Known(Transport),
    /// Any other.
    Unknown,
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The scheme.
    pub scheme: QueryScheme,
    /// The host: what the certificate of a TLS server has to be for.
    pub host: QueryHost,
    /// What is contacted in place of the host (RFC 3261 19.1.1).
    pub maddr: Option<Maddr>,
    /// The port, if the destination has one.
    pub port: Option<u16>,
    /// The transport, if the destination asks for one.
    pub transport: Option<QueryTransport>,
}

impl Query {
    /// The destination that a URI names (RFC 3263 4). A URI without a host, such as `tel:`, has no usable scheme either.
    pub fn from_uri(uri: &UriRef<'_>) -> Query {
        let scheme = match uri.scheme() {
            Scheme::Sip => QueryScheme::Sip,
            Scheme::Sips => QueryScheme::Sips,
            Scheme::Tel | Scheme::Other(_) => QueryScheme::Other,
        };
        let host = match uri.host().and_then(parse_ip) {
            Some(ip) => QueryHost::Ip(ip),
            None => QueryHost::parse(uri.host_normalised().unwrap_or_default().as_bytes()),
        };
        let transport = uri.transport().map(|transport| match transport {
            TransportParam::Udp => QueryTransport::Known(Transport::Udp),
            TransportParam::Tcp => QueryTransport::Known(Transport::Tcp),
            TransportParam::Tls => QueryTransport::Known(Transport::Tls),
            TransportParam::Ws => QueryTransport::Known(Transport::Ws),
            TransportParam::Wss => QueryTransport::Known(Transport::Wss),
            TransportParam::Sctp | TransportParam::Other(_) => QueryTransport::Unknown,
        });
        let maddr = uri.maddr().map(|host| match host {
            Some(host) => Maddr::Host(QueryHost::parse(host.as_bytes())),
            None => Maddr::Invalid,
        });
        Query { scheme, host, maddr, port: uri.port(), transport }
    }

    /// The same place, but reached as a `sips` URI has it.
    #[must_use]
    pub fn as_sips(mut self) -> Query {
        if self.scheme == QueryScheme::Sip {
            self.scheme = QueryScheme::Sips;
        }
        self
    }

    /// A destination that a script names: always `sip`.
    pub fn from_destination(host: &[u8], port: Option<u16>, transport: Option<QueryTransport>) -> Query {
        Query { scheme: QueryScheme::Sip, host: QueryHost::parse(host), maddr: None, port, transport }
    }

    /// TARGET of RFC 3263 4: `maddr` if the URI has one, else the host.
    pub fn target(&self) -> Result<&QueryHost, ResolveError> {
        match &self.maddr {
            None => Ok(&self.host),
            Some(Maddr::Host(host)) => Ok(host),
            Some(Maddr::Invalid) => Err(ResolveError::InvalidMaddr),
        }
    }

    /// The host that a TLS server has to speak for, where it is not just the address that the request is sent to. A `maddr`
    /// says where a server is, not who it is (RFC 5922 4: the domain in the URI counts).
    pub fn server(&self) -> Option<String> {
        match (&self.host, &self.maddr) {
            (QueryHost::Domain(domain), _) => Some(domain.clone()),
            (QueryHost::Ip(ip), Some(_)) => Some(ip.to_string()),
            (QueryHost::Ip(_), None) => None,
        }
    }
}

impl QueryHost {
    /// A host from text: an IPv4 address, an IPv6 address with or without brackets, else a name.
    pub fn parse(host: &[u8]) -> QueryHost {
        match parse_ip(host) {
            Some(ip) => QueryHost::Ip(ip),
            None => QueryHost::Domain(String::from_utf8_lossy(host).into_owned()),
        }
    }
}
