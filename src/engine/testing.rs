//! What specs alone may do.

use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::driver::Driver;
use super::run::Command;
#[cfg(feature = "defects")]
use crate::element::PlannedPanic;

/// The engine's clock and chance in the hands of a spec.
#[derive(Clone, Copy)]
pub struct Testing<'a> {
    pub(super) driver: &'a Driver,
    pub(super) commands: &'a UnboundedSender<Command>,
}

impl Testing<'_> {
    /// Stops the engine's clock.
    pub fn freeze(&self) {
        self.driver.clock.freeze();
        self.post(Command::ClockChanged);
    }

    /// Moves the stopped clock on. When it returns, every timer that came due has fired, each at its own time, and those who
    /// wait by the clock have acted.
    pub fn advance(&self, by: Duration) {
        self.freeze();
        let (done, wait) = sync_channel(1);
        self.post(Command::Advance { by, done });
        // The engine's end drops the sender and so ends the wait.
        let _ = wait.recv();
    }

    fn post(&self, command: Command) {
        // The loop is gone only when the engine has ended; then nothing is owed to anybody.
        let _ = self.commands.send(command);
    }

    /// Makes the draws among servers of equal priority follow from `seed` alone.
    pub fn seed(&self, seed: u64) {
        self.driver.step(|element, _| element.seed_srv(seed));
    }

    /// Panics while the engine works for this request: for specs of what that costs.
    #[cfg(feature = "defects")]
    pub fn panic_for_request(&self, request: &crate::host::IncomingRequest) {
        self.plan_panic(PlannedPanic::Request(request.id));
    }

    /// Panics while the engine runs a route of this Client.
    #[cfg(feature = "defects")]
    pub fn panic_for_client(&self, client: &crate::host::Client) {
        client.id().into_iter().for_each(|id| self.plan_panic(PlannedPanic::Client(id)));
    }

    /// Panics in the next step of a route of this Client.
    #[cfg(feature = "defects")]
    pub fn panic_in_next_step(&self, client: &crate::host::Client) {
        client.id().into_iter().for_each(|id| self.plan_panic(PlannedPanic::NextStep(id)));
    }

    #[cfg(feature = "defects")]
    fn plan_panic(&self, planned: PlannedPanic) {
        self.driver.step(|element, now| element.plan_panic(now, planned));
    }
}
