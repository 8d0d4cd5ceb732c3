//! Messages in a byte stream (RFC 3261 18.3): where each begins and ends, what ends the connection, and when waiting
//! for more has lasted too long. Sans-IO: bytes and the time are handed in.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};

use super::check::{Defect, REASON_BODY_SIZE, REASON_BRANCH};
use super::parser::{ParseProgress, Parser, SyntaxError};
use super::reason::reason_phrase;
use super::received::Message;
use super::refusable::{may_become_refusable, refusable};

/// Bounds of what a peer may send and of how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamLimits {
    /// Bytes of a head.
    pub max_head: usize,
    /// Bytes of a body.
    pub max_body: usize,
    /// From the first byte of a message to the end of its head.
    pub head_time: Duration,
    /// Between two arrivals of body bytes.
    pub body_gap: Duration,
    /// From the end of the head to the end of the body.
    pub body_time: Duration,
}

impl StreamLimits {
    /// The usual ones, with this one for bodies.
    pub fn with_body(max_body: usize) -> StreamLimits {
        StreamLimits {
            max_head: 16384,
            max_body,
            head_time: Duration::from_secs(10),
            body_gap: Duration::from_secs(10),
            body_time: Duration::from_secs(60),
        }
    }
}

/// What the stream gave.
#[derive(Debug, Clone)]
pub enum Frame {
    /// A message with its body; core headers and branch are in order. Its Via is not stamped yet.
    Message(Message),
    /// `CR LF CR LF`, to be answered by one CRLF (RFC 5626 3.5.1).
    Keepalive,
    /// The end: answer if there is something to answer, then close. Nothing comes after it.
    Failed {
        /// What was wrong.
        close_reason: Defect,
        /// The request to answer. Its Via is not stamped yet. If its grammar is broken it holds no more than what a reply
        /// repeats.
        reply_to: Option<Message>,
        /// Status of the reply.
        status: u16,
        /// Reason phrase of the reply.
        reason: Cow<'static, str>,
    },
}

#[derive(Debug)]
enum State {
    Head,
    /// A request breaks the grammar. It can be answered once its head has ended; the search for that goes on at `scan`.
    Broken {
        error: SyntaxError,
        scan: usize,
    },
    /// The head is read; the body needs this many bytes.
    Body {
        message: Box<Message>,
        len: usize,
        started: Instant,
        last_byte: Instant,
    },
    Ended,
}

/// Cuts a stream into messages (RFC 3261 18.3). After each [`push`](StreamFramer::push) call
/// [`next`](StreamFramer::next) until it has nothing more: then no more than one unfinished message is stored.
#[derive(Debug)]
pub struct StreamFramer {
    limits: StreamLimits,
    buf: BytesMut,
    parser: Parser,
    state: State,
    /// Time of the latest push.
    now: Option<Instant>,
    /// When the message that is being read began, apart from a CRLF before it.
    head_started: Option<Instant>,
}

/// A buffer that grew beyond this for a large body is given back.
const KEPT_CAPACITY: usize = 64 * 1024;

impl StreamFramer {
    /// A framer with the usual limits and this one of body bytes.
    pub fn new(max_body: usize) -> StreamFramer {
        StreamFramer::with_limits(StreamLimits::with_body(max_body))
    }

    /// A framer with these limits.
    pub fn with_limits(limits: StreamLimits) -> StreamFramer {
        StreamFramer {
            limits,
            buf: BytesMut::new(),
            parser: Parser::new(),
            state: State::Head,
            now: None,
            head_started: None,
        }
    }

    /// Takes bytes that arrived. After a failure they are ignored.
    pub fn push(&mut self, now: Instant, data: &[u8]) {
        self.now = Some(now);
        match &mut self.state {
            State::Ended => return,
            State::Body { last_byte, .. } if !data.is_empty() => *last_byte = now,
            _ => {}
        }
        self.buf.extend_from_slice(data);
        self.note_start();
    }

    /// True once the stream failed; it gives nothing more.
    pub fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// The next complete thing in the bytes pushed so far.
    #[allow(clippy::should_implement_trait)] // More may come after None.
    pub fn next(&mut self) -> Option<Frame> {
        match self.state {
            State::Head => self.next_head(),
            State::Broken { .. } => self.next_broken(),
            State::Body { .. } => self.next_body(),
            State::Ended => None,
        }
    }

    fn next_head(&mut self) -> Option<Frame> {
        if self.buf.is_empty() {
            return None;
        }
        let progress = self.parser.feed(&self.buf);
        // An error behind the limit counts as too much, too: else it would depend on how the bytes arrived.
        if self.parser.nread() > self.limits.max_head {
            return Some(self.fail(Defect::HeadTooLarge, None, 0, ""));
        }
        match progress {
            ParseProgress::Incomplete => None,
            ParseProgress::Error(error) if may_become_refusable(&self.buf, error) => {
                self.parser.reset();
                // Not the CRLF that may stand before a message.
                self.state = State::Broken { error, scan: 2 };
                self.next_broken()
            }
            ParseProgress::Error(error) => Some(self.fail(Defect::Syntax(error), None, 0, "")),
            ParseProgress::Keepalive { len } => {
                self.parser.reset();
                self.consume(len);
                Some(Frame::Keepalive)
            }
            ParseProgress::Head { len } => self.head(len),
        }
    }

