//! What the connections hold together, so that their queues and buffers are bounded as a whole.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

use tokio::sync::{oneshot, OwnedSemaphorePermit, Semaphore};

/// Bytes that a connection keeps while the script decides on its peer; with what one read gives above it.
pub const HELD_BYTES: usize = 64 * 1024;

/// Bytes that all connections together keep likewise.
const HELD_BYTES_OF_ALL: usize = 16 * 1024 * 1024;

/// Bytes of responses that all connections together keep for peers which may not have taken them.
pub const UNCONFIRMED_BYTES_OF_ALL: usize = 16 * 1024 * 1024;

/// A message that takes more is large.
const LARGE: usize = 64 * 1024;

/// KiB of large messages that may be on their way to the engine at a time. Small ones are bounded by their number.
const LARGE_KIB: u32 = 32 * 1024;

/// The sums over all connections of a table.
#[derive(Debug)]
pub(super) struct Memory {
    /// A permit for each KiB.
    large: Arc<Semaphore>,
    /// Bytes that wait to be sent.
    pub outgoing: AtomicUsize,
    /// Bytes that were read while the script decides.
    held: AtomicUsize,
    /// Bytes of responses that a peer which has closed its side may not have taken.
    unconfirmed: AtomicUsize,
    /// Connections that are not read on since there may be no room for their last response.
    pub paused: AtomicUsize,
    /// Connections that were given up with what they were to send, so far.
    pub overflows: AtomicU64,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            large: Arc::new(Semaphore::new(LARGE_KIB as usize)),
            outgoing: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            unconfirmed: AtomicUsize::new(0),
            paused: AtomicUsize::new(0),
            overflows: AtomicU64::new(0),
        }
    }
}

/// The place of a large message on its way to the engine; given back when it is dropped.
#[derive(Debug)]
pub struct Room {
    _permit: OwnedSemaphorePermit,
}

impl Memory {
    /// Waits for room on the way to the engine; a message that is not large needs none.
    pub async fn room(&self, footprint: usize) -> Option<Room> {
        if footprint <= LARGE {
            return None;
        }
        let kib = u32::try_from(footprint / 1024).unwrap_or(LARGE_KIB).min(LARGE_KIB);
        let permit = self.large.clone().acquire_many_owned(kib).await;
        // The semaphore is never closed.
        permit.ok().map(|permit| Room { _permit: permit })
    }

    /// Bytes that were read while the script decides.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Bytes of responses that a peer which has closed its side may not have taken.
    pub fn unconfirmed(&self) -> usize {
        self.unconfirmed.load(Ordering::Relaxed)
    }

    /// Whether there is room for so many bytes of such responses, which is taken then.
    pub fn keep_unconfirmed(&self, bytes: usize) -> bool {
        let more = |now: usize| now.checked_add(bytes).filter(|sum| *sum <= UNCONFIRMED_BYTES_OF_ALL);
        self.unconfirmed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Gives the room of such responses back.
    pub fn release_unconfirmed(&self, bytes: usize) {
        self.unconfirmed.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// A pause, and what tells the connection that it is over.
    pub fn pause(self: &Arc<Self>) -> (Pause, oneshot::Receiver<()>) {
        self.paused.fetch_add(1, Ordering::Relaxed);
        let (end, over) = oneshot::channel();
        (Pause { _end: end, memory: self.clone() }, over)
    }
}

/// A connection is not read on as long as this lives.
#[derive(Debug)]
pub struct Pause {
    /// Tells the connection by its end.
    _end: oneshot::Sender<()>,
    memory: Arc<Memory>,
}

impl Drop for Pause {
    fn drop(&mut self) {
        self.memory.paused.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What arrived on one connection while the script decides on it.
pub(super) struct Held {
    bytes: Vec<u8>,
    limit: usize,
    memory: Arc<Memory>,
}

impl Held {
    /// Nothing yet; to become `limit` bytes at most, or a little more where a read brings more.
    pub fn new(limit: usize, memory: &Arc<Memory>) -> Self {
        Self { bytes: Vec::new(), limit, memory: memory.clone() }
    }

    /// How much more may be read now.
    pub fn room(&self) -> usize {
        let all = HELD_BYTES_OF_ALL.saturating_sub(self.memory.held());
        self.limit.saturating_sub(self.bytes.len()).min(all)
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.memory.held.fetch_add(bytes.len(), Ordering::Relaxed);
        self.bytes.extend_from_slice(bytes);
    }

    /// The bytes, which are held no longer.
    pub fn take(mut self) -> Vec<u8> {
        let bytes = std::mem::take(&mut self.bytes);
        self.memory.held.fetch_sub(bytes.len(), Ordering::Relaxed);
        bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.held.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn large_messages_wait_until_others_have_been_dealt_with() {
        let memory = Memory::default();
        let mut rooms = Vec::new();
        for _ in 0..32 {
            rooms.push(memory.room(1024 * 1024).await.expect("room"));
        }
        let mut next = std::pin::pin!(memory.room(LARGE + 1));
        let waits = tokio::select! { biased; _ = &mut next => false, () = std::future::ready(()) => true };
        assert!(waits);
        assert!(memory.room(LARGE).await.is_none(), "a small one needs none");
        rooms.pop();
        assert!(next.await.is_some());
    }

    #[tokio::test]
    async fn a_message_larger_than_all_room_takes_all_of_it() {
        let memory = Memory::default();
        assert!(memory.room(usize::MAX).await.is_some());
    }

    #[test]
    fn what_one_connection_holds_is_bounded_by_its_limit_and_by_what_all_hold() {
        let memory = Arc::new(Memory::default());
        let mut small = Held::new(10, &memory);
        small.push(b"1234");
        assert_eq!((small.room(), memory.held()), (6, 4));
        let mut large = Held::new(2 * HELD_BYTES_OF_ALL, &memory);
        large.push(&vec![0; HELD_BYTES_OF_ALL - 6]);
        assert_eq!((small.room(), large.room()), (2, 2));
        large.push(&[0; 10]);
        assert_eq!((small.room(), large.room()), (0, 0));
        assert_eq!(large.take().len(), HELD_BYTES_OF_ALL + 4);
        assert_eq!((small.room(), memory.held()), (6, 4));
        drop(small);
        assert_eq!(memory.held(), 0);
    }
}
