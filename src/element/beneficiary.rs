//! Whom a step works for.

use super::ids::{ClientId, RequestId};

/// Whom a step of the element works for, beside the Clients whose routes are at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beneficiary {
    /// It finds that out, or has yet to.
    Nobody,
    Client(ClientId),
    Request(RequestId),
}
