//! `OverSIP::SIP::ServerTransaction` and its two kinds: the server transaction of a request as a script sees it. The
//! machine is in the engine; `reply` and `route` are what usually drives it.

use std::sync::Arc;

use magnus::{
    gc::Marker,
    method,
    prelude::*,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions, Obj},
    value::Lazy,
    Error, RClass, RModule, Ruby, TypedData, Value,
};
use oversip::element::ServerState;
use oversip::host::{IncomingRequest, Requests};

use crate::{
    classes::sip_class,
    message::{RequestObject, RubyRequest},
    runtime,
    slot::Slot,
    text::{self, symbol, utf8_or_nil},
};

/// A server transaction.
pub struct ServerTransactionObject {
    incoming: Arc<IncomingRequest>,
    request: Slot,
}

impl DataTypeFunctions for ServerTransactionObject {
    fn mark(&self, marker: &Marker) {
        self.request.mark(marker);
    }
}

// SAFETY: made by `of` only; the slot is marked, freed without calling Ruby, written through `Slot::set`.
unsafe impl TypedData for ServerTransactionObject {
    fn class(ruby: &Ruby) -> RClass {
        static CLASS: Lazy<RClass> = Lazy::new(|ruby| sip_class(ruby, "ServerTransaction"));
        ruby.get_inner(&CLASS)
    }

    fn data_type() -> &'static DataType {
        static DATA_TYPE: DataType =
            DataTypeBuilder::<ServerTransactionObject>::new(c"OverSIP::SIP::ServerTransaction")
                .mark()
                .free_immediately()
                .wb_protected()
                .build();
        &DATA_TYPE
    }
}

/// A `ServerTransaction` as a method gets it.
type RubyServerTransaction = Obj<ServerTransactionObject>;

/// The object for the transaction of a request; nil as long as there is none.
pub fn of(ruby: &Ruby, request: RubyRequest) -> Value {
    let Some(incoming) = request.incoming().filter(|incoming| incoming.transaction_state().is_some()) else {
        return ruby.qnil().as_value();
    };
    let kind = if incoming.is_invite() { "InviteServerTransaction" } else { "NonInviteServerTransaction" };
    let object = ServerTransactionObject { incoming, request: Slot::default() };
    let this = ruby.obj_wrap_as(object, sip_class(ruby, kind));
    this.request.set(this, request);
    this.as_value()
}

fn request(ruby: &Ruby, this: RubyServerTransaction) -> Value {
    this.request.get_or_nil(ruby)
}

/// `core`: the Proxy that routed the request last.
fn core(ruby: &Ruby, this: RubyServerTransaction) -> Value {
    match RequestObject::from_value(request(ruby, this)) {
        Some(request) => request.proxy.get_or_nil(ruby),
        None => ruby.qnil().as_value(),
    }
}

/// `state`: a Symbol; `:terminated` once it is over.
fn state(ruby: &Ruby, this: RubyServerTransaction) -> Value {
    symbol(ruby, this.incoming.transaction_state().map_or("terminated", ServerState::as_str))
}

/// `last_response`: the last response sent, as text; nil before one was.
fn last_response(ruby: &Ruby, this: RubyServerTransaction) -> Value {
    utf8_or_nil(ruby, this.incoming.last_response().as_deref())
}

/// `last_response = text`: what is sent again for a repeated request.
fn set_last_response(this: RubyServerTransaction, text: Value) -> Result<Value, Error> {
    this.incoming.set_last_response(text::text_of(text)?);
    Ok(text)
}

/// `retransmit_last_response`: false when there is none.
fn retransmit_last_response(ruby: &Ruby, this: RubyServerTransaction) -> Result<bool, Error> {
    Ok(Requests(&*runtime::host(ruby)?).retransmit_last_response(&this.incoming))
}

/// `valid_response?(status)`: whether a response of this status would be taken now.
fn is_valid_response(this: RubyServerTransaction, status: u16) -> bool {
    this.incoming.valid_response(status)
}

/// `receive_response(status)`: the same, and the transaction goes on.
fn receive_response(ruby: &Ruby, this: RubyServerTransaction, status: u16) -> Result<bool, Error> {
    Ok(Requests(&*runtime::host(ruby)?).receive_response(&this.incoming, status).is_ok())
}

/// `terminate_transaction`.
fn terminate_transaction(ruby: &Ruby, this: RubyServerTransaction) -> Result<(), Error> {
    Requests(&*runtime::host(ruby)?).terminate_transaction(&this.incoming);
    Ok(())
}

fn inspect(ruby: &Ruby, this: RubyServerTransaction) -> String {
    let class = this.class().inspect();
    let branch = String::from_utf8_lossy(this.incoming.message.branch_id().unwrap_or_default()).into_owned();
    format!("#<{class} {} branch_id={branch}>", state(ruby, this).inspect())
}

/// Defines the classes.
pub fn define(ruby: &Ruby, sip: RModule) -> Result<(), Error> {
    let class = sip.define_class("ServerTransaction", ruby.class_object())?;
    class.undef_default_alloc_func();
    sip.define_class("InviteServerTransaction", class)?;
    sip.define_class("NonInviteServerTransaction", class)?;
    class.define_method("request", method!(request, 0))?;
    class.define_method("core", method!(core, 0))?;
    class.define_method("state", method!(state, 0))?;
    class.define_method("last_response", method!(last_response, 0))?;
    class.define_method("last_response=", method!(set_last_response, 1))?;
    class.define_method("retransmit_last_response", method!(retransmit_last_response, 0))?;
    class.define_method("valid_response?", method!(is_valid_response, 1))?;
    class.define_method("receive_response", method!(receive_response, 1))?;
    class.define_method("terminate_transaction", method!(terminate_transaction, 0))?;
    class.define_method("inspect", method!(inspect, 0))
}
