//! What waits to be written on one connection.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use smallvec::SmallVec;

use super::memory::Memory;

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

/// The last answers to a peer that has closed its side which may be lost; a system that takes no more says so within one
/// round trip.
const UNCERTAIN_ANSWERS: usize = 16;

/// How long the system of such a peer may take to say so, milliseconds.
pub(super) const UNCERTAIN_FOR: u64 = 2_000;

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

/// A response, and where its client takes connections (RFC 3261 section 18.2.2).
pub(super) struct Answer {
    pub wire: Bytes,
    pub to: SocketAddr,
    /// Milliseconds since the table's epoch.
    queued_at: u64,
}

/// The messages in their order; their bytes count among those of all connections as long as they are here.
pub(super) struct OutgoingQueue {
    messages: VecDeque<Bytes>,
    /// What a peer that has closed its side may not have taken.
    uncertain: VecDeque<Answer>,
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
            uncertain: VecDeque::new(),
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

    /// Keeps an answer that was pushed last until it is certain that the peer takes it; `to` says where it goes to otherwise.
    pub fn keep(&mut self, wire: Bytes, to: SocketAddr, now: u64) {
        self.forget_taken(now);
        if self.uncertain.len() == UNCERTAIN_ANSWERS {
            self.uncertain.pop_front();
        }
        self.uncertain.push_back(Answer { wire, to, queued_at: now });
    }

    /// Whether some answer may not have been taken by a peer that has closed its side.
    pub fn is_uncertain(&self) -> bool {
        !self.uncertain.is_empty()
    }

    /// The answers of which that is so, in their order. From now on the queue takes nothing.
    pub fn take_uncertain(&mut self, now: u64) -> VecDeque<Answer> {
        self.close();
        self.forget_taken(now);
        std::mem::take(&mut self.uncertain)
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

    /// Forgets the answers that were written so long ago that the peer has taken them.
    fn forget_taken(&mut self, now: u64) {
        let written = self.uncertain.len().saturating_sub(self.messages.len());
        let taken = |answer: &&Answer| answer.queued_at + UNCERTAIN_FOR <= now;
        let taken = self.uncertain.iter().take(written).take_while(taken).count();
        self.uncertain.drain(..taken);
    }
}

impl Drop for OutgoingQueue {
    fn drop(&mut self) {
        self.remove(self.bytes);
    }
}

#[cfg(test)]
mod tests {
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
    fn answers_are_uncertain_until_they_were_written_long_enough_ago() {
        let (mut queue, _memory) = queue();
        let to = "192.0.2.1:5060".parse().unwrap();
        for (wire, now) in [("a", 0), ("b", 1000)] {
            queue.push(wire.into());
            queue.keep(wire.into(), to, now);
        }
        queue.written(1);
        queue.push("c".into());
        queue.keep("c".into(), to, UNCERTAIN_FOR);
        assert!(queue.is_uncertain());
        let left = queue.take_uncertain(2 * UNCERTAIN_FOR);
        let wires: Vec<_> = left.iter().map(|answer| &answer.wire[..]).collect();
        assert_eq!(wires, [b"b", b"c"], "the first was written and its time is over");
        assert_eq!((queue.is_uncertain(), queue.push("d".into())), (false, Queued::Closed));
        for number in 0..=UNCERTAIN_ANSWERS {
            queue.keep(vec![number as u8].into(), to, 0);
        }
        assert_eq!(queue.take_uncertain(0).front().map(|answer| answer.wire[0]), Some(1));
    }
}
