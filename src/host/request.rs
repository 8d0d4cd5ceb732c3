//! A request from the network in the hands of a script.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Weak};

use bytes::Bytes;

use super::interface::{Host, LetGo};
use crate::client::Recorded;
use crate::element::{Element, ReceivedRequest, ServerState};

/// A request from the network. What became of it is the element's to say; it reads like its [`ReceivedRequest`]. The element
/// keeps what it knows of the request as long as this lives.
pub struct IncomingRequest {
    received: Arc<ReceivedRequest>,
    host: Weak<dyn Host>,
}

impl Deref for IncomingRequest {
    type Target = ReceivedRequest;

    fn deref(&self) -> &ReceivedRequest {
        &self.received
    }
}

impl fmt::Debug for IncomingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.received.fmt(f)
    }
}

impl IncomingRequest {
    /// For the script of a host.
    pub fn new(received: Arc<ReceivedRequest>, host: Weak<dyn Host>) -> Arc<IncomingRequest> {
        Arc::new(IncomingRequest { received, host })
    }

    /// The request itself.
    pub fn received(&self) -> &Arc<ReceivedRequest> {
        &self.received
    }

    /// True once a CANCEL for it was answered.
    pub fn is_canceled(&self) -> bool {
        self.look(|element| element.is_canceled(self.id)).unwrap_or(false)
    }

    /// Whether a proxy has sent it.
    pub fn is_proxied(&self) -> bool {
        self.look(|element| element.proxied(self.id).is_some()).unwrap_or(false)
    }

    /// The Record-Route or Path that a proxy has added.
    pub fn recorded(&self) -> Option<Recorded> {
        self.look(|element| element.proxied(self.id)).flatten().flatten()
    }

    /// The UDP port that responses go to (RFC 3261 18.2.2, RFC 3581).
    pub fn reply_port(&self) -> u16 {
        self.look(|element| element.reply_port(&self.received)).unwrap_or_default()
    }

    /// Sends responses to the port the request came from, as if the client had asked for it with `rport`.
    pub fn reply_to_source_port(&self) {
        self.step(|element| element.reply_to_source_port(self.id));
    }

    /// The state of the server transaction, `None` when there is none.
    pub fn transaction_state(&self) -> Option<ServerState> {
        self.look(|element| element.transaction_state(self.id)).flatten()
    }

    /// The last response that the server transaction sent.
    pub fn last_response(&self) -> Option<Bytes> {
        self.look(|element| element.last_response(self.id)).flatten()
    }

    /// What the server transaction sends again from now on; nothing is done without one.
    pub fn set_last_response(&self, wire: Bytes) {
        self.step(|element| element.set_last_response(self.id, wire));
    }

    /// Whether a response of this status would be taken now.
    pub fn valid_response(&self, status: u16) -> bool {
        self.look(|element| element.accepts_response(self.id, status)).unwrap_or(false)
    }

    fn look<R>(&self, look: impl FnOnce(&Element) -> R) -> Option<R> {
        Some(<dyn Host>::here(&self.host)?.look(look))
    }

    fn step(&self, step: impl FnOnce(&mut Element)) {
        if let Some(host) = <dyn Host>::here(&self.host) {
            host.step(|element, _| step(element));
        }
    }
}

impl Drop for IncomingRequest {
    fn drop(&mut self) {
        if let Some(host) = <dyn Host>::here(&self.host) {
            host.released().add(LetGo::Request(self.id));
        }
    }
}
