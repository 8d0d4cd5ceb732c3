//! What the dispatcher runs just now and since when; and events whose Fibers are suspended.
//!
//! The words for an event are kept under a lock that is taken with the GVL alone, so that a fork leaves it free. The thread
//! that waits for events that take too long ([`crate::watch`]) does without the GVL: it reads numbers.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use magnus::{
    block::Proc, function, method, prelude::*, typed_data::Obj, Error, RHash, RModule, RString, Ruby, Value,
};
use oversip::clock::Clock;
use oversip::engine::{Subject, SystemClock};

use crate::{
    dispatcher_thread::{self, Nesting},
    message, runtime, text,
};

/// An event whose blocks run.
struct Running {
    number: u64,
    since: Instant,
    subject: Subject,
}

/// The event that runs, and the number of the last one that has begun.
struct State {
    running: Option<Running>,
    last: u64,
}

static STATE: Mutex<State> = Mutex::new(State { running: None, last: 0 });

/// The number of the event that runs, 0 for none, and when it began or went on.
static NUMBER: AtomicU64 = AtomicU64::new(0);
static SINCE: AtomicI64 = AtomicI64::new(NEVER);

/// When the oldest of the suspended events was suspended that were not told of; it may have gone on.
static SUSPENDED_SINCE: AtomicI64 = AtomicI64::new(NEVER);

/// Later than any time.
pub const NEVER: i64 = i64::MAX;

/// The event runs as long as this lives, unless it was suspended meanwhile.
pub struct Run(u64);

impl Run {
    /// The dispatcher begins with an event about this.
    pub fn begin(since: Instant, subject: Subject) -> Run {
        let mut state = state();
        state.last += 1;
        let number = state.last;
        state.show(Some(Running { number, since, subject }));
        Run(number)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // An event that was suspended may end while another one runs.
        if number() == self.0 {
            clear();
        }
    }
}

impl State {
    /// Hands out what ran before.
    fn show(&mut self, running: Option<Running>) -> Option<Running> {
        let (number, since) =
            running.as_ref().map_or((0, NEVER), |running| (running.number, position(running.since)));
        SINCE.store(since, Ordering::Relaxed);
        NUMBER.store(number, Ordering::Relaxed);
        std::mem::replace(&mut self.running, running)
    }
}

/// Nothing runs any more.
pub fn clear() {
    state().show(None);
}

/// The number of the event that runs, 0 for none.
pub fn number() -> u64 {
    NUMBER.load(Ordering::Relaxed)
}

/// Since when it runs, [`NEVER`] where none does.
pub fn since() -> i64 {
    SINCE.load(Ordering::Relaxed)
}

/// Since when the oldest of the suspended events waits that were not told of, [`NEVER`] where none does.
pub fn suspended_since() -> i64 {
    SUSPENDED_SINCE.load(Ordering::Relaxed)
}

/// Seconds that the running event has taken, 0 when none runs.
pub fn seconds() -> f64 {
    let now = now();
    state().running.as_ref().map_or(0.0, |running| age(now, running.since))
}

/// The engine's time. Blocks may end after their engine has.
fn now() -> Instant {
    runtime::current_host().map_or_else(|| SystemClock.now(), |host| host.now())
}

/// A time as nanoseconds from some fixed one.
pub fn position(at: Instant) -> i64 {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    let origin = *ORIGIN.get_or_init(|| at);
    let nanoseconds = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(NEVER - 1);
    match at.checked_duration_since(origin) {
        Some(after) => nanoseconds(after),
        None => -nanoseconds(origin.duration_since(at)),
    }
}

/// An event whose Fiber is suspended, or was.
#[magnus::wrap(class = "OverSIP::Engine::SuspendedEvent", free_immediately)]
pub struct SuspendedEvent {
    number: u64,
    subject: Subject,
    /// When it was suspended last, as [`position`] has it.
    since: Cell<i64>,
    /// How deep `route` was nested in it.
    nesting: Cell<Nesting>,
}

type Suspended = Obj<SuspendedEvent>;

/// `OverSIP::Engine.suspend_event`: the running event was suspended. nil when none runs.
fn suspend_event(ruby: &Ruby) -> Option<Suspended> {
    let Running { number, subject, .. } = state().show(None)?;
    let since = position(now());
    await_suspended(since);
    let nesting = Cell::new(Nesting::take());
    Some(ruby.obj_wrap(SuspendedEvent { number, subject, since: Cell::new(since), nesting }))
}

/// `OverSIP::Engine.share_event`: another Fiber is going to run for the running event, after it. nil when none runs.
fn share_event(ruby: &Ruby) -> Option<Suspended> {
    let mut state = state();
    let subject = state.running.as_ref()?.subject.clone();
    state.last += 1;
    let number = state.last;
    drop(state);
    let since = Cell::new(position(now()));
    Some(ruby.obj_wrap(SuspendedEvent { number, subject, since, nesting: Cell::default() }))
}

/// The event that runs is interrupted as long as this lives, by one that was suspended.
struct Interrupted<'a> {
    by: &'a SuspendedEvent,
    former: Option<Running>,
    nesting: Nesting,
}

impl<'a> Interrupted<'a> {
    fn begin(by: &'a SuspendedEvent) -> Self {
        let resumed = Running { number: by.number, since: now(), subject: by.subject.clone() };
        let former = state().show(Some(resumed));
        Interrupted { by, former, nesting: by.nesting.get().put() }
    }
}

