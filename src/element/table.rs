//! Maps by what peers choose. They are keyed, so that no peer can make entries collide, with numbers that were handed in, so
//! that the same inputs lead to the same outputs.

use std::collections::{HashMap, HashSet};

use ahash::RandomState;

/// A map. Nothing that leaves the element depends on its order.
pub(super) type Table<K, V> = HashMap<K, V, RandomState>;

/// A set, likewise.
pub(super) type Set<K> = HashSet<K, RandomState>;

/// Makes maps and sets.
#[derive(Debug, Clone)]
pub(super) struct Tables(RandomState);

impl Tables {
    pub(super) fn keyed(key: [u64; 4]) -> Tables {
        Tables(RandomState::with_seeds(key[0], key[1], key[2], key[3]))
    }

    pub(super) fn table<K, V>(&self) -> Table<K, V> {
        HashMap::with_hasher(self.0.clone())
    }

    pub(super) fn set<K>(&self) -> Set<K> {
        HashSet::with_hasher(self.0.clone())
    }
}
