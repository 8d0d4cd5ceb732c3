//! What is known of those that requests are sent to: when they were heard last, and whose blacklist they are on.

use std::time::Instant;

use smallvec::SmallVec;

use super::stores::Stores;
use super::table::{Table, Tables};
use crate::client::BlacklistId;
use crate::resolve::Target;

/// Requests that may wait for the outcome of probes at a time. Beyond it they get at once what is on the list.
pub(super) const MAX_WAITING: usize = 10_000;

/// The profiles' lists that a target is on.
pub(super) type Lists = SmallVec<[BlacklistId; 1]>;

#[derive(Debug, Default)]
struct Peer {
    /// Client transactions that it is the target of.
    transactions: usize,
    /// The number of the message that it was heard by last.
    heard: u64,
    /// The lists that it is on by an automatic entry.
    lists: Lists,
}

/// The targets of the client transactions there are, and those on a blacklist. One look-up for each message; two for a
/// response that comes from elsewhere than from its target.
#[derive(Debug)]
pub(super) struct Reachability {
    known: Table<Target, Peer>,
    /// How many of them are on a list.
    listed: usize,
    /// Counts the messages.
    messages: u64,
    /// The driver reports keep-alives: not while nobody is known, who could be heard by them.
    heeds_keepalives: bool,
}

impl Reachability {
    pub(super) fn new(tables: &Tables) -> Self {
        Self { known: tables.table(), listed: 0, messages: 0, heeds_keepalives: false }
    }

    /// A client transaction begins. Returns what [`Reachability::heard_since`] wants to know.
    pub(super) fn attend(&mut self, target: Target) -> u64 {
        self.known.entry(target).or_default().transactions += 1;
        self.messages
    }

    /// A client transaction has ended.
    pub(super) fn leave(&mut self, target: Target) {
        if let Some(peer) = self.known.get_mut(&target) {
            peer.transactions -= 1;
            self.forget_if_idle(target);
        }
    }

    /// Whether a message of the target has come since a client transaction to it began.
    pub(super) fn heard_since(&self, target: Target, began: u64) -> bool {
        self.known.get(&target).is_some_and(|peer| peer.heard > began)
    }

    /// A message of the target has come: it is alive. Hands out the lists that it is on, if that ends its entries.
    pub(super) fn heard(&mut self, target: Target, ends_entries: bool) -> Lists {
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

    /// A target was put on a list.
    pub(super) fn list(&mut self, target: Target, list: BlacklistId) {
        let lists = &mut self.known.entry(target).or_default().lists;
        self.listed += usize::from(lists.is_empty());
        if !lists.contains(&list) {
            lists.push(list);
        }
    }

    /// Forgets entries that have expired or were taken away by scripts. How many there may be is bounded by the lists.
    pub(super) fn sweep(&mut self, now: Instant, stores: &mut Stores) {
        if self.listed == 0 {
            return;
        }
        let listed = &mut self.listed;
        self.known.retain(|target, peer| {
            if !peer.lists.is_empty() {
                peer.lists.retain(|list| stores.blacklist(*list).is_automatic(now, target));
                *listed -= usize::from(peer.lists.is_empty());
            }
            peer.transactions > 0 || !peer.lists.is_empty()
        });
    }

    fn forget_if_idle(&mut self, target: Target) {
        if self.known.get(&target).is_some_and(|peer| peer.transactions == 0 && peer.lists.is_empty()) {
            self.known.remove(&target);
        }
    }

    /// Whether keep-alives are of use from now on, if that has changed. While somebody is known they are.
    pub(super) fn change_of_heed(&mut self, sweeps: bool) -> Option<bool> {
        let useful = !self.known.is_empty();
        let changed = if useful { !self.heeds_keepalives } else { sweeps && self.heeds_keepalives };
        changed.then(|| {
            self.heeds_keepalives = useful;
            useful
        })
    }
}
