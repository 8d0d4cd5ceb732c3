//! `OverSIP::SIP::Message`: what requests and responses share. A thin object: a Rust message inside, Ruby objects made
//! when they are asked for.

use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;

use bytes::Bytes;
use magnus::{
    gc::Marker,
    method,
    prelude::*,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions, Obj},
    value::Lazy,
    Error, RArray, RClass, RHash, RModule, Ruby, TypedData, Value,
};
use oversip::engine::IncomingRequest;
use oversip::message::{HeaderName, Message, Method};
use oversip::transport::Transport;

use crate::{
    headers::{self, HeaderState},
    name_addr,
    slot::Slot,
    text::{self, binary, symbol, true_or_nil, utf8, utf8_or_nil},
};

/// Where the received message is.
pub enum Received {
    /// A request from the network.
    Incoming(Arc<IncomingRequest>),
    /// A request made from text, without a way back.
    Detached(Box<Message>),
    /// A response.
    Response(Arc<Message>),
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
    pub(crate) connection: Slot,
    pub(crate) tvars: Slot,
    pub(crate) cvars: Slot,
    /// Of a response: its request.
    pub(crate) request: Slot,
    pub(crate) status: Cell<Option<u16>>,
    pub(crate) reason: Slot,
    pub(crate) via_rport: Slot,
    pub(crate) via_branch_id: Slot,
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
    pub(crate) from_was_modified: Cell<bool>,
    pub(crate) to_was_modified: Cell<bool>,
    /// Values of edited From, To and Contact headers that went out while there was no Hash to put them into.
    pub(crate) sent_edits: RefCell<Vec<(HeaderName, Bytes)>>,
    pub(crate) proxied: Slot,
    pub(crate) in_rr: Slot,
    pub(crate) antiloop_id: Slot,
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

    /// The response in the engine.
    pub fn response(&self) -> Option<&Arc<Message>> {
        match self.received.get() {
            Some(Received::Response(message)) => Some(message),
            _ => None,
        }
    }
}

/// The Symbol of a known method, else the name as String.
pub fn method_value(ruby: &Ruby, method: &Method) -> Value {
    if method.is_known() {
        symbol(ruby, &String::from_utf8_lossy(method.as_bytes()))
    } else {
        utf8(ruby, method.as_bytes()).as_value()
    }
}

fn sip_method(ruby: &Ruby, this: This) -> Value {
    this.received().method().map_or_else(|| ruby.qnil().as_value(), |method| method_value(ruby, method))
}

fn is_unknown_method(ruby: &Ruby, this: This) -> Value {
    true_or_nil(ruby, this.received().method().is_some_and(|method| !method.is_known()))
}

fn sip_version(ruby: &Ruby, this: This) -> Value {
    utf8(ruby, this.received().version()).as_value()
}

fn is_request(this: This) -> bool {
    this.received().is_request()
}

fn is_response(this: This) -> bool {
    !this.received().is_request()
}

/// `body`: nil when there is none.
fn body(ruby: &Ruby, this: This) -> Value {
    if let Some(body) = this.body.get(ruby) {
        return body;
    }
    let bytes = this.received().body();
    if bytes.is_empty() {
        return ruby.qnil().as_value();
    }
    let body = utf8(ruby, bytes).as_value();
    this.body.set(this, body);
    body
}

fn set_body(this: This, body: Value) -> Value {
    this.body.set(this, body);
    body
}

/// The body that goes out.
pub fn body_bytes(ruby: &Ruby, this: This) -> Result<Bytes, Error> {
    match this.body.get(ruby) {
        None => Ok(this.received().body().clone()),
        Some(body) if body.is_nil() => Ok(Bytes::new()),
        Some(body) => text::text_of(body),
    }
}

fn integer_or_nil(ruby: &Ruby, number: Option<u32>) -> Value {
    match number {
        Some(number) => ruby.integer_from_i64(i64::from(number)).as_value(),
        None => ruby.qnil().as_value(),
    }
}

fn call_id(ruby: &Ruby, this: This) -> Value {
    utf8_or_nil(ruby, this.received().call_id())
}

fn cseq(ruby: &Ruby, this: This) -> Value {
    integer_or_nil(ruby, this.received().cseq())
}

fn max_forwards(ruby: &Ruby, this: This) -> Value {
    integer_or_nil(ruby, this.received().max_forwards().map(u32::from))
}

fn content_length(ruby: &Ruby, this: This) -> Value {
    integer_or_nil(ruby, this.received().content_length())
}

fn from_tag(ruby: &Ruby, this: This) -> Value {
    utf8_or_nil(ruby, this.received().from_tag())
}

fn to_tag(ruby: &Ruby, this: This) -> Value {
    utf8_or_nil(ruby, this.received().to_tag())
}

/// A NameAddr made at the first look and kept.
fn name_addr_of(
    ruby: &Ruby,
    this: This,
    slot: &Slot,
    parsed: Option<oversip::message::NameAddrRef<'_>>,
) -> Value {
    if let Some(value) = slot.get(ruby) {
        return value;
    }
    let value = match parsed {
        Some(parsed) => name_addr::wrap(ruby, name_addr::class(ruby), &parsed).as_value(),
        None => ruby.qnil().as_value(),
    };
    slot.set(this, value);
    value
}

