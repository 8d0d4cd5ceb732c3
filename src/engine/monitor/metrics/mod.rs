//! `/metrics`: all figures in the text format of Prometheus.

mod collectors;
mod doors;
mod engine;
mod script;

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use serde_json::Value as Json;

use super::door::{Door, MonitorSocket};
use super::kernel;
use super::monitor_response::MonitorResponse;
use super::questions::Topic;
use super::scene::Scene;
use crate::metrics::Families;

/// The text format of Prometheus.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page.
pub(super) async fn answer(door: &Door, scene: &Arc<Scene>) -> MonitorResponse {
    if door.socket == MonitorSocket::Control {
        return MonitorResponse::new(CONTENT_TYPE, page(scene).await);
    }
    MonitorResponse::new(CONTENT_TYPE, scene.pages.page(page(scene)).await)
}

async fn page(scene: &Scene) -> Vec<u8> {
    let ask = |topic| scene.questions.ask(topic, "");
    let (_, script) = tokio::join!(ask(Topic::Gauges), ask(Topic::State));
    let script = script.and_then(|text| serde_json::from_slice::<Json>(&text).ok()).unwrap_or_default();
    let mut families = Families::default();
    of_server(&mut families, scene);
    engine::read(&mut families, scene, &script["limits"]);
    script::read(&mut families, &script);
    collectors::read(&mut families, scene);
    doors::read(&mut families, scene);
    let sockets = scene.driver.network.get().map(|network| network.udp_inodes()).unwrap_or_default();
    kernel::read(&mut families, &sockets, &scene.udp_drops);
    if let Some(metrics) = scene.driver.observers.as_ref().and_then(|observers| observers.metrics()) {
        metrics.read(&mut families);
    }
    scene.of_script.read(&mut families);
    families.text()
}

fn of_server(families: &mut Families, scene: &Scene) {
    families.gauges("oversip_build_info", "What serves; the value is always 1.", |family| {
        let identity = &scene.identity;
        family.add(&[("name", &identity.name), ("version", &identity.version)], 1.0);
    });
    if let Some(until) = scene.tls.valid_until() {
        families.gauge(
            "oversip_certificate_not_after_timestamp_seconds",
            "When the certificate of the server ends, in seconds since 1970; the others of its chain are not looked at.",
            until.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
        );
    }
    let reloads = scene.driver.counts.reloads();
    families.counters(
        "oversip_reloads_total",
        "Reloads by HUP, by whether all files were taken.",
        |family| {
            for (result, count) in ["ok", "failed"].iter().zip(reloads) {
                family.add(&[("result", result)], count as f64);
            }
        },
    );
}
