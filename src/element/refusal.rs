//! The answers to requests that are not processed.

use super::counts::Rejected;

/// Why a request is not processed, and what it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Status code.
    pub status: u16,
    /// Reason phrase.
    pub reason: &'static str,
    /// What is counted.
    pub cause: Rejected,
    /// Seconds after which the client may try again.
    pub retry_after: Option<u32>,
}

impl Refusal {
    pub(super) fn new(status: u16, reason: &'static str, cause: Rejected) -> Self {
        Self { status, reason, cause, retry_after: None }
    }

    /// The client may try again in a few seconds.
    pub(super) fn later(status: u16, reason: &'static str, cause: Rejected) -> Self {
        Self { retry_after: Some(5), ..Self::new(status, reason, cause) }
    }
}
