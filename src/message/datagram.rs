//! Datagrams: each holds at most one message (RFC 3261 18.3).

use std::borrow::Cow;

use bytes::{Buf, Bytes};

use super::check::{Defect, REASON_BODY_SIZE, REASON_BRANCH};
use super::parser::{ParseProgress, Parser};
use super::received::Message;
use super::refusable::refusable;

/// What a datagram holds.
#[derive(Debug, Clone)]
pub enum Datagram {
    /// A message with its body; core headers and branch are in order. Its Via is not stamped yet.
    Message(Message),
    /// `CR LF CR LF`, to be answered by one CRLF; and what the datagram holds behind it, if anything.
    Keepalive {
        /// Never a keepalive itself.
        then: Option<Box<Datagram>>,
    },
    /// Nothing, or one CRLF.
    Ignored,
    /// The first byte is zero: STUN (RFC 5389), or nothing that concerns SIP.
    Stun(Bytes),
    /// A request to be refused with 400. Its Via is not stamped yet.
    Refused {
        /// The request, without body. If its grammar is broken it holds no more than what a reply repeats.
        request: Message,
        /// Status of the reply.
        status: u16,
        /// Reason phrase of the reply.
        reason: Cow<'static, str>,
        /// What was wrong.
        defect: Defect,
    },
    /// To be dropped.
    Failed {
        /// What was wrong.
        defect: Defect,
        /// The message if its head was complete, for the log.
        message: Option<Message>,
    },
}

/// Reads a datagram (RFC 3261 18.3). Surplus bytes behind the body are discarded; without Content-Length the body is
/// the rest.
pub fn datagram(mut data: Bytes) -> Datagram {
    let mut keepalive = false;
    while data.starts_with(b"\r\n\r\n") {
        keepalive = true;
        data.advance(4);
    }
    let content = content(data);
    match content {
        Datagram::Ignored if keepalive => Datagram::Keepalive { then: None },
        content if keepalive => Datagram::Keepalive { then: Some(Box::new(content)) },
        content => content,
    }
}

fn content(data: Bytes) -> Datagram {
    if data.is_empty() || data[..] == b"\r\n"[..] {
        return Datagram::Ignored;
    }
    if data[0] == 0 {
        return Datagram::Stun(data);
    }
    let mut parser = Parser::new();
    let head_len = match parser.feed(&data) {
        ParseProgress::Head { len } => len,
        ParseProgress::Error(error) => {
            let defect = Defect::Syntax(error);
            return match refusable(&data, error) {
                Some((request, reason)) => {
                    Datagram::Refused { request, status: 400, reason: reason.into(), defect }
                }
                None => failed(defect, None),
            };
        }
        ParseProgress::Incomplete | ParseProgress::Keepalive { .. } => {
            return failed(Defect::Incomplete, None)
        }
    };
    // A message without a body keeps the memory of the datagram for itself.
    let rest = if head_len < data.len() { data.slice(head_len..) } else { Bytes::new() };
    let Some(mut message) = parser.take(data) else { return failed(Defect::Incomplete, None) };
    if let Some(defect) = message.head_defect() {
        return match defect {
            Defect::Branch => refused(message, REASON_BRANCH, defect),
            _ => failed(defect, Some(message)),
        };
    }
    let body_len = message.content_length().map_or(rest.len(), |len| len as usize);
    if body_len > rest.len() {
        return refused(message, REASON_BODY_SIZE, Defect::BodySize);
    }
    message.set_body(rest.slice(..body_len));
    Datagram::Message(message)
}

fn failed(defect: Defect, message: Option<Message>) -> Datagram {
    Datagram::Failed { defect, message }
}

/// Only requests are answered, and an ACK never is.
fn refused(message: Message, reason: &'static str, defect: Defect) -> Datagram {
    if message.may_be_answered() {
        Datagram::Refused { request: message, status: 400, reason: reason.into(), defect }
    } else {
        failed(defect, Some(message))
    }
}
