//! The top Via of a message.

use magnus::{method, prelude::*, Error, RClass, RHash, Ruby, Value};

use super::{any::RubyMessage, source::source_port};
use crate::text::{integer_or_nil, true_or_nil, utf8, utf8_or_nil};

fn via_sent_by_host(ruby: &Ruby, this: RubyMessage) -> Value {
    utf8_or_nil(ruby, this.received().top_via().map(|via| via.host()))
}

fn via_sent_by_port(ruby: &Ruby, this: RubyMessage) -> Value {
    integer_or_nil(ruby, this.received().top_via().and_then(|via| via.port()).map(u32::from))
}

fn via_branch(ruby: &Ruby, this: RubyMessage) -> Value {
    utf8_or_nil(ruby, this.received().top_via().and_then(|via| via.branch()))
}

fn via_branch_rfc3261(ruby: &Ruby, this: RubyMessage) -> Value {
    true_or_nil(ruby, this.received().top_via().is_some_and(|via| via.branch_rfc3261()))
}

fn via_branch_id(ruby: &Ruby, this: RubyMessage) -> Value {
    match this.via_branch_id.get(ruby) {
        Some(value) => value,
        None => utf8_or_nil(ruby, this.received().branch_id()),
    }
}

fn set_via_branch_id(this: RubyMessage, value: Value) -> Value {
    this.via_branch_id.set(this, value);
    value
}

fn via_received(ruby: &Ruby, this: RubyMessage) -> Value {
    utf8_or_nil(ruby, this.received().top_via().and_then(|via| via.received()))
}

fn via_has_rport(ruby: &Ruby, this: RubyMessage) -> Value {
    true_or_nil(ruby, this.received().top_via().is_some_and(|via| via.has_rport()))
}

fn via_has_alias(ruby: &Ruby, this: RubyMessage) -> Value {
    true_or_nil(ruby, this.received().top_via().is_some_and(|via| via.has_alias()))
}

fn via_core_value(ruby: &Ruby, this: RubyMessage) -> Value {
    utf8_or_nil(ruby, this.received().top_via().map(|via| via.core()))
}

fn via_params(ruby: &Ruby, this: RubyMessage) -> Result<Value, Error> {
    let Some(via) = this.received().top_via() else { return Ok(ruby.qnil().as_value()) };
    let params: RHash = ruby.hash_new();
    for (key, value) in via.params() {
        params.aset(utf8(ruby, &key.to_ascii_lowercase()), utf8_or_nil(ruby, value))?;
    }
    Ok(if params.is_empty() { ruby.qnil().as_value() } else { params.as_value() })
}

fn num_vias(this: RubyMessage) -> usize {
    this.received().num_vias()
}

/// `via_rport`: the source port when the sender asks for it and its transport lets the server say so (RFC 3581).
fn via_rport(ruby: &Ruby, this: RubyMessage) -> Value {
    let asked = this.received().top_via().is_some_and(|via| via.has_rport());
    let source = this.source().filter(|source| asked && !source.transport.websocket());
    this.via_rport
        .get(ruby)
        .unwrap_or_else(|| integer_or_nil(ruby, source.map(|source| u32::from(source.remote.port()))))
}

/// From now on `via_rport` is the source port.
pub fn use_source_port(ruby: &Ruby, this: RubyMessage) {
    let port = source_port(ruby, this);
    this.via_rport.set(this, port);
}

/// Defines the methods of this file.
pub(super) fn define(class: RClass) -> Result<(), Error> {
    class.define_method("via_sent_by_host", method!(via_sent_by_host, 0))?;
    class.define_method("via_sent_by_port", method!(via_sent_by_port, 0))?;
    class.define_method("via_branch", method!(via_branch, 0))?;
    class.define_method("via_branch_rfc3261", method!(via_branch_rfc3261, 0))?;
    class.define_method("via_branch_id", method!(via_branch_id, 0))?;
    class.define_method("via_branch_id=", method!(set_via_branch_id, 1))?;
    class.define_method("via_received", method!(via_received, 0))?;
    class.define_method("via_has_rport", method!(via_has_rport, 0))?;
    class.define_method("via_rport?", method!(via_has_rport, 0))?;
    class.define_method("via_has_alias", method!(via_has_alias, 0))?;
    class.define_method("via_alias?", method!(via_has_alias, 0))?;
    class.define_method("via_core_value", method!(via_core_value, 0))?;
    class.define_method("via_params", method!(via_params, 0))?;
    class.define_method("num_vias", method!(num_vias, 0))?;
    class.define_method("via_rport", method!(via_rport, 0))?;
    Ok(())
}
