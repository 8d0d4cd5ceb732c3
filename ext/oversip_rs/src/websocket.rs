//! WebSocket at the boundary: upgrade requests and ends on their way to the script, and what only connections for
//! WebSocket can do.

use magnus::{
    method, prelude::*, scan_args::scan_args, value::Qtrue, Error, RArray, RClass, RHash, RModule, Ruby,
    TryConvert, Value,
};
use oversip::engine::{Subject, UpgradeRequest};
use oversip::message::ConnectionId;
use oversip::transport::ws;

use crate::{
    blocks,
    classes::{dispatcher_module, oversip_module},
    connection::{self, RubyConnection},
    links::Links,
    observer, runtime,
    text::{self, utf8, utf8_or_nil},
};

/// What a client gets whose request nobody decided on, however the callback ended.
const UNDECIDED: u16 = 500;

/// Refuses the WebSocket unless it was granted.
struct Verdict<'a> {
    links: &'a dyn Links,
    product: &'a str,
    connection: ConnectionId,
    request: &'a UpgradeRequest,
    granted: bool,
}

impl Drop for Verdict<'_> {
    fn drop(&mut self) {
        if self.granted {
            self.links.accept_upgrade(self.request);
        } else {
            let version = &self.request.http.version;
            let response = ws::response::<&str>(version, UNDECIDED, None, &[], self.product);
            self.links.refuse_upgrade(self.connection, response);
        }
    }
}

/// Runs the script's `on_connection`.
pub fn run_upgrade(
    ruby: &Ruby,
    links: &dyn Links,
    product: &str,
    request: &UpgradeRequest,
) -> Result<(), Error> {
    let Some(connection) = request.source.connection else { return Ok(()) };
    let mut verdict = Verdict { links, product, connection, request, granted: false };
    let object = connection::of(ruby, &request.source)?;
    connection::note_http_version(object, &request.http.version);
    let http_request: Value = websocket_module(ruby)?
        .const_get::<_, RClass>("HttpRequest")?
        .funcall("receive", (object, attributes(ruby, &request.http)?, headers(ruby, &request.http)?))?;
    let module = dispatcher_module(ruby);
    let events = observer::events(ruby, "WebSocketEvents")?;
    let begun = blocks::begin_event(ruby, "WebSocketEvents", "on_connection");
    let mut result: Result<Value, Error> = match events {
        None => module.funcall("on_connection", (object, http_request)),
        Some(events) => module.funcall("on_connection", (object, http_request, events)),
    };
    if let Some(begun) = begun {
        result = begun.event_ended(&Subject::of_upgrade(request.source), result);
    }
    verdict.granted = Qtrue::from_value(result?).is_some();
    Ok(())
}

fn attributes(ruby: &Ruby, http: &ws::HttpRequest) -> Result<RHash, Error> {
    let hash = ruby.hash_new();
    let text = |value: Option<&[u8]>| utf8_or_nil(ruby, value);
    let tokens = |list: &Option<Vec<String>>| match list {
        Some(list) => ruby.ary_from_iter(list.iter().map(|token| utf8(ruby, token.as_bytes()))).as_value(),
        None => ruby.qnil().as_value(),
    };
    let number = |value: Option<u32>| match value {
        Some(value) => ruby.integer_from_u64(value.into()).as_value(),
        None => ruby.qnil().as_value(),
    };
    for (name, value) in [
        ("http_method", text(Some(http.method.as_bytes()))),
        ("http_version", text(Some(http.version.as_bytes()))),
        ("uri", text(Some(&http.uri))),
        ("uri_path", text(Some(&http.path))),
        ("uri_query", text(http.query.as_deref())),
        ("uri_fragment", text(http.fragment.as_deref())),
        ("host", text(http.host.as_deref().map(str::as_bytes))),
        ("port", number(http.port.map(u32::from))),
        ("content_length", number(http.content_length)),
        ("hdr_connection", tokens(&http.connection)),
        ("hdr_upgrade", text(http.upgrade.as_deref().map(str::as_bytes))),
        ("hdr_origin", text(http.origin.as_deref().map(str::as_bytes))),
        ("hdr_sec_websocket_version", number(http.websocket_version)),
        ("hdr_sec_websocket_key", text(http.websocket_key.as_deref().map(str::as_bytes))),
        ("hdr_sec_websocket_protocol", tokens(&http.websocket_protocols)),
    ] {
        hash.aset(ruby.to_symbol(name), value)?;
    }
    Ok(hash)
}

