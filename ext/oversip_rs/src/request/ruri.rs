//! The Request-URI of a request.

use bytes::Bytes;
use magnus::{method, prelude::*, Error, RClass, RString, Ruby, Value};
use oversip::message::Folds;

use crate::{
    classes::sip_class,
    message::RubyRequest,
    text,
    uri::{self, RubyUri, UriObject},
};

fn ruri(ruby: &Ruby, this: RubyRequest) -> Value {
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

fn set_ruri(ruby: &Ruby, this: RubyRequest, value: Value) -> Result<Value, Error> {
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
pub(super) fn ruri_bytes(ruby: &Ruby, this: RubyRequest) -> Result<Bytes, Error> {
    let Some(value) = this.ruri.get(ruby) else {
        let received = this.received();
        return Ok(received.ruri().map_or_else(Bytes::new, |uri| received.head_bytes().slice_ref(uri.text)));
    };
    let text = uri::uri_text(ruby, RubyUri::try_convert(value)?)?;
    let text = text.ok_or_else(|| text::runtime_error(ruby, "the Request-URI has no text"))?;
    Ok(text::neutral(ruby, "the Request-URI", text, Folds::Replace))
}

/// Defines the methods of this file.
pub(super) fn define(class: RClass) -> Result<(), Error> {
    class.define_method("ruri", method!(ruri, 0))?;
    class.define_method("ruri=", method!(set_ruri, 1))
}
