//! Waiting without the GVL.

use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::null_mut;

use magnus::{Error, Ruby};

struct Call<F, U, R> {
    work: Option<F>,
    unblock: U,
    result: Option<R>,
}

/// Runs `work` without the GVL, then whatever Ruby has for this thread (kill, signal, exit); that may raise. Ruby calls
/// `unblock`, from any thread, when this thread has to come back; `work` has to return soon after it.
///
/// Neither closure may touch a Ruby object.
pub fn without_gvl<R>(ruby: &Ruby, work: impl FnOnce() -> R, unblock: impl Fn()) -> Result<R, Error> {
    let mut call = Call { work: Some(work), unblock, result: None };
    // An interruption that is pending already keeps `work` from being begun at all. Each time that another thread woke this
    // one up leaves one behind, so that this is no reason to give up.
    while call.work.is_some() {
        ruby.thread_check_ints()?;
        run(&mut call);
    }
    ruby.thread_check_ints()?;
    call.result.ok_or_else(|| Error::new(ruby.exception_fatal(), "the engine panicked"))
}

fn run<F: FnOnce() -> R, U: Fn(), R>(call: &mut Call<F, U, R>) {
    extern "C" fn body<F: FnOnce() -> R, U: Fn(), R>(data: *mut c_void) -> *mut c_void {
        // SAFETY: `data` is the `Call` of the frame below, which waits for this function to return.
        let call = unsafe { &mut *data.cast::<Call<F, U, R>>() };
        if let Some(work) = call.work.take() {
            // A panic must not cross Ruby's frames.
            call.result = catch_unwind(AssertUnwindSafe(work)).ok();
        }
        null_mut()
    }
    extern "C" fn interrupt<F: FnOnce() -> R, U: Fn(), R>(data: *mut c_void) {
        // SAFETY: as above; only `unblock` is touched, which `body` does not use.
        let unblock = unsafe { &(*data.cast::<Call<F, U, R>>()).unblock };
        let _ = catch_unwind(AssertUnwindSafe(unblock));
    }
    let data: *mut Call<F, U, R> = call;
    // SAFETY: both functions get the pointer to `call`, which outlives the call; `..._gvl2` never raises.
    unsafe {
        rb_sys::rb_thread_call_without_gvl2(
            Some(body::<F, U, R>),
            data.cast(),
            Some(interrupt::<F, U, R>),
            data.cast(),
        );
    }
}
