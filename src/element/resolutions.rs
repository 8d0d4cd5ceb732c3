//! Resolutions under way, one for all routes that ask the same at the same time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ids::{ClientId, Numbers, ResolutionId, RouteId};
use super::table::{Table, Tables};
use crate::client::Profile;
use crate::resolve::DnsCacheId;

/// A destination in one profile's cache, by the name of the cache: profiles share neither cache nor resolutions.
pub(super) type ResolutionKey = (DnsCacheId, String);

/// A route whose targets are looked up.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) client: ClientId,
    pub(super) route: RouteId,
    pub(super) profile: Arc<Profile>,
}

#[derive(Debug)]
struct Resolution {
    key: ResolutionKey,
    waiting: BTreeMap<RouteId, Waiting>,
}

/// The resolutions of an element.
#[derive(Debug)]
pub(super) struct Resolutions {
    under_way: BTreeMap<ResolutionId, Resolution>,
    by_key: Table<ResolutionKey, ResolutionId>,
    /// What each route waits for.
    wanted: Table<RouteId, ResolutionId>,
    numbers: Numbers,
}

impl Resolutions {
    pub(super) fn new(element: u16, tables: &Tables) -> Self {
        Self {
            under_way: BTreeMap::new(),
            by_key: tables.table(),
            wanted: tables.table(),
            numbers: Numbers::of_element(element),
        }
    }

    /// A route waits for a resolution. Hands out its name when it is the first one that wants it.
    pub(super) fn wait(&mut self, key: ResolutionKey, waiting: Waiting) -> Option<ResolutionId> {
        let known = self.by_key.get(&key).copied();
        let id = known.unwrap_or_else(|| ResolutionId(self.numbers.next()));
        self.wanted.insert(waiting.route, id);
        match self.under_way.get_mut(&id) {
            Some(resolution) => {
                resolution.waiting.insert(waiting.route, waiting);
                None
            }
            None => {
                self.by_key.insert(key.clone(), id);
                let waiting = BTreeMap::from([(waiting.route, waiting)]);
                self.under_way.insert(id, Resolution { key, waiting });
                Some(id)
            }
        }
    }

    /// A resolution has ended: hands out what it was for and the routes that waited for it, the first one first.
    pub(super) fn ended(&mut self, id: ResolutionId) -> Option<(ResolutionKey, Vec<Waiting>)> {
        let Resolution { key, waiting } = self.under_way.remove(&id)?;
        self.by_key.remove(&key);
        for route in waiting.keys() {
            self.wanted.remove(route);
        }
        Some((key, waiting.into_values().collect()))
    }

    /// No route of a Client wants its targets any longer.
    pub(super) fn abandon_client(&mut self, client: ClientId) {
        for resolution in self.under_way.values_mut() {
            resolution.waiting.retain(|route, waiting| {
                let kept = waiting.client != client;
                if !kept {
                    self.wanted.remove(route);
                }
                kept
            });
        }
    }

    /// A route no longer wants its targets. False when it waits for none.
    pub(super) fn abandon(&mut self, route: RouteId) -> bool {
        let resolution = self.wanted.remove(&route).and_then(|id| self.under_way.get_mut(&id));
        resolution.is_some_and(|resolution| resolution.waiting.remove(&route).is_some())
    }

    /// How many routes wait.
    pub(super) fn waiting(&self) -> usize {
        self.wanted.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(route: u64) -> Waiting {
        Waiting { client: ClientId(route / 10), route: RouteId(route), profile: Arc::new(Profile::default()) }
    }

    fn routes(ended: Option<(ResolutionKey, Vec<Waiting>)>) -> Vec<u64> {
        ended.into_iter().flat_map(|(_, waiting)| waiting).map(|waiting| waiting.route.0).collect()
    }

    fn key(name: &str) -> ResolutionKey {
        (DnsCacheId(1), name.to_owned())
    }

    /// Resolutions of two names that routes wait for.
    fn resolutions() -> (Resolutions, ResolutionId, ResolutionId) {
        let mut resolutions = Resolutions::new(0, &Tables::keyed([1; 4]));
        let firsts = [11, 12, 21].map(|route| resolutions.wait(key("a.example"), waiting(route)));
        let a = firsts[0].expect("the first one asks");
        assert_eq!(firsts, [Some(a), None, None]);
        let b = resolutions.wait(key("b.example"), waiting(22)).expect("another name");
        (resolutions, a, b)
    }

    #[test]
    fn those_that_wait_come_in_their_order_and_wait_no_longer() {
        let (mut resolutions, a, _) = resolutions();
        assert_eq!(routes(resolutions.ended(a)), [11, 12, 21]);
        assert!(!resolutions.abandon(RouteId(11)));
        assert!(resolutions.wait(key("a.example"), waiting(31)).is_some(), "the next one asks anew");
    }

    #[test]
    fn a_route_that_is_abandoned_is_not_told() {
        let (mut resolutions, a, _) = resolutions();
        let abandoned = [12, 12, 99].map(|route| resolutions.abandon(RouteId(route)));
        assert_eq!(abandoned, [true, false, false]);
        assert_eq!(routes(resolutions.ended(a)), [11, 21]);
    }

    #[test]
    fn all_routes_of_a_client_are_abandoned_together() {
        let (mut resolutions, a, b) = resolutions();
        resolutions.abandon_client(ClientId(2));
        assert!(!resolutions.abandon(RouteId(21)) && !resolutions.abandon(RouteId(22)));
        assert_eq!(routes(resolutions.ended(a)), [11, 12]);
        assert!(routes(resolutions.ended(b)).is_empty());
    }
}
