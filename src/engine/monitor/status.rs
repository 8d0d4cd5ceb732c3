//! `/status`: one page of JSON about the server, for `oversip status` and `oversip top`.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{json, Map, Value};

use super::health::word;
use super::monitor_response::MonitorResponse;
use super::questions::Topic;
use super::scene::Scene;
use crate::clock::Clock;
use crate::engine::observers::Observers;
use crate::engine::{self, SystemClock};
use crate::host::lock;
use crate::metrics::{Attempts, Metrics};
use crate::resolve::Target;

/// Targets and blocks that are shown.
const MOST_ROWS: usize = 50;

/// The page.
pub(super) async fn answer(scene: &Arc<Scene>) -> MonitorResponse {
    let known = scene.questions.ask(Topic::State, "").await;
    let known = known.and_then(|text| serde_json::from_slice::<Value>(&text).ok()).unwrap_or_default();
    MonitorResponse::json(&page(scene, &known["stats"]))
}

fn page(scene: &Scene, script: &Value) -> Value {
    let status = scene.driver.look(|element| element.status());
    let observers = scene.driver.observers.as_ref();
    let metrics = observers.and_then(Observers::metrics);
    json!({
        "version": scene.identity.version,
        "name": scene.identity.name,
        "folder": scene.identity.folder,
        "pid": std::process::id(),
        "status": word(status),
        "began_at": seconds(scene.began_at),
        "now": seconds(SystemClock.date()),
        "stats": stats(scene),
        "certificate": scene.tls.valid_until().map(|until| json!({ "not_after": seconds(until) })),
        "script": script,
        "calls": metrics.map(|metrics| calls(metrics)),
        "causes": metrics.map(|metrics| causes(metrics)),
        "targets": metrics.map(|metrics| targets(metrics, scene)),
        "blocks": metrics.map(|metrics| blocks(metrics)),
        "queue": {
            "events": scene.driver.events.len(),
            "oldest_seconds": scene.driver.events.oldest().as_secs_f64(),
            "running_seconds": scene.driver.counts.script_time.running().as_secs_f64(),
        },
        "trace": observers.and_then(|observers| trace(scene, observers)),
        "hep": observers.map(hep).unwrap_or_default(),
    })
}

fn stats(scene: &Scene) -> Map<String, Value> {
    let json = |value| match value {
        engine::Value::Count(number) => json!(number),
        engine::Value::Time(time) => json!(time),
        engine::Value::Several { names, counts, .. } => {
            names.iter().zip(counts).map(|(name, count)| ((*name).to_owned(), json!(count))).collect()
        }
    };
    let readings = scene.driver.stats().readings();
    readings.into_iter().map(|reading| (reading.name.to_owned(), json(reading.value))).collect()
}

fn calls(metrics: &Metrics) -> Value {
    let figures = metrics.calls();
    let failed = figures.failed.iter().map(|(class, count)| ((*class).to_owned(), json!(count)));
    json!({
        "begun": figures.begun,
        "in_progress": figures.in_progress,
        "answered": figures.answered,
        "cancelled": figures.cancelled,
        "redirected": figures.redirected,
        "failed": failed.collect::<Map<_, _>>(),
    })
}

fn causes(metrics: &Metrics) -> Vec<Value> {
    let causes = metrics.causes().into_iter().take(MOST_ROWS);
    causes.map(|cause| json!({ "cause": cause.words, "by": cause.by, "count": cause.count })).collect()
}

/// The one that a request was sent to last comes first.
fn targets(metrics: &Metrics, scene: &Scene) -> Vec<Value> {
    let shown: Vec<_> = metrics.targets().into_iter().rev().take(MOST_ROWS).collect();
    let names: Vec<String> = shown.iter().map(|(target, _)| target.to_string()).collect();
    let blacklisted = scene.driver.blacklisted(&names);
    let row = |(((_, attempts), target), blacklisted): (((Target, Attempts), String), bool)| {
        json!({
            "target": target,
            "attempts": attempts.count,
            "answered": attempts.answered,
            "failed": attempts.failed,
            "timeouts": attempts.timeouts,
            "last": attempts.last,
            "seconds": attempts.mean.map(|time| time.as_secs_f64()),
            "blacklisted": blacklisted,
        })
    };
    shown.into_iter().zip(names).zip(blacklisted).map(row).collect()
}

/// The one comes first that takes most time in all.
fn blocks(metrics: &Metrics) -> Vec<Value> {
    let blocks = metrics.blocks().into_iter().take(MOST_ROWS);
    let row = |block: crate::metrics::BlockFigures| {
        json!({
            "event": block.event,
            "place": block.place,
            "count": block.runs.count,
            "seconds": block.runs.total.as_secs_f64(),
            "longest": block.runs.longest.as_secs_f64(),
            "exceptions": block.runs.exceptions,
        })
    };
    blocks.map(row).collect()
}

fn trace(scene: &Scene, observers: &Observers) -> Option<Value> {
    let summary = lock(observers.ring()?).summary(scene.driver.clock.now());
    Some(json!({
        "calls": summary.calls,
        "bytes": summary.bytes,
        "most_calls": summary.limits.calls,
        "most_bytes": summary.limits.bytes,
    }))
}

fn hep(observers: &Observers) -> Vec<Value> {
    let states = observers.collectors().map(|collectors| collectors.states()).unwrap_or_default();
    let row = |state: engine::CollectorState| {
        json!({
            "collector": state.address,
            "sent": state.sent,
            "dropped": state.dropped,
            "queued": state.queued,
            "connected": state.connected,
        })
    };
    states.into_iter().map(row).collect()
}

/// A date as seconds since 1970.
fn seconds(date: SystemTime) -> f64 {
    date.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
