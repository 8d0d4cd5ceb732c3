//! The procedure of RFC 3263 as a value: it says what to ask DNS, is told the answers, and ends with a resolution.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::question::{Answer, Question};
use super::resolution::{Resolution, Resolved};
use crate::client::{IpFamily, Profile, RouteError, Target, Transport};
use crate::message::{parse_ip, Scheme, TransportParam, UriRef};

/// The port of SIP over UDP and TCP.
const SIP_PORT: u16 = 5060;
/// The port of SIP over TLS.
const SIPS_PORT: u16 = 5061;
/// The shortest time a good resolution is remembered.
const SHORTEST_KEPT: Duration = Duration::from_secs(1);

/// The scheme of a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryScheme {
    /// `sip`.
    Sip,
    /// `sips`.
    Sips,
    /// Any other: nothing can be sent there.
    Other,
}

/// The host of a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryHost {
    /// An address literal.
    Ip(IpAddr),
    /// A name.
    Domain(String),
}

/// The transport that a destination asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryTransport {
    /// One that requests can leave by.
    Known(Transport),
    /// Any other.
    Unknown,
}

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The scheme.
    pub scheme: QueryScheme,
    /// The host.
    pub host: QueryHost,
    /// The port, if the destination has one.
    pub port: Option<u16>,
    /// The transport, if the destination asks for one.
    pub transport: Option<QueryTransport>,
}

impl Query {
    /// The destination that a URI names (RFC 3263 4). A URI without a host, such as `tel:`, has no usable scheme either.
    pub fn from_uri(uri: &UriRef<'_>) -> Query {
        let scheme = match uri.scheme() {
            Scheme::Sip => QueryScheme::Sip,
            Scheme::Sips => QueryScheme::Sips,
            Scheme::Tel | Scheme::Other(_) => QueryScheme::Other,
        };
        let host = QueryHost::parse(uri.host_normalised().unwrap_or_default().as_bytes());
        let transport = uri.transport().map(|transport| match transport {
            TransportParam::Udp => QueryTransport::Known(Transport::Udp),
            TransportParam::Tcp => QueryTransport::Known(Transport::Tcp),
            TransportParam::Tls => QueryTransport::Known(Transport::Tls),
            TransportParam::Ws => QueryTransport::Known(Transport::Ws),
            TransportParam::Wss => QueryTransport::Known(Transport::Wss),
            TransportParam::Sctp | TransportParam::Other(_) => QueryTransport::Unknown,
        });
        Query { scheme, host, port: uri.port(), transport }
    }

    /// A destination that a script names: always `sip`.
    pub fn from_destination(host: &[u8], port: Option<u16>, transport: Option<QueryTransport>) -> Query {
        Query { scheme: QueryScheme::Sip, host: QueryHost::parse(host), port, transport }
    }
}

impl QueryHost {
    /// A host from text: an IPv4 address, an IPv6 address with or without brackets, else a name.
    pub fn parse(host: &[u8]) -> QueryHost {
        match parse_ip(host) {
            Some(ip) => QueryHost::Ip(ip),
            None => QueryHost::Domain(String::from_utf8_lossy(host).into_owned()),
        }
    }
}

/// What a destination leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Known without DNS.
    Targets(Vec<Target>),
    /// Not possible, known without DNS.
    Failed(RouteError),
    /// DNS has to be asked, unless the cache has the result.
    Ask(Inquiry),
}

/// What follows from answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// More questions.
    Ask(Inquiry),
    /// The end.
    Done(Resolved),
}

/// A resolution under way: questions that can be asked all at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inquiry {
    cache_key: String,
    questions: Vec<Question>,
    transport: Transport,
    port: u16,
    limits: CacheLimits,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct CacheLimits {
    longest: Duration,
    respect_ttl: bool,
}

/// Checks a destination against a profile and finds its targets, or the questions that lead to them.
///
/// The checks come in this order: DNS needed but not allowed, scheme, transport, address family.
pub fn plan(query: &Query, profile: &Profile) -> Plan {
    match check(query, profile) {
        Ok(plan) => plan,
        Err(error) => Plan::Failed(error),
    }
}