/// `[[name, value], ...]`.
fn headers(ruby: &Ruby, http: &ws::HttpRequest) -> Result<RArray, Error> {
    let list = ruby.ary_new_capa(http.headers.len());
    for (name, value) in &http.headers {
        list.push((utf8(ruby, name.as_bytes()), utf8(ruby, value)))?;
    }
    Ok(list)
}

/// Lets go of the connection's object when the script has heard of its end.
struct Forget<'a>(&'a dyn Links, ConnectionId);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.forget(self.1);
    }
}

/// Runs the script's `on_disconnection`.
pub fn run_closed(
    ruby: &Ruby,
    links: &dyn Links,
    connection: ConnectionId,
    by_client: bool,
) -> Result<(), Error> {
    let _forget = Forget(links, connection);
    // Without an object on_connection has not run to its end.
    let Some(object) = links.object(ruby, connection) else { return Ok(()) };
    let module = dispatcher_module(ruby);
    let events = observer::events(ruby, "WebSocketEvents")?;
    let begun = blocks::begin_event(ruby, "WebSocketEvents", "on_disconnection");
    let mut result: Result<Value, Error> = match events {
        None => module.funcall("on_disconnection", (object, by_client)),
        Some(events) => module.funcall("on_disconnection", (object, by_client, events)),
    };
    if let Some(begun) = begun {
        result = begun.event_ended(&Subject::DISCONNECTION, result);
    }
    result?;
    Ok(())
}

// What connections can do -----------------------------------------------------------------------------------------

/// `close(status = nil, reason = nil)`.
fn close(ruby: &Ruby, this: RubyConnection, arguments: &[Value]) -> Result<bool, Error> {
    let arguments = scan_args::<(), (Option<Value>, Option<Value>), (), (), (), ()>(arguments)?;
    let Some(connection) = connection::id(this) else { return Ok(false) };
    let links = runtime::links(ruby)?;
    if asking(&*links, this).is_some() {
        // A client without its WebSocket hears nothing, so that it does not matter what was to be said.
        links.close_websocket(connection, None, "");
        return Ok(true);
    }
    let (status, reason) = arguments.optional;
    let status =
        status.filter(|status| !status.is_nil()).map(|status| close_status(ruby, status)).transpose()?;
    let reason = match reason.filter(|reason| !reason.is_nil()) {
        Some(reason) => String::from_utf8_lossy(&text::text_of(reason)?).into_owned(),
        None => String::new(),
    };
    links.close_websocket(connection, status, &reason);
    Ok(true)
}

/// RFC 6455 section 7.4
fn close_status(ruby: &Ruby, value: Value) -> Result<u16, Error> {
    let status = u16::try_from(text::integer_argument(ruby, value, "status")?).ok();
    status.filter(|status| ws::may_be_sent(*status)).ok_or_else(|| {
        let message = "status must be one that RFC 6455 lets a close frame have: 1000 to 1003, 1007 to 1013, 3000 to 4999";
        Error::new(ruby.exception_arg_error(), message)
    })
}

