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

/// Kinds of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It grows and falls.
    Gauge,
    /// It sorts values into buckets.
    Histogram,
}

/// What a script wants to count.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// What it is.
    pub kind: Kind,
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
pub enum Refusal {
    /// The name is none.
    #[error("'{0}' is no name of a metric: letters, digits and _, no digit first")]
    Name(String),
    /// The name is one of the library's.
    #[error("'{0}' begins like the library's own metrics, with oversip_ or process_")]
    OwnName(String),
    /// The name of a label is none.
    #[error(
        "'{0}' is no name of a label: letters, digits and _, no digit first, not __ and not le; each once"
    )]
    Label(String),
    /// The buckets do not grow.
    #[error("buckets have to be numbers that grow")]
    Buckets,
    /// Another metric has the name.
    #[error("there is a metric '{0}' already, with another kind, other labels or other buckets")]
    Taken(String),
    /// A histogram has three series, whose names another metric has, or the other way round.
    #[error("'{0}' and the metric '{1}' would have series of the same name")]
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
    wanted: Wanted,
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
    pub fn make(&self, mut wanted: Wanted) -> Result<Arc<ScriptMetric>, Refusal> {
        if wanted.kind == Kind::Counter && !wanted.name.ends_with("_total") {
            wanted.name.push_str("_total");
        }
        check(&wanted)?;
        let mut all = lock(&self.all);
        if let Some(former) = all.iter().find(|metric| metric.wanted.name == wanted.name) {
            let same = Wanted { help: wanted.help.clone(), ..former.wanted.clone() } == wanted;
            return if same { Ok(former.clone()) } else { Err(Refusal::Taken(wanted.name)) };
        }
        let series = series_of(&wanted);
        let alike =
            |metric: &&Arc<ScriptMetric>| series_of(&metric.wanted).iter().any(|name| series.contains(name));
        if let Some(other) = all.iter().find(alike) {
            return Err(Refusal::Alike(wanted.name, other.wanted.name.clone()));
        }
        if all.len() >= MOST_METRICS {
            return Err(Refusal::TooMany);
        }
        let metric = Arc::new(ScriptMetric::new(wanted, self.samples.clone())?);
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
    fn new(wanted: Wanted, samples: Arc<AtomicUsize>) -> Result<ScriptMetric, Refusal> {
        let labels: Vec<&str> = wanted.labels.iter().map(String::as_str).collect();
        let options = Opts::new(&wanted.name, &wanted.help);
        let refusal = |_| Refusal::Name(wanted.name.clone());
        let series = match wanted.kind {
            Kind::Counter => Series::Counter(CounterVec::new(options, &labels).map_err(refusal)?),
            Kind::Gauge => Series::Gauge(GaugeVec::new(options, &labels).map_err(refusal)?),
            Kind::Histogram => {
                let mut options = HistogramOpts::from(options);
                if !wanted.buckets.is_empty() {
                    options = options.buckets(wanted.buckets.clone());
                }
                Series::Histogram(HistogramVec::new(options, &labels).map_err(refusal)?)
            }
        };
        Ok(ScriptMetric { wanted, series, known: Mutex::default(), beyond: AtomicU64::new(0), samples })
    }

    /// The name, as it is shown.
    pub fn name(&self) -> &str {
        &self.wanted.name
    }

    /// The names of the labels.
    pub fn labels(&self) -> &[String] {
        &self.wanted.labels
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
        let more = match self.wanted.kind {
            Kind::Histogram if self.wanted.buckets.is_empty() => prometheus::DEFAULT_BUCKETS.len() + 3,
            Kind::Histogram => self.wanted.buckets.len() + 3,
            Kind::Counter | Kind::Gauge => 1,
        };
        let sum = |samples: usize| samples.checked_add(more).filter(|sum| *sum <= MOST_SAMPLES);
        let taken = self.samples.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).is_ok();
        taken || self.wanted.labels.is_empty()
    }
}

/// The names of all that Prometheus stores of a metric.
fn series_of(wanted: &Wanted) -> Vec<String> {
    let name = &wanted.name;
    match wanted.kind {
        Kind::Counter | Kind::Gauge => vec![name.clone()],
        Kind::Histogram => {
            vec![name.clone(), format!("{name}_bucket"), format!("{name}_sum"), format!("{name}_count")]
        }
    }
}

