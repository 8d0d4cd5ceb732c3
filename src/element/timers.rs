//! The one timer queue of an element. A timer is removed the moment it is stopped, so that none outlives its owner.

use std::collections::BTreeMap;
use std::time::Instant;

use smallvec::SmallVec;

use super::ids::{ClientId, RequestId, RouteId};
use super::uac_acks::AckKey;
use crate::client::{Branch, ProbeKey};
use crate::transaction::{KeyText, Timer};

/// Whose timer it is. Each call has several in the queue: what most of them do not need is in a box.
#[derive(Debug)]
pub(super) enum TimerKey {
    /// Of a server transaction.
    Server(RequestId, Timer),
    /// Of the client transaction with this branch.
    Client(Branch, Timer),
    /// A request has waited for another one's probe long enough.
    ProbeWait { key: Box<ProbeKey>, client: ClientId, route: RouteId },
    /// An INVITE has waited for the script long enough: say 100.
    PendingTrying(RequestId),
    /// The script wants to be told.
    Scheduled(u64),
    /// Time to look for what has expired.
    Sweep,
    /// Somebody has waited long enough for the end of a route.
    CallLimit(RouteId),
    /// The ACK of a Uac need not be remembered any longer.
    UacAck(Box<AckKey>),
    /// The answer to a CANCEL need not be remembered any longer: its Timer J.
    Cancel(KeyText),
    /// Earlier steps have consequences for other calls, more than they could draw themselves: the next one is due.
    Consequence,
}

impl TimerKey {
    /// Whether it only lets the element go on with what it does anyway: nothing new happens then.
    fn is_step(&self) -> bool {
        matches!(self, TimerKey::Sweep | TimerKey::Consequence)
    }
}

/// Names an armed timer: its time, and a number that keeps timers of one instant in the order they were armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TimerId(Instant, u64);

/// Timers by time.
#[derive(Debug, Default)]
pub(super) struct Timers {
    entries: BTreeMap<TimerId, TimerKey>,
    serial: u64,
    /// How many of them are just steps.
    steps: usize,
}

impl Timers {
    /// Arms a timer.
    pub(super) fn arm(&mut self, at: Instant, key: TimerKey) -> TimerId {
        self.serial += 1;
        let id = TimerId(at, self.serial);
        self.steps += usize::from(key.is_step());
        self.entries.insert(id, key);
        id
    }

    /// Stops a timer. Stopping one that fired already does nothing.
    pub(super) fn stop(&mut self, id: TimerId) {
        let stopped = self.entries.remove(&id);
        self.steps -= usize::from(stopped.is_some_and(|key| key.is_step()));
    }

    /// The time of the earliest timer.
    pub(super) fn next(&self) -> Option<Instant> {
        self.entries.first_key_value().map(|(id, _)| id.0)
    }

    /// Takes the earliest timer if its time has come.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<TimerKey> {
        let entry = self.entries.first_entry().filter(|entry| entry.key().0 <= now)?;
        let key = entry.remove();
        self.steps -= usize::from(key.is_step());
        Some(key)
    }

    /// Whether more is armed than the one timer that sweeps.
    pub(super) fn beyond_sweep(&self) -> bool {
        self.entries.len() > 1
    }

    /// How many are armed for something that is to happen later: not those that sweep, or that go on with what has happened.
    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.steps
    }
}

/// The timers that a transaction has armed.
#[derive(Debug, Default)]
pub(super) struct ArmedTimers(SmallVec<[(Timer, TimerId); 4]>);

impl ArmedTimers {
    /// Arms a timer; an earlier setting of it counts no more.
    pub(super) fn arm(&mut self, timers: &mut Timers, timer: Timer, at: Instant, key: TimerKey) {
        self.stop(timers, timer);
        self.0.push((timer, timers.arm(at, key)));
    }

    pub(super) fn stop(&mut self, timers: &mut Timers, timer: Timer) {
        if let Some(id) = self.fired(timer) {
            timers.stop(id);
        }
    }

    pub(super) fn stop_all(&mut self, timers: &mut Timers) {
        for (_, id) in self.0.drain(..) {
            timers.stop(id);
        }
    }

    /// A timer has fired, and is armed no more.
    pub(super) fn fired(&mut self, timer: Timer) -> Option<TimerId> {
        let index = self.0.iter().position(|(armed, _)| *armed == timer)?;
        Some(self.0.swap_remove(index).1)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn client(key: TimerKey) -> u64 {
        match key {
            TimerKey::PendingTrying(RequestId(number)) => number,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn due_timers_come_in_the_order_of_their_times_and_then_of_arming() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut timers = Timers::default();
        for (time, number) in [(2, 30), (1, 10), (1, 20)] {
            timers.arm(at(time), TimerKey::PendingTrying(RequestId(number)));
        }
        assert_eq!(timers.pop_due(at(1)).map(client), Some(10));
        assert_eq!(timers.pop_due(at(1)).map(client), Some(20));
        assert!(timers.pop_due(at(1)).is_none());
        assert_eq!(timers.next(), Some(at(2)));
    }

    #[test]
    fn a_stopped_timer_leaves_nothing_behind() {
        let now = Instant::now();
        let mut timers = Timers::default();
        let id = timers.arm(now, TimerKey::Sweep);
        timers.stop(id);
        assert_eq!(timers.next(), None);
        timers.stop(id);
        assert!(timers.pop_due(now).is_none());
    }

    #[test]
    fn those_that_only_let_the_element_go_on_do_not_count() {
        let now = Instant::now();
        let mut timers = Timers::default();
        let sweep = timers.arm(now, TimerKey::Sweep);
        timers.arm(now, TimerKey::PendingTrying(RequestId(1)));
        assert_eq!(timers.len(), 1);
        timers.stop(sweep);
        timers.stop(sweep);
        assert_eq!(timers.len(), 1);
        timers.arm(now, TimerKey::Sweep);
        while timers.pop_due(now).is_some() {}
        assert_eq!(timers.len(), 0);
    }
}
