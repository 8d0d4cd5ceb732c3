//! Why a connection ended.

use std::fmt;

use super::ws::Violation;
use crate::message::Defect;

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// Asked for from here.
    Local,
    /// The peer closed it.
    Peer,
    /// No traffic in either direction for the idle limit. Counts as closed from here.
    Idle,
    /// A message or its rest did not arrive in time.
    Stalled,
    /// The peer does not read as fast as is sent to it.
    Overflow,
    /// The peer sent something that leaves the stream unusable.
    Protocol(Defect),
    /// The peer said that it closes the WebSocket.
    CloseFrame {
        /// The status it gave.
        status: Option<u16>,
        /// The reason it gave.
        reason: String,
    },
    /// What the peer sent is no WebSocket, or no SIP in one.
    WebSocket(Violation),
    /// What the peer sent is no HTTP request.
    HttpSyntax,
    /// The engine stops.
    Shutdown,
    /// The server's certificate does not prove what is demanded (RFC 5922); the words.
    Certificate(String),
    /// The system reported an error; its words.
    Error(String),
}

impl CloseReason {
    /// An error in its own words. Some libraries add a link to their documentation, which tells an operator nothing.
    pub(super) fn error(error: impl fmt::Display) -> Self {
        let text = error.to_string();
        let end = [": https://", ": http://"].iter().find_map(|link| text.find(link)).unwrap_or(text.len());
        Self::Error(text[..end].to_owned())
    }

    /// Whether the connection was closed from here for no fault of its own.
    pub fn local(&self) -> bool {
        matches!(self, CloseReason::Local | CloseReason::Idle | CloseReason::Shutdown)
    }

    /// Whether the peer ended it, with a word or without.
    pub fn by_peer(&self) -> bool {
        matches!(self, CloseReason::Peer | CloseReason::CloseFrame { .. } | CloseReason::Error(_))
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseReason::Local => f.write_str("closed locally"),
            CloseReason::Peer => f.write_str("closed by the peer"),
            CloseReason::Idle => f.write_str("idle for too long"),
            CloseReason::Stalled => f.write_str("message not completed in time"),
            CloseReason::Overflow => f.write_str("peer does not read"),
            CloseReason::Protocol(defect) => defect.fmt(f),
            CloseReason::CloseFrame { status: Some(status), reason } => {
                write!(f, "WebSocket closed by the peer: {status} {reason:?}")
            }
            CloseReason::CloseFrame { status: None, .. } => f.write_str("WebSocket closed by the peer"),
            CloseReason::WebSocket(Violation { code, reason }) => {
                write!(f, "WebSocket violated: {code} {reason}")
            }
            CloseReason::HttpSyntax => f.write_str("not an HTTP request"),
            CloseReason::Shutdown => f.write_str("stopping"),
            CloseReason::Certificate(words) | CloseReason::Error(words) => f.write_str(words),
        }
    }
}
