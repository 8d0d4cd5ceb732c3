//! Waiting without the GVL.

use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::null_mut;

struct Call<F, U, R> {
    work: Option<F>,
    unblock: U,
    result: Option<R>,
}

/// Runs `work` without the GVL. Ruby calls `unblock`, from any thread, when this thread has to come back (kill, signal,
/// exit); `work` has to return soon after it. `None`: Ruby wanted the thread back before it began, or `work` panicked.
///
/// Neither closure may touch a Ruby object. Afterwards `Ruby#thread_check_ints` is due.
pub fn without_gvl<R>(work: impl FnOnce() -> R, unblock: impl Fn()) -> Option<R> {
    let mut call = Call { work: Some(work), unblock, result: None };
    run(&mut call);
    call.result
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
