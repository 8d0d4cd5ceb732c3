//! Where a message came from. A script may set all of it, for the eyes of other parts of the script.

use magnus::{method, prelude::*, Error, RClass, Ruby, Symbol, Value};
use oversip::message::{Source, Transport};

use super::any::RubyMessage;
use crate::{
    connection, runtime,
    slot::Slot,
    text::{integer, symbol, utf8},
};

/// What a script has set, else what the source says; nil for a message without one.
fn of_source(ruby: &Ruby, this: RubyMessage, slot: &Slot, read: impl FnOnce(Source) -> Value) -> Value {
    slot.get(ruby).unwrap_or_else(|| match this.source() {
        Some(source) => read(source),
        None => ruby.qnil().as_value(),
    })
}

fn transport(ruby: &Ruby, this: RubyMessage) -> Value {
    of_source(ruby, this, &this.transport, |source| symbol(ruby, source.transport.as_str()))
}

fn source_ip(ruby: &Ruby, this: RubyMessage) -> Value {
    of_source(ruby, this, &this.source_ip, |source| {
        utf8(ruby, source.remote.ip().to_string().as_bytes()).as_value()
    })
}

pub(super) fn source_port(ruby: &Ruby, this: RubyMessage) -> Value {
    of_source(ruby, this, &this.source_port, |source| integer(ruby, u32::from(source.remote.port())))
}

fn source_ip_type(ruby: &Ruby, this: RubyMessage) -> Value {
    of_source(ruby, this, &this.source_ip_type, |source| {
        symbol(ruby, if source.remote.is_ipv4() { "ipv4" } else { "ipv6" })
    })
}

/// `connection`: the connection of the message, or the UDP socket with the peer's address.
pub fn connection(ruby: &Ruby, this: RubyMessage) -> Result<Value, Error> {
    if let Some(value) = this.connection.get(ruby) {
        return Ok(value);
    }
    let value = match this.source() {
        Some(source) => connection::of(ruby, &source)?,
        None => ruby.qnil().as_value(),
    };
    this.connection.set(this, value);
    Ok(value)
}

/// `close_connection`: false for UDP.
fn close_connection(ruby: &Ruby, this: RubyMessage) -> Result<bool, Error> {
    match this.source().and_then(|source| source.connection) {
        Some(connection) => {
            runtime::links(ruby)?.close(connection);
            Ok(true)
        }
        None => Ok(false),
    }
}

/// Defines writers that only store.
macro_rules! writers {
    ($($name:ident => $slot:ident;)*) => {
        $(fn $name(this: RubyMessage, value: Value) -> Value {
            this.$slot.set(this, value);
            value
        })*
    };
}

writers! {
    set_transport => transport;
    set_source_ip => source_ip;
    set_source_port => source_port;
    set_source_ip_type => source_ip_type;
    set_connection => connection;
    set_via_rport => via_rport;
}

/// Whether the transport is one of these.
fn is_over(ruby: &Ruby, this: RubyMessage, transports: &[Transport]) -> bool {
    match this.transport.get(ruby) {
        Some(set) => Symbol::from_value(set)
            .and_then(|set| set.name().ok())
            .is_some_and(|name| transports.iter().any(|transport| transport.as_str() == name)),
        None => this.source().is_some_and(|source| transports.contains(&source.transport)),
    }
}

fn is_udp(ruby: &Ruby, this: RubyMessage) -> bool {
    is_over(ruby, this, &[Transport::Udp])
}

fn is_tcp(ruby: &Ruby, this: RubyMessage) -> bool {
    is_over(ruby, this, &[Transport::Tcp])
}

fn is_tls(ruby: &Ruby, this: RubyMessage) -> bool {
    is_over(ruby, this, &[Transport::Tls])
}

fn is_ws(ruby: &Ruby, this: RubyMessage) -> bool {
    is_over(ruby, this, &[Transport::Ws])
}

fn is_wss(ruby: &Ruby, this: RubyMessage) -> bool {
    is_over(ruby, this, &[Transport::Wss])
}

fn is_websocket(ruby: &Ruby, this: RubyMessage) -> bool {
    is_over(ruby, this, &[Transport::Ws, Transport::Wss])
}

/// `secure?` of a request.
pub fn is_secure(ruby: &Ruby, this: RubyMessage) -> bool {
    is_over(ruby, this, &[Transport::Tls, Transport::Wss])
}

/// Defines the methods of this file.
pub(super) fn define(class: RClass) -> Result<(), Error> {
    class.define_method("transport", method!(transport, 0))?;
    class.define_method("source_ip", method!(source_ip, 0))?;
    class.define_method("source_port", method!(source_port, 0))?;
    class.define_method("source_ip_type", method!(source_ip_type, 0))?;
    class.define_method("connection", method!(connection, 0))?;
    class.define_method("close_connection", method!(close_connection, 0))?;
    class.define_method("udp?", method!(is_udp, 0))?;
    class.define_method("tcp?", method!(is_tcp, 0))?;
    class.define_method("tls?", method!(is_tls, 0))?;
    class.define_method("ws?", method!(is_ws, 0))?;
    class.define_method("wss?", method!(is_wss, 0))?;
    class.define_method("websocket?", method!(is_websocket, 0))?;
    class.define_method("transport=", method!(set_transport, 1))?;
    class.define_method("source_ip=", method!(set_source_ip, 1))?;
    class.define_method("source_port=", method!(set_source_port, 1))?;
    class.define_method("source_ip_type=", method!(set_source_ip_type, 1))?;
    class.define_method("connection=", method!(set_connection, 1))?;
    class.define_method("via_rport=", method!(set_via_rport, 1))?;
    Ok(())
}
