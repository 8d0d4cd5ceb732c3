//! Replies, hop count and the server transaction of a request.

use bytes::Bytes;
use magnus::{
    method, prelude::*, scan_args::scan_args, Error, RArray, RClass, RModule, RString, Ruby, Value,
};

use crate::{
    message::This,
    response, runtime, server_transaction,
    text::{self},
};

fn new_max_forwards(this: This) -> Option<u32> {
    this.flags.new_max_forwards.get()
}

/// `check_max_forwards(n)`: false after replying 483.
fn check_max_forwards(ruby: &Ruby, this: This, limit: u32) -> Result<bool, Error> {
    let new = match this.received().max_forwards().map(u32::from) {
        Some(0) => {
            if let Some(incoming) = this.incoming() {
                runtime::engine(ruby)?.reply(&incoming, 483, b"Too Many Hops", &[], b"");
            }
            return Ok(false);
        }
        Some(received) if received <= limit => received - 1,
        Some(_) | None => limit,
    };
    this.flags.new_max_forwards.set(Some(new));
    Ok(true)
}

/// `reply(status_code, reason_phrase = nil, extra_headers = [], body = nil)`.
fn reply(ruby: &Ruby, this: This, args: &[Value]) -> Result<bool, Error> {
    type Optional = (Option<Value>, Option<Value>, Option<Value>);
    let args = scan_args::<(Value,), Optional, (), (), (), ()>(args)?;
    let (reason, extra, body) = args.optional;
    let given = |value: Option<Value>| value.filter(|value| !value.is_nil());
    if RString::from_value(args.required.0).is_some() {
        return Err(Error::new(ruby.exception_arg_error(), "status code must be an Integer"));
    }
    let status = u16::try_convert(args.required.0)?;
    if !(100..=699).contains(&status) {
        return Err(Error::new(ruby.exception_arg_error(), format!("invalid status code {status}")));
    }
    let reason = match given(reason) {
        Some(reason) => text::text_of(reason)?,
        None => Bytes::from_static(oversip::message::reason_phrase(status).as_bytes()),
    };
    let mut lines = Vec::new();
    if let Some(extra) = given(extra) {
        let Some(extra) = RArray::from_value(extra) else {
            return Err(Error::new(ruby.exception_type_error(), "extra headers must be an Array"));
        };
        let mut index = 0;
        while index < extra.len() {
            lines.push(text::text_of(extra.entry(index as isize)?)?);
            index += 1;
        }
    }
    let body = given(body).map(text::text_of).transpose()?.unwrap_or_default();
    let engine = runtime::engine(ruby)?;
    match this.incoming() {
        Some(incoming) => Ok(engine.reply(&incoming, status, &reason, &lines, &body)),
        None => Ok(false),
    }
}

/// `reply_full(response)`.
fn reply_full(ruby: &Ruby, this: This, response: Value) -> Result<bool, Error> {
    let Some(response) = response::from_value(response) else {
        return Err(Error::new(ruby.exception_type_error(), "response must be a OverSIP::SIP::Response"));
    };
    response::set_content_length(ruby, response)?;
    let snapshot = response::snapshot(ruby, response)?;
    let engine = runtime::engine(ruby)?;
    match this.incoming() {
        Some(incoming) => Ok(engine.reply_full(&incoming, &snapshot)),
        None => Ok(false),
    }
}

fn create_transaction(ruby: &Ruby, this: This) -> Result<Option<bool>, Error> {
    let engine = runtime::engine(ruby)?;
    Ok(this.incoming().and_then(|incoming| engine.create_transaction(&incoming)))
}

fn server_transaction(ruby: &Ruby, this: This) -> Value {
    match this.incoming().filter(|incoming| incoming.transaction_state().is_some()) {
        Some(incoming) => server_transaction::wrap(ruby, incoming).as_value(),
        None => ruby.qnil().as_value(),
    }
}

/// Defines the methods of this file.
pub(super) fn define(class: RClass, core: RModule) -> Result<(), Error> {
    class.define_method("new_max_forwards", method!(new_max_forwards, 0))?;
    core.define_method("check_max_forwards", method!(check_max_forwards, 1))?;
    class.define_method("reply", method!(reply, -1))?;
    class.define_method("reply_full", method!(reply_full, 1))?;
    core.define_method("create_transaction", method!(create_transaction, 0))?;
    class.define_method("server_transaction", method!(server_transaction, 0))?;
    Ok(())
}
