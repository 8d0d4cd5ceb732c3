//! How many requests are being routed.

use std::sync::Arc;

/// Counts the searches under way: the marks that are out. A route that a defect has cost takes its mark along.
#[derive(Debug, Default)]
pub(super) struct Searches(Arc<()>);

/// A search under way, until it is dropped.
#[derive(Debug)]
pub(super) struct Search {
    _mark: Arc<()>,
}

impl Searches {
    pub(super) fn begin(&self) -> Search {
        Search { _mark: self.0.clone() }
    }

    pub(super) fn len(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mark_that_is_out_counts() {
        let searches = Searches::default();
        let (first, second) = (searches.begin(), searches.begin());
        assert_eq!(searches.len(), 2);
        drop(first);
        assert_eq!(searches.len(), 1);
        drop(second);
        assert_eq!(searches.len(), 0);
    }
}
