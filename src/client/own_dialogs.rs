//! The dialogs that requests of this process have begun, as far as strangers must not reach it otherwise.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Dialogs that are remembered at a time; beyond it the one begun, or confirmed, longest ago is forgotten.
const OWN_DIALOGS: usize = 65_536;

/// Call-IDs with the tags that this process has chosen for its own side (RFC 3261 12).
#[derive(Debug)]
pub(crate) struct OwnDialogs {
    ages: BTreeMap<Arc<[u8]>, u64>,
    by_age: BTreeMap<u64, Arc<[u8]>>,
    next_age: u64,
    capacity: usize,
}

impl Default for OwnDialogs {
    fn default() -> Self {
        Self::with_capacity(OWN_DIALOGS)
    }
}

impl OwnDialogs {
    fn with_capacity(capacity: usize) -> OwnDialogs {
        OwnDialogs { ages: BTreeMap::new(), by_age: BTreeMap::new(), next_age: 0, capacity }
    }

    /// Remembers a dialog; one that is known counts as new.
    pub fn note(&mut self, call_id: &[u8], own_tag: &[u8]) {
        let key = key(call_id, own_tag);
        if let Some(age) = self.ages.remove(&key) {
            self.by_age.remove(&age);
        } else if self.ages.len() >= self.capacity {
            if let Some((_, oldest)) = self.by_age.pop_first() {
                self.ages.remove(&oldest);
            }
        }
        self.ages.insert(key.clone(), self.next_age);
        self.by_age.insert(self.next_age, key);
        self.next_age += 1;
    }

    /// Whether a request with this Call-ID and To tag belongs to one of the dialogs.
    pub fn contains(&self, call_id: &[u8], to_tag: &[u8]) -> bool {
        self.ages.contains_key(&key(call_id, to_tag))
    }

    /// How many dialogs are remembered.
    pub fn len(&self) -> usize {
        self.ages.len()
    }
}

/// Neither part contains a line end.
fn key(call_id: &[u8], tag: &[u8]) -> Arc<[u8]> {
    [call_id, b"\n", tag].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialog_is_known_by_its_call_id_and_our_tag_together() {
        let mut dialogs = OwnDialogs::default();
        dialogs.note(b"call", b"tag");
        assert!(dialogs.contains(b"call", b"tag"));
        for (call_id, tag) in [(&b"call"[..], &b"gat"[..]), (b"other", b"tag"), (b"cal", b"ltag"), (b"", b"")]
        {
            assert!(!dialogs.contains(call_id, tag));
        }
    }

    #[test]
    fn beyond_the_bound_the_one_of_longest_ago_is_forgotten() {
        let mut dialogs = OwnDialogs::with_capacity(2);
        dialogs.note(b"a", b"1");
        dialogs.note(b"b", b"1");
        dialogs.note(b"a", b"1");
        dialogs.note(b"c", b"1");
        assert_eq!(dialogs.len(), 2);
        assert!(dialogs.contains(b"a", b"1") && dialogs.contains(b"c", b"1"));
        assert!(!dialogs.contains(b"b", b"1"));
    }
}
