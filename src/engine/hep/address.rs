//! Where a collector is: "udp:192.0.2.1:9060", "tcp:homer.example.com:9060", "udp:[2001:db8::1]:9060".

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// What carries packets to a collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// A packet in each datagram.
    Udp,
    /// Packets one after the other.
    Tcp,
}

/// The address of a collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectorAddress {
    /// What carries packets.
    pub carrier: Carrier,
    /// A name or an address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// A text that is no address of a collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("write udp:HOST:PORT or tcp:HOST:PORT, an IPv6 address in brackets")]
pub struct NoCollectorAddress;

impl FromStr for CollectorAddress {
    type Err = NoCollectorAddress;

    fn from_str(text: &str) -> Result<Self, NoCollectorAddress> {
        let (carrier, rest) = text.split_once(':').ok_or(NoCollectorAddress)?;
        let (host, port) = rest.rsplit_once(':').ok_or(NoCollectorAddress)?;
        let carrier = match carrier {
            "udp" => Carrier::Udp,
            "tcp" => Carrier::Tcp,
            _ => return Err(NoCollectorAddress),
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = bare.unwrap_or(host);
        let port = port.parse().ok().filter(|port| *port != 0).ok_or(NoCollectorAddress)?;
        if host.is_empty() || (bare.is_none() && host.contains(':')) {
            return Err(NoCollectorAddress);
        }
        Ok(CollectorAddress { carrier, host: host.to_owned(), port })
    }
}

impl fmt::Display for CollectorAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let carrier = match self.carrier {
            Carrier::Udp => "udp",
            Carrier::Tcp => "tcp",
        };
        match self.host.contains(':') {
            true => write!(f, "{carrier}:[{}]:{}", self.host, self.port),
            false => write!(f, "{carrier}:{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written_alike() {
        for text in ["udp:192.0.2.1:9060", "tcp:homer.example.com:9060", "udp:[2001:db8::1]:1"] {
            assert_eq!(text.parse::<CollectorAddress>().unwrap().to_string(), text);
        }
        let address: CollectorAddress = "tcp:[::1]:9060".parse().unwrap();
        assert_eq!((address.carrier, address.host.as_str(), address.port), (Carrier::Tcp, "::1", 9060));
    }

    #[test]
    fn other_texts_are_none() {
        for text in
            ["", "udp", "udp:a", "udp::1", "udp:a:0", "udp:a:65536", "tls:a:1", "udp:::1:9060", "udp:[]:1"]
        {
            assert_eq!(text.parse::<CollectorAddress>(), Err(NoCollectorAddress), "{text}");
        }
    }
}
