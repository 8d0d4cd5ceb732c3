//! The figures that Ruby alone knows.

use serde_json::Value as Json;

use crate::metrics::Families;

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

/// What Ruby has said; null where it has not answered.
pub(super) fn read(families: &mut Families, answer: &Json) {
    let responsive = f64::from(u8::from(!answer.is_null()));
    families.gauge(
        "oversip_script_responsive",
        "Whether Ruby has answered the monitor within a second: 1 or 0. The figures that Ruby alone knows are missing otherwise.",
        responsive,
    );
    if let Some(failures) = answer["metric_failures"].as_f64() {
        families.counter(
            "oversip_metric_failures_total",
            "Blocks of the script's gauges that have failed or were ended, up to the page before.",
            failures,
        );
    }
    let stats = &answer["stats"];
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