fn check(wanted: &Wanted) -> Result<(), Refusal> {
    if !is_name(&wanted.name) {
        return Err(Refusal::Name(wanted.name.clone()));
    }
    if OWN_PREFIXES.iter().any(|own| wanted.name.starts_with(own)) {
        return Err(Refusal::OwnName(wanted.name.clone()));
    }
    let mut seen = HashSet::new();
    for label in &wanted.labels {
        let reserved = label.starts_with("__") || label == "le";
        if !is_name(label) || reserved || !seen.insert(label) {
            return Err(Refusal::Label(label.clone()));
        }
    }
    let grows = wanted.buckets.windows(2).all(|pair| pair[0] < pair[1]);
    if !grows || wanted.buckets.iter().any(|bound| !bound.is_finite()) {
        return Err(Refusal::Buckets);
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.bytes().all(part) && text.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(kind: Kind, name: &str, labels: &[&str]) -> Wanted {
        Wanted {
            kind,
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
        let logins = metrics.make(wanted(Kind::Counter, "logins", &["outcome"])).expect("a counter");
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
        let first = metrics.make(wanted(Kind::Gauge, "a", &["x"])).expect("a gauge");
        let again = metrics.make(Wanted { help: "Other.".into(), ..wanted(Kind::Gauge, "a", &["x"]) });
        assert!(Arc::ptr_eq(&first, &again.expect("the same")));
        for other in [wanted(Kind::Gauge, "a", &[]), wanted(Kind::Histogram, "a", &["x"])] {
            assert_eq!(metrics.make(other).err(), Some(Refusal::Taken("a".into())));
        }
    }

    #[test]
    fn names_labels_and_buckets_are_checked() {
        let metrics = ScriptMetrics::default();
        for name in ["", "1a", "a b", "a-b", "ä", "a\n", "a:b"] {
            assert!(matches!(metrics.make(wanted(Kind::Gauge, name, &[])), Err(Refusal::Name(_))), "{name}");
        }
        for own in ["oversip_calls", "process_open_fds"] {
            assert!(matches!(metrics.make(wanted(Kind::Gauge, own, &[])), Err(Refusal::OwnName(_))), "{own}");
        }
        for labels in [&["le"][..], &["__a"], &["1"], &["a", "a"], &[""]] {
            let made = metrics.make(wanted(Kind::Gauge, "a", labels));
            assert!(matches!(made, Err(Refusal::Label(_))), "{labels:?}");
        }
        for buckets in [vec![1.0, 1.0], vec![2.0, 1.0], vec![f64::NAN], vec![f64::INFINITY]] {
            let made = metrics.make(Wanted { buckets, ..wanted(Kind::Histogram, "a", &[]) });
            assert_eq!(made.err(), Some(Refusal::Buckets));
        }
    }

    #[test]
    fn two_metrics_have_no_series_of_the_same_name() {
        let metrics = ScriptMetrics::default();
        metrics.make(wanted(Kind::Histogram, "took", &[])).expect("a histogram");
        metrics.make(wanted(Kind::Gauge, "calls_sum", &[])).expect("a gauge");
        for (kind, name, other) in
            [(Kind::Gauge, "took_count", "took"), (Kind::Histogram, "calls", "calls_sum")]
        {
            let refusal = Refusal::Alike(name.to_owned(), other.to_owned());
            assert_eq!(metrics.make(wanted(kind, name, &[])).err(), Some(refusal));
        }
    }

    #[test]
    fn labels_beyond_the_bound_count_together_and_are_told_of_once() {
        let metrics = ScriptMetrics::default();
        let users = metrics.make(wanted(Kind::Counter, "users", &["name"])).expect("a counter");
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
            let users =
                metrics.make(wanted(Kind::Gauge, &format!("users_{metric}"), &["name"])).expect("a gauge");
            for number in 0..MOST_SERIES {
                users.set(&[number.to_string()], 1.0);
            }
        }
        let took = metrics.make(wanted(Kind::Histogram, "took", &["name"])).expect("a histogram");
        assert!(took.observe(&values(&["a"]), 1.0));
        assert_eq!(took.count(&values(&["other"])), 1);
        let alone = metrics.make(wanted(Kind::Gauge, "alone", &[])).expect("a gauge");
        assert!(!alone.set(&[], 1.0));
        let most = MOST_SAMPLES + MOST_SAMPLES / MOST_SERIES + 50;
        assert!(text(&metrics).lines().filter(|line| !line.starts_with('#')).count() <= most);
    }

    #[test]
    fn a_histogram_has_its_buckets() {
        let metrics = ScriptMetrics::default();
        let made = metrics.make(Wanted { buckets: vec![1.0, 2.0], ..wanted(Kind::Histogram, "took", &[]) });
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
