//! Modules and classes of the library, by their names in Ruby.

use magnus::{prelude::*, value::Lazy, Error, RClass, RModule, Ruby};

/// The module `OverSIP`.
pub fn oversip_module(ruby: &Ruby) -> Result<RModule, Error> {
    ruby.class_object().const_get("OverSIP")
}

/// A class below `OverSIP::SIP` that this library has defined.
///
/// # Panics
///
/// When the class is missing, which only a script that removes the constant can bring about before `define` ends.
pub fn sip_class(ruby: &Ruby, name: &str) -> RClass {
    let found = oversip_module(ruby)
        .and_then(|module| module.const_get::<_, RModule>("SIP"))
        .and_then(|module| module.const_get::<_, RClass>(name));
    found.expect("the library's classes are defined when it is loaded")
}

/// `OverSIP::Dispatcher`: the Ruby half of the dispatcher.
pub fn dispatcher_module(ruby: &Ruby) -> RModule {
    static MODULE: Lazy<RModule> = Lazy::new(|ruby| {
        oversip_module(ruby)
            .and_then(|module| module.const_get("Dispatcher"))
            .expect("the library's Ruby half is loaded before an engine runs")
    });
    ruby.get_inner(&MODULE)
}
