//! The figures of scripts. They belong to the process: a script may count before an engine is there, and after it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::core::Collector;
use prometheus::{CounterVec, GaugeVec, HistogramOpts, HistogramVec, Opts};
use thiserror::Error;

use super::families::Families;

/// Metrics of scripts.
const MOST_METRICS: usize = 500;

/// Combinations of labels that a metric may have; what further ones count goes to one whose labels are all [`OTHER`].
const MOST_SERIES: usize = 1000;

/// Samples of the metrics of all scripts together; a combination of labels of a histogram has one for each bucket and three more.
const MOST_SAMPLES: usize = 20_000;

/// The value of all labels beyond that.
const OTHER: &str = "other";

/// The beginnings of the library's own names.
const OWN_PREFIXES: [&str; 2] = ["oversip_", "process_"];

/// The beginning of what Prometheus stores of each page by itself, and its other names.
const SCRAPE_PREFIX: &str = "scrape_";
const OF_PROMETHEUS: [&str; 3] = ["up", "ALERTS", "ALERTS_FOR_STATE"];

/// Bytes of a name.
const LONGEST_NAME: usize = 128;

/// Characters of a text in an error.
const MOST_SHOWN: usize = 40;

/// The end of a counter's name.
const TOTAL: &str = "_total";

/// The types of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricType {
    /// It only grows.
    Counter,
    /// It grows and falls.
    Gauge,
    /// It sorts values into buckets.
    Histogram,
}

/// What a script counts or measures.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricDefinition {
    /// What it does.
    pub metric_type: MetricType,
    /// Its name; that of a counter has `_total` at its end, which is added where it is missing.
    pub name: String,
    /// What it says, in words.
    pub help: String,
    /// The names of its labels.
    pub labels: Vec<String>,
    /// The upper bounds of a histogram's buckets, growing; those of Prometheus' libraries when empty.
    pub buckets: Vec<f64>,
}

/// A metric cannot be made.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum MetricError {
    /// The name is none.
    #[error("'{0}' is no name of a metric: 1 to {LONGEST_NAME} letters, digits and _, no digit first")]
    Name(String),
    /// The name is one of the library's.
    #[error("'{0}' begins like the library's own metrics, with oversip_ or process_")]
    OwnName(String),
    /// The name is one of Prometheus'.
    #[error("'{0}' is a name that Prometheus gives by itself, as up, ALERTS and what begins with scrape_")]
    OfPrometheus(String),
    /// The name of a label is none.
    #[error(
        "'{0}' is no name of a label: 1 to {LONGEST_NAME} letters, digits and _, no digit first, not __ and not le; each once"
    )]
    Label(String),
    /// It says nothing.
    #[error("the help of a metric has to say what it counts")]
    Help,
    /// The buckets do not grow.
    #[error("buckets have to be numbers that grow")]
    Buckets,
    /// Another metric has the name.
    #[error("there is a metric '{0}' already, with another kind, other labels or other buckets")]
    Taken(String),
    /// A histogram has three series, and a counter is known without its end too: another metric has such a name, or the other way round.
    #[error("'{0}' and the metric '{1}' would have names in common")]
    Alike(String, String),
    /// There are too many.
    #[error("there are {MOST_METRICS} metrics already")]
    TooMany,
}

#[derive(Debug)]
enum Series {
    Counter(CounterVec),
    Gauge(GaugeVec),
    Histogram(HistogramVec),
}

/// A metric of a script.
#[derive(Debug)]
pub struct ScriptMetric {
    definition: MetricDefinition,
    series: Series,
    known: Mutex<HashSet<Vec<String>>>,
    beyond: AtomicU64,
    /// Samples of all metrics.
    samples: Arc<AtomicUsize>,
}

/// The metrics of all scripts of the process.
#[derive(Debug, Default)]
pub struct ScriptMetrics {
    all: Mutex<Vec<Arc<ScriptMetric>>>,
    samples: Arc<AtomicUsize>,
}

