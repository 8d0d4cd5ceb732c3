//! `Uac#route`: where a request goes, and with what credentials.

use std::sync::Arc;

use magnus::{prelude::*, Error, Ruby, Value};
use oversip::client::digest::Credentials;
use oversip::client::session::Role;
use oversip::client::Destination;
use oversip::host::{Call, NewRoute};

use crate::{
    anchors::Anchor,
    client::{self, ClientObject, RubyClient},
    credentials,
    destination::RouteArguments,
    dispatcher_thread::{self, Nested},
    profile, request, runtime,
};

/// Those of the request, else those of the Uac, else those of the profile.
fn credentials_for(ruby: &Ruby, this: RubyClient, request: Value) -> Result<Vec<Credentials>, Error> {
    if request.respond_to("credentials", false)? {
        let own: Value = request.funcall("credentials", ())?;
        if !own.is_nil() {
            return credentials::read(ruby, Some(own));
        }
    }
    let own = Some(this.credentials(ruby)).filter(|own| !own.is_nil());
    credentials::read(ruby, own.or(this.profile_hash(ruby)?.get(ruby.to_symbol("credentials"))))
}

/// What the route of a request is begun with; `call` is who waits for its end.
pub(super) fn ask(
    ruby: &Ruby,
    this: RubyClient,
    arguments: RouteArguments,
    call: Option<Arc<Call>>,
) -> Result<NewRoute, Error> {
    let snapshot = request::snapshot_of(ruby, arguments.request)?;
    let profile = profile::read(ruby, this.profile_hash(ruby)?)?;
    let credentials = credentials_for(ruby, this, arguments.request)?;
    let destination = Destination::of_own(arguments.destination, &snapshot);
    ClientObject::set_request(this, arguments.request);
    Ok(NewRoute {
        role: Role::Uac,
        client: this.shared().clone(),
        profile,
        request: snapshot,
        antiloop_id: None,
        origin: client::own_origin(arguments.request),
        proxy_headers: None,
        destination,
        sips: false,
        restore: Default::default(),
        credentials,
        inline: call.is_none() && dispatcher_thread::is_current(),
        depth: 0,
        call,
        anchor: Arc::new(Anchor::hold(this.as_value(), arguments.request)),
    })
}

/// `route(request, dst_host = nil, dst_port = nil, dst_transport = nil)`.
pub(super) fn route(ruby: &Ruby, this: RubyClient, args: &[Value]) -> Result<(), Error> {
    let arguments = RouteArguments::scan(ruby, args)?;
    let host = runtime::host(ruby)?;
    let nested = Nested::enter();
    let request = arguments.request;
    let ask = NewRoute { depth: nested.depth(), ..ask(ruby, this, arguments, None)? };
    client::heed_abort(ruby, this, request);
    client::launch(ruby, &host, ask)
}
