//! The table of server transactions, and of the requests that have none: pending ones, that the script has made nothing of yet,
//! and ACKs.

use std::sync::Arc;

use super::hold::Hold;
use super::ids::RequestId;
use super::received_request::{ReceivedRequest, WayBack};
use super::server_request::ServerRequest;
use super::table::{Table, Tables};
use super::timers::Timers;
use crate::message::Message;
use crate::transaction::{KeyText, ServerKey, Timer};

/// The table of server transactions and of the requests without one.
#[derive(Debug)]
pub(super) struct ServerTransactions {
    by_key: Table<KeyText, RequestId>,
    /// In boxes, since a table has room for more entries than it has.
    requests: Table<RequestId, Box<ServerRequest>>,
}

impl ServerTransactions {
    pub(super) fn new(tables: &Tables) -> Self {
        Self { by_key: tables.table(), requests: tables.table() }
    }

    /// Takes in a new request, pending if it has a key. The script is going to have it.
    pub(super) fn admit(
        &mut self,
        request: Arc<ReceivedRequest>,
        key: Option<ServerKey>,
        way_back: WayBack,
        hold: Option<Hold>,
    ) {
        let id = request.id;
        let key = key.map(|key| key.kept());
        if let Some(key) = &key {
            self.by_key.insert(key.clone(), id);
        }
        let record = ServerRequest::admitted(request, key, way_back, hold);
        self.requests.insert(id, Box::new(record));
    }

    /// How many requests are pending or have a server transaction.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// How many requests there is anything known of: those, and what the script has still.
    pub(super) fn requests(&self) -> usize {
        self.requests.len()
    }

    pub(super) fn get(&self, id: RequestId) -> Option<&ServerRequest> {
        self.requests.get(&id).map(|record| &**record)
    }

    pub(super) fn get_mut(&mut self, id: RequestId) -> Option<&mut ServerRequest> {
        self.requests.get_mut(&id).map(|record| &mut **record)
    }

    /// The request that this one repeats (RFC 3261 17.2.3).
    pub(super) fn by_key(&self, key: &ServerKey) -> Option<RequestId> {
        self.by_key.get(key.text()).copied()
    }

    /// The INVITE that an ACK or CANCEL is for (RFC 3261 17.2.3, 9.2).
    pub(super) fn invite_of(&self, message: &Message) -> Option<RequestId> {
        let key = ServerKey::invite_key(message)?;
        if let Some(id) = self.by_key(&key) {
            return Some(id);
        }
        let id = self.by_key(&key.before_response()?)?;
        let last = self.get(id)?.last_response()?.clone();
        let (response, _) = Message::parse(last).ok()?;
        (response.to_tag() == message.to_tag()).then_some(id)
    }

    /// The transaction of a request is over, or its record while it was pending. What the script still has of it stays.
    pub(super) fn end(&mut self, timers: &mut Timers, id: RequestId) {
        let Some(record) = self.requests.get_mut(&id) else { return };
        record.end(timers);
        if let Some(key) = record.key() {
            // A later request may have taken the key.
            if self.by_key.get(key) == Some(&id) {
                self.by_key.remove(key);
            }
        }
        self.forget_if_over(id);
    }

    /// The script has let go of a request.
    pub(super) fn release(&mut self, id: RequestId) {
        if let Some(record) = self.requests.get_mut(&id) {
            record.release();
            self.forget_if_over(id);
        }
    }

    fn forget_if_over(&mut self, id: RequestId) {
        if self.get(id).is_some_and(ServerRequest::is_done_with) {
            self.requests.remove(&id);
        }
    }

    /// A timer of this request has fired.
    pub(super) fn fired(&mut self, id: RequestId, timer: Timer) -> Option<&mut ServerRequest> {
        let record = self.requests.get_mut(&id)?;
        record.fired(timer);
        Some(record)
    }

    /// The requests whose clients wait for a final response.
    pub(super) fn undecided(&self) -> Vec<RequestId> {
        let waits = |id: &RequestId| self.get(*id).is_some_and(ServerRequest::is_undecided);
        self.by_key.values().copied().filter(waits).collect()
    }

    /// Whether the client of any request waits for a final response.
    pub(super) fn any_undecided(&self) -> bool {
        self.by_key.values().any(|id| self.get(*id).is_some_and(ServerRequest::is_undecided))
    }
}
