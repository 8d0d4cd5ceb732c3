//! The figures of the engine, with the bounds of all figures.

use serde_json::Value as Json;

use crate::client::BLACKLIST_CAPACITY;
use crate::engine::config::MAX_CONNECTIONS;
use crate::engine::monitor::connection_places::MOST_CONNECTIONS;
use crate::engine::monitor::scene::Scene;
use crate::engine::readings::{Reading, Shown, Value};
use crate::metrics::{Families, Family};
use crate::resolve::DNS_CACHE_CAPACITY;

/// What it counts, and the bounds of that; of those of Ruby as Ruby says them.
pub(super) fn read(families: &mut Families, scene: &Scene, of_ruby: &Json) {
    of_engine(families, scene);
    limits(families, scene, of_ruby);
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
            ("monitor_connections", MOST_CONNECTIONS),
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
