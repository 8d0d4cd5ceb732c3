//! The Rust half of a `Response`.

use std::cell::Cell;
use std::ops::Deref;
use std::sync::Arc;

use magnus::{
    gc::Marker,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions, Obj},
    value::Lazy,
    RClass, Ruby, TypedData, Value,
};
use oversip::client::IncomingResponse;

use super::state::{MessageState, Received};
use crate::{classes::sip_class, slot::Slot, text};

/// The state of a `Response`.
pub struct ResponseObject {
    message: MessageState,
    /// The request that it answers.
    pub(crate) request: Slot,
    /// Another status than the received one.
    pub(crate) status: Cell<Option<u16>>,
    pub(crate) reason: Slot,
}

impl DataTypeFunctions for ResponseObject {
    fn mark(&self, marker: &Marker) {
        self.message.mark(marker);
        self.request.mark(marker);
        self.reason.mark(marker);
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.message.received().head_bytes().len()
    }
}

// SAFETY: instances are made by `wrap` only (the class has no allocator); every slot is marked, freed without calling
// Ruby, and written through `Slot::set`, which carries the write barrier.
unsafe impl TypedData for ResponseObject {
    fn class(ruby: &Ruby) -> RClass {
        static CLASS: Lazy<RClass> = Lazy::new(|ruby| sip_class(ruby, "Response"));
        ruby.get_inner(&CLASS)
    }

    fn data_type() -> &'static DataType {
        static DATA_TYPE: DataType = DataTypeBuilder::<ResponseObject>::new(c"OverSIP::SIP::Response")
            .mark()
            .size()
            .free_immediately()
            .wb_protected()
            .build();
        &DATA_TYPE
    }
}

impl Deref for ResponseObject {
    type Target = MessageState;

    fn deref(&self) -> &MessageState {
        &self.message
    }
}

/// A `Response` as a method gets it.
pub type RubyResponse = Obj<ResponseObject>;

impl ResponseObject {
    /// An object of `class`, which is `Response` or below it, around a response.
    pub(super) fn wrap(ruby: &Ruby, class: RClass, received: Received) -> RubyResponse {
        let object = ResponseObject {
            message: MessageState::new(received),
            request: Slot::default(),
            status: Cell::default(),
            reason: Slot::default(),
        };
        ruby.obj_wrap_as(object, class)
    }

    /// A Response for one that a Client received. A proxy's blocks see it without our own Via.
    pub fn from_network(
        ruby: &Ruby,
        message: Arc<IncomingResponse>,
        request: Value,
        without_top_via: bool,
    ) -> RubyResponse {
        let this = Self::wrap(ruby, Self::class(ruby), Received::Response(message));
        this.request.set(this, request);
        if without_top_via {
            this.headers.remove_top_via();
        }
        this
    }

    /// The response that a value is, if it is one.
    pub fn from_value(value: Value) -> Option<RubyResponse> {
        text::object_of(&Ruby::get_with(value), value)
    }
}
