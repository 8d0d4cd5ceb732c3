//! What every transport demands of a head before it goes on with the message.

use super::header_name::HeaderName;
use super::method::Method;
use super::parser::SyntaxError;
use super::received::Message;

/// Reason of the 400 for a top Via without a branch of RFC 3261.
pub const REASON_BRANCH: &str = "Via branch non RFC 3261 compliant";
/// Reason of the 400 for a body that is not as long as announced, or not announced on a stream (RFC 3261 18.3).
pub const REASON_BODY_SIZE: &str = "Body size doesn't match Content-Length";
/// Reason of the 400 for a CSeq number of 2^31 or more (RFC 3261 8.1.1.5).
pub const REASON_CSEQ: &str = "CSeq number out of range";

/// Why a message or a connection cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// The bytes are no SIP message.
    #[error(transparent)]
    Syntax(SyntaxError),
    /// A datagram ended before the head did.
    #[error("incomplete message")]
    Incomplete,
    /// A core header is missing.
    #[error("missing {} header", .0.canonical())]
    MissingHeader(HeaderName),
    /// A header that may appear once appears again.
    #[error("duplicated {} header", .0.canonical())]
    DuplicatedHeader(HeaderName),
    /// The branch of the top Via is missing, repeated, or not one of RFC 3261.
    #[error("Via branch is not RFC 3261 compliant")]
    Branch,
    /// Content-Length is missing on a stream, or greater than what a datagram holds.
    #[error("body size does not match Content-Length")]
    BodySize,
    /// The head is larger than allowed.
    #[error("header section too large")]
    HeadTooLarge,
    /// The announced body is larger than allowed.
    #[error("body too large")]
    BodyTooLarge,
    /// The head did not end in time.
    #[error("header section not completed in time")]
    HeadTimeout,
    /// The body gained no byte, or did not end, in time.
    #[error("body not completed in time")]
    BodyTimeout,
}

impl Message {
    /// The first reason to refuse the head: core headers missing (RFC 3261 8.1.1), core headers repeated (7.3.1), bad
    /// branch (8.1.1.7).
    pub fn head_defect(&self) -> Option<Defect> {
        if let Some(name) = self.missing_core_header() {
            return Some(Defect::MissingHeader(name));
        }
        if let Some(name) = self.duplicated_core_header() {
            return Some(Defect::DuplicatedHeader(name));
        }
        self.branch_id().is_none().then_some(Defect::Branch)
    }

    /// True for a request that may be answered: an ACK may not (RFC 3261 17).
    pub fn may_be_answered(&self) -> bool {
        self.is_request() && self.method() != Some(&Method::Ack)
    }
}
