//! From a destination to targets: by what it says itself, by the profile's cache, or by the driver's look-ups.

use std::time::Duration;

use smallvec::smallvec;

use super::consequences::Consequence;
use super::ids::{ResolutionId, RouteId};
use super::output::Output;
use super::resolutions::Waiting;
use super::route::Route;
use super::Element;
use crate::client::session::SessionInput;
use crate::client::Destination;
use crate::client::Profile;
use crate::resolve::{plan, Inquiry, Plan, Resolution, Resolved};

impl Element {
    /// Finds out where a route goes.
    pub(super) fn head_for(&mut self, route: &mut Route, destination: Destination) {
        let query = match destination {
            Destination::Resolve(query) | Destination::Route(query) | Destination::Named(query) => query,
            Destination::Flow(flow) => {
                route.flow = Some(flow);
                return self.tell(route, SessionInput::Flow);
            }
        };
        let query = if route.is_bound_to_tls() { query.as_sips() } else { query };
        route.head_for(&query);
        match plan(&query, &route.profile().resolve) {
            Plan::Failed(error) => self.tell(route, SessionInput::Unroutable(error)),
            Plan::Target(target) => self.tell(route, SessionInput::Targets(smallvec![target])),
            Plan::Ask(inquiry) => self.look_up(route, inquiry),
        }
    }

    fn look_up(&mut self, route: &mut Route, inquiry: Inquiry) {
        let profile = route.profile().clone();
        let cache = profile.resolve.use_dns_cache.then(|| self.stores.dns_cache(profile.dns_cache));
        let cached = cache.and_then(|cache| cache.get(self.now, inquiry.cache_key()));
        if let Some(resolution) = cached {
            let input = self.targets_of(&resolution, &profile);
            self.note_resolved(inquiry.cache_key(), route.request.call_id(), &input, Duration::ZERO);
            return self.tell(route, input);
        }
        let key = (profile.dns_cache, inquiry.cache_key().to_owned());
        let waiting = Waiting { client: route.client, route: route.id, profile, since: self.now };
        if let Some(resolution) = self.resolutions.wait(key, waiting) {
            self.emit(Output::Resolve { resolution, inquiry });
        }
    }

    /// A resolution ended: into the cache with it, and on with the routes that waited.
    pub(super) fn resolved(&mut self, id: ResolutionId, resolved: &Resolved) {
        let ended = self.resolutions.ended(id, resolved.resolution.clone());
        let Some((key, waiting)) = ended else { return };
        if let (Some(first), Some(keep)) = (waiting.values().next(), resolved.keep) {
            if first.profile.resolve.use_dns_cache {
                let cache = self.stores.dns_cache(first.profile.dns_cache);
                cache.insert(self.now, &key.1, resolved.resolution.clone(), keep);
            }
        }
        for route in waiting.keys() {
            self.consequences.add(Consequence::Resolved(*route));
        }
    }

    /// A route hears of the resolution that it has waited for.
    pub(super) fn targets_found(&mut self, route: RouteId) {
        let asked = self.happenings.as_ref().and_then(|_| self.resolutions.asked(route)).map(str::to_owned);
        let Some((waiting, resolution)) = self.resolutions.take(route) else { return };
        let input = self.targets_of(&resolution, &waiting.profile);
        let took = self.now.saturating_duration_since(waiting.since);
        self.note_resolved_for(route, asked, &input, took);
        self.deliver(waiting.client, route, input);
    }

    /// The targets of one use of a resolution: each draws its own order of servers.
    fn targets_of(&mut self, resolution: &Resolution, profile: &Profile) -> SessionInput {
        match resolution.targets(&profile.resolve, &mut |most| self.srv_random.up_to(most)) {
            Ok(targets) => SessionInput::Targets(targets.into()),
            Err(error) => SessionInput::Unroutable(error),
        }
    }
}
