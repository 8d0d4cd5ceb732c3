//! What scripts count: the functions behind `OverSIP.metrics`. They need no engine.
//!
//! A forked child counts anew: the thread of the parent's monitor reads figures without the interpreter's lock, so the child may have
//! been made while it held a lock of theirs, which nobody gives back there.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use magnus::{function, method, prelude::*, typed_data::Obj, Error, RModule, Ruby, Symbol};
use oversip::metrics::{MetricDefinition, MetricType, ScriptMetric, ScriptMetrics};

use crate::{process, text};

/// Something with the number of the process that has made it. Its lock is held by threads that have the interpreter's lock, as who
/// forks has: a child finds it free.
type OfProcess<T> = Mutex<Option<(u32, T)>>;

/// The metrics of this process.
pub fn of_process() -> Arc<ScriptMetrics> {
    static METRICS: OfProcess<Arc<ScriptMetrics>> = Mutex::new(None);
    let mut held = lock(&METRICS);
    if let Some((_, metrics)) = held.as_ref().filter(|(owner, _)| *owner == process::id()) {
        return metrics.clone();
    }
    let metrics = Arc::<ScriptMetrics>::default();
    // To drop those of the parent takes none of their locks.
    *held = Some((process::id(), metrics.clone()));
    metrics
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A metric, behind its Ruby class.
#[magnus::wrap(class = "OverSIP::Engine::Metric", free_immediately)]
pub struct Metric {
    definition: MetricDefinition,
    made: OfProcess<Arc<ScriptMetric>>,
}

type This = Obj<Metric>;

impl Metric {
    fn make(ruby: &Ruby, definition: &MetricDefinition) -> Result<(u32, Arc<ScriptMetric>), Error> {
        let made = of_process().make(definition.clone());
        let made = made.map_err(|error| text::runtime_error(ruby, error.to_string()))?;
        Ok((process::id(), made))
    }

    /// The metric of this process.
    fn here(&self, ruby: &Ruby) -> Result<Arc<ScriptMetric>, Error> {
        let mut made = lock(&self.made);
        if let Some((_, metric)) = made.as_ref().filter(|(owner, _)| *owner == process::id()) {
            return Ok(metric.clone());
        }
        let anew = Metric::make(ruby, &self.definition)?;
        let metric = anew.1.clone();
        *made = Some(anew);
        Ok(metric)
    }
}

/// `OverSIP::Engine.metric(kind, name, help, labels, buckets)`: makes a metric, or hands out the one that is the same.
fn metric(
    ruby: &Ruby,
    kind: Symbol,
    name: String,
    help: String,
    labels: Vec<String>,
    buckets: Vec<f64>,
) -> Result<This, Error> {
    let metric_type = match &*kind.name()? {
        "counter" => MetricType::Counter,
        "gauge" => MetricType::Gauge,
        _ => MetricType::Histogram,
    };
    let definition = MetricDefinition { metric_type, name, help, labels, buckets };
    let made = Metric::make(ruby, &definition)?;
    Ok(ruby.obj_wrap(Metric { definition, made: Mutex::new(Some(made)) }))
}

/// Adds the class and the function to `OverSIP::Engine`.
pub fn define(ruby: &Ruby, oversip: RModule) -> Result<(), Error> {
    let engine = oversip.define_module("Engine")?;
    engine.define_singleton_method("metric", function!(metric, 5))?;
    let class = engine.define_class("Metric", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("name", method!(name, 0))?;
    class.define_method("labels", method!(|this: This| this.definition.labels.clone(), 0))?;
    class.define_method("add", method!(add, 2))?;
    class.define_method("set", method!(set, 2))?;
    class.define_method("observe", method!(observe, 2))?;
    class.define_method("value", method!(value, 1))?;
    class.define_method("count", method!(count, 1))
}

fn name(ruby: &Ruby, this: This) -> Result<String, Error> {
    Ok(this.here(ruby)?.name().to_owned())
}

fn add(ruby: &Ruby, this: This, labels: Vec<String>, by: f64) -> Result<bool, Error> {
    Ok(this.here(ruby)?.add(&labels, by))
}

fn set(ruby: &Ruby, this: This, labels: Vec<String>, to: f64) -> Result<bool, Error> {
    Ok(this.here(ruby)?.set(&labels, to))
}

fn observe(ruby: &Ruby, this: This, labels: Vec<String>, value: f64) -> Result<bool, Error> {
    Ok(this.here(ruby)?.observe(&labels, value))
}

fn value(ruby: &Ruby, this: This, labels: Vec<String>) -> Result<f64, Error> {
    Ok(this.here(ruby)?.value(&labels))
}

fn count(ruby: &Ruby, this: This, labels: Vec<String>) -> Result<u64, Error> {
    Ok(this.here(ruby)?.count(&labels))
}
