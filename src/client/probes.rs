//! Which request is out as a probe to a target on the blacklist, and which ones wait for its outcome.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::blacklist::BlacklistId;
use crate::resolve::Target;

/// How long a request waits for the outcome of another one's probe.
pub(crate) const PROBE_WAIT: Duration = Duration::from_millis(500);

/// How long a probe keeps others from being one: T2, by which it has been sent four times. It may be one that this target does
/// not answer, or a block may hold it back for ever.
const PROBE_LIMIT: Duration = Duration::from_secs(4);

/// A blacklist, and a target on it.
pub(crate) type ProbeKey = (BlacklistId, Target);

/// A request that waits. `T` is its owner's way to the end of the wait, a timer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProbeWaiter<T> {
    /// The Client.
    pub client: u64,
    /// Its routing.
    pub route: u64,
    /// What the owner keeps with it.
    pub timer: T,
}

/// The answer to [`Probes::ask`].
#[derive(Debug)]
pub(crate) enum ProbeAnswer {
    /// The request is the probe. It is out as long as this is held.
    Granted(Arc<()>),
    /// Another one is out: wait for it with [`Probes::wait`].
    Busy,
    /// Another one is out, and as many wait as may.
    Full,
}

#[derive(Debug)]
struct Probe<T> {
    route: u64,
    /// A route that is lost takes its hold along.
    out: Weak<()>,
    since: Instant,
    /// By the number of the route: those are given in order.
    waiting: BTreeMap<u64, ProbeWaiter<T>>,
}

impl<T> Probe<T> {
    fn is_out(&self, now: Instant) -> bool {
        self.out.strong_count() > 0 && now < self.since + PROBE_LIMIT
    }
}

/// The probes under way, by targets.
#[derive(Debug)]
pub(crate) struct Probes<T> {
    probes: BTreeMap<ProbeKey, Probe<T>>,
    waiting: usize,
    limit: usize,
}

impl<T> Probes<T> {
    /// No probe yet; at most `limit` requests will wait at a time.
    pub fn new(limit: usize) -> Self {
        Probes { probes: BTreeMap::new(), waiting: 0, limit }
    }

    /// A request wants to go to a listed target.
    pub fn ask(&mut self, now: Instant, key: ProbeKey, route: u64) -> ProbeAnswer {
        if self.probes.get(&key).is_some_and(|probe| probe.is_out(now)) {
            return if self.waiting < self.limit { ProbeAnswer::Busy } else { ProbeAnswer::Full };
        }
        let out = Arc::new(());
        let hold = Arc::downgrade(&out);
        let waiting = BTreeMap::new();
        let probe = self.probes.entry(key).or_insert(Probe { route, out: Weak::new(), since: now, waiting });
        (probe.route, probe.out, probe.since) = (route, hold, now);
        ProbeAnswer::Granted(out)
    }

    /// A request waits for the outcome of the probe that is out.
    pub fn wait(&mut self, key: &ProbeKey, waiting: ProbeWaiter<T>) {
        if let Some(probe) = self.probes.get_mut(key) {
            let before = probe.waiting.insert(waiting.route, waiting);
            self.waiting += usize::from(before.is_none());
        }
    }

    /// A request waits no longer, for a reason of its own.
    pub fn leave(&mut self, key: &ProbeKey, route: u64) -> Option<ProbeWaiter<T>> {
        let waiting = self.probes.get_mut(key)?.waiting.remove(&route)?;
        self.waiting -= 1;
        Some(waiting)
    }

    /// Hands out the request that has waited longest, if no probe is out. It is to ask again: where it does not become the
    /// probe, or where that one ends before anything is heard, the next one is asked for here.
    pub fn next(&mut self, now: Instant, key: &ProbeKey) -> Option<ProbeWaiter<T>> {
        let probe = self.probes.get_mut(key).filter(|probe| !probe.is_out(now))?;
        let first = probe.waiting.pop_first();
        if probe.waiting.is_empty() {
            self.probes.remove(key);
        }
        let (_, first) = first?;
        self.waiting -= 1;
        Some(first)
    }

    /// The probe of this route has failed. Hands out those that waited for it, the first one first.
    pub fn failed(&mut self, key: &ProbeKey, route: u64) -> Vec<ProbeWaiter<T>> {
        match self.probes.get(key) {
            Some(probe) if probe.route == route => self.heard(key),
            _ => Vec::new(),
        }
    }

