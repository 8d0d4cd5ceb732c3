//! Resolutions under way, one for all routes that ask the same at the same time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::ids::{ClientId, Numbers, ResolutionId, RouteId};
use super::table::{Table, Tables};
use crate::client::Profile;
use crate::resolve::{self, DnsCacheId};

/// A destination in one profile's cache, by the name of the cache: profiles share neither cache nor resolutions.
pub(super) type ResolutionKey = (DnsCacheId, String);

/// A route whose targets are looked up.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) client: ClientId,
    pub(super) route: RouteId,
    pub(super) profile: Arc<Profile>,
    /// Since when it waits.
    pub(super) since: Instant,
}

#[derive(Debug)]
struct Resolution {
    key: ResolutionKey,
    /// What has come of it; those that wait hear of it in their turn.
    outcome: Option<Arc<resolve::Resolution>>,
    waiting: BTreeMap<RouteId, Waiting>,
}

/// The resolutions of an element.
#[derive(Debug)]
pub(super) struct Resolutions {
    /// Those under way, and those that routes have yet to hear of.
    known: BTreeMap<ResolutionId, Resolution>,
    by_key: Table<ResolutionKey, ResolutionId>,
    /// What each route waits for.
    wanted: Table<RouteId, ResolutionId>,
    numbers: Numbers,
}

impl Resolutions {
    pub(super) fn new(element: u16, tables: &Tables) -> Self {
        Self {
            known: BTreeMap::new(),
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
        match self.known.get_mut(&id) {
            Some(resolution) => {
                resolution.waiting.insert(waiting.route, waiting);
                None
            }
            None => {
                self.by_key.insert(key.clone(), id);
                let waiting = BTreeMap::from([(waiting.route, waiting)]);
                self.known.insert(id, Resolution { key, outcome: None, waiting });
                Some(id)
            }
        }
    }

    /// A resolution has ended: the next route that wants the same asks anew. Hands out what it was for and the routes that have
    /// waited, in their order: each is to be told ([`Resolutions::take`]).
    pub(super) fn ended(
        &mut self,
        id: ResolutionId,
        outcome: Arc<resolve::Resolution>,
    ) -> Option<(&ResolutionKey, &BTreeMap<RouteId, Waiting>)> {
        let resolution = self.known.get_mut(&id)?;
        self.by_key.remove(&resolution.key);
        if resolution.waiting.is_empty() {
            self.known.remove(&id);
            return None;
        }
        let resolution = self.known.get_mut(&id)?;
        resolution.outcome = Some(outcome);
        Some((&resolution.key, &resolution.waiting))
    }

    /// A route that has waited is told of what has come of its resolution; `None` when it no longer wants its targets.
    pub(super) fn take(&mut self, route: RouteId) -> Option<(Waiting, Arc<resolve::Resolution>)> {
        let resolution = self.known.get(self.wanted.get(&route)?)?;
        let outcome = resolution.outcome.clone()?;
        Some((self.remove(route)?, outcome))
    }

    /// What is asked for a route.
    pub(super) fn asked(&self, route: RouteId) -> Option<&str> {
        let resolution = self.known.get(self.wanted.get(&route)?)?;
        Some(&resolution.key.1)
    }

    /// A route no longer wants its targets. False when it waits for none.
    pub(super) fn abandon(&mut self, route: RouteId) -> bool {
        self.remove(route).is_some()
    }

    fn remove(&mut self, route: RouteId) -> Option<Waiting> {
        let id = self.wanted.remove(&route)?;
        let resolution = self.known.get_mut(&id)?;
        let waiting = resolution.waiting.remove(&route);
        if resolution.outcome.is_some() && resolution.waiting.is_empty() {
            self.known.remove(&id);
        }
        waiting
    }

    /// How many routes wait.
    pub(super) fn waiting(&self) -> usize {
        self.wanted.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::Resolved;

    fn waiting(route: u64) -> Waiting {
        Waiting {
            client: ClientId(route / 10),
            route: RouteId(route),
            profile: Arc::new(Profile::default()),
            since: Instant::now(),
        }
    }

    /// The routes that hear of the end of a resolution.
    fn routes(resolutions: &mut Resolutions, id: ResolutionId) -> Vec<u64> {
        let ended = resolutions.ended(id, Resolved::unknown().resolution);
        let routes: Vec<_> = ended.into_iter().flat_map(|(_, waiting)| waiting.keys().copied()).collect();
        let told = routes.into_iter().filter_map(|route| resolutions.take(route));
        told.map(|(waiting, _)| waiting.route.0).collect()
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
        assert_eq!(routes(&mut resolutions, a), [11, 12, 21]);
        assert!(!resolutions.abandon(RouteId(11)));
        assert!(resolutions.wait(key("a.example"), waiting(31)).is_some(), "the next one asks anew");
    }

    #[test]
    fn a_route_that_is_abandoned_is_not_told() {
        let (mut resolutions, a, _) = resolutions();
        let abandoned = [12, 12, 99].map(|route| resolutions.abandon(RouteId(route)));
        assert_eq!(abandoned, [true, false, false]);
        assert_eq!(routes(&mut resolutions, a), [11, 21]);
    }

    #[test]
    fn a_route_that_is_abandoned_after_the_end_is_not_told_of_it() {
        let (mut resolutions, a, b) = resolutions();
        resolutions.ended(a, Resolved::unknown().resolution);
        assert!(resolutions.abandon(RouteId(12)) && resolutions.take(RouteId(12)).is_none());
        assert_eq!(resolutions.waiting(), 3, "the others have yet to be told");
        assert!(resolutions.take(RouteId(11)).is_some() && resolutions.take(RouteId(21)).is_some());
        assert!(resolutions.take(RouteId(22)).is_none(), "its resolution has not ended");
        assert_eq!(routes(&mut resolutions, b), [22]);
        assert!(resolutions.known.is_empty() && resolutions.by_key.is_empty());
    }
}
