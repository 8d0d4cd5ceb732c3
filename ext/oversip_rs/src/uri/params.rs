//! The parameters of a `Uri`: a live Hash, and the attributes that are derived from it.

use bytes::Bytes;
use magnus::{method, prelude::*, Error, RClass, RHash, RString, Ruby, Value};

use oversip::message::is_token;

use super::{
    object::RubyUri,
    parts::{is_sip, is_tel, is_unknown_scheme},
};
use crate::text::{self, binary, symbol, text_of, utf8, utf8_or_nil};

/// The live Hash of parameters; made empty where there are none.
pub(super) fn params(ruby: &Ruby, this: RubyUri) -> Result<RHash, Error> {
    if let Some(hash) = this.params.get(ruby).and_then(RHash::from_value) {
        return Ok(hash);
    }
    let hash = ruby.hash_new();
    if let Some(uri) = this.parsed() {
        for (key, value) in uri.params() {
            hash.aset(utf8(ruby, &key.to_ascii_lowercase()), utf8_or_nil(ruby, value))?;
        }
    }
    this.params.set(this, hash);
    Ok(hash)
}

/// Whether Ruby has seen the parameters, so that the Hash and not the text says what they are.
pub(super) fn live_params(ruby: &Ruby, this: RubyUri) -> Option<RHash> {
    this.params.get(ruby).and_then(RHash::from_value)
}

/// A parameter: nothing when absent, nothing inside when it has no value.
fn param(ruby: &Ruby, this: RubyUri, name: &str) -> Result<Option<Option<Bytes>>, Error> {
    if let Some(hash) = live_params(ruby, this) {
        return match hash.get(utf8(ruby, name.as_bytes())) {
            None => Ok(None),
            Some(value) if value.is_nil() => Ok(Some(None)),
            Some(value) => Ok(Some(Some(text_of(value)?))),
        };
    }
    let found =
        this.parsed().and_then(|uri| uri.param(name.as_bytes()).map(|v| v.map(Bytes::copy_from_slice)));
    Ok(found)
}

/// A parameter that is there with or without a value.
fn has_flag(ruby: &Ruby, this: RubyUri, name: &str) -> Result<bool, Error> {
    Ok(is_sip(ruby, this) && param(ruby, this, name)?.is_some())
}

fn transport_param(ruby: &Ruby, this: RubyUri) -> Result<Value, Error> {
    let nil = ruby.qnil().as_value();
    if !is_sip(ruby, this) {
        return Ok(nil);
    }
    let Some(Some(text)) = param(ruby, this, "transport")? else { return Ok(nil) };
    if !is_token(&text) {
        return Ok(nil);
    }
    let lower = text.to_ascii_lowercase();
    Ok(match lower.as_slice() {
        b"udp" => symbol(ruby, "udp"),
        b"tcp" => symbol(ruby, "tcp"),
        b"tls" => symbol(ruby, "tls"),
        b"sctp" => symbol(ruby, "sctp"),
        b"ws" => symbol(ruby, "ws"),
        b"wss" => symbol(ruby, "wss"),
        other => utf8(ruby, other).as_value(),
    })
}

fn ovid_param(ruby: &Ruby, this: RubyUri) -> Result<Value, Error> {
    if is_sip(ruby, this) {
        if let Some(Some(value)) = param(ruby, this, "ovid")? {
            if is_token(&value) {
                return Ok(binary(ruby, &value).as_value());
            }
        }
    }
    Ok(ruby.qnil().as_value())
}

/// The phone context: a String as long as it was parsed, the Symbol that a script assigned afterwards.
fn phone_context_param(ruby: &Ruby, this: RubyUri) -> Result<Value, Error> {
    if let Some(value) = this.phone_context.get(ruby) {
        return Ok(value);
    }
    if !is_tel(ruby, this) || live_params(ruby, this).is_some_and(|hash| hash.get("phone-context").is_none())
    {
        return Ok(ruby.qnil().as_value());
    }
    let value = this.parsed().and_then(|uri| uri.phone_context().map(|context| context.to_vec()));
    let lower = value.map(|context| {
        let context = context.strip_suffix(b".").unwrap_or(&context);
        context.to_ascii_lowercase()
    });
    let value = utf8_or_nil(ruby, lower.as_deref());
    this.phone_context.set(this, value);
    Ok(value)
}

/// A parameter name as the Hash has it.
fn param_key(ruby: &Ruby, name: Value) -> Result<RString, Error> {
    Ok(utf8(ruby, &text_of(name)?.to_ascii_lowercase()))
}

