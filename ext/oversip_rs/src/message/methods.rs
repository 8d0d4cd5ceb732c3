//! The method of a message, and what methods are meant for.

use magnus::{method, prelude::*, Error, RClass, RHash, Ruby, Value};
use oversip::message::Method;

use super::any::RubyMessage;
use crate::text::{symbol, true_or_nil, utf8};

/// The Symbol of a known method, else the name as String.
pub fn method_value(ruby: &Ruby, method: &Method) -> Value {
    if method.is_known() {
        symbol(ruby, &String::from_utf8_lossy(method.as_bytes()))
    } else {
        utf8(ruby, method.as_bytes()).as_value()
    }
}

/// Methods that create a dialog.
const DIALOG_FORMING: [Method; 3] = [Method::Invite, Method::Subscribe, Method::Refer];
/// Methods that Outbound and record-routing are meant for.
const ROUTING_AWARE: [Method; 4] = [Method::Invite, Method::Register, Method::Subscribe, Method::Refer];

/// Whether Outbound and record-routing are meant for a method.
pub fn is_outbound_aware_method(method: Option<&Method>) -> bool {
    method.is_some_and(|method| ROUTING_AWARE.contains(method))
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
    true_or_nil(ruby, this.received().method().is_some_and(|method| DIALOG_FORMING.contains(method)))
}

fn is_outbound_aware(ruby: &Ruby, this: RubyMessage) -> Value {
    true_or_nil(ruby, is_outbound_aware_method(this.received().method()))
}

/// Defines the methods of this file.
pub(super) fn define(ruby: &Ruby, class: RClass) -> Result<(), Error> {
    class.const_set("DIALOG_FORMING_METHODS", method_table(ruby, &DIALOG_FORMING)?)?;
    class.const_set("RECORD_ROUTING_AWARE_METHODS", method_table(ruby, &ROUTING_AWARE)?)?;
    class.const_set("OUTBOUND_AWARE_METHODS", method_table(ruby, &ROUTING_AWARE)?)?;
    class.define_method("dialog_forming?", method!(is_dialog_forming, 0))?;
    class.define_method("record_routing_aware?", method!(is_outbound_aware, 0))?;
    class.define_method("outbound_aware?", method!(is_outbound_aware, 0))?;
    Ok(())
}
