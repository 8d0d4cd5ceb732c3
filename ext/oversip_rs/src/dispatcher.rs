//! What the dispatcher thread calls: wait for an event, run it.
//!
//! The thread and its pool of fibers are Ruby's (`OverSIP::Dispatcher`). An event stays in the queue until a fiber
//! takes it, so nothing is lost when the thread is killed while it waits.

use std::sync::Arc;

use magnus::{prelude::*, Error, Ruby, Value};
use oversip::engine::{Engine, Event, Subject, Wake};
use oversip::host::{Host, IncomingRequest, Requests};

use crate::{
    blocks,
    classes::dispatcher_module,
    client, descriptors,
    dispatcher_thread::{self, Outermost},
    gvl::without_gvl,
    happenings, logging,
    message::RequestObject,
    nudge, observer,
    running_event::{self, Run},
    runtime, schedule, tls, websocket,
};

/// `OverSIP::Engine.leave_dispatcher`: this thread was the dispatcher; another may be it already.
pub fn leave() {
    if dispatcher_thread::leave() {
        nudge::idle();
        running_event::clear();
    }
}

/// `OverSIP::Engine.wait_event`: true when an event is queued, false when the engine has ended. The thread runs the engine while it
/// waits.
pub fn wait_event(ruby: &Ruby) -> Result<bool, Error> {
    let Some(engine) = runtime::current() else { return Ok(false) };
    engine.script_ends();
    let found = is_event(ruby, &engine)?;
    if found {
        engine.script_begins();
    }
    Ok(found)
}

fn is_event(ruby: &Ruby, engine: &Engine) -> Result<bool, Error> {
    loop {
        let events = engine.events();
        if !events.is_empty() {
            nudge::comes_to_event();
            return Ok(true);
        }
        let interrupts = events.interrupts();
        let wait = || {
            nudge::idle();
            let wake = engine.wait_event(interrupts);
            nudge::comes_to_event();
            wake
        };
        match without_gvl(ruby, wait, || events.interrupt())? {
            Wake::Event => return Ok(true),
            Wake::Closed => return Ok(false),
            Wake::Interrupted => {}
        }
    }
}

/// `OverSIP::Engine.run_event`: runs one event in the calling fiber.
pub fn run_event(ruby: &Ruby) -> Result<(), Error> {
    let Some(engine) = runtime::current() else { return Ok(()) };
    let Some(event) = engine.events().pop() else { return Ok(()) };
    let _outermost = Outermost::enter();
    let _running = Run::begin(engine.now(), Subject::of(&event));
    match event {
        Event::Request(request) => run_request(ruby, engine.host(), request),
        Event::Round(round) => client::run(ruby, engine.host(), Some(*round)),
        Event::Upgrade(request) => {
            websocket::run_upgrade(ruby, &*engine, &engine.settings().product, &request)
        }
        Event::WebSocketClosed { connection, by_client } => {
            websocket::run_closed(ruby, &*engine, connection, by_client)
        }
        Event::TlsHandshake(handshake) => tls::run_handshake(ruby, &*engine, handshake),
        Event::Scheduled(id) => schedule::run(ruby, id),
        Event::Descriptor { number, readiness } => descriptors::run(ruby, number, readiness),
        Event::Log(record) => logging::write(ruby, &record),
        Event::LostRecords => logging::write(ruby, &engine.lost_records()),
        Event::Happened => happenings::tell(ruby, &engine),
    }
}

/// Tells the engine that `on_request` ended, however it did.
struct RequestDone<'a>(&'a dyn Host, Arc<IncomingRequest>);

impl Drop for RequestDone<'_> {
    fn drop(&mut self) {
        Requests(self.0).done(&self.1);
    }
}

/// Runs the script's `on_request`.
pub fn run_request(ruby: &Ruby, host: &Arc<dyn Host>, incoming: Arc<IncomingRequest>) -> Result<(), Error> {
    let _done = RequestDone(&**host, incoming.clone());
    let received = incoming.received().clone();
    let object = RequestObject::from_network(ruby, incoming);
    let module = dispatcher_module(ruby);
    let events = observer::events(ruby, "SipEvents")?;
    let begun = blocks::begin_event(ruby, "SipEvents", "on_request");
    let mut result = match events {
        None => module.funcall("on_request", (object,)),
        Some(events) => module.funcall("on_request", (object, events)),
    };
    if let Some(begun) = begun {
        result = begun.event_ended(&Subject::Request { request: received, routed: false }, result);
    }
    result.map(|_: Value| ())
}
