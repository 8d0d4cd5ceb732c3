//! Responses coming in: the client transaction that they belong to, and whether there is room for them.
//!
//! A client transaction passes up one final response for each request, and for an INVITE a 2xx of each callee. The first one
//! always waits; while a Client has too much, the 2xx of further callees are left to their senders, who repeat them. While all
//! Clients together have too much, all final responses over UDP are left to their senders, and connections are not read.

use std::sync::Arc;

use super::backlog::{HeldResponse, Responses};
use super::client_transactions::{Answered, News, Unmatched};
use super::counts::Dropped;
use super::ids::ClientId;
use super::output::Output;
use super::Element;
use crate::client::session::{retry_after, CallbackClass};
use crate::client::IncomingResponse;
use crate::message::{Message, Source};
use crate::resolve::Target;

impl Element {
    /// Matches a response to its transaction (RFC 3261 17.1.3); one that matches none, or is not meant for it, is dropped.
    pub(super) fn response(&mut self, response: Message, source: &Source) {
        let answered = self.client_transactions.answered_by(&response, source, &self.settings.listeners);
        self.note_response(&response, source, answered.as_ref().ok());
        let Answered { branch, client, news, .. } = match answered {
            Ok(answered) => answered,
            Err(reason) => {
                tracing::debug!(target: "oversip::transaction", "response dropped: {reason:?}");
                return self.counts.drop(match reason {
                    Unmatched::NoTransaction => Dropped::UnmatchedResponse,
                    Unmatched::OtherSender => Dropped::ResponseToAnother,
                    Unmatched::NoWayBack => Dropped::ResponseWithoutWayBack,
                });
            }
        };
        let response = Arc::new(IncomingResponse { message: response, source: *source });
        if self.leaves_to_sender(client, news, &response) {
            return;
        }
        self.step_client_transaction(&branch, Some(&response), |transaction, now| {
            transaction.response(now, &response)
        });
    }

    /// A response is a sign of life of where it comes from, and of the target that it answers for. A 503 that names a time, and
    /// one that is not the first final answer of its transaction, do not say that requests are welcome again.
    fn note_response(&mut self, response: &Message, source: &Source, answered: Option<&Answered>) {
        let fresh = answered.is_some_and(|answered| answered.fresh);
        let ends_entries = response.status() != Some(503) || (fresh && retry_after(response).is_none());
        let from = Target::of(source);
        self.heard(from, ends_entries);
        if let Some(target) = answered.map(|answered| answered.target).filter(|target| *target != from) {
            self.heard(target, ends_entries);
        }
    }

    /// A response on a connection waits, and its connection with it, while there is too much of those for blocks. What no block
    /// waits for goes on.
    pub(super) fn held_response(&mut self, held: HeldResponse) {
        if let Some(connection) = held.source.connection {
            self.flows.heard(connection);
        }
        if self.has_to_wait(&held) {
            // Its target is alive, however long it waits.
            let listeners = &self.settings.listeners;
            let answered = self.client_transactions.answered_by(&held.message, &held.source, listeners);
            self.note_response(&held.message, &held.source, answered.as_ref().ok());
            self.held_responses.push_back(held);
        } else {
            self.response(held.message, &held.source);
        }
    }

    fn has_to_wait(&self, held: &HeldResponse) -> bool {
        let listeners = &self.settings.listeners;
        let answered = self.client_transactions.answered_by(&held.message, &held.source, listeners);
        self.is_full() && answered.is_ok_and(|it| it.news == News::Final && self.waits_for_blocks(it.client))
    }

    /// Takes responses that were held, as far as there is room by now, and says whether the next ones are to be.
    pub(super) fn pace_connections(&mut self) {
        while !self.is_full() {
            let Some(held) = self.held_responses.pop_front() else { break };
            self.attempt(|element| element.response(held.message, &held.source));
        }
        let full = self.is_full();
        if full != self.holds_responses {
            self.holds_responses = full;
            self.emit(Output::HoldResponses(full));
        }
    }

    /// No connection waits for blocks that will not want its response any more, such as one whose transaction has ended.
    pub(super) fn sweep_held_responses(&mut self) {
        for held in std::mem::take(&mut self.held_responses) {
            // What came last on a connection that is gone is not lost with it.
            let gone = held.source.connection.is_none_or(|connection| !self.flows.contains(connection));
            if !gone && self.has_to_wait(&held) {
                self.held_responses.push_back(held);
            } else {
                self.attempt(|element| element.response(held.message, &held.source));
            }
        }
    }

    /// Whether a final response is not even to reach its transaction, so that it comes again: one over UDP while there is too
    /// much for all Clients; a 2xx of one more callee while there is too much for this Client. Callees repeat a 2xx to an
    /// INVITE over connections as well (RFC 3261 13.3.1.4).
    fn leaves_to_sender(&mut self, client: ClientId, news: News, response: &IncomingResponse) -> bool {
        let left = match news {
            News::Nothing | News::Provisional => false,
            News::Final => self.is_full() && !response.source.transport.reliable(),
            News::FurtherSuccess => self.is_full() || !self.has_room(client, response),
        } && self.waits_for_blocks(client);
        if left {
            self.counts.drop(Dropped::FinalResponse);
        }
        left
    }

    /// Whether a response may wait, or be shown to its blocks, after what is there already. Only half of the room for all
    /// Clients is for provisional ones.
    pub(super) fn takes(&self, client: ClientId, response: &IncomingResponse) -> bool {
        if response.status().is_some_and(|status| status >= 200) {
            return true;
        }
        let one = Responses::of(response);
        let limits = &self.settings.limits;
        let waiting = self.waiting_for(client) + one;
        let fits =
            waiting.fit_client(limits) && self.responses.bytes + one.bytes <= limits.response_bytes / 2;
        // What no block wants goes on at once when it is its turn.
        let shown = self.clients.get(client).is_some_and(|it| it.shows(CallbackClass::Provisional));
        fits || (waiting.messages == 1 && !shown)
    }

    /// Whether a 2xx may wait for its blocks once more. If not, its sender repeats it.
    pub(super) fn takes_again(&mut self, client: ClientId, response: &IncomingResponse) -> bool {
        let takes = !self.is_full() && self.has_room(client, response);
        if !takes {
            self.counts.drop(Dropped::FinalResponse);
        }
        takes
    }

    /// Whether one more response may wait for this Client. Where none does there is always room.
    fn has_room(&self, client: ClientId, response: &IncomingResponse) -> bool {
        let waiting = self.waiting_for(client) + Responses::of(response);
        waiting.messages == 1 || waiting.fit_client(&self.settings.limits)
    }

    /// What waits for a Client or is with its blocks.
    fn waiting_for(&self, client: ClientId) -> Responses {
        self.clients.get(client).map(|client| client.responses).unwrap_or_default()
    }

    /// Whether there is too much for all Clients.
    fn is_full(&self) -> bool {
        self.responses.bytes > self.settings.limits.response_bytes
    }

    /// Whether a final response for a Client has to wait for blocks, its own or earlier ones.
    fn waits_for_blocks(&self, client: ClientId) -> bool {
        self.clients.get(client).is_some_and(|client| {
            client.is_busy() || client.shows(CallbackClass::Success) || client.shows(CallbackClass::Failure)
        })
    }
}
