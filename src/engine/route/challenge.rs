//! Answers to 401 and 407 on the way back to a `Uac` (RFC 3261 22.2, 22.3).

use super::{Route, Shared};
use crate::client::digest::Digested;
use crate::client::random_hex;
use crate::client::session::Kind;
use crate::message::{HeaderName, Message, Method};

/// RFC 3261 8.1.1.5: a CSeq number is below 2^31.
const MAX_CSEQ: u32 = (1 << 31) - 1;

impl Route {
    /// Answers the challenge of a response. True: the request goes out again, with the answer and the next CSeq number.
    pub(super) fn answer_challenge(&mut self, shared: &Shared, response: &Message) -> bool {
        if !self.session.may_answer_challenge() {
            return false;
        }
        let next = self.cseq().and_then(|number| number.checked_add(1)).filter(|number| *number <= MAX_CSEQ);
        let Some(next) = next else { return false };
        let request = Digested {
            method: self.request.method.as_bytes(),
            uri: &self.request.ruri,
            body: &self.request.body,
        };
        let client_nonce = shared.random.draw(random_hex::<8>);
        if !self.authenticator.answer(response, request, &mut shared.nonce_counts(), &client_nonce) {
            return false;
        }
        self.sent_cseq = Some(next);
        if let Some(caller) = &self.caller {
            caller.0.set_cseq(next);
        }
        self.client.set_authorization(response.call_id().unwrap_or_default(), &self.authenticator);
        true
    }

    /// The CSeq number that the request goes out with.
    pub fn cseq(&self) -> Option<u32> {
        self.sent_cseq.or_else(|| self.request.cseq())
    }

    /// The CSeq number of a request that went out again with another one than the script gave it.
    pub fn changed_cseq(&self) -> Option<u32> {
        self.sent_cseq
    }

    /// Puts the answers into a copy that is about to leave.
    pub(in crate::engine) fn authenticate(&self, request: &mut crate::message::RequestSnapshot) {
        if let Some(number) = self.sent_cseq {
            let value = [number.to_string().as_bytes(), b" ", request.method.as_bytes()].concat();
            request.headers.replace(HeaderName::CSeq, &value);
        }
        for (name, value) in self.authenticator.headers() {
            request.headers.push(name.canonical().as_bytes(), value);
        }
        // RFC 3261 22.1: the ACK carries the credentials of its INVITE, since nobody can challenge it.
        if self.kind == Kind::Uac && request.method == Method::Ack {
            for (name, value) in self.client.authorization(request.call_id().unwrap_or_default()) {
                request.headers.push(name.canonical().as_bytes(), &value);
            }
        }
    }
}