/// `http_reject(status = 403, reason = nil, extra_headers = nil)`.
fn http_reject(ruby: &Ruby, this: RubyConnection, arguments: &[Value]) -> Result<bool, Error> {
    let arguments =
        scan_args::<(), (Option<Value>, Option<Value>, Option<Value>), (), (), (), ()>(arguments)?;
    let (status, reason, headers) = arguments.optional;
    let status = status.filter(|status| !status.is_nil());
    let response = response(ruby, this, status, reason, headers)?;
    let links = runtime::links(ruby)?;
    Ok(asking(&*links, this).map(|connection| links.refuse_upgrade(connection, response)).is_some())
}

/// `http_reply(status, reason, extra_headers)`: for `HttpRequest#reply`.
fn http_reply(
    ruby: &Ruby,
    this: RubyConnection,
    status: Value,
    reason: Value,
    headers: Value,
) -> Result<bool, Error> {
    let response = response(ruby, this, Some(status), Some(reason), Some(headers))?;
    let links = runtime::links(ruby)?;
    Ok(asking(&*links, this).map(|connection| links.answer_upgrade(connection, response)).is_some())
}

/// The connection, if it is there and no WebSocket yet.
fn asking(links: &dyn Links, this: RubyConnection) -> Option<ConnectionId> {
    let connection = connection::id(this)?;
    links.link(connection).filter(|link| !link.websocket).map(|_| connection)
}

fn response(
    ruby: &Ruby,
    this: RubyConnection,
    status: Option<Value>,
    reason: Option<Value>,
    headers: Option<Value>,
) -> Result<bytes::Bytes, Error> {
    let status = match status {
        Some(status) => u16::try_convert(status).ok().filter(|status| (100..=999).contains(status)),
        None => Some(403),
    };
    let status = status
        .ok_or_else(|| Error::new(ruby.exception_arg_error(), "status must be an HTTP status: 100 to 999"))?;
    let reason = reason.filter(|reason| !reason.is_nil()).map(text::text_of).transpose()?;
    let lines = header_lines(ruby, headers)?;
    let version = connection::http_version(this);
    let product = runtime::host(ruby)?.settings().product.clone();
    Ok(ws::response(&version, status, reason.as_deref(), &lines, &product))
}

/// An Array of lines, or a Hash of names and values.
fn header_lines(ruby: &Ruby, headers: Option<Value>) -> Result<Vec<bytes::Bytes>, Error> {
    let Some(headers) = headers.filter(|headers| !headers.is_nil()) else { return Ok(Vec::new()) };
    if let Some(hash) = RHash::from_value(headers) {
        let mut lines = Vec::with_capacity(hash.len());
        let pairs: RArray = hash.funcall("to_a", ())?;
        for index in 0..pairs.len() {
            let (name, value): (Value, Value) = pairs.entry(index as isize)?;
            lines.push([&text::text_of(name)?[..], b": ", &text::text_of(value)?[..]].concat().into());
        }
        return Ok(lines);
    }
    let Some(list) = RArray::from_value(headers) else {
        let rule = "an Array of header lines, or a Hash of names and values";
        return Err(text::unfit(ruby.exception_type_error(), "extra headers", rule, headers));
    };
    let line = |index| text::named_string_argument(ruby, list.entry(index as isize)?, "a header line");
    (0..list.len()).map(line).collect()
}

// Classes ---------------------------------------------------------------------------------------------------------

fn websocket_module(ruby: &Ruby) -> Result<RModule, Error> {
    oversip_module(ruby)?.const_get("WebSocket")
}

/// Defines `OverSIP::WebSocket::Connection`; those below it are Ruby's.
pub fn define(ruby: &Ruby, oversip: RModule) -> Result<(), Error> {
    let module = oversip.define_module("WebSocket")?;
    let class = module.define_class("Connection", ruby.class_object())?;
    connection::define_methods(class)?;
    class.define_method("close", method!(close, -1))?;
    class.define_method("http_reject", method!(http_reject, -1))?;
    class.define_method("http_reply", method!(http_reply, 3))?;
    class.undef_default_alloc_func();
    Ok(())
}
