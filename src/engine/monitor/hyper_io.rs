//! A connection as hyper wants it, with hyper's timer. Both wait by the library's clock.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{ready, Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::ReadBufCursor;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock::{Clock, Sleep};
use crate::engine::SystemClock;

/// How long a peer may take nothing of what is sent to it.
const STALL_LIMIT: Duration = Duration::from_secs(10);

/// How much is read at once.
const CHUNK: usize = 2048;

/// A stream; who takes nothing for [`STALL_LIMIT`] is gone.
pub(super) struct HyperIo<S> {
    stream: S,
    /// Runs while the peer takes nothing.
    stalled: Option<Sleep>,
}

impl<S> HyperIo<S> {
    pub(super) fn new(stream: S) -> Self {
        HyperIo { stream, stalled: None }
    }

    /// What an attempt to write has led to, unless the peer has taken nothing for too long.
    fn progress<T>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stalled = None;
            return result;
        }
        let clock: &dyn Clock = &SystemClock;
        let stalled = self.stalled.get_or_insert_with(|| clock.sleep(STALL_LIMIT));
        stalled.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> hyper::rt::Read for HyperIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut to: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut space = [0; CHUNK];
        let mut read = ReadBuf::new(&mut space[..CHUNK.min(to.remaining())]);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
        to.put_slice(read.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> hyper::rt::Write for HyperIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.progress(context, result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The timer of hyper.
#[derive(Debug, Clone, Copy)]
pub(super) struct HyperTimer;

impl hyper::rt::Timer for HyperTimer {
    fn sleep(&self, time: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        let clock: &dyn Clock = &SystemClock;
        Box::pin(HyperSleep(Mutex::new(clock.sleep(time))))
    }

    fn sleep_until(&self, at: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(HyperSleep(Mutex::new(SystemClock.sleep_until(at))))
    }

    fn now(&self) -> Instant {
        SystemClock.now()
    }
}

/// The lock is never taken: it lets hyper share what one task polls.
struct HyperSleep(Mutex<Sleep>);

impl Future for HyperSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        sleep.as_mut().poll(context)
    }
}

impl hyper::rt::Sleep for HyperSleep {}
