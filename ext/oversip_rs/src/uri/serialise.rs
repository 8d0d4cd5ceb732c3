//! From the parts of a `Uri` back to text.

use bytes::Bytes;
use magnus::{method, prelude::*, Error, RClass, Ruby, Value};
use oversip::message::{self as host, escape_user, Folds, IpType};

use super::{
    object::RubyUri,
    params::live_params,
    parts::{headers, host, kind, port, scheme, user, SchemeKind},
};
use crate::text::{self, text_of, utf8, utf8_or_nil};

/// The URI text: as received, or rebuilt when a mutator ran. Nothing for an empty object.
pub fn uri_text(ruby: &Ruby, this: RubyUri) -> Result<Option<Bytes>, Error> {
    if this.stale.get() {
        // Cleared first: a `to_s` of a script's object may edit this URI, and that edit is pending then.
        this.stale.set(false);
        match build(ruby, this) {
            Ok(Some(text)) => {
                this.rebuilt.replace(Some(text));
            }
            Ok(None) => {}
            Err(error) => {
                this.stale.set(true);
                return Err(error);
            }
        }
    }
    if let Some(text) = this.rebuilt.borrow().as_ref().or(this.source.get()) {
        return Ok(Some(text.clone()));
    }
    // What `allocate` made answers with the instance variable that the script has set.
    let variable: Value = this.ivar_get("@uri")?;
    if variable.is_nil() {
        return Ok(None);
    }
    text_of(variable).map(Some)
}

fn build(ruby: &Ruby, this: RubyUri) -> Result<Option<Bytes>, Error> {
    let mut text = Vec::with_capacity(64);
    match kind(ruby, this) {
        SchemeKind::Sip => {
            text.extend_from_slice(&text_of(scheme(ruby, this))?);
            text.push(b':');
            push_user_and_host(ruby, this, &mut text)?;
            let port = port(ruby, this);
            if port.to_bool() {
                text.push(b':');
                text.extend_from_slice(&text_of(port)?);
            }
            push_params(ruby, this, &mut text)?;
            let headers = headers(ruby, this);
            if headers.to_bool() {
                text.extend_from_slice(&text_of(headers)?);
            }
        }
        SchemeKind::Tel => {
            text.extend_from_slice(b"tel:");
            text.extend_from_slice(&text_of(user(ruby, this))?);
            push_params(ruby, this, &mut text)?;
        }
        SchemeKind::OtherSymbol | SchemeKind::Unknown => return Ok(None),
    }
    Ok(Some(text::neutral(ruby, "a URI", text.into(), Folds::Replace)))
}

fn push_user_and_host(ruby: &Ruby, this: RubyUri, text: &mut Vec<u8>) -> Result<(), Error> {
    let user = user(ruby, this);
    if user.to_bool() {
        text.extend_from_slice(&escape_user(&text_of(user)?));
        text.push(b'@');
    }
    let host = host(ruby, this);
    if !host.to_bool() {
        return Err(text::runtime_error(ruby, "the URI has no host"));
    }
    let host = text_of(host)?;
    if host::ip_type(&host) == Some(IpType::Ipv6) {
        text.push(b'[');
        text.extend_from_slice(&host);
        text.push(b']');
    } else {
        text.extend_from_slice(&host);
    }
    Ok(())
}

fn push_params(ruby: &Ruby, this: RubyUri, text: &mut Vec<u8>) -> Result<(), Error> {
    let Some(hash) = live_params(ruby, this) else {
        if let Some(uri) = this.parsed() {
            for (key, value) in uri.params() {
                push_param(text, &key.to_ascii_lowercase(), value);
            }
        }
        return Ok(());
    };
    // The pairs are copied into an Array first: `to_s` of a script's object may change the Hash.
    let pairs: magnus::RArray = hash.funcall("to_a", ())?;
    for pair in 0..pairs.len() {
        let pair: magnus::RArray = pairs.entry(pair as isize)?;
        let value: Value = pair.entry(1)?;
        let value = if value.is_nil() { None } else { Some(text_of(value)?) };
        push_param(text, &text_of(pair.entry(0)?)?, value.as_deref());
    }
    Ok(())
}

fn push_param(text: &mut Vec<u8>, key: &[u8], value: Option<&[u8]>) {
    text.push(b';');
    text.extend_from_slice(key);
    if let Some(value) = value {
        text.push(b'=');
        text.extend_from_slice(value);
    }
}

fn to_s(ruby: &Ruby, this: RubyUri) -> Result<Value, Error> {
    Ok(utf8_or_nil(ruby, uri_text(ruby, this)?.as_deref()))
}

/// `inspect`: the text; where there is none, what is wrong instead of an error.
pub(super) fn inspect(ruby: &Ruby, this: RubyUri) -> Result<Value, Error> {
    shown(ruby, this, to_s(ruby, this))
}

/// What `inspect` shows for the outcome of `to_s`.
pub fn shown(ruby: &Ruby, this: RubyUri, text: Result<Value, Error>) -> Result<Value, Error> {
    match text {
        Ok(text) if !text.is_nil() => Ok(text),
        Ok(_) => Ok(utf8(ruby, format!("#<{}>", this.class()).as_bytes()).as_value()),
        Err(error) if error.is_kind_of(text::runtime_error_class(ruby)?) => {
            Ok(utf8(ruby, format!("#<{}: {error}>", this.class()).as_bytes()).as_value())
        }
        Err(error) => Err(error),
    }
}

/// The address of record: always `sip:`, without port and parameters; the number of a TEL URI.
fn aor(ruby: &Ruby, this: RubyUri) -> Result<Value, Error> {
    let mut text;
    match kind(ruby, this) {
        SchemeKind::Sip => {
            text = b"sip:".to_vec();
            push_user_and_host(ruby, this, &mut text)?;
        }
        SchemeKind::Tel => {
            text = b"tel:".to_vec();
            text.extend_from_slice(&text_of(user(ruby, this))?);
        }
        SchemeKind::OtherSymbol | SchemeKind::Unknown => return Ok(ruby.qnil().as_value()),
    }
    Ok(utf8(ruby, &text::neutral(ruby, "a URI", text.into(), Folds::Replace)).as_value())
}

/// Defines the methods of this file.
pub(super) fn define(class: RClass) -> Result<(), Error> {
    class.define_method("uri", method!(to_s, 0))?;
    class.define_method("to_s", method!(to_s, 0))?;
    class.define_method("inspect", method!(inspect, 0))?;
    class.define_method("aor", method!(aor, 0))?;
    Ok(())
}
