//! The end of the element: nobody is going to answer the requests that wait then.

use std::time::Instant;

use super::beneficiary::Beneficiary;
use super::ids::RequestId;
use super::Element;

impl Element {
    /// The requests whose clients wait for a final response, in the order in which they came.
    pub fn undecided_requests(&self) -> Vec<RequestId> {
        let mut undecided = self.server_transactions.undecided();
        undecided.sort_unstable_by_key(|id| id.0);
        undecided
    }

    /// The element ends before a request has its final response: its client gets one, and may try another server
    /// (RFC 3261 21.5.4). What is pending downstream is cancelled.
    pub fn end_request(&mut self, now: Instant, id: RequestId) {
        self.begin(now);
        self.attempt_for(Beneficiary::Request(id), |element| {
            let Some(request) = element.server_request(id).filter(|request| request.is_undecided()) else {
                return;
            };
            let (status, reason): (u16, &[u8]) = match request.is_canceled() {
                true => (487, b"Request Terminated"),
                false => (503, b"Service Unavailable"),
            };
            element.abandon(id);
            element.reply_by_itself(id, status, reason);
        });
    }
}
