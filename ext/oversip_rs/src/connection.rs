//! `OverSIP::SIP::Connection`: where a message came from.

use magnus::{
    gc::Marker,
    method,
    prelude::*,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions, Obj},
    value::Lazy,
    Error, RClass, RModule, Ruby, TypedData, Value,
};
use oversip::transport::Source;

use crate::{
    anchors::Anchor,
    runtime,
    slot::Slot,
    text::{symbol, utf8},
    uri::sip_class,
};

/// A connection, or the UDP socket together with the peer's address.
pub struct ConnectionObject {
    source: Source,
    cvars: Slot,
}

impl DataTypeFunctions for ConnectionObject {
    fn mark(&self, marker: &Marker) {
        self.cvars.mark(marker);
    }
}

// SAFETY: made by `of` only; the slot is marked, freed without calling Ruby, written through `Slot::set`.
unsafe impl TypedData for ConnectionObject {
    fn class(ruby: &Ruby) -> RClass {
        static CLASS: Lazy<RClass> = Lazy::new(|ruby| sip_class(ruby, "Connection"));
        ruby.get_inner(&CLASS)
    }

    fn data_type() -> &'static DataType {
        static DATA_TYPE: DataType = DataTypeBuilder::<ConnectionObject>::new(c"OverSIP::SIP::Connection")
            .mark()
            .free_immediately()
            .wb_protected()
            .build();
        &DATA_TYPE
    }
}

type This = Obj<ConnectionObject>;

/// The connection of a message. A stream connection has one object as long as it lives, so that `cvars` stay.
pub fn of(ruby: &Ruby, source: &Source) -> Result<Value, Error> {
    let new = || ruby.obj_wrap(ConnectionObject { source: *source, cvars: Slot::default() }).as_value();
    let (Some(connection), Some(engine)) = (source.connection, runtime::current()) else { return Ok(new()) };
    let known = engine.companion(connection, |companion| {
        companion.downcast_ref::<Anchor>().and_then(|anchor| anchor.values(ruby)).map(|(object, _)| object)
    });
    if let Some(Some(object)) = known {
        return Ok(object);
    }
    let object = new();
    engine.set_companion(connection, Box::new(Anchor::hold(object, ruby.qnil().as_value())));
    Ok(object)
}

fn transport(ruby: &Ruby, this: This) -> Value {
    symbol(ruby, this.source.transport.as_str())
}

/// `cvars`: a Hash that lives as long as the connection.
fn cvars(ruby: &Ruby, this: This) -> Value {
    this.cvars.get(ruby).unwrap_or_else(|| {
        let hash = ruby.hash_new().as_value();
        this.cvars.set(this, hash);
        hash
    })
}

/// `open?`: whether messages can be sent.
fn is_open(this: This) -> bool {
    let Some(engine) = runtime::current() else { return false };
    this.source.connection.is_none_or(|connection| engine.connections().info(connection).is_some())
}

/// `close`: false for UDP, whose socket serves everybody.
fn close(ruby: &Ruby, this: This) -> Result<bool, Error> {
    match this.source.connection {
        Some(connection) => {
            runtime::engine(ruby)?.close_connection(connection);
            Ok(true)
        }
        None => Ok(false),
    }
}

fn remote_ip(ruby: &Ruby, this: This) -> Value {
    utf8(ruby, this.source.remote.ip().to_string().as_bytes()).as_value()
}

fn remote_port(this: This) -> u16 {
    this.source.remote.port()
}

fn remote_ip_type(ruby: &Ruby, this: This) -> Value {
    symbol(ruby, if this.source.remote.is_ipv4() { "ipv4" } else { "ipv6" })
}

fn remote_desc(ruby: &Ruby, this: This, _: &[Value]) -> Value {
    utf8(ruby, this.source.remote.to_string().as_bytes()).as_value()
}

/// `outbound_flow_token`: nil for a connection that the server opened.
fn outbound_flow_token(ruby: &Ruby, this: This) -> Result<Option<String>, Error> {
    Ok(runtime::engine(ruby)?.flow_token(&this.source))
}

fn inspect(this: This) -> String {
    format!("#<OverSIP::SIP::Connection {}:{}>", this.source.transport, this.source.remote)
}

/// Defines the class.
pub fn define(ruby: &Ruby, sip: RModule) -> Result<(), Error> {
    let class = sip.define_class("Connection", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("transport", method!(transport, 0))?;
    class.define_method("cvars", method!(cvars, 0))?;
    class.define_method("open?", method!(is_open, 0))?;
    class.define_method("close", method!(close, 0))?;
    class.define_method("remote_ip", method!(remote_ip, 0))?;
    class.define_method("remote_port", method!(remote_port, 0))?;
    class.define_method("remote_ip_type", method!(remote_ip_type, 0))?;
    class.define_method("remote_desc", method!(remote_desc, -1))?;
    class.define_method("outbound_flow_token", method!(outbound_flow_token, 0))?;
    class.define_method("inspect", method!(inspect, 0))
}
