//! What the dispatcher runs just now and since when, and the wait of the thread that looks for events that take too long.
//!
//! The words for an event are kept under a lock that is taken with the GVL alone, so that a fork leaves it free. The thread
//! that waits does without the GVL, so that it takes it from nobody while all is well: it reads numbers.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use magnus::{Error, RString, Ruby};
use oversip::engine::{Engine, Event, Subject};

use crate::{gvl::without_gvl, runtime, text};

/// An event whose blocks run.
struct Running {
    number: u64,
    since: Instant,
    subject: Subject,
}

static RUNNING: Mutex<Option<Running>> = Mutex::new(None);

/// The number of the event that runs, 0 for none, and when it began.
static NUMBER: AtomicU64 = AtomicU64::new(0);
static SINCE: AtomicI64 = AtomicI64::new(NEVER);

/// The event that was told of as running too long.
static TOLD: AtomicU64 = AtomicU64::new(0);

/// When the oldest of the suspended events began that were not told of; it may have ended.
static SUSPENDED_SINCE: AtomicI64 = AtomicI64::new(NEVER);

/// Later than any time.
const NEVER: i64 = i64::MAX;

/// The event runs as long as this lives, unless it was suspended meanwhile.
pub struct Run(u64);

impl Run {
    /// The dispatcher begins with this event.
    pub fn begin(engine: &Engine, event: &Event) -> Run {
        let (number, since) = (engine.events().taken(), engine.now());
        *running() = Some(Running { number, since, subject: Subject::of(event) });
        SINCE.store(position(since), Ordering::Relaxed);
        NUMBER.store(number, Ordering::Relaxed);
        Run(number)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // An event that was suspended ends while another one runs.
        if NUMBER.load(Ordering::Relaxed) == self.0 {
            clear();
        }
    }
}

/// Nothing runs any more.
pub fn clear() {
    take();
}

fn take() -> Option<Running> {
    NUMBER.store(0, Ordering::Relaxed);
    SINCE.store(NEVER, Ordering::Relaxed);
    running().take()
}

/// Seconds of the engine's time that the running event has taken, 0 when none runs.
pub fn seconds(engine: &Engine) -> f64 {
    running().as_ref().map_or(0.0, |running| age(engine, running.since))
}

/// `OverSIP::Engine.running_event`: number, seconds and words of the event that runs; nil when none does.
pub fn running_event(ruby: &Ruby) -> Result<Option<(u64, f64, RString)>, Error> {
    let engine = runtime::engine(ruby)?;
    let found = running()
        .as_ref()
        .map(|running| (running.number, age(&engine, running.since), running.subject.to_string()));
    Ok(found.map(|(number, seconds, words)| (number, seconds, text::utf8(ruby, words.as_bytes()))))
}

/// `OverSIP::Engine.suspend_event`: the running event was suspended. Since when it ran (as `clock` says) and its words.
pub fn suspend_event(ruby: &Ruby) -> Option<(i64, RString)> {
    let suspended = take()?;
    let since = position(suspended.since);
    SUSPENDED_SINCE.fetch_min(since, Ordering::Relaxed);
    Some((since, text::utf8(ruby, suspended.subject.to_string().as_bytes())))
}

/// `OverSIP::Engine.clock`: the engine's time in nanoseconds.
pub fn clock(ruby: &Ruby) -> Result<i64, Error> {
    Ok(position(runtime::engine(ruby)?.now()))
}

/// `OverSIP::Engine.told_of_running(number)`: that event is not waited for again.
pub fn told_of_running(number: u64) {
    TOLD.store(number, Ordering::Relaxed);
}

/// `OverSIP::Engine.forget_suspended`: the events suspended until now are not waited for, unless `await_suspended` follows.
pub fn forget_suspended() {
    SUSPENDED_SINCE.store(NEVER, Ordering::Relaxed);
}

/// `OverSIP::Engine.await_suspended(since)`: an event suspended since then is waited for.
pub fn await_suspended(since: i64) {
    SUSPENDED_SINCE.fetch_min(since, Ordering::Relaxed);
}

/// `OverSIP::Engine.wait_overdue(limit)`: true when an event has taken `limit` seconds that was not told of; false when the
/// engine has ended.
pub fn wait_overdue(ruby: &Ruby, limit: f64) -> Result<bool, Error> {
    let Some(engine) = runtime::current() else { return Ok(false) };
    let limit = Duration::try_from_secs_f64(limit)
        .map_err(|error| Error::new(ruby.exception_arg_error(), error.to_string()))?;
    let interval = (limit / 10).clamp(Duration::from_millis(50), Duration::from_secs(1));
    let waiter = std::thread::current();
    let interrupted = AtomicBool::new(false);
    let wait = || loop {
        if interrupted.load(Ordering::Acquire) {
            return false;
        }
        if is_overdue(&engine, limit) {
            return true;
        }
        std::thread::park_timeout(interval);
    };
    let interrupt = || {
        interrupted.store(true, Ordering::Release);
        waiter.unpark();
    };
    while !without_gvl(ruby, wait, interrupt)? {
        interrupted.store(false, Ordering::Release);
        if !runtime::is_current(&engine) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_overdue(engine: &Engine, limit: Duration) -> bool {
    let told = NUMBER.load(Ordering::Relaxed) == TOLD.load(Ordering::Relaxed);
    let running = if told { NEVER } else { SINCE.load(Ordering::Relaxed) };
    let oldest = running.min(SUSPENDED_SINCE.load(Ordering::Relaxed));
    let limit = i64::try_from(limit.as_nanos()).unwrap_or(NEVER);
    oldest != NEVER && position(engine.now()).saturating_sub(oldest) >= limit
}

/// A time as nanoseconds from some fixed one.
fn position(at: Instant) -> i64 {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let origin = *ORIGIN.get_or_init(|| at);
    let nanoseconds = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(NEVER - 1);
    match at.checked_duration_since(origin) {
        Some(after) => nanoseconds(after),
        None => -nanoseconds(origin.duration_since(at)),
    }
}

fn age(engine: &Engine, since: Instant) -> f64 {
    engine.now().saturating_duration_since(since).as_secs_f64()
}

fn running() -> MutexGuard<'static, Option<Running>> {
    RUNNING.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
