//! Waiting without the GVL.

use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::null_mut;
use std::time::Duration;

use magnus::{Error, Ruby};

/// How long a signal may wait for the main thread to look: a wait without the GVL that may be long is cut into pieces of this
/// length.
pub const SIGNAL_INTERVAL: Duration = Duration::from_millis(100);

struct Call<F, R> {
    work: Option<F>,
    result: Option<R>,
}

/// Runs `work` without the GVL, then whatever Ruby has for this thread (kill, signal, exit); that may raise. Ruby calls
/// `unblock`, from any thread, when this thread has to come back; `work` has to return soon after it.
///
/// Neither closure may touch a Ruby object.
pub fn without_gvl<R>(ruby: &Ruby, work: impl FnOnce() -> R, unblock: impl Fn()) -> Result<R, Error> {
    let mut call = Call { work: Some(work), result: None };
    // An interruption that is pending already keeps `work` from being begun at all. Each time that another thread woke this
    // one up leaves one behind, so that this is no reason to give up.
    while call.work.is_some() {
        ruby.thread_check_ints()?;
        run(&mut call, &unblock);
    }
    ruby.thread_check_ints()?;
    call.result.ok_or_else(|| Error::new(ruby.exception_fatal(), "the engine panicked"))
}

/// Runs `work` without the GVL, for who cannot raise: where Ruby has something for this thread, `work` may not run at all, and
/// that stays for later.
pub fn briefly_without_gvl(work: impl FnOnce(), unblock: impl Fn()) {
    run(&mut Call { work: Some(work), result: None }, &unblock);
}

fn run<F: FnOnce() -> R, U: Fn(), R>(call: &mut Call<F, R>, unblock: &U) {
    extern "C" fn body<F: FnOnce() -> R, R>(data: *mut c_void) -> *mut c_void {
        // SAFETY: `data` is the `Call` of the frame below, which waits for this function to return and leaves it alone.
        let call = unsafe { &mut *data.cast::<Call<F, R>>() };
        if let Some(work) = call.work.take() {
            // A panic must not cross Ruby's frames.
            call.result = catch_unwind(AssertUnwindSafe(work)).ok();
        }
        null_mut()
    }
    extern "C" fn interrupt<U: Fn()>(data: *mut c_void) {
        // SAFETY: `data` is the closure that the frame below borrows for as long as Ruby may call this.
        let unblock = unsafe { &*data.cast::<U>() };
        let _ = catch_unwind(AssertUnwindSafe(unblock));
    }
    let call: *mut Call<F, R> = call;
    let unblock: *const U = unblock;
    // SAFETY: each function gets a pointer to something of its own that outlives the call; `..._gvl2` never raises.
    unsafe {
        rb_sys::rb_thread_call_without_gvl2(
            Some(body::<F, R>),
            call.cast(),
            Some(interrupt::<U>),
            unblock.cast_mut().cast(),
        );
    }
}
