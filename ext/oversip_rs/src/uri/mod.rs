//! `OverSIP::SIP::Uri`: a URI that is text until somebody asks for its parts.

mod edit;
mod object;
mod params;
mod parts;
mod serialise;

use magnus::{method, prelude::*, scan_args::scan_args, Error, RClass, RModule, Ruby, Value};
use oversip::message::UriRef;

use self::edit::host_type_of;
pub use self::{
    object::{RubyUri, UriObject},
    serialise::{shown, uri_text},
};
use crate::text::{self, symbol};

fn modified(ruby: &Ruby, this: RubyUri) -> Value {
    ruby.into_value(this.uri_modified())
}

/// `Uri.parse(text)`.
fn parse(ruby: &Ruby, class: RClass, text: Value) -> Result<RubyUri, Error> {
    let bytes = text::parse_argument(ruby, text)?;
    if UriRef::parse(&bytes).is_none() {
        return Err(text::parsing_error(ruby, format!("invalid URI {}", text.inspect())));
    }
    Ok(UriObject::wrap(ruby, class, bytes))
}

/// `Uri.new(scheme = :sip, user = nil, host = nil, port = nil)`.
fn initialize(ruby: &Ruby, this: RubyUri, args: &[Value]) -> Result<(), Error> {
    let args =
        scan_args::<(), (Option<Value>, Option<Value>, Option<Value>, Option<Value>), (), (), (), ()>(args)?;
    let (scheme, user, host, port) = args.optional;
    fill(ruby, this, scheme, user, host, port)
}

/// What both constructors do with their URI parts: stored as given.
pub(crate) fn fill(
    ruby: &Ruby,
    this: RubyUri,
    scheme: Option<Value>,
    user: Option<Value>,
    host: Option<Value>,
    port: Option<Value>,
) -> Result<(), Error> {
    let scheme = match scheme {
        Some(scheme) => text::symbol_argument(ruby, scheme, "scheme must be a Symbol or a String")?,
        None => symbol(ruby, "sip"),
    };
    let host = host.filter(|host| host.to_bool());
    let host_type = host.map(|host| host_type_of(ruby, host)).transpose()?;
    this.scheme.set(this, scheme);
    for (slot, value) in
        [(&this.user, user), (&this.host, host), (&this.host_type, host_type), (&this.port, port)]
    {
        if let Some(value) = value {
            slot.set(this, value);
        }
    }
    this.touch();
    Ok(())
}

/// `dup` and `clone`: the parts are shared as a plain Ruby object would share its instance variables.
fn initialize_copy(ruby: &Ruby, this: RubyUri, original: RubyUri) -> RubyUri {
    if let Some(source) = original.source.get() {
        let _ = this.source.set(source.clone());
    }
    let rebuilt = original.rebuilt.borrow().clone();
    this.rebuilt.replace(rebuilt);
    this.stale.set(original.stale.get());
    this.modified.set(original.modified.get());
    this.display_modified.set(original.display_modified.get());
    for (slot, from) in this.slots().into_iter().zip(original.slots()) {
        if let Some(value) = from.get(ruby) {
            slot.set(this, value);
        }
    }
    this
}

/// Defines `OverSIP::SIP::Uri`.
pub fn define(ruby: &Ruby, sip: RModule) -> Result<(), Error> {
    let class = sip.define_class("Uri", ruby.class_object())?;
    class.define_alloc_func::<UriObject>();
    class.define_singleton_method("parse", method!(parse, 1))?;
    class.define_method("initialize", method!(initialize, -1))?;
    class.define_method("initialize_copy", method!(initialize_copy, 1))?;
    class.define_method("modified?", method!(modified, 0))?;
    parts::define(class)?;
    params::define(class)?;
    edit::define(class)?;
    serialise::define(class)?;
    Ok(())
}