fn check(query: &Query, profile: &Profile) -> Result<Plan, RouteError> {
    if matches!(query.host, QueryHost::Domain(_)) && !profile.use_dns && query.scheme != QueryScheme::Other {
        return Err(RouteError::NoDns);
    }
    let secure = match query.scheme {
        QueryScheme::Sip => false,
        QueryScheme::Sips if profile.allows_transport(Transport::Tls) => true,
        QueryScheme::Sips | QueryScheme::Other => return Err(RouteError::UnsupportedUriScheme),
    };
    let transport = transport(query.transport, secure, profile)?;
    let port = query.port.unwrap_or(match transport {
        Transport::Tls => SIPS_PORT,
        _ => SIP_PORT,
    });
    match &query.host {
        QueryHost::Ip(ip) => {
            let family = IpFamily::of(*ip);
            if !profile.allows_family(family) {
                return Err(match family {
                    IpFamily::V4 => RouteError::NoIpv4,
                    IpFamily::V6 => RouteError::NoIpv6,
                });
            }
            Ok(Plan::Targets(vec![Target::new(transport, *ip, port)]))
        }
        QueryHost::Domain(name) => {
            let families = profile.ip_type_preference.iter().filter(|family| profile.allows_family(**family));
            let mut questions: Vec<Question> = Vec::with_capacity(2);
            for family in families {
                if !questions.iter().any(|question| question.family == *family) {
                    questions.push(Question { family: *family, name: name.clone() });
                }
            }
            if questions.is_empty() {
                return Err(RouteError::NoDnsResolution);
            }
            Ok(Plan::Ask(Inquiry {
                cache_key: cache_key(query, name),
                questions,
                transport,
                port,
                limits: CacheLimits {
                    longest: profile.dns_cache_time,
                    respect_ttl: profile.dns_cache_respect_ttl,
                },
            }))
        }
    }
}

/// RFC 3263 4.1: the transport asked for, else the one that scheme and profile lead to.
fn transport(
    wanted: Option<QueryTransport>,
    secure: bool,
    profile: &Profile,
) -> Result<Transport, RouteError> {
    let allowed = |transport: Transport| match profile.allows_transport(transport) {
        true => Ok(transport),
        false => Err(RouteError::UnsupportedTransport),
    };
    match (wanted, secure) {
        (None, true) => allowed(Transport::Tls),
        (None, false) => allowed(Transport::Udp).or_else(|_| allowed(Transport::Tcp)),
        (Some(QueryTransport::Known(Transport::Udp)), false) => allowed(Transport::Udp),
        (Some(QueryTransport::Known(Transport::Tcp)), false) => allowed(Transport::Tcp),
        // sips over TCP is TLS over TCP.
        (Some(QueryTransport::Known(Transport::Tcp)), true) => allowed(Transport::Tls),
        (Some(QueryTransport::Known(Transport::Tls)), _) => allowed(Transport::Tls),
        (Some(_), _) => Err(RouteError::UnsupportedTransport),
    }
}

/// `scheme|host|port|transport`, the host in lower case, absent parts empty.
fn cache_key(query: &Query, name: &str) -> String {
    let scheme = match query.scheme {
        QueryScheme::Sips => "sips",
        QueryScheme::Sip | QueryScheme::Other => "sip",
    };
    let port = query.port.map(|port| port.to_string()).unwrap_or_default();
    let transport = match query.transport {
        Some(QueryTransport::Known(transport)) => transport.as_str(),
        Some(QueryTransport::Unknown) | None => "",
    };
    format!("{scheme}|{}|{port}|{transport}", name.to_ascii_lowercase())
}

impl Inquiry {
    /// What the DNS cache keeps the outcome under.
    pub fn cache_key(&self) -> &str {
        &self.cache_key
    }

    /// The questions; they depend on nothing but DNS and can be asked at the same time.
    pub fn questions(&self) -> &[Question] {
        &self.questions
    }

