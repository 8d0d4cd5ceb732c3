//! Waits for descriptors of the script, for the Fiber scheduler.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, MutexGuard};

use magnus::{prelude::*, Error, Ruby, Value};
use oversip::engine::{Readiness, Watch};

use crate::{anchors::Anchor, runtime, text};

/// `IO::READABLE`, `IO::PRIORITY` and `IO::WRITABLE`.
const READABLE: u8 = 1;
const PRIORITY: u8 = 2;
const WRITABLE: u8 = 4;

/// The blocks to be called, by the number that the engine has.
static WATCHED: Mutex<Option<HashMap<u64, (Anchor, Watch)>>> = Mutex::new(None);

/// `OverSIP::Engine.watch_io(descriptor, events, proc)`: calls it once, on the dispatcher, with the events that have come, or
/// with 0 when the descriptor was closed. Returns the number to end that by.
pub fn watch(ruby: &Ruby, descriptor: RawFd, events: u8, block: Value) -> Result<u64, Error> {
    let engine = runtime::engine(ruby)?;
    let refused = |error: io::Error| {
        text::runtime_error(ruby, format!("descriptor {descriptor} cannot be waited for: {error}"))
    };
    let duplicate = File::from(duplicate_of(descriptor).map_err(refused)?);
    let original = identity(&duplicate).map_err(refused)?;
    let is_open = move || duplicate_of(descriptor).and_then(|fd| identity(&fd.into())).ok() == Some(original);
    let anchor = Anchor::hold(block, ruby.qnil().as_value());
    let number = anchor.id();
    let wanted = Readiness {
        readable: events & READABLE != 0,
        priority: events & PRIORITY != 0,
        writable: events & WRITABLE != 0,
    };
    if let Some(watch) = engine.watch(number, duplicate.into(), wanted, is_open) {
        watched().get_or_insert_with(HashMap::new).insert(number, (anchor, watch));
    }
    Ok(number)
}

/// `OverSIP::Engine.unwatch_io(number)`: whether the descriptor was still watched.
pub fn unwatch(_: &Ruby, number: u64) -> bool {
    take(number).is_some()
}

/// Calls the block of this number.
pub fn run(ruby: &Ruby, number: u64, readiness: Readiness) -> Result<(), Error> {
    let Some((anchor, _watch)) = take(number) else { return Ok(()) };
    let Some((block, _)) = anchor.values(ruby) else { return Ok(()) };
    let events =
        [(readiness.readable, READABLE), (readiness.priority, PRIORITY), (readiness.writable, WRITABLE)];
    let events: u8 = events.into_iter().filter(|(come, _)| *come).map(|(_, event)| event).sum();
    let _: Value = block.funcall("call", (events,))?;
    Ok(())
}

/// The engine has ended.
pub fn forget() {
    watched().take();
}

fn take(number: u64) -> Option<(Anchor, Watch)> {
    watched().as_mut().and_then(|watched| watched.remove(&number))
}

/// A descriptor of the same open file.
fn duplicate_of(descriptor: RawFd) -> io::Result<OwnedFd> {
    if descriptor < 0 {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    // SAFETY: it is borrowed for this call alone, which makes a duplicate of it. One that is not open is an error of the call.
    unsafe { BorrowedFd::borrow_raw(descriptor) }.try_clone_to_owned()
}

/// What distinguishes an open file from those that have the same number later. All that have no file of their own (eventfd, epoll,
/// timerfd and pidfd of Linux) share it: one of these in the place of another counts as the same.
fn identity(file: &File) -> io::Result<(u64, u64)> {
    file.metadata().map(|found| (found.dev(), found.ino()))
}

fn watched() -> MutexGuard<'static, Option<HashMap<u64, (Anchor, Watch)>>> {
    WATCHED.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
