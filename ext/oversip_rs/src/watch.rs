//! What the dispatcher runs just now and since when, for those who ask from another thread. All of it happens with the GVL.

use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Instant;

use magnus::{Error, Ruby};
use oversip::engine::{Engine, Event, Subject};

use crate::{runtime, text};

/// An event whose blocks run.
struct Running {
    number: u64,
    since: Instant,
    subject: Subject,
}

static RUNNING: Mutex<Option<Running>> = Mutex::new(None);

/// The event runs as long as this lives, unless it was suspended meanwhile.
pub struct Run(u64);

impl Run {
    /// The dispatcher begins with this event.
    pub fn begin(engine: &Engine, event: &Event) -> Run {
        let number = engine.events().taken();
        *running() = Some(Running { number, since: engine.now(), subject: Subject::of(event) });
        Run(number)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        running().take_if(|running| running.number == self.0);
    }
}

/// Nothing runs any more: the dispatcher has left.
pub fn clear() {
    running().take();
}

/// Seconds of the engine's time that the running event has taken, 0 when none runs.
pub fn seconds(engine: &Engine) -> f64 {
    running().as_ref().map_or(0.0, |running| since(engine, running.since))
}

/// `OverSIP::Engine.running_event`: number, seconds and words of the event that runs; nil when none does.
pub fn running_event(ruby: &Ruby) -> Result<Option<(u64, f64, magnus::RString)>, Error> {
    let engine = runtime::engine(ruby)?;
    let found = running()
        .as_ref()
        .map(|running| (running.number, since(&engine, running.since), running.subject.to_string()));
    Ok(found.map(|(number, seconds, words)| (number, seconds, text::utf8(ruby, words.as_bytes()))))
}

/// `OverSIP::Engine.suspend_event`: the running event was suspended. Since when it ran (as `clock` says) and its words.
pub fn suspend_event(ruby: &Ruby) -> Result<Option<(f64, magnus::RString)>, Error> {
    let suspended = running().take();
    Ok(suspended.map(|it| (position(it.since), text::utf8(ruby, it.subject.to_string().as_bytes()))))
}

/// `OverSIP::Engine.clock`: the engine's time in seconds.
pub fn clock(ruby: &Ruby) -> Result<f64, Error> {
    Ok(position(runtime::engine(ruby)?.now()))
}

/// A time as seconds from some fixed one.
fn position(at: Instant) -> f64 {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let origin = *ORIGIN.get_or_init(|| at);
    match at.checked_duration_since(origin) {
        Some(after) => after.as_secs_f64(),
        None => -origin.duration_since(at).as_secs_f64(),
    }
}

fn since(engine: &Engine, at: Instant) -> f64 {
    engine.now().saturating_duration_since(at).as_secs_f64()
}

fn running() -> MutexGuard<'static, Option<Running>> {
    RUNNING.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
