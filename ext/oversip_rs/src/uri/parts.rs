//! The parts of a `Uri` as a script reads them.

use magnus::{method, prelude::*, Error, RClass, Ruby, Symbol, Value};
use oversip::message::{HostType, Scheme, UriRef};

use super::object::RubyUri;
use crate::{
    slot::Slot,
    text::{binary, symbol, utf8, utf8_or_nil},
};

/// The scheme: a Symbol for sip, sips and tel, else a String, or whatever a script set.
pub fn scheme(ruby: &Ruby, this: RubyUri) -> Value {
    if let Some(value) = this.scheme.get(ruby) {
        return value;
    }
    let value = match this.parsed().map(|uri| uri.scheme()) {
        Some(Scheme::Sip) => symbol(ruby, "sip"),
        Some(Scheme::Sips) => symbol(ruby, "sips"),
        Some(Scheme::Tel) => symbol(ruby, "tel"),
        Some(Scheme::Other(name)) => utf8(ruby, &name.to_ascii_lowercase()).as_value(),
        None => return ruby.qnil().as_value(),
    };
    this.scheme.set(this, value);
    value
}

/// What the mutators and the serialiser go by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum SchemeKind {
    Sip,
    Tel,
    /// A Symbol that is neither: mutators work, but the text cannot be rebuilt.
    OtherSymbol,
    /// Not a Symbol: mutators do nothing.
    Unknown,
}

pub(super) fn kind(ruby: &Ruby, this: RubyUri) -> SchemeKind {
    let value = scheme(ruby, this);
    let Some(scheme) = Symbol::from_value(value) else { return SchemeKind::Unknown };
    match scheme.name().as_deref() {
        Ok("sip" | "sips") => SchemeKind::Sip,
        Ok("tel") => SchemeKind::Tel,
        _ => SchemeKind::OtherSymbol,
    }
}

/// Whether the URI is SIP or SIPS.
pub fn is_sip(ruby: &Ruby, this: RubyUri) -> bool {
    kind(ruby, this) == SchemeKind::Sip
}

pub(super) fn is_tel(ruby: &Ruby, this: RubyUri) -> bool {
    kind(ruby, this) == SchemeKind::Tel
}

pub(super) fn is_unknown_scheme(ruby: &Ruby, this: RubyUri) -> bool {
    kind(ruby, this) == SchemeKind::Unknown
}

/// A part that is read from the received text once and then stays the same object.
fn part(ruby: &Ruby, this: RubyUri, slot: &Slot, read: impl FnOnce(UriRef<'_>) -> Value) -> Value {
    if let Some(value) = slot.get(ruby) {
        return value;
    }
    let Some(uri) = this.parsed() else { return ruby.qnil().as_value() };
    let value = read(uri);
    slot.set(this, value);
    value
}

pub(super) fn user(ruby: &Ruby, this: RubyUri) -> Value {
    part(ruby, this, &this.user, |uri| match uri.scheme() {
        Scheme::Tel => utf8_or_nil(ruby, uri.number().as_deref()),
        _ => utf8_or_nil(ruby, uri.user_unescaped().as_deref()),
    })
}

pub(super) fn host(ruby: &Ruby, this: RubyUri) -> Value {
    part(ruby, this, &this.host, |uri| match (uri.host_normalised(), uri.host_type()) {
        (Some(host), Some(HostType::Ipv6Reference)) => binary(ruby, host.as_bytes()).as_value(),
        (Some(host), _) => utf8(ruby, host.as_bytes()).as_value(),
        (None, _) => ruby.qnil().as_value(),
    })
}

fn host_type(ruby: &Ruby, this: RubyUri) -> Value {
    part(ruby, this, &this.host_type, |uri| match uri.host_type() {
        Some(HostType::Domain) => symbol(ruby, "domain"),
        Some(HostType::Ipv4) => symbol(ruby, "ipv4"),
        Some(HostType::Ipv6Reference) => symbol(ruby, "ipv6_reference"),
        None => ruby.qnil().as_value(),
    })
}

pub(super) fn port(ruby: &Ruby, this: RubyUri) -> Value {
    part(ruby, this, &this.port, |uri| match uri.port() {
        Some(port) => ruby.integer_from_u64(port.into()).as_value(),
        None => ruby.qnil().as_value(),
    })
}

pub(super) fn headers(ruby: &Ruby, this: RubyUri) -> Value {
    part(ruby, this, &this.headers, |uri| utf8_or_nil(ruby, uri.headers()))
}

/// Defines the methods of this file.
pub(super) fn define(class: RClass) -> Result<(), Error> {
    class.define_method("scheme", method!(scheme, 0))?;
    class.define_method("user", method!(user, 0))?;
    class.define_method("number", method!(user, 0))?;
    class.define_method("host", method!(host, 0))?;
    class.define_method("domain", method!(host, 0))?;
    class.define_method("host_type", method!(host_type, 0))?;
    class.define_method("port", method!(port, 0))?;
    class.define_method("headers", method!(headers, 0))?;
    class.define_method("sip?", method!(is_sip, 0))?;
    class.define_method("tel?", method!(is_tel, 0))?;
    class.define_method("unknown_scheme?", method!(is_unknown_scheme, 0))?;
    Ok(())
}
