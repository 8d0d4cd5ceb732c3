//! `OverSIP::SIP::Request`.

mod detached;
mod replies;
mod routing;
mod serialise;
mod variables;

use std::sync::Arc;

use bytes::Bytes;
use magnus::{
    method, prelude::*, typed_data::Obj, value::Lazy, Error, RClass, RModule, RString, Ruby, Value,
};
use oversip::engine::IncomingRequest;
use oversip::message::{Folds, Method};

pub use self::{
    routing::routing_facts,
    serialise::{
        has_sent_edit, reapply_sent_edits, remember_sent_edit, restore_headers, show_cseq, snapshot,
        snapshot_of, with_sent_edits, write_headers,
    },
};
use crate::{
    message::{self, MessageObject, Received, This},
    text::{self, utf8},
    uri::{self, sip_class, UriObject},
};

/// The class `OverSIP::SIP::Request`.
pub fn class(ruby: &Ruby) -> RClass {
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

fn ruri(ruby: &Ruby, this: This) -> Value {
    if let Some(value) = this.ruri.get(ruby) {
        return value;
    }
    let received = this.received();
    // Missing only in what a parser gives away of a message that it has not read to the end.
    let Some(uri) = received.ruri() else { return ruby.qnil().as_value() };
    let value = UriObject::new_uri(ruby, received.head_bytes().slice_ref(uri.text)).as_value();
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
    let text = text.ok_or_else(|| text::runtime_error(ruby, "the Request-URI has no text"))?;
    Ok(text::neutral(ruby, "the Request-URI", text, Folds::Replace))
}

fn is_initial(this: This) -> bool {
    this.received().to_tag().is_none()
}

fn in_dialog(ruby: &Ruby, this: This) -> Value {
    text::utf8_or_nil(ruby, this.received().to_tag())
}

fn log_id(ruby: &Ruby, this: This) -> Value {
    let message = this.received();
    // An element of RFC 2543 writes no branch that names the request.
    let name = message.branch_id().or_else(|| message.call_id()).unwrap_or_default();
    utf8(ruby, format!("SIP Request {}", String::from_utf8_lossy(name)).as_bytes()).as_value()
}

fn inspect(ruby: &Ruby, this: This) -> String {
    let method = String::from_utf8_lossy(this.received().method().map_or(&b""[..], Method::as_bytes));
    let uri = ruri_bytes(ruby, this).unwrap_or_default();
    message::describe("OverSIP::SIP::Request", this, &format!("{method} {}", String::from_utf8_lossy(&uri)))
}

/// Defines `Request`; `Message` comes first.
pub fn define(ruby: &Ruby, sip: RModule, message: RClass) -> Result<(), Error> {
    let class = sip.define_class("Request", message)?;
    let transports = ruby.hash_new();
    for name in ["tls", "wss"] {
        transports.aset(ruby.to_symbol(name), true)?;
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
    class.define_method("inspect", method!(inspect, 0))?;
    variables::define(class)?;
    replies::define(class, core)?;
    routing::define(class, core)?;
    serialise::define(class)?;
    Ok(())
}
