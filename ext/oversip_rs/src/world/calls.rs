//! `Uac#call` and `Proxy#call` while a world is open: who waits for the end of a request lets the world go on.

use std::time::{Duration, Instant};

use magnus::{prelude::*, value::ReprValue, Error, RModule, Ruby, Value};
use oversip::clock::Clock;
use oversip::element::Outcome;
use oversip::engine::SystemClock;
use oversip::host::Call;

use super::object::RubyWorld;
use crate::{
    classes::oversip_module,
    dispatcher_thread::RubyThread,
    gvl::{without_gvl, SIGNAL_INTERVAL},
    text,
};

/// Where `OverSIP::Engine` keeps the world that is open, and a world its driver.
const PLACE: &str = "@world";
const DRIVER: &str = "@driver";

/// How long, by the system's clock, a thread waits for a world that nobody steps.
const STANDSTILL: Duration = Duration::from_secs(5);

/// The module keeps the open world from the garbage collector.
pub(super) fn keep(ruby: &Ruby, world: Option<RubyWorld>) -> Result<(), Error> {
    engine_module(ruby)?.ivar_set(PLACE, world)
}

/// The world that is open.
fn current(ruby: &Ruby) -> Result<RubyWorld, Error> {
    let world: Option<RubyWorld> = engine_module(ruby)?.ivar_get(PLACE)?;
    world.ok_or_else(|| text::runtime_error(ruby, "no world is open"))
}

fn engine_module(ruby: &Ruby) -> Result<RModule, Error> {
    oversip_module(ruby)?.const_get("Engine")
}

/// `driver=`: what is called, again and again, while the world's thread waits for the end of a request. It answers false when
/// nothing more is due.
pub(super) fn set_driver(ruby: &Ruby, this: RubyWorld, driver: Value) -> Result<(), Error> {
    this.host(ruby)?;
    this.ivar_set(DRIVER, driver)
}

/// The end of a call; `method` is what the script has called, `awaited` says in words of what the end is.
pub fn outcome(ruby: &Ruby, call: &Call, method: &str, awaited: &str) -> Result<Outcome, Error> {
    let world = current(ruby)?;
    if world.host(ruby)?.thread == RubyThread::current() {
        drive(ruby, world, call, (method, awaited))
    } else {
        wait(ruby, world, call, awaited)
    }
}

fn drive(
    ruby: &Ruby,
    world: RubyWorld,
    call: &Call,
    (method, awaited): (&str, &str),
) -> Result<Outcome, Error> {
    let driver: Value = world.ivar_get(DRIVER)?;
    if driver.is_nil() {
        let message =
            format!("{method} waits for the response, and nobody lets the world go on: give it a driver");
        return Err(text::runtime_error(ruby, message));
    }
    loop {
        if let Some(outcome) = call.end(Duration::ZERO) {
            return Ok(outcome);
        }
        let goes_on: Value = driver.funcall("call", ())?;
        if !goes_on.to_bool() && call.end(Duration::ZERO).is_none() {
            let message = format!("{awaited} has no final response, and nothing more is due in the world");
            return Err(text::runtime_error(ruby, message));
        }
    }
}

/// Another thread waits for the world's thread to step on.
fn wait(ruby: &Ruby, world: RubyWorld, call: &Call, awaited: &str) -> Result<Outcome, Error> {
    let (mut steps, mut since): (u64, Instant) = (0, SystemClock.now());
    loop {
        let outcome = without_gvl(ruby, || call.wait(SIGNAL_INTERVAL), || call.interrupt())?;
        if let Some(outcome) = outcome {
            return Ok(outcome);
        }
        let Ok(host) = world.host(ruby) else { return Ok(Outcome::Stopped) };
        if host.turns.steps() != steps {
            (steps, since) = (host.turns.steps(), SystemClock.now());
        } else if SystemClock.now() >= since + STANDSTILL {
            let message = format!(
                "{awaited} has no final response, and the world stands still: the thread that has opened it has to let it \
                 go on while another one waits"
            );
            return Err(text::runtime_error(ruby, message));
        }
    }
}
