//! The dispatcher thread: which one it is, and how deep `route` is nested on it.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// The dispatcher's Thread object, 0 without one. The object and not the native thread: with M:N threads Ruby moves a Thread
/// between native threads and runs other Threads on the one that it has left. The GC does not move a Thread that is alive.
static DISPATCHER: AtomicUsize = AtomicUsize::new(0);

/// How deep `route` is nested on the dispatcher just now. Read and written with the GVL.
static NESTING: AtomicU32 = AtomicU32::new(0);

/// Whether the caller runs on the dispatcher thread.
pub fn is_current() -> bool {
    DISPATCHER.load(Ordering::Relaxed) == current_thread()
}

/// The Thread object of the caller, which has the GVL.
fn current_thread() -> usize {
    // SAFETY: returns a reference that the running Thread has; it allocates nothing and does not raise.
    unsafe { rb_sys::rb_thread_current() as usize }
}

/// A thread of Ruby's that is alive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RubyThread(usize);

impl RubyThread {
    /// The caller's.
    pub fn current() -> RubyThread {
        RubyThread(current_thread())
    }
}

/// One level of `route` inside a callback; ends when dropped. There are none outside of the dispatcher, where `route` runs no
/// callbacks.
pub struct Nested(Option<u32>);

impl Nested {
    /// A `route` begins.
    pub fn enter() -> Nested {
        Nested(is_current().then(|| NESTING.fetch_add(1, Ordering::Relaxed)))
    }

    /// In how many others it is.
    pub fn depth(&self) -> u32 {
        self.0.unwrap_or(0)
    }
}

/// How deep `route` is nested in an event.
#[derive(Clone, Copy, Default)]
pub struct Nesting(u32);

impl Nesting {
    /// That of the running event, which is suspended.
    pub fn take() -> Nesting {
        Nesting(0).put()
    }

    /// The event that runs now has this. Hands out that of the one that ran.
    pub fn put(self) -> Nesting {
        Nesting(NESTING.swap(self.0, Ordering::Relaxed))
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        if let Some(depth) = self.0 {
            NESTING.store(depth, Ordering::Relaxed);
        }
    }
}

/// `OverSIP::Engine.enter_dispatcher`: this thread is the dispatcher from now on.
pub fn enter() {
    DISPATCHER.store(current_thread(), Ordering::Relaxed);
    keep_native_thread();
}

/// `OverSIP::Engine.keep_native_thread`: the calling Thread, which runs events or work in Fibers, stays on its native thread.
pub fn keep_native_thread() {
    // A Fiber that is suspended on one native thread and resumed on another crashes Ruby, whose C code may have kept the first
    // one's thread-local data in a register.
    // SAFETY: called with the GVL; it counts in Ruby's own data and neither allocates nor raises.
    #[cfg(ruby_gte_3_4)]
    unsafe {
        rb_sys::rb_thread_lock_native_thread();
    }
}

/// This thread is the dispatcher no longer. False: another was it already.
pub fn leave() -> bool {
    DISPATCHER.compare_exchange(current_thread(), 0, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

/// The event that runs, for which nesting begins anew; what it had interrupted goes on when this is dropped.
pub struct Outermost(Nesting);

impl Outermost {
    /// An event begins.
    pub fn enter() -> Outermost {
        Outermost(Nesting::take())
    }
}

impl Drop for Outermost {
    fn drop(&mut self) {
        self.0.put();
    }
}

/// The calling thread stands in for the dispatcher until this is dropped.
pub struct Standing(usize);

impl Standing {
    /// From now on.
    pub fn in_for_dispatcher() -> Standing {
        Standing(DISPATCHER.swap(current_thread(), Ordering::Relaxed))
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        DISPATCHER.store(self.0, Ordering::Relaxed);
    }
}
