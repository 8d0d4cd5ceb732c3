//! Replies, hop count and the server transaction of a request.

use bytes::Bytes;
use magnus::{
    method, prelude::*, scan_args::scan_args, Error, RArray, RClass, RModule, RString, Ruby, Value,
};

use oversip::message::{split_line, Folds};

use super::detached;
use crate::{
    message::This,
    response, runtime, server_transaction,
    text::{self},
};

/// What `reply` was asked for.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) reason: Bytes,
    pub(super) extra_lines: Vec<Bytes>,
    pub(super) body: Bytes,
}

impl Reply {
    /// A reply with its usual reason and nothing else.
    fn bare(status: u16) -> Reply {
        let reason = Bytes::from_static(oversip::message::reason_phrase(status).as_bytes());
        Reply { status, reason, extra_lines: Vec::new(), body: Bytes::new() }
    }

    /// `status_code, reason_phrase = nil, extra_headers = [], body = nil`.
    fn scan(ruby: &Ruby, args: &[Value]) -> Result<Reply, Error> {
        type Optional = (Option<Value>, Option<Value>, Option<Value>);
        let args = scan_args::<(Value,), Optional, (), (), (), ()>(args)?;
        let (reason, extra, body) = args.optional;
        let given = |value: Option<Value>| value.filter(|value| !value.is_nil());
        let mut reply = Reply::bare(status(ruby, args.required.0)?);
        if let Some(reason) = given(reason) {
            let reason = text::text_of(reason)?;
            reply.reason = text::neutral(ruby, "a reason phrase", reason, Folds::Replace);
        }
        if let Some(extra) = given(extra) {
            let Some(extra) = RArray::from_value(extra) else {
                return Err(text::unfit(
                    ruby.exception_type_error(),
                    "extra headers",
                    "an Array of header lines",
                    extra,
                ));
            };
            let mut index = 0;
            while index < extra.len() {
                let line = text::text_of(extra.entry(index as isize)?)?;
                let line = text::neutral(ruby, "a header line", line, Folds::Keep);
                if split_line(&line).is_some() {
                    reply.extra_lines.push(line);
                } else {
                    let quoted = String::from_utf8_lossy(&line).into_owned();
                    text::report_mistake(
                        ruby,
                        &format!("{quoted:?} is no header line (\"Name: value\") and left out of a reply"),
                    );
                }
                index += 1;
            }
        }
        if let Some(body) = given(body) {
            reply.body = text::text_of(body)?;
        }
        Ok(reply)
    }
}

fn status(ruby: &Ruby, value: Value) -> Result<u16, Error> {
    if RString::from_value(value).is_some() {
        return Err(text::unfit(ruby.exception_arg_error(), "status code", "an Integer", value));
    }
    response::status_argument(ruby, value)
}

/// Replies by the way that the request came.
fn send(ruby: &Ruby, this: This, reply: &Reply) -> Result<bool, Error> {
    let Some(incoming) = this.incoming() else { return detached::reply(ruby, this, reply) };
    let engine = runtime::engine(ruby)?;
    Ok(engine.reply(&incoming, reply.status, &reply.reason, &reply.extra_lines, &reply.body))
}

fn new_max_forwards(this: This) -> Option<u32> {
    this.flags.new_max_forwards.get()
}

/// `check_max_forwards(n)`: false after replying 483.
fn check_max_forwards(ruby: &Ruby, this: This, limit: Value) -> Result<bool, Error> {
    let given = text::integer_argument(ruby, limit, "max_forwards")?;
    let Ok(limit) = u32::try_from(given) else {
        let rule = "an Integer from 0 to 4294967295";
        return Err(text::unfit(ruby.exception_arg_error(), "max_forwards", rule, limit));
    };
    let new = match this.received().max_forwards().map(u32::from) {
        Some(0) => {
            send(ruby, this, &Reply::bare(483))?;
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
    send(ruby, this, &Reply::scan(ruby, args)?)
}

/// The argument of the methods that want a Response.
fn response_argument(ruby: &Ruby, value: Value) -> Result<This, Error> {
    response::from_value(value)
        .ok_or_else(|| Error::new(ruby.exception_type_error(), "response must be a OverSIP::SIP::Response"))
}

/// `reply_full(response)`.
fn reply_full(ruby: &Ruby, this: This, response: Value) -> Result<bool, Error> {
    let response = response_argument(ruby, response)?;
    response::set_content_length(ruby, response)?;
    let snapshot = response::snapshot(ruby, response)?;
    match this.incoming() {
        Some(incoming) => Ok(runtime::engine(ruby)?.reply_full(&incoming, &snapshot)),
        None => detached::send(ruby, this, &snapshot.to_bytes()),
    }
}

/// `reply_199(response)`, private: ends the early dialog of this response (RFC 6228).
fn reply_199(ruby: &Ruby, this: This, response: Value) -> Result<bool, Error> {
    let response = response_argument(ruby, response)?;
    if let Some(incoming) = this.incoming() {
        runtime::engine(ruby)?.reply_199(&incoming, response.received());
    }
    Ok(true)
}

/// `send_response(text)`: complete bytes, to where responses to this request go.
fn send_response(ruby: &Ruby, this: This, wire: Value) -> Result<bool, Error> {
    let wire = text::string_argument(ruby, wire, "Argument must be a String")?;
    let Some(incoming) = this.incoming() else { return detached::send(ruby, this, &wire) };
    runtime::engine(ruby)?.send_response(&incoming, &wire);
    Ok(true)
}

fn create_transaction(ruby: &Ruby, this: This) -> Result<Option<bool>, Error> {
    let engine = runtime::engine(ruby)?;
    Ok(this.incoming().and_then(|incoming| engine.create_transaction(&incoming)))
}

/// `server_transaction`: one object for each transaction.
fn server_transaction(ruby: &Ruby, this: This) -> Value {
    let slot = &this.flags.server_transaction;
    slot.get(ruby).unwrap_or_else(|| {
        let transaction = server_transaction::of(ruby, this);
        if !transaction.is_nil() {
            slot.set(this, transaction);
        }
        transaction
    })
}

/// Defines the methods of this file.
pub(super) fn define(class: RClass, core: RModule) -> Result<(), Error> {
    class.define_method("new_max_forwards", method!(new_max_forwards, 0))?;
    core.define_method("check_max_forwards", method!(check_max_forwards, 1))?;
    class.define_method("reply", method!(reply, -1))?;
    class.define_method("reply_full", method!(reply_full, 1))?;
    class.define_private_method("reply_199", method!(reply_199, 1))?;
    class.define_method("send_response", method!(send_response, 1))?;
    core.define_method("create_transaction", method!(create_transaction, 0))?;
    class.define_method("server_transaction", method!(server_transaction, 0))?;
    Ok(())
}
