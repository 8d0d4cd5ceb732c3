//! A profile for tests, those inside the library as well. The defaults that scripts get stand in `proxies_config.rb`.

use std::time::Duration;

use oversip::client::{BlacklistId, Profile, VerifyServer};
use oversip::resolve::{DnsCacheId, Policy};

/// With the given way to resolve destinations.
pub fn profile(resolve: Policy) -> Profile {
    Profile {
        name: String::from("default_proxy"),
        do_record_routing: true,
        record_route_all: false,
        path_always: false,
        blacklist: BlacklistId(1),
        dns_cache: DnsCacheId(1),
        resolve,
        use_blacklist: true,
        blacklist_time: Duration::from_secs(10),
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
    }
}
