//! What RFC 3263 led to, in the form that is remembered.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::error::ResolveError;
use super::policy::Policy;
use super::selection::{in_order, Draw};
use super::service::Service;
use super::target::{IpFamily, Target};

/// The result of the look-ups, before weights are drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Services in the order in which they are tried; never empty.
    Found(Vec<Service>),
    /// There is nothing to send to.
    Failed(ResolveError),
}

impl Resolution {
    /// A fresh list of targets, at least one, each once. Every call draws the order of servers of equal priority anew; the
    /// addresses of a server come by the policy's preference of families.
    pub fn targets(&self, policy: &Policy, draw: &mut Draw<'_>) -> Result<Vec<Target>, ResolveError> {
        let services = match self {
            Resolution::Found(services) => services,
            Resolution::Failed(error) => return Err(*error),
        };
        let families = policy.families();
        let mut seen = BTreeSet::new();
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
            return Err(ResolveError::NoDnsResolution);
        }
        Ok(targets)
    }

    /// All targets as they are stored: by service and priority, without regard to weights and to any preference of
    /// families.
    pub fn stored_targets(&self) -> Result<Vec<Target>, ResolveError> {
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
        Resolved { resolution: Arc::new(Resolution::Failed(ResolveError::NoDnsResolution)), keep: None }
    }
}

#[cfg(test)]
#[path = "resolution_tests.rs"]
mod tests;
