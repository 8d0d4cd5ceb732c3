//! Frames from a client, put together to messages (RFC 6455 section 5). Sans-IO.

use std::borrow::Cow;
use std::io::Cursor;

use bytes::{Buf, Bytes, BytesMut};
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use tungstenite::protocol::frame::FrameHeader;

use super::utf8::{Utf8, Utf8Check};

/// A control frame's payload (RFC 6455 section 5.5).
pub(super) const MAX_CONTROL_PAYLOAD: usize = 125;

/// The largest payload whose length is looked at at all.
const LENGTH_LIMIT: u64 = 1 << 32;

/// Bounds of what a client may send; a size equal to its bound is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimits {
    /// Bytes of one frame's payload.
    pub max_frame_size: usize,
    /// Bytes of a message.
    pub max_message_size: usize,
}

/// The close frame that answers a violation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Status code (RFC 6455 section 7.4).
    pub code: u16,
    /// The reason; may be empty.
    pub reason: Cow<'static, str>,
}

impl Violation {
    pub(super) fn new(code: u16, reason: &'static str) -> Violation {
        Violation { code, reason: Cow::Borrowed(reason) }
    }
}

/// What the frames gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A complete message of text or of bytes. Never empty: an empty one says nothing.
    Message(Bytes),
    /// To be answered by a pong with the same payload.
    Ping(Bytes),
    /// The client closes: to be answered by a close frame with the same status. Nothing comes after it.
    Close {
        /// The status, if there was one.
        status: Option<u16>,
        /// The reason.
        reason: String,
    },
    /// To be answered by a close frame. Nothing comes after it.
    Violation(Violation),
}

/// A message that is not complete yet.
#[derive(Debug, Default)]
struct Open {
    /// `None` for a message of bytes.
    text: Option<Utf8Check>,
    data: BytesMut,
}

/// A frame whose header was read.
#[derive(Debug, Clone, Copy)]
struct Head {
    opcode: OpCode,
    is_final: bool,
    mask: [u8; 4],
    header_len: usize,
    payload_len: usize,
}

/// Turns the bytes of a client into messages. After each [`push`](FrameReader::push) call [`next`](FrameReader::next)
/// until it has nothing more: then no more than one unfinished frame and one unfinished message are stored.
#[derive(Debug)]
pub struct FrameReader {
    limits: FrameLimits,
    buf: BytesMut,
    head: Option<Head>,
    open: Option<Open>,
    ended: bool,
}

impl FrameReader {
    /// A reader that expects a frame.
    pub fn new(limits: FrameLimits) -> FrameReader {
        FrameReader { limits, buf: BytesMut::new(), head: None, open: None, ended: false }
    }

    /// Takes bytes that arrived. After the end they are ignored.
    pub fn push(&mut self, data: &[u8]) {
        if !self.ended {
            self.buf.extend_from_slice(data);
        }
    }

    /// The next thing in the bytes pushed so far.
    #[allow(clippy::should_implement_trait)] // More may come after None.
    pub fn next(&mut self) -> Option<Received> {
        while !self.ended {
            let received = match self.frame() {
                Ok(None) => return None,
                Ok(Some((head, payload))) => self.take(head, payload),
                Err(violation) => Err(violation),
            };
            match received {
                Ok(None) => {}
                Ok(Some(received)) => {
                    self.ended = matches!(received, Received::Close { .. });
                    return Some(received);
                }
                Err(violation) => {
                    self.ended = true;
                    self.buf = BytesMut::new();
                    self.open = None;
                    return Some(Received::Violation(violation));
                }
            }
        }
        None
    }

    /// The next complete frame, its payload unmasked.
    fn frame(&mut self) -> Result<Option<(Head, BytesMut)>, Violation> {
        let head = match self.head {
            Some(head) => head,
            None => match self.head()? {
                Some(head) => *self.head.insert(head),
                None => return Ok(None),
            },
        };
        if self.buf.len() < head.header_len + head.payload_len {
            return Ok(None);
        }
        self.head = None;
        self.buf.advance(head.header_len);
        let mut payload = self.buf.split_to(head.payload_len);
        if self.buf.is_empty() {
            // A silent connection keeps no buffer.
            self.buf = BytesMut::new();
        }
        for (index, byte) in payload.iter_mut().enumerate() {
            *byte ^= head.mask[index & 3];
        }
        Ok(Some((head, payload)))
    }

