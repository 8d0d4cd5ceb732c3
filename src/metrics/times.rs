//! How long things take.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, HistogramVec};

use super::families::Families;

/// Which upper bounds the buckets of a histogram have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Buckets {
    /// For what a machine does and waits for: from a block that does little to half a minute.
    Work,
    /// For what people do: a call may ring for three minutes.
    Ringing,
}

impl Buckets {
    /// In seconds.
    fn bounds(self) -> Vec<f64> {
        match self {
            Buckets::Work => vec![
                0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
                5.0, 10.0, 30.0,
            ],
            Buckets::Ringing => vec![
                0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0,
                60.0, 120.0, 180.0,
            ],
        }
    }
}

fn options(name: &str, help: &str, buckets: Buckets) -> HistogramOpts {
    HistogramOpts::new(name, help).buckets(buckets.bounds())
}

/// A histogram of seconds.
///
/// # Panics
///
/// The name is none, which a test of this library would show.
pub(super) fn histogram(name: &str, help: &str, buckets: Buckets) -> Histogram {
    Histogram::with_opts(options(name, help, buckets)).expect("a name that is written in the source")
}

/// Histograms of seconds with labels.
///
/// # Panics
///
/// A name is none, which a test of this library would show.
pub(super) fn histograms(name: &str, help: &str, buckets: Buckets, labels: &[&str]) -> HistogramVec {
    HistogramVec::new(options(name, help, buckets), labels).expect("names that are written in the source")
}

/// How long what the element waits for takes.
#[derive(Debug)]
pub(super) struct Times {
    dns: Histogram,
    handshakes_in: Histogram,
    handshakes_out: Histogram,
    handshakes: HistogramVec,
    queue: Histogram,
}

impl Times {
    pub(super) fn new() -> Times {
        let handshakes = histograms(
            "oversip_tls_handshake_seconds",
            "How long TLS handshakes take, by who has opened the connection.",
            Buckets::Work,
            &["opened_by"],
        );
        Times {
            dns: histogram("oversip_dns_wait_seconds", "How long requests wait for look-ups.", Buckets::Work),
            handshakes_in: handshakes.with_label_values(&["peer"]),
            handshakes_out: handshakes.with_label_values(&["us"]),
            handshakes,
            queue: histogram("oversip_queue_seconds", "How long events wait for the script.", Buckets::Work),
        }
    }

    /// A request has waited for a look-up.
    pub(super) fn resolved(&self, took: Duration) {
        self.dns.observe(took.as_secs_f64());
    }

    /// A TLS connection is up.
    pub(super) fn handshake(&self, inbound: bool, took: Duration) {
        let histogram = if inbound { &self.handshakes_in } else { &self.handshakes_out };
        histogram.observe(took.as_secs_f64());
    }

    /// An event has waited for the script.
    pub(super) fn waited(&self, time: Duration) {
        self.queue.observe(time.as_secs_f64());
    }

    pub(super) fn read(&self, families: &mut Families) {
        families.collected(&self.dns);
        families.collected(&self.handshakes);
        families.collected(&self.queue);
    }
}
