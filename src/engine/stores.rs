//! Profiles as scripts hand them over: with the stores that routing and scripts share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::client::{Blacklist, BlacklistId, Profile};
use crate::resolve::{DnsCache, DnsCacheId};

/// A value that routing reads and writes, and that scripts print and clear. Its lock is held for one operation only.
#[derive(Debug)]
pub struct Store<T> {
    number: u64,
    value: Mutex<T>,
}

impl<T: Default> Default for Store<T> {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Store { number: NEXT.fetch_add(1, Ordering::Relaxed), value: Mutex::default() }
    }
}

impl<T> Store<T> {
    /// Tells the store from all others of this process, those that are gone included.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Does something with the value.
    pub fn with<R>(&self, run: impl FnOnce(&mut T) -> R) -> R {
        run(&mut self.value.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A profile with its stores. Clones share the stores.
#[derive(Debug, Clone)]
pub struct StoredProfile {
    /// The parameters.
    pub parameters: Arc<Profile>,
    /// Targets known not to work.
    pub blacklist: Arc<Store<Blacklist>>,
    /// Resolutions still good.
    pub dns_cache: Arc<Store<DnsCache>>,
}

impl StoredProfile {
    /// A profile with empty stores of its own.
    pub fn new(parameters: Profile) -> StoredProfile {
        StoredProfile::with(parameters, Arc::default(), Arc::default())
    }

    /// A profile with these stores, which are its own from now on.
    pub fn with(
        mut parameters: Profile,
        blacklist: Arc<Store<Blacklist>>,
        dns_cache: Arc<Store<DnsCache>>,
    ) -> StoredProfile {
        parameters.blacklist = BlacklistId(blacklist.number);
        parameters.dns_cache = DnsCacheId(dns_cache.number);
        StoredProfile { parameters: Arc::new(parameters), blacklist, dns_cache }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_share_nothing_and_clones_share_the_stores() {
        let [a, b] = [(); 2].map(|()| StoredProfile::new(Profile::default()));
        assert!(!Arc::ptr_eq(&a.blacklist, &b.blacklist) && !Arc::ptr_eq(&a.dns_cache, &b.dns_cache));
        assert!(Arc::ptr_eq(&a.clone().blacklist, &a.blacklist));
        assert_ne!(a.parameters.blacklist, b.parameters.blacklist);
        assert_ne!(a.parameters.dns_cache, b.parameters.dns_cache);
    }
}
