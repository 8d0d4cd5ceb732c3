//! `OverSIP::SIP::Response`.

use std::sync::Arc;

use bytes::Bytes;
use magnus::{method, prelude::*, value::Lazy, Error, RClass, RModule, RString, Ruby, Value};
use oversip::client::IncomingResponse;
use oversip::message::{reason_phrase, Folds, HeaderName, Headers, ResponseSnapshot};

use crate::{
    headers::{self, Wire},
    message::{self, body_bytes, MessageObject, Received, This},
    request,
    text::{self, utf8},
    uri::sip_class,
};

/// The class `OverSIP::SIP::Response`.
pub fn class(ruby: &Ruby) -> RClass {
    static CLASS: Lazy<RClass> = Lazy::new(|ruby| sip_class(ruby, "Response"));
    ruby.get_inner(&CLASS)
}

/// A Response for one that a Client received. A proxy's blocks see it without our own Via.
pub fn wrap(ruby: &Ruby, message: Arc<IncomingResponse>, request: Value, without_top_via: bool) -> This {
    let this = MessageObject::wrap(ruby, class(ruby), Received::Response(message));
    this.request.set(this, request);
    if without_top_via {
        headers::remove_top_via(this);
    }
    this
}

/// `Response.parse(text)`: a response without a connection, for tests and tools. Raises `OverSIP::ParsingError`.
fn parse(ruby: &Ruby, class: RClass, text: Value) -> Result<This, Error> {
    let message = message::from_text(ruby, text, false)?;
    Ok(MessageObject::wrap(ruby, class, Received::Detached(Box::new(message))))
}

/// The response that a value is, if it is one.
pub fn from_value(value: Value) -> Option<This> {
    text::object_of(&Ruby::get_with(value), value).filter(|this: &This| !this.received().is_request())
}

/// Shows another status than the received one, with its usual reason phrase.
pub fn rewrite_status(ruby: &Ruby, this: This, status: u16) {
    this.status.set(Some(status));
    this.reason.set(this, utf8(ruby, reason_phrase(status).as_bytes()));
}

fn status(this: This) -> u16 {
    this.status.get().or_else(|| this.received().status()).unwrap_or(500)
}

/// `status_code`: nil only in what a parser gives away of a message that it has not read to the end.
fn status_code(this: This) -> Option<u16> {
    this.status.get().or_else(|| this.received().status().filter(|status| *status > 0))
}

/// A status that a script gives.
pub fn status_argument(ruby: &Ruby, value: Value) -> Result<u16, Error> {
    let status = u16::try_from(text::integer_argument(ruby, value, "status code")?).ok();
    status.filter(|status| (100..=699).contains(status)).ok_or_else(|| {
        let message = format!("invalid status code {}: it must be from 100 to 699", value.inspect());
        Error::new(ruby.exception_arg_error(), message)
    })
}

fn set_status_code(ruby: &Ruby, this: This, value: Value) -> Result<Value, Error> {
    this.status.set(Some(status_argument(ruby, value)?));
    Ok(value)
}

fn reason_value(ruby: &Ruby, this: This) -> Value {
    this.reason.get(ruby).unwrap_or_else(|| {
        let value = utf8(ruby, this.received().reason()).as_value();
        this.reason.set(this, value);
        value
    })
}

fn set_reason_phrase(this: This, value: Value) -> Value {
    this.reason.set(this, value);
    value
}

fn reason_bytes(ruby: &Ruby, this: This) -> Result<Bytes, Error> {
    match this.reason.get(ruby) {
        Some(reason) => Ok(text::neutral(ruby, "a reason phrase", text::text_of(reason)?, Folds::Replace)),
        None => Ok(Bytes::copy_from_slice(this.received().reason())),
    }
}

fn request_value(ruby: &Ruby, this: This) -> Value {
    this.request.get_or_nil(ruby)
}

fn set_request(this: This, value: Value) -> Value {
    this.request.set(this, value);
    value
}

/// `tvars`: the Hash of the request.
fn tvars(ruby: &Ruby, this: This) -> Result<Value, Error> {
    match request_value(ruby, this) {
        request if request.is_nil() => Ok(ruby.qnil().as_value()),
        request => request.funcall("tvars", ()),
    }
}

/// Puts From and To back as the client sent them, where the script changed them in the request (RFC 3261 16.7).
fn restored(ruby: &Ruby, this: This, mut headers: Headers) -> Headers {
    let Some(request) = this.request.get(ruby).and_then(request::from_value) else { return headers };
    request::restore_headers(request).apply(&mut headers, this.received().to_tag());
    headers
}

/// The response as it goes out now.
pub fn snapshot(ruby: &Ruby, this: This) -> Result<ResponseSnapshot, Error> {
    let (Wire::Received(headers) | Wire::Canonical(headers)) = headers::wire(ruby, this)?;
    Ok(ResponseSnapshot {
        status: status(this),
        reason: reason_bytes(ruby, this)?,
        headers: restored(ruby, this, headers),
        body: body_bytes(ruby, this)?,
    })
}

/// Shows in the headers the Content-Length that goes out.
pub fn set_content_length(ruby: &Ruby, this: This) -> Result<(), Error> {
    let length = body_bytes(ruby, this)?.len().to_string();
    let known = headers::peek(ruby, this, HeaderName::ContentLength)?;
    if this.headers.hash_exists() {
        headers::set_in_hash(ruby, headers::hash(ruby, this)?, HeaderName::ContentLength, length.as_bytes())?;
    } else if known.is_none_or(|known| known != length) {
        request::remember_sent_edit(this, HeaderName::ContentLength, length.into());
    }
    Ok(())
}

fn to_s(ruby: &Ruby, this: This) -> Result<RString, Error> {
    let headers = request::with_sent_edits(this, headers::canonical(ruby, this)?);
    let headers = restored(ruby, this, headers);
    let mut out = format!("SIP/2.0 {} ", status(this)).into_bytes();
    let reason = reason_bytes(ruby, this)?;
    out.extend_from_slice(&reason);
    out.extend_from_slice(b"\r\n");
    request::write_headers(&headers, &mut out);
    out.extend_from_slice(&body_bytes(ruby, this)?);
    Ok(utf8(ruby, &out))
}

fn inspect(ruby: &Ruby, this: This) -> String {
    let reason = reason_bytes(ruby, this).unwrap_or_default();
    let what = format!("{} {}", status(this), String::from_utf8_lossy(&reason));
    message::describe("OverSIP::SIP::Response", this, &what)
}

/// Defines `Response`; `Message` comes first.
pub fn define(ruby: &Ruby, sip: RModule, message: RClass) -> Result<(), Error> {
    let class = sip.define_class("Response", message)?;
    let logger: RModule = text::oversip_module(ruby)?.const_get("Logger")?;
    class.include_module(logger)?;
    class.define_singleton_method("parse", method!(parse, 1))?;
    class.define_method("status_code", method!(status_code, 0))?;
    class.define_method("status_code=", method!(set_status_code, 1))?;
    class.define_method("reason_phrase", method!(reason_value, 0))?;
    class.define_method("reason_phrase=", method!(set_reason_phrase, 1))?;
    class.define_method("request", method!(request_value, 0))?;
    class.define_method("request=", method!(set_request, 1))?;
    class.define_method("tvars", method!(tvars, 0))?;
    class.define_method("to_s", method!(to_s, 0))?;
    class.define_method("inspect", method!(inspect, 0))
}
