//! A call as the list on the page has it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::prelude::{Engine as _, BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;

use super::visible::visible;
use crate::trace::{Log, Outline};

/// A row of the list.
#[derive(Debug, Serialize)]
pub(super) struct CallRow {
    /// By which the page asks for the ladder of the call.
    id: String,
    call_id: String,
    /// Seconds since 1970.
    began_at: f64,
    /// Seconds.
    duration: f64,
    /// Seconds.
    waited: f64,
    method: String,
    from: String,
    to: String,
    status: Option<u16>,
    reason: &'static str,
    outcome: &'static str,
    goes_on: bool,
    messages: usize,
}

impl CallRow {
    /// That of a call in a ring that began at this date.
    pub(super) fn new(call_id: &[u8], log: &Log, ring_began_at: SystemTime) -> CallRow {
        let outline = Outline::of(log);
        CallRow {
            id: name(call_id),
            call_id: visible(call_id),
            began_at: seconds_since_1970(ring_began_at + outline.began),
            duration: seconds(outline.ended.saturating_sub(outline.began)),
            waited: seconds(outline.waited),
            method: visible(&outline.method),
            from: visible(&outline.from),
            to: visible(&outline.to),
            status: outline.status,
            reason: outline.reason(),
            outcome: outline.outcome.as_str(),
            goes_on: outline.goes_on,
            messages: outline.messages,
        }
    }
}

/// A Call-ID in an address: its bytes may be anything.
pub(super) fn name(call_id: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(call_id)
}

/// The Call-ID that has this name; `None` where it is none.
pub(super) fn call_id(name: &str) -> Option<Vec<u8>> {
    BASE64_URL_SAFE_NO_PAD.decode(name).ok()
}

/// A date with milliseconds.
pub(super) fn seconds_since_1970(date: SystemTime) -> f64 {
    seconds(date.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// With milliseconds.
fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1e3
}
