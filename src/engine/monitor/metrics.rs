//! `/metrics`: all figures in the text format of Prometheus.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use serde_json::Value as Json;

use super::door::{Door, MonitorSocket};
use super::http_response::HttpResponse;
use super::kernel;
use super::questions::Topic;
use super::scene::Scene;
use crate::client::BLACKLIST_CAPACITY;
use crate::engine::config::MAX_CONNECTIONS;
use crate::engine::readings::{Reading, Shown, Value};
use crate::metrics::{Families, Family};
use crate::resolve::DNS_CACHE_CAPACITY;

/// The text format of Prometheus.
const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page.
pub(super) async fn answer(door: &Door, scene: &Arc<Scene>) -> HttpResponse {
    if door.socket == MonitorSocket::Control {
        return HttpResponse::new(KIND, page(scene).await);
    }
    HttpResponse::new(KIND, scene.pages.page(page(scene)).await)
}

async fn page(scene: &Scene) -> Vec<u8> {
    let ask = |topic| scene.questions.ask(topic, "");
    let (_, script) = tokio::join!(ask(Topic::Gauges), ask(Topic::State));
    let script = script.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or(Json::Null);
    let mut families = Families::default();
    of_server(&mut families, scene, !script.is_null());
    of_engine(&mut families, scene);
    limits(&mut families, scene, &script["limits"]);
    of_ruby(&mut families, &script["stats"]);
    if let Some(failures) = script["metric_failures"].as_f64() {
        families.counter(
            "oversip_metric_failures_total",
            "Blocks of the script's gauges that have failed or were ended, up to the page before.",
            failures,
        );
    }
    of_collectors(&mut families, scene);
    let sockets = scene.driver.network.get().map(|network| network.udp_inodes()).unwrap_or_default();
    kernel::read(&mut families, &sockets, &scene.udp_drops);
    if let Some(metrics) = scene.driver.observers.as_ref().and_then(|observers| observers.metrics()) {
        metrics.read(&mut families);
    }
    scene.of_script.read(&mut families);
    families.text()
}

