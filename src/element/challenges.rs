//! Answers to the challenges of requests that are the script's own (RFC 3261 22.2, 22.3).

use bytes::Bytes;

use super::output::Output;
use super::route::{Caller, Route};
use super::Element;
use crate::client::digest::Digested;
use crate::client::random_hex;
use crate::message::Message;

/// RFC 3261 8.1.1.5: a CSeq number is below 2^31.
const MAX_CSEQ: u32 = (1 << 31) - 1;

impl Element {
    /// Answers the challenge of a response (RFC 3261 22.2, 22.3). True: the request goes out again, with the answer and the next
    /// CSeq number.
    pub(super) fn answer_challenge(&mut self, route: &mut Route, response: &Message) -> bool {
        if !route.session.may_answer_challenge() {
            return false;
        }
        let next = route.cseq().and_then(|number| number.checked_add(1)).filter(|number| *number <= MAX_CSEQ);
        let Some(next) = next else { return false };
        let request = Digested {
            method: route.request.method.as_bytes(),
            uri: &route.request.ruri,
            body: &route.request.body,
        };
        let client_nonce = random_hex::<8>(&mut self.random);
        if !route.authenticator.answer(response, request, &mut self.nonce_counts, &client_nonce) {
            return false;
        }
        route.sent_cseq = Some(next);
        if let Some(Caller { call, .. }) = route.caller {
            self.emit(Output::CallRenumbered { call, cseq: next });
        }
        if let Some(client) = self.clients.get_mut(route.client) {
            let answers = route.authenticator.headers();
            let answers = answers.map(|(name, value)| (name, Bytes::copy_from_slice(value))).collect();
            client.set_authorization(response.call_id().unwrap_or_default(), answers);
        }
        true
    }
}
