//! Who answers for which path. A handler is a function of what is asked and the scene; one that a network may not reach stands
//! under [`Way::Control`] alone.

use std::sync::Arc;

use hyper::StatusCode;

use super::answer::Answer;
use super::asked::Asked;
use super::scene::Scene;
use super::serve::{Door, Way};
use super::{health, status};

/// The answer to a request.
pub(super) async fn answer(asked: &Asked, door: &Arc<Door>, scene: &Arc<Scene>) -> Answer {
    match (asked.path.as_str(), door.way) {
        ("/health", _) => health::answer(scene),
        ("/status", Way::Control) => status::answer(scene).await,
        _ => Answer::refusal(StatusCode::NOT_FOUND, "there is nothing of that name"),
    }
}
