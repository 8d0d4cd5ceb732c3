//! Responses to a peer that has closed its side of a connection, as long as it is not certain that the peer takes them: it may
//! have closed the other side as well.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::memory::Memory;

/// How long the system of a peer that is gone may take to refuse a response, milliseconds.
pub const REFUSED_WITHIN: u64 = 2_000;

/// Written responses that one connection keeps. The first of them that is refused ends the connection, within one round trip.
const MOST_WRITTEN: usize = 16;

/// A response, and where its client takes connections (RFC 3261 section 18.2.2).
pub struct UnconfirmedResponse {
    pub wire: Bytes,
    pub to: SocketAddr,
    /// Milliseconds since the table's epoch.
    queued_at: u64,
}

/// Those of one connection, in the order they were queued in.
pub struct UnconfirmedResponses {
    responses: VecDeque<UnconfirmedResponse>,
    memory: Arc<Memory>,
}

impl UnconfirmedResponses {
    pub fn new(memory: &Arc<Memory>) -> Self {
        Self { responses: VecDeque::new(), memory: memory.clone() }
    }

    pub fn is_empty(&self) -> bool {
        self.responses.is_empty()
    }

    /// Keeps a response behind which `unwritten` messages wait to be written, with itself. Without room in the memory of all
    /// connections it is not kept: it is lost if the peer is gone.
    pub fn keep(&mut self, wire: Bytes, to: SocketAddr, now: u64, unwritten: usize) {
        self.forget_taken(now, unwritten.saturating_sub(1));
        if self.memory.keep_unconfirmed(wire.len()) {
            self.responses.push_back(UnconfirmedResponse { wire, to, queued_at: now });
        }
    }

    /// Forgets responses that the peer has taken. `unwritten` messages still wait to be written, the last responses among them.
    pub fn forget_taken(&mut self, now: u64, unwritten: usize) {
        let written = self.responses.len().saturating_sub(unwritten);
        let is_old = |response: &&UnconfirmedResponse| response.queued_at + REFUSED_WITHIN <= now;
        let old = self.responses.iter().take(written).take_while(is_old).count();
        let taken = old.max(written.saturating_sub(MOST_WRITTEN));
        let bytes = self.responses.drain(..taken).map(|response| response.wire.len()).sum();
        self.memory.release_unconfirmed(bytes);
    }

    /// Hands them over; none is left.
    pub fn take(&mut self) -> VecDeque<UnconfirmedResponse> {
        let responses = std::mem::take(&mut self.responses);
        self.memory.release_unconfirmed(responses.iter().map(|response| response.wire.len()).sum());
        responses
    }
}

impl Drop for UnconfirmedResponses {
    fn drop(&mut self) {
        self.take();
    }
}

#[cfg(test)]
mod tests {
    use super::super::memory::UNCONFIRMED_BYTES_OF_ALL;
    use super::*;

    fn responses() -> (UnconfirmedResponses, Arc<Memory>) {
        let memory = Arc::new(Memory::default());
        (UnconfirmedResponses::new(&memory), memory)
    }

    fn keep(responses: &mut UnconfirmedResponses, text: &'static str, now: u64, unwritten: usize) {
        responses.keep(
            Bytes::from_static(text.as_bytes()),
            "192.0.2.1:5060".parse().unwrap(),
            now,
            unwritten,
        );
    }

    fn texts(responses: &mut UnconfirmedResponses) -> Vec<Bytes> {
        responses.take().into_iter().map(|response| response.wire).collect()
    }

    #[test]
    fn a_written_response_is_forgotten_when_it_would_have_been_refused_by_then() {
        let (mut responses, memory) = responses();
        keep(&mut responses, "180", 0, 1);
        keep(&mut responses, "183", 1000, 1);
        responses.forget_taken(REFUSED_WITHIN - 1, 0);
        assert_eq!(memory.unconfirmed(), 6);
        responses.forget_taken(REFUSED_WITHIN, 0);
        assert_eq!((memory.unconfirmed(), texts(&mut responses)), (3, vec![Bytes::from("183")]));
        assert_eq!((memory.unconfirmed(), responses.is_empty()), (0, true));
    }

    #[test]
    fn of_written_responses_the_last_few_are_kept_and_every_unwritten_one() {
        let (mut responses, memory) = responses();
        for number in 1..=100 {
            keep(&mut responses, "100", 0, number);
        }
        responses.forget_taken(0, 100);
        assert_eq!(memory.unconfirmed(), 300);
        responses.forget_taken(0, 40);
        assert_eq!(memory.unconfirmed(), 3 * (40 + MOST_WRITTEN));
        responses.forget_taken(REFUSED_WITHIN, 40);
        assert_eq!(texts(&mut responses).len(), 40);
    }

    #[test]
    fn all_connections_together_keep_so_many_bytes() {
        let (mut full, memory) = responses();
        full.keep(vec![b'x'; UNCONFIRMED_BYTES_OF_ALL - 2].into(), "192.0.2.1:5060".parse().unwrap(), 0, 1);
        let mut other = UnconfirmedResponses::new(&memory);
        keep(&mut other, "180", 0, 1);
        assert_eq!((other.is_empty(), memory.unconfirmed()), (true, UNCONFIRMED_BYTES_OF_ALL - 2));
        keep(&mut other, "18", 0, 1);
        drop(full);
        assert_eq!((texts(&mut other), memory.unconfirmed()), (vec![Bytes::from("18")], 0));
    }
}
