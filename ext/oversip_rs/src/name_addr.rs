//! `OverSIP::SIP::NameAddr`: a URI with a display name.

use bytes::Bytes;
use magnus::{
    method, prelude::*, scan_args::scan_args, value::Lazy, Error, RClass, RModule, Ruby, TypedData, Value,
};
use oversip::message::{Folds, NameAddrRef};

use crate::{
    classes::sip_class,
    text::{self, text_of, utf8},
    uri::{self, RubyUri, UriObject},
};

/// The class `OverSIP::SIP::NameAddr`.
pub fn class(ruby: &Ruby) -> RClass {
    static CLASS: Lazy<RClass> = Lazy::new(|ruby| sip_class(ruby, "NameAddr"));
    ruby.get_inner(&CLASS)
}

/// A `NameAddr` for a parsed one.
pub fn wrap(ruby: &Ruby, class: RClass, parsed: &NameAddrRef<'_>) -> RubyUri {
    let this = UriObject::wrap(ruby, class, Bytes::copy_from_slice(parsed.uri().text));
    match parsed.display_name() {
        Some(name) if !name.is_empty() => this.display_name.set(this, utf8(ruby, name)),
        _ => {}
    }
    this
}

/// Whether the URI or the display name was edited and not sent since.
pub fn is_modified(this: RubyUri) -> bool {
    this.uri_modified() == Some(true) || this.display_modified.get() == Some(true)
}

fn modified(ruby: &Ruby, this: RubyUri) -> Value {
    let (uri, display) = (this.uri_modified(), this.display_modified.get());
    if is_modified(this) {
        ruby.qtrue().as_value()
    } else {
        ruby.into_value(display.or(uri))
    }
}

fn display_name(ruby: &Ruby, this: RubyUri) -> Value {
    this.display_name.get_or_nil(ruby)
}

fn set_display_name(this: RubyUri, name: Value) -> Value {
    this.display_name.set(this, name);
    this.display_modified.set(Some(true));
    name
}

/// `"display" <uri>`; without a display name, or for a plain `Uri`, what that class writes.
pub fn text(ruby: &Ruby, this: RubyUri) -> Result<Bytes, Error> {
    let uri = uri::uri_text(ruby, this)?;
    if !this.is_kind_of(class(ruby)) {
        return Ok(uri.unwrap_or_default());
    }
    let Some(uri) = uri else { return Err(text::runtime_error(ruby, "the NameAddr has no URI")) };
    let display = display_name(ruby, this);
    let mut whole = Vec::with_capacity(uri.len() + 32);
    if display.to_bool() {
        whole.push(b'"');
        push_quoted(&text_of(display)?, &mut whole);
        whole.extend_from_slice(b"\" ");
    }
    whole.push(b'<');
    whole.extend_from_slice(&uri);
    whole.push(b'>');
    Ok(text::neutral(ruby, "a display name", whole.into(), Folds::Keep))
}

/// Escapes the quotes that are not escaped yet, so that a parsed name keeps its bytes and one from a script cannot
/// end the quoted string early. A backslash at the end would escape the closing quote and is doubled.
fn push_quoted(name: &[u8], whole: &mut Vec<u8>) {
    let mut bytes = name.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => {
                whole.push(b'\\');
                whole.push(*bytes.next().unwrap_or(&b'\\'));
            }
            b'"' => whole.extend_from_slice(b"\\\""),
            _ => whole.push(byte),
        }
    }
}

fn to_s(ruby: &Ruby, this: RubyUri) -> Result<Value, Error> {
    Ok(utf8(ruby, &text(ruby, this)?).as_value())
}

fn inspect(ruby: &Ruby, this: RubyUri) -> Result<Value, Error> {
    uri::shown(ruby, this, to_s(ruby, this))
}

/// `NameAddr.parse(text)`.
fn parse(ruby: &Ruby, class: RClass, text: Value) -> Result<RubyUri, Error> {
    let bytes = text::parse_argument(ruby, text)?;
    match NameAddrRef::parse(&bytes) {
        Some(parsed) => Ok(wrap(ruby, class, &parsed)),
        None => Err(text::parsing_error(ruby, format!("invalid NameAddr {}", text.inspect()))),
    }
}

/// `NameAddr.new(display_name = nil, scheme = :sip, user = nil, host = nil, port = nil)`.
fn initialize(ruby: &Ruby, this: RubyUri, args: &[Value]) -> Result<(), Error> {
    type Optional = (Option<Value>, Option<Value>, Option<Value>, Option<Value>, Option<Value>);
    let (display, scheme, user, host, port) = scan_args::<(), Optional, (), (), (), ()>(args)?.optional;
    if let Some(display) = display {
        this.display_name.set(this, display);
    }
    uri::fill(ruby, this, scheme, user, host, port)
}

/// Defines `OverSIP::SIP::NameAddr`; `Uri` comes first.
pub fn define(ruby: &Ruby, sip: RModule) -> Result<(), Error> {
    let class = sip.define_class("NameAddr", UriObject::class(ruby))?;
    class.define_singleton_method("parse", method!(parse, 1))?;
    class.define_method("initialize", method!(initialize, -1))?;
    class.define_method("display_name", method!(display_name, 0))?;
    class.define_method("display_name=", method!(set_display_name, 1))?;
    class.define_method("modified?", method!(modified, 0))?;
    class.define_method("to_s", method!(to_s, 0))?;
    class.define_method("inspect", method!(inspect, 0))?;
    Ok(())
}
