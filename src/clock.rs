//! The engine's only source of time, so that a test can hold and move it.
//!
//! The clocks themselves are in [`crate::engine`]: all other code asks this trait what time it is, and waits by it.

use std::future::{poll_fn, Future};
use std::pin::{pin, Pin};
use std::task::Poll;
use std::time::{Duration, Instant, SystemTime};

/// Tells the time, and lets tasks wait for a time. The engine hands the time down to every sans-IO layer.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Instant;

    /// The present date, as certificates mean it. It goes on as [`Clock::now`] does.
    fn date(&self) -> SystemTime;

    /// Ends at `at`, at once if that has passed.
    fn sleep_until(&self, at: Instant) -> Sleep;
}

/// A wait for a time.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The limit of [`Clock`]'s `timeout` came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the time is over")]
pub struct Elapsed;

impl dyn Clock + '_ {
    /// Ends after `time`.
    pub fn sleep(&self, time: Duration) -> Sleep {
        self.sleep_until(self.now() + time)
    }

    /// The output of `future`, if it comes within `limit` from now.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] if it does not; `future` is dropped then.
    pub async fn timeout<F: Future>(&self, limit: Duration, future: F) -> Result<F::Output, Elapsed> {
        self.timeout_at(self.now() + limit, future).await
    }

    /// The output of `future`, if it comes until `at`. What is there already counts, however late it is.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] if it does not; `future` is dropped then.
    pub async fn timeout_at<F: Future>(&self, at: Instant, future: F) -> Result<F::Output, Elapsed> {
        let mut future = pin!(future);
        let mut sleep = self.sleep_until(at);
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => sleep.as_mut().poll(context).map(|()| Err(Elapsed)),
        })
        .await
    }
}
