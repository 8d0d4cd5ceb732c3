//! Which process this is, known without a system call: what is held for one process asks several times for each message.

use std::ffi::c_int;
use std::sync::atomic::{AtomicU32, Ordering};

extern "C" {
    /// POSIX: functions that each fork runs, the last of them in the child.
    fn pthread_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
    ) -> c_int;
}

/// 0 where nobody would tell of a fork.
static ID: AtomicU32 = AtomicU32::new(0);

/// The process's number.
pub fn id() -> u32 {
    match ID.load(Ordering::Relaxed) {
        0 => std::process::id(),
        id => id,
    }
}

extern "C" fn in_child() {
    ID.store(std::process::id(), Ordering::Relaxed);
}

/// Begins to watch for forks.
pub fn watch() {
    // SAFETY: the function is there as long as the process, for Ruby unloads no library; it only stores a number, as POSIX
    // asks of what runs in the child.
    if unsafe { pthread_atfork(None, None, Some(in_child)) } == 0 {
        ID.store(std::process::id(), Ordering::Relaxed);
    }
}
