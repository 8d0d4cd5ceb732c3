//! The turns of the loop in which a test moves the clock.

use super::driver::Fired;
use super::run::Loop;
use crate::clock::Clock;

impl Loop {
    /// Moves the clock to the next time at which something is due, if it is to be moved and everybody has acted. `busy`: the
    /// present turn of the loop had something to do.
    pub(super) fn advance(&mut self, busy: bool) {
        let driver = self.driver.clone();
        let clock = &driver.clock;
        if self.advances.woken {
            if !self.advances.are_due() || !self.advances.turn(busy, clock.changes()) {
                return;
            }
            self.advances.quiet = 0;
        }
        while let Some(advance) = self.advances.waiting.front_mut() {
            let until = *advance.until.get_or_insert_with(|| clock.now() + advance.by);
            self.advances.woken = self.has_tasks();
            let timer = driver.look(|element| element.next_timeout());
            let due = [timer, clock.next_sleeper()].into_iter().flatten().min();
            match due.filter(|at| *at <= until) {
                Some(at) => {
                    clock.move_to(at);
                    while matches!(driver.fire(), Fired::One) {}
                }
                None => {
                    clock.move_to(until);
                    if let Some(advance) = self.advances.waiting.pop_front() {
                        let _ = advance.done.send(());
                    }
                }
            }
            self.advances.woken |= self.has_tasks();
            if self.advances.woken {
                return;
            }
        }
    }

    /// Whether there are tasks that wait for the clock or that a timer of the engine may set to work.
    fn has_tasks(&self) -> bool {
        let connections = self.driver.network.get().map_or(0, |network| network.connections().len());
        connections > 0
            || self.driver.look(|element| element.gauges().waiting_for_dns) > 0
            || self.driver.clock.next_sleeper().is_some()
    }
}