fn from(ruby: &Ruby, this: This) -> Value {
    name_addr_of(ruby, this, &this.from, this.received().from())
}

fn to(ruby: &Ruby, this: This) -> Value {
    name_addr_of(ruby, this, &this.to, this.received().to())
}

fn set_from(this: This, value: Value) -> Value {
    this.from.set(this, value);
    value
}

fn set_to(this: This, value: Value) -> Value {
    this.to.set(this, value);
    value
}

fn contact(ruby: &Ruby, this: This) -> Value {
    name_addr_of(ruby, this, &this.contact, this.received().contact())
}

fn contact_params(ruby: &Ruby, this: This) -> Value {
    utf8_or_nil(ruby, this.received().contact_params())
}

fn contact_has_reg_id(ruby: &Ruby, this: This) -> Value {
    true_or_nil(ruby, this.received().contact_has_reg_id())
}

/// `routes`: the Route URIs that are left, nil when there are none.
pub fn routes(ruby: &Ruby, this: This) -> Result<Value, Error> {
    if let Some(routes) = this.routes.get(ruby) {
        return Ok(routes);
    }
    let list = ruby.ary_new();
    for (_, route) in this.received().routes().skip(this.headers.removed_routes()) {
        list.push(name_addr::wrap(ruby, name_addr::class(ruby), &route))?;
    }
    let routes = if list.is_empty() { ruby.qnil().as_value() } else { list.as_value() };
    this.routes.set(this, routes);
    Ok(routes)
}

fn tags(ruby: &Ruby, tags: Vec<Vec<u8>>) -> Result<Value, Error> {
    if tags.is_empty() {
        return Ok(ruby.qnil().as_value());
    }
    let list: RArray = ruby.ary_new();
    for tag in tags {
        list.push(utf8(ruby, &tag))?;
    }
    Ok(list.as_value())
}

fn require(ruby: &Ruby, this: This) -> Result<Value, Error> {
    tags(ruby, this.received().require())
}

fn proxy_require(ruby: &Ruby, this: This) -> Result<Value, Error> {
    tags(ruby, this.received().proxy_require())
}

fn supported(ruby: &Ruby, this: This) -> Result<Value, Error> {
    tags(ruby, this.received().supported())
}

fn via_sent_by_host(ruby: &Ruby, this: This) -> Value {
    utf8_or_nil(ruby, this.received().top_via().map(|via| via.host()))
}

fn via_sent_by_port(ruby: &Ruby, this: This) -> Value {
    integer_or_nil(ruby, this.received().top_via().and_then(|via| via.port()).map(u32::from))
}

fn via_branch(ruby: &Ruby, this: This) -> Value {
    utf8_or_nil(ruby, this.received().top_via().and_then(|via| via.branch()))
}

fn via_branch_rfc3261(ruby: &Ruby, this: This) -> Value {
    true_or_nil(ruby, this.received().top_via().is_some_and(|via| via.branch_rfc3261()))
}

fn via_branch_id(ruby: &Ruby, this: This) -> Value {
    match this.via_branch_id.get(ruby) {
        Some(value) => value,
        None => utf8_or_nil(ruby, this.received().branch_id()),
    }
}

fn set_via_branch_id(this: This, value: Value) -> Value {
    this.via_branch_id.set(this, value);
    value
}

fn via_received(ruby: &Ruby, this: This) -> Value {
    utf8_or_nil(ruby, this.received().top_via().and_then(|via| via.received()))
}

fn via_has_rport(ruby: &Ruby, this: This) -> Value {
    true_or_nil(ruby, this.received().top_via().is_some_and(|via| via.has_rport()))
}

fn via_has_alias(ruby: &Ruby, this: This) -> Value {
    true_or_nil(ruby, this.received().top_via().is_some_and(|via| via.has_alias()))
}

fn via_core_value(ruby: &Ruby, this: This) -> Value {
    utf8_or_nil(ruby, this.received().top_via().map(|via| via.core()))
}

fn via_params(ruby: &Ruby, this: This) -> Result<Value, Error> {
    let Some(via) = this.received().top_via() else { return Ok(ruby.qnil().as_value()) };
    let params: RHash = ruby.hash_new();
    for (key, value) in via.params() {
        params.aset(utf8(ruby, &key.to_ascii_lowercase()), utf8_or_nil(ruby, value))?;
    }
    Ok(if params.is_empty() { ruby.qnil().as_value() } else { params.as_value() })
}

fn num_vias(this: This) -> usize {
    this.received().num_vias()
}

/// The transport that the message came over.
fn transport_of(this: This) -> Option<Transport> {
    this.incoming().map(|incoming| incoming.source.transport)
}

fn transport(ruby: &Ruby, this: This) -> Value {
    match transport_of(this) {
        Some(transport) => symbol(ruby, transport.as_str()),
        None => ruby.qnil().as_value(),
    }
}

