//! The engine's log records on their way to `OverSIP::Logger`.
//!
//! Engine threads never touch Ruby: a record that passes the threshold is queued for the dispatcher, which hands it to
//! the logger.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard};

use magnus::{prelude::*, Error, RModule, Ruby, Value};
use oversip::engine::{self, Engine, LogRecord, Severity};
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Level, Metadata, Subscriber};

use crate::{classes::oversip_module, runtime};

/// The logger's threshold as its severity number; 1 is info.
static THRESHOLD: AtomicU8 = AtomicU8::new(1);

/// The severity of a level.
fn severity(level: &Level) -> Severity {
    match *level {
        Level::TRACE | Level::DEBUG => Severity::Debug,
        Level::INFO => Severity::Info,
        Level::WARN => Severity::Warning,
        Level::ERROR => Severity::Error,
    }
}

/// The logger's number and name of a severity. It has one more between info and warning, notice, for what the engine never
/// says.
fn in_logger(severity: Severity) -> (u8, &'static str) {
    match severity {
        Severity::Debug => (0, "debug"),
        Severity::Info => (1, "info"),
        Severity::Warning => (3, "warn"),
        Severity::Error => (4, "error"),
    }
}

struct ToRuby;

impl Subscriber for ToRuby {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("oversip")
            && in_logger(severity(metadata.level())).0 >= THRESHOLD.load(Ordering::Relaxed)
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let metadata = event.metadata();
        let target = metadata.target().trim_start_matches("oversip::").to_owned();
        let record =
            LogRecord { severity: severity(metadata.level()), target, text: text.0, kind: metadata.name() };
        if engine::is_engine_thread() {
            engine::queue_record(record);
        } else if let Some(engine) = runtime::current() {
            engine.queue_record(record);
        } else {
            let mut queued = queued();
            if queued.len() < QUEUE_LIMIT {
                queued.push(record);
            }
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// How many records are kept while there is no engine; further ones are lost.
const QUEUE_LIMIT: usize = 2_000;

/// What was said while an engine was made, or in the present step of a simulation.
static QUEUED: Mutex<Vec<LogRecord>> = Mutex::new(Vec::new());

fn queued() -> MutexGuard<'static, Vec<LogRecord>> {
    QUEUED.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// An engine or a simulation is made: what former attempts have said is not its own.
pub fn begin() {
    queued().clear();
}

/// Hands what was said while the engine was made over to it.
pub fn hand_over(engine: &Engine) {
    for record in std::mem::take(&mut *queued()) {
        engine.queue_record(record);
    }
}

/// Hands what a simulation has said to the logger. Called when no lock is held: a logger is Ruby's.
pub fn write_queued(ruby: &Ruby) -> Result<(), Error> {
    let records = std::mem::take(&mut *queued());
    records.iter().try_for_each(|record| write(ruby, record))
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let separator = if self.0.is_empty() { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{separator}{value:?}"),
            name => write!(self.0, "{separator}{name}={value:?}"),
        };
    }
}

/// Hands a record to `OverSIP::Logger`.
pub fn write(ruby: &Ruby, record: &LogRecord) -> Result<(), Error> {
    let (_, name) = in_logger(record.severity);
    let logger: RModule = oversip_module(ruby)?.const_get("Logger")?;
    let arguments = (ruby.to_symbol(name), record.target.as_str(), record.text.as_str(), record.kind);
    let _: Value = logger.funcall("record", arguments)?;
    Ok(())
}

/// `OverSIP::Engine.log_threshold = severity`.
pub fn set_threshold(severity: u8) {
    THRESHOLD.store(severity, Ordering::Relaxed);
    tracing::callsite::rebuild_interest_cache();
}

/// Begins to take the engine's records.
pub fn install() {
    // Another library of the process may have set a subscriber first; then the records are its.
    let _ = tracing::subscriber::set_global_default(ToRuby);
}
