//! What requests and responses have in common.

use std::sync::Arc;

use magnus::gc::Marker;
use oversip::client::IncomingResponse;
use oversip::host::IncomingRequest;
use oversip::message::{Message, Source};

use crate::{headers::HeaderState, slot::Slot};

/// Where the received message is.
pub enum Received {
    /// A request from the network.
    Incoming(Arc<IncomingRequest>),
    /// A message made from text, without a way back.
    Detached(Box<Message>),
    /// A response that a Client received.
    Response(Arc<IncomingResponse>),
}

/// The received message, and what Ruby has seen or set of it.
pub struct MessageState {
    received: Received,
    /// Header fields as far as Ruby has seen them.
    pub headers: HeaderState,
    pub(crate) from: Slot,
    pub(crate) to: Slot,
    pub(crate) contact: Slot,
    pub(crate) routes: Slot,
    pub(crate) body: Slot,
    pub(super) connection: Slot,
    pub(super) transport: Slot,
    pub(super) source_ip: Slot,
    pub(super) source_port: Slot,
    pub(super) source_ip_type: Slot,
    pub(super) via_rport: Slot,
    pub(super) via_branch_id: Slot,
}

impl MessageState {
    /// Nothing of it was looked at so far.
    pub(super) fn new(received: Received) -> MessageState {
        MessageState {
            received,
            headers: HeaderState::default(),
            from: Slot::default(),
            to: Slot::default(),
            contact: Slot::default(),
            routes: Slot::default(),
            body: Slot::default(),
            connection: Slot::default(),
            transport: Slot::default(),
            source_ip: Slot::default(),
            source_port: Slot::default(),
            source_ip_type: Slot::default(),
            via_rport: Slot::default(),
            via_branch_id: Slot::default(),
        }
    }

    /// The message as it was received.
    pub fn received(&self) -> &Message {
        match &self.received {
            Received::Incoming(request) => &request.message,
            Received::Detached(message) => message,
            Received::Response(message) => message,
        }
    }

    /// The request in the engine; nothing for a response or a detached request.
    pub(super) fn incoming(&self) -> Option<&Arc<IncomingRequest>> {
        match &self.received {
            Received::Incoming(request) => Some(request),
            Received::Detached(_) | Received::Response(_) => None,
        }
    }

    /// The way by which it came; nothing for a detached message.
    pub(super) fn source(&self) -> Option<Source> {
        match &self.received {
            Received::Incoming(request) => Some(request.source),
            Received::Response(response) => Some(response.source),
            Received::Detached(_) => None,
        }
    }

    /// Tells the GC about the values.
    pub(super) fn mark(&self, marker: &Marker) {
        self.headers.mark(marker);
        let slots = [
            &self.from,
            &self.to,
            &self.contact,
            &self.routes,
            &self.body,
            &self.connection,
            &self.transport,
            &self.source_ip,
            &self.source_port,
            &self.source_ip_type,
            &self.via_rport,
            &self.via_branch_id,
        ];
        slots.into_iter().for_each(|slot| slot.mark(marker));
    }
}
