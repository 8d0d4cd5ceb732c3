//! `OverSIP.schedule`: blocks that run after a time. And what tells of the ends of calls.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use magnus::{prelude::*, Error, Ruby, Value};
use oversip::engine::Event;

use crate::{anchors::Anchor, observer, runtime, text};

/// What is run by a number that the engine has.
enum Scheduled {
    /// A block given to `OverSIP.schedule`.
    Block(Anchor),
    /// A `CallEnd`.
    Teller(Anchor),
}

static SCHEDULED: Mutex<Option<HashMap<u64, Scheduled>>> = Mutex::new(None);

/// `OverSIP::Engine.schedule(seconds, proc)`: the number to take it back by.
pub fn schedule(ruby: &Ruby, seconds: f64, block: Value) -> Result<u64, Error> {
    let host = runtime::host(ruby)?;
    let after = text::seconds_argument(ruby, seconds)?;
    let id = add(ruby, block, Scheduled::Block);
    host.step(|element, now| element.schedule(now, id, after));
    Ok(id)
}

/// `OverSIP::Engine.schedule_first(proc)`: before all events that are queued.
pub fn schedule_first(ruby: &Ruby, block: Value) -> Result<(), Error> {
    let engine = runtime::engine(ruby)?;
    engine.events().push_first(Event::Scheduled(add(ruby, block, Scheduled::Block)));
    Ok(())
}

/// `OverSIP::Engine.unschedule(id)`: whether that keeps the block from being run.
pub fn unschedule(_: &Ruby, id: u64) -> bool {
    let found = remove(id);
    if let Some(host) = found.as_ref().and_then(|_| runtime::current_host()) {
        host.step(|element, _| element.unschedule(id));
    }
    found.is_some()
}

/// Keeps a `CallEnd` until [`remove_teller`]. Its number is what the engine says at the end of the call.
pub fn add_teller(ruby: &Ruby, end: Value) -> u64 {
    add(ruby, end, Scheduled::Teller)
}

/// Nobody waits for the end any more.
pub fn remove_teller(id: u64) {
    drop(remove(id));
}

/// Runs what has this number.
pub fn run(ruby: &Ruby, id: u64) -> Result<(), Error> {
    match remove(id) {
        None => Ok(()),
        Some(Scheduled::Block(anchor)) => {
            let block = anchor.values(ruby).map(|(block, _)| block);
            block.map_or(Ok(()), |block| observer::call_scheduled(ruby, block))
        }
        Some(Scheduled::Teller(anchor)) => tell(ruby, &anchor),
    }
}

/// The engine has ended: blocks whose time has not come never run. Those who wait for the ends of calls are told.
pub fn forget(ruby: &Ruby) -> Result<(), Error> {
    let all = scheduled().take().unwrap_or_default();
    for scheduled in all.into_values() {
        if let Scheduled::Teller(anchor) = scheduled {
            tell(ruby, &anchor)?;
        }
    }
    Ok(())
}

fn tell(ruby: &Ruby, anchor: &Anchor) -> Result<(), Error> {
    if let Some((end, _)) = anchor.values(ruby) {
        let _: Value = end.funcall("tell", ())?;
    }
    Ok(())
}

fn add(ruby: &Ruby, object: Value, kind: impl FnOnce(Anchor) -> Scheduled) -> u64 {
    let anchor = Anchor::hold(object, ruby.qnil().as_value());
    let id = anchor.id();
    scheduled().get_or_insert_with(HashMap::new).insert(id, kind(anchor));
    id
}

fn remove(id: u64) -> Option<Scheduled> {
    scheduled().as_mut().and_then(|known| known.remove(&id))
}

fn scheduled() -> MutexGuard<'static, Option<HashMap<u64, Scheduled>>> {
    SCHEDULED.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
