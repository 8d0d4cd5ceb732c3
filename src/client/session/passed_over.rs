//! The targets that a search leaves out.

use crate::resolve::Target;

/// Targets on the blacklist that were not tried.
#[derive(Debug, Default)]
pub(super) struct PassedOver {
    /// Which target is tried in their place is not decided yet: it may be one of them.
    pub(super) skipped: Vec<Target>,
    /// It is decided, and nobody has taken them yet.
    pub(super) untold: Vec<Target>,
}

impl PassedOver {
    /// This target is tried, or none.
    pub(super) fn settle(&mut self, tried: Option<Target>) {
        self.untold.extend(self.skipped.drain(..).filter(|skipped| Some(*skipped) != tried));
    }
}
