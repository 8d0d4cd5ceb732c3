//! What becomes of a message whose head and body are in order, whatever it came over.

use super::check::{Defect, REASON_CSEQ};
use super::received::Message;
use super::source::Source;

/// What becomes of a message.
#[derive(Debug, Clone)]
pub enum Admission {
    /// It is fit to be looked at. Its Via is stamped.
    Message(Message),
    /// A request to be answered statelessly. Its Via is stamped. What comes behind it on a stream can be read.
    Refused {
        /// The request.
        request: Message,
        /// Status of the reply.
        status: u16,
        /// Reason phrase of the reply.
        reason: &'static str,
        /// What was wrong.
        defect: Defect,
    },
    /// To be dropped.
    Dropped(Defect),
}

/// Looks at what the framing does not (RFC 3261 8.1.1.5), and stamps what is taken.
pub fn admit(mut message: Message, source: &Source) -> Admission {
    let defect = Defect::CSeq;
    if !message.cseq_valid() && !message.may_be_answered() {
        return Admission::Dropped(defect);
    }
    message.stamp(source);
    if message.cseq_valid() {
        Admission::Message(message)
    } else {
        Admission::Refused { request: message, status: 400, reason: REASON_CSEQ, defect }
    }
}

impl Message {
    /// Notes in the top Via of a request where it came from (RFC 3261 18.2.1, RFC 3581 4), but not over WebSocket: browsers
    /// cannot know their address, and responses use the connection anyway (RFC 7118 5.2).
    pub fn stamp(&mut self, source: &Source) {
        if self.is_request() && !source.transport.websocket() {
            self.stamp_via(source.remote);
        }
    }
}
