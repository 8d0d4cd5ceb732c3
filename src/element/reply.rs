//! What a reply consists of, and why one does not leave.

use bytes::Bytes;
use thiserror::Error;

use super::server_stage::ServerState;

/// A reply of the script's (RFC 3261 8.2.6).
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// Status code.
    pub status: u16,
    /// Reason phrase.
    pub reason: &'a [u8],
    /// Header lines to add.
    pub lines: &'a [Bytes],
    /// The body; empty for none.
    pub body: &'a [u8],
}

impl<'a> Reply<'a> {
    /// A reply without further headers and body.
    pub fn new(status: u16, reason: &'a [u8]) -> Reply<'a> {
        Reply { status, reason, lines: &[], body: b"" }
    }
}

/// Why a response is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReplyError {
    /// Nobody answers an ACK (RFC 3261 17).
    #[error("an ACK gets no response")]
    Ack,
    /// There is no transaction, and the request has its final response.
    #[error("the request has its final response")]
    Answered,
    /// The transaction takes no response of this status in the state that it is in.
    #[error("the transaction is in state {}", .0.as_str())]
    Refused(ServerState),
    /// There is no transaction that it could step.
    #[error("the request has no transaction")]
    NoTransaction,
    /// The element has forgotten the request.
    #[error("the request is over")]
    Over,
    /// The element has met a defect, which has ended the request.
    #[error("the request has ended by a defect")]
    Defect,
}
