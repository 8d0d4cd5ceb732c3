//! Resolutions under way, one for all routes that ask the same at the same time.

use std::collections::{BTreeMap, HashMap};

use super::commands::Command;
use super::core::Core;
use super::dns::Lookup;
use super::route::Route;
use super::stores::StoredProfile;
use super::Shared;
use crate::client::session::Input;
use crate::client::Profile;
use crate::clock::Clock;
use crate::resolve::{DnsCacheId, Inquiry, Resolution, ResolveError, Resolved};

/// A destination in one profile's cache, by the name of the cache: profiles share neither cache nor resolutions.
pub(super) type ResolutionKey = (DnsCacheId, String);

/// A route whose targets are looked up.
#[derive(Debug)]
struct ResolutionWaiter {
    client: u64,
    route: u64,
    profile: StoredProfile,
}

#[derive(Debug)]
pub(super) struct Resolver {
    lookup: Option<Lookup>,
    /// By the number of the route: those are given in order.
    waiting: HashMap<ResolutionKey, BTreeMap<u64, ResolutionWaiter>>,
    /// What each route waits for.
    wanted: HashMap<u64, ResolutionKey>,
}

impl Resolver {
    pub(super) fn new(lookup: Option<Lookup>) -> Self {
        Self { lookup, waiting: HashMap::new(), wanted: HashMap::new() }
    }

    /// A route waits for a resolution. True: it is the first one that wants it.
    fn wait(&mut self, key: &ResolutionKey, waiter: ResolutionWaiter) -> bool {
        self.wanted.insert(waiter.route, key.clone());
        match self.waiting.get_mut(key) {
            Some(others) => {
                others.insert(waiter.route, waiter);
                false
            }
            None => {
                self.waiting.insert(key.clone(), BTreeMap::from([(waiter.route, waiter)]));
                true
            }
        }
    }

    /// A resolution has ended: hands out the routes that waited for it, the first one first.
    fn ended(&mut self, key: &ResolutionKey) -> Vec<ResolutionWaiter> {
        let waiting = self.waiting.remove(key).unwrap_or_default();
        for route in waiting.keys() {
            self.wanted.remove(route);
        }
        waiting.into_values().collect()
    }

    /// Whether somebody waits for a resolution.
    pub(super) fn is_asking(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// No route of a Client wants its targets any longer.
    pub(super) fn abandon_client(&mut self, client: u64) {
        for waiting in self.waiting.values_mut() {
            waiting.retain(|route, waiter| {
                let kept = waiter.client != client;
                if !kept {
                    self.wanted.remove(route);
                }
                kept
            });
        }
    }

    /// A route no longer wants its targets. False when it waits for none.
    pub(super) fn abandon(&mut self, route: u64) -> bool {
        let waiting = self.wanted.remove(&route).and_then(|key| self.waiting.get_mut(&key));
        waiting.is_some_and(|waiting| waiting.remove(&route).is_some())
    }
}

impl Core {
    /// Asks DNS for a route, unless somebody else already does.
    pub(super) fn resolve(&mut self, route: &mut Route, inquiry: Inquiry) {
        let profile = route.profile.clone();
        let Some(lookup) = self.resolver.lookup.clone() else {
            return route.handle(
                &self.shared,
                self.shared.clock.now(),
                Input::Unroutable(ResolveError::NoDnsResolution),
            );
        };
        let key = (profile.parameters.dns_cache, inquiry.cache_key().to_owned());
        let waiting = ResolutionWaiter { client: route.client.id(), route: route.id, profile };
        if !self.resolver.wait(&key, waiting) {
            return;
        }
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
        let waiting = self.resolver.ended(key);
        if let (Some(first), Some(keep)) = (waiting.first(), resolved.keep) {
            if first.profile.parameters.resolve.use_dns_cache {
                let resolution = resolved.resolution.clone();
                first.profile.dns_cache.with(|cache| cache.insert(now, &key.1, resolution, keep));
            }
        }
        for ResolutionWaiter { client, route, profile } in waiting {
            let input = self.shared.routing_input(&resolved.resolution, &profile.parameters);
            self.attempt(|core| core.deliver(client, route, input));
        }
    }
}

impl Shared {
    /// What the profile's cache knows of a destination.
    pub(super) fn cached_resolution(&self, inquiry: &Inquiry, profile: &StoredProfile) -> Option<Input> {
        if !profile.parameters.resolve.use_dns_cache {
            return None;
        }
        let resolution = profile.dns_cache.with(|cache| cache.get(self.clock.now(), inquiry.cache_key()))?;
        Some(self.routing_input(&resolution, &profile.parameters))
    }

    /// The targets of one use of a resolution: each draws its own order of servers.
    fn routing_input(&self, resolution: &Resolution, profile: &Profile) -> Input {
        match resolution
            .targets(&profile.resolve, &mut |most| self.srv_random.draw(|random| random.up_to(most)))
        {
            Ok(targets) => Input::Targets(targets),
            Err(error) => Input::Unroutable(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiter(route: u64) -> ResolutionWaiter {
        ResolutionWaiter { client: route / 10, route, profile: StoredProfile::new(Profile::default()) }
    }

    fn routes(waiting: &[ResolutionWaiter]) -> Vec<u64> {
        waiting.iter().map(|waiter| waiter.route).collect()
    }

    fn key(name: &str) -> ResolutionKey {
        (DnsCacheId(1), name.to_owned())
    }

    /// A resolver at which routes wait for two names.
    fn resolver() -> Resolver {
        let mut resolver = Resolver::new(None);
        let firsts = [11, 12, 21].map(|route| resolver.wait(&key("a.example"), waiter(route)));
        assert_eq!(firsts, [true, false, false]);
        assert!(resolver.wait(&key("b.example"), waiter(22)));
        resolver
    }

    #[test]
    fn those_that_wait_come_in_their_order_and_wait_no_longer() {
        let mut resolver = resolver();
        assert_eq!(routes(&resolver.ended(&key("a.example"))), [11, 12, 21]);
        assert!(!resolver.abandon(11));
        assert!(resolver.wait(&key("a.example"), waiter(31)), "the next one asks anew");
    }

    #[test]
    fn a_route_that_is_abandoned_is_not_told() {
        let mut resolver = resolver();
        assert_eq!([12, 12, 99].map(|route| resolver.abandon(route)), [true, false, false]);
        assert_eq!(routes(&resolver.ended(&key("a.example"))), [11, 21]);
    }

    #[test]
    fn all_routes_of_a_client_are_abandoned_together() {
        let mut resolver = resolver();
        resolver.abandon_client(2);
        assert!(!resolver.abandon(21) && !resolver.abandon(22));
        assert_eq!(routes(&resolver.ended(&key("a.example"))), [11, 12]);
        assert!(resolver.ended(&key("b.example")).is_empty());
    }
}
