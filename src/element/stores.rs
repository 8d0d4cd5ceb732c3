//! What is remembered for a profile: targets known not to work, and resolutions that are still good.

use std::collections::BTreeSet;
use std::time::Instant;

use super::table::{Table, Tables};
use crate::client::{Blacklist, BlacklistId};
use crate::resolve::{DnsCache, DnsCacheId};

/// The stores of profiles, made at their first use. They are as many as the profiles that scripts have.
#[derive(Debug)]
pub(super) struct Stores {
    blacklists: Table<BlacklistId, Blacklist>,
    dns_caches: Table<DnsCacheId, DnsCache>,
}

impl Stores {
    pub(super) fn new(tables: &Tables) -> Self {
        Self { blacklists: tables.table(), dns_caches: tables.table() }
    }

    pub(super) fn blacklist(&mut self, id: BlacklistId) -> &mut Blacklist {
        self.blacklists.entry(id).or_default()
    }

    pub(super) fn dns_cache(&mut self, id: DnsCacheId) -> &mut DnsCache {
        self.dns_caches.entry(id).or_default()
    }

    /// The targets on any list, each once, in the order of their texts.
    pub(super) fn blacklisted(&mut self, now: Instant) -> Vec<String> {
        let keys = self.blacklists.values_mut().flat_map(|list| list.keys(now));
        keys.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether a target is on any list, by its text.
    pub(super) fn is_blacklisted(&mut self, now: Instant, target: &str) -> bool {
        self.blacklists.values_mut().any(|list| list.get(now, target).is_some())
    }

    pub(super) fn forget_blacklist(&mut self, id: BlacklistId) {
        self.blacklists.remove(&id);
    }

    pub(super) fn forget_dns_cache(&mut self, id: DnsCacheId) {
        self.dns_caches.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::Failure;

    #[test]
    fn each_profile_has_a_list_of_its_own_until_it_is_forgotten() {
        let (now, mut stores) = (Instant::now(), Stores::new(&Tables::keyed([1, 2, 3, 4])));
        let failure = Failure::destination_blacklisted(403, "No");
        stores.blacklist(BlacklistId(1)).add(now, "udp:192.0.2.1:1", failure, Duration::from_secs(9));
        assert_eq!(stores.blacklisted(now), ["udp:192.0.2.1:1"]);
        assert!(
            stores.is_blacklisted(now, "udp:192.0.2.1:1") && !stores.is_blacklisted(now, "udp:192.0.2.1:2")
        );
        assert!(stores.blacklist(BlacklistId(1)).any(now) && !stores.blacklist(BlacklistId(2)).any(now));
        stores.forget_blacklist(BlacklistId(1));
        assert!(!stores.is_blacklisted(now, "udp:192.0.2.1:1"));
        stores.forget_dns_cache(DnsCacheId(1));
        assert!(!stores.blacklist(BlacklistId(1)).any(now) && !stores.dns_cache(DnsCacheId(1)).any(now));
    }
}
