//! What every transport demands of a head before it goes on with the message.

use super::header_name::HeaderName;
use super::method::Method;
use super::parser::SyntaxError;
use super::received::Message;
use super::via::BranchForm;

/// Reason of the 400 for a top Via whose branch names no transaction.
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
    /// The branch of the top Via is repeated or a magic cookie alone; in a response also if it is not one of RFC 3261.
    #[error("Via branch is not RFC 3261 compliant")]
    Branch,
    /// Content-Length is missing on a stream, or greater than what a datagram holds.
    #[error("body size does not match Content-Length")]
    BodySize,
    /// The CSeq number is 2^31 or more.
    #[error("CSeq number out of range")]
    CSeq,
    /// A datagram is neither SIP nor a STUN Binding request, though it begins as STUN does.
    #[error("neither SIP nor a STUN Binding request")]
    Foreign,
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

impl Defect {
    /// What counts of defects are called.
    pub const NAMES: [&'static str; 11] = [
        "syntax",
        "incomplete",
        "missing_header",
        "duplicated_header",
        "branch",
        "cseq",
        "body_size",
        "body_too_large",
        "head_too_large",
        "stalled",
        "foreign",
    ];

    /// Where its name stands among [`Defect::NAMES`].
    pub fn index(self) -> usize {
        match self {
            Defect::Syntax(_) => 0,
            Defect::Incomplete => 1,
            Defect::MissingHeader(_) => 2,
            Defect::DuplicatedHeader(_) => 3,
            Defect::Branch => 4,
            Defect::CSeq => 5,
            Defect::BodySize => 6,
            Defect::BodyTooLarge => 7,
            Defect::HeadTooLarge => 8,
            Defect::HeadTimeout | Defect::BodyTimeout => 9,
            Defect::Foreign => 10,
        }
    }
}

impl Message {
    /// The first reason to refuse the head: core headers missing (RFC 3261 8.1.1), core headers repeated (7.3.1), bad
    /// branch (8.1.1.7). A request whose branch is that of an element of RFC 2543 is in order (17.2.3); a response of that kind
    /// answers none of our requests.
    pub fn head_defect(&self) -> Option<Defect> {
        if let Some(name) = self.missing_core_header() {
            return Some(Defect::MissingHeader(name));
        }
        if let Some(name) = self.duplicated_core_header() {
            return Some(Defect::DuplicatedHeader(name));
        }
        match self.top_via()?.branch_form() {
            BranchForm::Unique(_) => None,
            BranchForm::Older if self.is_request() => None,
            BranchForm::Older | BranchForm::Unusable => Some(Defect::Branch),
        }
    }

    /// True for a request that may be answered: an ACK may not (RFC 3261 17).
    pub fn may_be_answered(&self) -> bool {
        self.is_request() && self.method() != Some(&Method::Ack)
    }
}