fn of_server(families: &mut Families, scene: &Scene, responsive: bool) {
    families.gauges("oversip_build_info", "What serves; the value is always 1.", |family| {
        let identity = &scene.identity;
        family.add(&[("name", &identity.name), ("version", &identity.version)], 1.0);
    });
    let responsive = f64::from(u8::from(responsive));
    families.gauge(
        "oversip_script_responsive",
        "Whether Ruby has answered the monitor within a second: 1 or 0. The figures that Ruby alone knows are missing otherwise.",
        responsive,
    );
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

fn of_engine(families: &mut Families, scene: &Scene) {
    let stats = scene.driver.stats();
    families.counter(
        "oversip_interpreter_seconds_total",
        "Time that the thread of the blocks has had the interpreter (the GVL) for events.",
        stats.script_time.as_secs_f64(),
    );
    families.counter(
        "oversip_engine_seconds_total",
        "Time that the loop of the engine has worked.",
        stats.loop_time.as_secs_f64(),
    );
    families.gauge(
        "oversip_oldest_event_seconds",
        "How long the oldest event has waited for the script.",
        scene.driver.events.oldest().as_secs_f64(),
    );
    families.gauge(
        "oversip_running_event_seconds",
        "How long the script has been at its present event; 0 while it waits for one.",
        scene.driver.counts.script_time.running().as_secs_f64(),
    );
    stats.readings().into_iter().for_each(|reading| of_reading(families, reading));
}

fn of_reading(families: &mut Families, reading: Reading) {
    let Reading { name, value, shown } = reading;
    let unit = if matches!(value, Value::Time(_)) { "_seconds" } else { "" };
    let fill = |family: &mut Family| match value {
        Value::Count(number) => family.add(&[], number as f64),
        Value::Time(seconds) => family.add(&[], seconds),
        Value::Several { label, names, counts } => {
            names.iter().zip(counts).for_each(|(name, count)| family.add(&[(label, name)], count as f64));
        }
    };
    match shown {
        Shown::Gauge(help) => families.gauges(&format!("oversip_{name}{unit}"), help, fill),
        Shown::Counter(help) => families.counters(&format!("oversip_{name}{unit}_total"), help, fill),
        Shown::Elsewhere => {}
    }
}

/// The bounds of what the gauges count.
fn limits(families: &mut Families, scene: &Scene, of_ruby: &Json) {
    let limits = &scene.driver.settings.limits;
    families.gauges("oversip_limit", "The bounds of what other figures count.", |family| {
        for (of, limit) in [
            ("transactions", limits.transactions),
            ("queued_requests", limits.queued_requests),
            ("queued_acks", limits.queued_acks),
            ("connections", MAX_CONNECTIONS),
            ("blacklist_of_profile", BLACKLIST_CAPACITY),
            ("dns_cache_of_profile", DNS_CACHE_CAPACITY),
        ] {
            family.add(&[("of", of)], limit as f64);
        }
        for (of, limit) in of_ruby.as_object().into_iter().flatten() {
            family.add(&[("of", of)], limit.as_f64().unwrap_or_default());
        }
    });
    families.gauges(
        "oversip_limit_bytes",
        "The bounds of the memory that other figures tell of.",
        |family| {
            for (of, limit) in [
                ("queued_requests", limits.queued_bytes),
                ("queued_acks", limits.queued_ack_bytes),
                ("queued_responses", limits.response_bytes),
            ] {
                family.add(&[("of", of)], limit as f64);
            }
        },
    );
}

fn of_collectors(families: &mut Families, scene: &Scene) {
    let collectors = scene.driver.observers.as_ref().and_then(|observers| observers.collectors());
    let states = collectors.map(|collectors| collectors.states()).unwrap_or_default();
    families.counters(
        "oversip_hep_packets_total",
        "Packets for each collector, by what became of them.",
        |family| {
            for state in &states {
                family.add(&[("collector", &state.address), ("outcome", "sent")], state.sent as f64);
                family.add(&[("collector", &state.address), ("outcome", "dropped")], state.dropped as f64);
            }
        },
    );
    families.gauges("oversip_hep_queued", "Packets that wait for each collector.", |family| {
        states.iter().for_each(|state| family.add(&[("collector", &state.address)], state.queued as f64));
    });
    families.gauges("oversip_hep_connected", "Whether each collector takes packets: 1 or 0.", |family| {
        let connected = |state: &crate::engine::CollectorState| f64::from(u8::from(state.connected));
        states.iter().for_each(|state| family.add(&[("collector", &state.address)], connected(state)));
    });
}

/// What Ruby knows, with its name there and what it is.
const OF_RUBY: [(&str, &str); 8] = [
    ("suspended_fibers", "Events whose block has suspended its Fiber."),
    ("waiting_blocks", "Blocks that wait by a wait of the library."),
    ("longest_wait", "Seconds since the oldest wait of a block began."),
    ("await_running", "Blocks of OverSIP.await and OverSIP.async that run on a thread of their own."),
    ("await_queued", "Blocks of OverSIP.await and OverSIP.async that wait for a thread."),
    ("await_late", "Blocks of OverSIP.await that run though nobody waits for them any more."),
    ("dns_cache", "Entries of the DNS caches of all profiles."),
    ("blacklist", "Entries of the blacklists of all profiles."),
];

fn of_ruby(families: &mut Families, stats: &Json) {
    for (name, help) in OF_RUBY {
        if let Some(number) = stats[name].as_f64() {
            let unit = if name == "longest_wait" { "_seconds" } else { "" };
            families.gauge(&format!("oversip_{name}{unit}"), help, number);
        }
    }
    if let Some(number) = stats["await_timeouts"].as_f64() {
        families.counter(
            "oversip_await_timeouts_total",
            "Blocks whose OverSIP.await has ended by its time-out.",
            number,
        );
    }
    if let Some(number) = stats["queued"]["log_records"].as_f64() {
        families.gauge("oversip_queued_log_records", "Log records that wait to be written.", number);
    }
    if let Some(number) = stats["dropped"]["log_records"].as_f64() {
        families.counter(
            "oversip_dropped_log_records_total",
            "Log records of the script that were lost since their queue was full; oversip_dropped_total has those of the engine.",
            number,
        );
    }
}
