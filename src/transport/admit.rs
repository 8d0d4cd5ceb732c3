//! From a framed message to the event that the engine gets.

use std::borrow::Cow;

use tracing::debug;

use super::{Malformed, Source, TransportEvent};
use crate::message::{Defect, Message, REASON_CSEQ};

/// The event of a message whose core headers and branch are in order; `None` if it is to be ignored.
pub(super) fn admit(mut message: Message, source: Source, malformed: &Malformed) -> Option<TransportEvent> {
    // RFC 3261 section 8.1.1.5
    if !message.cseq_valid() {
        if message.may_be_answered() {
            malformed.count_refused(Defect::CSeq);
            // The stream is in order: whatever comes next on it can be read.
            return Some(refuse(message, source, 400, REASON_CSEQ.into(), false));
        }
        malformed.count_dropped(Defect::CSeq);
        debug!(target: "oversip::transport", remote = %source.remote, "{REASON_CSEQ}: message ignored");
        return None;
    }
    stamp(&mut message, &source);
    Some(TransportEvent::Message { message, source, room: None, owed: None })
}

/// The event of a request that is to be answered statelessly.
pub(super) fn refuse(
    mut message: Message,
    source: Source,
    status: u16,
    reason: Cow<'static, str>,
    close: bool,
) -> TransportEvent {
    stamp(&mut message, &source);
    TransportEvent::Reply { to: message, source, status, reason, close, owed: None }
}

/// RFC 3261 section 18.2.1, RFC 3581 section 4.
fn stamp(message: &mut Message, source: &Source) {
    // RFC 7118 section 5.2: browsers cannot know their address, and responses use the connection anyway.
    if message.is_request() && !source.transport.websocket() {
        message.stamp_via(source.remote);
    }
}
