//! The checks that a destination has to pass before DNS is asked, and what needs no DNS at all.

use super::inquiry::Inquiry;
use super::query::{Query, QueryHost, QueryScheme, QueryTransport};
use super::search::{default_port, families, Search};
use crate::client::{IpFamily, Profile, RouteError, Target, Transport};

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

/// Checks a destination against a profile and finds its targets, or the questions that lead to them (RFC 3263 4).
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
    match &query.host {
        QueryHost::Ip(ip) => {
            let transport = transport(query.transport, secure, profile)?;
            let family = IpFamily::of(*ip);
            if !profile.allows_family(family) {
                return Err(match family {
                    IpFamily::V4 => RouteError::NoIpv4,
                    IpFamily::V6 => RouteError::NoIpv6,
                });
            }
            let port = query.port.unwrap_or(default_port(transport));
            Ok(Plan::Targets(vec![Target::new(transport, *ip, port)]))
        }
        QueryHost::Domain(name) => search(query, name, secure, profile),
    }
}

/// How much of RFC 3263 a domain needs: with a port only addresses, with a transport SRV as well, with neither all.
fn search(query: &Query, name: &str, secure: bool, profile: &Profile) -> Result<Plan, RouteError> {
    let open = query.port.is_none() && query.transport.is_none();
    let transports = match open {
        true => usable(secure, profile)?,
        false => vec![transport(query.transport, secure, profile)?],
    };
    let search = Search {
        name: name.trim_end_matches('.').to_owned(),
        port: query.port,
        transports,
        families: families(profile),
        naptr: open && profile.use_naptr && profile.use_srv,
        srv: query.port.is_none() && profile.use_srv,
        force_preference: profile.force_transport_preference,
    };
    if search.families.is_empty() {
        return Err(RouteError::NoDnsResolution);
    }
    Ok(Plan::Ask(Inquiry::new(cache_key(query, &search.name), search, profile)))
}

/// All transports that a scheme can go by, in the profile's order.
fn usable(secure: bool, profile: &Profile) -> Result<Vec<Transport>, RouteError> {
    let mut usable = Vec::new();
    for transport in &profile.transport_preference {
        let fits = profile.allows_transport(*transport) && (!secure || *transport == Transport::Tls);
        if fits && !usable.contains(transport) {
            usable.push(*transport);
        }
    }
    match usable.is_empty() {
        true => Err(RouteError::UnsupportedTransport),
        false => Ok(usable),
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

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
