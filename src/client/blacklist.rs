//! Targets that are known not to work, kept per profile.

use std::time::{Duration, Instant};

use super::error_table::Failure;
use crate::expiring_map::ExpiringMap;
use crate::resolve::Target;

/// The most entries one blacklist holds. Expired ones go first, then the one stored longest ago.
pub const BLACKLIST_CAPACITY: usize = 10_000;

/// Names a blacklist among those of a process; a number stands for one list only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlacklistId(pub u64);

/// Why a target is on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What a request gets that is not sent for it.
    pub failure: Failure,
    /// When the library made the entry by itself; `None` for an entry of a script.
    ///
    /// An automatic entry ends when the target is heard, and requests may be sent to find out. That of a script stands.
    pub automatic: Option<Instant>,
}

/// Targets (by their text, `udp:1.2.3.4:5060`) and the failure that a request to them gets without being sent.
///
/// An entry is gone the instant its time is over.
#[derive(Debug)]
pub struct Blacklist {
    entries: ExpiringMap<Entry>,
    /// TCP targets that were tried for a large request only, and failed: no error of anybody, so scripts do not see them.
    refused_upgrades: ExpiringMap<()>,
}

impl Default for Blacklist {
    fn default() -> Self {
        Blacklist::new()
    }
}

impl Blacklist {
    /// An empty blacklist.
    pub fn new() -> Blacklist {
        Blacklist {
            entries: ExpiringMap::new(BLACKLIST_CAPACITY),
            refused_upgrades: ExpiringMap::new(BLACKLIST_CAPACITY),
        }
    }

    /// The failure stored for a target.
    pub fn get(&mut self, now: Instant, key: &str) -> Option<Failure> {
        self.entries.get(now, key).map(|entry| entry.failure)
    }

    /// The entry of a target.
    pub fn entry(&mut self, now: Instant, target: &Target) -> Option<Entry> {
        // Most lists are empty: they cost no text.
        if self.entries.is_empty() {
            return None;
        }
        self.entries.get(now, &target.to_string())
    }

    /// Stores the failure that a script wants for `ttl`; an entry already there is replaced together with its expiry.
    pub fn add(&mut self, now: Instant, key: &str, failure: Failure, ttl: Duration) {
        self.entries.insert(now, key, Entry { failure, automatic: None }, now + ttl);
    }

    /// Stores a failure of the target for `ttl`, likewise. False: a script's entry is there and stays.
    pub fn add_automatic(&mut self, now: Instant, target: &Target, failure: Failure, ttl: Duration) -> bool {
        let key = target.to_string();
        if self.entries.get(now, &key).is_some_and(|entry| entry.automatic.is_none()) {
            return false;
        }
        self.entries.insert(now, &key, Entry { failure, automatic: Some(now) }, now + ttl);
        true
    }

    /// The target was heard: its automatic entry ends.
    pub fn heard(&mut self, now: Instant, target: &Target) {
        let key = target.to_string();
        if self.entries.get(now, &key).is_some_and(|entry| entry.automatic.is_some()) {
            self.entries.delete(now, &key);
        }
    }

    /// Whether the target is there by an automatic entry.
    pub fn is_automatic(&mut self, now: Instant, target: &Target) -> bool {
        self.entry(now, target).is_some_and(|entry| entry.automatic.is_some())
    }

    /// Removes and returns an entry.
    pub fn delete(&mut self, now: Instant, key: &str) -> Option<Failure> {
        self.entries.delete(now, key).map(|entry| entry.failure)
    }

