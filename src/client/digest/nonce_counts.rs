//! How often a nonce of a server was used: the `nc` of RFC 7616 3.4, by which servers notice replays.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Uses of nonces. The oldest nonce is forgotten when there are too many: servers renew theirs within minutes. A peer chooses
/// how long its nonces are, so only a hash of each is kept; two with the same one are counted together, which servers accept.
#[derive(Debug)]
pub struct NonceCounts {
    counts: BTreeMap<u64, u32>,
    order: VecDeque<u64>,
    capacity: usize,
}

impl Default for NonceCounts {
    fn default() -> Self {
        Self::with_capacity(4096)
    }
}

impl NonceCounts {
    /// Counts of at most `capacity` nonces.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { counts: BTreeMap::new(), order: VecDeque::new(), capacity: capacity.max(1) }
    }

    /// Counts one more use and says the how manieth it is, from 1 on.
    pub fn next(&mut self, nonce: &[u8]) -> u32 {
        let mut hasher = DefaultHasher::new();
        nonce.hash(&mut hasher);
        let nonce = hasher.finish();
        if let Some(count) = self.counts.get_mut(&nonce) {
            *count = count.saturating_add(1);
            return *count;
        }
        if self.order.len() >= self.capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.counts.remove(&oldest);
            }
        }
        self.order.push_back(nonce);
        self.counts.insert(nonce, 1);
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_nonce_is_counted_for_itself() {
        let mut counts = NonceCounts::default();
        assert_eq!([counts.next(b"a"), counts.next(b"a"), counts.next(b"b")], [1, 2, 1]);
    }

    #[test]
    fn the_oldest_is_forgotten_at_the_bound() {
        let mut counts = NonceCounts::with_capacity(2);
        for nonce in [b"a", b"b", b"c"] {
            counts.next(nonce);
        }
        assert_eq!((counts.next(b"b"), counts.next(b"a")), (2, 1));
    }
}