impl ScriptMetrics {
    /// Makes a metric, or hands out the one that is the same.
    ///
    /// # Errors
    ///
    /// A name cannot be used, or another metric has it.
    pub fn make(&self, mut definition: MetricDefinition) -> Result<Arc<ScriptMetric>, MetricError> {
        check(&definition)?;
        if definition.metric_type == MetricType::Counter && !definition.name.ends_with(TOTAL) {
            definition.name.push_str(TOTAL);
        }
        let mut all = lock(&self.all);
        if let Some(former) = all.iter().find(|metric| metric.definition.name == definition.name) {
            let same =
                MetricDefinition { help: definition.help.clone(), ..former.definition.clone() } == definition;
            return if same { Ok(former.clone()) } else { Err(MetricError::Taken(definition.name)) };
        }
        let series = series_of(&definition);
        let alike = |metric: &&Arc<ScriptMetric>| {
            series_of(&metric.definition).iter().any(|name| series.contains(name))
        };
        if let Some(other) = all.iter().find(alike) {
            return Err(MetricError::Alike(definition.name, other.definition.name.clone()));
        }
        if all.len() >= MOST_METRICS {
            return Err(MetricError::TooMany);
        }
        let metric = Arc::new(ScriptMetric::new(definition, self.samples.clone())?);
        all.push(metric.clone());
        Ok(metric)
    }

    /// All figures.
    pub fn read(&self, families: &mut Families) {
        for metric in lock(&self.all).iter() {
            families.gathered(match &metric.series {
                Series::Counter(series) => series.collect(),
                Series::Gauge(series) => series.collect(),
                Series::Histogram(series) => series.collect(),
            });
        }
    }
}

impl ScriptMetric {
    fn new(definition: MetricDefinition, samples: Arc<AtomicUsize>) -> Result<ScriptMetric, MetricError> {
        let labels: Vec<&str> = definition.labels.iter().map(String::as_str).collect();
        let options = Opts::new(&definition.name, &definition.help);
        let refusal = |_| MetricError::Name(shown(&definition.name));
        let series = match definition.metric_type {
            MetricType::Counter => Series::Counter(CounterVec::new(options, &labels).map_err(refusal)?),
            MetricType::Gauge => Series::Gauge(GaugeVec::new(options, &labels).map_err(refusal)?),
            MetricType::Histogram => {
                let mut options = HistogramOpts::from(options);
                if !definition.buckets.is_empty() {
                    options = options.buckets(definition.buckets.clone());
                }
                Series::Histogram(HistogramVec::new(options, &labels).map_err(refusal)?)
            }
        };
        Ok(ScriptMetric { definition, series, known: Mutex::default(), beyond: AtomicU64::new(0), samples })
    }

    /// The name, as it is shown.
    pub fn name(&self) -> &str {
        &self.definition.name
    }

    /// The names of the labels.
    pub fn labels(&self) -> &[String] {
        &self.definition.labels
    }

    /// Adds to a counter, which nothing is taken from, or a gauge. The labels are as many as it has names for. True: this is the first
    /// time that there are too many combinations of labels.
    pub fn add(&self, labels: &[String], value: f64) -> bool {
        let (labels, first) = self.admit(labels);
        match &self.series {
            Series::Counter(series) => series.with_label_values(&labels).inc_by(value),
            Series::Gauge(series) => series.with_label_values(&labels).add(value),
            Series::Histogram(_) => {}
        }
        first
    }

    /// Sets a gauge. True as with [`ScriptMetric::add`].
    pub fn set(&self, labels: &[String], value: f64) -> bool {
        let (labels, first) = self.admit(labels);
        if let Series::Gauge(series) = &self.series {
            series.with_label_values(&labels).set(value);
        }
        first
    }

    /// Sorts a value into a histogram's buckets. True as with [`ScriptMetric::add`].
    pub fn observe(&self, labels: &[String], value: f64) -> bool {
        let (labels, first) = self.admit(labels);
        if let Series::Histogram(series) = &self.series {
            series.with_label_values(&labels).observe(value);
        }
        first
    }

