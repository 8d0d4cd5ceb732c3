//! Which routes a Client has, by the requests that they are for.

use std::collections::BTreeSet;

use smallvec::SmallVec;

use super::ids::{OriginId, RouteId};

/// As many routes are kept in a list. Most Clients have one route, and a Client that all requests share has thousands.
const FEW: usize = 4;

/// The routes of one request.
pub(super) type SameOrigin = SmallVec<[RouteId; 2]>;

/// The routes of one Client.
#[derive(Debug)]
pub(super) enum RoutesOfClient {
    /// In the order of their beginning.
    Few(SmallVec<[(OriginId, RouteId); 1]>),
    Many(BTreeSet<(OriginId, RouteId)>),
}

impl Default for RoutesOfClient {
    fn default() -> Self {
        Self::Few(SmallVec::new())
    }
}

impl RoutesOfClient {
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Few(few) => few.is_empty(),
            Self::Many(many) => many.is_empty(),
        }
    }

    /// Adds a route, which is newer than all others.
    pub(super) fn add(&mut self, origin: OriginId, route: RouteId) {
        match self {
            Self::Few(few) if few.len() == FEW => {
                let mut many: BTreeSet<_> = few.drain(..).collect();
                many.insert((origin, route));
                *self = Self::Many(many);
            }
            Self::Few(few) => few.push((origin, route)),
            Self::Many(many) => {
                many.insert((origin, route));
            }
        }
    }

    pub(super) fn remove(&mut self, origin: OriginId, route: RouteId) {
        match self {
            Self::Few(few) => few.retain(|known| known.1 != route),
            Self::Many(many) => {
                many.remove(&(origin, route));
                if many.is_empty() {
                    *self = Self::default();
                }
            }
        }
    }

    /// Those of one request, in the order of their beginning.
    pub(super) fn of(&self, origin: OriginId) -> SameOrigin {
        match self {
            Self::Few(few) => few.iter().filter(|known| known.0 == origin).map(|known| known.1).collect(),
            Self::Many(many) => {
                let range = (origin, RouteId(0))..=(origin, RouteId(u64::MAX));
                many.range(range).map(|known| known.1).collect()
            }
        }
    }

    /// All, in the order of their beginning.
    pub(super) fn all(&self) -> Vec<RouteId> {
        match self {
            Self::Few(few) => few.iter().map(|known| known.1).collect(),
            Self::Many(many) => {
                let mut routes: Vec<_> = many.iter().map(|known| known.1).collect();
                routes.sort_unstable();
                routes
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ids::{OwnRequestId, RequestId};
    use super::*;

    /// `number` routes of two requests in turn.
    fn routes(number: u64) -> RoutesOfClient {
        let mut routes = RoutesOfClient::default();
        (0..number).for_each(|route| routes.add(origin(route), RouteId(route)));
        routes
    }

    fn origin(route: u64) -> OriginId {
        match route % 2 {
            0 => OriginId::Own(OwnRequestId(7)),
            _ => OriginId::Network(RequestId(7)),
        }
    }

    fn numbers(routes: &[RouteId]) -> Vec<u64> {
        routes.iter().map(|route| route.0).collect()
    }

    #[test]
    fn few_and_many_are_told_in_the_order_of_their_beginning() {
        for number in [0, 1, 3, 4, 5, 6, 50] {
            let routes = routes(number);
            assert_eq!(numbers(&routes.all()), (0..number).collect::<Vec<_>>());
            for first in [0, 1] {
                let of_request: Vec<_> = (first..number).step_by(2).collect();
                assert_eq!(numbers(&routes.of(origin(first))), of_request, "of {number}");
            }
        }
    }

    #[test]
    fn what_ends_is_gone_and_the_last_one_leaves_nothing_behind() {
        for number in [1, 4, 5, 50] {
            let mut routes = routes(number);
            for route in (0..number).rev() {
                assert!(!routes.is_empty());
                routes.remove(origin(route), RouteId(route));
                assert_eq!(numbers(&routes.all()), (0..route).collect::<Vec<_>>());
            }
            assert!(matches!(&routes, RoutesOfClient::Few(few) if few.is_empty()));
        }
    }

    #[test]
    fn a_client_with_one_route_takes_no_memory_for_it_of_its_own() {
        assert!(matches!(routes(1), RoutesOfClient::Few(few) if !few.spilled()));
    }
}
