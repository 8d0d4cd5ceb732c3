//! `OverSIP::Stun`.

use std::net::SocketAddr;

use magnus::{function, prelude::*, Error, Integer, RModule, RString, Ruby, Value};
use oversip::message::{self, Stun};

use crate::text::{binary, bytes_of};

/// `parse_request(data, source_ip, source_port)`: nil for what is not STUN, false for what gets no answer, else the answer.
fn parse_request(ruby: &Ruby, data: Value, ip: Value, port: Value) -> Result<Value, Error> {
    let Some(data) = RString::from_value(data).map(bytes_of) else {
        return complain(ruby, "First argument must be a String containing the STUN Binding Request");
    };
    // Whether it is STUN at all is said before the other arguments are looked at.
    let somewhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let kind = message::stun(&data, somewhere);
    if kind == Stun::Foreign || data.len() < 20 {
        return Ok(without_answer(ruby, &kind));
    }
    let Some(ip) = RString::from_value(ip).map(bytes_of) else {
        return complain(ruby, "Third argument must be a String containing the source IP");
    };
    let Some(port) = Integer::from_value(port) else {
        return complain(ruby, "Fourth argument must be a Fixnum containing the source port");
    };
    let port = port.to_u16()?;
    let Some(ip) = message::parse_ip(&ip).filter(|_| !ip.starts_with(b"[")) else {
        return Ok(ruby.qfalse().as_value());
    };
    Ok(match message::stun(&data, SocketAddr::new(ip, port)) {
        Stun::Request(response) => binary(ruby, &response).as_value(),
        other => without_answer(ruby, &other),
    })
}

fn without_answer(ruby: &Ruby, kind: &Stun) -> Value {
    if *kind == Stun::Foreign {
        ruby.qnil().as_value()
    } else {
        ruby.qfalse().as_value()
    }
}

fn complain(ruby: &Ruby, message: &'static str) -> Result<Value, Error> {
    Err(Error::new(ruby.exception_type_error(), message))
}

/// Defines the module.
pub fn define(_: &Ruby, oversip: RModule) -> Result<(), Error> {
    let module = oversip.define_module("Stun")?;
    module.define_module_function("parse_request", function!(parse_request, 3))
}
