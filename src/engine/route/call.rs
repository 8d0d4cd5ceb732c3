//! What a thread waits for that sends a request and wants its answer (`Uac#call`).

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::client::{Failure, IncomingResponse};

/// How the routing of a request ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// With a final response.
    Response(Arc<IncomingResponse>),
    /// Without one.
    Failed(Failure),
    /// The engine stopped before.
    Stopped,
}

#[derive(Debug, Default)]
struct State {
    outcome: Option<Outcome>,
    cseq: Option<u32>,
    given_up: bool,
    interrupted: bool,
}

/// A routing that a thread waits for.
#[derive(Debug, Default)]
pub struct Call {
    /// The caller gives up after this time.
    limit: Option<Duration>,
    state: Mutex<State>,
    wake: Condvar,
}

impl Call {
    /// A call that is given up after `limit`.
    pub fn new(limit: Option<Duration>) -> Arc<Call> {
        Arc::new(Call { limit, ..Call::default() })
    }

    /// Waits for the end, at most this long. `None`: it has not come, or [`Call::interrupt`] was called.
    pub fn wait(&self, at_most: Duration) -> Option<Outcome> {
        let until_done = |state: &mut State| state.outcome.is_none() && !state.interrupted;
        let waited = self.wake.wait_timeout_while(self.lock(), at_most, until_done);
        let mut state = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
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

    pub(super) fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// Tells the caller, once.
    pub(in crate::engine) fn finish(&self, outcome: Outcome) {
        self.lock().outcome.get_or_insert(outcome);
        self.wake.notify_all();
    }

    pub(super) fn set_cseq(&self, cseq: u32) {
        self.lock().cseq = Some(cseq);
    }

    /// Whether the end has come.
    pub fn is_finished(&self) -> bool {
        self.lock().outcome.is_some()
    }

    /// The caller does not wait any more: what comes has to be ended.
    pub(in crate::engine) fn give_up(&self) {
        self.lock().given_up = true;
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.lock().given_up
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A route's hold on its caller: a route that is dropped leaves nobody waiting.
#[derive(Debug)]
pub(super) struct Caller(pub(super) Arc<Call>);

impl Drop for Caller {
    fn drop(&mut self) {
        // The end of the engine drops routes, and so does a defect.
        let defect = std::thread::panicking();
        self.0.finish(if defect { Outcome::Failed(Failure::internal_error()) } else { Outcome::Stopped });
    }
}
