//! What waits to be written on one connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use smallvec::SmallVec;

use super::memory::Memory;
use super::unconfirmed::{UnconfirmedResponse, UnconfirmedResponses};

/// The largest message that a connection takes.
pub const MAX_MESSAGE: usize = QUEUE_BYTES;

/// Bytes that may wait on one connection: room for a few messages with the largest body.
const QUEUE_BYTES: usize = 4 * 1024 * 1024;

/// Messages that may wait on one connection.
const QUEUE_MESSAGES: usize = 4096;

/// Messages written with one system call.
pub(super) const BATCH: usize = 16;

/// What the writer takes from the queue at a time.
pub(super) type Batch = SmallVec<[Bytes; BATCH]>;

/// What became of a message handed over for sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queued {
    /// It is in the queue.
    Yes,
    /// The connection takes no more.
    Closed,
    /// The queue is full.
    Full,
}

/// The messages in their order; their bytes count among those of all connections as long as they are here.
pub(super) struct OutgoingQueue {
    messages: VecDeque<Bytes>,
    unconfirmed: UnconfirmedResponses,
    bytes: usize,
    closed: bool,
    /// Something of it was thrown away.
    lost: bool,
    memory: Arc<Memory>,
}

impl OutgoingQueue {
    pub fn new(memory: &Arc<Memory>) -> OutgoingQueue {
        OutgoingQueue {
            messages: VecDeque::new(),
            unconfirmed: UnconfirmedResponses::new(memory),
            bytes: 0,
            closed: false,
            lost: false,
            memory: memory.clone(),
        }
    }

    pub fn push(&mut self, message: Bytes) -> Queued {
        if self.closed {
            return Queued::Closed;
        }
        if self.bytes + message.len() > QUEUE_BYTES || self.messages.len() >= QUEUE_MESSAGES {
            return Queued::Full;
        }
        self.bytes += message.len();
        self.memory.outgoing.fetch_add(message.len(), Ordering::Relaxed);
        self.messages.push_back(message);
        Queued::Yes
    }

    /// Keeps the response that was pushed last until it is certain that the peer takes it; `to` says where it goes otherwise.
    pub fn keep(&mut self, wire: Bytes, to: SocketAddr, now: u64) {
        self.unconfirmed.keep(wire, to, now, self.messages.len());
    }

    /// Whether there are responses that a peer which has closed its side may not have taken.
    pub fn has_unconfirmed(&self) -> bool {
        !self.unconfirmed.is_empty()
    }

    /// Those responses, in their order. From now on the queue takes nothing.
    pub fn take_unconfirmed(&mut self, now: u64) -> VecDeque<UnconfirmedResponse> {
        self.close();
        self.unconfirmed.forget_taken(now, self.messages.len());
        self.unconfirmed.take()
    }

    /// The first few messages; `None` while there is none.
    pub fn batch(&self) -> Option<Batch> {
        (!self.messages.is_empty()).then(|| self.messages.iter().take(BATCH).cloned().collect())
    }

    /// Takes `count` bytes off the front.
    pub fn written(&mut self, mut count: usize) {
        self.remove(count);
        while let Some(first) = self.messages.front_mut() {
            if first.len() > count {
                first.advance(count);
                return;
            }
            count -= first.len();
            self.messages.pop_front();
        }
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes nothing more; what is in it stays.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Empties it for good; whether there was anything left in it, now or the first time.
    pub fn discard(&mut self) -> bool {
        self.close();
        self.remove(self.bytes);
        self.lost |= !std::mem::take(&mut self.messages).is_empty();
        self.lost
    }

    fn remove(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.memory.outgoing.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for OutgoingQueue {
    fn drop(&mut self) {
        self.remove(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::super::unconfirmed::REFUSED_WITHIN;
    use super::*;

    fn queue() -> (OutgoingQueue, Arc<Memory>) {
        let memory = Arc::default();
        (OutgoingQueue::new(&memory), memory)
    }

    fn outgoing(memory: &Memory) -> usize {
        memory.outgoing.load(Ordering::Relaxed)
    }

    #[test]
    fn what_is_written_leaves_in_whole_messages_and_parts() {
        let (mut queue, memory) = queue();
        for message in ["one", "two", "three"] {
            assert_eq!(queue.push(message.into()), Queued::Yes);
        }
        assert_eq!(outgoing(&memory), 11);
        queue.written(4);
        assert_eq!(queue.batch().unwrap()[..], [Bytes::from("wo"), Bytes::from("three")]);
        assert_eq!((queue.bytes(), outgoing(&memory)), (7, 7));
        queue.written(7);
        assert!(queue.batch().is_none());
        assert_eq!((queue.bytes(), outgoing(&memory)), (0, 0));
        assert!(!queue.discard(), "nothing was thrown away");
    }

    #[test]
    fn it_is_bounded_in_bytes_and_in_messages() {
        let (mut queue, memory) = queue();
        assert_eq!(queue.push(vec![0; MAX_MESSAGE].into()), Queued::Yes);
        assert_eq!(queue.push("x".into()), Queued::Full);
        queue.written(MAX_MESSAGE);
        for _ in 0..QUEUE_MESSAGES {
            assert_eq!(queue.push("x".into()), Queued::Yes);
        }
        assert_eq!(queue.push("x".into()), Queued::Full);
        assert_eq!(queue.batch().map(|batch| batch.len()), Some(BATCH));
        drop(queue);
        assert_eq!(outgoing(&memory), 0);
    }

    #[test]
    fn one_that_is_closed_or_discarded_takes_nothing_and_tells_of_its_loss_for_ever() {
        let (mut queue, memory) = queue();
        queue.push("x".into());
        queue.close();
        assert_eq!((queue.push("y".into()), queue.bytes()), (Queued::Closed, 1));
        assert!(queue.discard() && queue.discard());
        assert_eq!((queue.bytes(), outgoing(&memory)), (0, 0));
    }

    #[test]
    fn responses_are_unconfirmed_until_they_were_written_long_enough_ago() {
        let (mut queue, memory) = queue();
        let to = "192.0.2.1:5060".parse().unwrap();
        for (wire, now) in [("a", 0), ("b", 1000)] {
            queue.push(wire.into());
            queue.keep(wire.into(), to, now);
        }
        queue.written(1);
        queue.push("c".into());
        queue.keep("c".into(), to, REFUSED_WITHIN);
        assert!(queue.has_unconfirmed());
        let left = queue.take_unconfirmed(2 * REFUSED_WITHIN);
        let wires: Vec<_> = left.iter().map(|response| &response.wire[..]).collect();
        assert_eq!(wires, [b"b", b"c"], "the first was written and its time is over");
        assert_eq!((queue.has_unconfirmed(), queue.push("d".into())), (false, Queued::Closed));
        assert_eq!(memory.unconfirmed(), 0);
    }
}
