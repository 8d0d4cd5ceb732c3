//! `OverSIP::SIP::Request`.

use std::sync::Arc;

use bytes::Bytes;
use magnus::{
    method, prelude::*, scan_args::scan_args, typed_data::Obj, value::Lazy, Error, RArray, RClass, RHash,
    RModule, RString, Ruby, Value,
};
use oversip::client::{local_uri, IncomingFlow, LooseRoute, OutboundFacts, RestoreHeaders};
use oversip::engine::{Engine, IncomingRequest};
use oversip::message::{HeaderName, Headers, Message, Method, RequestSnapshot, UriRef};

use crate::{
    headers::{self, Wire},
    message::{self, body_bytes, is_outbound_aware_method, routes, MessageObject, Received, This},
    name_addr, response, runtime, server_transaction,
    text::{self, true_or_nil, utf8},
    uri::{self, sip_class, UriObject},
};

fn class(ruby: &Ruby) -> RClass {
    static CLASS: Lazy<RClass> = Lazy::new(|ruby| sip_class(ruby, "Request"));
    ruby.get_inner(&CLASS)
}

/// A Request for one from the network.
pub fn wrap(ruby: &Ruby, incoming: Arc<IncomingRequest>) -> This {
    MessageObject::wrap(ruby, class(ruby), Received::Incoming(incoming))
}

/// The request that a value is, if it is one.
pub fn from_value(value: Value) -> Option<This> {
    text::object_of(&Ruby::get_with(value), value).filter(|this: &This| this.received().is_request())
}

/// `Request.parse(text)`: a request without a connection, for tests and tools. Raises `OverSIP::ParsingError`.
fn parse(ruby: &Ruby, class: RClass, text: Value) -> Result<This, Error> {
    let message = message::from_text(ruby, text, true)?;
    Ok(MessageObject::wrap(ruby, class, Received::Detached(Box::new(message))))
}

// The Request-URI.

fn ruri(ruby: &Ruby, this: This) -> Value {
    if let Some(value) = this.ruri.get(ruby) {
        return value;
    }
    let received = this.received();
    let text = received.ruri().map_or_else(Bytes::new, |uri| received.head_bytes().slice_ref(uri.text));
    let value = UriObject::new_uri(ruby, text).as_value();
    this.ruri.set(this, value);
    value
}

fn set_ruri(ruby: &Ruby, this: This, value: Value) -> Result<Value, Error> {
    let uri = if text::object_of::<UriObject>(ruby, value).is_some() {
        value
    } else if RString::from_value(value).is_some() {
        sip_class(ruby, "Uri").funcall("parse", (value,))?
    } else {
        return Err(text::runtime_error(ruby, format!("invalid URI {}", value.inspect())));
    };
    this.ruri.set(this, uri);
    Ok(value)
}

/// The Request-URI that goes out.
fn ruri_bytes(ruby: &Ruby, this: This) -> Result<Bytes, Error> {
    let Some(value) = this.ruri.get(ruby) else {
        let received = this.received();
        return Ok(received.ruri().map_or_else(Bytes::new, |uri| received.head_bytes().slice_ref(uri.text)));
    };
    let text = uri::uri_text(ruby, Obj::<UriObject>::try_convert(value)?)?;
    text.ok_or_else(|| text::runtime_error(ruby, "the Request-URI has no text"))
}

/// The Request-URI that goes out now; an edit of it is taken over.
fn sent_ruri(ruby: &Ruby, this: This) -> Result<Bytes, Error> {
    let text = ruri_bytes(ruby, this)?;
    if let Some(Ok(uri)) = this.ruri.get(ruby).map(Obj::<UriObject>::try_convert) {
        uri.edit_was_taken_over();
    }
    Ok(text)
}

// What the dialog and the routing rest on.

fn is_initial(this: This) -> bool {
    this.received().to_tag().is_none()
}

fn in_dialog(ruby: &Ruby, this: This) -> Value {
    text::utf8_or_nil(ruby, this.received().to_tag())
}

