//! The engine of this process.

use std::sync::{Arc, Mutex, MutexGuard};

use magnus::{Error, Ruby};
use oversip::engine::Engine;

use crate::{process, text::runtime_error};

/// The engine and the process that started it.
static ENGINE: Mutex<Option<(u32, Arc<Engine>)>> = Mutex::new(None);

/// The running engine.
///
/// Raises `OverSIP::RuntimeError` when nothing was started, or when the engine belongs to the parent of this process: its
/// threads do not exist here.
pub fn engine(ruby: &Ruby) -> Result<Arc<Engine>, Error> {
    match &*lock() {
        Some((pid, engine)) if *pid == process::id() => Ok(engine.clone()),
        Some(_) => Err(runtime_error(
            ruby,
            "this process was forked from one that runs OverSIP: call OverSIP.start here to use it",
        )),
        None => Err(runtime_error(ruby, "OverSIP is not running: call OverSIP.start first")),
    }
}

/// The running engine of this process, if there is one.
pub fn current() -> Option<Arc<Engine>> {
    lock().as_ref().filter(|(pid, _)| *pid == process::id()).map(|(_, engine)| engine.clone())
}

/// Whether this engine still is the one of this process.
pub fn is_current(engine: &Arc<Engine>) -> bool {
    current().is_some_and(|current| Arc::ptr_eq(&current, engine))
}

/// Makes `engine` the one of this process. One inherited over fork is leaked: its threads are not here, and dropping
/// a runtime waits for them.
pub fn set(engine: Option<Arc<Engine>>) {
    let pid = process::id();
    let old = std::mem::replace(&mut *lock(), engine.map(|engine| (pid, engine)));
    if let Some((owner, engine)) = old {
        if owner != pid {
            std::mem::forget(engine);
        }
    }
}

fn lock() -> MutexGuard<'static, Option<(u32, Arc<Engine>)>> {
    // Only ever held for a look or an exchange by a thread with the GVL, so a forked child finds it free.
    ENGINE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
