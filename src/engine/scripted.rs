//! A server transaction in the hands of a script that makes its responses itself.

use std::sync::Arc;

use bytes::Bytes;

use super::{upstream, Engine, IncomingRequest};
use crate::transaction::{ServerEffect, ServerEffects};

impl Engine {
    /// Steps the transaction for a response of this status that the caller sends. False, with a log record: it refuses
    /// the status, or there is none.
    pub fn receive_response(&self, request: &Arc<IncomingRequest>, status: u16) -> bool {
        let post = |effects| self.shared.carry_out(request, effects);
        let accepted = request.advance(self.now(), status, post);
        if !accepted {
            upstream::log_refusal(request, status);
        }
        accepted
    }

    /// Sends the last response of the transaction again; false when there is none.
    pub fn retransmit_last_response(&self, request: &Arc<IncomingRequest>) -> bool {
        let last = request.last_response();
        if let Some(wire) = &last {
            self.shared.deliver(request, wire);
        }
        last.is_some()
    }

    /// Sends bytes to where responses to this request go, whatever its transaction says.
    pub fn send_response(&self, request: &Arc<IncomingRequest>, wire: &Bytes) {
        self.shared.deliver(request, wire);
    }

    /// Ends the transaction: what is repeated of the request from now on is new.
    pub fn terminate_transaction(&self, request: &Arc<IncomingRequest>) {
        let over: ServerEffects = std::iter::once(ServerEffect::Terminated).collect();
        request.end_transaction();
        self.shared.carry_out(request, over);
    }
}
