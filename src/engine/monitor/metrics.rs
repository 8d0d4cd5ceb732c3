//! `/metrics`: all figures in the text format of Prometheus.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use serde_json::Value;

use super::answer::Answer;
use super::door::{Door, Way};
use super::kernel;
use super::scene::Scene;
use crate::client::BLACKLIST_CAPACITY;
use crate::clock::Clock;
use crate::engine::config::MAX_CONNECTIONS;
use crate::engine::stats::Reading;
use crate::engine::SystemClock;
use crate::metrics::Families;
use crate::resolve::DNS_CACHE_CAPACITY;

/// The text format of Prometheus.
const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page.
pub(super) async fn answer(door: &Door, scene: &Arc<Scene>) -> Answer {
    if door.way == Way::Control {
        return Answer::new(KIND, page(scene).await);
    }
    Answer::new(KIND, scene.shown.page(page(scene)).await)
}

async fn page(scene: &Scene) -> Vec<u8> {
    let script = scene.questions.ask("metrics", "").await;
    let script = script.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or(Value::Null);
    let mut families = Families::default();
    of_server(&mut families, scene, !script.is_null());
    of_engine(&mut families, scene);
    limits(&mut families, scene, &script["limits"]);
    of_ruby(&mut families, &script["stats"]);
    of_collectors(&mut families, scene);
    kernel::read(&mut families, scene);
    if let Some(metrics) = scene.driver.observers.as_ref().and_then(|observers| observers.metrics()) {
        metrics.read(&mut families);
    }
    scene.of_script.read(&mut families);
    families.text()
}

fn of_server(families: &mut Families, scene: &Scene, responsive: bool) {
    families.gauges("oversip_info", "What serves; the value is always 1.", |family| {
        let identity = &scene.identity;
        family.add(&[("name", &identity.name), ("version", &identity.version)], 1.0);
    });
    let responsive = f64::from(u8::from(responsive));
    families.gauge(
        "oversip_script_responsive",
        "Whether Ruby has answered the monitor within a second: 1 or 0. The figures that Ruby alone knows are missing otherwise.",
        responsive,
    );
    let began = scene.began_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    families.gauge(
        "process_start_time_seconds",
        "When the server began to show itself, in seconds since 1970.",
        began.as_secs_f64(),
    );
    if let Some(until) = scene.tls.valid_until() {
        let left = match until.duration_since(SystemClock.date()) {
            Ok(left) => left.as_secs_f64(),
            Err(over) => -over.duration().as_secs_f64(),
        };
        families.gauge(
            "oversip_certificate_days_left",
            "Days until the certificate of the server ends; below 0 when it has ended.",
            left / 86_400.0,
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

/// What the numbers of the engine that grow and fall are called, and what they are.
const GAUGES: [(&str, &str); 21] = [
    ("server_transactions", "Requests that wait for the script or have a server transaction."),
    ("client_transactions", "Client transactions."),
    ("requests", "Requests of server transactions, and those that the script still has."),
    ("clients", "Proxies and Uacs that the script still has or that have something to do."),
    ("timers", "Armed timers."),
    ("kept_acks", "ACKs that are kept to be sent again."),
    ("kept_cancels", "CANCELs whose answers are kept to be sent again."),
    ("waiting_for_dns", "Requests that wait for DNS."),
    ("waiting_for_probe", "Requests that wait for the outcome of a probe."),
    ("connections", "Connections by TCP, TLS and WebSocket."),
    ("engine_queue", "Events of the network that the engine has not looked at."),
    ("deliveries", "Messages that leave as soon as the thread that sends comes to them."),
    ("dispatcher_queue", "Events that wait for the script."),
    ("sending_sockets", "Sockets that requests to other hosts have opened."),
    ("own_dialogs", "Dialogs that requests of sending sockets have begun."),
    ("searches", "Requests that were routed and have no answer yet."),
    ("reserve_requests", "Requests of dialogs that wait for the script in their reserve."),
    ("reserve_transactions", "Transactions above their bound, in the reserve of dialogs."),
    ("outgoing_bytes", "Bytes that wait to be sent on connections."),
    ("held_bytes", "Bytes that were read while a block decides on their peer."),
    ("unconfirmed_bytes", "Bytes of responses that clients may not have taken."),
];

/// The same for those that only grow.
const COUNTERS: [(&str, &str); 6] = [
    ("dispatched_events", "Events given to the script."),
    ("engine_relayed_responses", "Responses that went upstream without the script."),
    ("holds", "How often the lock of the engine was held."),
    ("takeovers", "How often the thread of the engine has taken the network over from a busy script."),
    ("calls", "Calls begun: INVITEs outside of dialogs, from the network or from the script."),
    ("reserve_admissions", "Requests of dialogs that were admitted though a bound was reached."),
];

/// The same for numbers with names, the label of those, and whether they only grow.
const SEVERAL: [(&str, &str, bool, &str); 5] = [
    ("queued", "queue", false, "Messages, and connections of peers to be judged, that wait for the script."),
    ("queued_bytes", "queue", false, "Bytes of memory of what waits for the script."),
    ("rejected", "reason", true, "Requests and connections that were refused."),
    ("dropped", "reason", true, "Messages, connections and records that were thrown away."),
    ("malformed", "reason", true, "Messages that are no good."),
];

fn of_engine(families: &mut Families, scene: &Scene) {
    let stats = scene.driver.stats();
    families.gauge(
        "oversip_paused_connections",
        "Connections that are not read since their next response has no room.",
        stats.paused_connections as f64,
    );
    families.gauge(
        "oversip_longest_hold_seconds",
        "The longest time that the lock of the engine was held.",
        stats.longest_hold.as_secs_f64(),
    );
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
    for (name, reading) in stats.readings() {
        if let Reading::Several(names, numbers) = reading {
            several(families, name, names, &numbers);
        } else if let Reading::Count(number) = reading {
            single(families, name, number as f64);
        }
    }
}

fn single(families: &mut Families, name: &str, number: f64) {
    if let Some((_, help)) = GAUGES.iter().find(|(gauge, _)| *gauge == name) {
        families.gauge(&format!("oversip_{name}"), help, number);
    } else if let Some((_, help)) = COUNTERS.iter().find(|(counter, _)| *counter == name) {
        families.counter(&format!("oversip_{name}_total"), help, number);
    }
}

fn several(families: &mut Families, name: &str, names: &[&str], numbers: &[u64]) {
    let Some((_, label, grows, help)) = SEVERAL.iter().find(|(found, ..)| *found == name) else { return };
    let fill = |family: &mut crate::metrics::Family| {
        names.iter().zip(numbers).for_each(|(value, number)| family.add(&[(label, value)], *number as f64));
    };
    match grows {
        true => families.counters(&format!("oversip_{name}_total"), help, fill),
        false => families.gauges(&format!("oversip_{name}"), help, fill),
    }
}

/// The bounds of what the gauges count.
fn limits(families: &mut Families, scene: &Scene, of_ruby: &Value) {
    let limits = &scene.driver.settings.limits;
    families.gauges("oversip_limit", "The bounds of what other figures count.", |family| {
        for (of, limit) in [
            ("transactions", limits.transactions),
            ("queued_requests", limits.queued_requests),
            ("queued_request_bytes", limits.queued_bytes),
            ("queued_acks", limits.queued_acks),
            ("queued_ack_bytes", limits.queued_ack_bytes),
            ("queued_response_bytes", limits.response_bytes),
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

fn of_ruby(families: &mut Families, stats: &Value) {
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
            "Log records that were lost since their queue was full.",
            number,
        );
    }
}
