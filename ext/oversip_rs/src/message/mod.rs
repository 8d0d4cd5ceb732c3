//! `OverSIP::SIP::Message`: what requests and responses share. A thin object: a Rust message inside, Ruby objects made
//! when they are asked for.

mod addresses;
mod attributes;
mod methods;
mod source;
mod via;

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;

use bytes::Bytes;
use magnus::{
    function,
    gc::Marker,
    method,
    prelude::*,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions, Obj},
    value::Lazy,
    Error, RClass, RModule, Ruby, TypedData, Value,
};
use oversip::client::IncomingResponse;
use oversip::engine::IncomingRequest;
use oversip::message::{HeaderName, Message};

use self::source::source;
pub use self::{
    addresses::routes,
    attributes::body_bytes,
    methods::is_outbound_aware_method,
    source::{connection, is_secure},
    via::use_source_port,
};
use crate::{
    headers::{self, HeaderState},
    message_parser, request, response,
    slot::Slot,
    text,
};

/// Where the received message is.
pub enum Received {
    /// A request from the network.
    Incoming(Arc<IncomingRequest>),
    /// A request made from text, without a way back.
    Detached(Box<Message>),
    /// A response that a Client received.
    Response(Arc<IncomingResponse>),
}

/// The state of a `Request` or a `Response`.
#[derive(Default)]
pub struct MessageObject {
    received: OnceCell<Received>,
    /// Header fields as far as Ruby has seen them.
    pub headers: HeaderState,
    pub(crate) ruri: Slot,
    pub(crate) from: Slot,
    pub(crate) to: Slot,
    pub(crate) contact: Slot,
    pub(crate) routes: Slot,
    pub(crate) body: Slot,
    connection: Slot,
    transport: Slot,
    source_ip: Slot,
    source_port: Slot,
    source_ip_type: Slot,
    pub(crate) tvars: Slot,
    pub(crate) cvars: Slot,
    /// Of a response: its request.
    pub(crate) request: Slot,
    pub(crate) status: Cell<Option<u16>>,
    pub(crate) reason: Slot,
    via_rport: Slot,
    via_branch_id: Slot,
    pub(crate) flags: RequestFlags,
}

/// What a script or the routing decided about a request.
#[derive(Default)]
pub struct RequestFlags {
    pub(crate) new_max_forwards: Cell<Option<u32>>,
    pub(crate) outgoing_outbound: Cell<Option<bool>>,
    pub(crate) incoming_outbound: Cell<bool>,
    pub(crate) force_outgoing_outbound: Cell<bool>,
    pub(crate) route_token: Slot,
    pub(crate) own_token: OnceCell<Option<String>>,
    pub(crate) destination_myself: Cell<Option<bool>>,
    pub(crate) own_route: Cell<Option<bool>>,
    pub(crate) from_was_modified: Cell<bool>,
    pub(crate) to_was_modified: Cell<bool>,
    /// Values of headers that went out while there was no Hash to put them into: edited From, To and Contact of a request,
    /// Content-Length of a response.
    pub(crate) sent_edits: RefCell<Vec<(HeaderName, Bytes)>>,
    /// The CSeq number with which a `Uac` sent it again after a challenge.
    pub(crate) sent_cseq: Cell<Option<u32>>,
    pub(crate) proxied: Slot,
    pub(crate) in_rr: Slot,
    pub(crate) antiloop_id: Slot,
    pub(crate) server_transaction: Slot,
    /// The Proxy that routed it last.
    pub(crate) core: Slot,
    /// The To tag of replies without the engine.
    pub(crate) detached_tag: OnceCell<Bytes>,
}

impl DataTypeFunctions for MessageObject {
    fn mark(&self, marker: &Marker) {
        self.headers.mark(marker);
        let slots = [
            &self.ruri,
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
            &self.tvars,
            &self.cvars,
            &self.request,
            &self.reason,
            &self.via_rport,
            &self.via_branch_id,
            &self.flags.route_token,
            &self.flags.proxied,
            &self.flags.in_rr,
            &self.flags.antiloop_id,
            &self.flags.server_transaction,
            &self.flags.core,
        ];
        slots.into_iter().for_each(|slot| slot.mark(marker));
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.received.get().map_or(0, |_| self.received().head_bytes().len())
    }
}

// SAFETY: instances are made by `wrap` only (the classes have no allocator); every slot is marked, freed without calling
// Ruby, and written through `Slot::set`, which carries the write barrier.
unsafe impl TypedData for MessageObject {
    fn class(ruby: &Ruby) -> RClass {
        static CLASS: Lazy<RClass> = Lazy::new(|ruby| crate::uri::sip_class(ruby, "Message"));
        ruby.get_inner(&CLASS)
    }

