//! Frames to a client: unmasked, never fragmented, lengths in their shortest form (RFC 6455 section 5).

use bytes::Bytes;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};
use tungstenite::protocol::frame::FrameHeader;

use super::frames::MAX_CONTROL_PAYLOAD;

/// What a keepalive ping says.
const KEEPALIVE: &[u8] = b"keep-alive";

/// A message: text where it is UTF-8, else bytes (RFC 7118 section 4.2).
pub fn data_frame(message: &[u8]) -> Bytes {
    let kind = if std::str::from_utf8(message).is_ok() { Data::Text } else { Data::Binary };
    frame(OpCode::Data(kind), message)
}

/// A close frame; without a status it has no reason either. The reason is cut at a character where it is too long.
pub fn close_frame(status: Option<u16>, reason: &str) -> Bytes {
    let Some(status) = status else { return frame(OpCode::Control(Control::Close), b"") };
    let mut end = reason.len().min(MAX_CONTROL_PAYLOAD - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let payload = [&status.to_be_bytes()[..], &reason.as_bytes()[..end]].concat();
    frame(OpCode::Control(Control::Close), &payload)
}

/// The answer to a ping; its payload is no longer than a control frame's can be.
pub fn pong_frame(payload: &[u8]) -> Bytes {
    frame(OpCode::Control(Control::Pong), payload)
}

/// The ping that keeps a connection alive.
pub fn keepalive_frame() -> Bytes {
    frame(OpCode::Control(Control::Ping), KEEPALIVE)
}

fn frame(opcode: OpCode, payload: &[u8]) -> Bytes {
    let header = FrameHeader { opcode, ..FrameHeader::default() };
    let mut out = Vec::with_capacity(payload.len() + 10);
    // Writing into a Vec cannot fail.
    let _ = header.format(payload.len() as u64, &mut out);
    out.extend_from_slice(payload);
    out.into()
}
