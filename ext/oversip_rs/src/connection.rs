//! `OverSIP::SIP::Connection` and `OverSIP::WebSocket::Connection`: where a message came from. Their subclasses, one for
//! each kind of listener and client, are Ruby's (`lib/oversip/sip/connections.rb`).

use std::cell::OnceCell;
use std::net::SocketAddr;

use magnus::{
    gc::Marker,
    method,
    prelude::*,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions, Obj},
    Error, RArray, RClass, RModule, Ruby, TryConvert, TypedData, Value,
};
use oversip::client::connection_names;
use oversip::message::{ConnectionId, Source, Transport};

use crate::{
    anchors::Anchor,
    classes::oversip_module,
    runtime,
    slot::Slot,
    text::{self, symbol, true_or_nil, utf8},
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

    fn data_type() -> &'static DataType {
        static DATA_TYPE: DataType = DataTypeBuilder::<ConnectionObject>::new(c"OverSIP::SIP::Connection")
            .mark()
            .free_immediately()
            .wb_protected()
            .build();
        &DATA_TYPE
    }
}

/// A `Connection` as a method gets it.
pub type RubyConnection = Obj<ConnectionObject>;

/// The connection of a message. A stream connection has one object as long as it lives, so that `cvars` stay.
pub fn of(ruby: &Ruby, source: &Source) -> Result<Value, Error> {
    let (Some(connection), Some(links)) = (source.connection, runtime::current_links()) else {
        return new(ruby, source);
    };
    if let Some(object) = links.object(ruby, connection) {
        return Ok(object);
    }
    let object = new(ruby, source)?;
    links.keep(connection, Anchor::hold(object, ruby.qnil().as_value()));
    Ok(object)
}

/// Which connection it is; `None` for UDP.
pub fn id(this: RubyConnection) -> Option<ConnectionId> {
    this.source.connection
}

/// Notes the version of a WebSocket's HTTP request.
pub fn note_http_version(object: Value, version: &str) {
    if let Ok(this) = RubyConnection::try_convert(object) {
        let _ = this.http_version.set(version.to_owned());
    }
}

/// The version for HTTP answers.
pub fn http_version(this: RubyConnection) -> String {
    this.http_version.get().map_or("HTTP/1.1", String::as_str).to_owned()
}

fn new(ruby: &Ruby, source: &Source) -> Result<Value, Error> {
    let class = class_of(ruby, source)?;
    let connection =
        ConnectionObject { source: *source, cvars: Slot::default(), http_version: OnceCell::new() };
    Ok(ruby.obj_wrap_as(connection, class).as_value())
}

/// `OverSIP::SIP::IPv4TcpServer` and the like.
fn class_of(ruby: &Ruby, source: &Source) -> Result<RClass, Error> {
    let module = if source.transport.websocket() { "WebSocket" } else { "SIP" };
    let family = if source.remote.is_ipv4() { "IPv4" } else { "IPv6" };
    let transport = match source.transport {
        Transport::Udp => "Udp",
        Transport::Tcp => "Tcp",
        Transport::Tls => "Tls",
        Transport::Ws => "Ws",
        Transport::Wss => "Wss",
    };
    let role = if source.inbound { "Server" } else { "Client" };
    let module: RModule = oversip_module(ruby)?.const_get(module)?;
    module.const_get(format!("{family}{transport}{role}").as_str())
}

fn transport(ruby: &Ruby, this: RubyConnection) -> Value {
    symbol(ruby, this.source.transport.as_str())
}

/// `cvars`: a Hash that lives as long as the connection.
fn cvars(ruby: &Ruby, this: RubyConnection) -> Value {
    this.cvars.get(ruby).unwrap_or_else(|| {
        let hash = ruby.hash_new().as_value();
        this.cvars.set(this, hash);
        hash
    })
}

/// `open?`: whether messages can be sent.
fn is_open(this: RubyConnection) -> bool {
    let Some(links) = runtime::current_links() else { return false };
    this.source.connection.is_none_or(|connection| links.link(connection).is_some())
}

/// `connected`: whether it is up, with TLS the handshake done.
fn connected(this: RubyConnection) -> bool {
    let Some(links) = runtime::current_links() else { return false };
    let connected = |connection| links.link(connection).is_some_and(|link| link.connected);
    this.source.connection.is_none_or(connected)
}

/// `close`: false for UDP, whose socket serves everybody.
fn close(ruby: &Ruby, this: RubyConnection) -> Result<bool, Error> {
    match this.source.connection {
        Some(connection) => {
            runtime::links(ruby)?.close(connection);
            Ok(true)
        }
        None => Ok(false),
    }
}

/// The peer of a stream connection; UDP has none.
fn remote(this: RubyConnection) -> Option<SocketAddr> {
    this.source.connection.map(|_| this.source.remote)
}

fn remote_ip(ruby: &Ruby, this: RubyConnection) -> Option<Value> {
    remote(this).map(|remote| utf8(ruby, remote.ip().to_string().as_bytes()).as_value())
}

fn remote_port(this: RubyConnection) -> Option<u16> {
    remote(this).map(|remote| remote.port())
}

fn remote_ip_type(ruby: &Ruby, this: RubyConnection) -> Option<Value> {
    remote(this).map(|remote| symbol(ruby, if remote.is_ipv4() { "ipv4" } else { "ipv6" }))
}

fn remote_desc(ruby: &Ruby, this: RubyConnection, _: &[Value]) -> Option<Value> {
    remote(this).map(|remote| utf8(ruby, remote.to_string().as_bytes()).as_value())
}

