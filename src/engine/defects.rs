//! What a panic costs: the call that the engine was busy with, and nothing else.

use std::any::Any;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::Arc;

use bytes::Bytes;

use super::commands::Command;
use super::core::{Core, TimerKey, Woken};
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

/// Where a spec wants a panic.
#[derive(Debug)]
pub(super) enum PlannedPanic {
    /// While a route of this Client is run.
    Client(u64),
    /// In the next step of a route of this Client.
    NextStep(u64),
    /// While the effects of this request's transaction are carried out.
    Request(Arc<IncomingRequest>),
}

impl Beneficiary {
    fn is_request(&self, request: &Arc<IncomingRequest>) -> bool {
        matches!(self, Self::Request(other) if Arc::ptr_eq(other, request))
    }
}

impl TimerKey {
    /// Whom the timer works for, as far as that is known before it is looked at.
    pub(super) fn beneficiary(&self) -> Beneficiary {
        match self {
            Self::Server(request, _) | Self::PendingTrying(request) => Beneficiary::Request(request.clone()),
            Self::ProbeWait { client, .. } | Self::CallLimit { client, .. } => Beneficiary::Client(*client),
            // The branch knows its Client.
            Self::Branch(..) => Beneficiary::Nobody,
            Self::Scheduled(_) | Self::Sweep | Self::UacAck(_) => Beneficiary::Nobody,
        }
    }
}

impl Command {
    /// Whom the command works for, as far as that is known before it is looked at.
    pub(super) fn beneficiary(&self) -> Beneficiary {
        match self {
            Command::Start(route) | Command::Return(route) => Beneficiary::Client(route.client.id()),
            Command::AbortClient(client) | Command::CancelClient(client) => Beneficiary::Client(*client),
            Command::GiveUp(core) => Beneficiary::Client(core.client),
            Command::Server(request, _) | Command::Respond(request, _) | Command::RequestDone(request) => {
                Beneficiary::Request(request.clone())
            }
            // Those that wait for it are woken one by one.
            Command::Resolved(..) => Beneficiary::Nobody,
            Command::Schedule { .. }
            | Command::AdmitConnection(_)
            | Command::CloseConnection(_)
            | Command::CloseWebSocket { .. }
            | Command::Upgrade(..)
            | Command::Panic(_)
            | Command::ClockChanged
            | Command::Advance { .. }
            | Command::Stop { .. } => Beneficiary::Nobody,
        }
    }
}

impl Core {
    /// From here on the present step works for this request.
    pub(super) fn work_for_request(&mut self, request: &Arc<IncomingRequest>) {
        if !self.working_for.is_request(request) {
            self.working_for = Beneficiary::Request(request.clone());
        }
    }

    /// One step that finds out itself whom it works for.
    pub(super) fn attempt(&mut self, step: impl FnOnce(&mut Self)) {
        self.attempt_for(Beneficiary::Nobody, step);
    }

    /// One step, and those of the routes that it has woken: each is an attempt of its own.
    pub(super) fn attempt_for(&mut self, beneficiary: Beneficiary, step: impl FnOnce(&mut Self)) {
        self.attempt_alone(beneficiary, step);
        while let Some(Woken { client, route, input }) = self.woken.pop_front() {
            self.attempt_alone(Beneficiary::Client(client), |core| core.deliver(client, route, input));
        }
    }

    /// A defect that panics costs the call that the step belongs to, not all the others.
    fn attempt_alone(&mut self, beneficiary: Beneficiary, step: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.working_for, beneficiary);
        let done = catch_unwind(AssertUnwindSafe(|| step(self)));
        let beneficiary = std::mem::take(&mut self.working_for);
        if let Err(panic) = done {
            self.clean_up(beneficiary, &*panic);
        }
        self.working_for = outer;
    }

    fn clean_up(&mut self, beneficiary: Beneficiary, panic: &(dyn Any + Send)) {
        tracing::error!(target: "oversip::engine",
            "a defect: one step of the engine panicked ({}), its call is given up", words(panic));
        let cleaned = catch_unwind(AssertUnwindSafe(|| match beneficiary {
            Beneficiary::Nobody => {}
            Beneficiary::Client(client) => self.give_up_client(client),
            Beneficiary::Request(request) => {
                let core = request.core();
                self.give_up_request(&request);
                if let Some(core) = core {
                    self.give_up_client(core.client);
                }
            }
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
    pub(super) fn panic_as_planned(&mut self, planned: PlannedPanic) {
        match planned {
            PlannedPanic::Client(client) => self.panic_in_route(client),
            PlannedPanic::NextStep(client) => self.panics_next = Some(client),
            PlannedPanic::Request(request) => {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::transaction::Timer;
    use crate::transport::{Source, Transport};

    fn request() -> Arc<IncomingRequest> {
        let text = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\r\n";
        let (message, _) = Message::parse(Bytes::from_static(text)).expect("a request");
        let address = "127.0.0.1:5060".parse().expect("an address");
        let (transport, connection) = (Transport::Udp, None);
        let source = Source { transport, remote: address, local: address, connection, inbound: true };
        IncomingRequest::new(message, source, [0; 32], None)
    }

    #[test]
    fn a_timer_of_a_request_works_for_it_before_it_is_looked_at() {
        let request = request();
        for key in [TimerKey::Server(request.clone(), Timer::J), TimerKey::PendingTrying(request.clone())] {
            let found = key.beneficiary();
            assert!(matches!(&found, Beneficiary::Request(it) if Arc::ptr_eq(it, &request)), "{found:?}");
        }
    }

    #[test]
    fn a_command_for_a_request_works_for_it_before_it_is_looked_at() {
        let request = request();
        let found = Command::RequestDone(request.clone()).beneficiary();
        assert!(matches!(&found, Beneficiary::Request(it) if Arc::ptr_eq(it, &request)), "{found:?}");
    }
}
