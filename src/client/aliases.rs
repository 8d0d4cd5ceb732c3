//! The names under which the server itself is addressed.

use std::collections::{BTreeMap, BTreeSet};

use smallvec::SmallVec;

use crate::message::normalize_ipv6;

/// Hosts and ports that mean this server: a Route value or Request-URI with one of them is ours.
///
/// Hosts are kept as a parsed URI gives them: lower case, IPv6 shortened and in brackets.
#[derive(Debug, Clone, Default)]
pub struct LocalAliases {
    hosts: BTreeMap<String, Ports>,
}

#[derive(Debug, Clone, Default)]
struct Ports {
    /// The host without a port is ours.
    bare: bool,
    ports: SmallVec<[u16; 4]>,
}

/// What one kind of listeners (SIP or WebSocket) contributes.
#[derive(Debug, Clone, Default)]
pub struct ListenerAliases<'a> {
    /// Listening and advertised addresses and Record-Route host names, in any spelling.
    pub hosts: Vec<&'a str>,
    /// The port without TLS.
    pub port: Option<u16>,
    /// The port with TLS.
    pub tls_port: Option<u16>,
}

/// The default ports at which a host counts without a port too.
const SIP_DEFAULTS: (u16, u16) = (5060, 5061);
const WEBSOCKET_DEFAULTS: (u16, u16) = (80, 443);

impl LocalAliases {
    /// The aliases of a server: its domains, and the hosts of its SIP and WebSocket listeners.
    pub fn new(domains: &[&str], sip: &ListenerAliases<'_>, websocket: &ListenerAliases<'_>) -> LocalAliases {
        let mut aliases = LocalAliases::default();
        for domain in domains {
            let entry = aliases.entry(domain);
            entry.bare = true;
            for port in [sip.port, sip.tls_port, websocket.port, websocket.tls_port].into_iter().flatten() {
                entry.add(port);
            }
        }
        for (listeners, defaults) in [(sip, SIP_DEFAULTS), (websocket, WEBSOCKET_DEFAULTS)] {
            let bare = listeners.port == Some(defaults.0) || listeners.tls_port == Some(defaults.1);
            for host in &listeners.hosts {
                let entry = aliases.entry(host);
                entry.bare |= bare;
                for port in [listeners.port, listeners.tls_port].into_iter().flatten() {
                    entry.add(port);
                }
            }
        }
        aliases
    }

    /// Whether this host (as a parsed URI gives it) with this port, or without one, is ours.
    pub fn contains(&self, host: &str, port: Option<u16>) -> bool {
        match (self.hosts.get(host), port) {
            (Some(entry), Some(port)) => entry.ports.contains(&port),
            (Some(entry), None) => entry.bare,
            (None, _) => false,
        }
    }

    /// Whether this host (as a parsed URI gives it) is ours at any port.
    pub fn has_host(&self, host: &str) -> bool {
        self.hosts.contains_key(host)
    }

    /// Every alias as text (`host` or `host:port`), sorted.
    pub fn texts(&self) -> Vec<String> {
        let mut texts = BTreeSet::new();
        for (host, entry) in &self.hosts {
            if entry.bare {
                texts.insert(host.clone());
            }
            texts.extend(entry.ports.iter().map(|port| format!("{host}:{port}")));
        }
        texts.into_iter().collect()
    }

    fn entry(&mut self, host: &str) -> &mut Ports {
        self.hosts.entry(normalised(host)).or_default()
    }
}

impl Ports {
    fn add(&mut self, port: u16) {
        if !self.ports.contains(&port) {
            self.ports.push(port);
        }
    }
}