/// `outbound_flow_token`: nil for UDP and for a connection that the server opened.
fn outbound_flow_token(ruby: &Ruby, this: RubyConnection) -> Result<Option<String>, Error> {
    let Some(connection) = this.source.connection else { return Ok(None) };
    let gone = runtime::links(ruby)?.link(connection).is_none();
    let host = runtime::host(ruby)?;
    Ok((!gone).then(|| host.look(|element| element.flow_token(&this.source))).flatten())
}

/// `record_route`: the Record-Route value of a connection that the server opened; nil for others.
fn record_route(ruby: &Ruby, this: RubyConnection) -> Result<Option<String>, Error> {
    if this.source.inbound {
        return Ok(None);
    }
    let host = runtime::host(ruby)?;
    Ok(Some(
        connection_names(this.source.transport, this.source.local, host.settings().tags.ovid()).record_route,
    ))
}

/// `send_sip_msg(message, ip = nil, port = nil)`: a stream connection sends to its peer, UDP to the address.
fn send_sip_msg(ruby: &Ruby, this: RubyConnection, arguments: &[Value]) -> Result<bool, Error> {
    let arguments =
        magnus::scan_args::scan_args::<(Value,), (Option<Value>, Option<Value>), (), (), (), ()>(arguments)?;
    let message = text::text_of(arguments.required.0)?;
    let given = |value: Option<Value>| value.filter(|value| !value.is_nil());
    let (ip, port) = arguments.optional;
    let ip = given(ip).map(|ip| text::named_string_argument(ruby, ip, "ip")).transpose()?;
    let port = given(port).map(|port| port_argument(ruby, port)).transpose()?;
    let links = runtime::links(ruby)?;
    if this.source.connection.is_some() {
        return Ok(links.send_over(&this.source, &message, this.source.remote));
    }
    let to = match (ip.as_deref().map(parse_ip), port) {
        (Some(Some(ip)), Some(port)) => SocketAddr::new(ip, port),
        _ => {
            return Err(Error::new(
                ruby.exception_arg_error(),
                "UDP needs an IP address and a port to send to",
            ))
        }
    };
    Ok(links.send_over(&this.source, &message, to))
}

fn port_argument(ruby: &Ruby, value: Value) -> Result<u16, Error> {
    let port = u16::try_from(text::integer_argument(ruby, value, "port")?).ok();
    port.ok_or_else(|| text::unfit(ruby.exception_arg_error(), "port", "an Integer from 0 to 65535", value))
}

fn parse_ip(text: &[u8]) -> Option<std::net::IpAddr> {
    std::str::from_utf8(text).ok()?.trim_matches(['[', ']']).parse().ok()
}

/// `outbound_listener?`: whether the client has opened it, or it is a UDP socket of ours.
fn is_outbound_listener(ruby: &Ruby, this: RubyConnection) -> Value {
    true_or_nil(ruby, this.source.inbound)
}

/// `reliable_transport_listener?`: the same, without UDP.
fn is_reliable_transport_listener(ruby: &Ruby, this: RubyConnection) -> Value {
    true_or_nil(ruby, this.source.inbound && this.source.transport.reliable())
}

fn inspect(this: RubyConnection) -> String {
    let remote = remote(this).map_or_else(|| this.source.local.to_string(), |remote| remote.to_string());
    let module = if this.source.transport.websocket() { "WebSocket" } else { "SIP" };
    format!("#<OverSIP::{module}::Connection {}:{remote}>", this.source.transport)
}

/// `OverSIP::Engine.connections(transport, ip_type)`: the objects of the live connections that a listener accepted or that
/// were opened from here.
pub fn live(ruby: &Ruby, name: magnus::Symbol, ip_type: magnus::Symbol) -> Result<RArray, Error> {
    let transport = name.name()?.parse::<Transport>().ok();
    let ipv4 = &*ip_type.name()? == "ipv4";
    let list = ruby.ary_new();
    for source in runtime::links(ruby)?.live() {
        if Some(source.transport) == transport && source.remote.is_ipv4() == ipv4 {
            list.push(of(ruby, &source)?)?;
        }
    }
    Ok(list)
}

/// `OverSIP::Engine.udp_connection(ip_type)`: the socket itself; nil where there is none.
pub fn udp(ruby: &Ruby, ip_type: magnus::Symbol) -> Result<Value, Error> {
    let ipv4 = &*ip_type.name()? == "ipv4";
    let links = runtime::links(ruby)?;
    let is_it = |(transport, local): &&(Transport, SocketAddr)| {
        *transport == Transport::Udp && local.is_ipv4() == ipv4
    };
    let socket = links.listening().iter().find(is_it);
    match socket {
        Some(&(transport, local)) => {
            new(ruby, &Source { transport, remote: local, local, connection: None, inbound: true })
        }
        None => Ok(ruby.qnil().as_value()),
    }
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
    class.define_method("connected", method!(connected, 0))?;
    class.define_method("remote_ip", method!(remote_ip, 0))?;
    class.define_method("remote_port", method!(remote_port, 0))?;
    class.define_method("remote_ip_type", method!(remote_ip_type, 0))?;
    class.define_method("remote_desc", method!(remote_desc, -1))?;
    class.define_method("outbound_flow_token", method!(outbound_flow_token, 0))?;
    class.define_method("outbound_listener?", method!(is_outbound_listener, 0))?;
    class.define_method("reliable_transport_listener?", method!(is_reliable_transport_listener, 0))?;
    class.define_method("record_route", method!(record_route, 0))?;
    class.define_method("send_sip_msg", method!(send_sip_msg, -1))?;
    class.define_method("inspect", method!(inspect, 0))
}
