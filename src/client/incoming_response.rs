//! A response from the network with where it came from.

use std::ops::Deref;

use crate::message::{Message, Source};

/// A received response. It reads like its [`Message`].
#[derive(Debug, Clone)]
pub struct IncomingResponse {
    /// The response.
    pub message: Message,
    /// Where it came from.
    pub source: Source,
}

impl Deref for IncomingResponse {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.message
    }
}
