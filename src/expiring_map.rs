//! A bounded map whose entries end at an instant: the store under the blacklist and the DNS cache.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Text keys to values that expire.
///
/// Every method that is told the time first removes what has expired, so an entry is never seen at or after its
/// instant, and no timer is needed. A full map drops the entry stored longest ago to take a new one.
#[derive(Debug)]
pub(crate) struct ExpiringMap<V> {
    entries: BTreeMap<Arc<str>, Entry<V>>,
    /// The same keys by expiry and by age, so that neither purging nor making room scans the map.
    by_expiry: BTreeMap<(Instant, u64), Arc<str>>,
    by_age: BTreeMap<u64, Arc<str>>,
    next_age: u64,
    capacity: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    expires: Instant,
    age: u64,
}

impl<V: Clone> ExpiringMap<V> {
    pub(crate) fn new(capacity: usize) -> Self {
        ExpiringMap {
            entries: BTreeMap::new(),
            by_expiry: BTreeMap::new(),
            by_age: BTreeMap::new(),
            next_age: 0,
            capacity: capacity.max(1),
        }
    }

    pub(crate) fn get(&mut self, now: Instant, key: &str) -> Option<V> {
        self.purge(now);
        self.entries.get(key).map(|entry| entry.value.clone())
    }

    /// Stores or replaces; a replaced entry also gets the new expiry and counts as new.
    pub(crate) fn insert(&mut self, now: Instant, key: &str, value: V, expires: Instant) {
        self.purge(now);
        self.remove(key);
        if expires <= now {
            return;
        }
        if self.entries.len() >= self.capacity {
            if let Some((_, oldest)) = self.by_age.first_key_value() {
                let oldest = Arc::clone(oldest);
                self.remove(&oldest);
            }
        }
        let age = self.next_age;
        self.next_age += 1;
        let key: Arc<str> = Arc::from(key);
        self.by_expiry.insert((expires, age), Arc::clone(&key));
        self.by_age.insert(age, Arc::clone(&key));
        self.entries.insert(key, Entry { value, expires, age });
    }

    pub(crate) fn delete(&mut self, now: Instant, key: &str) -> Option<V> {
        self.purge(now);
        self.remove(key)
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.by_expiry.clear();
        self.by_age.clear();
    }

    pub(crate) fn len(&mut self, now: Instant) -> usize {
        self.purge(now);
        self.entries.len()
    }

    /// Whether there is nothing in it, not even what has expired.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Keys and values, the oldest first.
    pub(crate) fn snapshot(&mut self, now: Instant) -> Vec<(Arc<str>, V)> {
        self.purge(now);
        let ordered = self.by_age.values();
        ordered.filter_map(|key| Some((Arc::clone(key), self.entries.get(key)?.value.clone()))).collect()
    }

    fn purge(&mut self, now: Instant) {
        while let Some((&(expires, _), key)) = self.by_expiry.first_key_value() {
            if expires > now {
                break;
            }
            let key = Arc::clone(key);
            self.remove(&key);
        }
    }

    fn remove(&mut self, key: &str) -> Option<V> {
        let entry = self.entries.remove(key)?;
        self.by_expiry.remove(&(entry.expires, entry.age));
        self.by_age.remove(&entry.age);
        Some(entry.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_full_map_drops_expired_entries_before_old_ones() {
        let start = Instant::now();
        let mut map = ExpiringMap::new(2);
        map.insert(start, "old", 1, start + 100 * SECOND);
        map.insert(start, "short", 2, start + SECOND);
        map.insert(start + SECOND, "new", 3, start + 100 * SECOND);
        assert_eq!(map.get(start + SECOND, "old"), Some(1));
        assert_eq!(map.get(start + SECOND, "new"), Some(3));
        assert_eq!(map.len(start + SECOND), 2);
    }

    #[test]
    fn a_full_map_of_live_entries_drops_the_one_stored_longest_ago() {
        let start = Instant::now();
        let mut map = ExpiringMap::new(2);
        map.insert(start, "a", 1, start + 10 * SECOND);
        map.insert(start, "b", 2, start + 10 * SECOND);
        map.insert(start, "a", 3, start + 10 * SECOND);
        map.insert(start, "c", 4, start + 10 * SECOND);
        let left: Vec<_> = map.snapshot(start).into_iter().map(|(k, v)| (k.to_string(), v)).collect();
        assert_eq!(left, [("a".to_string(), 3), ("c".to_string(), 4)]);
    }

    #[test]
    fn indexes_never_outgrow_the_entries() {
        let start = Instant::now();
        let mut map = ExpiringMap::new(10);
        for i in 0..1000u64 {
            map.insert(start, &format!("k{}", i % 30), i, start + SECOND * (1 + (i % 7) as u32));
            assert_eq!(map.entries.len(), map.by_age.len());
            assert_eq!(map.entries.len(), map.by_expiry.len());
            assert!(map.entries.len() <= 10);
        }
        assert_eq!(map.len(start + 8 * SECOND), 0);
        assert!(map.by_age.is_empty() && map.by_expiry.is_empty());
    }

    #[test]
    fn an_entry_that_would_already_be_over_only_removes_the_old_one() {
        let start = Instant::now();
        let mut map = ExpiringMap::new(10);
        map.insert(start, "a", 1, start + SECOND);
        map.insert(start, "a", 2, start);
        assert_eq!(map.get(start, "a"), None);
    }
}
