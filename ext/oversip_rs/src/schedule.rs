//! `OverSIP.schedule`: blocks that run after a time.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use magnus::{prelude::*, Error, Ruby, Value};

use crate::{anchors::Anchor, observer, runtime, text};

/// Blocks given to `OverSIP.schedule`, by the number that the engine has.
static SCHEDULED: Mutex<Option<HashMap<u64, Anchor>>> = Mutex::new(None);

/// `OverSIP::Engine.schedule(seconds, proc)`: the number to take it back by.
pub fn schedule(ruby: &Ruby, seconds: f64, block: Value) -> Result<u64, Error> {
    let host = runtime::host(ruby)?;
    let after = text::seconds_argument(ruby, seconds)?;
    let anchor = Anchor::hold(block, ruby.qnil().as_value());
    let id = anchor.id();
    scheduled().get_or_insert_with(HashMap::new).insert(id, anchor);
    host.step(|element, now| element.schedule(now, id, after));
    Ok(id)
}

/// `OverSIP::Engine.unschedule(id)`: whether that keeps the block from being run.
pub fn unschedule(_: &Ruby, id: u64) -> bool {
    let anchor = scheduled().as_mut().and_then(|blocks| blocks.remove(&id));
    if let Some(host) = anchor.as_ref().and_then(|_| runtime::current_host()) {
        host.step(|element, _| element.unschedule(id));
    }
    anchor.is_some()
}

/// Runs the block of this number.
pub fn run(ruby: &Ruby, id: u64) -> Result<(), Error> {
    let anchor = scheduled().as_mut().and_then(|blocks| blocks.remove(&id));
    let Some((block, _)) = anchor.as_ref().and_then(|anchor| anchor.values(ruby)) else { return Ok(()) };
    observer::call_scheduled(ruby, block)
}

/// The engine has ended: blocks whose time has not come never run.
pub fn forget() {
    scheduled().take();
}

fn scheduled() -> MutexGuard<'static, Option<HashMap<u64, Anchor>>> {
    SCHEDULED.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
