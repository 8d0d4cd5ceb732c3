//! The wait of the thread that looks for events that take too long. It waits without the GVL, so that it takes it from nobody
//! while all is well.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use magnus::{Error, Ruby};
use oversip::engine::Engine;

use crate::{
    gvl::without_gvl,
    running_event::{self, position, NEVER},
    runtime,
};

/// The event that was told of as running too long.
static TOLD: AtomicU64 = AtomicU64::new(0);

/// `OverSIP::Engine.told_of_running(number)`: that event is not waited for again.
pub fn told_of_running(number: u64) {
    TOLD.store(number, Ordering::Relaxed);
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
    let told = running_event::number() == TOLD.load(Ordering::Relaxed);
    let running = if told { NEVER } else { running_event::since() };
    let oldest = running.min(running_event::suspended_since());
    let limit = i64::try_from(limit.as_nanos()).unwrap_or(NEVER);
    oldest != NEVER && position(engine.now()).saturating_sub(oldest) >= limit
}
