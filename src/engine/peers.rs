//! What is known of those that requests are sent to: when they were heard last, and whose blacklist they are on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use smallvec::SmallVec;

use super::core::{Core, TimerKey, Woken};
use super::route::Route;
use super::stores::Store;
use super::timers::TimerId;
use crate::client::session::Input;
use crate::client::{Blacklist, BlacklistId, ProbeAnswer, ProbeKey, ProbeWaiter, Target, PROBE_WAIT};
use crate::clock::Clock;
use crate::transport::Source;

/// Requests that may wait for the outcome of probes at a time. Beyond it they get at once what is on the list.
pub(super) const MAX_WAITING: usize = 10_000;

/// The profiles' lists that a target is on.
type Lists = SmallVec<[Arc<Store<Blacklist>>; 1]>;

#[derive(Debug, Default)]
struct Peer {
    /// Client transactions that it is the target of.
    branches: usize,
    /// The number of the message that it was heard by last.
    heard: u64,
    /// The lists that it is on by an automatic entry.
    lists: Lists,
}

/// The targets of the client transactions there are, and those on a blacklist. One look-up for each message; two for a
/// response that comes from elsewhere than from its target.
#[derive(Debug, Default)]
pub(super) struct Peers {
    known: HashMap<Target, Peer>,
    /// How many of them are on a list.
    listed: usize,
    /// Counts the messages.
    messages: u64,
    /// The transport layer reports keep-alives: not while nobody is known, who could be heard by them.
    heeds_keepalives: bool,
}

impl Peers {
    fn attend(&mut self, target: Target) -> u64 {
        self.known.entry(target).or_default().branches += 1;
        self.messages
    }

    /// A client transaction has ended.
    pub(super) fn leave(&mut self, target: Target) {
        if let Some(peer) = self.known.get_mut(&target) {
            peer.branches -= 1;
            self.forget_if_idle(target);
        }
    }

    /// Whether a message of the target has come since a client transaction to it began.
    pub(super) fn heard_since(&self, target: Target, began: u64) -> bool {
        self.known.get(&target).is_some_and(|peer| peer.heard > began)
    }

    /// A message of the target has come. Hands out the lists that it is on, if that ends its entries.
    fn heard(&mut self, target: Target, ends_entries: bool) -> Lists {
        self.messages += 1;
        let Some(peer) = self.known.get_mut(&target) else { return Lists::new() };
        peer.heard = self.messages;
        if !ends_entries || peer.lists.is_empty() {
            return Lists::new();
        }
        let lists = std::mem::take(&mut peer.lists);
        self.listed -= 1;
        self.forget_if_idle(target);
        lists
    }

    fn list(&mut self, target: Target, list: &Arc<Store<Blacklist>>) {
        let lists = &mut self.known.entry(target).or_default().lists;
        self.listed += usize::from(lists.is_empty());
        if !lists.iter().any(|known| Arc::ptr_eq(known, list)) {
            lists.push(list.clone());
        }
    }

    /// Forgets entries that have expired or were taken away by scripts. How many there may be is bounded by the lists.
    fn sweep(&mut self, now: Instant) {
        let listed = &mut self.listed;
        self.known.retain(|target, peer| {
            if !peer.lists.is_empty() {
                peer.lists.retain(|list| list.with(|list| list.is_automatic(now, target)));
                *listed -= usize::from(peer.lists.is_empty());
            }
            peer.branches > 0 || !peer.lists.is_empty()
        });
    }

    fn forget_if_idle(&mut self, target: Target) {
        if self.known.get(&target).is_some_and(|peer| peer.branches == 0 && peer.lists.is_empty()) {
            self.known.remove(&target);
        }
    }
}

/// The target that a message has come from.
pub(super) fn target_of(source: &Source) -> Target {
    Target::new(source.transport, source.remote.ip(), source.remote.port())
}

fn key(list: &Store<Blacklist>, target: Target) -> ProbeKey {
    (BlacklistId(list.number()), target)
}

impl Core {
    /// Looks for entries that are over. Most of the time there are none.
    pub(super) fn sweep_peers(&mut self, now: Instant) {
        if self.peers.listed > 0 {
            self.peers.sweep(now);
        }
        if self.peers.known.is_empty() {
            self.heed_keepalives(false);
        }
    }

