//! What threads and Fibers wait for that send a request and want its answer (`Uac#call`, `Proxy#call`).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::lock::lock;
use crate::element::{CallId, Caller, Outcome};

#[derive(Debug, Default)]
struct State {
    outcome: Option<Outcome>,
    cseq: Option<u32>,
    interrupted: bool,
}

/// How somebody waits for the end of a routing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wait {
    /// They give up after this time.
    pub limit: Option<Duration>,
    /// They do it in a block of the same Client.
    pub in_block: bool,
    /// What is scheduled under this number tells a Fiber that waits. Without it a thread waits by [`Call::wait`].
    pub teller: Option<u64>,
}

/// A routing that somebody waits for.
#[derive(Debug)]
pub struct Call {
    id: CallId,
    how: Wait,
    state: Mutex<State>,
    wake: Condvar,
}

impl Call {
    /// A call that is going to be waited for.
    pub fn new(how: Wait) -> Arc<Call> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = CallId(NEXT.fetch_add(1, Ordering::Relaxed));
        Arc::new(Call { id, how, state: Mutex::default(), wake: Condvar::new() })
    }

    /// Waits for the end, at most this long. `None`: it has not come, or [`Call::interrupt`] was called.
    pub fn wait(&self, at_most: Duration) -> Option<Outcome> {
        let until_done = |state: &mut State| state.outcome.is_none() && !state.interrupted;
        let waited = self.wake.wait_timeout_while(self.lock(), at_most, until_done);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.interrupted = false;
        state.outcome.clone()
    }

    /// Makes a present or coming [`Call::wait`] return.
    pub fn interrupt(&self) {
        self.lock().interrupted = true;
        self.wake.notify_all();
    }

    /// The CSeq number that the request went with in the end, if it is not the one it was handed over with.
    pub fn cseq(&self) -> Option<u32> {
        self.lock().cseq
    }

    /// Waits for an end that another thread is about to tell, at most this long.
    pub fn end(&self, at_most: Duration) -> Option<Outcome> {
        let untold = |state: &mut State| state.outcome.is_none();
        let waited = self.wake.wait_timeout_while(self.lock(), at_most, untold);
        waited.unwrap_or_else(PoisonError::into_inner).0.outcome.clone()
    }

    /// The number of what tells a Fiber of the end.
    pub fn teller(&self) -> Option<u64> {
        self.how.teller
    }

    pub(super) fn id(&self) -> CallId {
        self.id
    }

    /// The caller, as a route has it.
    pub fn caller(&self) -> Caller {
        Caller { call: self.id, limit: self.how.limit, in_block: self.how.in_block }
    }

    fn finish(&self, outcome: Outcome) {
        self.lock().outcome.get_or_insert(outcome);
        self.wake.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// The calls that threads wait for. When it goes, nobody is left waiting.
#[derive(Debug, Default)]
pub struct Calls(Mutex<HashMap<CallId, Arc<Call>>>);

impl Calls {
    /// A thread is going to wait.
    pub fn add(&self, call: &Arc<Call>) {
        lock(&self.0).insert(call.id, call.clone());
    }

    /// Tells who waits; what comes first counts. Hands out the number of what is to be scheduled for that.
    #[must_use]
    pub fn finish(&self, call: CallId, outcome: Outcome) -> Option<u64> {
        let call = lock(&self.0).remove(&call)?;
        call.finish(outcome);
        call.how.teller
    }

    /// The request of a route went out again with another CSeq number.
    pub fn renumber(&self, call: CallId, cseq: u32) {
        if let Some(call) = lock(&self.0).get(&call) {
            call.lock().cseq = Some(cseq);
        }
    }

    /// The engine ends.
    pub fn stop(&self) {
        for (_, call) in lock(&self.0).drain() {
            call.finish(Outcome::Stopped);
        }
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        self.stop();
    }
}
