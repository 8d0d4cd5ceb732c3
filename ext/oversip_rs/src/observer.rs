//! The observer of blocks: while there is one, it is called in the place of each block and event method of the script, and
//! calls it.

use std::sync::atomic::{AtomicBool, Ordering};

use magnus::{method, prelude::*, Error, RModule, Ruby, Value};

use crate::{
    classes::{dispatcher_module, oversip_module},
    text,
};

/// Whether there is an observer.
static SET: AtomicBool = AtomicBool::new(false);

/// Where the module `OverSIP::Engine` keeps it from the garbage collector.
const PLACE: &str = "@block_observer";

/// The observer.
fn observer(ruby: &Ruby) -> Option<Value> {
    if !SET.load(Ordering::Relaxed) {
        return None;
    }
    let engine: RModule = oversip_module(ruby).and_then(|module| module.const_get("Engine")).ok()?;
    engine.ivar_get(PLACE).ok().filter(|value: &Value| !value.is_nil())
}

/// Calls a block of the script's; the observer does where there is one.
pub fn call(
    ruby: &Ruby,
    event: &'static str,
    subject: Value,
    block: Value,
    arguments: &[Value],
) -> Result<(), Error> {
    let _: Value = match observer(ruby) {
        None => block.funcall_public("call", arguments)?,
        Some(observer) => {
            let arguments = ruby.ary_new_from_values(arguments);
            let given = (observer, text::symbol(ruby, event), subject, arguments, block);
            dispatcher_module(ruby).funcall("observed", given)?
        }
    };
    Ok(())
}

/// What is called with events instead of `OverSIP::SipEvents` or another such module, if there is an observer.
pub fn events(ruby: &Ruby, module: &str) -> Result<Option<Value>, Error> {
    observer(ruby)
        .map(|observer| {
            dispatcher_module(ruby).funcall("observed_events", (observer, ruby.to_symbol(module)))
        })
        .transpose()
}

/// Runs what `OverSIP.schedule` was given.
pub fn call_scheduled(ruby: &Ruby, work: Value) -> Result<(), Error> {
    // What the library itself schedules takes no observer.
    let observer = match observer(ruby) {
        Some(observer) if work.funcall::<_, _, i64>("arity", ())? != 0 => Some(observer),
        _ => None,
    };
    let _: Value = match observer {
        Some(observer) => work.funcall("call", (observer,))?,
        None => work.funcall("call", ())?,
    };
    Ok(())
}

/// `OverSIP::Engine.observe_blocks(callable)`; nil ends it.
fn observe_blocks(engine: RModule, observer: Value) -> Result<(), Error> {
    engine.ivar_set(PLACE, observer)?;
    SET.store(!observer.is_nil(), Ordering::Relaxed);
    Ok(())
}

/// Adds the function to `OverSIP::Engine`.
pub fn define(_: &Ruby, oversip: RModule) -> Result<(), Error> {
    let engine = oversip.define_module("Engine")?;
    engine.define_singleton_method("observe_blocks", method!(observe_blocks, 1))
}
