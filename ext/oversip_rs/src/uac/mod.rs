//! `OverSIP::SIP::Uac`.

mod call;

use std::sync::Arc;

use bytes::Bytes;
use magnus::{
    method,
    prelude::*,
    scan_args::{get_kwargs, scan_args},
    Error, RClass, RHash, RModule, Ruby, Value,
};
use oversip::client::digest::Credentials;
use oversip::client::session::Kind;
use oversip::engine::{Body, Call, Destination, Engine, Route, RouteRequest};

use crate::{
    anchors::Anchor,
    client::{self, ClientObject, This},
    credentials,
    destination::RouteArguments,
    dispatcher::Nested,
    profile, request, response, runtime, text,
};

/// The type of a body that `ack` is given without one.
const OFFER_ANSWER: &[u8] = b"application/sdp";

/// `initialize(profile = :default_proxy, credentials: nil)`.
fn initialize(ruby: &Ruby, this: This, args: &[Value]) -> Result<(), Error> {
    let args = scan_args::<(), (Option<Value>,), (), (), RHash, ()>(args)?;
    let keywords = get_kwargs::<_, (), (Option<Value>,), ()>(args.keywords, &[], &["credentials"])?;
    client::prepare(ruby, this, args.optional.0)?;
    keywords.optional.0.map_or(Ok(()), |given| set_credentials(ruby, this, given))
}

/// `credentials=`: for requests that bring none of their own; nil leaves it to the profile again.
fn set_credentials(ruby: &Ruby, this: This, given: Value) -> Result<(), Error> {
    // A mistake shows here and not at the first challenge.
    credentials::read(ruby, Some(given))?;
    ClientObject::set_credentials(this, given);
    Ok(())
}

fn credentials_value(ruby: &Ruby, this: This) -> Value {
    this.credentials(ruby)
}

/// Those of the request, else those of the Uac, else those of the profile.
fn credentials_for(ruby: &Ruby, this: This, request: Value) -> Result<Vec<Credentials>, Error> {
    if request.respond_to("credentials", false)? {
        let own: Value = request.funcall("credentials", ())?;
        if !own.is_nil() {
            return credentials::read(ruby, Some(own));
        }
    }
    let own = Some(this.credentials(ruby)).filter(|own| !own.is_nil());
    credentials::read(ruby, own.or(this.profile_hash(ruby)?.get(ruby.to_symbol("credentials"))))
}

/// Makes the route of a request; `call` is who waits for its end.
fn new_route(
    ruby: &Ruby,
    engine: &Engine,
    this: This,
    arguments: RouteArguments,
    call: Option<Arc<Call>>,
) -> Result<Box<Route>, Error> {
    let snapshot = request::snapshot_of(ruby, arguments.request)?;
    let profile = profile::read(ruby, this.profile_hash(ruby)?)?;
    let credentials = credentials_for(ruby, this, arguments.request)?;
    let destination = match arguments.destination {
        Some(query) => Destination::Resolve(query),
        None => Destination::of_request(&snapshot, false),
    };
    ClientObject::set_request(this, arguments.request);
    Ok(engine.new_route(RouteRequest {
        kind: Kind::Uac,
        client: this.shared().clone(),
        profile,
        request: snapshot,
        // A request of our own is new wherever it arrives, our own listener included: nothing marks it as a loop.
        antiloop_id: oversip::client::random_loop_mark(),
        upstream: None,
        proxy_headers: None,
        destination,
        restore: Default::default(),
        credentials,
        call,
        anchor: Box::new(Anchor::hold(this.as_value(), arguments.request)),
    }))
}

/// `route(request, dst_host = nil, dst_port = nil, dst_transport = nil)`.
fn route(ruby: &Ruby, this: This, args: &[Value]) -> Result<(), Error> {
    let arguments = RouteArguments::scan(ruby, args)?;
    let engine = runtime::engine(ruby)?;
    let _nested = Nested::enter(ruby)?;
    let route = new_route(ruby, &engine, this, arguments, None)?;
    client::launch(ruby, &engine, route)
}

/// `cancel`: sends CANCEL for the INVITE that is pending (RFC 3261 9.1).
fn cancel(ruby: &Ruby, this: This) -> Result<(), Error> {
    runtime::engine(ruby)?.cancel_client(this.shared());
    Ok(())
}

/// `ack(response, body: nil, content_type: "application/sdp")`: the ACK for a 2xx (RFC 3261 13.2.2.4).
fn ack(ruby: &Ruby, this: This, args: &[Value]) -> Result<bool, Error> {
    let args = scan_args::<(Value,), (), (), (), RHash, ()>(args)?;
    let keywords = get_kwargs::<_, (), (Option<Value>, Option<Value>), ()>(
        args.keywords,
        &[],
        &["body", "content_type"],
    )?;
    let Some(response) = response::from_value(args.required.0) else {
        return Err(Error::new(ruby.exception_type_error(), "response must be a OverSIP::SIP::Response"));
    };
    let text = |value: Option<Value>, complaint| {
        let given = value.filter(|value| !value.is_nil());
        given.map(|value| text::string_argument(ruby, value, complaint)).transpose()
    };
    let body = text(keywords.optional.0, "body must be a String")?;
    let content_type = text(keywords.optional.1, "content_type must be a String")?;
    let body = body.map(|bytes| Body {
        bytes,
        content_type: content_type.unwrap_or_else(|| Bytes::from_static(OFFER_ANSWER)),
    });
    let sent: Value = this.funcall("request", ())?;
    let ruri = if sent.is_nil() { Bytes::new() } else { request::snapshot_of(ruby, sent)?.ruri };
    let profile = profile::read(ruby, this.profile_hash(ruby)?)?;
    let engine = runtime::engine(ruby)?;
    if !engine.acknowledge(this.shared(), &profile, response.received(), &ruri, body) {
        return Err(text::runtime_error(ruby, "only a 2xx response to an INVITE is acknowledged"));
    }
    Ok(true)
}

/// Defines `Uac`.
pub fn define(_: &Ruby, sip: RModule, client: RClass) -> Result<(), Error> {
    let class = sip.define_class("Uac", client)?;
    class.define_method("initialize", method!(initialize, -1))?;
    class.define_method("credentials", method!(credentials_value, 0))?;
    class.define_method("credentials=", method!(set_credentials, 1))?;
    class.define_method("route", method!(route, -1))?;
    class.define_method("call", method!(call::call, -1))?;
    class.define_method("ack", method!(ack, -1))?;
    class.define_method("cancel", method!(cancel, 0))
}