    /// Takes the answers, one for each question in the same order. A missing one counts as [`Answer::Unavailable`].
    pub fn told(self, answers: Vec<Answer>) -> Progress {
        let mut found = Vec::new();
        let mut shortest: Option<Duration> = None;
        let mut unknown = answers.len() < self.questions.len();
        let mut denied: Option<Duration> = None;
        let mut denial_may_be_kept = true;
        for answer in answers {
            match answer {
                Answer::Addresses { addrs, ttl } => {
                    found.extend(addrs);
                    shortest = Some(shortest.map_or(ttl, |s| s.min(ttl)));
                }
                Answer::NoSuchRecord { ttl: Some(ttl) } => denied = Some(denied.map_or(ttl, |s| s.min(ttl))),
                Answer::NoSuchRecord { ttl: None } => denial_may_be_kept = false,
                Answer::Unavailable => unknown = true,
            }
        }
        let (resolution, keep) = if found.is_empty() {
            // RFC 2308: only what DNS itself denied is remembered, and no longer than it says.
            let keep = denied.filter(|_| denial_may_be_kept).map(|ttl| ttl.min(self.limits.longest));
            (Resolution::Failed(RouteError::NoDnsResolution), keep.filter(|ttl| !ttl.is_zero()))
        } else {
            let ttl = shortest.filter(|_| self.limits.respect_ttl).unwrap_or(self.limits.longest);
            let keep = ttl.min(self.limits.longest).max(SHORTEST_KEPT);
            (Resolution::Host { transport: self.transport, port: self.port, addrs: found }, Some(keep))
        };
        // An outage of DNS is never remembered, not even for the one family it hit.
        let keep = keep.filter(|_| !unknown);
        Progress::Done(Resolved { resolution: Arc::new(resolution), keep })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(scheme: QueryScheme, host: &str, port: Option<u16>, transport: Option<Transport>) -> Query {
        Query {
            scheme,
            host: QueryHost::parse(host.as_bytes()),
            port,
            transport: transport.map(QueryTransport::Known),
        }
    }

    fn sip(host: &str, port: Option<u16>, transport: Option<Transport>) -> Query {
        query(QueryScheme::Sip, host, port, transport)
    }

    fn without(transport: Transport) -> Profile {
        let mut profile = Profile::default();
        profile.transport_preference.retain(|t| *t != transport);
        profile
    }

    fn target_text(query: &Query, profile: &Profile) -> String {
        match plan(query, profile) {
            Plan::Targets(targets) => targets.iter().map(Target::to_string).collect::<Vec<_>>().join(" "),
            Plan::Failed(error) => error.code().to_owned(),
            Plan::Ask(_) => "ask".to_owned(),
        }
    }

    fn inquiry(query: &Query, profile: &Profile) -> Inquiry {
        match plan(query, profile) {
            Plan::Ask(inquiry) => inquiry,
            other => panic!("no question: {other:?}"),
        }
    }

    fn resolved(query: &Query, profile: &Profile, answers: Vec<Answer>) -> Resolved {
        match inquiry(query, profile).told(answers) {
            Progress::Done(resolved) => resolved,
            Progress::Ask(more) => panic!("more questions: {more:?}"),
        }
    }

    fn addresses(list: &[&str], ttl: u64) -> Answer {
        Answer::Addresses {
            addrs: list.iter().map(|a| a.parse().unwrap()).collect(),
            ttl: Duration::from_secs(ttl),
        }
    }

    fn denied(ttl: u64) -> Answer {
        Answer::NoSuchRecord { ttl: Some(Duration::from_secs(ttl)) }
    }

    #[test]
    fn address_literals_need_no_dns() {
        use Transport::*;
        let p = Profile { use_dns: false, ..Profile::default() };
        let rows = [
            (sip("1.2.3.4", None, None), "udp:1.2.3.4:5060"),
            (sip("1.2.3.4", Some(5070), None), "udp:1.2.3.4:5070"),
            (sip("1.2.3.4", None, Some(Tcp)), "tcp:1.2.3.4:5060"),
            (sip("1.2.3.4", None, Some(Tls)), "tls:1.2.3.4:5061"),
            (sip("1.2.3.4", Some(5060), Some(Tls)), "tls:1.2.3.4:5060"),
            (sip("[2001:DB8:0::1]", None, None), "udp:[2001:db8::1]:5060"),
            (sip("2001:DB8:0::1", None, Some(Tcp)), "tcp:[2001:db8::1]:5060"),
            (query(QueryScheme::Sips, "1.2.3.4", None, None), "tls:1.2.3.4:5061"),
            (query(QueryScheme::Sips, "1.2.3.4", Some(5070), Some(Tcp)), "tls:1.2.3.4:5070"),
            (query(QueryScheme::Sips, "1.2.3.4", None, Some(Tls)), "tls:1.2.3.4:5061"),
        ];
        for (query, expected) in rows {
            assert_eq!(target_text(&query, &p), expected, "{query:?}");
        }
    }

    #[test]
    fn without_a_transport_sip_goes_by_udp_else_by_tcp() {
        assert_eq!(target_text(&sip("1.2.3.4", None, None), &without(Transport::Udp)), "tcp:1.2.3.4:5060");
        let tls_only = Profile { transport_preference: vec![Transport::Tls], ..Profile::default() };
        assert_eq!(target_text(&sip("1.2.3.4", None, None), &tls_only), "unsupported_transport");
        assert_eq!(target_text(&sip("1.2.3.4", None, Some(Transport::Tls)), &tls_only), "tls:1.2.3.4:5061");
    }

    #[test]
    fn transports_the_profile_lacks_and_unknown_ones_are_unsupported() {
        use Transport::*;
        for transport in [Udp, Tcp, Tls] {
            let query = sip("1.2.3.4", None, Some(transport));
            assert_eq!(target_text(&query, &without(transport)), "unsupported_transport");
        }
        for transport in [Ws, Wss] {
            let query = sip("1.2.3.4", None, Some(transport));
            assert_eq!(target_text(&query, &Profile::default()), "unsupported_transport");
        }
        let sctp = Query { transport: Some(QueryTransport::Unknown), ..sip("1.2.3.4", None, None) };
        assert_eq!(target_text(&sctp, &Profile::default()), "unsupported_transport");
        let sips_udp = query(QueryScheme::Sips, "1.2.3.4", None, Some(Udp));
        assert_eq!(target_text(&sips_udp, &Profile::default()), "unsupported_transport");
    }

    #[test]
    fn only_sip_and_sips_are_supported_and_sips_needs_tls() {
        for host in ["1.2.3.4", "example.net"] {
            let other = query(QueryScheme::Other, host, None, None);
            assert_eq!(target_text(&other, &Profile::default()), "unsupported_uri_scheme");
            let sips = query(QueryScheme::Sips, host, None, None);
            assert_eq!(target_text(&sips, &without(Transport::Tls)), "unsupported_uri_scheme");
        }
    }

    #[test]
    fn a_family_that_is_not_allowed_is_named() {
        let no_v4 = Profile { has_ipv4: false, ..Profile::default() };
        let no_v6 = Profile { ip_type_preference: vec![IpFamily::V4], ..Profile::default() };
        assert_eq!(target_text(&sip("1.2.3.4", None, None), &no_v4), "no_ipv4");
        assert_eq!(target_text(&sip("[::1]", None, None), &no_v6), "no_ipv6");
        assert_eq!(target_text(&sip("[::1]", None, None), &no_v4), "udp:[::1]:5060");
    }

    #[test]
    fn checks_come_in_the_documented_order() {
        let p =
            Profile { use_dns: false, has_tls: false, has_ipv4: false, has_udp: false, ..Profile::default() };
        assert_eq!(target_text(&query(QueryScheme::Sips, "example.net", None, None), &p), "no_dns");
        assert_eq!(target_text(&sip("example.net", None, Some(Transport::Udp)), &p), "no_dns");
        let sips = query(QueryScheme::Sips, "1.2.3.4", None, Some(Transport::Udp));
        assert_eq!(target_text(&sips, &p), "unsupported_uri_scheme");
        assert_eq!(target_text(&sip("1.2.3.4", None, Some(Transport::Udp)), &p), "unsupported_transport");
        assert_eq!(target_text(&sip("1.2.3.4", None, None), &p), "no_ipv4");
    }

    #[test]
    fn a_domain_is_asked_for_in_the_allowed_families_only() {
        let families = |profile: &Profile| -> Vec<IpFamily> {
            let inquiry = inquiry(&sip("example.net", None, None), profile);
            assert!(inquiry.questions().iter().all(|q| q.name == "example.net"));
            inquiry.questions().iter().map(|q| q.family).collect()
        };
        assert_eq!(families(&Profile::default()), [IpFamily::V6, IpFamily::V4]);
        let v4 = Profile { has_ipv6: false, ..Profile::default() };
        assert_eq!(families(&v4), [IpFamily::V4]);
        let none = Profile { ip_type_preference: Vec::new(), ..Profile::default() };
        assert_eq!(target_text(&sip("example.net", None, None), &none), "no_dns_resolution");
    }

    #[test]
    fn a_domain_gets_transport_and_port_by_the_same_rules_as_an_address() {
        let text = |query: &Query| {
            let p = Profile::default();
            let resolved = resolved(query, &p, vec![denied(60), addresses(&["10.0.0.1"], 60)]);
            resolved.resolution.targets(&p).unwrap()[0].to_string()
        };
        assert_eq!(text(&sip("example.net", None, None)), "udp:10.0.0.1:5060");
        assert_eq!(text(&sip("example.net", Some(5070), Some(Transport::Tcp))), "tcp:10.0.0.1:5070");
        assert_eq!(text(&sip("example.net", None, Some(Transport::Tls))), "tls:10.0.0.1:5061");
        assert_eq!(text(&query(QueryScheme::Sips, "example.net", None, None)), "tls:10.0.0.1:5061");
    }

    #[test]
    fn both_families_are_used_in_the_preferred_order() {
        let p = Profile { ip_type_preference: vec![IpFamily::V4, IpFamily::V6], ..Profile::default() };
        let answers = vec![addresses(&["10.0.0.1", "10.0.0.2"], 60), addresses(&["2001:db8::1"], 60)];
        let targets = resolved(&sip("example.net", None, None), &p, answers).resolution.targets(&p).unwrap();
        let texts: Vec<_> = targets.iter().map(Target::to_string).collect();
        assert_eq!(texts, ["udp:10.0.0.1:5060", "udp:10.0.0.2:5060", "udp:[2001:db8::1]:5060"]);
    }

    #[test]
    fn the_cache_key_tells_apart_what_resolves_differently() {
        let key = |query: &Query| inquiry(query, &Profile::default()).cache_key().to_owned();
        assert_eq!(key(&sip("Example.NET", None, None)), "sip|example.net||");
        assert_eq!(key(&sip("example.net", Some(5070), Some(Transport::Tcp))), "sip|example.net|5070|tcp");
        assert_eq!(key(&query(QueryScheme::Sips, "example.net", None, None)), "sips|example.net||");
    }

    fn kept(profile: &Profile, answers: Vec<Answer>) -> Option<u64> {
        resolved(&sip("example.net", None, None), profile, answers).keep.map(|d| d.as_secs())
    }

    #[test]
    fn a_good_resolution_is_kept_for_the_shortest_ttl_within_the_limits() {
        let p = Profile::default();
        let found = |ttl6, ttl4| vec![addresses(&["::1"], ttl6), addresses(&["10.0.0.1"], ttl4)];
        assert_eq!(kept(&p, found(60, 90)), Some(60));
        assert_eq!(kept(&p, found(86_400, 90_000)), Some(300));
        assert_eq!(kept(&p, found(0, 90)), Some(1));
        // A denial of the other family is no record used.
        assert_eq!(kept(&p, vec![denied(5), addresses(&["10.0.0.1"], 90)]), Some(90));
        let fixed = Profile { dns_cache_respect_ttl: false, ..Profile::default() };
        assert_eq!(kept(&fixed, found(60, 90)), Some(300));
    }

    #[test]
    fn a_denial_is_kept_no_longer_than_its_soa_and_the_profile_say() {
        let p = Profile::default();
        assert_eq!(kept(&p, vec![denied(60), denied(30)]), Some(30));
        assert_eq!(kept(&p, vec![denied(3600), denied(7200)]), Some(300));
        assert_eq!(kept(&p, vec![denied(0), denied(60)]), None);
        let fixed = Profile { dns_cache_respect_ttl: false, ..Profile::default() };
        assert_eq!(kept(&fixed, vec![denied(60), denied(30)]), Some(30));
    }

    #[test]
    fn what_dns_did_not_deny_with_authority_is_never_kept() {
        let p = Profile::default();
        assert_eq!(kept(&p, vec![Answer::NoSuchRecord { ttl: None }, denied(60)]), None);
        assert_eq!(kept(&p, vec![Answer::Unavailable, Answer::Unavailable]), None);
        assert_eq!(kept(&p, vec![denied(60), Answer::Unavailable]), None);
        assert_eq!(kept(&p, vec![denied(60)]), None);
        assert_eq!(kept(&p, vec![Answer::Unavailable, addresses(&["10.0.0.1"], 60)]), None);
    }

    #[test]
    fn no_address_at_all_is_no_dns_resolution() {
        let p = Profile::default();
        for answers in [vec![denied(60), denied(60)], vec![Answer::Unavailable, Answer::Unavailable], vec![]]
        {
            let resolved = resolved(&sip("example.net", None, None), &p, answers);
            assert_eq!(resolved.resolution.targets(&p), Err(RouteError::NoDnsResolution));
        }
    }

    #[test]
    fn one_family_is_enough_when_the_other_is_not_known() {
        let p = Profile::default();
        let answers = vec![Answer::Unavailable, addresses(&["10.0.0.1"], 60)];
        let resolved = resolved(&sip("example.net", None, None), &p, answers);
        assert_eq!(resolved.resolution.targets(&p).unwrap().len(), 1);
    }

    #[test]
    fn a_uri_names_scheme_host_port_and_transport() {
        let text = |uri: &str| {
            let query = Query::from_uri(&UriRef::parse(uri.as_bytes()).unwrap());
            target_text(&query, &Profile::default())
        };
        assert_eq!(text("sip:u@1.2.3.4"), "udp:1.2.3.4:5060");
        assert_eq!(text("sip:u@1.2.3.4:5070;transport=TCP"), "tcp:1.2.3.4:5070");
        assert_eq!(text("sips:u@[2001:DB8:0::1]"), "tls:[2001:db8::1]:5061");
        assert_eq!(text("sip:1.2.3.4;transport=sctp"), "unsupported_transport");
        assert_eq!(text("sip:1.2.3.4;transport=foo"), "unsupported_transport");
        assert_eq!(text("sip:1.2.3.4;transport=ws"), "unsupported_transport");
        assert_eq!(text("tel:+34600000000"), "unsupported_uri_scheme");
        assert_eq!(text("http://example.net"), "unsupported_uri_scheme");
        assert_eq!(text("sip:example.net"), "ask");
        let query = Query::from_uri(&UriRef::parse(b"sip:u@Example.NET.;transport=tls").unwrap());
        assert_eq!(inquiry(&query, &Profile::default()).cache_key(), "sip|example.net||tls");
    }

    #[test]
    fn other_schemes_are_refused_as_such_even_without_dns() {
        let p = Profile { use_dns: false, ..Profile::default() };
        let query = Query::from_uri(&UriRef::parse(b"tel:+34600000000").unwrap());
        assert_eq!(target_text(&query, &p), "unsupported_uri_scheme");
    }

    #[test]
    fn a_destination_of_a_script_is_sip() {
        let p = Profile::default();
        let text =
            |host: &[u8], port, transport| target_text(&Query::from_destination(host, port, transport), &p);
        assert_eq!(text(b"[::1]", None, None), "udp:[::1]:5060");
        assert_eq!(text(b"1.2.3.4", Some(9), Some(QueryTransport::Known(Transport::Tls))), "tls:1.2.3.4:9");
        assert_eq!(text(b"1.2.3.4", None, Some(QueryTransport::Unknown)), "unsupported_transport");
        assert_eq!(text(b"\xff\xfe", None, None), "ask");
    }

    #[test]
    fn hosts_are_told_apart_by_their_text() {
        assert!(matches!(QueryHost::parse(b"1.2.3.4"), QueryHost::Ip(IpAddr::V4(_))));
        assert!(matches!(QueryHost::parse(b"::1"), QueryHost::Ip(IpAddr::V6(_))));
        assert!(matches!(QueryHost::parse(b"[::1]"), QueryHost::Ip(IpAddr::V6(_))));
        for name in ["example.net", "1.2.3", "[1.2.3.4]", "[::1", "::1]", "01.2.3.4", "fe80::1%eth0", ""] {
            assert_eq!(QueryHost::parse(name.as_bytes()), QueryHost::Domain(name.to_owned()));
        }
    }
}
