//! Whether a response brings back the sent-by with which its request left (RFC 3261 18.1.2).

use std::net::{IpAddr, SocketAddr};

use crate::message::TopVia;

/// What the top Via of a request names as its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentBy<'a> {
    /// The `host:port` by which a listener names itself: its address, or the one that it advertises.
    Listener(&'a str),
    /// A socket that only sends.
    Socket(SocketAddr),
}

impl SentBy<'_> {
    /// Whether this Via names the same sender. Letter case, the spelling of an IPv6 address and a default port that is left
    /// out make no difference.
    pub fn is_in(&self, via: &TopVia<'_>) -> bool {
        let port = via.port_or_default();
        match self {
            Self::Socket(socket) => port == socket.port() && address(via.host()) == Some(socket.ip()),
            Self::Listener(name) => name.rsplit_once(':').is_some_and(|(host, own_port)| {
                own_port.parse() == Ok(port) && is_same_host(host.as_bytes(), via.host())
            }),
        }
    }
}

fn is_same_host(ours: &[u8], theirs: &[u8]) -> bool {
    ours.eq_ignore_ascii_case(theirs) || address(ours).is_some_and(|ours| address(theirs) == Some(ours))
}

/// The address that a host is, with or without the brackets of IPv6.
fn address(host: &[u8]) -> Option<IpAddr> {
    let inner = host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")).unwrap_or(host);
    std::str::from_utf8(inner).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::message::Message;

    fn fits(sent_by: SentBy<'_>, via: &str) -> bool {
        let text = format!(
            "SIP/2.0 200 OK\r\nVia: SIP/2.0/{via};branch=z9hG4bK1\r\nFrom: <sip:a@a.example>;tag=a\r\n\
             To: <sip:b@b.example>;tag=b\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        let (message, _) = Message::parse(Bytes::from(text)).expect("a response");
        sent_by.is_in(&message.top_via().expect("a Via"))
    }

    #[test]
    fn a_listener_is_known_by_the_name_that_it_gives_itself() {
        for name in ["192.0.2.1:5060", "edge.example.net:5070", "[2001:db8::1]:5061"] {
            let listener = SentBy::Listener(name);
            assert!(fits(listener, &format!("UDP {name}")), "{name}");
            assert!(fits(listener, &format!("UDP {}", name.to_ascii_uppercase())), "{name}");
            for other in ["192.0.2.2:5060", "192.0.2.1:5061", "edge.example.org:5070", "[2001:db8::2]:5061"] {
                assert!(!fits(listener, &format!("UDP {other}")), "{name} and {other}");
            }
        }
    }

    #[test]
    fn an_ipv6_address_may_be_spelled_in_another_way() {
        assert!(fits(SentBy::Listener("[2001:db8::1]:5060"), "TCP [2001:0DB8:0:0:0:0:0:1]:5060"));
        let socket = SentBy::Socket("[2001:db8::1]:40000".parse().expect("a socket"));
        assert!(fits(socket, "TCP [2001:0DB8:0:0:0:0:0:1]:40000"));
    }

    #[test]
    fn a_socket_is_known_by_address_and_port() {
        let socket = SentBy::Socket("192.0.2.1:40000".parse().expect("a socket"));
        assert!(fits(socket, "UDP 192.0.2.1:40000"));
        for other in
            ["UDP 192.0.2.1:40001", "UDP 192.0.2.2:40000", "UDP 192.0.2.1", "UDP edge.example.net:40000"]
        {
            assert!(!fits(socket, other), "{other}");
        }
    }

    #[test]
    fn the_default_port_of_the_transport_may_be_left_out() {
        for (transport, port) in [("UDP", 5060), ("TCP", 5060), ("TLS", 5061), ("WS", 80), ("WSS", 443)] {
            let via = format!("{transport} 192.0.2.1");
            assert!(fits(SentBy::Listener(&format!("192.0.2.1:{port}")), &via), "{via}");
            assert!(!fits(SentBy::Listener("192.0.2.1:5070"), &via), "{via}");
        }
    }
}
