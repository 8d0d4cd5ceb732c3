//! Responses that wait for the blocks of their Client: how much there is, and what has no place any more.
//!
//! A final response is never dropped here. Its client transaction passes up one for each request (and 64 for an INVITE at
//! most), so that number bounds them; while all Clients together hold too much, final responses over UDP are left to their
//! senders, who repeat them, and streams are not read.

use std::ops::{Add, AddAssign, SubAssign};

use super::core::Core;
use super::Dropped;
use crate::client::session::CallbackClass;
use crate::client::IncomingResponse;

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
        let limits = &self.shared.limits;
        let one = Responses::of(response);
        let waiting = self.waiting_for(client) + one;
        let fits = waiting.messages <= limits.client_responses
            && waiting.bytes <= limits.client_bytes
            && self.responses.bytes + one.bytes <= limits.response_bytes / 2;
        // What no block wants goes on at once when it is its turn.
        fits || (waiting.messages == 1 && !self.shows(client, CallbackClass::Provisional))
    }

    /// Has streams wait with responses while there is too much of them.
    pub(super) fn pace_streams(&mut self) {
        let full = self.responses.bytes > self.shared.limits.response_bytes;
        if full != self.responses_held {
            self.responses_held = full;
            self.network.connections().hold_responses(full);
        }
    }

    /// Whether a final response over UDP is not even to reach its transaction, so that it comes again.
    pub(super) fn leaves_to_sender(&self, client: u64, response: &IncomingResponse) -> bool {
        let full = self.responses.bytes > self.shared.limits.response_bytes;
        let left = full
            && !response.source.transport.reliable()
            && response.status().is_some_and(|status| status >= 200)
            && self.waits_for_blocks(client);
        if left {
            self.shared.counts.count_dropped(Dropped::FinalResponse);
        }
        left
    }
}
