//! What a reply consists of.

use bytes::Bytes;

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