    /// Removes all entries, and what is known of refused upgrades.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.refused_upgrades.clear();
    }

    /// Remembers for `ttl` that a TCP target did not take a request that was too large for UDP (RFC 3261 18.1.1).
    pub fn note_refused_upgrade(&mut self, now: Instant, key: &str, ttl: Duration) {
        self.refused_upgrades.insert(now, key, (), now + ttl);
    }

    /// Whether [`Blacklist::note_refused_upgrade`] was called for this target not long ago.
    pub fn has_refused_upgrade(&mut self, now: Instant, key: &str) -> bool {
        self.refused_upgrades.get(now, key).is_some()
    }

    /// Whether there is any entry.
    pub fn any(&mut self, now: Instant) -> bool {
        self.len(now) > 0
    }

    /// The number of entries.
    pub fn len(&mut self, now: Instant) -> usize {
        self.entries.len(now)
    }

    /// The keys, the oldest entry first.
    pub fn keys(&mut self, now: Instant) -> Vec<String> {
        self.entries.snapshot(now).into_iter().map(|(key, _)| key.to_string()).collect()
    }

    /// Keys and failures, the oldest entry first, as they are now: later changes are not seen through it.
    pub fn snapshot(&mut self, now: Instant) -> Vec<(String, Failure)> {
        self.entries.snapshot(now).into_iter().map(|(key, entry)| (key.to_string(), entry.failure)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::error_table::RouteError;
    use super::*;

    const KEY: &str = "udp:1.2.3.4:5060";

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn an_entry_ends_exactly_at_its_time() {
        let start = Instant::now();
        let mut list = Blacklist::new();
        list.add(start, KEY, RouteError::ClientTimeout.into(), seconds(10));
        let last = start + seconds(10) - Duration::from_nanos(1);
        assert_eq!(list.get(last, KEY), Some(RouteError::ClientTimeout.into()));
        assert!(list.any(last));
        assert_eq!(list.get(start + seconds(10), KEY), None);
        assert!(!list.any(start + seconds(10)));
    }

    #[test]
    fn adding_again_replaces_the_entry_and_its_expiry() {
        let start = Instant::now();
        let mut list = Blacklist::new();
        list.add(start, KEY, RouteError::ClientTimeout.into(), seconds(10));
        list.add(start + seconds(5), KEY, Failure::destination_blacklisted(403, "No"), seconds(20));
        assert_eq!(list.len(start + seconds(5)), 1);
        let at_old_expiry =
            list.get(start + seconds(10), KEY).expect("the newer entry outlives the older one's time");
        assert_eq!((at_old_expiry.status, at_old_expiry.code), (403, "destination_blacklisted"));
        assert_eq!(list.get(start + seconds(25), KEY), None);
    }

    #[test]
    fn a_shorter_replacement_also_counts() {
        let start = Instant::now();
        let mut list = Blacklist::new();
        list.add(start, KEY, RouteError::ClientTimeout.into(), seconds(100));
        list.add(start, KEY, RouteError::ConnectionError.into(), seconds(2));
        assert_eq!(list.get(start + seconds(2), KEY), None);
    }

    #[test]
    fn scripts_can_list_delete_and_clear() {
        let start = Instant::now();
        let mut list = Blacklist::new();
        list.add(start, "udp:1.1.1.1:5060", RouteError::ClientTimeout.into(), seconds(9));
        list.add(start, "tcp:2.2.2.2:5060", RouteError::ConnectionError.into(), seconds(9));
        assert_eq!(list.keys(start), ["udp:1.1.1.1:5060", "tcp:2.2.2.2:5060"]);
        let snapshot = list.snapshot(start);
        assert_eq!(list.delete(start, "udp:1.1.1.1:5060"), Some(RouteError::ClientTimeout.into()));
        assert_eq!(list.delete(start, "udp:1.1.1.1:5060"), None);
        assert_eq!((list.len(start), snapshot.len()), (1, 2));
        list.clear();
        assert_eq!((list.len(start), list.any(start)), (0, false));
    }

    fn target() -> Target {
        Target::new(super::super::Transport::Udp, [1, 2, 3, 4].into(), 5060)
    }

    #[test]
    fn an_automatic_entry_ends_when_the_target_is_heard() {
        let start = Instant::now();
        let mut list = Blacklist::new();
        assert_eq!(list.entry(start, &target()), None);
        assert!(list.add_automatic(start, &target(), RouteError::ClientTimeout.into(), seconds(10)));
        assert!(list.is_automatic(start, &target()));
        assert_eq!(list.entry(start, &target()).and_then(|entry| entry.automatic), Some(start));
        list.heard(start, &target());
        assert!(!list.any(start) && !list.is_automatic(start, &target()));
    }

    #[test]
    fn an_entry_of_a_script_stands_whatever_the_target_does() {
        let start = Instant::now();
        let mut list = Blacklist::new();
        list.add(start, KEY, Failure::destination_blacklisted(403, "No"), seconds(20));
        list.heard(start, &target());
        assert!(!list.add_automatic(start, &target(), RouteError::ClientTimeout.into(), seconds(60)));
        let entry = list.entry(start + seconds(19), &target()).expect("the script's entry");
        assert_eq!((entry.failure.status, entry.automatic), (403, None));
        assert_eq!(list.entry(start + seconds(20), &target()), None);
    }

    #[test]
    fn an_entry_of_a_script_takes_the_place_of_an_automatic_one() {
        let start = Instant::now();
        let mut list = Blacklist::new();
        list.add_automatic(start, &target(), RouteError::ClientTimeout.into(), seconds(10));
        list.add(start, KEY, Failure::destination_blacklisted(403, "No"), seconds(20));
        assert!(!list.is_automatic(start, &target()));
    }

    #[test]
    fn is_bounded() {
        let start = Instant::now();
        let mut list = Blacklist::new();
        for i in 0..BLACKLIST_CAPACITY + 5 {
            list.add(start, &format!("udp:h{i}:1"), RouteError::ClientTimeout.into(), seconds(9));
        }
        assert_eq!(list.len(start), BLACKLIST_CAPACITY);
        assert_eq!(list.get(start, "udp:h4:1"), None);
        assert!(list.get(start, "udp:h5:1").is_some());
    }
}
