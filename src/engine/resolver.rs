//! Resolutions under way, one for all routes that ask the same at the same time.

use std::collections::HashMap;
use std::sync::Arc;

use super::commands::Command;
use super::core::Core;
use super::route::Route;
use super::Shared;
use crate::client::session::Input;
use crate::client::{Profile, RouteError};
use crate::clock::Clock;
use crate::resolve::{Inquiry, Lookup, Resolution, Resolved};

/// A destination in one profile's cache, by the number of the cache: profiles share neither cache nor resolutions.
pub(super) type ResolutionKey = (u64, String);

/// A route whose targets are looked up.
#[derive(Debug)]
struct ResolutionWaiter {
    client: u64,
    route: u64,
    profile: Arc<Profile>,
}

#[derive(Debug)]
pub(super) struct Resolver {
    lookup: Option<Lookup>,
    waiting: HashMap<ResolutionKey, Vec<ResolutionWaiter>>,
}

impl Resolver {
    pub(super) fn new(lookup: Option<Lookup>) -> Self {
        Self { lookup, waiting: HashMap::new() }
    }

    /// No route of a Client wants its targets any longer.
    pub(super) fn abandon_client(&mut self, client: u64) {
        for waiting in self.waiting.values_mut() {
            waiting.retain(|other| other.client != client);
        }
    }

    /// A route no longer wants its targets. False when it waits for none.
    pub(super) fn abandon(&mut self, route: u64) -> bool {
        let mut found = false;
        for waiting in self.waiting.values_mut() {
            waiting.retain(|other| other.route != route || !std::mem::replace(&mut found, true));
        }
        found
    }
}

impl Core {
    /// Asks DNS for a route, unless somebody else already does.
    pub(super) fn resolve(&mut self, route: &mut Route, inquiry: Inquiry) {
        let profile = route.profile().clone();
        let Some(lookup) = self.resolver.lookup.clone() else {
            return route.handle(
                &self.shared,
                self.shared.clock.now(),
                Input::Unroutable(RouteError::NoDnsResolution),
            );
        };
        let key = (profile.dns_cache.number(), inquiry.cache_key().to_owned());
        let waiting = ResolutionWaiter { client: route.client.id(), route: route.id, profile };
        if let Some(others) = self.resolver.waiting.get_mut(&key) {
            return others.push(waiting);
        }
        self.resolver.waiting.insert(key.clone(), vec![waiting]);
        let shared = self.shared.clone();
        tokio::spawn(async move {
            // Should it panic, those who wait are told nevertheless.
            let asking = tokio::spawn(async move { lookup.resolve(inquiry).await });
            let resolved = asking.await.unwrap_or_else(|_| Resolved::unknown());
            tracing::debug!(target: "oversip::dns", destination = %key.1, outcome = ?resolved, "resolved");
            shared.post(Command::Resolved(key, resolved));
        });
    }

    /// A resolution ended: into the cache with it, and on with the routes that waited.
    pub(super) fn resolved(&mut self, key: &ResolutionKey, resolved: &Resolved) {
        let now = self.shared.clock.now();
        let waiting = self.resolver.waiting.remove(key).unwrap_or_default();
        if let (Some(first), Some(keep)) = (waiting.first(), resolved.keep) {
            if first.profile.use_dns_cache {
                first.profile.dns_cache.insert(now, &key.1, resolved.resolution.clone(), keep);
            }
        }
        for ResolutionWaiter { client, route, profile } in waiting {
            let input = self.shared.routing_input(&resolved.resolution, &profile);
            self.attempt(|core| core.deliver(client, route, input));
        }
    }
}

impl Shared {
    /// What the profile's cache knows of a destination.
    pub(super) fn cached_resolution(&self, inquiry: &Inquiry, profile: &Profile) -> Option<Input> {
        if !profile.use_dns_cache {
            return None;
        }
        let resolution = profile.dns_cache.get(self.clock.now(), inquiry.cache_key())?;
        Some(self.routing_input(&resolution, profile))
    }

    /// The targets of one use of a resolution: each draws its own order of servers.
    fn routing_input(&self, resolution: &Resolution, profile: &Profile) -> Input {
        match resolution.targets(profile, &mut |most| self.dice.draw(most)) {
            Ok(targets) => Input::Targets(targets),
            Err(error) => Input::Unroutable(error),
        }
    }
}
