//! The Rust half of a `Request`.

use std::cell::{Cell, OnceCell};
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use magnus::{
    gc::Marker,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions, Obj},
    value::Lazy,
    RClass, Ruby, TypedData, Value,
};
use oversip::host::IncomingRequest;

use super::state::{MessageState, Received};
use crate::{classes::sip_class, slot::Slot, text};

/// The state of a `Request`.
pub struct RequestObject {
    message: MessageState,
    pub(crate) ruri: Slot,
    pub(crate) tvars: Slot,
    pub(crate) cvars: Slot,
    pub(crate) server_transaction: Slot,
    /// The Proxy that routed it last.
    pub(crate) proxy: Slot,
    pub(crate) proxied: Slot,
    pub(crate) in_rr: Slot,
    pub(crate) antiloop_id: Slot,
    /// What `check_max_forwards` decided.
    pub(crate) new_max_forwards: Cell<Option<u32>>,
    pub(crate) outgoing_outbound: Cell<Option<bool>>,
    pub(crate) incoming_outbound: Cell<bool>,
    /// `fix_nat` asked for the client's flow.
    pub(crate) force_outgoing_outbound: Cell<bool>,
    /// The token of the flow that a Route of ours names.
    pub(crate) route_token: Slot,
    /// The token of the flow that the request came by.
    pub(crate) own_token: OnceCell<Option<String>>,
    pub(crate) destination_myself: Cell<Option<bool>>,
    pub(crate) own_route: Cell<Option<bool>>,
    /// From or To went out with another value than the received one.
    pub(crate) from_was_modified: Cell<bool>,
    pub(crate) to_was_modified: Cell<bool>,
    /// The CSeq number with which a `Uac` sent it again after a challenge.
    pub(crate) sent_cseq: Cell<Option<u32>>,
    /// The To tag of replies without the engine.
    pub(crate) detached_tag: OnceCell<Bytes>,
}

impl DataTypeFunctions for RequestObject {
    fn mark(&self, marker: &Marker) {
        self.message.mark(marker);
        let slots = [
            &self.ruri,
            &self.tvars,
            &self.cvars,
            &self.server_transaction,
            &self.proxy,
            &self.proxied,
            &self.in_rr,
            &self.antiloop_id,
            &self.route_token,
        ];
        slots.into_iter().for_each(|slot| slot.mark(marker));
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.message.received().head_bytes().len()
    }
}

// SAFETY: instances are made by `wrap` only (the class has no allocator); every slot is marked, freed without calling
// Ruby, and written through `Slot::set`, which carries the write barrier.
unsafe impl TypedData for RequestObject {
    fn class(ruby: &Ruby) -> RClass {
        static CLASS: Lazy<RClass> = Lazy::new(|ruby| sip_class(ruby, "Request"));
        ruby.get_inner(&CLASS)
    }

    fn data_type() -> &'static DataType {
        static DATA_TYPE: DataType = DataTypeBuilder::<RequestObject>::new(c"OverSIP::SIP::Request")
            .mark()
            .size()
            .free_immediately()
            .wb_protected()
            .build();
        &DATA_TYPE
    }
}

impl Deref for RequestObject {
    type Target = MessageState;

    fn deref(&self) -> &MessageState {
        &self.message
    }
}

/// A `Request` as a method gets it.
pub type RubyRequest = Obj<RequestObject>;

impl RequestObject {
    /// An object of `class`, which is `Request` or below it, around a request.
    pub(super) fn wrap(ruby: &Ruby, class: RClass, received: Received) -> RubyRequest {
        let object = RequestObject {
            message: MessageState::new(received),
            ruri: Slot::default(),
            tvars: Slot::default(),
            cvars: Slot::default(),
            server_transaction: Slot::default(),
            proxy: Slot::default(),
            proxied: Slot::default(),
            in_rr: Slot::default(),
            antiloop_id: Slot::default(),
            new_max_forwards: Cell::default(),
            outgoing_outbound: Cell::default(),
            incoming_outbound: Cell::default(),
            force_outgoing_outbound: Cell::default(),
            route_token: Slot::default(),
            own_token: OnceCell::default(),
            destination_myself: Cell::default(),
            own_route: Cell::default(),
            from_was_modified: Cell::default(),
            to_was_modified: Cell::default(),
            sent_cseq: Cell::default(),
            detached_tag: OnceCell::default(),
        };
        ruby.obj_wrap_as(object, class)
    }

    /// A Request for one from the network.
    pub fn from_network(ruby: &Ruby, incoming: Arc<IncomingRequest>) -> RubyRequest {
        Self::wrap(ruby, Self::class(ruby), Received::Incoming(incoming))
    }

    /// The request that a value is, if it is one.
    pub fn from_value(value: Value) -> Option<RubyRequest> {
        text::object_of(&Ruby::get_with(value), value)
    }

    /// The request in the engine; nothing for a detached one.
    pub fn incoming(&self) -> Option<Arc<IncomingRequest>> {
        self.message.incoming().cloned()
    }
}
