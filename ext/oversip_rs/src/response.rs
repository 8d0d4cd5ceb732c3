//! `OverSIP::SIP::Response`.

use bytes::Bytes;
use magnus::{method, prelude::*, Error, RClass, RModule, RString, Ruby, Value};
use oversip::message::{check_status_change, reason_phrase, Folds, HeaderName, Headers, ResponseSnapshot};

use crate::{
    classes::oversip_module,
    headers::{self, Wire},
    message::{self, body_bytes, RequestObject, RubyResponse},
    request,
    text::{self, utf8},
};

/// Shows another status than the received one, with its usual reason phrase.
pub fn rewrite_status(ruby: &Ruby, this: RubyResponse, status: u16) {
    this.status.set(Some(status));
    this.reason.set(this, utf8(ruby, reason_phrase(status).as_bytes()));
}

fn status(this: RubyResponse) -> u16 {
    this.status.get().or_else(|| this.received().status()).unwrap_or(500)
}

/// `status_code`: nil only in what a parser gives away of a message that it has not read to the end.
fn status_code(this: RubyResponse) -> Option<u16> {
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

fn set_status_code(ruby: &Ruby, this: RubyResponse, value: Value) -> Result<Value, Error> {
    let status = status_argument(ruby, value)?;
    check_status_change(this.received(), status).map_err(|error| {
        Error::new(ruby.exception_arg_error(), format!("invalid status code {status}: {error}"))
    })?;
    this.status.set(Some(status));
    Ok(value)
}

fn reason_value(ruby: &Ruby, this: RubyResponse) -> Value {
    this.reason.get(ruby).unwrap_or_else(|| {
        let value = utf8(ruby, this.received().reason()).as_value();
        this.reason.set(this, value);
        value
    })
}

fn set_reason_phrase(this: RubyResponse, value: Value) -> Value {
    this.reason.set(this, value);
    value
}

fn reason_bytes(ruby: &Ruby, this: RubyResponse) -> Result<Bytes, Error> {
    match this.reason.get(ruby) {
        Some(reason) => Ok(text::neutral(ruby, "a reason phrase", text::text_of(reason)?, Folds::Replace)),
        None => Ok(Bytes::copy_from_slice(this.received().reason())),
    }
}

fn request_value(ruby: &Ruby, this: RubyResponse) -> Value {
    this.request.get_or_nil(ruby)
}

fn set_request(this: RubyResponse, value: Value) -> Value {
    this.request.set(this, value);
    value
}

/// `tvars`: the Hash of the request.
fn tvars(ruby: &Ruby, this: RubyResponse) -> Result<Value, Error> {
    match request_value(ruby, this) {
        request if request.is_nil() => Ok(ruby.qnil().as_value()),
        request => request.funcall("tvars", ()),
    }
}

/// Puts From and To back as the client sent them, where the script changed them in the request (RFC 3261 16.7).
fn restored(ruby: &Ruby, this: RubyResponse, mut headers: Headers) -> Headers {
    let Some(request) = this.request.get(ruby).and_then(RequestObject::from_value) else { return headers };
    request::restore_headers(request).apply(&mut headers, this.received().to_tag());
    headers
}

/// The response as it goes out now.
pub fn snapshot(ruby: &Ruby, this: RubyResponse) -> Result<ResponseSnapshot, Error> {
    let (Wire::Received(headers) | Wire::Canonical(headers)) = headers::wire(ruby, this.into())?;
    Ok(ResponseSnapshot {
        status: status(this),
        reason: reason_bytes(ruby, this)?,
        headers: restored(ruby, this, headers),
        body: body_bytes(ruby, this.into())?,
    })
}

/// Shows in the headers the Content-Length that goes out.
pub fn set_content_length(ruby: &Ruby, this: RubyResponse) -> Result<(), Error> {
    let length = body_bytes(ruby, this.into())?.len().to_string();
    let known = headers::peek(ruby, this.into(), HeaderName::ContentLength)?;
    if this.headers.hash_exists() {
        headers::set_in_hash(
            ruby,
            headers::hash(ruby, this.into())?,
            HeaderName::ContentLength,
            length.as_bytes(),
        )?;
    } else if known.is_none_or(|known| known != length) {
        this.headers.remember_sent_edit(HeaderName::ContentLength, length.into());
    }
    Ok(())
}

fn to_s(ruby: &Ruby, this: RubyResponse) -> Result<RString, Error> {
    let headers = this.headers.with_sent_edits(headers::canonical(ruby, this.into())?);
    let headers = restored(ruby, this, headers);
    let mut out = format!("SIP/2.0 {} ", status(this)).into_bytes();
    let reason = reason_bytes(ruby, this)?;
    out.extend_from_slice(&reason);
    out.extend_from_slice(b"\r\n");
    headers::write(&headers, &mut out);
    out.extend_from_slice(&body_bytes(ruby, this.into())?);
    Ok(utf8(ruby, &out))
}

fn inspect(ruby: &Ruby, this: RubyResponse) -> String {
    let reason = reason_bytes(ruby, this).unwrap_or_default();
    let what = format!("{} {}", status(this), String::from_utf8_lossy(&reason));
    message::describe("OverSIP::SIP::Response", this.into(), &what)
}

/// Defines `Response`; `Message` comes first.
pub fn define(ruby: &Ruby, sip: RModule, message: RClass) -> Result<(), Error> {
    let class = sip.define_class("Response", message)?;
    let logger: RModule = oversip_module(ruby)?.const_get("Logger")?;
    class.include_module(logger)?;
    class.define_singleton_method("parse", method!(message::parse_response, 1))?;
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