impl Drop for Interrupted<'_> {
    fn drop(&mut self) {
        let nesting = self.nesting.put();
        // Otherwise it has ended.
        if number() == self.by.number {
            let since = position(now());
            self.by.since.set(since);
            self.by.nesting.set(nesting);
            await_suspended(since);
        }
        state().show(self.former.take());
    }
}

/// `OverSIP::Engine.resume_event(suspended) { ... }`: while the block resumes its Fiber, the suspended event is the running one.
fn resume_event(ruby: &Ruby, suspended: Suspended) -> Result<Value, Error> {
    let block: Proc = ruby.block_proc()?;
    let _interrupted = Interrupted::begin(&suspended);
    block.call(())
}

/// `OverSIP::Engine.running_event`: number, seconds and words of the event that runs; nil when none does.
fn running_event(ruby: &Ruby) -> Result<Option<(u64, f64, RString)>, Error> {
    let now = runtime::host(ruby)?.now();
    let found = state()
        .running
        .as_ref()
        .map(|running| (running.number, age(now, running.since), running.subject.to_string()));
    Ok(found.map(|(number, seconds, words)| (number, seconds, text::utf8(ruby, words.as_bytes()))))
}

/// `OverSIP::Engine.event_context`: what tells the request of the running event from others, for records. nil when there is
/// none, and on any other thread than the dispatcher.
fn event_context(ruby: &Ruby) -> Result<Option<RHash>, Error> {
    if dispatcher_thread::is_current() {
        running_context(ruby)
    } else {
        Ok(None)
    }
}

/// `OverSIP::Engine.running_context`: the same, on any thread.
fn running_context(ruby: &Ruby) -> Result<Option<RHash>, Error> {
    let subject = state().running.as_ref().map(|running| running.subject.clone());
    subject.map_or(Ok(None), |subject| context(ruby, &subject))
}

fn sip_method(ruby: &Ruby, this: Suspended) -> Option<Value> {
    this.subject.method().map(|method| message::method_value(ruby, method))
}

fn ruri(ruby: &Ruby, this: Suspended) -> Value {
    text::utf8_or_nil(ruby, this.subject.ruri())
}

fn call_id(ruby: &Ruby, this: Suspended) -> Value {
    text::utf8_or_nil(ruby, this.subject.call_id())
}

fn branch(ruby: &Ruby, this: Suspended) -> Value {
    text::utf8_or_nil(ruby, this.subject.branch())
}

fn context(ruby: &Ruby, subject: &Subject) -> Result<Option<RHash>, Error> {
    let Some(method) = subject.method() else { return Ok(None) };
    let hash = ruby.hash_new();
    hash.aset(ruby.to_symbol("sip_method"), message::method_value(ruby, method))?;
    for (key, text) in
        [("ruri", subject.ruri()), ("call_id", subject.call_id()), ("branch", subject.branch())]
    {
        if let Some(text) = text {
            hash.aset(ruby.to_symbol(key), text::utf8(ruby, text))?;
        }
    }
    Ok(Some(hash))
}

/// `OverSIP::Engine.forget_suspended`: the events suspended until now are not waited for, unless `await_suspended` follows.
fn forget_suspended() {
    SUSPENDED_SINCE.store(NEVER, Ordering::Relaxed);
}

/// `OverSIP::Engine.await_suspended(since)`: an event suspended since then is waited for.
fn await_suspended(since: i64) {
    SUSPENDED_SINCE.fetch_min(since, Ordering::Relaxed);
}

/// `OverSIP::Engine.clock`: the engine's time in nanoseconds.
fn clock(ruby: &Ruby) -> Result<i64, Error> {
    Ok(position(runtime::host(ruby)?.now()))
}

fn age(now: Instant, since: Instant) -> f64 {
    now.saturating_duration_since(since).as_secs_f64()
}

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Adds the functions to `OverSIP::Engine`, and the class.
pub fn define(ruby: &Ruby, oversip: RModule) -> Result<(), Error> {
    let engine = oversip.define_module("Engine")?;
    engine.define_singleton_method("running_event", function!(running_event, 0))?;
    engine.define_singleton_method("suspend_event", function!(suspend_event, 0))?;
    engine.define_singleton_method("share_event", function!(share_event, 0))?;
    engine.define_singleton_method("resume_event", function!(resume_event, 1))?;
    engine.define_singleton_method("event_context", function!(event_context, 0))?;
    engine.define_singleton_method("running_context", function!(running_context, 0))?;
    engine.define_singleton_method("clock", function!(clock, 0))?;
    engine.define_singleton_method("forget_suspended", function!(forget_suspended, 0))?;
    engine.define_singleton_method("await_suspended", function!(await_suspended, 1))?;
    let class = engine.define_class("SuspendedEvent", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("since", method!(|_: &Ruby, this: Suspended| this.since.get(), 0))?;
    class.define_method("to_s", method!(|_: &Ruby, this: Suspended| this.subject.to_string(), 0))?;
    class
        .define_method("context", method!(|ruby: &Ruby, this: Suspended| context(ruby, &this.subject), 0))?;
    class.define_method("sip_method", method!(sip_method, 0))?;
    class.define_method("ruri", method!(ruri, 0))?;
    class.define_method("call_id", method!(call_id, 0))?;
    class.define_method("branch", method!(branch, 0))
}