    fn data_type() -> &'static DataType {
        static DATA_TYPE: DataType = DataTypeBuilder::<MessageObject>::new(c"OverSIP::SIP::Message")
            .mark()
            .size()
            .free_immediately()
            .wb_protected()
            .build();
        &DATA_TYPE
    }
}

/// A message as a method gets it.
pub type This = Obj<MessageObject>;

impl MessageObject {
    /// An object of `class` around a message.
    pub fn wrap(ruby: &Ruby, class: RClass, received: Received) -> This {
        let object = MessageObject::default();
        let _ = object.received.set(received);
        ruby.obj_wrap_as(object, class)
    }

    /// The message as it was received.
    pub fn received(&self) -> &Message {
        match self.received.get() {
            Some(Received::Incoming(request)) => &request.message,
            Some(Received::Detached(message)) => message,
            Some(Received::Response(message)) => message,
            None => unreachable!("every message object is made around a message"),
        }
    }

    /// The request in the engine; nothing for a response or a detached request.
    pub fn incoming(&self) -> Option<Arc<IncomingRequest>> {
        match self.received.get() {
            Some(Received::Incoming(request)) => Some(request.clone()),
            _ => None,
        }
    }
}

/// A message from a complete text, for `Request.parse` and `Response.parse`. Raises `OverSIP::ParsingError`.
pub fn from_text(ruby: &Ruby, text: Value, request: bool) -> Result<Message, Error> {
    let bytes = text::string_argument(ruby, text, "Argument must be a String")?;
    match Message::parse(bytes.clone()) {
        Ok((mut message, head)) if message.is_request() == request => {
            message.set_body(bytes.slice(head..));
            Ok(message)
        }
        Ok(_) => {
            Err(text::parsing_error(ruby, if request { "not a SIP request" } else { "not a SIP response" }))
        }
        Err(error) => {
            Err(text::parsing_error(ruby, format!("not a SIP message: {}", error.describe(&bytes))))
        }
    }
}

/// A Request or Response without a connection.
pub fn detached(ruby: &Ruby, message: Message) -> This {
    let class = if message.is_request() { request::class(ruby) } else { response::class(ruby) };
    MessageObject::wrap(ruby, class, Received::Detached(Box::new(message)))
}

/// A line that tells messages apart, without the body.
pub fn describe(class: &str, this: This, what: &str) -> String {
    let cut = |text: &[u8]| String::from_utf8_lossy(&text[..text.len().min(100)]).into_owned();
    let received = this.received();
    let call_id = cut(received.call_id().unwrap_or_default());
    let source = source(this).map(|source| format!(" from {}:{}", source.transport, source.remote));
    format!("#<{class} {} call_id={call_id}{}>", cut(what.as_bytes()), source.unwrap_or_default())
}

fn integer(ruby: &Ruby, number: u32) -> Value {
    ruby.integer_from_i64(i64::from(number)).as_value()
}

fn integer_or_nil(ruby: &Ruby, number: Option<u32>) -> Value {
    number.map_or_else(|| ruby.qnil().as_value(), |number| integer(ruby, number))
}

/// Defines `Message`.
pub fn define(ruby: &Ruby, sip: RModule) -> Result<RClass, Error> {
    let class = sip.define_class("Message", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.const_set("EMPTY_ARRAY", {
        let empty = ruby.ary_new();
        empty.freeze();
        empty
    })?;
    class.define_singleton_method("headerize", function!(message_parser::headerize, 1))?;
    class.define_method("headers", method!(headers::hash, 0))?;
    class.define_method("hdr_via", method!(headers::hdr_via, 0))?;
    class.define_method("hdr_route", method!(headers::hdr_route, 0))?;
    class.define_method("hdr_from", method!(headers::hdr_from, 0))?;
    class.define_method("hdr_to", method!(headers::hdr_to, 0))?;
    class.define_method("has_header?", method!(headers::has_header, 1))?;
    class.define_method("header", method!(headers::header, 1))?;
    class.define_method("header_top", method!(headers::header, 1))?;
    class.define_method("header_all", method!(headers::header_all, 1))?;
    class.define_method("set_header", method!(headers::set_header, 2))?;
    class.define_method("delete_header", method!(headers::delete_header, 1))?;
    class.define_method("delete_header_top", method!(headers::delete_header_top, 1))?;
    class.define_method("insert_header", method!(headers::insert_header, 2))?;
    class.define_method("append_header", method!(headers::append_header, 2))?;
    class.define_method("replace_header_top", method!(headers::replace_header_top, 2))?;
    attributes::define(class)?;
    addresses::define(class)?;
    via::define(class)?;
    source::define(class)?;
    methods::define(ruby, class)?;
    Ok(class)
}
