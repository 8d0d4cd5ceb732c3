//! From which of our addresses a request leaves, where the listeners are on loopback.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use crate::client::session::Kind;
use crate::transport::{error_text, source_for, Transport};

/// The families of IP addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Families {
    /// IPv4.
    pub ipv4: bool,
    /// IPv6.
    pub ipv6: bool,
}

impl Families {
    /// Whether the family of this address is one of them.
    pub fn has(&self, ip: IpAddr) -> bool {
        if ip.is_ipv4() {
            self.ipv4
        } else {
            self.ipv6
        }
    }
}

/// Whether an address is reached from loopback listeners.
pub(super) fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// Why a request cannot leave.
#[derive(Debug, Error)]
pub(super) enum NoWay {
    #[error(
        "{target} cannot be reached from {from}, where OverSIP listens: set sip: {} to an address of this machine",
        parameter(.target.1)
    )]
    LoopbackOnly { target: Name, from: IpAddr },
    #[error(
        "{target} cannot be reached: {}. If this machine has an address that leads there, set sip: {} to it",
        error_text(.cause), parameter(.target.1)
    )]
    Unreachable { target: Name, cause: std::io::Error },
    #[error("{target} cannot be reached: {}", error_text(.cause))]
    NoSocket { target: Name, cause: std::io::Error },
}

/// A target, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name(pub(super) Transport, pub(super) SocketAddr);

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.0, self.1)
    }
}

fn parameter(target: SocketAddr) -> &'static str {
    if target.is_ipv4() {
        "listen_ipv4"
    } else {
        "listen_ipv6"
    }
}

/// What a request may leave by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ways {
    /// The families without a configured address: a Uac sends from the address that faces the target.
    sending: Families,
    /// The loopback addresses of the families that have no other listener.
    loopback: [Option<IpAddr>; 2],
}

impl Ways {
    pub(super) fn new(sending: Families, listening: &[(Transport, SocketAddr)]) -> Ways {
        let own = |ipv4: bool| {
            let mut listeners = listening
                .iter()
                .filter(|(transport, local)| !transport.websocket() && local.is_ipv4() == ipv4)
                .map(|(_, local)| local.ip());
            let first = listeners.next()?;
            (is_loopback(first) && listeners.all(is_loopback)).then_some(first)
        };
        let loopback = [own(true), own(false)];
        let [ipv4, ipv6] = loopback.map(|listener| listener.is_some());
        Ways { sending: Families { ipv4: sending.ipv4 && ipv4, ipv6: sending.ipv6 && ipv6 }, loopback }
    }

    /// The families in which requests may leave from other addresses than the listeners'.
    pub(super) fn sending(&self) -> Families {
        self.sending
    }

    /// The address that a request to another host leaves from; `None` where the listeners reach the target.
    ///
    /// A proxy's listeners have to be reachable from both sides (its Via and Record-Route name them), so that it does not
    /// leave from anywhere else. This machine's own addresses are reached from loopback.
    pub(super) fn to(
        &self,
        kind: Kind,
        transport: Transport,
        remote: SocketAddr,
    ) -> Result<Option<IpAddr>, NoWay> {
        let Some(from) = self.loopback[usize::from(remote.is_ipv6())] else { return Ok(None) };
        if is_loopback(remote.ip()) {
            return Ok(None);
        }
        let target = Name(transport, remote);
        let source = source_for(remote).map_err(|cause| NoWay::Unreachable { target, cause })?;
        if source == remote.ip() || is_loopback(source) {
            return Ok(None);
        }
        match kind {
            Kind::Uac if self.sending.has(source) => Ok(Some(source)),
            Kind::Uac | Kind::Proxy => Err(NoWay::LoopbackOnly { target, from }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Families = Families { ipv4: true, ipv6: true };

    fn ways(sending: Families, listening: &[&str]) -> Ways {
        let listening: Vec<(Transport, SocketAddr)> =
            listening.iter().map(|local| (Transport::Udp, local.parse().unwrap())).collect();
        Ways::new(sending, &listening)
    }

    #[test]
    fn nothing_else_is_sent_from_where_a_listener_is_reachable() {
        let ways = ways(BOTH, &["192.0.2.1:5060", "127.0.0.1:5061"]);
        assert_eq!(ways.to(Kind::Uac, Transport::Udp, "192.0.2.9:5060".parse().unwrap()).unwrap(), None);
    }

    #[test]
    fn loopback_is_reached_from_loopback() {
        let ways = ways(BOTH, &["127.0.0.1:5060", "[::1]:5060"]);
        for target in ["127.0.0.1:9", "127.9.9.9:9", "[::1]:9", "[::ffff:127.0.0.1]:9"] {
            assert_eq!(ways.to(Kind::Uac, Transport::Udp, target.parse().unwrap()).unwrap(), None);
        }
    }

    #[test]
    fn what_is_impossible_names_the_parameter() {
        let no_way = |target: &str| {
            let (from, target) = (IpAddr::from([127, 0, 0, 1]), target.parse().unwrap());
            NoWay::LoopbackOnly { target: Name(Transport::Tcp, target), from }.to_string()
        };
        assert_eq!(
            no_way("192.0.2.9:5060"),
            "tcp:192.0.2.9:5060 cannot be reached from 127.0.0.1, where OverSIP listens: set sip: listen_ipv4 to an \
             address of this machine"
        );
        assert!(no_way("[2001:db8::1]:5060").contains("set sip: listen_ipv6 to"));
    }
}
