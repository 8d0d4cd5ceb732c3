//! Steps and what they mean for other calls: each is an attempt of its own, since a defect that panics costs the call that it
//! meets, and no other one.

use std::panic::{catch_unwind, AssertUnwindSafe};

use super::beneficiary::Beneficiary;
use super::consequences::{Consequence, AT_ONCE};
use super::timers::TimerKey;
use super::Element;

impl Element {
    /// From here on the present step works for this one, beside the routes that are at work.
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

    /// One step, and what it means for other calls. `None`: the step has panicked.
    pub(super) fn attempt_for<R>(
        &mut self,
        beneficiary: Beneficiary,
        step: impl FnOnce(&mut Self) -> R,
    ) -> Option<R> {
        let done = self.attempt_alone(beneficiary, step);
        self.draw_consequences();
        done
    }

    fn attempt_alone<R>(&mut self, beneficiary: Beneficiary, step: impl FnOnce(&mut Self) -> R) -> Option<R> {
        let outer = std::mem::replace(&mut self.working_for, beneficiary);
        let done = catch_unwind(AssertUnwindSafe(|| step(self)));
        let beneficiary = std::mem::replace(&mut self.working_for, outer);
        done.map_err(|panic| self.clean_up(beneficiary, &*panic)).ok()
    }

    /// Draws what a step has for other calls. Where that is much, a timer that is due draws the rest, one after the other, so
    /// that a step never takes long.
    fn draw_consequences(&mut self) {
        for _ in 0..AT_ONCE {
            let Some(next) = self.consequences.next_at_once() else { return };
            self.draw(next);
        }
        if self.consequences.defer() {
            self.timers.arm(self.now, TimerKey::Consequence);
        }
    }

    /// The timer of the consequences has fired.
    pub(super) fn next_consequence(&mut self) {
        if let Some(next) = self.consequences.next() {
            self.draw(next);
        }
        if self.consequences.go_on() {
            self.timers.arm(self.now, TimerKey::Consequence);
        }
    }

    fn draw(&mut self, consequence: Consequence) {
        use Beneficiary::{Client, Nobody, Request};
        match consequence {
            Consequence::Told { client, route, input } => {
                self.attempt_alone(Client(client), |element| element.deliver(client, route, input))
            }
            Consequence::ConnectionLost { branch, end } => {
                self.attempt_alone(Nobody, |element| element.connection_lost(&branch, end))
            }
            Consequence::Resolved(route) => {
                self.attempt_alone(Nobody, |element| element.targets_found(route))
            }
            Consequence::Canceled(route) => self.attempt_alone(Nobody, |element| element.cancel_route(route)),
            Consequence::Turns(client) => {
                self.attempt_alone(Client(client), |element| element.go_on_with_turns(client))
            }
            Consequence::RouteLost(route) => {
                self.attempt_alone(Nobody, |element| element.give_up_lost_route(route))
            }
            Consequence::BranchLost(branch) => {
                self.attempt_alone(Nobody, |element| element.give_up_branch(&branch))
            }
            Consequence::RequestLost(request) => {
                self.attempt_alone(Request(request), |element| element.give_up_request(request))
            }
        };
    }
}
