//! A profile for tests, those inside the library as well. The defaults that scripts get stand in `proxies_config.rb`.

use std::sync::Arc;
use std::time::Duration;

use oversip::client::{Blacklist, DnsCache, IpFamily, Profile, VerifyServer};
use oversip::transport::Transport;

/// On a server that listens on everything.
pub fn profile() -> Profile {
    Profile {
        name: String::from("default_proxy"),
        do_record_routing: true,
        record_route_all: false,
        path_always: false,
        use_dns: true,
        use_dns_cache: true,
        dns_cache_time: Duration::from_secs(300),
        dns_cache_respect_ttl: true,
        use_blacklist: true,
        blacklist_time: Duration::from_secs(10),
        use_naptr: true,
        use_srv: true,
        transport_preference: vec![Transport::Tls, Transport::Tcp, Transport::Udp],
        force_transport_preference: false,
        ip_type_preference: vec![IpFamily::V6, IpFamily::V4],
        dns_failover_on_503: true,
        timer_b: Duration::from_secs(32),
        timer_c: Duration::from_secs(120),
        timer_c_restart: false,
        timer_f: Duration::from_secs(32),
        routing_time: None,
        max_targets: 16,
        udp_mtu: Some(1300),
        callback_on_server_tls_handshake: true,
        verify_server: VerifyServer::Callback,
        connect_timeout: Duration::from_secs(2),
        tls_handshake_timeout: Duration::from_secs(4),
        has_ipv4: true,
        has_ipv6: true,
        has_udp: true,
        has_tcp: true,
        has_tls: true,
        blacklist: Arc::new(Blacklist::new()),
        dns_cache: Arc::new(DnsCache::new()),
    }
}
