//! `OverSIP::SIP::Proxy`.

use std::sync::Arc;

use magnus::{method, prelude::*, scan_args::scan_args, Error, RClass, RModule, Ruby, Value};
use oversip::client::session::Role;
use oversip::client::{hop_count, is_told_of_its_end, Destination, Failure, NamedFlow, TOO_MANY_HOPS};
use oversip::element::{Origin, ProxyHeaders, Reply};
use oversip::host::{Call, NewRoute, Requests};
use oversip::message::{reason_phrase, Method};

use crate::{
    anchors::Anchor,
    call::{client_error, CallArguments, Waiter},
    client::{self, ClientObject, RubyClient},
    destination::RouteArguments,
    dispatcher_thread::{self, Nested},
    message::{RequestObject, ResponseObject, RubyResponse},
    profile, request, response, runtime, text,
};

/// `route(request, dst_host = nil, dst_port = nil, dst_transport = nil)`.
fn route(ruby: &Ruby, this: RubyClient, args: &[Value]) -> Result<(), Error> {
    let arguments = RouteArguments::scan(ruby, args)?;
    let nested = Nested::enter();
    let request = arguments.request;
    match ask(ruby, this, arguments, None)? {
        Some(ask) => {
            client::heed_abort(ruby, this, request);
            client::launch(ruby, &runtime::host(ruby)?, NewRoute { depth: nested.depth(), ..ask })
        }
        None => Ok(()),
    }
}

/// `call(request, dst_host = nil, dst_port = nil, dst_transport = nil, timeout: nil)`.
fn call(ruby: &Ruby, this: RubyClient, args: &[Value]) -> Result<Value, Error> {
    let arguments = CallArguments::scan(ruby, args)?;
    let request = arguments.route.request;
    runtime::host(ruby)?;
    let waiter = Waiter::of_caller(ruby, "Proxy#call", this, &arguments)?;
    let Some(ask) = ask(ruby, this, arguments.route, Some(waiter.call()))? else {
        return Err(client_error(ruby, &Failure::too_many_hops())?);
    };
    client::heed_abort(ruby, this, request);
    let (message, status) = waiter.run(ruby, this, ask)?;
    let is_changed = message.status() != Some(status);
    let response = ResponseObject::from_network(ruby, message, request, true);
    if is_changed {
        response::rewrite_status(ruby, response, status);
    }
    Ok(response.as_value())
}

/// What the route of a request is begun with; `call` is who waits for its end. `None`: it has no hops left, and is answered.
fn ask(
    ruby: &Ruby,
    this: RubyClient,
    arguments: RouteArguments,
    call: Option<Arc<Call>>,
) -> Result<Option<NewRoute>, Error> {
    let Some(request) = RequestObject::from_value(arguments.request) else {
        return Err(text::runtime_error(ruby, "request must be a OverSIP::SIP::Request instance"));
    };
    let host = runtime::host(ruby)?;
    let Some(incoming) = request.incoming() else {
        return Err(text::runtime_error(
            ruby,
            "the request did not come from the network: it has no way back",
        ));
    };
    let profile = profile::read(ruby, this.profile_hash(ruby)?)?;
    let facts = request::routing_facts(ruby, request)?;
    ClientObject::set_request(this, request.as_value());
    request.proxy.set(request, this);
    // RFC 3261 16.3 step 3: checked before anything else is done for the request.
    let Some(max_forwards) = hop_count(facts.max_forwards, facts.new_max_forwards) else {
        if incoming.message.method().is_some_and(Method::is_answered) {
            let reason = reason_phrase(TOO_MANY_HOPS).as_bytes();
            // Where it has an answer already, the log says so.
            let _ = Requests(&*host).reply(&incoming, Reply::new(TOO_MANY_HOPS, reason));
        }
        return Ok(None);
    };
    let snapshot = request::snapshot(ruby, request)?;
    let flow = facts.incoming_outbound.then(|| NamedFlow::new(facts.flow_token));
    let destination = Destination::of_proxied(arguments.destination, flow, &snapshot);
    Ok(Some(NewRoute {
        role: Role::Proxy,
        client: this.shared().clone(),
        profile,
        request: snapshot,
        antiloop_id: Some(incoming.antiloop_id),
        origin: Origin::Network(incoming.received().clone()),
        proxy_headers: Some(ProxyHeaders {
            max_forwards,
            initial: facts.initial,
            outgoing_outbound: facts.outgoing_outbound,
            incoming_outbound: destination.flow_token().map(<[u8]>::to_vec),
        }),
        destination,
        sips: false,
        restore: request::restore_headers(request),
        credentials: Vec::new(),
        inline: call.is_none() && dispatcher_thread::is_current(),
        depth: 0,
        call,
        anchor: Arc::new(Anchor::hold(this.as_value(), request.as_value())),
    }))
}

/// `drop_response(response = nil)`.
fn drop_response(ruby: &Ruby, this: RubyClient, args: &[Value]) -> Result<bool, Error> {
    let args = scan_args::<(), (Option<Value>,), (), (), (), ()>(args)?;
    client::drop_response(ruby, this);
    if let Some(response) = args.optional.0.filter(|response| !response.is_nil()) {
        let Some(response) = ResponseObject::from_value(response) else {
            return Err(Error::new(ruby.exception_type_error(), "response must be a OverSIP::SIP::Response"));
        };
        end_early_dialog(ruby, this, response)?;
    }
    Ok(true)
}

/// RFC 6228: a client that supports it is told that one early dialog is over though the call goes on.
fn end_early_dialog(ruby: &Ruby, this: RubyClient, response: RubyResponse) -> Result<(), Error> {
    let request: Value = this.funcall("request", ())?;
    let Some(incoming) = RequestObject::from_value(request).and_then(|request| request.incoming()) else {
        return Ok(());
    };
    if is_told_of_its_end(&incoming.message, response.received()) {
        Requests(&*runtime::host(ruby)?).reply_199(&incoming, response.received());
    }
    Ok(())
}

/// Defines `Proxy`.
pub fn define(_: &Ruby, sip: RModule, client: RClass) -> Result<(), Error> {
    let class = sip.define_class("Proxy", client)?;
    class.define_method("route", method!(route, -1))?;
    class.define_method("call", method!(call, -1))?;
    class.define_method("drop_response", method!(drop_response, -1))?;
    class.define_method("cancel", method!(client::cancel, 0))
}
