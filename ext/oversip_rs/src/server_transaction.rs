//! `OverSIP::SIP::ServerTransaction`: the server transaction of a request, to be looked at.

use std::sync::Arc;

use magnus::{method, prelude::*, typed_data::Obj, Error, RModule, Ruby, Value};
use oversip::engine::IncomingRequest;

use crate::text::{symbol, utf8_or_nil};

/// A server transaction.
#[magnus::wrap(class = "OverSIP::SIP::ServerTransaction", free_immediately)]
pub struct ServerTransactionObject(Arc<IncomingRequest>);

type This = Obj<ServerTransactionObject>;

/// The object for the transaction of a request.
pub fn wrap(ruby: &Ruby, incoming: Arc<IncomingRequest>) -> This {
    ruby.obj_wrap(ServerTransactionObject(incoming))
}

/// `state`: a Symbol; `:terminated` once it is over.
fn state(ruby: &Ruby, this: This) -> Value {
    symbol(ruby, this.0.transaction_state().unwrap_or("terminated"))
}

/// `last_response`: the last response sent, as text; nil before one was.
fn last_response(ruby: &Ruby, this: This) -> Value {
    utf8_or_nil(ruby, this.0.last_response().as_deref())
}

/// `valid_response?(status)`: whether a response of this status would be taken now.
fn is_valid_response(this: This, status: u16) -> bool {
    this.0.transaction_state().is_some() && this.0.valid_response(status)
}

/// Defines the class.
pub fn define(ruby: &Ruby, sip: RModule) -> Result<(), Error> {
    let class = sip.define_class("ServerTransaction", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("state", method!(state, 0))?;
    class.define_method("last_response", method!(last_response, 0))?;
    class.define_method("valid_response?", method!(is_valid_response, 1))
}
