//! `OverSIP::SIP::Connection`: where a message came from.

use std::cell::OnceCell;

use magnus::{
    gc::Marker,
    method,
    prelude::*,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions, Obj},
    value::Lazy,
    Error, RClass, RModule, Ruby, TryConvert, TypedData, Value,
};
use oversip::transport::{ConnectionId, Source};

use crate::{
    anchors::Anchor,
    runtime,
    slot::Slot,
    text::{symbol, true_or_nil, utf8},
    uri::sip_class,
    websocket,
};

/// A connection, or the UDP socket together with the peer's address.
pub struct ConnectionObject {
    source: Source,
    cvars: Slot,
    /// Of a WebSocket: answers repeat it.
    http_version: OnceCell<String>,
}

impl DataTypeFunctions for ConnectionObject {
    fn mark(&self, marker: &Marker) {
        self.cvars.mark(marker);
    }
}

// SAFETY: made by `of` only; the slot is marked, freed without calling Ruby, written through `Slot::set`.
unsafe impl TypedData for ConnectionObject {
    /// The nearest class that connections of both modules have in common.
    fn class(ruby: &Ruby) -> RClass {
        ruby.class_object()
    }

    fn class_for(ruby: &Ruby, value: &Self) -> RClass {
        static CLASS: Lazy<RClass> = Lazy::new(|ruby| sip_class(ruby, "Connection"));
        let websocket = value.source.transport.websocket();
        let class = if websocket { websocket::class_of(ruby, &value.source) } else { None };
        class.unwrap_or_else(|| ruby.get_inner(&CLASS))
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

pub type This = Obj<ConnectionObject>;

/// The connection of a message. A stream connection has one object as long as it lives, so that `cvars` stay.
pub fn of(ruby: &Ruby, source: &Source) -> Result<Value, Error> {
    let new = || {
        let http_version = OnceCell::new();
        ruby.obj_wrap(ConnectionObject { source: *source, cvars: Slot::default(), http_version }).as_value()
    };
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

/// Which connection it is; `None` for UDP.
pub fn id(this: This) -> Option<ConnectionId> {
    this.source.connection
}

/// Notes the version of a WebSocket's HTTP request.
pub fn note_http_version(object: Value, version: &str) {
    if let Ok(this) = This::try_convert(object) {
        let _ = this.http_version.set(version.to_owned());
    }
}

/// The version for HTTP answers.
pub fn http_version(this: This) -> String {
    this.http_version.get().map_or("HTTP/1.1", String::as_str).to_owned()
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

/// `outbound_listener?`: whether the client has opened it, or it is a UDP socket of ours.
fn is_outbound_listener(ruby: &Ruby, this: This) -> Value {
    true_or_nil(ruby, this.source.inbound)
}

/// `reliable_transport_listener?`: the same, without UDP.
fn is_reliable_transport_listener(ruby: &Ruby, this: This) -> Value {
    true_or_nil(ruby, this.source.inbound && this.source.transport.reliable())
}

fn inspect(this: This) -> String {
    let module = if this.source.transport.websocket() { "WebSocket" } else { "SIP" };
    format!("#<OverSIP::{module}::Connection {}:{}>", this.source.transport, this.source.remote)
}

/// Defines the class.
pub fn define(ruby: &Ruby, sip: RModule) -> Result<(), Error> {
    let class = sip.define_class("Connection", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("close", method!(close, 0))?;
    define_methods(class)
}

/// Defines what all connections can do.
pub fn define_methods(class: RClass) -> Result<(), Error> {
    class.define_method("transport", method!(transport, 0))?;
    class.define_method("cvars", method!(cvars, 0))?;
    class.define_method("open?", method!(is_open, 0))?;
    class.define_method("remote_ip", method!(remote_ip, 0))?;
    class.define_method("remote_port", method!(remote_port, 0))?;
    class.define_method("remote_ip_type", method!(remote_ip_type, 0))?;
    class.define_method("remote_desc", method!(remote_desc, -1))?;
    class.define_method("outbound_flow_token", method!(outbound_flow_token, 0))?;
    class.define_method("outbound_listener?", method!(is_outbound_listener, 0))?;
    class.define_method("reliable_transport_listener?", method!(is_reliable_transport_listener, 0))?;
    class.define_method("inspect", method!(inspect, 0))
}