fn log_id(ruby: &Ruby, this: This) -> Value {
    let branch = String::from_utf8_lossy(this.received().branch_id().unwrap_or_default()).into_owned();
    utf8(ruby, format!("SIP Request {branch}").as_bytes()).as_value()
}

/// `tvars`: the Hash of this request.
pub fn tvars(ruby: &Ruby, this: This) -> Value {
    this.tvars.get(ruby).unwrap_or_else(|| {
        let hash = ruby.hash_new().as_value();
        this.tvars.set(this, hash);
        hash
    })
}

fn set_tvars(this: This, value: Value) -> Value {
    this.tvars.set(this, value);
    value
}

/// `cvars`: the Hash of the connection; over UDP one of its own for each request.
fn cvars(ruby: &Ruby, this: This) -> Result<Value, Error> {
    if let Some(value) = this.cvars.get(ruby) {
        return Ok(value);
    }
    let connection = message::connection(ruby, this)?;
    let value =
        if connection.is_nil() { ruby.hash_new().as_value() } else { connection.funcall("cvars", ())? };
    this.cvars.set(this, value);
    Ok(value)
}

fn set_cvars(this: This, value: Value) -> Value {
    this.cvars.set(this, value);
    value
}

fn antiloop_id(ruby: &Ruby, this: This) -> Value {
    if let Some(value) = this.flags.antiloop_id.get(ruby) {
        return value;
    }
    match this.incoming() {
        Some(incoming) => utf8(ruby, &incoming.antiloop_id).as_value(),
        None => ruby.qnil().as_value(),
    }
}

fn set_antiloop_id(this: This, value: Value) -> Value {
    this.flags.antiloop_id.set(this, value);
    value
}

fn proxied(ruby: &Ruby, this: This) -> Value {
    this.flags.proxied.get_or_nil(ruby)
}

fn set_proxied(this: This, value: Value) -> Value {
    this.flags.proxied.set(this, value);
    value
}

fn in_rr(ruby: &Ruby, this: This) -> Value {
    this.flags.in_rr.get_or_nil(ruby)
}

fn set_in_rr(this: This, value: Value) -> Value {
    this.flags.in_rr.set(this, value);
    value
}

// Hop count.

fn new_max_forwards(this: This) -> Option<u32> {
    this.flags.new_max_forwards.get()
}

/// `check_max_forwards(n)`: false after replying 483.
fn check_max_forwards(ruby: &Ruby, this: This, limit: u32) -> Result<bool, Error> {
    let new = match this.received().max_forwards().map(u32::from) {
        Some(0) => {
            if let Some(incoming) = this.incoming() {
                runtime::engine(ruby)?.reply(&incoming, 483, b"Too Many Hops", &[], b"");
            }
            return Ok(false);
        }
        Some(received) if received <= limit => received - 1,
        Some(_) | None => limit,
    };
    this.flags.new_max_forwards.set(Some(new));
    Ok(true)
}

// Replies and transactions.

/// `reply(status_code, reason_phrase = nil, extra_headers = [], body = nil)`.
fn reply(ruby: &Ruby, this: This, args: &[Value]) -> Result<bool, Error> {
    type Optional = (Option<Value>, Option<Value>, Option<Value>);
    let args = scan_args::<(Value,), Optional, (), (), (), ()>(args)?;
    let (reason, extra, body) = args.optional;
    let given = |value: Option<Value>| value.filter(|value| !value.is_nil());
    if RString::from_value(args.required.0).is_some() {
        return Err(Error::new(ruby.exception_arg_error(), "status code must be an Integer"));
    }
    let status = u16::try_convert(args.required.0)?;
    if !(100..=699).contains(&status) {
        return Err(Error::new(ruby.exception_arg_error(), format!("invalid status code {status}")));
    }
    let reason = match given(reason) {
        Some(reason) => text::text_of(reason)?,
        None => Bytes::from_static(oversip::message::reason_phrase(status).as_bytes()),
    };
    let mut lines = Vec::new();
    if let Some(extra) = given(extra) {
        let Some(extra) = RArray::from_value(extra) else {
            return Err(Error::new(ruby.exception_type_error(), "extra headers must be an Array"));
        };
        let mut index = 0;
        while index < extra.len() {
            lines.push(text::text_of(extra.entry(index as isize)?)?);
            index += 1;
        }
    }
    let body = given(body).map(text::text_of).transpose()?.unwrap_or_default();
    let engine = runtime::engine(ruby)?;
    match this.incoming() {
        Some(incoming) => Ok(engine.reply(&incoming, status, &reason, &lines, &body)),
        None => Ok(false),
    }
}

