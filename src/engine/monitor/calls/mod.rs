//! `/calls`: a page for browsers that shows the calls of the trace as they happen, each as a ladder. It is served where the
//! configuration wants it (`metrics: calls_page`), to who has the token.
//!
//! The page is one text with its style and script in it ([`page`]). What it shows comes as Server-Sent Events ([`events`]): the list
//! from the ring, without Ruby, and the ladder of the one call that is open from Ruby, which draws and redacts it.

mod access;
mod events;
mod open_pages;
mod page;
mod row;
mod visible;

use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use hyper::StatusCode;

use super::door::Door;
use super::monitor_request::MonitorRequest;
use super::monitor_response::MonitorResponse;
use super::scene::Scene;
use crate::engine::observers::Observers;

pub use access::CallsPage;
pub(super) use open_pages::OpenPages;

/// What holds for each answer: nobody else's page may show it, read it or learn its address, which has the token in it.
const GUARDS: [(&str, &str); 4] = [
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// The answer to a request for `/calls` or below it.
pub(super) fn answer(asked: &MonitorRequest, door: &Arc<Door>, scene: &Arc<Scene>) -> MonitorResponse {
    let answer = match &scene.calls_page {
        None => nothing(),
        Some(open_pages) => match open_pages.guard.admit(asked) {
            Err(reason) => MonitorResponse::refusal(StatusCode::FORBIDDEN, reason),
            Ok(()) => admitted(asked, door, scene, open_pages),
        },
    };
    GUARDS.into_iter().fold(answer, |answer, (name, value)| {
        answer.header(HeaderName::from_static(name), HeaderValue::from_static(value))
    })
}

fn admitted(
    asked: &MonitorRequest,
    door: &Arc<Door>,
    scene: &Arc<Scene>,
    open_pages: &Arc<OpenPages>,
) -> MonitorResponse {
    if scene.driver.observers.as_ref().and_then(Observers::ring).is_none() {
        return MonitorResponse::refusal(StatusCode::NOT_FOUND, "the trace is off (trace: enabled)");
    }
    match asked.path.as_str() {
        "/calls" => page::answer(),
        "/calls/events" => events::answer(asked, door, scene, open_pages),
        _ => nothing(),
    }
}

fn nothing() -> MonitorResponse {
    MonitorResponse::refusal(StatusCode::NOT_FOUND, "there is nothing of that name")
}
