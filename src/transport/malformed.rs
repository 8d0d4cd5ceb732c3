//! Counts of what was not fit to be looked at.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::message::Defect;

/// Messages that were refused or dropped before anybody looked at them, by what was wrong.
#[derive(Debug, Default)]
pub struct Malformed {
    by_defect: [AtomicU64; Defect::NAMES.len()],
    dropped: AtomicU64,
}

impl Malformed {
    /// A request that is answered.
    pub(super) fn count_refused(&self, defect: Defect) {
        self.by_defect[defect.index()].fetch_add(1, Ordering::Relaxed);
    }

    /// What is not answered.
    pub(super) fn count_dropped(&self, defect: Defect) {
        self.count_refused(defect);
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// How many so far, in the order of [`Defect::NAMES`].
    pub fn by_defect(&self) -> [u64; Defect::NAMES.len()] {
        self.by_defect.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// How many of them got no answer.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}