    /// Reads and checks a header. What the first two bytes tell is told without waiting for the rest of it.
    fn head(&self) -> Result<Option<Head>, Violation> {
        let [first, second, ..] = self.buf[..] else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(Violation::new(1002, "RSV bit set not supported"));
        }
        let opcode = OpCode::from(first & 0x0f);
        if matches!(opcode, OpCode::Data(Data::Reserved(_)) | OpCode::Control(Control::Reserved(_))) {
            return Err(Violation { code: 1002, reason: format!("unknown opcode={}", first & 0x0f).into() });
        }
        if second & 0x80 == 0 {
            return Err(Violation::new(1002, "MASK bit not set"));
        }
        let mut cursor = Cursor::new(&self.buf[..]);
        let (header, length) = match FrameHeader::parse(&mut cursor) {
            Ok(Some(read)) => read,
            Ok(None) => return Ok(None),
            Err(_) => return Err(Violation::new(1002, "")),
        };
        if length >= LENGTH_LIMIT {
            return Err(Violation::new(1009, "frame too big"));
        }
        let is_control = matches!(opcode, OpCode::Control(_));
        if is_control && length > MAX_CONTROL_PAYLOAD as u64 {
            return Err(Violation::new(1002, ""));
        }
        if is_control && !header.is_final {
            return Err(Violation::new(1002, "forbidden FIN=0 in control frame"));
        }
        match (opcode, &self.open) {
            (OpCode::Data(Data::Continue), None) => {
                return Err(Violation::new(1002, "invalid continuation frame received"));
            }
            (OpCode::Data(Data::Text | Data::Binary), Some(_)) => {
                return Err(Violation::new(1002, "expected a continuation frame"));
            }
            _ => {}
        }
        if length > self.limits.max_frame_size as u64 && !is_control {
            return Err(Violation::new(1009, "frame too big"));
        }
        Ok(Some(Head {
            opcode,
            is_final: header.is_final,
            mask: header.mask.unwrap_or_default(),
            header_len: cursor.position() as usize,
            payload_len: length as usize,
        }))
    }

    fn take(&mut self, head: Head, payload: BytesMut) -> Result<Option<Received>, Violation> {
        match head.opcode {
            OpCode::Control(Control::Ping) => Ok(Some(Received::Ping(payload.freeze()))),
            OpCode::Control(Control::Close) => close(&payload).map(Some),
            OpCode::Control(_) => Ok(None),
            OpCode::Data(kind) => self.data(kind, head.is_final, payload),
        }
    }

    fn data(&mut self, kind: Data, is_final: bool, payload: BytesMut) -> Result<Option<Received>, Violation> {
        let is_first = kind != Data::Continue;
        let mut open = match self.open.take() {
            Some(open) => open,
            None => Open { text: (kind == Data::Text).then(Utf8Check::default), ..Open::default() },
        };
        if let Some(text) = &mut open.text {
            match text.push(&payload) {
                Utf8::Invalid => return Err(Violation::new(1007, invalid_text(is_first))),
                Utf8::Truncated if is_final => return Err(Violation::new(1007, truncated_text(is_first))),
                _ => {}
            }
        }
        if open.data.len() + payload.len() > self.limits.max_message_size {
            return Err(Violation::new(1009, "message too big"));
        }
        open.data.unsplit(payload);
        if !is_final {
            self.open = Some(open);
            return Ok(None);
        }
        // A copy, so that a message that lives long does not keep the whole buffer alive.
        let message = Bytes::copy_from_slice(&open.data);
        Ok(Some(message).filter(|message| !message.is_empty()).map(Received::Message))
    }
}

fn invalid_text(is_first: bool) -> &'static str {
    if is_first {
        "single text frame contains invalid UTF-8"
    } else {
        "continuation text frame contains invalid UTF-8"
    }
}

fn truncated_text(is_first: bool) -> &'static str {
    if is_first {
        "single text frame contains incomplete UTF-8"
    } else {
        "continuation final text frame contains incomplete UTF-8"
    }
}

/// Whether a close frame may have this status (RFC 6455 section 7.4).
pub fn may_be_sent(status: u16) -> bool {
    CloseCode::from(status).is_allowed()
}

/// RFC 6455 section 5.5.1
fn close(payload: &[u8]) -> Result<Received, Violation> {
    let (status, reason) = match payload {
        [] => (None, &[][..]),
        [_] => return Err(Violation::new(1002, "close frame payload too short")),
        [high, low, reason @ ..] => (Some(u16::from_be_bytes([*high, *low])), reason),
    };
    if status.is_some_and(|status| !may_be_sent(status)) {
        return Err(Violation::new(1002, "close frame status not allowed"));
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Ok(Received::Close { status, reason: reason.to_owned() }),
        Err(_) => Err(Violation::new(1007, "close frame reason contains incomplete UTF-8")),
    }
}
