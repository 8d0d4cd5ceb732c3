//! Families of figures in the text format of Prometheus.

use prometheus::core::Collector;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prometheus::{Encoder, TextEncoder};

/// The names of labels with their values.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// Families of figures, as they are read at one moment.
#[derive(Debug, Default)]
pub struct Families(Vec<MetricFamily>);

impl Families {
    /// Something that only grows.
    pub fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.counters(name, help, |family| family.add(&[], value));
    }

    /// Something that grows and falls.
    pub fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.gauges(name, help, |family| family.add(&[], value));
    }

    /// Several that only grow.
    pub fn counters(&mut self, name: &str, help: &str, fill: impl FnOnce(&mut Family)) {
        self.family(name, help, MetricType::COUNTER, fill);
    }

    /// Several that grow and fall.
    pub fn gauges(&mut self, name: &str, help: &str, fill: impl FnOnce(&mut Family)) {
        self.family(name, help, MetricType::GAUGE, fill);
    }

    /// What a collector has.
    pub fn collected(&mut self, collector: &impl Collector) {
        self.0.extend(collector.collect().into_iter().filter(|family| !family.get_metric().is_empty()));
    }

    /// Histograms, those left out that nothing was timed with.
    pub fn in_use(&mut self, families: Vec<MetricFamily>) {
        self.0.extend(families.into_iter().filter_map(|mut family| {
            let samples = family.take_metric().into_iter();
            let samples: Vec<_> =
                samples.filter(|sample| sample.get_histogram().get_sample_count() > 0).collect();
            let in_use = !samples.is_empty();
            family.set_metric(samples);
            in_use.then_some(family)
        }));
    }

    /// What others have gathered.
    pub fn gathered(&mut self, families: Vec<MetricFamily>) {
        self.0.extend(families.into_iter().filter(|family| !family.get_metric().is_empty()));
    }

    /// All of them as text, by name.
    pub fn text(mut self) -> Vec<u8> {
        self.0.sort_by(|one, other| one.name().cmp(other.name()));
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.0, &mut text) {
            tracing::error!(target: "oversip::metrics", "a defect: the figures cannot be written: {error}");
        }
        text
    }

    fn family(&mut self, name: &str, help: &str, kind: MetricType, fill: impl FnOnce(&mut Family)) {
        let mut family = Family { kind, samples: Vec::new() };
        fill(&mut family);
        if family.samples.is_empty() {
            return;
        }
        let mut written = MetricFamily::default();
        written.set_name(name.to_owned());
        written.set_help(help.to_owned());
        written.set_field_type(kind);
        written.set_metric(family.samples);
        self.0.push(written);
    }
}

/// A family while it is filled.
pub struct Family {
    kind: MetricType,
    samples: Vec<Metric>,
}

impl Family {
    /// One more value, with its labels.
    pub fn add(&mut self, labels: Labels<'_>, value: f64) {
        let mut sample = Metric::default();
        let pair = |(name, value): &(&str, &str)| {
            let mut pair = LabelPair::default();
            pair.set_name((*name).to_owned());
            pair.set_value((*value).to_owned());
            pair
        };
        sample.set_label(labels.iter().map(pair).collect());
        match self.kind {
            MetricType::COUNTER => {
                let mut counter = Counter::default();
                counter.set_value(value);
                sample.set_counter(counter);
            }
            _ => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                sample.set_gauge(gauge);
            }
        }
        self.samples.push(sample);
    }

    /// One more value that is left out while it is nothing: of many labels few are in use.
    pub fn add_unless_zero(&mut self, labels: Labels<'_>, value: u64) {
        if value > 0 {
            self.add(labels, value as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_written_by_name_and_empty_ones_are_left_out() {
        let mut families = Families::default();
        families.gauge("b", "Two.", 0.5);
        families.counters("a_total", "One.", |family| {
            family.add(&[("x", "1"), ("y", "\"q\"\\\n")], 3.0);
            family.add_unless_zero(&[("x", "2"), ("y", "")], 0);
        });
        families.counters("c_total", "None.", |family| family.add_unless_zero(&[("x", "1")], 0));
        let text = String::from_utf8(families.text()).expect("UTF-8");
        assert_eq!(
            text,
            "# HELP a_total One.\n# TYPE a_total counter\na_total{x=\"1\",y=\"\\\"q\\\"\\\\\\n\"} 3\n\
             # HELP b Two.\n# TYPE b gauge\nb 0.5\n"
        );
    }
}
