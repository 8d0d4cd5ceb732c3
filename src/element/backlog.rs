//! How much waits for the blocks of Clients, and how much may.

use std::ops::{Add, AddAssign, SubAssign};

use super::hold::Hold;
use super::settings::Limits;
use crate::client::IncomingResponse;
use crate::message::{Message, Source};

/// What waits for the script outside of the element, as its driver knows it: the driver says it before each message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScriptQueue {
    /// Requests that are answered.
    pub requests: usize,
    /// About how many bytes they take.
    pub request_bytes: usize,
    /// ACKs.
    pub acks: usize,
    /// About how many bytes they take.
    pub ack_bytes: usize,
}

/// A response of a connection for which there was no room. Its connection waits as well.
#[derive(Debug)]
pub(super) struct HeldResponse {
    pub(super) message: Message,
    pub(super) source: Source,
    /// Kept for what it does when it goes.
    pub(super) _pause: Hold,
}

/// How many responses, and about how many bytes they take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Responses {
    /// The number.
    pub messages: usize,
    /// Bytes of memory.
    pub bytes: usize,
}

impl Responses {
    pub(super) fn of(response: &IncomingResponse) -> Self {
        Self { messages: 1, bytes: response.message.footprint() }
    }

    /// Whether one Client may have so many.
    pub(super) fn fit_client(self, limits: &Limits) -> bool {
        self.messages <= limits.client_responses && self.bytes <= limits.client_bytes
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
