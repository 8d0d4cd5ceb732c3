//! One place to send a request to: the outcome of RFC 3263 for one address.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::message::{Source, Transport};

/// The two families of IP addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IpFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl IpFamily {
    /// The family of an address. An IPv4-mapped IPv6 address is IPv6.
    pub fn of(ip: IpAddr) -> IpFamily {
        match ip {
            IpAddr::V4(_) => IpFamily::V4,
            IpAddr::V6(_) => IpFamily::V6,
        }
    }

    /// `"ipv4"` or `"ipv6"`: the spelling of configuration files and of scripts.
    pub fn as_str(self) -> &'static str {
        match self {
            IpFamily::V4 => "ipv4",
            IpFamily::V6 => "ipv6",
        }
    }
}

/// Whether an address is that of one host: neither for many, nor the unspecified one, which the system takes for this machine.
/// (That an address is the broadcast address of a network nearby only the system knows: it refuses to send there.)
pub fn is_unicast(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    !ip.is_multicast() && !ip.is_unspecified() && !broadcast
}

/// Transport, address and port of a next hop. Two targets are equal when all three are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// The transport to use.
    pub transport: Transport,
    /// The address and port. Never carries an IPv6 scope or flow label, so that equality means the same next hop.
    pub addr: SocketAddr,
}

impl Target {
    /// A target; the scope of an IPv6 address cannot be given.
    pub fn new(transport: Transport, ip: IpAddr, port: u16) -> Target {
        Target { transport, addr: SocketAddr::new(ip, port) }
    }

    /// The target that a message has come from.
    pub fn of(source: &Source) -> Target {
        Target::new(source.transport, source.remote.ip(), source.remote.port())
    }

    /// The address as text, IPv6 in its shortest form and without brackets.
    pub fn ip_text(&self) -> String {
        self.addr.ip().to_string()
    }

    /// The family of the address.
    pub fn family(&self) -> IpFamily {
        IpFamily::of(self.addr.ip())
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.addr.port()
    }
}

/// `udp:1.2.3.4:5060` or `tls:[2001:db8::1]:5061`: also the key of the blacklist.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr.ip() {
            IpAddr::V4(ip) => write!(f, "{}:{}:{}", self.transport.as_str(), ip, self.addr.port()),
            IpAddr::V6(ip) => write!(f, "{}:[{}]:{}", self.transport.as_str(), ip, self.addr.port()),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_transport_address_and_port() {
        let v4 = Target::new(Transport::Udp, "1.2.3.4".parse().unwrap(), 5060);
        assert_eq!(v4.to_string(), "udp:1.2.3.4:5060");
        assert_eq!((v4.ip_text().as_str(), v4.family(), v4.port()), ("1.2.3.4", IpFamily::V4, 5060));
    }

    #[test]
    fn ipv6_is_shortened_and_bracketed_in_the_whole_but_bare_alone() {
        let v6 = Target::new(Transport::Tls, "2001:DB8:0:0::1".parse().unwrap(), 5061);
        assert_eq!(v6.to_string(), "tls:[2001:db8::1]:5061");
        assert_eq!((v6.ip_text().as_str(), v6.family()), ("2001:db8::1", IpFamily::V6));
    }

    #[test]
    fn an_address_of_many_or_of_none_is_not_unicast() {
        for ip in ["224.0.1.75", "239.255.255.250", "255.255.255.255", "0.0.0.0", "ff02::1", "ff0e::1", "::"]
        {
            assert!(!is_unicast(ip.parse().unwrap()), "{ip}");
        }
        for mapped in ["::ffff:224.0.1.75", "::ffff:255.255.255.255", "::ffff:0.0.0.0"] {
            assert!(!is_unicast(mapped.parse().unwrap()), "{mapped}");
        }
        for ip in ["127.0.0.1", "223.255.255.255", "192.0.2.255", "::1", "fe80::1", "::ffff:192.0.2.1"] {
            assert!(is_unicast(ip.parse().unwrap()), "{ip}");
        }
    }

    #[test]
    fn mapped_addresses_stay_ipv6() {
        let mapped = Target::new(Transport::Udp, "::ffff:1.2.3.4".parse().unwrap(), 5060);
        assert_eq!(mapped.family(), IpFamily::V6);
        assert_eq!(mapped.to_string(), "udp:[::ffff:1.2.3.4]:5060");
    }
}
