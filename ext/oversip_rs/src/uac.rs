//! `OverSIP::SIP::Uac`.

use magnus::{method, prelude::*, Error, RClass, RModule, Ruby, Value};
use oversip::client::session::Kind;
use oversip::engine::{Destination, RouteRequest};

use crate::{
    anchors::Anchor,
    client::{self, ClientObject, This},
    destination::{self, RouteArguments},
    dispatcher::Nested,
    profile, request, runtime,
};

/// `route(request, dst_host = nil, dst_port = nil, dst_transport = nil)`.
fn route(ruby: &Ruby, this: This, args: &[Value]) -> Result<(), Error> {
    let arguments = RouteArguments::scan(ruby, args)?;
    let engine = runtime::engine(ruby)?;
    let _nested = Nested::enter(ruby)?;
    let snapshot = request::snapshot_of(ruby, arguments.request)?;
    let profile = profile::read(ruby, this.profile_hash(ruby)?)?;
    let query = arguments.destination.unwrap_or_else(|| destination::of_request(&snapshot, false));
    // A request of our own is new wherever it arrives, our own listener included: nothing marks it as a loop.
    let antiloop_id = oversip::client::random_loop_mark();
    ClientObject::set_request(this, arguments.request);
    let ask = RouteRequest {
        kind: Kind::Uac,
        client: this.shared().clone(),
        profile,
        request: snapshot,
        antiloop_id,
        upstream: None,
        proxy_headers: None,
        destination: Destination::Resolve(query),
        restore: Default::default(),
        anchor: Box::new(Anchor::hold(this.as_value(), arguments.request)),
    };
    client::launch(ruby, &engine, engine.new_route(ask))
}

/// `cancel`: sends CANCEL for the INVITE that is pending (RFC 3261 9.1).
fn cancel(ruby: &Ruby, this: This) -> Result<(), Error> {
    runtime::engine(ruby)?.cancel_client(this.shared());
    Ok(())
}

/// Defines `Uac`.
pub fn define(_: &Ruby, sip: RModule, client: RClass) -> Result<(), Error> {
    let class = sip.define_class("Uac", client)?;
    class.define_method("route", method!(route, -1))?;
    class.define_method("cancel", method!(cancel, 0))
}
