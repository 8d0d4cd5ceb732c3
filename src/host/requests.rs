//! What a script asks of the requests that come from the network.

use bytes::Bytes;

use super::interface::Host;
use super::request::IncomingRequest;
use crate::client::TokenFlow;
use crate::element::{Creation, Reply, ReplyError};
use crate::message::{Message, ResponseSnapshot, Source};

/// The requests from the network and their server transactions.
#[derive(Clone, Copy)]
pub struct Requests<'a>(pub &'a dyn Host);

impl Requests<'_> {
    /// Replies to a request (RFC 3261 8.2.6).
    pub fn reply(&self, request: &IncomingRequest, reply: Reply<'_>) -> Result<(), ReplyError> {
        self.0.step(|element, now| element.reply(now, request.received(), reply))
    }

    /// Sends a complete response.
    pub fn reply_full(
        &self,
        request: &IncomingRequest,
        response: &ResponseSnapshot,
    ) -> Result<(), ReplyError> {
        self.0.step(|element, now| element.reply_full(now, request.received(), response))
    }

    /// Tells the client that one early dialog is over (RFC 6228).
    pub fn reply_199(&self, request: &IncomingRequest, response: &Message) {
        self.0.step(|element, now| element.reply_199(now, request.received(), response));
    }

    /// Makes the server transaction.
    pub fn create_transaction(&self, request: &IncomingRequest) -> Creation {
        self.0.step(|element, now| element.create_transaction(now, request.received()))
    }

    /// Steps the transaction for a response of this status that the caller sends.
    pub fn receive_response(&self, request: &IncomingRequest, status: u16) -> Result<(), ReplyError> {
        self.0.step(|element, now| element.receive_response(now, request.id, status))
    }

    /// Sends the last response of the transaction again; false when there is none.
    pub fn retransmit_last_response(&self, request: &IncomingRequest) -> bool {
        self.0.step(|element, _| element.retransmit_last_response(request.id))
    }

    /// Sends bytes to where responses to this request go, whatever its transaction says.
    pub fn send_response(&self, request: &IncomingRequest, wire: Bytes) {
        self.0.step(|element, _| element.send_bytes(request.received(), wire));
    }

    /// Ends the transaction: what is repeated of the request from now on is new.
    pub fn terminate_transaction(&self, request: &IncomingRequest) {
        self.0.step(|element, _| element.terminate_transaction(request.id));
    }

    /// `on_request` of this request ended.
    pub fn done(&self, request: &IncomingRequest) {
        let log = tracing::enabled!(target: "oversip::request", tracing::Level::DEBUG);
        let why = self.0.step(|element, now| {
            let why = if log { element.why_unanswered(request.id) } else { None };
            element.request_done(now, request.id);
            why
        });
        if let Some(why) = why {
            tracing::debug!(target: "oversip::request", "{}: {why}", request.in_words());
        }
    }

    /// The script failed over a request that it may have routed: what is pending downstream is cancelled.
    pub fn abandon(&self, request: &IncomingRequest) {
        self.0.step(|element, now| element.abandon_request(now, request.id));
    }

    /// The token of the flow that a request came by (RFC 5626); `None` for connections that we opened.
    pub fn flow_token(&self, source: &Source) -> Option<String> {
        self.0.look(|element| element.flow_token(source))
    }

    /// The flow that a token names to a request from this source.
    pub fn token_flow(&self, token: &[u8], source: Option<&Source>) -> TokenFlow {
        self.0.look(|element| element.token_flow(token, source))
    }
}