    /// The target was heard, whoever asked. Hands out those that waited.
    pub fn heard(&mut self, key: &ProbeKey) -> Vec<ProbeWaiter<T>> {
        let waiting = self.probes.remove(key).map(|probe| probe.waiting).unwrap_or_default();
        self.waiting -= waiting.len();
        waiting.into_values().collect()
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::super::Transport;
    use super::*;

    fn key(port: u16) -> ProbeKey {
        (BlacklistId(1), Target::new(Transport::Udp, [192, 0, 2, 1].into(), port))
    }

    fn waiting(route: u64) -> ProbeWaiter<()> {
        ProbeWaiter { client: 7, route, timer: () }
    }

    fn granted(answer: ProbeAnswer) -> Arc<()> {
        match answer {
            ProbeAnswer::Granted(out) => out,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_request_at_a_time_is_the_probe_of_a_target() {
        let (now, mut probes) = (Instant::now(), Probes::new(10));
        let first = granted(probes.ask(now, key(1), 1));
        assert!(matches!(probes.ask(now, key(1), 2), ProbeAnswer::Busy));
        let other_target = granted(probes.ask(now, key(2), 3));
        probes.wait(&key(1), waiting(2));
        assert_eq!(probes.waiting(), 1);
        assert_eq!(probes.failed(&key(1), 1), [waiting(2)]);
        assert_eq!(probes.waiting(), 0);
        let next = granted(probes.ask(now, key(1), 2));
        drop((first, other_target, next));
    }

    #[test]
    fn an_end_that_comes_late_does_not_end_the_next_probe() {
        let (now, mut probes) = (Instant::now(), Probes::new(10));
        let first = granted(probes.ask(now, key(1), 1));
        assert!(probes.heard(&key(1)).is_empty());
        let second = granted(probes.ask(now, key(1), 2));
        probes.wait(&key(1), waiting(3));
        assert!(probes.failed(&key(1), 1).is_empty());
        assert_eq!(probes.waiting(), 1);
        drop((first, second));
    }

    #[test]
    fn a_probe_that_is_lost_holds_nobody_up() {
        let (now, mut probes) = (Instant::now(), Probes::<()>::new(10));
        drop(granted(probes.ask(now, key(1), 1)));
        let second = granted(probes.ask(now, key(1), 2));
        assert!(matches!(probes.ask(now, key(1), 3), ProbeAnswer::Busy));
        drop(second);
    }

    #[test]
    fn one_of_those_that_wait_is_next_when_nothing_was_heard() {
        let (now, mut probes) = (Instant::now(), Probes::new(10));
        let first = granted(probes.ask(now, key(1), 1));
        for route in [2, 3] {
            probes.wait(&key(1), waiting(route));
        }
        assert_eq!(probes.next(now, &key(1)), None, "the probe is out");
        drop(first);
        assert_eq!((probes.next(now, &key(1)), probes.waiting()), (Some(waiting(2)), 1));
        let second = granted(probes.ask(now, key(1), 2));
        assert_eq!(probes.next(now, &key(1)), None, "the next probe is out");
        drop(second);
        assert_eq!((probes.next(now, &key(1)), probes.waiting()), (Some(waiting(3)), 0));
        assert_eq!(probes.next(now, &key(1)), None);
        assert!(probes.probes.is_empty());
    }

    #[test]
    fn a_probe_without_an_outcome_is_not_the_only_one_for_ever() {
        let (now, mut probes) = (Instant::now(), Probes::new(10));
        let held = granted(probes.ask(now, key(1), 1));
        probes.wait(&key(1), waiting(2));
        let limit = now + PROBE_LIMIT;
        assert!(matches!(probes.ask(limit - Duration::from_millis(1), key(1), 3), ProbeAnswer::Busy));
        let next = granted(probes.ask(limit, key(1), 3));
        assert!(probes.failed(&key(1), 1).is_empty(), "the first one counts no more");
        assert_eq!(probes.failed(&key(1), 3), [waiting(2)]);
        drop((held, next));
    }

    #[test]
    fn those_that_wait_are_counted_and_bounded() {
        let (now, mut probes) = (Instant::now(), Probes::new(2));
        let out = granted(probes.ask(now, key(1), 1));
        for route in [2, 3] {
            assert!(matches!(probes.ask(now, key(1), route), ProbeAnswer::Busy));
            probes.wait(&key(1), waiting(route));
        }
        assert!(matches!(probes.ask(now, key(1), 4), ProbeAnswer::Full));
        assert_eq!(probes.leave(&key(1), 2), Some(waiting(2)));
        assert_eq!(probes.leave(&key(1), 2), None);
        assert!(matches!(probes.ask(now, key(1), 4), ProbeAnswer::Busy));
        assert_eq!((probes.waiting(), probes.failed(&key(1), 1)), (1, vec![waiting(3)]));
        drop(out);
    }
}
