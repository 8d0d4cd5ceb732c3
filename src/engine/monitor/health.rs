//! `/health`: whether requests are served.

use std::sync::Arc;

use hyper::StatusCode;

use super::monitor_response::MonitorResponse;
use super::scene::Scene;
use crate::element::Status;

/// 200 while requests are served, else 503; the text is the status.
pub(super) fn answer(scene: &Arc<Scene>) -> MonitorResponse {
    let status = scene.driver.look(|element| element.status());
    match status {
        Status::Running => MonitorResponse::plain("running\n"),
        Status::Loading | Status::Terminating => {
            MonitorResponse::refusal(StatusCode::SERVICE_UNAVAILABLE, word(status))
        }
    }
}

/// The word for a status.
pub(super) fn word(status: Status) -> &'static str {
    match status {
        Status::Loading => "loading",
        Status::Running => "running",
        Status::Terminating => "terminating",
    }
}
