//! The checks that a destination has to pass before DNS is asked, and what needs no DNS at all.

use super::asked::cache_key;
use super::error::ResolveError;
use super::inquiry::Inquiry;
use super::policy::Policy;
use super::query::{Query, QueryHost, QueryScheme, QueryTransport};
use super::search::Search;
use super::target::{is_unicast, IpFamily, Target};
use crate::message::Transport;

/// What a destination leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Known without DNS.
    Target(Target),
    /// Not possible, known without DNS.
    Failed(ResolveError),
    /// DNS has to be asked, unless the cache has the result.
    Ask(Inquiry),
}

/// Checks a destination against a policy and finds its target, or the questions that lead to them (RFC 3263 4).
///
/// The checks come in this order: `maddr`, DNS needed but not allowed, scheme, transport, an address of one host, address family.
pub fn plan(query: &Query, policy: &Policy) -> Plan {
    match check(query, policy) {
        Ok(plan) => plan,
        Err(error) => Plan::Failed(error),
    }
}

fn check(query: &Query, policy: &Policy) -> Result<Plan, ResolveError> {
    let target = query.target()?;
    if matches!(target, QueryHost::Domain(_)) && !policy.use_dns && query.scheme != QueryScheme::Other {
        return Err(ResolveError::NoDns);
    }
    let secure = match query.scheme {
        QueryScheme::Sip => false,
        QueryScheme::Sips if policy.allows_transport(Transport::Tls) => true,
        QueryScheme::Sips | QueryScheme::Other => return Err(ResolveError::UnsupportedUriScheme),
    };
    match target {
        QueryHost::Ip(ip) => {
            let transport = transport(query.transport, secure, policy)?;
            if !is_unicast(*ip) {
                return Err(ResolveError::NoUnicast);
            }
            let family = IpFamily::of(*ip);
            if !policy.allows_family(family) {
                return Err(match family {
                    IpFamily::V4 => ResolveError::NoIpv4,
                    IpFamily::V6 => ResolveError::NoIpv6,
                });
            }
            let port = query.port.unwrap_or(transport.default_port());
            Ok(Plan::Target(Target::new(transport, *ip, port)))
        }
        QueryHost::Domain(name) => search(query, name, secure, policy),
    }
}

/// How much of RFC 3263 a domain needs: with a port only addresses, with a transport SRV as well, with neither all.
fn search(query: &Query, name: &str, secure: bool, policy: &Policy) -> Result<Plan, ResolveError> {
    let open = query.port.is_none() && query.transport.is_none();
    let transports = match open {
        true => usable(secure, policy)?,
        false => vec![transport(query.transport, secure, policy)?],
    };
    let search = Search {
        name: name.trim_end_matches('.').to_owned(),
        port: query.port,
        transports,
        families: policy.families(),
        naptr: open && policy.use_naptr && policy.use_srv,
        srv: query.port.is_none() && policy.use_srv,
        force_preference: policy.force_transport_preference,
    };
    if search.families.is_empty() {
        return Err(ResolveError::NoDnsResolution);
    }
    Ok(Plan::Ask(Inquiry::new(cache_key(query, &search.name), search, policy)))
}

/// All transports that a scheme can go by, in the policy's order.
fn usable(secure: bool, policy: &Policy) -> Result<Vec<Transport>, ResolveError> {
    let mut usable = Vec::new();
    for transport in &policy.transport_preference {
        let fits = policy.allows_transport(*transport) && (!secure || *transport == Transport::Tls);
        if fits && !usable.contains(transport) {
            usable.push(*transport);
        }
    }
    match usable.is_empty() {
        true => Err(ResolveError::UnsupportedTransport),
        false => Ok(usable),
    }
}

/// RFC 3263 4.1: the transport asked for, else the one that scheme and policy lead to.
fn transport(
    wanted: Option<QueryTransport>,
    secure: bool,
    policy: &Policy,
) -> Result<Transport, ResolveError> {
    let allowed = |transport: Transport| match policy.allows_transport(transport) {
        true => Ok(transport),
        false => Err(ResolveError::UnsupportedTransport),
    };
    match (wanted, secure) {
        (None, true) => allowed(Transport::Tls),
        (None, false) => allowed(Transport::Udp).or_else(|_| allowed(Transport::Tcp)),
        (Some(QueryTransport::Known(Transport::Udp)), false) => allowed(Transport::Udp),
        (Some(QueryTransport::Known(Transport::Tcp)), false) => allowed(Transport::Tcp),
        // sips over TCP is TLS over TCP.
        (Some(QueryTransport::Known(Transport::Tcp)), true) => allowed(Transport::Tls),
        (Some(QueryTransport::Known(Transport::Tls)), _) => allowed(Transport::Tls),
        (Some(_), _) => Err(ResolveError::UnsupportedTransport),
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
