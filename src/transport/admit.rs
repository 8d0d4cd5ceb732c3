//! From a framed message to the event that the engine gets.

use std::borrow::Cow;

use tracing::debug;

use super::{Malformed, Source, TransportEvent};
use crate::message::{self, Admission, Message};

/// The event of a message whose core headers and branch are in order; `None` if it is to be ignored.
pub(super) fn admit(message: Message, source: Source, malformed: &Malformed) -> Option<TransportEvent> {
    match message::admit(message, &source) {
        Admission::Message(message) => {
            Some(TransportEvent::Message { message, source, room: None, owed: None })
        }
        Admission::Refused { request: to, status, reason, defect } => {
            malformed.count_refused(defect);
            let reason = reason.into();
            // The stream is in order: whatever comes next on it can be read.
            Some(TransportEvent::Reply { to, source, status, reason, close: false, owed: None })
        }
        Admission::Dropped(defect) => {
            malformed.count_dropped(defect);
            debug!(target: "oversip::transport", remote = %source.remote, "{defect}: message ignored");
            None
        }
    }
}

/// The event of a request that is to be answered statelessly.
pub(super) fn refuse(
    mut message: Message,
    source: Source,
    status: u16,
    reason: Cow<'static, str>,
    close: bool,
) -> TransportEvent {
    message.stamp(&source);
    TransportEvent::Reply { to: message, source, status, reason, close, owed: None }
}