/// `reply_full(response)`.
fn reply_full(ruby: &Ruby, this: This, response: Value) -> Result<bool, Error> {
    let Some(response) = response::from_value(response) else {
        return Err(Error::new(ruby.exception_type_error(), "response must be a OverSIP::SIP::Response"));
    };
    response::set_content_length(ruby, response)?;
    let snapshot = response::snapshot(ruby, response)?;
    let engine = runtime::engine(ruby)?;
    match this.incoming() {
        Some(incoming) => Ok(engine.reply_full(&incoming, &snapshot)),
        None => Ok(false),
    }
}

fn create_transaction(ruby: &Ruby, this: This) -> Result<Option<bool>, Error> {
    let engine = runtime::engine(ruby)?;
    Ok(this.incoming().and_then(|incoming| engine.create_transaction(&incoming)))
}

fn server_transaction(ruby: &Ruby, this: This) -> Value {
    match this.incoming().filter(|incoming| incoming.transaction_state().is_some()) {
        Some(incoming) => server_transaction::wrap(ruby, incoming).as_value(),
        None => ruby.qnil().as_value(),
    }
}

// Routing (RFC 3261 16.4, RFC 5626).

fn outbound_facts(ruby: &Ruby, this: This) -> Result<OutboundFacts, Error> {
    let received = this.received();
    let contact = text::object_of::<UriObject>(ruby, this.funcall("contact", ())?);
    let contact_ob = match contact {
        Some(contact) => {
            let text = uri::uri_text(ruby, contact)?.unwrap_or_default();
            UriRef::parse(&text).is_some_and(|uri| uri.ob())
        }
        None => false,
    };
    Ok(OutboundFacts {
        initial: received.to_tag().is_none(),
        outbound_listener: this.incoming().is_some_and(|incoming| incoming.source.inbound),
        forced: this.flags.force_outgoing_outbound.get(),
        single_via: received.num_vias() == 1,
        outbound_aware: is_outbound_aware_method(received.method()),
        contact_ob,
        register_reg_id: received.method() == Some(&Method::Register) && received.contact_has_reg_id(),
    })
}

/// The token of the flow that the request came by; memoised.
fn own_flow_token(engine: &Engine, this: This) -> Option<String> {
    let token = this
        .flags
        .own_token
        .get_or_init(|| this.incoming().and_then(|incoming| engine.flow_token(&incoming.source)));
    token.clone()
}

fn connection_outbound_flow_token(ruby: &Ruby, this: This) -> Result<Option<String>, Error> {
    Ok(own_flow_token(&*runtime::engine(ruby)?, this))
}

/// The URIs of the routes that are left, as text.
fn route_texts(ruby: &Ruby, this: This) -> Result<Vec<Bytes>, Error> {
    let Some(list) = RArray::from_value(routes(ruby, this)?) else { return Ok(Vec::new()) };
    let mut texts = Vec::with_capacity(list.len());
    for index in 0..list.len() {
        let route = Obj::<UriObject>::try_convert(list.entry(index as isize)?)?;
        texts.push(uri::uri_text(ruby, route)?.unwrap_or_default());
    }
    Ok(texts)
}

