//! Profiles as scripts hand them over: with the stores that routing fills, and that scripts print and clear.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use super::interface::{Host, LetGo};
use super::lock::lock;
use crate::client::{Blacklist, BlacklistId, Profile};
use crate::element::Element;
use crate::resolve::{DnsCache, DnsCacheId};

/// What an element remembers for a profile.
pub trait Stored: Default {
    /// The store with this number.
    fn of(element: &mut Element, number: u64) -> &mut Self;

    /// Nobody has the store any more.
    fn forget(element: &mut Element, number: u64);
}

impl Stored for Blacklist {
    fn of(element: &mut Element, number: u64) -> &mut Self {
        element.blacklist(BlacklistId(number))
    }

    fn forget(element: &mut Element, number: u64) {
        element.forget_blacklist(BlacklistId(number));
    }
}

impl Stored for DnsCache {
    fn of(element: &mut Element, number: u64) -> &mut Self {
        element.dns_cache(DnsCacheId(number))
    }

    fn forget(element: &mut Element, number: u64) {
        element.forget_dns_cache(DnsCacheId(number));
    }
}

/// A store in the hands of a script. The element of the running engine has it; until an engine runs it is here.
#[derive(Debug)]
pub struct Store<T: Stored> {
    number: u64,
    early: Mutex<Option<T>>,
    known: Mutex<Option<Weak<dyn Host>>>,
}

impl<T: Stored> Default for Store<T> {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Store {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            early: Mutex::default(),
            known: Mutex::default(),
        }
    }
}

impl<T: Stored> Store<T> {
    /// Tells the store from all others of this process, those that are gone included.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Does something with the store, at the time of the host; where nobody runs an element, `now` is the time.
    pub fn with<R>(
        &self,
        host: Option<&Arc<dyn Host>>,
        now: Instant,
        run: impl FnOnce(&mut T, Instant) -> R,
    ) -> R {
        match host {
            Some(host) => {
                self.known_to(host);
                host.step(|element, now| run(T::of(element, self.number), now))
            }
            None => run(lock(&self.early).get_or_insert_default(), now),
        }
    }

    /// The element of this host has the store from now on.
    pub(super) fn known_to(&self, host: &Arc<dyn Host>) {
        let mut known = lock(&self.known);
        if known.as_ref().is_some_and(|known| known.ptr_eq(&Arc::downgrade(host))) {
            return;
        }
        *known = Some(Arc::downgrade(host));
        if let Some(early) = lock(&self.early).take() {
            host.step(|element, _| *T::of(element, self.number) = early);
        }
    }
}

impl<T: Stored> Drop for Store<T> {
    fn drop(&mut self) {
        if let Some(host) = lock(&self.known).as_ref().and_then(<dyn Host>::here) {
            host.released().add(LetGo::Store(self.number, T::forget));
        }
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

    pub(super) fn known_to(&self, host: &Arc<dyn Host>) {
        self.blacklist.known_to(host);
        self.dns_cache.known_to(host);
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
