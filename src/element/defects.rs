//! What a panic costs: the call that the element was busy with, and nothing else.

use std::any::Any;
use std::collections::BTreeSet;
use std::panic::{catch_unwind, AssertUnwindSafe};

use super::beneficiary::Beneficiary;
use super::consequences::Consequence;
use super::ids::{ClientId, RequestId, RouteId};
use super::output::Outcome;
#[cfg(feature = "defects")]
use super::output::Output;
use super::Element;
use crate::client::{Branch, Failure};

impl Element {
    /// Gives up what a step has worked for that has panicked.
    pub(super) fn clean_up(&mut self, beneficiary: Beneficiary, panic: &(dyn Any + Send)) {
        tracing::error!(target: "oversip::engine",
            "a defect: one step of the engine panicked ({}), its call is given up", words(panic));
        let cleaned = catch_unwind(AssertUnwindSafe(|| {
            // One may have made another one work: they belong to the same call.
            let mut clients = self.clients.broken_off();
            match beneficiary {
                Beneficiary::Client(client) if !clients.contains(&client) => clients.push(client),
                Beneficiary::Nobody | Beneficiary::Client(_) => {}
                Beneficiary::Request(request) => self.give_up_request(request),
            }
            for client in clients {
                self.give_up_client(client);
            }
        }));
        if cleaned.is_err() {
            tracing::error!(target: "oversip::engine", "a defect: a call could not be given up as a whole");
        }
    }

    /// The route at work is lost. What else there is of its Client ends as well: requests are answered 500, what is pending
    /// downstream is cancelled. A Client that many requests share may have very many of each.
    fn give_up_client(&mut self, client: ClientId) {
        let (routes, responses) = self.clients.give_up(client);
        self.responses -= responses;
        let branches = self.client_transactions.of_client(client);
        let of_branches =
            branches.iter().filter_map(|branch| self.client_transactions.get(branch)?.upstream());
        // A route that had sent nothing yet has left its request behind.
        let of_routes = routes.iter().filter_map(|route| {
            let request = self.clients.upstream_of(*route)?;
            let open = self.server_transactions.get(request)?.context.open();
            open.contains(route).then_some(request)
        });
        let requests: BTreeSet<RequestId> = of_branches.chain(of_routes).collect();
        let lost = routes.into_iter().map(Consequence::RouteLost);
        let lost = lost.chain(branches.into_iter().map(Consequence::BranchLost));
        for consequence in lost.chain(requests.into_iter().map(Consequence::RequestLost)) {
            self.consequences.add(consequence);
        }
    }

    /// A defect has cost the Client of a route: who waits for the route is told, and what it has waited for itself is not wanted
    /// any more.
    pub(super) fn give_up_lost_route(&mut self, route: RouteId) {
        let Some(anchor) = self.clients.end(route) else { return };
        self.release(anchor);
        self.tell_call_ended(route, Outcome::Failed(Failure::internal_error()));
        self.resolutions.abandon(route);
        self.forget_socket(route);
    }

    /// The same for what was sent.
    pub(super) fn give_up_branch(&mut self, branch: &Branch) {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            self.step_client_transaction(branch, None, |transaction, now| transaction.abandon(now));
        }));
        if ended.is_err() || self.client_transactions.get(branch).is_some_and(|it| it.is_timeless()) {
            self.drop_client_transaction(branch);
        }
    }

    /// Timers of this request may be lost: it is answered, or it ends now.
    pub(super) fn give_up_request(&mut self, id: RequestId) {
        self.abandon(id);
        let undecided = self.server_request(id).is_some_and(|request| request.is_undecided());
        if undecided {
            self.reply_by_itself(id, 500, b"Internal Error");
        }
        let left =
            self.server_request(id).is_some_and(|request| request.is_pending() || request.is_undecided());
        if left || !undecided {
            self.end_server(id);
        }
    }
}

/// Where a test wants a panic.
#[cfg(feature = "defects")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlannedPanic {
    /// While a route of this Client is at work.
    Client(ClientId),
    /// In the next step of a route of this Client.
    NextStep(ClientId),
    /// While the effects of this request's transaction are carried out.
    Request(RequestId),
    /// In the step, whichever it is, that would ask for one more thing to be sent, opened, looked up or run after so many from
    /// now on.
    AfterOutputs(u32),
}

#[cfg(feature = "defects")]
impl Element {
    /// Panics as a defect would: for tests of what that costs.
    pub fn plan_panic(&mut self, now: std::time::Instant, planned: PlannedPanic) {
        self.begin(now);
        match planned {
            PlannedPanic::NextStep(client) => self.panics_next = Some(client),
            PlannedPanic::AfterOutputs(outputs) => self.panics_after = Some(outputs),
            PlannedPanic::Request(request) => {
                self.attempt_for(Beneficiary::Request(request), |_| panic_quietly());
            }
            PlannedPanic::Client(client) => {
                let waiting = self.clients.take_newest(client);
                if let Some(_at_work) = waiting {
                    self.attempt_for(Beneficiary::Client(client), |_| panic_quietly());
                }
            }
        }
    }

    /// Panics if that was planned for this output.
    pub(super) fn panic_if_counted(&mut self, output: &Output) {
        // By these two the end of a route is told, in one go.
        if matches!(output, Output::CallEnded { .. } | Output::Released(_)) {
            return;
        }
        match &mut self.panics_after {
            None => {}
            Some(0) => {
                self.panics_after = None;
                panic_quietly();
            }
            Some(outputs) => *outputs -= 1,
        }
    }

    /// Panics if that was planned for this step.
    pub(super) fn panic_if_planned(&mut self, client: ClientId) {
        if self.panics_next.take_if(|planned| *planned == client).is_some() {
            panic_quietly();
        }
    }
}

/// A panic without the words that Rust writes to stderr.
#[cfg(feature = "defects")]
fn panic_quietly() {
    std::panic::resume_unwind(Box::new("a test asked for it"))
}

/// What a panic says of itself.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it does not say why")
}
