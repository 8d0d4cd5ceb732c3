//! What the connections hold together, so that their queues and buffers are bounded as a whole.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

/// Bytes that all connections together keep while the script decides on their peers; each may keep less than 64 KiB.
const HELD_BYTES: usize = 16 * 1024 * 1024;

/// The sums over all connections of a table.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Bytes that wait to be sent.
    pub outgoing: AtomicUsize,
    /// Bytes that were read while the script decides.
    held: AtomicUsize,
    /// Connections that are not read on since their next message is a response and there is no room for it.
    pub paused: AtomicUsize,
    /// Connections that were given up with what they were to send, so far.
    pub overflows: AtomicU64,
}

impl Memory {
    /// Bytes that were read while the script decides.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Counts a paused connection as long as the answer lives.
    pub fn pause(self: &Arc<Self>) -> Paused {
        self.paused.fetch_add(1, Ordering::Relaxed);
        Paused(self.clone())
    }
}

/// A connection that is not read on.
pub(super) struct Paused(Arc<Memory>);

impl Drop for Paused {
    fn drop(&mut self) {
        self.0.paused.fetch_sub(1, Ordering::Relaxed);
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
        let all = HELD_BYTES.saturating_sub(self.memory.held());
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

    #[test]
    fn what_one_connection_holds_is_bounded_by_its_limit_and_by_what_all_hold() {
        let memory = Arc::new(Memory::default());
        let mut small = Held::new(10, &memory);
        small.push(b"1234");
        assert_eq!((small.room(), memory.held()), (6, 4));
        let mut large = Held::new(2 * HELD_BYTES, &memory);
        large.push(&vec![0; HELD_BYTES - 6]);
        assert_eq!((small.room(), large.room()), (2, 2));
        large.push(&[0; 10]);
        assert_eq!((small.room(), large.room()), (0, 0));
        assert_eq!(large.take().len(), HELD_BYTES + 4);
        assert_eq!((small.room(), memory.held()), (6, 4));
        drop(small);
        assert_eq!(memory.held(), 0);
    }
}
