//! WebSocket, the server's side, without sockets (RFC 6455, RFC 7118): the upgrade request and its answer, frames from
//! and to the client.
//!
//! The way of a connection: [`HeadReader`] reads the request, [`check`] looks at it, the script decides, [`switching_protocols`]
//! or an [`UpgradeRefusal`] answers; then [`FrameReader`] gives messages.

mod frames;
mod framing;
mod grammar;
mod handshake;
mod http;
mod sending;
mod utf8;

pub use frames::{may_be_sent, FrameLimits, FrameReader, Received, Violation};
pub(crate) use framing::WsFraming;
pub use handshake::{check, response, switching_protocols, UpgradeRefusal};
pub use http::{HeadProgress, HeadReader, HttpRequest};
pub use sending::{close_frame, data_frame, keepalive_frame, pong_frame};