/// `loose_route`.
fn loose_route(ruby: &Ruby, this: This) -> Result<bool, Error> {
    let engine = runtime::engine(ruby)?;
    let own = own_flow_token(&engine, this);
    let texts = if headers::has_routes(ruby, this)? { route_texts(ruby, this)? } else { Vec::new() };
    let rules = LooseRoute {
        outbound: outbound_facts(ruby, this)?,
        own_flow_token: own.as_deref().map(str::as_bytes),
        aliases: engine.aliases(),
        ovid: engine.tags().ovid(),
    };
    let uris: Vec<UriRef<'_>> = texts.iter().filter_map(|text| UriRef::parse(text)).collect();
    let outcome = rules.apply(uris, |token| engine.is_flow(token));
    this.flags.outgoing_outbound.set(Some(outcome.outgoing_outbound));
    if let Some(token) = &outcome.flow_token {
        this.flags.route_token.set(this, utf8(ruby, token));
    }
    if outcome.incoming != IncomingFlow::None {
        this.flags.incoming_outbound.set(true);
    }
    if outcome.strip > 0 {
        headers::remove_top_routes(ruby, this, outcome.strip)?;
        strip_routes(ruby, this, outcome.strip)?;
    }
    Ok(outcome.result)
}

/// Takes the first entries of `routes` away; an emptied list becomes nil.
fn strip_routes(ruby: &Ruby, this: This, count: usize) -> Result<(), Error> {
    let Some(list) = this.routes.get(ruby).and_then(RArray::from_value) else { return Ok(()) };
    for _ in 0..count.min(list.len()) {
        let _: Value = list.shift()?;
    }
    if list.is_empty() {
        this.routes.set(this, ruby.qnil().as_value());
    }
    Ok(())
}

fn is_destination_myself(ruby: &Ruby, this: This) -> Result<bool, Error> {
    if let Some(known) = this.flags.destination_myself.get() {
        return Ok(known);
    }
    let text = ruri_bytes(ruby, this)?;
    let engine = runtime::engine(ruby)?;
    let myself = UriRef::parse(&text).is_some_and(|uri| local_uri(&uri, engine.aliases()));
    this.flags.destination_myself.set(Some(myself));
    Ok(myself)
}

fn is_local_uri(ruby: &Ruby, _: This, uri: Value) -> Result<bool, Error> {
    let text = uri::uri_text(ruby, Obj::<UriObject>::try_convert(uri)?)?.unwrap_or_default();
    let engine = runtime::engine(ruby)?;
    let local = UriRef::parse(&text).is_some_and(|uri| local_uri(&uri, engine.aliases()));
    Ok(local)
}

/// `fix_nat`: responses go to the source port, and the client's flow is kept for the dialog or registration.
fn fix_nat(ruby: &Ruby, this: This) {
    if let Some(incoming) = this.incoming() {
        incoming.reply_to_source_port();
    }
    message::use_source_port(ruby, this);
    let received = this.received();
    if received.to_tag().is_none() && received.num_vias() == 1 && is_outbound_aware_method(received.method())
    {
        this.flags.force_outgoing_outbound.set(true);
    }
}

fn is_outgoing_outbound_requested(ruby: &Ruby, this: This) -> Result<bool, Error> {
    if let Some(decided) = this.flags.outgoing_outbound.get() {
        return Ok(decided);
    }
    let decided = outbound_facts(ruby, this)?.outgoing_outbound(false);
    this.flags.outgoing_outbound.set(Some(decided));
    Ok(decided)
}

fn set_outgoing_outbound_requested(this: This, value: Value) -> Value {
    this.flags.outgoing_outbound.set(Some(value.to_bool()));
    value
}

fn is_incoming_outbound_requested(ruby: &Ruby, this: This) -> Value {
    true_or_nil(ruby, this.flags.incoming_outbound.get())
}

fn set_incoming_outbound_requested(this: This, value: Value) -> Value {
    this.flags.incoming_outbound.set(value.to_bool());
    value
}

fn route_outbound_flow_token(ruby: &Ruby, this: This) -> Value {
    this.flags.route_token.get_or_nil(ruby)
}

