//! Routes whose end somebody waits for: who is told of it, once, and for how long they wait.

use super::ids::RouteId;
use super::output::{Outcome, Output};
use super::route::{Caller, Route};
use super::timers::TimerKey;
use super::Element;
use crate::client::session::Callback;
use crate::client::Failure;

impl Element {
    /// Who waits for the end of a route does so for as long as they have said.
    pub(super) fn limit_call(&mut self, route: &Route) {
        if let Some(Caller { limit: Some(limit), .. }) = route.caller {
            let timer = self.timers.arm(self.now + limit, TimerKey::CallLimit(route.id));
            self.callers.limit(route.id, timer);
        }
    }

    /// Somebody has waited long enough for the end of a route.
    pub(super) fn call_limit(&mut self, id: RouteId) {
        if self.tell_call_ended(id, Outcome::Failed(Failure::call_timeout())) {
            if let Some(route) = self.clients.route_mut(id) {
                route.end_call();
            }
            self.give_up_route(id);
        }
    }

    /// A route that has its answer is waited for without a limit.
    pub(super) fn stop_idle_call_timer(&mut self, route: &Route) {
        if route.caller.is_some() && route.session.is_answered() {
            if let Some(timer) = self.callers.take_timer(route.id) {
                self.timers.stop(timer);
            }
        }
    }

    /// Who waits for the end of a route hears of it when the blocks have run.
    pub(super) fn tell_caller(&mut self, route: &mut Route, callback: &Callback) {
        let outcome = match callback {
            Callback::Success(response) => {
                Outcome::Response(response.clone(), response.status().unwrap_or(200))
            }
            Callback::Failure(response, seen) => Outcome::Response(response.clone(), *seen),
            Callback::Error(failure) => Outcome::Failed(failure.clone()),
            Callback::InviteTimeout => Outcome::Failed(Failure::invite_timeout()),
            Callback::Provisional(_) | Callback::Canceled | Callback::Target(_) => return,
        };
        self.finish_call(route, outcome);
    }

    /// Who waits is told, once: what comes first counts.
    pub(super) fn finish_call(&mut self, route: &mut Route, outcome: Outcome) {
        if route.caller.is_some() {
            route.end_call();
            self.tell_call_ended(route.id, outcome);
        }
    }

    /// False: nobody waits for the end of this route any more.
    pub(super) fn tell_call_ended(&mut self, route: RouteId, outcome: Outcome) -> bool {
        let Some(waiter) = self.callers.end(route) else { return false };
        waiter.timer.into_iter().for_each(|timer| self.timers.stop(timer));
        self.emit(Output::CallEnded { call: waiter.call, outcome });
        true
    }
}
