//! What scripts and modules keep at a request.

use magnus::{method, prelude::*, Error, RClass, Ruby, Value};

use crate::{
    message::{self, RubyRequest},
    text::{symbol, true_or_nil, utf8},
};

/// `tvars`: the Hash of this request.
pub fn tvars(ruby: &Ruby, this: RubyRequest) -> Value {
    this.tvars.get(ruby).unwrap_or_else(|| {
        let hash = ruby.hash_new().as_value();
        this.tvars.set(this, hash);
        hash
    })
}

fn set_tvars(this: RubyRequest, value: Value) -> Value {
    this.tvars.set(this, value);
    value
}

/// `cvars`: the Hash of the connection; over UDP one of its own for each request.
fn cvars(ruby: &Ruby, this: RubyRequest) -> Result<Value, Error> {
    if let Some(value) = this.cvars.get(ruby) {
        return Ok(value);
    }
    let connection = message::connection(ruby, this.into())?;
    let value =
        if connection.is_nil() { ruby.hash_new().as_value() } else { connection.funcall("cvars", ())? };
    this.cvars.set(this, value);
    Ok(value)
}

fn set_cvars(this: RubyRequest, value: Value) -> Value {
    this.cvars.set(this, value);
    value
}

fn antiloop_id(ruby: &Ruby, this: RubyRequest) -> Value {
    if let Some(value) = this.antiloop_id.get(ruby) {
        return value;
    }
    match this.incoming() {
        Some(incoming) => utf8(ruby, &incoming.antiloop_id).as_value(),
        None => ruby.qnil().as_value(),
    }
}

fn set_antiloop_id(this: RubyRequest, value: Value) -> Value {
    this.antiloop_id.set(this, value);
    value
}

/// `proxied`: true once a Proxy has sent the request.
fn proxied(ruby: &Ruby, this: RubyRequest) -> Value {
    let sent = || true_or_nil(ruby, this.incoming().is_some_and(|incoming| incoming.is_proxied()));
    this.proxied.get(ruby).unwrap_or_else(sent)
}

fn set_proxied(this: RubyRequest, value: Value) -> Value {
    this.proxied.set(this, value);
    value
}

/// `in_rr`: which Record-Route or Path the Proxy has added, as a Symbol.
fn in_rr(ruby: &Ruby, this: RubyRequest) -> Value {
    let added = || match this.incoming().and_then(|incoming| incoming.recorded()) {
        Some(recorded) => symbol(ruby, recorded.as_str()),
        None => ruby.qnil().as_value(),
    };
    this.in_rr.get(ruby).unwrap_or_else(added)
}

fn set_in_rr(this: RubyRequest, value: Value) -> Value {
    this.in_rr.set(this, value);
    value
}

/// Defines the methods of this file.
pub(super) fn define(class: RClass) -> Result<(), Error> {
    class.define_method("tvars", method!(tvars, 0))?;
    class.define_method("tvars=", method!(set_tvars, 1))?;
    class.define_method("cvars", method!(cvars, 0))?;
    class.define_method("cvars=", method!(set_cvars, 1))?;
    class.define_method("antiloop_id", method!(antiloop_id, 0))?;
    class.define_method("antiloop_id=", method!(set_antiloop_id, 1))?;
    class.define_method("proxied", method!(proxied, 0))?;
    class.define_method("proxied=", method!(set_proxied, 1))?;
    class.define_method("in_rr", method!(in_rr, 0))?;
    class.define_method("in_rr=", method!(set_in_rr, 1))?;
    Ok(())
}
