//! From, To, Contact and the routes of a message.

use magnus::{method, prelude::*, Error, RClass, Ruby, Value};

use super::any::RubyMessage;
use crate::{
    name_addr,
    slot::Slot,
    text::{true_or_nil, utf8_or_nil},
};

/// A NameAddr made at the first look and kept.
fn name_addr_of(
    ruby: &Ruby,
    this: RubyMessage,
    slot: &Slot,
    parsed: Option<oversip::message::NameAddrRef<'_>>,
) -> Value {
    if let Some(value) = slot.get(ruby) {
        return value;
    }
    let value = match parsed {
        Some(parsed) => name_addr::wrap(ruby, name_addr::class(ruby), &parsed).as_value(),
        None => ruby.qnil().as_value(),
    };
    slot.set(this, value);
    value
}

fn from(ruby: &Ruby, this: RubyMessage) -> Value {
    name_addr_of(ruby, this, &this.from, this.received().from())
}

fn to(ruby: &Ruby, this: RubyMessage) -> Value {
    name_addr_of(ruby, this, &this.to, this.received().to())
}

/// Whatever may stand for From or To: a NameAddr, a Uri, or what a script has made to answer the same two questions.
fn address_argument(ruby: &Ruby, value: Value) -> Result<Value, Error> {
    if value.is_nil() || value.respond_to("modified?", false)? {
        return Ok(value);
    }
    let complaint =
        "an address must be a OverSIP::SIP::NameAddr or OverSIP::SIP::Uri, or answer modified? and to_s";
    Err(Error::new(ruby.exception_type_error(), complaint))
}

fn set_from(ruby: &Ruby, this: RubyMessage, value: Value) -> Result<Value, Error> {
    this.from.set(this, address_argument(ruby, value)?);
    Ok(value)
}

fn set_to(ruby: &Ruby, this: RubyMessage, value: Value) -> Result<Value, Error> {
    this.to.set(this, address_argument(ruby, value)?);
    Ok(value)
}

fn contact(ruby: &Ruby, this: RubyMessage) -> Value {
    name_addr_of(ruby, this, &this.contact, this.received().contact())
}

fn contact_params(ruby: &Ruby, this: RubyMessage) -> Value {
    utf8_or_nil(ruby, this.received().contact_params())
}

fn contact_has_reg_id(ruby: &Ruby, this: RubyMessage) -> Value {
    true_or_nil(ruby, this.received().contact_has_reg_id())
}

/// `routes`: the Route URIs that are left, nil when there are none.
pub fn routes(ruby: &Ruby, this: RubyMessage) -> Result<Value, Error> {
    if let Some(routes) = this.routes.get(ruby) {
        return Ok(routes);
    }
    let list = ruby.ary_new();
    for (_, route) in this.received().routes().skip(this.headers.removed_routes()) {
        list.push(name_addr::wrap(ruby, name_addr::class(ruby), &route))?;
    }
    let routes = if list.is_empty() { ruby.qnil().as_value() } else { list.as_value() };
    this.routes.set(this, routes);
    Ok(routes)
}

/// Defines the methods of this file.
pub(super) fn define(class: RClass) -> Result<(), Error> {
    class.define_method("from", method!(from, 0))?;
    class.define_method("from=", method!(set_from, 1))?;
    class.define_method("to", method!(to, 0))?;
    class.define_method("to=", method!(set_to, 1))?;
    class.define_method("contact", method!(contact, 0))?;
    class.define_method("contact_params", method!(contact_params, 0))?;
    class.define_method("contact_reg_id?", method!(contact_has_reg_id, 0))?;
    class.define_method("routes", method!(routes, 0))?;
    Ok(())
}
