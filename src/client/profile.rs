//! A proxy profile: one entry of proxies.conf, in the form that routing uses.

use std::time::Duration;

use super::blacklist::BlacklistId;
use crate::resolve::{DnsCacheId, Policy};

/// The parameters of a profile.
///
/// The values are taken as valid; [`Profile::settle`] applies the rules between them.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The profile's name.
    pub name: String,
    /// Adds Record-Route and Path (RFC 3261 16.6 step 4, RFC 3327).
    pub do_record_routing: bool,
    /// Adds Record-Route to every request, in-dialog too.
    pub record_route_all: bool,
    /// Adds Path to each REGISTER, also of clients that do not support it (RFC 3327 5.2).
    pub path_always: bool,
    /// Names the list of targets known not to work.
    pub blacklist: BlacklistId,
    /// Names the store of resolutions that are still good.
    pub dns_cache: DnsCacheId,
    /// How destinations are resolved, and by which ways requests may leave.
    pub resolve: Policy,
    /// Failed targets are put on the blacklist.
    pub use_blacklist: bool,
    /// For how long.
    pub blacklist_time: Duration,
    /// A 503 response makes the next target be tried.
    pub dns_failover_on_503: bool,
    /// INVITE without any response.
    pub timer_b: Duration,
    /// INVITE without a final response.
    pub timer_c: Duration,
    /// Provisional responses set Timer C anew (RFC 3261 16.7).
    pub timer_c_restart: bool,
    /// Other requests without a final response.
    pub timer_f: Duration,
    /// All targets of one request together, from the first one on; `None`: Timer C for INVITE, 64*T1 for others.
    pub routing_time: Option<Duration>,
    /// Targets that one request is sent to at most.
    pub max_targets: usize,
    /// The size in bytes above which a request chosen to go over UDP goes over TCP (RFC 3261 18.1.1); `None`: never.
    pub udp_mtu: Option<usize>,
    /// Scripts are asked about the certificates of TLS servers.
    pub callback_on_server_tls_handshake: bool,
    /// Who judges the certificates of TLS servers.
    pub verify_server: VerifyServer,
    /// How long a TCP connection may take to come up.
    pub connect_timeout: Duration,
    /// How long a TLS handshake may take after that.
    pub tls_handshake_timeout: Duration,
}

/// Who judges the certificate of a TLS server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyServer {
    /// The script, if it is asked.
    Callback,
    /// The library checks chain and identity (RFC 5922), then the script judges, if it is asked.
    Library,
    /// Nobody.
    Nobody,
}

#[cfg(test)]
#[path = "../../tests/support/profile.rs"]
mod for_tests;

#[cfg(test)]
impl Default for Profile {
    fn default() -> Self {
        for_tests::profile(Policy::default())
    }
}

impl Profile {
    /// Applies the rules between parameters: those of [`Policy::settle`], and a flag that needs another one is off without it.
    pub fn settle(&mut self) {
        self.resolve.settle();
        self.record_route_all &= self.do_record_routing;
        self.path_always &= self.do_record_routing;
    }

    /// Whether the library checks the certificate of a server before anything is sent to it.
    pub fn verifies_by_library(&self) -> bool {
        self.verify_server == VerifyServer::Library
    }

    /// Whether the script is asked about the certificate of a server before anything is sent to it.
    pub fn verifies_by_callback(&self) -> bool {
        self.callback_on_server_tls_handshake && self.verify_server != VerifyServer::Nobody
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Transport;
    use crate::resolve::IpFamily;

    #[test]
    fn defaults_are_the_documented_ones() {
        let p = Profile::default();
        let r = &p.resolve;
        let on = [p.do_record_routing, r.use_dns, r.use_dns_cache, r.dns_cache_respect_ttl, p.use_blacklist];
        assert_eq!(on, [true; 5]);
        let on = [r.use_naptr, r.use_srv, p.dns_failover_on_503, p.callback_on_server_tls_handshake];
        assert_eq!(on, [true; 4]);
        assert_eq!(
            [p.record_route_all, p.path_always, r.force_transport_preference, p.timer_c_restart],
            [false; 4]
        );
        let times =
            [r.dns_cache_time, p.blacklist_time, p.timer_b, p.timer_c, p.timer_f].map(|d| d.as_secs());
        assert_eq!(times, [300, 10, 32, 120, 32]);
        assert_eq!(r.transport_preference, [Transport::Tls, Transport::Tcp, Transport::Udp]);
        assert_eq!(r.ip_type_preference, [IpFamily::V6, IpFamily::V4]);
    }

    #[test]
    fn settling_reaches_the_policy_and_what_the_proxy_adds_needs_record_routing() {
        let mut p = Profile {
            do_record_routing: false,
            record_route_all: true,
            path_always: true,
            resolve: Policy { use_srv: false, ..Policy::default() },
            ..Profile::default()
        };
        p.settle();
        assert!(!p.resolve.use_naptr && !p.record_route_all && !p.path_always);
    }
}
