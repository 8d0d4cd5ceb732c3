//! How messages travel.

use std::fmt;

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

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
