//! By which ways requests may leave, and how names are looked up and remembered.

use std::time::Duration;

use super::target::IpFamily;
use crate::message::Transport;

/// What a proxy profile says of destinations (RFC 3263 4).
///
/// The values are taken as valid; [`Policy::settle`] applies the rules between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Destinations may be domains.
    pub use_dns: bool,
    /// Resolutions are remembered.
    pub use_dns_cache: bool,
    /// How long at most a resolution is remembered.
    pub dns_cache_time: Duration,
    /// A resolution is remembered no longer than its records' TTL.
    pub dns_cache_respect_ttl: bool,
    /// NAPTR look-ups are made (RFC 3263 4.1).
    pub use_naptr: bool,
    /// SRV look-ups are made (RFC 3263 4.2).
    pub use_srv: bool,
    /// The transports requests may leave by, the preferred one first.
    pub transport_preference: Vec<Transport>,
    /// `transport_preference` outweighs the order of NAPTR records.
    pub force_transport_preference: bool,
    /// The address families requests may leave by, the preferred one first.
    pub ip_type_preference: Vec<IpFamily>,
    /// The server listens on IPv4.
    pub has_ipv4: bool,
    /// The server listens on IPv6.
    pub has_ipv6: bool,
    /// The server has UDP.
    pub has_udp: bool,
    /// The server has TCP.
    pub has_tcp: bool,
    /// The server has TLS.
    pub has_tls: bool,
}

#[cfg(test)]
#[path = "../../tests/support/policy.rs"]
mod for_tests;

#[cfg(test)]
impl Default for Policy {
    fn default() -> Self {
        for_tests::policy()
    }
}

impl Policy {
    /// Applies the rules between parameters: what the server does not have leaves the preferences, repeated
    /// preferences count once, and NAPTR is not asked for without SRV.
    pub fn settle(&mut self) {
        self.use_naptr &= self.use_srv;
        let (udp, tcp, tls) = (self.has_udp, self.has_tcp, self.has_tls);
        keep_first(&mut self.transport_preference, |transport| match transport {
            Transport::Udp => udp,
            Transport::Tcp => tcp,
            Transport::Tls => tls,
            Transport::Ws | Transport::Wss => false,
        });
        let (ipv4, ipv6) = (self.has_ipv4, self.has_ipv6);
        keep_first(&mut self.ip_type_preference, |family| match family {
            IpFamily::V4 => ipv4,
            IpFamily::V6 => ipv6,
        });
    }

    /// Whether requests may leave by this transport.
    pub fn allows_transport(&self, transport: Transport) -> bool {
        let present = match transport {
            Transport::Udp => self.has_udp,
            Transport::Tcp => self.has_tcp,
            Transport::Tls => self.has_tls,
            Transport::Ws | Transport::Wss => false,
        };
        present && self.transport_preference.contains(&transport)
    }

    /// Whether requests may leave by this address family.
    pub fn allows_family(&self, family: IpFamily) -> bool {
        let present = match family {
            IpFamily::V4 => self.has_ipv4,
            IpFamily::V6 => self.has_ipv6,
        };
        present && self.ip_type_preference.contains(&family)
    }

    /// The families by which requests may leave, the preferred one first, each once.
    pub(super) fn families(&self) -> Vec<IpFamily> {
        let mut families = Vec::with_capacity(2);
        for family in &self.ip_type_preference {
            if self.allows_family(*family) && !families.contains(family) {
                families.push(*family);
            }
        }
        families
    }
}

/// Keeps what `allowed` says, and of equal items the first.
fn keep_first<T: Copy + PartialEq>(list: &mut Vec<T>, allowed: impl Fn(T) -> bool) {
    let mut kept = Vec::with_capacity(list.len());
    for item in list.drain(..) {
        if allowed(item) && !kept.contains(&item) {
            kept.push(item);
        }
    }
    *list = kept;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settling_drops_what_the_server_lacks_and_repetitions() {
        let mut p = Policy {
            transport_preference: vec![Transport::Udp, Transport::Tls, Transport::Udp, Transport::Tcp],
            ip_type_preference: vec![IpFamily::V4, IpFamily::V6, IpFamily::V4],
            has_tls: false,
            has_ipv6: false,
            ..Policy::default()
        };
        p.settle();
        assert_eq!(p.transport_preference, [Transport::Udp, Transport::Tcp]);
        assert_eq!(p.ip_type_preference, [IpFamily::V4]);
        assert!(!p.allows_transport(Transport::Tls) && !p.allows_family(IpFamily::V6));
        assert!(p.allows_transport(Transport::Udp) && p.allows_family(IpFamily::V4));
    }

    #[test]
    fn naptr_needs_srv() {
        let mut p = Policy { use_srv: false, ..Policy::default() };
        p.settle();
        assert!(!p.use_naptr);
    }

    #[test]
    fn a_family_or_transport_left_out_of_the_preferences_is_not_allowed() {
        let p = Policy {
            transport_preference: vec![Transport::Tcp],
            ip_type_preference: vec![IpFamily::V4],
            ..Policy::default()
        };
        assert!(!p.allows_transport(Transport::Udp) && !p.allows_family(IpFamily::V6));
        assert!(!p.allows_transport(Transport::Ws));
    }
}
