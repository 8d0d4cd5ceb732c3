//! Who answers for which path. A handler is a function of what is asked and the scene; one that a network may not reach stands
//! under [`MonitorSocket::Control`] alone.

use std::sync::Arc;

use hyper::StatusCode;

use super::door::{Door, MonitorSocket};
use super::monitor_request::MonitorRequest;
use super::monitor_response::MonitorResponse;
use super::scene::Scene;

use super::{calls, health, metrics, status, trace};

/// The answer to a request that has come by this door.
pub(super) async fn answer(asked: &MonitorRequest, door: &Arc<Door>, scene: &Arc<Scene>) -> MonitorResponse {
    match (asked.path.as_str(), door.socket) {
        ("/health", _) => health::answer(scene),
        ("/metrics", _) => metrics::answer(door, scene).await,
        ("/status", MonitorSocket::Control) => status::answer(scene).await,
        ("/trace", MonitorSocket::Control) => trace::answer(asked, door, scene),
        (_, MonitorSocket::Network) if asked.is_about_calls() => calls::answer(asked, door, scene),
        _ => MonitorResponse::refusal(StatusCode::NOT_FOUND, "there is nothing of that name"),
    }
}
