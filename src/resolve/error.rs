//! Why RFC 3263 leads nowhere.

use thiserror::Error;

/// Why there is nothing to send a request to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum ResolveError {
    /// DNS knows no address of the destination, or gave no answer.
    #[error("RFC 3263 led to no address")]
    NoDnsResolution,
    /// Neither `sip` nor `sips`, or `sips` without TLS.
    #[error("the scheme is neither sip nor sips, or it is sips and there is no TLS")]
    UnsupportedUriScheme,
    /// The destination asks for a transport that is not available.
    #[error("the destination asks for a transport that is not available")]
    UnsupportedTransport,
    /// The destination is an IPv4 address and IPv4 is not available.
    #[error("the destination is an IPv4 address, and IPv4 is not available")]
    NoIpv4,
    /// The destination is an IPv6 address and IPv6 is not available.
    #[error("the destination is an IPv6 address, and IPv6 is not available")]
    NoIpv6,
    /// The destination is a domain and the policy forbids DNS.
    #[error("the destination is a domain, and DNS is not used")]
    NoDns,
    /// The `maddr` of the destination is no host.
    #[error("the maddr of the destination is neither a name nor an address")]
    InvalidMaddr,
    /// The destination is a multicast or broadcast address, or the unspecified one.
    #[error("the destination is no address of one host")]
    NoUnicast,
}

impl ResolveError {
    /// The name of the error, which scripts know as a Symbol.
    pub fn code(self) -> &'static str {
        match self {
            ResolveError::NoDnsResolution => "no_dns_resolution",
            ResolveError::UnsupportedUriScheme => "unsupported_uri_scheme",
            ResolveError::UnsupportedTransport => "unsupported_transport",
            ResolveError::NoIpv4 => "no_ipv4",
            ResolveError::NoIpv6 => "no_ipv6",
            ResolveError::NoDns => "no_dns",
            ResolveError::InvalidMaddr => "invalid_maddr",
            ResolveError::NoUnicast => "no_unicast",
        }
    }
}
