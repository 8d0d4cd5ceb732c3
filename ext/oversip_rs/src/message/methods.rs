//! The method of a message.

use magnus::{method, prelude::*, Error, RClass, RHash, Ruby, Value};
use oversip::message::Method;

use super::any::RubyMessage;
use crate::text::{true_or_nil, utf8};

/// The Symbol of a known method, else the name as String.
pub fn method_value(ruby: &Ruby, method: &Method) -> Value {
    if method.is_known() {
        // One of few: the Symbol may stay.
        ruby.sym_new(&*String::from_utf8_lossy(method.as_bytes())).as_value()
    } else {
        utf8(ruby, method.as_bytes()).as_value()
    }
}

/// `{ INVITE: true, ... }`, as scripts of the original look methods up.
fn method_table(ruby: &Ruby, methods: &[Method]) -> Result<RHash, Error> {
    let table = ruby.hash_new();
    for method in methods {
        table.aset(method_value(ruby, method), true)?;
    }
    table.freeze();
    Ok(table)
}

fn is_dialog_forming(ruby: &Ruby, this: RubyMessage) -> Value {
    true_or_nil(ruby, this.received().method().is_some_and(Method::forms_dialog))
}

fn is_outbound_aware(ruby: &Ruby, this: RubyMessage) -> Value {
    true_or_nil(ruby, this.received().method().is_some_and(Method::is_outbound_aware))
}

/// Defines the methods of this file.
pub(super) fn define(ruby: &Ruby, class: RClass) -> Result<(), Error> {
    class.const_set("DIALOG_FORMING_METHODS", method_table(ruby, &Method::DIALOG_FORMING)?)?;
    class.const_set("RECORD_ROUTING_AWARE_METHODS", method_table(ruby, &Method::OUTBOUND_AWARE)?)?;
    class.const_set("OUTBOUND_AWARE_METHODS", method_table(ruby, &Method::OUTBOUND_AWARE)?)?;
    class.define_method("dialog_forming?", method!(is_dialog_forming, 0))?;
    class.define_method("record_routing_aware?", method!(is_outbound_aware, 0))?;
    class.define_method("outbound_aware?", method!(is_outbound_aware, 0))?;
    Ok(())
}