fn set_route_outbound_flow_token(this: This, value: Value) -> Value {
    this.flags.route_token.set(this, value);
    value
}

/// What a proxy needs of a request beyond its text.
pub struct RoutingFacts {
    /// Outside a dialog.
    pub initial: bool,
    /// The hop count as received.
    pub max_forwards: Option<u32>,
    /// The hop count that `check_max_forwards` decided.
    pub new_max_forwards: Option<u32>,
    /// The client wants requests over its flow.
    pub outgoing_outbound: bool,
    /// The request goes to a flow.
    pub incoming_outbound: bool,
    /// The token of that flow.
    pub flow_token: Option<Vec<u8>>,
}

/// Reads the facts.
pub fn routing_facts(ruby: &Ruby, this: This) -> Result<RoutingFacts, Error> {
    let token = this.flags.route_token.get(ruby).filter(|token| !token.is_nil());
    Ok(RoutingFacts {
        initial: is_initial(this),
        max_forwards: headers::peek(ruby, this, HeaderName::MaxForwards)?.and_then(|value| number(&value)),
        new_max_forwards: this.flags.new_max_forwards.get(),
        outgoing_outbound: is_outgoing_outbound_requested(ruby, this)?,
        incoming_outbound: this.flags.incoming_outbound.get(),
        flow_token: token.map(text::text_of).transpose()?.map(|token| token.to_vec()),
    })
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// The values of the client that go back into responses, where the script changed From or To.
pub fn restore_headers(this: This) -> RestoreHeaders {
    let flags = &this.flags;
    RestoreHeaders::of(this.received(), flags.from_was_modified.get(), flags.to_was_modified.get())
}

// Serialisation.

/// The edited From, To and Contact values that were not sent yet; takes the edits over.
fn fresh_edits(ruby: &Ruby, this: This) -> Result<Vec<(HeaderName, Bytes)>, Error> {
    let received = this.received();
    let mut edits = Vec::new();
    let parts: [(HeaderName, &crate::slot::Slot, &[u8]); 3] = [
        (HeaderName::From, &this.from, received.from_params()),
        (HeaderName::To, &this.to, received.to_params()),
        (HeaderName::Contact, &this.contact, received.contact_params().unwrap_or_default()),
    ];
    for (name, slot, params) in parts {
        let Some(object) = slot.get(ruby).filter(|object| !object.is_nil()) else { continue };
        let Some(text) = edited_text(ruby, object)? else { continue };
        let mut value = text.to_vec();
        value.extend_from_slice(params);
        match name {
            HeaderName::From => this.flags.from_was_modified.set(true),
            HeaderName::To => this.flags.to_was_modified.set(true),
            _ => {}
        }
        edits.push((name, value.into()));
    }
    Ok(edits)
}

/// The text of a From, To or Contact object if it was edited since it was last sent.
fn edited_text(ruby: &Ruby, object: Value) -> Result<Option<Bytes>, Error> {
    let Some(own) = text::object_of::<UriObject>(ruby, object) else {
        // A script may put any object there that answers these two.
        let modified: Value = object.funcall("modified?", ())?;
        return if modified.to_bool() { text::text_of(object).map(Some) } else { Ok(None) };
    };
    if !name_addr::is_modified(own) {
        return Ok(None);
    }
    let text = name_addr::text(ruby, own)?;
    own.edit_was_taken_over();
    Ok(Some(text))
}

/// Puts edits into what goes out: into the Hash where it exists, else remembered and put over the received bytes.
fn take_over_edits(ruby: &Ruby, this: This) -> Result<(), Error> {
    let edits = fresh_edits(ruby, this)?;
    if edits.is_empty() {
        return Ok(());
    }
    if this.headers.hash_exists() {
        let hash = headers::hash(ruby, this)?;
        for (name, value) in edits {
            headers::set_in_hash(ruby, hash, name, &value)?;
        }
        return Ok(());
    }
    let mut sent = this.flags.sent_edits.borrow_mut();
    for (name, value) in edits {
        sent.retain(|(other, _)| *other != name);
        sent.push((name, value));
    }
    Ok(())
}

/// Whether a header was edited and sent while there was no Hash to show it.
pub fn has_sent_edit(this: This, name: HeaderName) -> bool {
    this.flags.sent_edits.borrow().iter().any(|(edited, _)| *edited == name)
}

/// The Hash is made after edits went out without it: it has to show them.
pub fn reapply_sent_edits(ruby: &Ruby, this: This, hash: RHash) -> Result<(), Error> {
    for (name, value) in this.flags.sent_edits.take() {
        headers::set_in_hash(ruby, hash, name, &value)?;
    }
    Ok(())
}

fn with_sent_edits(this: This, mut headers: Headers) -> Headers {
    for (name, value) in this.flags.sent_edits.borrow().iter() {
        headers.replace(*name, value);
    }
    headers
}

/// The request as it goes out now.
pub fn snapshot(ruby: &Ruby, this: This) -> Result<RequestSnapshot, Error> {
    take_over_edits(ruby, this)?;
    let headers = match headers::wire(ruby, this)? {
        Wire::Received(headers) => with_sent_edits(this, headers),
        Wire::Canonical(headers) => headers,
    };
    let method = this.received().method().cloned().unwrap_or(Method::Other(Bytes::new()));
    Ok(RequestSnapshot { method, ruri: sent_ruri(ruby, this)?, headers, body: body_bytes(ruby, this)? })
}

/// What a `Uac` sends: a Request or a UacRequest.
pub fn snapshot_of(ruby: &Ruby, value: Value) -> Result<RequestSnapshot, Error> {
    if let Some(this) = from_value(value) {
        return snapshot(ruby, this);
    }
    static UAC_REQUEST: Lazy<RClass> = Lazy::new(|ruby| sip_class(ruby, "UacRequest"));
    if !value.is_kind_of(ruby.get_inner(&UAC_REQUEST)) {
        let message = "request must be a OverSIP::SIP::UacRequest or OverSIP::SIP::Request instance";
        return Err(text::runtime_error(ruby, message));
    }
    let wire = text::text_of(value.funcall("to_s", ())?)?;
    let parsed = Message::parse(wire.clone()).ok().and_then(|(mut message, head)| {
        message.set_body(wire.slice(head..));
        RequestSnapshot::from_message(&message)
    });
    parsed.ok_or_else(|| {
        text::runtime_error(ruby, format!("the request is not valid SIP: {}", value.inspect()))
    })
}

/// `to_s`: canonical, whatever goes over the wire.
fn to_s(ruby: &Ruby, this: This) -> Result<RString, Error> {
    take_over_edits(ruby, this)?;
    let headers = with_sent_edits(this, headers::canonical(ruby, this)?);
    let mut out = Vec::new();
    out.extend_from_slice(this.received().method().map_or(&b""[..], Method::as_bytes));
    out.push(b' ');
    let ruri = sent_ruri(ruby, this)?;
    out.extend_from_slice(&text::neutralise(&ruri, false).unwrap_or_else(|| ruri.to_vec()));
    out.extend_from_slice(b" SIP/2.0\r\n");
    write_headers(&headers, &mut out);
    out.extend_from_slice(&body_bytes(ruby, this)?);
    Ok(utf8(ruby, &out))
}

/// The header lines and the empty line.
pub fn write_headers(headers: &Headers, out: &mut Vec<u8>) {
    for field in headers.iter() {
        out.extend_from_slice(field.line());
    }
    out.extend_from_slice(b"\r\n");
}

fn inspect(ruby: &Ruby, this: This) -> String {
    let method = String::from_utf8_lossy(this.received().method().map_or(&b""[..], Method::as_bytes));
    let uri = ruri_bytes(ruby, this).unwrap_or_default();
    message::describe("OverSIP::SIP::Request", this, &format!("{method} {}", String::from_utf8_lossy(&uri)))
}

fn was_modified(this: This, name: HeaderName) -> bool {
    match name {
        HeaderName::From => this.flags.from_was_modified.get(),
        _ => this.flags.to_was_modified.get(),
    }
}

fn from_was_modified(ruby: &Ruby, this: This) -> Value {
    true_or_nil(ruby, was_modified(this, HeaderName::From))
}

fn to_was_modified(ruby: &Ruby, this: This) -> Value {
    true_or_nil(ruby, was_modified(this, HeaderName::To))
}

/// Defines `Request`; `Message` comes first.
pub fn define(ruby: &Ruby, sip: RModule, message: RClass) -> Result<(), Error> {
    let class = sip.define_class("Request", message)?;
    let transports = ruby.ary_new();
    for name in ["tls", "wss"] {
        transports.push(ruby.to_symbol(name))?;
    }
    transports.freeze();
    class.const_set("SECURE_TRANSPORTS", transports)?;
    let logger: RModule = text::oversip_module(ruby)?.const_get("Logger")?;
    class.include_module(logger)?;
    // A module of its own, so that a script can put its own methods before or behind these.
    let core = sip.define_module("Core")?;
    class.include_module(core)?;
    class.define_singleton_method("parse", method!(parse, 1))?;
    class.define_method("ruri", method!(ruri, 0))?;
    class.define_method("ruri=", method!(set_ruri, 1))?;
    class.define_method("initial?", method!(is_initial, 0))?;
    class.define_method("in_dialog?", method!(in_dialog, 0))?;
    class.define_method("secure?", method!(message::is_secure, 0))?;
    class.define_method("log_id", method!(log_id, 0))?;
    class.define_method("tvars", method!(tvars, 0))?;
    class.define_method("tvars=", method!(set_tvars, 1))?;
    class.define_method("cvars", method!(cvars, 0))?;
    class.define_method("cvars=", method!(set_cvars, 1))?;
    class.define_method("antiloop_id", method!(antiloop_id, 0))?;
    class.define_method("antiloop_id=", method!(set_antiloop_id, 1))?;
    class.define_method("proxied", method!(proxied, 0))?;
    class.define_method("proxied=", method!(set_proxied, 1))?;
    class.define_method("in_rr", method!(in_rr, 0))?;
    class.define_method("in_rr=", method!(set_in_rr, 1))?;
    class.define_method("new_max_forwards", method!(new_max_forwards, 0))?;
    core.define_method("check_max_forwards", method!(check_max_forwards, 1))?;
    class.define_method("reply", method!(reply, -1))?;
    class.define_method("reply_full", method!(reply_full, 1))?;
    core.define_method("create_transaction", method!(create_transaction, 0))?;
    class.define_method("server_transaction", method!(server_transaction, 0))?;
    core.define_method("connection_outbound_flow_token", method!(connection_outbound_flow_token, 0))?;
    core.define_method("loose_route", method!(loose_route, 0))?;
    core.define_method("destination_myself?", method!(is_destination_myself, 0))?;
    core.define_method("local_uri?", method!(is_local_uri, 1))?;
    core.define_method("fix_nat", method!(fix_nat, 0))?;
    core.define_method("outgoing_outbound_requested?", method!(is_outgoing_outbound_requested, 0))?;
    class.define_method("outgoing_outbound_requested=", method!(set_outgoing_outbound_requested, 1))?;
    core.define_method("incoming_outbound_requested?", method!(is_incoming_outbound_requested, 0))?;
    class.define_method("incoming_outbound_requested=", method!(set_incoming_outbound_requested, 1))?;
    class.define_method("route_outbound_flow_token", method!(route_outbound_flow_token, 0))?;
    class.define_method("route_outbound_flow_token=", method!(set_route_outbound_flow_token, 1))?;
    class.define_method("from_was_modified", method!(from_was_modified, 0))?;
    class.define_method("to_was_modified", method!(to_was_modified, 0))?;
    class.define_method("to_s", method!(to_s, 0))?;
    class.define_method("inspect", method!(inspect, 0))?;
    Ok(())
}
