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
    Error, RArray, RClass, RHash, RModule, Ruby, Symbol, TypedData, Value,
};
use oversip::client::IncomingResponse;
use oversip::engine::IncomingRequest;
use oversip::message::{HeaderName, Message, Method};
use oversip::transport::{Source, Transport};

use crate::{
    connection,
    headers::{self, HeaderState},
    name_addr, runtime,
    slot::Slot,
    text::{self, binary, symbol, true_or_nil, utf8, utf8_or_nil},
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
        Err(error) => Err(text::parsing_error(ruby, format!("not a SIP message: {error}"))),
    }
}

/// A line that tells messages apart, without the body.
pub fn describe(class: &str, this: This, what: &str) -> String {
    let cut = |text: &[u8]| String::from_utf8_lossy(&text[..text.len().min(100)]).into_owned();
    let received = this.received();
    let call_id = cut(received.call_id().unwrap_or_default());
    let source = source(this).map(|source| format!(" from {}:{}", source.transport, source.remote));
    format!("#<{class} {} call_id={call_id}{}>", cut(what.as_bytes()), source.unwrap_or_default())
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

fn integer(ruby: &Ruby, number: u32) -> Value {
    ruby.integer_from_i64(i64::from(number)).as_value()
}

fn integer_or_nil(ruby: &Ruby, number: Option<u32>) -> Value {
    number.map_or_else(|| ruby.qnil().as_value(), |number| integer(ruby, number))
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

// Where the message came from. A script may set all of it, for the eyes of other parts of the script.

fn source(this: This) -> Option<Source> {
    match this.received.get() {
        Some(Received::Incoming(request)) => Some(request.source),
        Some(Received::Response(response)) => Some(response.source),
        Some(Received::Detached(_)) | None => None,
    }
}

/// What a script has set, else what the source says; nil for a message without one.
fn of_source(ruby: &Ruby, this: This, slot: &Slot, read: impl FnOnce(Source) -> Value) -> Value {
    slot.get(ruby).unwrap_or_else(|| match source(this) {
        Some(source) => read(source),
        None => ruby.qnil().as_value(),
    })
}

fn transport(ruby: &Ruby, this: This) -> Value {
    of_source(ruby, this, &this.transport, |source| symbol(ruby, source.transport.as_str()))
}

fn source_ip(ruby: &Ruby, this: This) -> Value {
    of_source(ruby, this, &this.source_ip, |source| {
        utf8(ruby, source.remote.ip().to_string().as_bytes()).as_value()
    })
}

fn source_port(ruby: &Ruby, this: This) -> Value {
    of_source(ruby, this, &this.source_port, |source| integer(ruby, u32::from(source.remote.port())))
}

fn source_ip_type(ruby: &Ruby, this: This) -> Value {
    of_source(ruby, this, &this.source_ip_type, |source| {
        symbol(ruby, if source.remote.is_ipv4() { "ipv4" } else { "ipv6" })
    })
}

/// `connection`: the connection of the message, or the UDP socket with the peer's address.
pub fn connection(ruby: &Ruby, this: This) -> Result<Value, Error> {
    if let Some(value) = this.connection.get(ruby) {
        return Ok(value);
    }
    let value = match source(this) {
        Some(source) => connection::of(ruby, &source)?,
        None => ruby.qnil().as_value(),
    };
    this.connection.set(this, value);
    Ok(value)
}

/// `close_connection`: false for UDP.
fn close_connection(ruby: &Ruby, this: This) -> Result<bool, Error> {
    match source(this).and_then(|source| source.connection) {
        Some(connection) => {
            runtime::engine(ruby)?.close_connection(connection);
            Ok(true)
        }
        None => Ok(false),
    }
}

/// `via_rport`: the source port when the sender asks for it and its transport lets the server say so (RFC 3581).
fn via_rport(ruby: &Ruby, this: This) -> Value {
    let asked = this.received().top_via().is_some_and(|via| via.has_rport());
    let source = source(this).filter(|source| asked && !source.transport.websocket());
    this.via_rport
        .get(ruby)
        .unwrap_or_else(|| integer_or_nil(ruby, source.map(|source| u32::from(source.remote.port()))))
}

/// From now on `via_rport` is the source port.
pub fn use_source_port(ruby: &Ruby, this: This) {
    let port = source_port(ruby, this);
    this.via_rport.set(this, port);
}

/// Defines writers that only store.
macro_rules! writers {
    ($($name:ident => $slot:ident;)*) => {
        $(fn $name(this: This, value: Value) -> Value {
            this.$slot.set(this, value);
            value
        })*
    };
}

writers! {
    set_transport => transport;
    set_source_ip => source_ip;
    set_source_port => source_port;
    set_source_ip_type => source_ip_type;
    set_connection => connection;
    set_via_rport => via_rport;
}

/// Whether the transport is one of these.
fn is_over(ruby: &Ruby, this: This, transports: &[Transport]) -> bool {
    match this.transport.get(ruby) {
        Some(set) => Symbol::from_value(set)
            .and_then(|set| set.name().ok())
            .is_some_and(|name| transports.iter().any(|transport| transport.as_str() == name)),
        None => source(this).is_some_and(|source| transports.contains(&source.transport)),
    }
}

fn is_udp(ruby: &Ruby, this: This) -> bool {
    is_over(ruby, this, &[Transport::Udp])
}

fn is_tcp(ruby: &Ruby, this: This) -> bool {
    is_over(ruby, this, &[Transport::Tcp])
}

fn is_tls(ruby: &Ruby, this: This) -> bool {
    is_over(ruby, this, &[Transport::Tls])
}

fn is_ws(ruby: &Ruby, this: This) -> bool {
    is_over(ruby, this, &[Transport::Ws])
}

fn is_wss(ruby: &Ruby, this: This) -> bool {
    is_over(ruby, this, &[Transport::Wss])
}

fn is_websocket(ruby: &Ruby, this: This) -> bool {
    is_over(ruby, this, &[Transport::Ws, Transport::Wss])
}

/// `secure?` of a request.
pub fn is_secure(ruby: &Ruby, this: This) -> bool {
    is_over(ruby, this, &[Transport::Tls, Transport::Wss])
}

/// Methods that create a dialog.
const DIALOG_FORMING: [Method; 3] = [Method::Invite, Method::Subscribe, Method::Refer];
/// Methods that Outbound and record-routing are meant for.
const ROUTING_AWARE: [Method; 4] = [Method::Invite, Method::Register, Method::Subscribe, Method::Refer];

/// Whether Outbound and record-routing are meant for a method.
pub fn is_outbound_aware_method(method: Option<&Method>) -> bool {
    method.is_some_and(|method| ROUTING_AWARE.contains(method))
}

/// `{ INVITE: true, ... }`, as scripts of the original look methods up.
fn method_table(ruby: &Ruby, methods: &[Method]) -> Result<RHash, Error> {
    let table = ruby.hash_new();
    for method in methods {
        table.aset(method_value(ruby, method), true)?;
    }
    table.freeze();
    Ok(table)
}

fn is_dialog_forming(ruby: &Ruby, this: This) -> Value {
    true_or_nil(ruby, this.received().method().is_some_and(|method| DIALOG_FORMING.contains(method)))
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
    class.const_set("DIALOG_FORMING_METHODS", method_table(ruby, &DIALOG_FORMING)?)?;
    class.const_set("RECORD_ROUTING_AWARE_METHODS", method_table(ruby, &ROUTING_AWARE)?)?;
    class.const_set("OUTBOUND_AWARE_METHODS", method_table(ruby, &ROUTING_AWARE)?)?;
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
    class.define_method("via_rport", method!(via_rport, 0))?;
    class.define_method("via_rport=", method!(set_via_rport, 1))?;
    class.define_method("transport", method!(transport, 0))?;
    class.define_method("transport=", method!(set_transport, 1))?;
    class.define_method("source_ip", method!(source_ip, 0))?;
    class.define_method("source_ip=", method!(set_source_ip, 1))?;
    class.define_method("source_port", method!(source_port, 0))?;
    class.define_method("source_port=", method!(set_source_port, 1))?;
    class.define_method("source_ip_type", method!(source_ip_type, 0))?;
    class.define_method("source_ip_type=", method!(set_source_ip_type, 1))?;
    class.define_method("connection", method!(connection, 0))?;
    class.define_method("connection=", method!(set_connection, 1))?;
    class.define_method("close_connection", method!(close_connection, 0))?;
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
