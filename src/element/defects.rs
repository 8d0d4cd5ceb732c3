//! What a panic costs: the call that the element was busy with, and nothing else.

use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};

use super::beneficiary::Beneficiary;
use super::clients::Woken;
use super::ids::{ClientId, RequestId};
use super::output::{Outcome, Output};
use super::Element;
use crate::client::Failure;

impl Element {
    /// From here on the present step works for this one.
    pub(super) fn work_for(&mut self, beneficiary: Beneficiary) {
        self.working_for = beneficiary;
    }

    /// A part of the present step works for another one.
    pub(super) fn working_for(&mut self, beneficiary: Beneficiary, part: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.working_for, beneficiary);
        part(self);
        // A panic leaves it as it is: who is to blame is known then.
        self.working_for = outer;
    }

    /// One step that finds out itself whom it works for.
    pub(super) fn attempt(&mut self, step: impl FnOnce(&mut Self)) {
        self.attempt_for(Beneficiary::Nobody, step);
    }

    /// One step, and those of the routes that it has woken: each is an attempt of its own. `None`: the step has panicked.
    pub(super) fn attempt_for<R>(
        &mut self,
        beneficiary: Beneficiary,
        step: impl FnOnce(&mut Self) -> R,
    ) -> Option<R> {
        let done = self.attempt_alone(beneficiary, step);
        while let Some(Woken { client, route, input }) = self.woken.pop_front() {
            self.attempt_alone(Beneficiary::Client(client), |element| element.deliver(client, route, input));
        }
        done
    }

    /// A defect that panics costs the call that the step belongs to, not all the others.
    fn attempt_alone<R>(&mut self, beneficiary: Beneficiary, step: impl FnOnce(&mut Self) -> R) -> Option<R> {
        let outer = std::mem::replace(&mut self.working_for, beneficiary);
        let done = catch_unwind(AssertUnwindSafe(|| step(self)));
        let beneficiary = std::mem::take(&mut self.working_for);
        self.working_for = outer;
        done.map_err(|panic| self.clean_up(beneficiary, &*panic)).ok()
    }

    fn clean_up(&mut self, beneficiary: Beneficiary, panic: &(dyn Any + Send)) {
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
    /// downstream is cancelled.
    fn give_up_client(&mut self, client: ClientId) {
        let (lost, responses) = self.clients.give_up(client);
        self.responses -= responses;
        for (_, owner) in &lost {
            self.release(owner.anchor);
            owner.call_timer.into_iter().for_each(|timer| self.timers.stop(timer));
            if let Some(call) = owner.call {
                let outcome = Outcome::Failed(Failure::internal_error());
                self.emit(Output::CallEnded { call, outcome });
            }
        }
        self.resolutions.abandon_client(client);
        self.forget_sockets_of(client);
        for branch in self.client_transactions.of_client(client) {
            let upstream = self.client_transactions.get(&branch).and_then(|it| it.upstream());
            let ended = catch_unwind(AssertUnwindSafe(|| {
                self.step_client_transaction(&branch, None, |transaction, now| transaction.abandon(now));
            }));
            if ended.is_err() || self.client_transactions.get(&branch).is_some_and(|it| it.is_timeless()) {
                self.drop_client_transaction(&branch);
            }
            if let Some(upstream) = upstream {
                self.give_up_request(upstream);
            }
        }
        // A route that had sent nothing yet has left its request behind.
        let orphaned = self.server_transactions.matching(|request| {
            request.context.open().iter().any(|route| lost.iter().any(|(it, _)| it == route))
        });
        for request in orphaned {
            self.give_up_request(request);
        }
    }

    /// Timers of this request may be lost: it is answered, or it ends now.
    fn give_up_request(&mut self, id: RequestId) {
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
                let waiting = self.clients.get_mut(client).and_then(|it| it.take_newest());
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
