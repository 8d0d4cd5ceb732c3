//! How messages travel.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// How a message travels (RFC 3261 section 18, RFC 7118).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// One message per datagram.
    Udp,
    /// A plain stream.
    Tcp,
    /// A stream under TLS.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket under TLS.
    Wss,
}

impl Transport {
    /// The lower-case name, as in a URI's `transport` parameter.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws => "ws",
            Transport::Wss => "wss",
        }
    }

    /// All transports.
    pub const ALL: [Transport; 5] =
        [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];

    /// The transport that a Via names, in any letter case; `None` for one that is not ours.
    pub fn from_via_token(token: &[u8]) -> Option<Transport> {
        Transport::ALL.into_iter().find(|it| it.via_token().as_bytes().eq_ignore_ascii_case(token))
    }

    /// The port that counts where a URI or a Via names none (RFC 3261 18.1.2 and 19.1.2, RFC 7118 5).
    pub fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
            Transport::Ws => 80,
            Transport::Wss => 443,
        }
    }

    /// The upper-case name, as in a Via value.
    pub fn via_token(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
            Transport::Ws => "WS",
            Transport::Wss => "WSS",
        }
    }

    /// Whether lower layers deliver or report failure, so that nothing needs retransmitting.
    pub fn reliable(self) -> bool {
        self != Transport::Udp
    }

    /// Whether the bytes are encrypted on the way.
    pub fn secure(self) -> bool {
        matches!(self, Transport::Tls | Transport::Wss)
    }

    /// Whether messages travel in WebSocket frames.
    pub fn websocket(self) -> bool {
        matches!(self, Transport::Ws | Transport::Wss)
    }
}

/// A name that is none of a transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no transport has this name: udp, tcp, tls, ws and wss are known")]
pub struct UnknownTransport;

impl FromStr for Transport {
    type Err = UnknownTransport;

    /// The transport with this [`Transport::as_str`]. Names in other letter cases are unknown.
    fn from_str(name: &str) -> Result<Transport, UnknownTransport> {
        let all = [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws, Transport::Wss];
        all.into_iter().find(|transport| transport.as_str() == name).ok_or(UnknownTransport)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_via_names_a_transport_in_any_letter_case() {
        for transport in Transport::ALL {
            assert_eq!(Transport::from_via_token(transport.via_token().as_bytes()), Some(transport));
            assert_eq!(Transport::from_via_token(transport.as_str().as_bytes()), Some(transport));
        }
        assert_eq!([&b"SCTP"[..], b"", b"WSSS"].map(Transport::from_via_token), [None; 3]);
    }

    #[test]
    fn each_transport_has_its_default_port() {
        assert_eq!(Transport::ALL.map(Transport::default_port), [5060, 5060, 5061, 80, 443]);
    }
}
