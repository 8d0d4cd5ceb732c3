//! Who waits for the ends of routes.

use super::ids::{CallId, RouteId};
use super::table::{Table, Tables};
use super::timers::TimerId;

/// Somebody who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiter {
    pub(super) call: CallId,
    /// Fires when they have waited long enough.
    pub(super) timer: Option<TimerId>,
}

/// Those who wait and were not told yet.
#[derive(Debug)]
pub(super) struct Callers {
    by_route: Table<RouteId, Waiter>,
    by_call: Table<CallId, RouteId>,
}

impl Callers {
    pub(super) fn new(tables: &Tables) -> Self {
        Self { by_route: tables.table(), by_call: tables.table() }
    }

    /// Somebody waits for the end of a route.
    pub(super) fn wait(&mut self, route: RouteId, call: CallId) {
        self.by_route.insert(route, Waiter { call, timer: None });
        self.by_call.insert(call, route);
    }

    /// Who waits for a route does so until this timer fires.
    pub(super) fn limit(&mut self, route: RouteId, timer: TimerId) {
        if let Some(waiter) = self.by_route.get_mut(&route) {
            waiter.timer = Some(timer);
        }
    }

    /// Who waits for a route has no limit any longer. Hands out the timer.
    pub(super) fn take_timer(&mut self, route: RouteId) -> Option<TimerId> {
        self.by_route.get_mut(&route)?.timer.take()
    }

    /// The route whose end somebody waits for.
    pub(super) fn route_of(&self, call: CallId) -> Option<RouteId> {
        self.by_call.get(&call).copied()
    }

    /// Who waits for a route is told: they wait no longer.
    pub(super) fn end(&mut self, route: RouteId) -> Option<Waiter> {
        let waiter = self.by_route.remove(&route)?;
        self.by_call.remove(&waiter.call);
        Some(waiter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_is_found_by_the_call_and_by_the_route_until_they_are_told() {
        let mut callers = Callers::new(&Tables::keyed([1; 4]));
        for number in [1, 2] {
            callers.wait(RouteId(number), CallId(10 * number));
        }
        assert_eq!(callers.route_of(CallId(20)), Some(RouteId(2)));
        assert_eq!(callers.end(RouteId(2)), Some(Waiter { call: CallId(20), timer: None }));
        assert_eq!((callers.end(RouteId(2)), callers.route_of(CallId(20))), (None, None));
        assert_eq!(callers.route_of(CallId(10)), Some(RouteId(1)));
    }
}