    fn next_broken(&mut self) -> Option<Frame> {
        let State::Broken { error, scan } = self.state else { return None };
        let Some(found) = memchr::memmem::find(self.buf.get(scan..)?, b"\r\n\r\n") else {
            if self.buf.len() > self.limits.max_head {
                return Some(self.fail(Defect::HeadTooLarge, None, 0, ""));
            }
            self.state = State::Broken { error, scan: scan.max(self.buf.len().saturating_sub(3)) };
            return None;
        };
        let len = scan + found + 4;
        if len > self.limits.max_head {
            return Some(self.fail(Defect::HeadTooLarge, None, 0, ""));
        }
        let defect = Defect::Syntax(error);
        Some(match refusable(&self.buf.split_to(len).freeze(), error) {
            Some((request, reason)) => self.fail(defect, Some(request), 400, reason),
            None => self.fail(defect, None, 0, ""),
        })
    }

    fn head(&mut self, len: usize) -> Option<Frame> {
        // A copy, so that a message that lives long does not keep the whole buffer alive.
        let head = Bytes::copy_from_slice(&self.buf[..len]);
        let message = self.parser.take(head)?;
        if let Some(defect) = message.head_defect() {
            return Some(match defect {
                Defect::Branch => self.refuse(defect, message, 400, REASON_BRANCH),
                _ => self.fail(defect, None, 0, ""),
            });
        }
        let Some(body_len) = message.content_length() else {
            return Some(self.refuse(Defect::BodySize, message, 400, REASON_BODY_SIZE));
        };
        if body_len as usize > self.limits.max_body {
            return Some(self.refuse(Defect::BodyTooLarge, message, 413, reason_phrase(413)));
        }
        self.consume(len);
        if body_len == 0 {
            return Some(Frame::Message(message));
        }
        let now = self.now?;
        self.state =
            State::Body { message: Box::new(message), len: body_len as usize, started: now, last_byte: now };
        self.next_body()
    }

    fn next_body(&mut self) -> Option<Frame> {
        let State::Body { len, .. } = self.state else { return None };
        if self.buf.len() < len {
            return None;
        }
        let body = Bytes::copy_from_slice(&self.buf[..len]);
        let State::Body { mut message, .. } = std::mem::replace(&mut self.state, State::Head) else {
            return None;
        };
        self.consume(len);
        message.set_body(body);
        Some(Frame::Message(*message))
    }

    fn consume(&mut self, len: usize) {
        self.buf.advance(len);
        if self.buf.is_empty() && self.buf.capacity() > KEPT_CAPACITY {
            self.buf = BytesMut::new();
        }
        self.head_started = None;
        self.note_start();
    }

    /// A lone CRLF may be a peer's answer to a keepalive, so it does not start the clock.
    fn note_start(&mut self) {
        if self.head_started.is_none() && !b"\r\n\r\n".starts_with(&self.buf[..self.buf.len().min(5)]) {
            self.head_started = self.now;
        }
    }

    fn refuse(&mut self, defect: Defect, message: Message, status: u16, reason: &'static str) -> Frame {
        let reply_to = Some(message).filter(Message::may_be_answered);
        self.fail(defect, reply_to, status, reason)
    }

    fn fail(
        &mut self,
        close_reason: Defect,
        reply_to: Option<Message>,
        status: u16,
        reason: impl Into<Cow<'static, str>>,
    ) -> Frame {
        self.state = State::Ended;
        self.buf = BytesMut::new();
        self.head_started = None;
        Frame::Failed { close_reason, reply_to, status, reason: reason.into() }
    }

    /// When [`expire`](StreamFramer::expire) is to be called if no byte arrives before; `None` between messages.
    pub fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Head | State::Broken { .. } => Some(self.head_started? + self.limits.head_time),
            State::Body { started, last_byte, .. } => {
                Some((*started + self.limits.body_time).min(*last_byte + self.limits.body_gap))
            }
            State::Ended => None,
        }
    }

    /// Ends the stream if the deadline has passed.
    pub fn expire(&mut self, now: Instant) -> Option<Frame> {
        if self.deadline()? > now {
            return None;
        }
        let defect = match self.state {
            State::Body { .. } => Defect::BodyTimeout,
            State::Broken { error, .. } => Defect::Syntax(error),
            _ => Defect::HeadTimeout,
        };
        Some(self.fail(defect, None, 0, ""))
    }
}
