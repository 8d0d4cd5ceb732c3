//! Replies, hop count and the server transaction of a request.

use magnus::{method, prelude::*, Error, RClass, RModule, Ruby, Value};
use oversip::client::{limited_hop_count, TOO_MANY_HOPS};
use oversip::element::Creation;
use oversip::host::Requests;

use super::{detached, reply::Reply};
use crate::{
    message::{ResponseObject, RubyRequest, RubyResponse},
    response, runtime, server_transaction, text,
};

/// Replies by the way that the request came.
fn send(ruby: &Ruby, this: RubyRequest, reply: &Reply) -> Result<bool, Error> {
    let Some(incoming) = this.incoming() else { return detached::reply(ruby, this, reply) };
    let host = runtime::host(ruby)?;
    Ok(Requests(&*host).reply(&incoming, reply.parts()).is_ok())
}

fn new_max_forwards(this: RubyRequest) -> Option<u32> {
    this.new_max_forwards.get()
}

/// `check_max_forwards(n)`: false after replying 483.
fn check_max_forwards(ruby: &Ruby, this: RubyRequest, limit: Value) -> Result<bool, Error> {
    let given = text::integer_argument(ruby, limit, "max_forwards")?;
    let Ok(limit) = u32::try_from(given) else {
        let rule = "an Integer from 0 to 4294967295";
        return Err(text::unfit(ruby.exception_arg_error(), "max_forwards", rule, limit));
    };
    let new = limited_hop_count(this.received().max_forwards().map(u32::from), limit);
    if new.is_none() {
        send(ruby, this, &Reply::bare(TOO_MANY_HOPS))?;
        return Ok(false);
    }
    this.new_max_forwards.set(new);
    Ok(true)
}

/// `reply(status_code, reason_phrase = nil, extra_headers = [], body = nil)`.
fn reply(ruby: &Ruby, this: RubyRequest, args: &[Value]) -> Result<bool, Error> {
    send(ruby, this, &Reply::scan(ruby, args)?)
}

/// The argument of the methods that want a Response.
fn response_argument(ruby: &Ruby, value: Value) -> Result<RubyResponse, Error> {
    ResponseObject::from_value(value)
        .ok_or_else(|| Error::new(ruby.exception_type_error(), "response must be a OverSIP::SIP::Response"))
}

/// `reply_full(response)`.
fn reply_full(ruby: &Ruby, this: RubyRequest, response: Value) -> Result<bool, Error> {
    let response = response_argument(ruby, response)?;
    response::set_content_length(ruby, response)?;
    let snapshot = response::snapshot(ruby, response)?;
    match this.incoming() {
        Some(incoming) => Ok(Requests(&*runtime::host(ruby)?).reply_full(&incoming, &snapshot).is_ok()),
        None => detached::reply_full(ruby, this, &snapshot),
    }
}

/// `reply_199(response)`, private: ends the early dialog of this response (RFC 6228).
fn reply_199(ruby: &Ruby, this: RubyRequest, response: Value) -> Result<bool, Error> {
    let response = response_argument(ruby, response)?;
    if let Some(incoming) = this.incoming() {
        Requests(&*runtime::host(ruby)?).reply_199(&incoming, response.received());
    }
    Ok(true)
}

/// `send_response(text)`: complete bytes, to where responses to this request go.
fn send_response(ruby: &Ruby, this: RubyRequest, wire: Value) -> Result<bool, Error> {
    let wire = text::string_argument(ruby, wire, "Argument must be a String")?;
    let Some(incoming) = this.incoming() else { return detached::send(ruby, this, &wire) };
    Requests(&*runtime::host(ruby)?).send_response(&incoming, wire);
    Ok(true)
}

/// `create_transaction`: true when it was made, false when there is one already, nil for what never has one.
fn create_transaction(ruby: &Ruby, this: RubyRequest) -> Result<Option<bool>, Error> {
    let host = runtime::host(ruby)?;
    let Some(incoming) = this.incoming() else { return Ok(None) };
    Ok(match Requests(&*host).create_transaction(&incoming) {
        Creation::Created => Some(true),
        Creation::Present => Some(false),
        Creation::Impossible => None,
    })
}

/// `server_transaction`: one object for each transaction.
fn server_transaction(ruby: &Ruby, this: RubyRequest) -> Value {
    let slot = &this.server_transaction;
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
