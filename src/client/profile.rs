//! A proxy profile: one entry of proxies.conf, in the form that routing uses.

use std::sync::Arc;
use std::time::Duration;

use super::blacklist::Blacklist;
use super::dns_cache::DnsCache;
use super::target::IpFamily;
use super::Transport;

/// The parameters of a profile and the stores that belong to it.
///
/// The values are taken as valid; [`Profile::settle`] applies the rules between them. A clone shares the blacklist and
/// the DNS cache.
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
    /// Destinations may be domains.
    pub use_dns: bool,
    /// Resolutions are remembered.
    pub use_dns_cache: bool,
    /// How long at most a resolution is remembered.
    pub dns_cache_time: Duration,
    /// A resolution is remembered no longer than its records' TTL.
    pub dns_cache_respect_ttl: bool,
    /// Failed targets are put on the blacklist.
    pub use_blacklist: bool,
    /// For how long.
    pub blacklist_time: Duration,
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
    /// Targets known not to work.
    pub blacklist: Arc<Blacklist>,
    /// Resolutions still good.
    pub dns_cache: Arc<DnsCache>,
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
        for_tests::profile()
    }
}

impl Profile {
    /// Applies the rules between parameters: what the server does not have leaves the preferences, repeated
    /// preferences count once, and a flag that needs another one is off without it.
    pub fn settle(&mut self) {
        self.use_naptr &= self.use_srv;
        self.record_route_all &= self.do_record_routing;
        self.path_always &= self.do_record_routing;
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

    /// Whether the library checks the certificate of a server before anything is sent to it.
    pub fn verifies_by_library(&self) -> bool {
        self.verify_server == VerifyServer::Library
    }

    /// Whether the script is asked about the certificate of a server before anything is sent to it.
    pub fn verifies_by_callback(&self) -> bool {
        self.callback_on_server_tls_handshake && self.verify_server != VerifyServer::Nobody
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
    fn defaults_are_the_documented_ones() {
        let p = Profile::default();
        let on = [p.do_record_routing, p.use_dns, p.use_dns_cache, p.dns_cache_respect_ttl, p.use_blacklist];
        assert_eq!(on, [true; 5]);
        let on = [p.use_naptr, p.use_srv, p.dns_failover_on_503, p.callback_on_server_tls_handshake];
        assert_eq!(on, [true; 4]);
        assert_eq!(
            [p.record_route_all, p.path_always, p.force_transport_preference, p.timer_c_restart],
            [false; 4]
        );
        let times =
            [p.dns_cache_time, p.blacklist_time, p.timer_b, p.timer_c, p.timer_f].map(|d| d.as_secs());
        assert_eq!(times, [300, 10, 32, 120, 32]);
        assert_eq!(p.transport_preference, [Transport::Tls, Transport::Tcp, Transport::Udp]);
        assert_eq!(p.ip_type_preference, [IpFamily::V6, IpFamily::V4]);
    }

    #[test]
    fn settling_drops_what_the_server_lacks_and_repetitions() {
        let mut p = Profile {
            transport_preference: vec![Transport::Udp, Transport::Tls, Transport::Udp, Transport::Tcp],
            ip_type_preference: vec![IpFamily::V4, IpFamily::V6, IpFamily::V4],
            has_tls: false,
            has_ipv6: false,
            ..Profile::default()
        };
        p.settle();
        assert_eq!(p.transport_preference, [Transport::Udp, Transport::Tcp]);
        assert_eq!(p.ip_type_preference, [IpFamily::V4]);
        assert!(!p.allows_transport(Transport::Tls) && !p.allows_family(IpFamily::V6));
        assert!(p.allows_transport(Transport::Udp) && p.allows_family(IpFamily::V4));
    }

    #[test]
    fn naptr_needs_srv_and_what_the_proxy_adds_needs_record_routing() {
        let mut p = Profile {
            use_srv: false,
            do_record_routing: false,
            record_route_all: true,
            path_always: true,
            ..Profile::default()
        };
        p.settle();
        assert!(!p.use_naptr && !p.record_route_all && !p.path_always);
    }

    #[test]
    fn a_family_or_transport_left_out_of_the_preferences_is_not_allowed() {
        let p = Profile {
            transport_preference: vec![Transport::Tcp],
            ip_type_preference: vec![IpFamily::V4],
            ..Profile::default()
        };
        assert!(!p.allows_transport(Transport::Udp) && !p.allows_family(IpFamily::V6));
        assert!(!p.allows_transport(Transport::Ws));
    }

    #[test]
    fn profiles_share_nothing_and_clones_share_the_stores() {
        let (a, b) = (Profile::default(), Profile::default());
        assert!(!Arc::ptr_eq(&a.blacklist, &b.blacklist) && !Arc::ptr_eq(&a.dns_cache, &b.dns_cache));
        assert!(Arc::ptr_eq(&a.clone().blacklist, &a.blacklist));
    }
}