    /// A client transaction begins. Returns what [`Peers::heard_since`] wants to know.
    pub(super) fn attend(&mut self, target: Target) -> u64 {
        self.heed_keepalives(true);
        self.peers.attend(target)
    }

    fn heed_keepalives(&mut self, on: bool) {
        if on != self.peers.heeds_keepalives {
            self.peers.heeds_keepalives = on;
            self.network.heed_keepalives(on);
        }
    }

    /// A target was heard: it is alive. Its automatic entries end, unless the message itself asks to be left alone.
    pub(super) fn heard(&mut self, target: Target, ends_entries: bool) {
        for list in self.peers.heard(target, ends_entries) {
            list.with(|list| list.heard(self.shared.clock.now(), &target));
            let waiting = self.probes.heard(&key(&list, target));
            self.wake(waiting, &Input::LookAgain);
        }
    }

    /// All targets of a route are on the list: it is sent to find out, or waits for the one that was.
    pub(super) fn ask_probe(&mut self, now: Instant, route: &mut Route, target: Target) {
        let list = route.profile.blacklist.clone();
        if !list.with(|list| list.is_automatic(now, &target)) {
            return route.handle(&self.shared, now, Input::LookAgain);
        }
        let key = key(&list, target);
        let (before, until) = *route.probe_wait.get_or_insert((key, now + PROBE_WAIT));
        route.probe_wait = Some((key, until));
        if before != key {
            // It has looked again and found another target.
            self.ask_next(&before);
        }
        let input = match self.probes.ask(now, key, route.id) {
            ProbeAnswer::Granted(out) => {
                route.probe = Some((key, out));
                Input::Probe
            }
            ProbeAnswer::Busy if now < until => {
                let (client, id) = (route.client.id(), route.id);
                let timer = self.timers.arm(until, TimerKey::ProbeWait { key, client, route: id });
                self.probes.wait(&key, ProbeWaiter { client, route: id, timer });
                return;
            }
            ProbeAnswer::Busy | ProbeAnswer::Full => Input::StillListed,
        };
        route.handle(&self.shared, now, input);
    }

    /// A request has waited for a probe long enough.
    pub(super) fn probe_wait_over(&mut self, key: &ProbeKey, client: u64, route: u64) {
        if self.probes.leave(key, route).is_some() {
            self.deliver(client, route, Input::StillListed);
        }
    }

    /// Draws the consequences of what a route has just decided, for others that want the same target.
    pub(super) fn settle(&mut self, route: &mut Route) {
        if let Some(target) = route.take_listed() {
            self.peers.list(target, &route.profile.blacklist);
            self.heed_keepalives(true);
        }
        if let Some((key, _)) = route.probe_wait.filter(|_| !route.asks_probe()) {
            route.probe_wait = None;
            if let Some(waiting) = self.probes.leave(&key, route.id) {
                self.timers.stop(waiting.timer);
            }
            self.ask_next(&key);
        }
        if let Some(failed) = route.probe_outcome() {
            if let Some((key, out)) = route.probe.take() {
                drop(out);
                if failed {
                    let waiting = self.probes.failed(&key, route.id);
                    self.wake(waiting, &Input::StillListed);
                } else {
                    self.ask_next(&key);
                }
            }
        }
    }

    /// Nothing was heard of the target: unless a probe is out, the request that has waited longest looks again. One whose
    /// Client is busy does so later, and another one at once.
    fn ask_next(&mut self, key: &ProbeKey) {
        let now = self.shared.clock.now();
        while let Some(next) = self.probes.next(now, key) {
            let busy = self.is_away(next.client);
            self.wake([next], &Input::LookAgain);
            if !busy {
                return;
            }
        }
    }

    /// After the present step, which works for another call.
    fn wake(&mut self, waiting: impl IntoIterator<Item = ProbeWaiter<TimerId>>, input: &Input) {
        for ProbeWaiter { client, route, timer } in waiting {
            self.timers.stop(timer);
            self.woken.push_back(Woken { client, route, input: input.clone() });
        }
    }
}
