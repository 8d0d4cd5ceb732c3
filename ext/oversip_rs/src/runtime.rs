//! Who runs the SIP element of this process: an engine, or a world while it is open.

use std::sync::{Arc, Mutex, MutexGuard};

use magnus::{Error, Ruby};
use oversip::engine::Engine;
use oversip::host::Host;

use crate::{links::Links, process, text::runtime_error};

/// What runs an element.
#[derive(Clone)]
enum Runner {
    Engine(Arc<Engine>),
    World(Arc<dyn Host>, Arc<dyn Links>),
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
/// not exist here, or when a world is open.
pub fn engine(ruby: &Ruby) -> Result<Arc<Engine>, Error> {
    match runner(ruby)? {
        Runner::Engine(engine) => Ok(engine),
        Runner::World(..) => Err(runtime_error(
            ruby,
            "a world is open: what concerns the engine of a server cannot be used meanwhile",
        )),
    }
}

/// Who runs the element: an engine or a world.
///
/// Raises `OverSIP::RuntimeError` when nobody does in this process.
pub fn host(ruby: &Ruby) -> Result<Arc<dyn Host>, Error> {
    Ok(match runner(ruby)? {
        Runner::Engine(engine) => engine.host().clone(),
        Runner::World(host, _) => host,
    })
}

/// Who has the connections.
///
/// Raises `OverSIP::RuntimeError` when nobody has in this process.
pub fn links(ruby: &Ruby) -> Result<Arc<dyn Links>, Error> {
    runner(ruby).map(links_of)
}

/// Who has the connections, if anybody has.
pub fn current_links() -> Option<Arc<dyn Links>> {
    current_runner().map(links_of)
}

fn links_of(runner: Runner) -> Arc<dyn Links> {
    match runner {
        Runner::Engine(engine) => engine,
        Runner::World(_, links) => links,
    }
}

/// The running engine of this process, if there is one.
pub fn current() -> Option<Arc<Engine>> {
    match current_runner()? {
        Runner::Engine(engine) => Some(engine),
        Runner::World(..) => None,
    }
}

/// Who runs the element in this process, if anybody does.
pub fn current_host() -> Option<Arc<dyn Host>> {
    Some(match current_runner()? {
        Runner::Engine(engine) => engine.host().clone(),
        Runner::World(host, _) => host,
    })
}

/// Whether a world is open in this process.
pub fn is_simulating() -> bool {
    matches!(current_runner(), Some(Runner::World(..)))
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

/// A world is open in this process until [`set`].
pub fn simulate<W: Host + Links + 'static>(world: Arc<W>) {
    replace(Some(Runner::World(world.clone(), world)));
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
