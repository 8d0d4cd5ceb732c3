//! What the first line and the headers say, apart from addresses and Vias.

use bytes::Bytes;
use magnus::{method, prelude::*, Error, RArray, RClass, Ruby, Value};

use super::{any::RubyMessage, methods::method_value};
use crate::text::{self, integer_or_nil, true_or_nil, utf8, utf8_or_nil};

fn sip_method(ruby: &Ruby, this: RubyMessage) -> Value {
    this.received().method().map_or_else(|| ruby.qnil().as_value(), |method| method_value(ruby, method))
}

fn is_unknown_method(ruby: &Ruby, this: RubyMessage) -> Value {
    true_or_nil(ruby, this.received().method().is_some_and(|method| !method.is_known()))
}

fn sip_version(ruby: &Ruby, this: RubyMessage) -> Value {
    utf8(ruby, this.received().version()).as_value()
}

fn is_request(this: RubyMessage) -> bool {
    this.received().is_request()
}

fn is_response(this: RubyMessage) -> bool {
    !this.received().is_request()
}

/// `body`: nil when there is none.
fn body(ruby: &Ruby, this: RubyMessage) -> Value {
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

fn set_body(this: RubyMessage, body: Value) -> Value {
    this.body.set(this, body);
    body
}

/// The body that goes out.
pub fn body_bytes(ruby: &Ruby, this: RubyMessage) -> Result<Bytes, Error> {
    match this.body.get(ruby) {
        None => Ok(this.received().body().clone()),
        Some(body) if body.is_nil() => Ok(Bytes::new()),
        Some(body) => text::text_of(body),
    }
}

fn call_id(ruby: &Ruby, this: RubyMessage) -> Value {
    utf8_or_nil(ruby, this.received().call_id())
}

fn cseq(ruby: &Ruby, this: RubyMessage) -> Value {
    let sent = match this {
        RubyMessage::Request(request) => request.sent_cseq.get(),
        RubyMessage::Response(_) => None,
    };
    integer_or_nil(ruby, sent.or_else(|| this.received().cseq()))
}

fn max_forwards(ruby: &Ruby, this: RubyMessage) -> Value {
    integer_or_nil(ruby, this.received().max_forwards().map(u32::from))
}

fn content_length(ruby: &Ruby, this: RubyMessage) -> Value {
    integer_or_nil(ruby, this.received().content_length())
}

fn from_tag(ruby: &Ruby, this: RubyMessage) -> Value {
    utf8_or_nil(ruby, this.received().from_tag())
}

fn to_tag(ruby: &Ruby, this: RubyMessage) -> Value {
    utf8_or_nil(ruby, this.received().to_tag())
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

fn require(ruby: &Ruby, this: RubyMessage) -> Result<Value, Error> {
    tags(ruby, this.received().require())
}

fn proxy_require(ruby: &Ruby, this: RubyMessage) -> Result<Value, Error> {
    tags(ruby, this.received().proxy_require())
}

fn supported(ruby: &Ruby, this: RubyMessage) -> Result<Value, Error> {
    tags(ruby, this.received().supported())
}

/// Defines the methods of this file.
pub(super) fn define(class: RClass) -> Result<(), Error> {
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
    class.define_method("from_tag", method!(from_tag, 0))?;
    class.define_method("to_tag", method!(to_tag, 0))?;
    class.define_method("require", method!(require, 0))?;
    class.define_method("proxy_require", method!(proxy_require, 0))?;
    class.define_method("supported", method!(supported, 0))?;
    Ok(())
}
