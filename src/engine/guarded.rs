//! What a defect costs: the one thing that was being done.

use std::panic::{catch_unwind, AssertUnwindSafe};

/// Does one thing for the element, or that it has asked for. A defect costs that alone: the element has a guard of its own.
pub(super) fn guarded<R: Default>(act: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_| {
        tracing::error!(target: "oversip::engine", "a defect: a message, or what else a call needs, was lost in a panic");
        R::default()
    })
}
