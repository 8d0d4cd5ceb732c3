//! Who runs the SIP element of this process: an engine, or a simulation while it lasts.

use std::sync::{Arc, Mutex, MutexGuard};

use magnus::{Error, Ruby};
use oversip::engine::Engine;
use oversip::host::Host;

use crate::{process, text::runtime_error};

/// What runs an element.
#[derive(Clone)]
enum Runner {
    Engine(Arc<Engine>),
    Simulation(Arc<dyn Host>),
}

/// The runner and the process that started it.
static RUNNER: Mutex<Option<(u32, Runner)>> = Mutex::new(None);

fn runner(ruby: &Ruby) -> Result<Runner, Error> {
    match &*lock() {
        Some((pid, runner)) if *pid == process::id() => Ok(runner.clone()),
        Some(_) => Err(runtime_error(
            ruby,
            "this process was forked from one that runs OverSIP: call OverSIP.start here to use it",
        )),
        None => Err(runtime_error(ruby, "OverSIP is not running: call OverSIP.start first")),
    }
}

/// The running engine.
///
/// Raises `OverSIP::RuntimeError` when nothing was started, when the engine belongs to the parent of this process, whose threads do
/// not exist here, or when a simulation runs.
pub fn engine(ruby: &Ruby) -> Result<Arc<Engine>, Error> {
    match runner(ruby)? {
        Runner::Engine(engine) => Ok(engine),
        Runner::Simulation(_) => Err(runtime_error(ruby, "a simulation has no sockets")),
    }
}

/// Who runs the element: an engine or a simulation.
///
/// Raises `OverSIP::RuntimeError` when nobody does in this process.
pub fn host(ruby: &Ruby) -> Result<Arc<dyn Host>, Error> {
    Ok(match runner(ruby)? {
        Runner::Engine(engine) => engine.host().clone(),
        Runner::Simulation(host) => host,
    })
}

/// The running engine of this process, if there is one.
pub fn current() -> Option<Arc<Engine>> {
    match current_runner()? {
        Runner::Engine(engine) => Some(engine),
        Runner::Simulation(_) => None,
    }
}

/// Who runs the element in this process, if anybody does.
pub fn current_host() -> Option<Arc<dyn Host>> {
    Some(match current_runner()? {
        Runner::Engine(engine) => engine.host().clone(),
        Runner::Simulation(host) => host,
    })
}

/// Whether a simulation runs in this process.
pub fn is_simulating() -> bool {
    matches!(current_runner(), Some(Runner::Simulation(_)))
}

fn current_runner() -> Option<Runner> {
    lock().as_ref().filter(|(pid, _)| *pid == process::id()).map(|(_, runner)| runner.clone())
}

/// Whether this engine still is the one of this process.
pub fn is_current(engine: &Arc<Engine>) -> bool {
    current().is_some_and(|current| Arc::ptr_eq(&current, engine))
}

/// Makes `engine` the one of this process. One inherited over fork is leaked: its threads are not here, and dropping
/// a runtime waits for them.
pub fn set(engine: Option<Arc<Engine>>) {
    replace(engine.map(Runner::Engine));
}

/// A simulation runs in this process until [`set`].
pub fn simulate(host: Arc<dyn Host>) {
    replace(Some(Runner::Simulation(host)));
}

fn replace(runner: Option<Runner>) {
    let pid = process::id();
    let old = std::mem::replace(&mut *lock(), runner.map(|runner| (pid, runner)));
    if let Some((owner, runner)) = old {
        if owner != pid {
            std::mem::forget(runner);
        }
    }
}

fn lock() -> MutexGuard<'static, Option<(u32, Runner)>> {
    // Only ever held for a look or an exchange by a thread with the GVL, so a forked child finds it free.
    RUNNER.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
