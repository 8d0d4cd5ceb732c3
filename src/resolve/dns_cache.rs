//! Resolutions that are still good, kept per profile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::resolution::Resolution;
use crate::expiring_map::ExpiringMap;

/// The most entries one cache holds. Expired ones go first, then the one stored longest ago.
pub const DNS_CACHE_CAPACITY: usize = 10_000;

/// Names a DNS cache among those of a process; a number stands for one cache only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DnsCacheId(pub u64);

/// What RFC 3263 led to, by `scheme|host|port|transport` (see [`super::Inquiry::cache_key`]).
///
/// Holds a resolution as DNS gave it: every use makes its own ordered list of targets from it. An entry is gone the
/// instant its time is over.
#[derive(Debug)]
pub struct DnsCache(ExpiringMap<Arc<Resolution>>);

impl Default for DnsCache {
    fn default() -> Self {
        DnsCache::new()
    }
}

impl DnsCache {
    /// An empty cache.
    pub fn new() -> DnsCache {
        DnsCache(ExpiringMap::new(DNS_CACHE_CAPACITY))
    }

    /// The resolution stored under a key.
    pub fn get(&mut self, now: Instant, key: &str) -> Option<Arc<Resolution>> {
        self.0.get(now, key)
    }

    /// Stores a resolution for `ttl`, in place of an older one. A zero `ttl` stores nothing.
    pub fn insert(&mut self, now: Instant, key: &str, resolution: Arc<Resolution>, ttl: Duration) {
        self.0.insert(now, key, resolution, now + ttl);
    }

    /// Removes and returns an entry.
    pub fn delete(&mut self, now: Instant, key: &str) -> Option<Arc<Resolution>> {
        self.0.delete(now, key)
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether there is any entry.
    pub fn any(&mut self, now: Instant) -> bool {
        self.len(now) > 0
    }

    /// The number of entries.
    pub fn len(&mut self, now: Instant) -> usize {
        self.0.len(now)
    }

    /// The keys, the oldest entry first.
    pub fn keys(&mut self, now: Instant) -> Vec<String> {
        self.0.snapshot(now).into_iter().map(|(key, _)| key.to_string()).collect()
    }

    /// Keys and resolutions, the oldest entry first, as they are now: later changes are not seen through it.
    pub fn snapshot(&mut self, now: Instant) -> Vec<(String, Arc<Resolution>)> {
        self.0.snapshot(now).into_iter().map(|(key, value)| (key.to_string(), value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::ResolveError;
    use super::*;

    const KEY: &str = "sip|example.net||udp";

    fn failed() -> Arc<Resolution> {
        Arc::new(Resolution::Failed(ResolveError::NoDnsResolution))
    }

    #[test]
    fn an_entry_ends_exactly_at_its_time() {
        let start = Instant::now();
        let mut cache = DnsCache::new();
        cache.insert(start, KEY, failed(), Duration::from_secs(60));
        assert!(cache.get(start + Duration::from_millis(59_999), KEY).is_some());
        assert!(cache.get(start + Duration::from_secs(60), KEY).is_none());
        assert!(!cache.any(start + Duration::from_secs(60)));
    }

    #[test]
    fn a_zero_lifetime_stores_nothing() {
        let start = Instant::now();
        let mut cache = DnsCache::new();
        cache.insert(start, KEY, failed(), Duration::ZERO);
        assert_eq!(cache.len(start), 0);
    }

    #[test]
    fn scripts_can_list_delete_and_clear() {
        let start = Instant::now();
        let mut cache = DnsCache::new();
        cache.insert(start, "sip|a||", failed(), Duration::from_secs(60));
        cache.insert(start, "sip|b||", failed(), Duration::from_secs(60));
        assert_eq!(cache.keys(start), ["sip|a||", "sip|b||"]);
        assert_eq!(cache.snapshot(start).len(), 2);
        assert!(cache.delete(start, "sip|a||").is_some());
        assert!(cache.delete(start, "sip|a||").is_none());
        cache.clear();
        assert!(!cache.any(start));
    }

    #[test]
    fn is_bounded() {
        let start = Instant::now();
        let mut cache = DnsCache::new();
        for i in 0..DNS_CACHE_CAPACITY + 1 {
            cache.insert(start, &format!("sip|h{i}||"), failed(), Duration::from_secs(60));
        }
        assert_eq!(cache.len(start), DNS_CACHE_CAPACITY);
        assert!(cache.get(start, "sip|h0||").is_none());
    }
}
