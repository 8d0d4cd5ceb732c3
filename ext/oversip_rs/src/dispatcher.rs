//! What the dispatcher thread calls: wait for an event, run it.
//!
//! The thread and its pool of fibers are Ruby's (`OverSIP::Dispatcher`). An event stays in the queue until a fiber
//! takes it, so nothing is lost when the thread is killed while it waits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use magnus::{prelude::*, value::Lazy, Error, RModule, Ruby, Value};
use oversip::engine::{Engine, Event, IncomingRequest, Wake};

use crate::{
    anchors::Anchor,
    client,
    gvl::without_gvl,
    logging, request, runtime, text, tls,
    watch::{self, Run},
    websocket,
};

/// How deep `route` may be nested in callbacks of `route`.
const DEEPEST_NESTING: u32 = 32;

/// The dispatcher's Thread object, 0 without one. The object and not the native thread: with M:N threads Ruby moves a Thread
/// between native threads and runs other Threads on the one that it has left. The GC does not move a Thread that is alive.
static DISPATCHER: AtomicUsize = AtomicUsize::new(0);

/// How deep `route` is nested on the dispatcher just now. Read and written with the GVL.
static NESTING: AtomicU32 = AtomicU32::new(0);

/// Blocks given to `OverSIP.schedule`, by the number that the engine has.
static SCHEDULED: Mutex<Option<HashMap<u64, Anchor>>> = Mutex::new(None);

/// Whether the caller runs on the dispatcher thread.
pub fn is_current() -> bool {
    DISPATCHER.load(Ordering::Relaxed) == current_thread()
}

/// The Thread object of the caller, which has the GVL.
fn current_thread() -> usize {
    // SAFETY: returns a reference that the running Thread has; it allocates nothing and does not raise.
    unsafe { rb_sys::rb_thread_current() as usize }
}

/// One level of `route` inside a callback; ends when dropped. There are none outside of the dispatcher, where `route` runs no
/// callbacks.
pub struct Nested(Option<u32>);

impl Nested {
    /// Raises `OverSIP::RuntimeError` when the nesting is too deep.
    pub fn enter(ruby: &Ruby) -> Result<Nested, Error> {
        if !is_current() {
            return Ok(Nested(None));
        }
        let depth = NESTING.load(Ordering::Relaxed);
        if depth >= DEEPEST_NESTING {
            return Err(text::runtime_error(
                ruby,
                format!("route is nested more than {DEEPEST_NESTING} deep in callbacks"),
            ));
        }
        NESTING.store(depth + 1, Ordering::Relaxed);
        Ok(Nested(Some(depth)))
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        if let Some(depth) = self.0 {
            NESTING.store(depth, Ordering::Relaxed);
        }
    }
}

/// `OverSIP::Engine.wait_event`: true when an event is queued, false when the engine has ended.
pub fn wait_event(ruby: &Ruby) -> Result<bool, Error> {
    let Some(engine) = runtime::current() else { return Ok(false) };
    loop {
        let events = engine.events();
        if !events.is_empty() {
            return Ok(true);
        }
        let interrupts = events.interrupts();
        match without_gvl(ruby, || events.wait(interrupts), || events.interrupt())? {
            Wake::Event => return Ok(true),
            Wake::Closed => return Ok(false),
            Wake::Interrupted => {}
        }
    }
}

/// `OverSIP::Engine.enter_dispatcher`: this thread is the dispatcher from now on.
pub fn enter_dispatcher() {
    DISPATCHER.store(current_thread(), Ordering::Relaxed);
    // A Fiber that is suspended on one native thread and resumed on another crashes Ruby, whose C code may have kept the first
    // one's thread-local data in a register.
    // SAFETY: called with the GVL; it counts in Ruby's own data and neither allocates nor raises.
    #[cfg(ruby_gte_3_4)]
    unsafe {
        rb_sys::rb_thread_lock_native_thread();
    }
}

/// `OverSIP::Engine.leave_dispatcher`: this thread was the dispatcher; another may be it already.
pub fn leave_dispatcher() {
    let left = DISPATCHER.compare_exchange(current_thread(), 0, Ordering::Relaxed, Ordering::Relaxed);
    if left.is_ok() {
        watch::clear();
    }
}

/// `OverSIP::Engine.run_event`: runs one event in the calling fiber.
pub fn run_event(ruby: &Ruby) -> Result<(), Error> {
    let Some(engine) = runtime::current() else { return Ok(()) };
    let Some(event) = engine.events().pop() else { return Ok(()) };
    let outer = NESTING.swap(0, Ordering::Relaxed);
    let _running = Run::begin(&engine, &event);
    let result = match event {
        Event::Request(request) => run_request(ruby, &engine, request),
        Event::Callback(route) => client::resume(ruby, &engine, route),
        Event::Upgrade(request) => websocket::run_upgrade(ruby, &engine, &request),
        Event::WebSocketClosed { connection, by_client } => {
            websocket::run_closed(ruby, &engine, connection, by_client)
        }
        Event::TlsHandshake(handshake) => tls::run_handshake(ruby, &engine, handshake),
        Event::Scheduled(id) => run_scheduled(ruby, id),
        Event::Log(record) => logging::write(ruby, &record),
        Event::LostRecords => logging::write(ruby, &engine.shared().lost_records()),
    };
    NESTING.store(outer, Ordering::Relaxed);
    result
}

/// Tells the engine that `on_request` ended, however it did.
struct RequestDone<'a>(&'a Engine, Arc<IncomingRequest>);

impl Drop for RequestDone<'_> {
    fn drop(&mut self) {
        self.0.request_done(self.1.clone());
    }
}

fn run_request(ruby: &Ruby, engine: &Engine, incoming: Arc<IncomingRequest>) -> Result<(), Error> {
    let _done = RequestDone(engine, incoming.clone());
    let object = request::wrap(ruby, incoming);
    let _: Value = dispatcher_module(ruby).funcall("on_request", (object,))?;
    Ok(())
}

/// `OverSIP::Engine.schedule(seconds, proc)`.
pub fn schedule(ruby: &Ruby, seconds: f64, block: Value) -> Result<(), Error> {
    let engine = runtime::engine(ruby)?;
    let after = text::seconds_argument(ruby, seconds)?;
    let anchor = Anchor::hold(block, ruby.qnil().as_value());
    let id = anchor.id();
    scheduled().get_or_insert_with(HashMap::new).insert(id, anchor);
    engine.schedule(id, after);
    Ok(())
}

fn run_scheduled(ruby: &Ruby, id: u64) -> Result<(), Error> {
    let anchor = scheduled().as_mut().and_then(|blocks| blocks.remove(&id));
    let Some((block, _)) = anchor.as_ref().and_then(|anchor| anchor.values(ruby)) else { return Ok(()) };
    let _: Value = block.funcall("call", ())?;
    Ok(())
}

/// The engine has ended: blocks whose time has not come never run.
pub fn forget_scheduled() {
    scheduled().take();
}

fn scheduled() -> std::sync::MutexGuard<'static, Option<HashMap<u64, Anchor>>> {
    SCHEDULED.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The Ruby half.
pub fn dispatcher_module(ruby: &Ruby) -> RModule {
    static MODULE: Lazy<RModule> = Lazy::new(|ruby| {
        text::oversip_module(ruby)
            .and_then(|module| module.const_get("Dispatcher"))
            .expect("the library's Ruby half is loaded before an engine runs")
    });
    ruby.get_inner(&MODULE)
}
