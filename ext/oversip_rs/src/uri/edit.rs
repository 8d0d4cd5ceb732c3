//! The writers of the parts of a `Uri`.

use magnus::{method, prelude::*, Error, RClass, Ruby, Value};
use oversip::message::{self as host, IpType};

use super::{object::RubyUri, parts::is_unknown_scheme};
use crate::text::{self, symbol};

/// Defines a writer that stores what it is given; nothing happens on an unknown scheme.
macro_rules! plain_writer {
    ($name:ident, $slot:ident) => {
        fn $name(ruby: &Ruby, this: RubyUri, value: Value) -> Value {
            if is_unknown_scheme(ruby, this) {
                return ruby.qnil().as_value();
            }
            this.$slot.set(this, value);
            this.touch();
            value
        }
    };
}

plain_writer!(set_scheme, scheme);
plain_writer!(set_user, user);
plain_writer!(set_port, port);
plain_writer!(set_headers, headers);

fn set_host(ruby: &Ruby, this: RubyUri, value: Value) -> Result<Value, Error> {
    if is_unknown_scheme(ruby, this) {
        return Ok(ruby.qnil().as_value());
    }
    let host_type = host_type_of(ruby, value)?;
    this.host.set(this, value);
    this.host_type.set(this, host_type);
    this.touch();
    Ok(value)
}

/// `:ipv4`, `:ipv6`, `:ipv6_reference` or `:domain`.
pub(super) fn host_type_of(ruby: &Ruby, host: Value) -> Result<Value, Error> {
    let text = text::named_string_argument(ruby, host, "host")?;
    let name = match host::ip_type(&text) {
        Some(IpType::Ipv4) => "ipv4",
        Some(IpType::Ipv6) => "ipv6",
        Some(IpType::Ipv6Reference) => "ipv6_reference",
        None => "domain",
    };
    Ok(symbol(ruby, name))
}

fn set_host_type(ruby: &Ruby, this: RubyUri, value: Value) -> Value {
    if is_unknown_scheme(ruby, this) {
        return ruby.qnil().as_value();
    }
    this.host_type.set(this, value);
    value
}

/// Defines the methods of this file.
pub(super) fn define(class: RClass) -> Result<(), Error> {
    class.define_method("host=", method!(set_host, 1))?;
    class.define_method("domain=", method!(set_host, 1))?;
    class.define_method("host_type=", method!(set_host_type, 1))?;
    class.define_method("scheme=", method!(set_scheme, 1))?;
    class.define_method("user=", method!(set_user, 1))?;
    class.define_method("number=", method!(set_user, 1))?;
    class.define_method("port=", method!(set_port, 1))?;
    class.define_method("headers=", method!(set_headers, 1))?;
    Ok(())
}
