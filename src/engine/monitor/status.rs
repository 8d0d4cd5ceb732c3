//! `/status`: one page of JSON about the server, for `oversip status` and `oversip top`.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{json, Map, Value};

use super::answer::Answer;
use super::health::word;
use super::scene::Scene;
use crate::clock::Clock;
use crate::engine::stats::Reading;
use crate::engine::SystemClock;

/// The page.
pub(super) async fn answer(scene: &Arc<Scene>) -> Answer {
    let script = scene.questions.ask("status", "").await;
    let script = script.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or(Value::Null);
    Answer::json(&page(scene, script))
}

fn page(scene: &Scene, script: Value) -> Value {
    let status = scene.driver.look(|element| element.status());
    json!({
        "version": scene.identity.version,
        "name": scene.identity.name,
        "pid": std::process::id(),
        "status": word(status),
        "began_at": seconds(scene.began_at),
        "now": seconds(SystemClock.date()),
        "stats": stats(scene),
        "script": script,
    })
}

fn stats(scene: &Scene) -> Map<String, Value> {
    let value = |reading| match reading {
        Reading::Count(number) => json!(number),
        Reading::Time(time) => json!(time),
        Reading::Several(names, numbers) => {
            names.iter().zip(numbers).map(|(name, number)| ((*name).to_owned(), json!(number))).collect()
        }
    };
    let readings = scene.driver.stats().readings();
    readings.into_iter().map(|(name, reading)| (name.to_owned(), value(reading))).collect()
}

/// A date as seconds since 1970.
fn seconds(date: SystemTime) -> f64 {
    date.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
