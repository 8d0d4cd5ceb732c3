//! What a panic costs: the call that the engine was busy with, and nothing else.

use std::any::Any;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::Arc;

use bytes::Bytes;

use super::core::Core;
use super::incoming::IncomingRequest;
use super::upstream;
use crate::clock::Clock;

/// Whom a step of the engine works for.
#[derive(Debug, Default)]
pub(super) enum Beneficiary {
    #[default]
    Nobody,
    Client(u64),
    Request(Arc<IncomingRequest>),
}

/// Where a spec wants a defect.
#[derive(Debug)]
pub(super) enum Defect {
    /// While a route of this Client is run.
    Client(u64),
    /// While the effects of this request's transaction are carried out.
    Request(Arc<IncomingRequest>),
}

impl Core {
    /// One step. A defect that panics costs the call that the step belongs to, not all the others.
    pub(super) fn attempt(&mut self, step: impl FnOnce(&mut Self)) {
        self.working_for = Beneficiary::Nobody;
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| step(self))) else { return };
        let beneficiary = std::mem::take(&mut self.working_for);
        tracing::error!(target: "oversip::engine",
            "a defect: one step of the engine panicked ({}), its call is given up", words(&*panic));
        let cleaned = catch_unwind(AssertUnwindSafe(|| match beneficiary {
            Beneficiary::Nobody => {}
            Beneficiary::Client(client) => self.give_up_client(client),
            Beneficiary::Request(request) => self.give_up_request(&request),
        }));
        if cleaned.is_err() {
            tracing::error!(target: "oversip::engine", "a defect: a call could not be given up as a whole");
        }
    }

    /// The route at work is lost. What else there is of its Client ends as well: requests are answered 500, what is pending
    /// downstream is cancelled.
    fn give_up_client(&mut self, client: u64) {
        let now = self.shared.clock.now();
        self.forget_client(client);
        self.resolver.abandon_client(client);
        let of_client = |request: &IncomingRequest| request.core().is_some_and(|core| core.client == client);
        let requests: Vec<_> = self.servers.values().map(|entry| &entry.request).cloned().collect();
        for request in requests.iter().filter(|request| of_client(request)) {
            request.abandon();
            if request.is_undecided() {
                upstream::reply(&self.shared, now, request, 500, b"Internal Error", &[], b"");
            }
        }
        for (id, route) in self.branches_of(client) {
            let ended = catch_unwind(AssertUnwindSafe(|| {
                self.abandon_branch(now, route);
            }));
            if ended.is_err() || self.is_timeless(&id) {
                self.drop_branch(&id);
            }
        }
    }

    /// Timers of this request may be lost: it is answered, or it ends now.
    fn give_up_request(&mut self, request: &Arc<IncomingRequest>) {
        let now = self.shared.clock.now();
        request.abandon();
        let answered = request.is_undecided()
            && upstream::reply(&self.shared, now, request, 500, b"Internal Error", &[], b"");
        if !answered || request.is_pending() {
            self.end_server(request);
        }
    }

    fn branches_of(&self, client: u64) -> Vec<(Bytes, u64)> {
        let of_client = self.branches.iter().filter(|(_, branch)| branch.client() == client);
        of_client.map(|(id, branch)| (id.clone(), branch.route())).collect()
    }

    /// A branch that no timer will end.
    fn is_timeless(&self, id: &Bytes) -> bool {
        self.branches.get(id).is_some_and(|branch| branch.is_timeless())
    }

    /// Does what a spec asked for.
    pub(super) fn panic_at(&mut self, defect: Defect) {
        match defect {
            Defect::Client(client) => self.panic_in_route(client),
            Defect::Request(request) => {
                self.working_for = Beneficiary::Request(request);
                panic_quietly();
            }
        }
    }
}

/// A panic without the words that Rust writes to stderr.
pub(super) fn panic_quietly() -> ! {
    resume_unwind(Box::new("a spec asked for it"))
}

/// What a panic says of itself.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it does not say why")
}
