//! Workers that compute must not starve the dispatcher: Ruby lets a thread keep the GVL for 100 ms. While workers run, a
//! thread of this file watches whether the dispatcher, when it has something to do, comes to its next event. It may wait for the
//! GVL, or have lost it in the midst of a block. The holder is asked to give way then.

use std::ffi::c_void;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use magnus::{function, prelude::*, Error, RModule, Ruby};

use crate::{dispatcher_thread, process};

/// How long the dispatcher is left where it is before the holder is asked, and until the next one is: they get the GVL in the order in which
/// they have asked.
const PATIENCE: Duration = Duration::from_micros(250);

/// How many threads work that may compute. They belong to several pools, or to none.
static WORKERS: AtomicUsize = AtomicUsize::new(0);

/// A number for each event that the dispatcher comes to, 0 while it has nothing to do.
static TASK: AtomicU64 = AtomicU64::new(0);

/// The thread that watches, which is never freed: no lock, so that a fork finds none taken.
static WATCH: AtomicPtr<Thread> = AtomicPtr::new(std::ptr::null_mut());

/// The process that it belongs to.
static PROCESS: AtomicU32 = AtomicU32::new(0);

/// The dispatcher has nothing to do.
pub fn idle() {
    if on() {
        TASK.store(0, Ordering::Release);
    }
}

/// The dispatcher has something to do: it is about to wait for the GVL, or has it.
pub fn comes_to_event() {
    if !on() {
        return;
    }
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let before = TASK.swap(NUMBER.fetch_add(1, Ordering::Relaxed) + 1, Ordering::AcqRel);
    if before != 0 {
        return;
    }
    // SAFETY: what is stored there lives as long as the process.
    if let Some(thread) = unsafe { WATCH.load(Ordering::Acquire).as_ref() } {
        thread.unpark();
    }
}

fn on() -> bool {
    WORKERS.load(Ordering::Relaxed) != 0
}

/// `OverSIP::Engine.worker_begins`: the caller, or another thread, begins with something that may compute.
fn worker_begins() {
    if PROCESS.load(Ordering::Relaxed) != process::id() {
        // Threads of the parent do not work in a child.
        WORKERS.store(0, Ordering::Relaxed);
        job::prepare(give_way);
        // Where the system refuses a thread, the dispatcher waits as Ruby has it.
        let Ok(spawned) = thread::Builder::new().name("oversip nudge".to_owned()).spawn(run) else { return };
        WATCH.store(Box::into_raw(Box::new(spawned.thread().clone())), Ordering::Release);
        PROCESS.store(process::id(), Ordering::Relaxed);
    }
    WORKERS.fetch_add(1, Ordering::Relaxed);
}

/// `OverSIP::Engine.worker_ends`: it has come to its end. Called once for each `worker_begins`.
fn worker_ends() {
    // One of the parent's is not counted in a child, and none is where the system has refused the thread.
    if PROCESS.load(Ordering::Relaxed) == process::id() {
        let _ = WORKERS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |number| number.checked_sub(1));
    }
}

fn run() {
    loop {
        match task() {
            0 => thread::park(),
            task_before => {
                thread::park_timeout(PATIENCE);
                if task() == task_before {
                    job::trigger(give_way);
                }
            }
        }
    }
}

/// That of the dispatcher just now, 0 for none.
fn task() -> u64 {
    if on() {
        TASK.load(Ordering::Acquire)
    } else {
        0
    }
}

/// Runs in the thread that has the GVL.
extern "C" fn give_way(_: *mut c_void) {
    // It may be the dispatcher, or have changed hands meanwhile.
    if task() != 0 && !dispatcher_thread::is_current() {
        // SAFETY: called with the GVL by Ruby, where it serves interrupts, as any Ruby code that lets other threads run.
        unsafe { rb_sys::rb_thread_schedule() };
    }
}

/// A job that Ruby runs in the thread that has the GVL; any thread may ask for it.
#[cfg(not(ruby_gte_3_3))]
mod job {
    use std::ffi::c_void;

    pub fn prepare(_: extern "C" fn(*mut c_void)) {}

    pub fn trigger(job: extern "C" fn(*mut c_void)) {
        // SAFETY: made for signal handlers, so that it needs neither the GVL nor a thread of Ruby's; the function lives as long
        // as the process and takes no data.
        unsafe { rb_sys::rb_postponed_job_register_one(0, Some(job), std::ptr::null_mut()) };
    }
}

#[cfg(ruby_gte_3_3)]
mod job {
    use std::ffi::c_void;
    use std::sync::OnceLock;

    static HANDLE: OnceLock<rb_sys::rb_postponed_job_handle_t> = OnceLock::new();

    pub fn prepare(job: extern "C" fn(*mut c_void)) {
        // SAFETY: called with the GVL; the function lives as long as the process and takes no data.
        HANDLE.get_or_init(|| unsafe {
            rb_sys::rb_postponed_job_preregister(0, Some(job), std::ptr::null_mut())
        });
    }

    pub fn trigger(_: extern "C" fn(*mut c_void)) {
        if let Some(handle) = HANDLE.get() {
            // SAFETY: made for signal handlers, so that it needs neither the GVL nor a thread of Ruby's.
            unsafe { rb_sys::rb_postponed_job_trigger(*handle) };
        }
    }
}

/// Adds the function to `OverSIP::Engine`.
pub fn define(_: &Ruby, oversip: RModule) -> Result<(), Error> {
    let engine = oversip.define_module("Engine")?;
    engine.define_singleton_method("worker_begins", function!(worker_begins, 0))?;
    engine.define_singleton_method("worker_ends", function!(worker_ends, 0))
}