fn is_udp(this: This) -> bool {
    transport_of(this) == Some(Transport::Udp)
}

fn is_tcp(this: This) -> bool {
    transport_of(this) == Some(Transport::Tcp)
}

fn is_tls(this: This) -> bool {
    transport_of(this) == Some(Transport::Tls)
}

fn is_ws(this: This) -> bool {
    transport_of(this) == Some(Transport::Ws)
}

fn is_wss(this: This) -> bool {
    transport_of(this) == Some(Transport::Wss)
}

fn is_websocket(this: This) -> bool {
    transport_of(this).is_some_and(Transport::websocket)
}

/// Methods that create a dialog.
pub fn is_dialog_forming_method(method: Option<&Method>) -> bool {
    matches!(method, Some(Method::Invite | Method::Subscribe | Method::Refer))
}

/// Methods that Outbound and record-routing are meant for.
pub fn is_outbound_aware_method(method: Option<&Method>) -> bool {
    is_dialog_forming_method(method) || method == Some(&Method::Register)
}

fn is_dialog_forming(ruby: &Ruby, this: This) -> Value {
    true_or_nil(ruby, is_dialog_forming_method(this.received().method()))
}

fn is_outbound_aware(ruby: &Ruby, this: This) -> Value {
    true_or_nil(ruby, is_outbound_aware_method(this.received().method()))
}

/// The canonical name of a header, BINARY-tagged as the keys of the Hash.
fn headerize(ruby: &Ruby, name: Value) -> Result<Value, Error> {
    let name = text::string_argument(ruby, name, "Argument must be a String")?;
    Ok(binary(ruby, &oversip::message::headerize(&name)).as_value())
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
    class.define_singleton_method("headerize", magnus::function!(headerize, 1))?;
    class.define_method("sip_method", method!(sip_method, 0))?;
    class.define_method("unknown_method?", method!(is_unknown_method, 0))?;
    class.define_method("sip_version", method!(sip_version, 0))?;
    class.define_method("request?", method!(is_request, 0))?;
    class.define_method("response?", method!(is_response, 0))?;
    class.define_method("body", method!(body, 0))?;
    class.define_method("body=", method!(set_body, 1))?;
    class.define_method("call_id", method!(call_id, 0))?;
    class.define_method("cseq", method!(cseq, 0))?;
    class.define_method("max_forwards", method!(max_forwards, 0))?;
    class.define_method("content_length", method!(content_length, 0))?;
    class.define_method("from", method!(from, 0))?;
    class.define_method("from=", method!(set_from, 1))?;
    class.define_method("from_tag", method!(from_tag, 0))?;
    class.define_method("to", method!(to, 0))?;
    class.define_method("to=", method!(set_to, 1))?;
    class.define_method("to_tag", method!(to_tag, 0))?;
    class.define_method("contact", method!(contact, 0))?;
    class.define_method("contact_params", method!(contact_params, 0))?;
    class.define_method("contact_reg_id?", method!(contact_has_reg_id, 0))?;
    class.define_method("routes", method!(routes, 0))?;
    class.define_method("require", method!(require, 0))?;
    class.define_method("proxy_require", method!(proxy_require, 0))?;
    class.define_method("supported", method!(supported, 0))?;
    class.define_method("via_sent_by_host", method!(via_sent_by_host, 0))?;
    class.define_method("via_sent_by_port", method!(via_sent_by_port, 0))?;
    class.define_method("via_branch", method!(via_branch, 0))?;
    class.define_method("via_branch_rfc3261", method!(via_branch_rfc3261, 0))?;
    class.define_method("via_branch_id", method!(via_branch_id, 0))?;
    class.define_method("via_branch_id=", method!(set_via_branch_id, 1))?;
    class.define_method("via_received", method!(via_received, 0))?;
    class.define_method("via_has_rport", method!(via_has_rport, 0))?;
    class.define_method("via_rport?", method!(via_has_rport, 0))?;
    class.define_method("via_has_alias", method!(via_has_alias, 0))?;
    class.define_method("via_alias?", method!(via_has_alias, 0))?;
    class.define_method("via_core_value", method!(via_core_value, 0))?;
    class.define_method("via_params", method!(via_params, 0))?;
    class.define_method("num_vias", method!(num_vias, 0))?;
    class.define_method("transport", method!(transport, 0))?;
    class.define_method("udp?", method!(is_udp, 0))?;
    class.define_method("tcp?", method!(is_tcp, 0))?;
    class.define_method("tls?", method!(is_tls, 0))?;
    class.define_method("ws?", method!(is_ws, 0))?;
    class.define_method("wss?", method!(is_wss, 0))?;
    class.define_method("websocket?", method!(is_websocket, 0))?;
    class.define_method("dialog_forming?", method!(is_dialog_forming, 0))?;
    class.define_method("record_routing_aware?", method!(is_outbound_aware, 0))?;
    class.define_method("outbound_aware?", method!(is_outbound_aware, 0))?;
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
    Ok(class)
}
