//! Whom a step works for.

use super::ids::{ClientId, RequestId};

/// Whom a step of the element works for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Beneficiary {
    #[default]
    Nobody,
    Client(ClientId),
    Request(RequestId),
}
