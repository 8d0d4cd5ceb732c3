//! The destination arguments that `Proxy#route` and `Uac#route` share.

use magnus::{prelude::*, scan_args::scan_args, Error, Ruby, Symbol, Value};
use oversip::resolve::{Query, QueryTransport};

use crate::{profile, text};

/// `request, dst_host = nil, dst_port = nil, dst_transport = nil`.
pub struct RouteArguments {
    /// The request.
    pub request: Value,
    /// The destination, if the script named one.
    pub destination: Option<Query>,
}

impl RouteArguments {
    /// Raises `TypeError` for an argument of the wrong kind, `OverSIP::RuntimeError` for a port that is none.
    pub fn scan(ruby: &Ruby, args: &[Value]) -> Result<Self, Error> {
        let args =
            scan_args::<(Value,), (Option<Value>, Option<Value>, Option<Value>), (), (), (), ()>(args)?;
        Self::new(ruby, args.required.0, args.optional)
    }

    /// The same from arguments that were taken apart already.
    pub fn new(
        ruby: &Ruby,
        request: Value,
        (host, port, transport): (Option<Value>, Option<Value>, Option<Value>),
    ) -> Result<Self, Error> {
        let given = |value: Option<Value>| value.filter(|value| !value.is_nil());
        let destination = match given(host) {
            None => None,
            Some(host) => {
                let host = text::named_string_argument(ruby, host, "dst_host")?;
                let port = given(port).map(|port| self::port(ruby, port)).transpose()?;
                let transport =
                    given(transport).map(|transport| self::transport(ruby, transport)).transpose()?;
                Some(Query::from_destination(&host, port, transport))
            }
        };
        Ok(Self { request, destination })
    }
}

fn port(ruby: &Ruby, value: Value) -> Result<u16, Error> {
    let port = u16::try_from(text::integer_argument(ruby, value, "dst_port")?).ok();
    port.filter(|port| *port != 0).ok_or_else(|| {
        text::runtime_error(ruby, format!("dst_port must be between 1 and 65535, not {}", value.inspect()))
    })
}

fn transport(ruby: &Ruby, value: Value) -> Result<QueryTransport, Error> {
    let Some(symbol) = Symbol::from_value(value) else {
        let class = ruby.exception_type_error();
        return Err(text::unfit(class, "dst_transport", "a Symbol (:udp, :tcp or :tls)", value));
    };
    let name = symbol.name()?;
    Ok(profile::transport(&name).map_or(QueryTransport::Unknown, QueryTransport::Known))
}