    /// The value of a counter or gauge, or the sum of a histogram's values.
    pub fn value(&self, labels: &[String]) -> f64 {
        if !lock(&self.known).contains(labels) {
            return 0.0;
        }
        match &self.series {
            Series::Counter(series) => series.with_label_values(labels).get(),
            Series::Gauge(series) => series.with_label_values(labels).get(),
            Series::Histogram(series) => series.with_label_values(labels).get_sample_sum(),
        }
    }

    /// How many values a histogram has been given.
    pub fn count(&self, labels: &[String]) -> u64 {
        match &self.series {
            Series::Histogram(series) if lock(&self.known).contains(labels) => {
                series.with_label_values(labels).get_sample_count()
            }
            _ => 0,
        }
    }

    /// The labels to count under, and whether they are the first that there is no room for.
    fn admit(&self, labels: &[String]) -> (Vec<String>, bool) {
        let mut known = lock(&self.known);
        if known.contains(labels) {
            return (labels.to_vec(), false);
        }
        if known.len() < MOST_SERIES && self.has_room() {
            known.insert(labels.to_vec());
            return (labels.to_vec(), false);
        }
        let other = vec![OTHER.to_owned(); labels.len()];
        known.insert(other.clone());
        (other, self.beyond.fetch_add(1, Ordering::Relaxed) == 0)
    }

    /// Takes room for one more combination of labels, if all metrics together leave some. What has no labels has it always.
    fn has_room(&self) -> bool {
        let more = match self.definition.metric_type {
            MetricType::Histogram if self.definition.buckets.is_empty() => {
                prometheus::DEFAULT_BUCKETS.len() + 3
            }
            MetricType::Histogram => self.definition.buckets.len() + 3,
            MetricType::Counter | MetricType::Gauge => 1,
        };
        let sum = |samples: usize| samples.checked_add(more).filter(|sum| *sum <= MOST_SAMPLES);
        let taken = self.samples.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).is_ok();
        taken || self.definition.labels.is_empty()
    }
}

/// The names of all that Prometheus knows of a metric.
fn series_of(definition: &MetricDefinition) -> Vec<String> {
    let name = &definition.name;
    match definition.metric_type {
        MetricType::Counter => {
            vec![name.clone(), name.strip_suffix(TOTAL).unwrap_or(name).to_owned()]
        }
        MetricType::Gauge => vec![name.clone()],
        MetricType::Histogram => {
            vec![name.clone(), format!("{name}_bucket"), format!("{name}_sum"), format!("{name}_count")]
        }
    }
}

/// As the script has given it.
fn check(definition: &MetricDefinition) -> Result<(), MetricError> {
    let name = definition.name.as_str();
    let is_counter = definition.metric_type == MetricType::Counter;
    if !is_name(name) || (is_counter && name == TOTAL) {
        return Err(MetricError::Name(shown(name)));
    }
    if OWN_PREFIXES.iter().any(|own| name.starts_with(own)) {
        return Err(MetricError::OwnName(name.to_owned()));
    }
    // A counter's name has its end yet to come.
    if name.starts_with(SCRAPE_PREFIX) || (!is_counter && OF_PROMETHEUS.contains(&name)) {
        return Err(MetricError::OfPrometheus(name.to_owned()));
    }
    if definition.help.trim().is_empty() {
        return Err(MetricError::Help);
    }
    let mut seen = HashSet::new();
    for label in &definition.labels {
        let reserved = label.starts_with("__") || label == "le";
        if !is_name(label) || reserved || !seen.insert(label) {
            return Err(MetricError::Label(shown(label)));
        }
    }
    let grows = definition.buckets.windows(2).all(|pair| pair[0] < pair[1]);
    if !grows || definition.buckets.iter().any(|bound| !bound.is_finite()) {
        return Err(MetricError::Buckets);
    }
    Ok(())
}

/// A text that may be anything, as an error has it.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(MOST_SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(MOST_SHOWN).is_some() {
        shown.push_str("..");
    }
    shown
}

