//! What Ruby has seen of the header fields of one message.

use std::cell::{Cell, RefCell};

use bytes::Bytes;
use magnus::gc::Marker;
use oversip::message::{HeaderName, Headers};

use crate::slot::Slot;

/// What Ruby has seen of the header fields of one message.
#[derive(Default)]
pub struct HeaderState {
    pub(super) hash: Slot,
    /// Arrays handed out while there is no Hash, keyed by canonical name.
    pub(super) touched: Slot,
    /// `hdr_via` and its like: what the Hash held when it was made.
    pub(super) via: Slot,
    pub(super) route: Slot,
    pub(super) from: Slot,
    pub(super) to: Slot,
    /// Leading values of the received message that were taken away.
    pub(super) removed_vias: Cell<usize>,
    pub(super) removed_routes: Cell<usize>,
    /// Values that went out while there was no Hash to put them into: edited From, To and Contact of a request, Content-Length of
    /// a response.
    pub(super) sent_edits: RefCell<Vec<(HeaderName, Bytes)>>,
}

impl HeaderState {
    /// Tells the GC about the values.
    pub fn mark(&self, marker: &Marker) {
        for slot in [&self.hash, &self.touched, &self.via, &self.route, &self.from, &self.to] {
            slot.mark(marker);
        }
    }

    /// Whether the Hash was made and is the truth.
    pub fn hash_exists(&self) -> bool {
        self.hash.is_set()
    }

    /// Route values taken from the top so far.
    pub fn removed_routes(&self) -> usize {
        self.removed_routes.get()
    }

    pub(super) fn removed(&self, name: HeaderName) -> usize {
        match name {
            HeaderName::Via => self.removed_vias.get(),
            HeaderName::Route => self.removed_routes.get(),
            _ => 0,
        }
    }

    /// Takes the first Via value away, as the receiver of a response does with its own.
    pub fn remove_top_via(&self) {
        self.removed_vias.set(self.removed_vias.get() + 1);
    }

    /// Remembers the value of a header that goes out while there is no Hash to show it.
    pub fn remember_sent_edit(&self, name: HeaderName, value: Bytes) {
        let mut sent = self.sent_edits.borrow_mut();
        sent.retain(|(other, _)| *other != name);
        sent.push((name, value));
    }

    /// Whether a header was edited and sent while there was no Hash to show it.
    pub(super) fn has_sent_edit(&self, name: HeaderName) -> bool {
        self.sent_edits.borrow().iter().any(|(edited, _)| *edited == name)
    }

    /// Puts over the received values what went out instead of them.
    pub fn with_sent_edits(&self, mut headers: Headers) -> Headers {
        for (name, value) in self.sent_edits.borrow().iter() {
            headers.replace(*name, value);
        }
        headers
    }
}
