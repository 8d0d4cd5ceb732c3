//! A group of the ring: the logs of some calls, the one that was active last at the end.

use std::hash::{BuildHasher, Hash, Hasher};
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
    /// Bytes of the logs and names.
    bytes: usize,
    /// How many calls it has held at most: the table keeps the places of calls that went.
    places: usize,
}

/// An entry, its number and time, and how many bytes its call may have.
pub(super) struct NewEntry<'a> {
    pub(super) number: u64,
    pub(super) at: Duration,
    pub(super) what: &'a What<TextPieces<'a>>,
    pub(super) most: usize,
}

/// The hash of a Call-ID in all groups with these keys.
#[expect(clippy::manual_hash_one, reason = "the table makes it so; ahash may make another one in hash_one")]
pub(super) fn hash(keys: &RandomState, call_id: &[u8]) -> u64 {
    let mut hasher = keys.build_hasher();
    call_id.hash(&mut hasher);
    hasher.finish()
}

impl Group {
    pub(super) fn new(keys: RandomState) -> Group {
        Group { logs: LinkedHashMap::with_hasher(keys), bytes: 0, places: 0 }
    }

    /// How many calls.
    pub(super) fn len(&self) -> usize {
        self.logs.len()
    }

    /// How many bytes of memory it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.places * PLACE
    }

    /// How many times so many calls, or so many bytes of logs and names, it holds: the greater number of the two.
    pub(super) fn held_of(&self, calls: usize, bytes: usize) -> f64 {
        let of_calls = self.logs.len() as f64 / calls.max(1) as f64;
        of_calls.max(self.bytes as f64 / bytes.max(1) as f64)
    }

    pub(super) fn get(&self, call_id: &[u8]) -> Option<&Log> {
        self.logs.get(call_id)
    }

    /// Adds an entry to a call with this hash. False: it is not in the group.
    pub(super) fn add(&mut self, hash: u64, call_id: &[u8], entry: &NewEntry<'_>) -> bool {
        let RawEntryMut::Occupied(mut call) =
            self.logs.raw_entry_mut().from_key_hashed_nocheck(hash, call_id)
        else {
            return false;
        };
        call.to_back();
        let log = call.get_mut();
        let before = log.size();
        log.add(entry.number, entry.at, entry.what, entry.most);
        self.bytes = self.bytes + log.size() - before;
        true
    }

    /// A new call with its first entry, in this memory.
    pub(super) fn begin(&mut self, hash: u64, call_id: &[u8], entry: &NewEntry<'_>, mut log: Log) {
        log.add(entry.number, entry.at, entry.what, entry.most);
        self.take(hash, call_id.into(), log);
    }

    /// The call goes to the end of another group.
    pub(super) fn hand_over(&mut self, hash: u64, call_id: &[u8], to: &mut Group) {
        let RawEntryMut::Occupied(call) = self.logs.raw_entry_mut().from_key_hashed_nocheck(hash, call_id)
        else {
            return;
        };
        let (call_id, log) = call.remove_entry();
        self.bytes -= log.size() + call_id.len();
        to.take(hash, call_id, log);
    }

    fn take(&mut self, hash: u64, call_id: Box<[u8]>, log: Log) {
        self.bytes += log.size() + call_id.len();
        let entry = self.logs.raw_entry_mut().from_key_hashed_nocheck(hash, &call_id);
        let RawEntryMut::Vacant(place) = entry else { return };
        place.insert_hashed_nocheck(hash, call_id, log);
        // The table finds it by the hash that it makes itself.
        debug_assert!(self.logs.back().is_some_and(|(call_id, _)| self.logs.contains_key(call_id)));
        self.places = self.places.max(self.logs.len());
    }

    /// The number of the newest entry of the call that was active least recently.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.logs.front().map(|(_, log)| log.last())
    }

    /// Takes out the call that was active least recently.
    pub(super) fn drop_oldest(&mut self) -> Option<Log> {
        let (call_id, log) = self.logs.pop_front()?;
        self.bytes -= log.size() + call_id.len();
        Some(log)
    }

    /// The calls, the one that was active last first.
    pub(super) fn newest(&self) -> impl Iterator<Item = (&[u8], u64)> {
        self.logs.iter().rev().map(|(call_id, log)| (&**call_id, log.last()))
    }
}
