//! How destinations are resolved in tests, those inside the library as well.

use std::time::Duration;

use oversip::message::Transport;
use oversip::resolve::{IpFamily, Policy};

/// On a server that listens on everything.
pub fn policy() -> Policy {
    Policy {
        use_dns: true,
        use_dns_cache: true,
        dns_cache_time: Duration::from_secs(300),
        dns_cache_respect_ttl: true,
        use_naptr: true,
        use_srv: true,
        transport_preference: vec![Transport::Tls, Transport::Tcp, Transport::Udp],
        force_transport_preference: false,
        ip_type_preference: vec![IpFamily::V6, IpFamily::V4],
        has_ipv4: true,
        has_ipv6: true,
        has_udp: true,
        has_tcp: true,
        has_tls: true,
    }
}
