//! Waits for descriptors of the script: sockets and pipes of its own, which blocks wait for without holding up others.
//!
//! The loop watches a duplicate, since one descriptor may be waited for twice, and the script may close its own at any time. A
//! duplicate keeps the socket open: so the original is looked at now and then, and the duplicate goes when that is gone.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, Ready};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::clock::{Alarm, SystemClock};
use crate::clock::Clock;

/// How often the original is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// What a descriptor may be ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readiness {
    /// It can be read, or has come to its end.
    pub readable: bool,
    /// It has urgent data.
    pub priority: bool,
    /// It can be written to.
    pub writable: bool,
}

impl Readiness {
    /// For nothing: it was closed.
    pub const NONE: Readiness = Readiness { readable: false, priority: false, writable: false };

    fn interest(self) -> Option<Interest> {
        #[cfg(target_os = "linux")]
        let priority = Interest::PRIORITY;
        // Nobody else tells of it.
        #[cfg(not(target_os = "linux"))]
        let priority = Interest::READABLE;
        let wanted = [
            (self.readable, Interest::READABLE),
            (self.priority, priority),
            (self.writable, Interest::WRITABLE),
        ];
        let interest = wanted
            .into_iter()
            .filter(|(wanted, _)| *wanted)
            .map(|(_, interest)| interest)
            .reduce(Interest::add)?;
        Some(if self.readable || self.writable { interest.add(Interest::ERROR) } else { interest })
    }

    /// What of it has come, as `select` tells it: who reads or writes finds the error or the end, and neither is urgent data.
    fn come(self, ready: Ready) -> Readiness {
        #[cfg(target_os = "linux")]
        let urgent = ready.is_priority();
        #[cfg(not(target_os = "linux"))]
        let urgent = ready.is_readable();
        Readiness {
            readable: self.readable && (ready.is_readable() || ready.is_read_closed() || ready.is_error()),
            priority: self.priority && urgent,
            writable: self.writable && (ready.is_writable() || ready.is_write_closed() || ready.is_error()),
        }
    }
}

/// A watched descriptor. It is not watched any more when this is dropped.
#[derive(Debug)]
pub struct Watch(AbortHandle);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Has the runtime tell once that the descriptor is ready, or is closed.
///
/// `fd` is a duplicate, `is_open` says whether the original still is the same.
pub(super) fn watch(
    runtime: &Handle,
    fd: OwnedFd,
    wanted: Readiness,
    is_open: impl Fn() -> bool + Send + 'static,
    tell: impl FnOnce(Readiness) + Send + 'static,
) -> Watch {
    let task = runtime.spawn(async move { tell(ready(fd, wanted, is_open).await) });
    Watch(task.abort_handle())
}

/// Waits until a descriptor is ready. The system refuses to watch some, such as regular files: these never have to be waited for.
async fn ready(fd: OwnedFd, wanted: Readiness, is_open: impl Fn() -> bool) -> Readiness {
    wait(fd, wanted, is_open).await.unwrap_or(wanted)
}

async fn wait(fd: OwnedFd, wanted: Readiness, is_open: impl Fn() -> bool) -> io::Result<Readiness> {
    let Some(interest) = wanted.interest() else { return Ok(wanted) };
    // What is to come in its place is unsafe, for types that do not own their descriptor.
    #[allow(deprecated)]
    let watched = AsyncFd::with_interest(fd, interest)?;
    let mut alarm = Alarm::new();
    loop {
        alarm.set(SystemClock.now() + LOOK);
        tokio::select! {
            found = watched.ready(interest) => {
                let come = wanted.come(found?.ready());
                if come != Readiness::NONE {
                    return Ok(come);
                }
                // The peer has hung up, which is told again and again, at once: it rests, or it would never yield.
                alarm.rings().await;
            }
            () = alarm.rings() => {}
        }
        if !is_open() {
            return Ok(Readiness::NONE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::future::Future;
    use std::io::Write;
    use std::net::UdpSocket;
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc;
    use std::thread;

    const DEADLINE: Duration = Duration::from_secs(10);

    const READ: Readiness = Readiness { readable: true, priority: false, writable: false };
    const PRIORITY: Readiness = Readiness { readable: false, priority: true, writable: false };
    const WRITE: Readiness = Readiness { readable: false, priority: false, writable: true };

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(future)
    }

    fn duplicate(stream: &UnixStream) -> OwnedFd {
        stream.try_clone().expect("a duplicate").into()
    }

    #[test]
    fn a_descriptor_is_ready_when_its_peer_has_written_for_all_who_wait() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        let found = run(async {
            let both = || async {
                tokio::join!(ready(duplicate(&ours), READ, || true), ready(duplicate(&ours), READ, || true))
            };
            tokio::join!(both(), async { theirs.write_all(b"x").expect("room") }).0
        });
        assert_eq!(found, (READ, READ));
    }

    #[test]
    fn only_what_was_asked_for_is_told() {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        let both = Readiness { writable: true, ..READ };
        assert_eq!(run(ready(duplicate(&ours), both, || true)), WRITE);
        drop(theirs);
        assert_eq!(run(ready(duplicate(&ours), READ, || true)), READ);
    }

    #[test]
    fn a_descriptor_that_was_closed_is_ready_for_nothing() {
        let (ours, _theirs) = UnixStream::pair().expect("a pair");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        let found = runtime.expect("a runtime").block_on(ready(duplicate(&ours), READ, || false));
        assert_eq!(found, Readiness::NONE);
    }

    #[test]
    fn a_wait_for_urgent_data_yields_when_the_peer_hangs_up() {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        drop(theirs);
        let (sender, receiver) = mpsc::channel();
        // On a thread of its own: a task that does not yield is not ended by a time limit of its runtime.
        thread::spawn(move || sender.send(run(ready(ours.into(), PRIORITY, || false))));
        assert_eq!(receiver.recv_timeout(DEADLINE), Ok(Readiness::NONE));
    }

    #[test]
    fn an_error_is_found_by_who_reads() {
        let ours = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let nobody =
            UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("an address");
        ours.connect(nobody).expect("a peer");
        ours.send(b"x").expect("room");
        let found = run(async { tokio::time::timeout(DEADLINE, ready(ours.into(), READ, || true)).await });
        assert_eq!(found, Ok(READ));
    }

    #[test]
    fn a_regular_file_is_ready_at_once() {
        let file = File::open("Cargo.toml").expect("a file");
        assert_eq!(run(ready(file.into(), READ, || true)), READ);
    }
}
