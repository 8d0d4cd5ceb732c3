//! How messages lie in the bytes of a connection: the seam between the task of a connection and what runs on it.

use std::borrow::Cow;
use std::time::Instant;

use bytes::Bytes;

use super::close_reason::CloseReason;
use super::ws::HttpRequest;
use crate::message::{Defect, Frame, Message, StreamFramer};

/// What arrived.
pub(super) enum Unit {
    /// A message with its body; core headers and branch are in order. Its Via is not stamped yet.
    Message(Message),
    /// Something to which the peer is owed these bytes at once.
    Answer(Bytes),
    /// A request to be refused without processing it. With `close` nothing more is read, and the connection is closed
    /// after the answer.
    Refused { request: Message, status: u16, reason: Cow<'static, str>, close: bool, defect: Defect },
    /// A client asks for a WebSocket. Nothing more is taken before it got one.
    Upgrade(Box<HttpRequest>),
    /// A message that is dropped; what comes next can be read.
    Ignored(Defect),
    /// The end: the connection is closed after these last bytes, if any. It is with a message that nobody can read where there is
    /// a defect.
    End { farewell: Bytes, reason: CloseReason, defect: Option<Defect> },
}

/// Cuts what arrives on one connection into units. Sans-IO.
pub(super) trait Framing: Send {
    /// Takes bytes that arrived.
    fn push(&mut self, now: Instant, bytes: &[u8]);

    /// The next complete thing in what was taken so far.
    fn next(&mut self) -> Option<Unit>;

    /// By when the peer must have sent more.
    fn deadline(&self) -> Option<Instant>;
}

/// One message after the other, each with a Content-Length (RFC 3261 18.3).
pub(super) struct SipFraming(StreamFramer);

impl SipFraming {
    /// A framing for bodies up to this size.
    pub fn new(max_body: usize) -> SipFraming {
        SipFraming(StreamFramer::new(max_body))
    }
}

impl Framing for SipFraming {
    fn push(&mut self, now: Instant, bytes: &[u8]) {
        self.0.push(now, bytes);
    }

    fn next(&mut self) -> Option<Unit> {
        Some(match self.0.next()? {
            Frame::Message(message) => Unit::Message(message),
            // RFC 5626 section 4.4.1
            Frame::Keepalive => Unit::Answer(Bytes::from_static(b"\r\n")),
            Frame::Failed { close_reason: defect, reply_to: Some(request), status, reason } => {
                Unit::Refused { request, status, reason, close: true, defect }
            }
            Frame::Failed { close_reason, reply_to: None, .. } => Unit::End {
                farewell: Bytes::new(),
                reason: CloseReason::Protocol(close_reason),
                defect: Some(close_reason),
            },
        })
    }

    fn deadline(&self) -> Option<Instant> {
        self.0.deadline()
    }
}
