//! Responses that wait for the blocks of their Client: how much there is, and what has no place any more.
//!
//! A client transaction passes up one final response for each request, and for an INVITE a 2xx of each callee. The first one
//! always waits; while a Client has too much, the 2xx of further callees are left to their senders, who repeat them. While all
//! Clients together have too much, all final responses over UDP are left to their senders, and streams are not read.

use std::ops::{Add, AddAssign, SubAssign};

use super::branches::News;
use super::core::Core;
use super::Dropped;
use crate::client::session::CallbackClass;
use crate::client::IncomingResponse;
use crate::message::Message;
use crate::transport::{Pause, Source};

/// A response of a stream for which there was no room. Its connection waits as well.
#[derive(Debug)]
pub(super) struct HeldResponse {
    pub(super) message: Message,
    pub(super) source: Source,
    pub(super) pause: Pause,
}

/// How many responses, and about how many bytes they take.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Responses {
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

impl Responses {
    pub(super) fn of(response: &IncomingResponse) -> Self {
        Self { messages: 1, bytes: response.message.footprint() }
    }
}

impl Add for Responses {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { messages: self.messages + other.messages, bytes: self.bytes + other.bytes }
    }
}

impl AddAssign for Responses {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Responses {
    fn sub_assign(&mut self, other: Self) {
        self.messages -= other.messages;
        self.bytes -= other.bytes;
    }
}

impl Core {
    /// Whether a response may wait, or be shown to its blocks, after what is there already. Only half of the room for all
    /// Clients is for provisional ones.
    pub(super) fn takes(&self, client: u64, response: &IncomingResponse) -> bool {
        if response.status().is_some_and(|status| status >= 200) {
            return true;
        }
        let one = Responses::of(response);
        let waiting = self.waiting_for(client) + one;
        let fits = self.fits_client(waiting)
            && self.responses.bytes + one.bytes <= self.shared.limits.response_bytes / 2;
        // What no block wants goes on at once when it is its turn.
        fits || (waiting.messages == 1 && !self.shows(client, CallbackClass::Provisional))
    }

    /// A response on a stream waits, and its connection with it, while there is too much of those for blocks. What no block
    /// waits for goes on.
    pub(super) fn held_response(&mut self, held: HeldResponse) {
        if self.has_to_wait(&held) {
            // Its target is alive, however long it waits.
            let answered = self.answered_by(&held.message, &held.source);
            self.note_response(&held.message, &held.source, answered.as_ref().ok());
            self.held_responses.push_back(held);
        } else {
            self.response(held.message, &held.source);
        }
    }

    fn has_to_wait(&self, held: &HeldResponse) -> bool {
        let answered = self.answered_by(&held.message, &held.source);
        self.is_full()
            && answered.is_ok_and(|branch| branch.news == News::Final && self.waits_for_blocks(branch.client))
    }

    /// Takes responses that were held, as far as there is room by now, and says whether the next ones are to be.
    pub(super) fn pace_streams(&mut self) {
        while !self.is_full() {
            let Some(held) = self.held_responses.pop_front() else { break };
            self.attempt(|core| core.response(held.message, &held.source));
        }
        let full = self.is_full();
        if full != self.holds_responses {
            self.holds_responses = full;
            self.network.connections().hold_responses(full);
        }
    }

    /// No connection waits for blocks that will not want its response any more, such as one whose transaction has ended.
    pub(super) fn sweep_held_responses(&mut self) {
        for held in std::mem::take(&mut self.held_responses) {
            // What came last on a connection that is gone is not lost with it.
            if !held.pause.is_vain() && self.has_to_wait(&held) {
                self.held_responses.push_back(held);
            } else {
                self.attempt(|core| core.response(held.message, &held.source));
            }
        }
    }

    /// Whether a final response is not even to reach its transaction, so that it comes again: one over UDP while there is too
    /// much for all Clients; a 2xx of one more callee while there is too much for this Client. Callees repeat a 2xx to an
    /// INVITE over streams as well (RFC 3261 13.3.1.4).
    pub(super) fn leaves_to_sender(&self, client: u64, news: News, response: &IncomingResponse) -> bool {
        let left = match news {
            News::Nothing | News::Provisional => false,
            News::Final => self.is_full() && !response.source.transport.reliable(),
            News::FurtherSuccess => self.is_full() || !self.has_room(client, response),
        } && self.waits_for_blocks(client);
        if left {
            self.shared.counts.count_dropped(Dropped::FinalResponse);
        }
        left
    }

    /// Whether a 2xx may wait for its blocks once more. If not, its sender repeats it.
    pub(super) fn takes_again(&self, client: u64, response: &IncomingResponse) -> bool {
        let takes = !self.is_full() && self.has_room(client, response);
        if !takes {
            self.shared.counts.count_dropped(Dropped::FinalResponse);
        }
        takes
    }

    /// Whether one more response may wait for this Client. Where none does there is always room.
    fn has_room(&self, client: u64, response: &IncomingResponse) -> bool {
        let waiting = self.waiting_for(client) + Responses::of(response);
        waiting.messages == 1 || self.fits_client(waiting)
    }

    fn fits_client(&self, waiting: Responses) -> bool {
        let limits = &self.shared.limits;
        waiting.messages <= limits.client_responses && waiting.bytes <= limits.client_bytes
    }

    /// Whether there is too much for all Clients.
    fn is_full(&self) -> bool {
        self.responses.bytes > self.shared.limits.response_bytes
    }
}
