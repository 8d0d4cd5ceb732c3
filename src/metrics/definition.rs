//! What a metric of a script is, and which are refused: a page with a name that Prometheus does not take, or with the same one twice, is
//! lost as a whole.

use std::collections::HashSet;

use thiserror::Error;

/// Metrics of scripts.
pub(super) const MOST_METRICS: usize = 500;

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
        "'{0}' is no name of a label: 1 to {LONGEST_NAME} letters, digits and _, no digit first, not __, not le and not quantile; each once"
    )]
    Label(String),
    /// It says nothing.
    #[error("the help of a metric has to say what it counts")]
    Help,
    /// The buckets do not grow.
    #[error("buckets have to be numbers that grow")]
    Buckets,
    /// Another metric has the name.
    #[error("there is a metric '{0}' already, of another type, with other labels or other buckets")]
    Taken(String),
    /// A histogram has three series, and a counter is known without its end too: another metric has such a name, or the other way round.
    #[error("'{0}' and the metric '{1}' would have names in common")]
    Alike(String, String),
    /// There are too many.
    #[error("there are {MOST_METRICS} metrics already")]
    TooMany,
}

impl MetricDefinition {
    /// The same under the name that is shown.
    pub(super) fn checked(mut self) -> Result<MetricDefinition, MetricError> {
        check(&self)?;
        if self.metric_type == MetricType::Counter && !self.name.ends_with(TOTAL) {
            self.name.push_str(TOTAL);
        }
        Ok(self)
    }

    /// The names of all that Prometheus knows of it.
    pub(super) fn names(&self) -> Vec<String> {
        let name = &self.name;
        match self.metric_type {
            MetricType::Counter => vec![name.clone(), name.strip_suffix(TOTAL).unwrap_or(name).to_owned()],
            MetricType::Gauge => vec![name.clone()],
            MetricType::Histogram => {
                vec![name.clone(), format!("{name}_bucket"), format!("{name}_sum"), format!("{name}_count")]
            }
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
        let reserved = label.starts_with("__") || label == "le" || label == "quantile";
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

    #[test]
    fn names_labels_and_buckets_are_checked() {
        for name in ["", "1a", "a b", "a-b", "ä", "a\n", "a:b"] {
            assert!(
                matches!(definition(MetricType::Gauge, name, &[]).checked(), Err(MetricError::Name(_))),
                "{name}"
            );
        }
        for own in ["oversip_calls", "process_open_fds"] {
            assert!(
                matches!(definition(MetricType::Gauge, own, &[]).checked(), Err(MetricError::OwnName(_))),
                "{own}"
            );
        }
        for own in ["up", "ALERTS", "scrape_duration_seconds"] {
            let made = definition(MetricType::Gauge, own, &[]).checked();
            assert!(matches!(made, Err(MetricError::OfPrometheus(_))), "{own}");
        }
        assert!(definition(MetricType::Counter, "up", &[]).checked().is_ok());
        for name in ["", "_total"] {
            let made = definition(MetricType::Counter, name, &[]).checked();
            assert_eq!(made.err(), Some(MetricError::Name(name.to_owned())));
        }
        let silent = MetricDefinition { help: " ".to_owned(), ..definition(MetricType::Gauge, "a", &[]) };
        assert_eq!(silent.checked().err(), Some(MetricError::Help));
        for labels in [&["le"][..], &["quantile"], &["__a"], &["1"], &["a", "a"], &[""]] {
            let made = definition(MetricType::Gauge, "a", labels).checked();
            assert!(matches!(made, Err(MetricError::Label(_))), "{labels:?}");
        }
        for buckets in [vec![1.0, 1.0], vec![2.0, 1.0], vec![f64::NAN], vec![f64::INFINITY]] {
            let made = MetricDefinition { buckets, ..definition(MetricType::Histogram, "a", &[]) }.checked();
            assert_eq!(made.err(), Some(MetricError::Buckets));
        }
    }

    #[test]
    fn an_error_shows_a_name_that_may_be_anything() {
        let message =
            |name: &str| definition(MetricType::Gauge, name, &[]).checked().expect_err("no name").to_string();
        let rule = "is no name of a metric: 1 to 128 letters, digits and _, no digit first";
        assert_eq!(message("a\u{1b}[2J"), format!("'a\\u{{1b}}[2J' {rule}"));
        assert_eq!(message(&"a".repeat(100_000)), format!("'{}..' {rule}", "a".repeat(40)));
    }
}