fn has_param(ruby: &Ruby, this: RubyUri, name: Value) -> Result<Value, Error> {
    if is_unknown_scheme(ruby, this) {
        return Ok(ruby.qnil().as_value());
    }
    let key = param_key(ruby, name)?;
    Ok(ruby.into_value(params(ruby, this)?.get(key).is_some()))
}

fn get_param(ruby: &Ruby, this: RubyUri, name: Value) -> Result<Value, Error> {
    if is_unknown_scheme(ruby, this) {
        return Ok(ruby.qnil().as_value());
    }
    let key = param_key(ruby, name)?;
    Ok(params(ruby, this)?.get(key).unwrap_or_else(|| ruby.qnil().as_value()))
}

fn set_param(ruby: &Ruby, this: RubyUri, name: Value, value: Value) -> Result<Value, Error> {
    if is_unknown_scheme(ruby, this) {
        return Ok(ruby.qnil().as_value());
    }
    let key = param_key(ruby, name)?;
    params(ruby, this)?.aset(key, value)?;
    if text::same_bytes(key, b"phone-context") {
        this.phone_context.clear();
    }
    this.touch();
    Ok(ruby.qtrue().as_value())
}

fn del_param(ruby: &Ruby, this: RubyUri, name: Value) -> Result<Value, Error> {
    if is_unknown_scheme(ruby, this) {
        return Ok(ruby.qnil().as_value());
    }
    let key = param_key(ruby, name)?;
    let params = params(ruby, this)?;
    if params.get(key).is_none() {
        return Ok(ruby.qfalse().as_value());
    }
    let value: Value = params.delete(key)?;
    if text::same_bytes(key, b"phone-context") {
        this.phone_context.clear();
    }
    this.touch();
    Ok(value)
}

fn clear_params(ruby: &Ruby, this: RubyUri) -> Result<Value, Error> {
    if is_unknown_scheme(ruby, this) {
        return Ok(ruby.qnil().as_value());
    }
    let had_some =
        live_params(ruby, this).is_some() || this.parsed().is_some_and(|uri| uri.params().next().is_some());
    if !had_some {
        return Ok(ruby.qfalse().as_value());
    }
    params(ruby, this)?.clear()?;
    this.phone_context.clear();
    this.touch();
    Ok(ruby.qtrue().as_value())
}

fn set_transport_param(ruby: &Ruby, this: RubyUri, value: Value) -> Result<Value, Error> {
    if !is_sip(ruby, this) {
        return Ok(ruby.qnil().as_value());
    }
    write_named_param(ruby, this, "transport", value)
}

fn set_phone_context_param(ruby: &Ruby, this: RubyUri, value: Value) -> Result<Value, Error> {
    if !is_tel(ruby, this) {
        return Ok(ruby.qnil().as_value());
    }
    let known = match value.is_nil() {
        true => value,
        false => text::symbol_argument(ruby, value, "the phone context must be a Symbol or a String")?,
    };
    write_named_param(ruby, this, "phone-context", value)?;
    this.phone_context.set(this, known);
    Ok(value)
}

fn write_named_param(ruby: &Ruby, this: RubyUri, name: &str, value: Value) -> Result<Value, Error> {
    let params = params(ruby, this)?;
    if value.is_nil() {
        let _: Value = params.delete(name)?;
    } else {
        params.aset(name, utf8(ruby, &text_of(value)?))?;
    }
    this.touch();
    Ok(value)
}

/// Defines the methods of this file.
pub(super) fn define(class: RClass) -> Result<(), Error> {
    class.define_method("params", method!(params, 0))?;
    class.define_method("transport_param", method!(transport_param, 0))?;
    class.define_method("lr_param?", method!(|r: &Ruby, t: RubyUri| has_flag(r, t, "lr"), 0))?;
    class.define_method("ob_param?", method!(|r: &Ruby, t: RubyUri| has_flag(r, t, "ob"), 0))?;
    class.define_method("ovid_param", method!(ovid_param, 0))?;
    class.define_method("phone_context_param", method!(phone_context_param, 0))?;
    class.define_method("has_param?", method!(has_param, 1))?;
    class.define_method("get_param", method!(get_param, 1))?;
    class.define_method("set_param", method!(set_param, 2))?;
    class.define_method("del_param", method!(del_param, 1))?;
    class.define_method("clear_params", method!(clear_params, 0))?;
    class.define_method("transport_param=", method!(set_transport_param, 1))?;
    class.define_method("phone_context_param=", method!(set_phone_context_param, 1))?;
    Ok(())
}
