//! `OverSIP::Utils`: IP addresses and the small texts that carry them. What is Ruby alone is in `lib/oversip/utils.rb`.

use bytes::Bytes;
use magnus::{function, prelude::*, Error, RArray, RModule, Ruby, Symbol, Value};
use oversip::message::{self, IpType};

use crate::text::{self, binary, string_argument, symbol, utf8};

const ONE_STRING: &str = "Argument must be a String";

fn ip_type_of(ruby: &Ruby, text: Value) -> Result<Option<IpType>, Error> {
    Ok(message::ip_type(&string_argument(ruby, text, ONE_STRING)?))
}

/// `ip?(text)`.
fn is_ip(ruby: &Ruby, text: Value) -> Result<bool, Error> {
    Ok(ip_type_of(ruby, text)?.is_some())
}

/// `pure_ip?(text)`: an IPv6 reference is none.
fn is_pure_ip(ruby: &Ruby, text: Value) -> Result<bool, Error> {
    Ok(matches!(ip_type_of(ruby, text)?, Some(IpType::Ipv4 | IpType::Ipv6)))
}

/// `ip_type(text)`: a Symbol or false.
fn ip_type(ruby: &Ruby, text: Value) -> Result<Value, Error> {
    Ok(match ip_type_of(ruby, text)? {
        Some(IpType::Ipv4) => symbol(ruby, "ipv4"),
        Some(IpType::Ipv6) => symbol(ruby, "ipv6"),
        Some(IpType::Ipv6Reference) => symbol(ruby, "ipv6_reference"),
        None => ruby.qfalse().as_value(),
    })
}

fn two_strings(ruby: &Ruby, a: Value, b: Value) -> Result<(Bytes, Bytes), Error> {
    let complaint = "Arguments must be two String";
    Ok((string_argument(ruby, a, complaint)?, string_argument(ruby, b, complaint)?))
}

/// `compare_ips(a, b)`: nil when either is no IP address.
fn compare_ips(ruby: &Ruby, a: Value, b: Value) -> Result<Option<bool>, Error> {
    let (a, b) = two_strings(ruby, a, b)?;
    Ok(message::compare_ips(&a, &b))
}

/// `compare_pure_ips(a, b)`: the same, an IPv6 reference counting as none.
fn compare_pure_ips(ruby: &Ruby, a: Value, b: Value) -> Result<Option<bool>, Error> {
    let (a, b) = two_strings(ruby, a, b)?;
    Ok(message::compare_pure_ips(&a, &b))
}

fn type_error(ruby: &Ruby, message: &'static str) -> Error {
    Error::new(ruby.exception_type_error(), message)
}

/// `normalize_ipv6(text, pure = nil)`: BINARY text or false.
fn normalize_ipv6(ruby: &Ruby, args: &[Value]) -> Result<Value, Error> {
    match args {
        [text] => normalized(ruby, *text, false),
        [text, pure] => normalized(ruby, *text, pure.to_bool()),
        _ => Err(type_error(ruby, "Wrong number of arguments (pass one or two)")),
    }
}

fn normalized(ruby: &Ruby, text: Value, pure: bool) -> Result<Value, Error> {
    let text = string_argument(ruby, text, "First argument must be a String")?;
    text::refuse_nul(ruby, &text)?;
    Ok(match message::normalize_ipv6(&text, pure) {
        Some(normal) => binary(ruby, normal.as_bytes()).as_value(),
        None => ruby.qfalse().as_value(),
    })
}

/// `normalize_host(text, type, pure = nil)`: what is no IPv6 address is given back.
fn normalize_host(ruby: &Ruby, args: &[Value]) -> Result<Value, Error> {
    let (host, kind, pure) = match *args {
        [host, kind] => (host, kind, false),
        [host, kind, pure] => (host, kind, pure.to_bool()),
        [host] => (host, ruby.qnil().as_value(), false),
        _ => return Err(type_error(ruby, "Wrong number of arguments (pass one, two or three)")),
    };
    string_argument(ruby, host, "First argument must be a String")?;
    let Some(kind) = Symbol::from_value(kind) else {
        return Err(type_error(ruby, "Second argument must be a Symbol (:ipv4, :ipv6 or :domain)"));
    };
    match &*kind.name()? {
        "ipv6" | "ipv6_reference" => normalized(ruby, host, pure),
        _ => Ok(host),
    }
}

/// `to_pure_ip(text)`: without brackets; the same object where there are none.
fn to_pure_ip(ruby: &Ruby, text: Value) -> Result<Value, Error> {
    let bytes = string_argument(ruby, text, ONE_STRING)?;
    if bytes.first() != Some(&b'[') {
        return Ok(text);
    }
    Ok(utf8(ruby, message::to_pure_ip(&bytes)).as_value())
}

fn ip_symbol(ruby: &Ruby, is_ipv4: bool) -> Value {
    symbol(ruby, if is_ipv4 { "ipv4" } else { "ipv6" })
}

/// `parse_outbound_udp_flow_token(text)`: `[type, ip, port]` or false.
fn parse_outbound_udp_flow_token(ruby: &Ruby, text: Value) -> Result<Value, Error> {
    let text = string_argument(ruby, text, ONE_STRING)?;
    let Some((ip, port)) = message::parse_udp_flow(&text) else { return Ok(ruby.qfalse().as_value()) };
    let flow = ruby.ary_new();
    flow.push(ip_symbol(ruby, ip.is_ipv4()))?;
    flow.push(utf8(ruby, text.split(|byte| *byte == b'_').next().unwrap_or_default()))?;
    flow.push(port)?;
    Ok(flow.as_value())
}

/// `parse_haproxy_protocol(text)`: `[length, type, ip, port]` or false.
fn parse_haproxy_protocol(ruby: &Ruby, text: Value) -> Result<Value, Error> {
    let text = string_argument(ruby, text, ONE_STRING)?;
    let Some((length, ip, port)) = message::parse_haproxy(&text) else { return Ok(ruby.qfalse().as_value()) };
    let line: RArray = ruby.ary_new();
    line.push(length)?;
    line.push(ip_symbol(ruby, ip.is_ipv4()))?;
    line.push(utf8(ruby, text.split(|byte| *byte == b' ').nth(2).unwrap_or_default()))?;
    line.push(port)?;
    Ok(line.as_value())
}

/// Defines the module.
pub fn define(_: &Ruby, oversip: RModule) -> Result<(), Error> {
    let module = oversip.define_module("Utils")?;
    module.define_module_function("ip?", function!(is_ip, 1))?;
    module.define_module_function("pure_ip?", function!(is_pure_ip, 1))?;
    module.define_module_function("ip_type", function!(ip_type, 1))?;
    module.define_module_function("compare_ips", function!(compare_ips, 2))?;
    module.define_module_function("compare_pure_ips", function!(compare_pure_ips, 2))?;
    module.define_module_function("normalize_ipv6", function!(normalize_ipv6, -1))?;
    module.define_module_function("normalize_host", function!(normalize_host, -1))?;
    module.define_module_function("to_pure_ip", function!(to_pure_ip, 1))?;
    module.define_module_function(
        "parse_outbound_udp_flow_token",
        function!(parse_outbound_udp_flow_token, 1),
    )?;
    module.define_module_function("parse_haproxy_protocol", function!(parse_haproxy_protocol, 1))?;
    Ok(())
}
