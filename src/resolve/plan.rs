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
#[path = "plan_tests.rs"]
mod tests;
