//! A group of the ring: the logs of some calls, the one that was active last at the end.

use std::time::Duration;

use ahash::RandomState;
use hashlink::linked_hash_map::RawEntryMut;
use hashlink::LinkedHashMap;

use super::entry::What;
use super::log::{Log, TextPieces};

/// What a call takes beside its log and its name: its place in the table and in the order.
const PLACE: usize = 192;

/// The logs of some calls.
pub(super) struct Group {
    logs: LinkedHashMap<Box<[u8]>, Log, RandomState>,
    bytes: usize,
}

/// An entry, its number and time, how many bytes its call may have, and what it means for its call.
pub(super) struct NewEntry<'a> {
    pub(super) number: u64,
    pub(super) at: Duration,
    pub(super) what: &'a What<TextPieces<'a>>,
    pub(super) most: usize,
    pub(super) means: Means,
}

/// What an entry means for the place of its call in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// Nothing.
    Nothing,
    /// It is an INVITE, or belongs to one.
    Invite,
    /// The INVITE is sent on, or gets a provisional response or a 2xx.
    Routed,
    /// The INVITE is refused, or ends without a response.
    Refused,
}

impl Group {
    pub(super) fn new(keys: RandomState) -> Group {
        Group { logs: LinkedHashMap::with_hasher(keys), bytes: 0 }
    }

    /// How many calls.
    pub(super) fn len(&self) -> usize {
        self.logs.len()
    }

    /// How many bytes of memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn get(&self, call_id: &[u8]) -> Option<&Log> {
        self.logs.get(call_id)
    }

    /// Adds an entry to a call that is in the group. Says whether the call was routed; `None`: it is in another group.
    pub(super) fn add(&mut self, hash: u64, call_id: &[u8], entry: &NewEntry<'_>) -> Option<bool> {
        let RawEntryMut::Occupied(mut call) =
            self.logs.raw_entry_mut().from_key_hashed_nocheck(hash, call_id)
        else {
            return None;
        };
        call.to_back();
        let log = call.get_mut();
        let before = log.size();
        add(log, entry);
        self.bytes = self.bytes + log.size() - before;
        Some(log.is_routed())
    }

    /// A new call with its first entry, in this memory.
    pub(super) fn begin(&mut self, call_id: &[u8], entry: &NewEntry<'_>, mut log: Log) {
        add(&mut log, entry);
        self.bytes += log.size() + call_id.len() + PLACE;
        self.logs.insert(call_id.into(), log);
    }

    /// The call goes to the end of another group.
    pub(super) fn hand_over(&mut self, call_id: &[u8], to: &mut Group) {
        let Some((call_id, log)) = self.logs.remove_entry(call_id) else { return };
        let size = log.size() + call_id.len() + PLACE;
        self.bytes -= size;
        to.bytes += size;
        to.logs.insert(call_id, log);
    }

    /// The number of the newest entry of the call that was active least recently.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.logs.front().map(|(_, log)| log.last())
    }

    /// Takes out the call that was active least recently.
    pub(super) fn drop_oldest(&mut self) -> Option<Log> {
        let (call_id, log) = self.logs.pop_front()?;
        self.bytes -= log.size() + call_id.len() + PLACE;
        Some(log)
    }

    /// The calls, the one that was active last first.
    pub(super) fn newest(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.logs.iter().rev().map(|(call_id, log)| (&**call_id, log.last()))
    }
}

fn add(log: &mut Log, entry: &NewEntry<'_>) {
    let NewEntry { number, at, what, most, means } = *entry;
    log.add(number, at, what, most);
    if means == Means::Routed {
        log.mark_routed();
    }
}
