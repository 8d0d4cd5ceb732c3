//! The numbers of [`Stats`] with their names, for operators: each is defined here, with what it is for Prometheus.

use std::time::Duration;

use super::stats::{Stats, QUEUES};
use crate::element::{Dropped, Rejected};
use crate::message::Defect;

/// A number of [`Stats::readings`].
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// As operators know it.
    pub name: &'static str,
    /// How much it is.
    pub value: Value,
    /// What it is among the metrics.
    pub shown: Shown,
}

/// How much a reading is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// How many.
    Count(u64),
    /// Of time: seconds, or what the name says.
    Time(f64),
    /// Several numbers.
    Several {
        /// What their names name.
        label: &'static str,
        /// Their names.
        names: &'static [&'static str],
        /// In the order of the names.
        counts: Vec<u64>,
    },
}

/// What a reading is among the metrics, with its help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// It grows and falls.
    Gauge(&'static str),
    /// It only grows.
    Counter(&'static str),
    /// Other metrics say it: in another unit, or divided more finely.
    Elsewhere,
}

impl Stats {
    /// All of it, in the order in which it is shown.
    pub fn readings(&self) -> Vec<Reading> {
        let calls = (self.calls + self.own_calls).max(1);
        let per_call = |time: Duration| Value::Time(time.as_secs_f64() * 1e6 / calls as f64);
        vec![
            gauge(
                "server_transactions",
                self.server_transactions,
                "Requests that wait for the script or have a server transaction.",
            ),
            gauge("client_transactions", self.client_transactions, "Client transactions."),
            gauge(
                "requests",
                self.requests,
                "Requests of server transactions, and those that the script still has.",
            ),
            gauge(
                "clients",
                self.clients,
                "Proxies and Uacs that the script still has or that have something to do.",
            ),
            gauge("timers", self.timers, "Armed timers."),
            gauge("kept_acks", self.kept_acks, "ACKs that are kept to be sent again."),
            gauge("kept_cancels", self.kept_cancels, "CANCELs whose answers are kept to be sent again."),
            gauge("waiting_for_dns", self.waiting_for_dns, "Requests that wait for DNS."),
            gauge(
                "waiting_for_probe",
                self.waiting_for_probe,
                "Requests that wait for the outcome of a probe.",
            ),
            gauge("connections", self.connections, "Connections by TCP, TLS and WebSocket."),
            gauge(
                "engine_queue",
                self.engine_queue,
                "Events of the network that the engine has not looked at.",
            ),
            gauge(
                "deliveries",
                self.deliveries,
                "Messages that leave as soon as the thread that sends comes to them.",
            ),
            gauge("dispatcher_queue", self.dispatcher_queue, "Events that wait for the script."),
            counter("dispatched_events", self.dispatched_events, "Events given to the script."),
            counter(
                "engine_relayed_responses",
                self.engine_relayed_responses,
                "Responses that went upstream without the script.",
            ),
            counter("holds", self.holds, "How often the lock of the engine was held."),
            Reading {
                name: "longest_hold",
                value: Value::Time(self.longest_hold.as_secs_f64()),
                shown: Shown::Gauge("The longest time that the lock of the engine was held."),
            },
            counter(
                "takeovers",
                self.takeovers,
                "How often the thread of the engine has taken the network over from a busy script.",
            ),
            counter("calls", self.calls, "Calls that have come: INVITEs outside of dialogs."),
            counter(
                "own_calls",
                self.own_calls,
                "Calls that the script has begun by itself: INVITEs outside of dialogs.",
            ),
            elsewhere("interpreter_microseconds_per_call", per_call(self.script_time)),
            elsewhere("engine_microseconds_per_call", per_call(self.loop_time)),
            gauge(
                "sending_sockets",
                self.sending_sockets,
                "Sockets that requests to other hosts have opened.",
            ),
            gauge("own_dialogs", self.own_dialogs, "Dialogs that requests of sending sockets have begun."),
            gauge("searches", self.searches, "Requests that were routed and have no answer yet."),
            gauge(
                "reserve_requests",
                self.reserve_requests,
                "Requests of dialogs that wait for the script in their reserve.",
            ),
            gauge(
                "reserve_transactions",
                self.reserve_transactions,
                "Transactions above their bound, in the reserve of dialogs.",
            ),
            counter(
                "reserve_admissions",
                self.reserve_admissions,
                "Requests of dialogs that were admitted though a bound was reached.",
            ),
            Reading {
                name: "queued",
                value: waiting(self.queued),
                shown: Shown::Gauge(
                    "Messages, and connections of peers to be judged, that wait for the script.",
                ),
            },
            Reading {
                name: "queued_bytes",
                value: waiting(self.queued_bytes),
                shown: Shown::Gauge("Bytes of memory of what waits for the script."),
            },
            gauge("outgoing_bytes", self.outgoing_bytes, "Bytes that wait to be sent on connections."),
            gauge("held_bytes", self.held_bytes, "Bytes that were read while a block decides on their peer."),
            gauge(
                "unconfirmed_bytes",
                self.unconfirmed_bytes,
                "Bytes of responses that clients may not have taken.",
            ),
            gauge(
                "paused_connections",
                self.paused_connections,
                "Connections that are not read since their next response has no room.",
            ),
            elsewhere("hep_queue", Value::Count(self.hep_queue as u64)),
            elsewhere("hep_dropped", Value::Count(self.hep_dropped)),
            Reading {
                name: "rejected",
                value: by_reason(Rejected::NAMES, &self.rejected),
                shown: Shown::Counter("Requests and connections that were refused."),
            },
            Reading {
                name: "dropped",
                value: by_reason(Dropped::NAMES, &self.dropped),
                shown: Shown::Counter("Messages, connections and records that were thrown away."),
            },
            Reading {
                name: "malformed",
                value: by_reason(&Defect::NAMES, &self.malformed),
                shown: Shown::Counter("Messages that are no good."),
            },
        ]
    }
}

fn gauge(name: &'static str, number: usize, help: &'static str) -> Reading {
    Reading { name, value: Value::Count(number as u64), shown: Shown::Gauge(help) }
}

fn counter(name: &'static str, number: u64, help: &'static str) -> Reading {
    Reading { name, value: Value::Count(number), shown: Shown::Counter(help) }
}

fn elsewhere(name: &'static str, value: Value) -> Reading {
    Reading { name, value, shown: Shown::Elsewhere }
}

fn waiting(counts: [usize; QUEUES.len()]) -> Value {
    let counts = counts.iter().map(|count| *count as u64).collect();
    Value::Several { label: "queue", names: &QUEUES, counts }
}

fn by_reason(names: &'static [&'static str], counts: &[u64]) -> Value {
    Value::Several { label: "reason", names, counts: counts.to_vec() }
}
