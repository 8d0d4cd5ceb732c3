//! What scripts count: the functions behind `OverSIP.metrics`. They need no engine.

use std::sync::{Arc, OnceLock};

use magnus::{function, method, prelude::*, typed_data::Obj, Error, RModule, Ruby, Symbol};
use oversip::metrics::{Kind, ScriptMetric, ScriptMetrics, Wanted};

use crate::text;

/// Those of this process.
pub fn of_process() -> &'static Arc<ScriptMetrics> {
    static METRICS: OnceLock<Arc<ScriptMetrics>> = OnceLock::new();
    METRICS.get_or_init(Arc::default)
}

/// A metric, behind its Ruby class.
#[magnus::wrap(class = "OverSIP::Engine::Metric", free_immediately)]
pub struct Metric(Arc<ScriptMetric>);

type This = Obj<Metric>;

/// `OverSIP::Engine.metric(kind, name, help, labels, buckets)`: makes a metric, or hands out the one that is the same.
fn metric(
    ruby: &Ruby,
    kind: Symbol,
    name: String,
    help: String,
    labels: Vec<String>,
    buckets: Vec<f64>,
) -> Result<This, Error> {
    let kind = match &*kind.name()? {
        "counter" => Kind::Counter,
        "gauge" => Kind::Gauge,
        _ => Kind::Histogram,
    };
    let made = of_process().make(Wanted { kind, name, help, labels, buckets });
    let made = made.map_err(|refusal| text::runtime_error(ruby, refusal.to_string()))?;
    Ok(ruby.obj_wrap(Metric(made)))
}

/// Adds the class and the function to `OverSIP::Engine`.
pub fn define(ruby: &Ruby, oversip: RModule) -> Result<(), Error> {
    let engine = oversip.define_module("Engine")?;
    engine.define_singleton_method("metric", function!(metric, 5))?;
    let class = engine.define_class("Metric", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("name", method!(|this: This| this.0.name().to_owned(), 0))?;
    class.define_method("labels", method!(|this: This| this.0.labels().to_vec(), 0))?;
    class.define_method("add", method!(|this: This, of: Vec<String>, by: f64| this.0.add(&of, by), 2))?;
    class.define_method("set", method!(|this: This, of: Vec<String>, to: f64| this.0.set(&of, to), 2))?;
    let observe = method!(|this: This, of: Vec<String>, value: f64| this.0.observe(&of, value), 2);
    class.define_method("observe", observe)?;
    class.define_method("value", method!(|this: This, of: Vec<String>| this.0.value(&of), 1))?;
    class.define_method("count", method!(|this: This, of: Vec<String>| this.0.count(&of), 1))
}
