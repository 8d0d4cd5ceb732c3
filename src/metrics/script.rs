//! The figures of scripts. They belong to the process: a script may count before an engine is there, and after it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus::core::Collector;
use prometheus::{CounterVec, GaugeVec, HistogramOpts, HistogramVec, Opts};

use super::definition::{MetricDefinition, MetricError, MetricType, MOST_METRICS};
use super::families::Families;

/// Combinations of labels that a metric may have; what further ones count goes to one whose labels are all [`OTHER`].
const MOST_SERIES: usize = 1000;

/// Samples of the metrics of all scripts together; a combination of labels of a histogram has one for each bucket and three more.
const MOST_SAMPLES: usize = 20_000;

/// The value of all labels beyond that.
const OTHER: &str = "other";

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
    pub fn make(&self, definition: MetricDefinition) -> Result<Arc<ScriptMetric>, MetricError> {
        let definition = definition.checked()?;
        let mut all = lock(&self.all);
        if let Some(former) = all.iter().find(|metric| metric.definition.name == definition.name) {
            let same =
                MetricDefinition { help: definition.help.clone(), ..former.definition.clone() } == definition;
            return if same { Ok(former.clone()) } else { Err(MetricError::Taken(definition.name)) };
        }
        let names = definition.names();
        let alike =
            |metric: &&Arc<ScriptMetric>| metric.definition.names().iter().any(|name| names.contains(name));
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
        let refusal = |_| MetricError::Name(definition.name.clone());
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
