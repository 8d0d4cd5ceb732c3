//! SIP over WebSocket: each WebSocket message holds one SIP message (RFC 7118 section 4.2).

use std::borrow::Cow;

use bytes::{Buf, Bytes};

use super::check::{Defect, REASON_BRANCH};
use super::parse::ParseError;
use super::received::Message;
use super::refusable::refusable;

/// What a WebSocket message holds.
#[derive(Debug, Clone)]
pub enum WebSocketMessage {
    /// A message with its body; core headers and branch are in order.
    Message(Message),
    /// `CR LF CR LF`, to be answered by one CRLF; and what comes behind it, if anything.
    Keepalive {
        /// Never a keepalive itself.
        then: Option<Box<WebSocketMessage>>,
    },
    /// A request to be refused with 400.
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
    /// One CRLF: the answer to a keepalive, or half of one.
    Nothing,
    /// To be dropped.
    Ignored(Defect),
    /// The client does not speak SIP: to be closed with this status and reason.
    Close {
        /// Status of the close frame.
        status: u16,
        /// Reason of the close frame.
        reason: &'static str,
        /// What was wrong.
        defect: Defect,
    },
}

/// Reads a WebSocket message, text or bytes alike. Without Content-Length the body is the rest.
pub fn websocket_message(mut data: Bytes) -> WebSocketMessage {
    let mut keepalive = false;
    while data.starts_with(b"\r\n\r\n") {
        keepalive = true;
        data.advance(4);
    }
    match keepalive {
        true if data.is_empty() => WebSocketMessage::Keepalive { then: None },
        true => WebSocketMessage::Keepalive { then: Some(Box::new(content(data))) },
        false => content(data),
    }
}

fn content(data: Bytes) -> WebSocketMessage {
    if data[..] == b"\r\n"[..] {
        return WebSocketMessage::Nothing;
    }
    let (mut message, head_len) = match Message::parse(data.clone()) {
        Ok(parsed) => parsed,
        Err(ParseError::Syntax(error)) => {
            let defect = Defect::Syntax(error);
            return match refusable(&data, error) {
                Some((request, reason)) => {
                    WebSocketMessage::Refused { request, status: 400, reason: reason.into(), defect }
                }
                None => close(4000, "SIP message parsing error", defect),
            };
        }
        Err(_) => return close(4001, "SIP message incomplete", Defect::Incomplete),
    };
    match message.head_defect() {
        Some(Defect::Branch) if message.may_be_answered() => {
            let reason = REASON_BRANCH.into();
            return WebSocketMessage::Refused {
                request: message,
                status: 400,
                reason,
                defect: Defect::Branch,
            };
        }
        Some(defect) => return WebSocketMessage::Ignored(defect),
        None => {}
    }
    let body = data.slice(head_len..);
    if message.content_length().is_some_and(|len| len as usize != body.len()) {
        return close(4002, "SIP message body size does not match Content-Length", Defect::BodySize);
    }
    message.set_body(body);
    WebSocketMessage::Message(message)
}

fn close(status: u16, reason: &'static str, defect: Defect) -> WebSocketMessage {
    WebSocketMessage::Close { status, reason, defect }
}
