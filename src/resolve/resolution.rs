//! What RFC 3263 led to, in the form that is remembered.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::search::families;
use super::selection::{in_order, Draw};
use crate::client::{IpFamily, Profile, RouteError, Target, Transport};

/// The result of the look-ups, before weights are drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Services in the order in which they are tried; never empty.
    Found(Vec<Service>),
    /// There is nothing to send to.
    Failed(RouteError),
}

/// Servers that are reached by one transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The transport.
    pub transport: Transport,
    /// The servers, by priority; never empty.
    pub servers: Vec<Server>,
}

/// A host, as an SRV record or the destination itself names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Servers with a lower number are tried first.
    pub priority: u16,
    /// The share of requests among servers of equal priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// Its addresses of all families asked for, within each in the order of the answer; never empty.
    pub addrs: Vec<IpAddr>,
}

impl Resolution {
    /// A fresh list of targets, at least one, each once. Every call draws the order of servers of equal priority anew; the
    /// addresses of a server come by the profile's preference of families.
    pub fn targets(&self, profile: &Profile, draw: &mut Draw<'_>) -> Result<Vec<Target>, RouteError> {
        let services = match self {
            Resolution::Found(services) => services,
            Resolution::Failed(error) => return Err(*error),
        };
        let families = families(profile);
        let mut seen = HashSet::new();
        let mut targets = Vec::new();
        for service in services {
            for server in in_order(&service.servers, draw) {
                let of_family = |family| server.addrs.iter().filter(move |ip| IpFamily::of(**ip) == family);
                let addrs = families.iter().flat_map(|family| of_family(*family));
                let all = addrs.map(|ip| Target::new(service.transport, *ip, server.port));
                targets.extend(all.filter(|target| seen.insert(*target)));
            }
        }
        if targets.is_empty() {
            return Err(RouteError::NoDnsResolution);
        }
        Ok(targets)
    }

    /// All targets as they are stored: by service and priority, without regard to weights and to any preference of
    /// families.
    pub fn stored_targets(&self) -> Result<Vec<Target>, RouteError> {
        let services = match self {
            Resolution::Found(services) => services,
            Resolution::Failed(error) => return Err(*error),
        };
        let targets = services.iter().flat_map(|service| {
            service.servers.iter().flat_map(|server| {
                server.addrs.iter().map(|ip| Target::new(service.transport, *ip, server.port))
            })
        });
        Ok(targets.collect())
    }
}

/// A finished resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The result.
    pub resolution: Arc<Resolution>,
    /// How long it may stay in the DNS cache; `None`: it may not.
    pub keep: Option<Duration>,
}

impl Resolved {
    /// Nothing was found out: neither addresses nor that there are none.
    pub fn unknown() -> Resolved {
        Resolved { resolution: Arc::new(Resolution::Failed(RouteError::NoDnsResolution)), keep: None }
    }
}

#[cfg(test)]
#[path = "resolution_tests.rs"]
mod tests;