fn is_name(text: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= LONGEST_NAME
        && text.bytes().all(part)
        && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(metric_type: MetricType, name: &str, labels: &[&str]) -> MetricDefinition {
        MetricDefinition {
            metric_type,
            name: name.to_owned(),
            help: "Help.".to_owned(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            buckets: Vec::new(),
        }
    }

    fn text(metrics: &ScriptMetrics) -> String {
        let mut families = Families::default();
        metrics.read(&mut families);
        String::from_utf8(families.text()).expect("UTF-8")
    }

    fn values(labels: &[&str]) -> Vec<String> {
        labels.iter().map(|label| (*label).to_owned()).collect()
    }

    #[test]
    fn a_counter_has_the_end_of_its_name_and_its_values() {
        let metrics = ScriptMetrics::default();
        let logins =
            metrics.make(definition(MetricType::Counter, "logins", &["outcome"])).expect("a counter");
        logins.add(&values(&["ok"]), 2.0);
        logins.add(&values(&["ok"]), 1.0);
        assert_eq!(
            text(&metrics),
            "# HELP logins_total Help.\n# TYPE logins_total counter\nlogins_total{outcome=\"ok\"} 3\n"
        );
        assert_eq!((logins.value(&values(&["ok"])), logins.value(&values(&["bad"]))), (3.0, 0.0));
    }

    #[test]
    fn the_same_metric_is_made_once_and_another_one_of_its_name_is_refused() {
        let metrics = ScriptMetrics::default();
        let first = metrics.make(definition(MetricType::Gauge, "a", &["x"])).expect("a gauge");
        let again = metrics
            .make(MetricDefinition { help: "Other.".into(), ..definition(MetricType::Gauge, "a", &["x"]) });
        assert!(Arc::ptr_eq(&first, &again.expect("the same")));
        for other in [definition(MetricType::Gauge, "a", &[]), definition(MetricType::Histogram, "a", &["x"])]
        {
            assert_eq!(metrics.make(other).err(), Some(MetricError::Taken("a".into())));
        }
    }

    #[test]
    fn names_labels_and_buckets_are_checked() {
        let metrics = ScriptMetrics::default();
        for name in ["", "1a", "a b", "a-b", "ä", "a\n", "a:b"] {
            assert!(
                matches!(metrics.make(definition(MetricType::Gauge, name, &[])), Err(MetricError::Name(_))),
                "{name}"
            );
        }
        for own in ["oversip_calls", "process_open_fds"] {
            assert!(
                matches!(metrics.make(definition(MetricType::Gauge, own, &[])), Err(MetricError::OwnName(_))),
                "{own}"
            );
        }
        for own in ["up", "ALERTS", "scrape_duration_seconds"] {
            let made = metrics.make(definition(MetricType::Gauge, own, &[]));
            assert!(matches!(made, Err(MetricError::OfPrometheus(_))), "{own}");
        }
        assert!(metrics.make(definition(MetricType::Counter, "up", &[])).is_ok());
        for name in ["", "_total"] {
            let made = metrics.make(definition(MetricType::Counter, name, &[]));
            assert_eq!(made.err(), Some(MetricError::Name(name.to_owned())));
        }
        let silent = MetricDefinition { help: " ".to_owned(), ..definition(MetricType::Gauge, "a", &[]) };
        assert_eq!(metrics.make(silent).err(), Some(MetricError::Help));
        for labels in [&["le"][..], &["__a"], &["1"], &["a", "a"], &[""]] {
            let made = metrics.make(definition(MetricType::Gauge, "a", labels));
            assert!(matches!(made, Err(MetricError::Label(_))), "{labels:?}");
        }
        for buckets in [vec![1.0, 1.0], vec![2.0, 1.0], vec![f64::NAN], vec![f64::INFINITY]] {
            let made =
                metrics.make(MetricDefinition { buckets, ..definition(MetricType::Histogram, "a", &[]) });
            assert_eq!(made.err(), Some(MetricError::Buckets));
        }
    }

    #[test]
    fn an_error_shows_a_name_that_may_be_anything() {
        let metrics = ScriptMetrics::default();
        let message = |name: &str| {
            metrics.make(definition(MetricType::Gauge, name, &[])).expect_err("no name").to_string()
        };
        let rule = "is no name of a metric: 1 to 128 letters, digits and _, no digit first";
        assert_eq!(message("a\u{1b}[2J"), format!("'a\\u{{1b}}[2J' {rule}"));
        assert_eq!(message(&"a".repeat(100_000)), format!("'{}..' {rule}", "a".repeat(40)));
    }

    #[test]
    fn two_metrics_have_no_series_of_the_same_name() {
        let metrics = ScriptMetrics::default();
        metrics.make(definition(MetricType::Histogram, "took", &[])).expect("a histogram");
        metrics.make(definition(MetricType::Gauge, "calls_sum", &[])).expect("a gauge");
        metrics.make(definition(MetricType::Counter, "logins", &[])).expect("a counter");
        for (metric_type, name, other) in [
            (MetricType::Gauge, "took_count", "took"),
            (MetricType::Histogram, "calls", "calls_sum"),
            (MetricType::Gauge, "logins", "logins_total"),
            (MetricType::Counter, "calls_sum", "calls_sum"),
            (MetricType::Counter, "took_bucket", "took"),
        ] {
            let refusal = metrics.make(definition(metric_type, name, &[])).err();
            assert!(matches!(&refusal, Some(MetricError::Alike(_, found)) if found == other), "{refusal:?}");
        }
    }

    #[test]
    fn labels_beyond_the_bound_count_together_and_are_told_of_once() {
        let metrics = ScriptMetrics::default();
        let users = metrics.make(definition(MetricType::Counter, "users", &["name"])).expect("a counter");
        let told = (0..MOST_SERIES + 5).filter(|number| users.add(&[number.to_string()], 1.0));
        assert_eq!(told.count(), 1);
        assert_eq!(users.value(&values(&["other"])), 5.0);
        assert_eq!(text(&metrics).lines().count(), MOST_SERIES + 3);
        assert!(!users.add(&values(&["0"]), 1.0));
        assert_eq!(users.value(&values(&["0"])), 2.0);
    }

    #[test]
    fn all_metrics_together_have_a_bound() {
        let metrics = ScriptMetrics::default();
        for metric in 0..MOST_SAMPLES / MOST_SERIES + 5 {
            let users = metrics
                .make(definition(MetricType::Gauge, &format!("users_{metric}"), &["name"]))
                .expect("a gauge");
            for number in 0..MOST_SERIES {
                users.set(&[number.to_string()], 1.0);
            }
        }
        let took = metrics.make(definition(MetricType::Histogram, "took", &["name"])).expect("a histogram");
        assert!(took.observe(&values(&["a"]), 1.0));
        assert_eq!(took.count(&values(&["other"])), 1);
        let alone = metrics.make(definition(MetricType::Gauge, "alone", &[])).expect("a gauge");
        assert!(!alone.set(&[], 1.0));
        let most = MOST_SAMPLES + MOST_SAMPLES / MOST_SERIES + 50;
        assert!(text(&metrics).lines().filter(|line| !line.starts_with('#')).count() <= most);
    }

    #[test]
    fn a_histogram_has_its_buckets() {
        let metrics = ScriptMetrics::default();
        let made = metrics.make(MetricDefinition {
            buckets: vec![1.0, 2.0],
            ..definition(MetricType::Histogram, "took", &[])
        });
        let took = made.expect("a histogram");
        let told = [0.5, 1.5, 9.0].map(|value| took.observe(&[], value));
        assert_eq!(told, [false; 3]);
        assert_eq!((took.count(&[]), took.value(&[])), (3, 11.0));
        for line in [
            "took_bucket{le=\"1\"} 1",
            "took_bucket{le=\"2\"} 2",
            "took_bucket{le=\"+Inf\"} 3",
            "took_sum 11",
        ] {
            assert!(text(&metrics).contains(line), "{line}");
        }
    }
}