/// A configured host in the spelling of a parsed URI.
fn normalised(host: &str) -> String {
    match normalize_ipv6(host.as_bytes(), true) {
        Some(ip) => format!("[{ip}]"),
        None => host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sip<'a>(hosts: &[&'a str], port: Option<u16>, tls_port: Option<u16>) -> ListenerAliases<'a> {
        ListenerAliases { hosts: hosts.to_vec(), port, tls_port }
    }

    fn texts(domains: &[&str], sip: &ListenerAliases<'_>, websocket: &ListenerAliases<'_>) -> Vec<String> {
        LocalAliases::new(domains, sip, websocket).texts()
    }

    #[test]
    fn a_domain_counts_bare_and_with_every_port_that_is_set() {
        assert_eq!(
            texts(&["Example.NET."], &sip(&[], Some(5070), None), &sip(&[], Some(10080), Some(10443))),
            ["example.net", "example.net:10080", "example.net:10443", "example.net:5070"]
        );
    }

    #[test]
    fn an_address_counts_with_its_own_ports_only() {
        assert_eq!(
            texts(&[], &sip(&["10.0.0.1"], Some(5070), Some(5071)), &sip(&["10.0.0.2"], Some(8080), None)),
            ["10.0.0.1:5070", "10.0.0.1:5071", "10.0.0.2:8080"]
        );
    }

    #[test]
    fn an_address_counts_bare_when_one_of_its_ports_is_a_default() {
        let none = ListenerAliases::default();
        let bare = |listeners: &ListenerAliases<'_>, websocket: bool| {
            let aliases = match websocket {
                false => LocalAliases::new(&[], listeners, &none),
                true => LocalAliases::new(&[], &none, listeners),
            };
            aliases.contains("10.0.0.1", None)
        };
        assert!(bare(&sip(&["10.0.0.1"], Some(5060), Some(9)), false));
        assert!(bare(&sip(&["10.0.0.1"], Some(9), Some(5061)), false));
        assert!(!bare(&sip(&["10.0.0.1"], Some(5061), Some(5060)), false));
        assert!(!bare(&sip(&["10.0.0.1"], Some(80), Some(443)), false));
        assert!(bare(&sip(&["10.0.0.1"], Some(80), None), true));
        assert!(bare(&sip(&["10.0.0.1"], None, Some(443)), true));
        assert!(!bare(&sip(&["10.0.0.1"], Some(5060), Some(5061)), true));
    }

    #[test]
    fn ipv6_is_kept_shortened_and_in_brackets() {
        let none = ListenerAliases::default();
        let listeners = sip(&["2001:DB8:0::1", "[::1]"], Some(5060), None);
        let aliases = LocalAliases::new(&[], &listeners, &none);
        assert!(aliases.contains("[2001:db8::1]", None) && aliases.contains("[2001:db8::1]", Some(5060)));
        assert!(aliases.contains("[::1]", Some(5060)));
        assert!(!aliases.contains("2001:db8::1", None));
    }

    #[test]
    fn advertised_addresses_and_record_route_names_count_like_listening_ones() {
        let none = ListenerAliases::default();
        let listeners = sip(&["10.0.0.1", "203.0.113.5", "Edge.example.net"], Some(5060), Some(5061));
        let aliases = LocalAliases::new(&[], &listeners, &none);
        for host in ["10.0.0.1", "203.0.113.5", "edge.example.net"] {
            assert!(aliases.contains(host, None) && aliases.contains(host, Some(5061)), "{host}");
            assert!(!aliases.contains(host, Some(5062)), "{host}");
        }
    }

    #[test]
    fn a_host_shared_by_both_kinds_has_the_ports_of_both() {
        let aliases = LocalAliases::new(
            &[],
            &sip(&["10.0.0.1"], Some(5070), None),
            &sip(&["10.0.0.1"], Some(80), None),
        );
        assert_eq!(aliases.texts(), ["10.0.0.1", "10.0.0.1:5070", "10.0.0.1:80"]);
    }

    #[test]
    fn nothing_else_is_ours() {
        let none = ListenerAliases::default();
        let aliases = LocalAliases::new(&["example.net"], &sip(&["10.0.0.1"], Some(5060), None), &none);
        assert!(!aliases.contains("example.org", None));
        assert!(!aliases.contains("sub.example.net", None));
        assert!(!aliases.contains("example.net", Some(5061)));
        assert!(!aliases.contains("", None));
    }
}
