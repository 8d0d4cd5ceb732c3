//! Routing of a request: routes, aliases, flows (RFC 3261 16.4, RFC 5626).

use bytes::Bytes;
use magnus::{method, prelude::*, Error, RArray, RClass, RModule, Ruby, Value};
use oversip::client::{flow_may_be_forced, local_uri, IncomingFlow, LooseRoute, OutboundFacts};
use oversip::host::{Host, Requests};
use oversip::message::{HeaderName, UriRef};

use super::ruri::ruri_bytes;
use crate::{
    headers,
    message::{self, routes, RubyRequest},
    runtime,
    text::{self, true_or_nil, utf8},
    uri::{self, RubyUri, UriObject},
};

/// The Contact counts as the script has left it, if the script has looked at it; else nothing is made of it for Ruby.
fn outbound_facts(ruby: &Ruby, this: RubyRequest) -> Result<OutboundFacts, Error> {
    let received = this.received();
    let inbound = this.incoming().is_some_and(|incoming| incoming.source.inbound);
    let of = |contact: Option<UriRef<'_>>| {
        OutboundFacts::of(received, contact.as_ref(), inbound, this.force_outgoing_outbound.get())
    };
    let Some(seen) = this.contact.get(ruby) else {
        return Ok(of(received.contact().map(|contact| contact.uri())));
    };
    let text = text::object_of::<UriObject>(ruby, seen).map(|uri| uri::uri_text(ruby, uri)).transpose()?;
    Ok(of(text.flatten().as_deref().and_then(UriRef::parse)))
}

/// The token of the flow that the request came by; memoised.
fn own_flow_token(host: &dyn Host, this: RubyRequest) -> Option<String> {
    let token = this
        .own_token
        .get_or_init(|| this.incoming().and_then(|incoming| Requests(host).flow_token(&incoming.source)));
    token.clone()
}

fn connection_outbound_flow_token(ruby: &Ruby, this: RubyRequest) -> Result<Option<String>, Error> {
    Ok(own_flow_token(&*runtime::host(ruby)?, this))
}

/// The URIs of the routes that are left, as text. Unless the script has looked at them, nothing is made of them for Ruby.
fn route_texts(ruby: &Ruby, this: RubyRequest) -> Result<Vec<Bytes>, Error> {
    if !this.routes.is_set() {
        let left = this.received().routes().skip(this.headers.removed_routes());
        return Ok(left.map(|(_, route)| Bytes::copy_from_slice(route.uri().text)).collect());
    }
    let Some(list) = RArray::from_value(routes(ruby, this.into())?) else { return Ok(Vec::new()) };
    let mut texts = Vec::with_capacity(list.len());
    for index in 0..list.len() {
        let route = RubyUri::try_convert(list.entry(index as isize)?)?;
        texts.push(uri::uri_text(ruby, route)?.unwrap_or_default());
    }
    Ok(texts)
}

/// `loose_route`.
fn loose_route(ruby: &Ruby, this: RubyRequest) -> Result<bool, Error> {
    let host = runtime::host(ruby)?;
    let texts = if headers::has_routes(ruby, this.into())? { route_texts(ruby, this)? } else { Vec::new() };
    let rules = LooseRoute {
        outbound: outbound_facts(ruby, this)?,
        aliases: &host.settings().aliases,
        ovid: host.settings().tags.ovid(),
    };
    let taken = this.received().strict_route().and_then(|text| UriRef::parse(text));
    let uris = texts.iter().filter_map(|text| UriRef::parse(text));
    let source = this.incoming().map(|incoming| incoming.source);
    let outcome = rules.apply(taken, uris, |token| Requests(&*host).token_flow(token, source.as_ref()));
    this.outgoing_outbound.set(Some(outcome.outgoing_outbound));
    if let Some(token) = &outcome.flow_token {
        this.route_token.set(this, utf8(ruby, token));
    }
    if outcome.incoming != IncomingFlow::None {
        this.incoming_outbound.set(true);
    }
    if outcome.strip > 0 {
        headers::remove_top_routes(ruby, this.into(), outcome.strip)?;
        strip_routes(ruby, this, outcome.strip)?;
    }
    Ok(outcome.result)
}

/// `own_route?`: decided by the request as it was received, so that neither `loose_route` nor an edit changes it.
fn is_own_route(ruby: &Ruby, this: RubyRequest) -> Result<bool, Error> {
    if let Some(known) = this.own_route.get() {
        return Ok(known);
    }
    let own = runtime::host(ruby)?.settings().own_route(this.received());
    this.own_route.set(Some(own));
    Ok(own)
}

/// Takes the first entries of `routes` away; an emptied list becomes nil.
fn strip_routes(ruby: &Ruby, this: RubyRequest, count: usize) -> Result<(), Error> {
    let Some(list) = this.routes.get(ruby).and_then(RArray::from_value) else { return Ok(()) };
    for _ in 0..count.min(list.len()) {
        let _: Value = list.shift()?;
    }
    if list.is_empty() {
        this.routes.set(this, ruby.qnil().as_value());
    }
    Ok(())
}

fn is_destination_myself(ruby: &Ruby, this: RubyRequest) -> Result<bool, Error> {
    if let Some(known) = this.destination_myself.get() {
        return Ok(known);
    }
    let text = ruri_bytes(ruby, this)?;
    let host = runtime::host(ruby)?;
    // A Request-URI that still has a maddr is to be sent there, whatever its host is (RFC 3261 16.5).
    let myself = UriRef::parse(&text)
        .is_some_and(|uri| uri.maddr().is_none() && local_uri(&uri, &host.settings().aliases));
    this.destination_myself.set(Some(myself));
    Ok(myself)
}

fn is_local_uri(ruby: &Ruby, _: RubyRequest, uri: Value) -> Result<bool, Error> {
    let Some(object) = text::object_of::<UriObject>(ruby, uri) else {
        let rule = "a OverSIP::SIP::Uri or OverSIP::SIP::NameAddr";
        return Err(text::unfit(ruby.exception_type_error(), "uri", rule, uri));
    };
    let text = uri::uri_text(ruby, object)?.unwrap_or_default();
    let host = runtime::host(ruby)?;
    let local = UriRef::parse(&text).is_some_and(|uri| local_uri(&uri, &host.settings().aliases));
    Ok(local)
}

/// `fix_nat`: responses go to the source port, and the client's flow is kept for the dialog or registration.
fn fix_nat(ruby: &Ruby, this: RubyRequest) {
    if let Some(incoming) = this.incoming() {
        incoming.reply_to_source_port();
    }
    message::use_source_port(ruby, this.into());
    if flow_may_be_forced(this.received()) {
        this.force_outgoing_outbound.set(true);
    }
}

fn is_outgoing_outbound_requested(ruby: &Ruby, this: RubyRequest) -> Result<bool, Error> {
    if let Some(decided) = this.outgoing_outbound.get() {
        return Ok(decided);
    }
    let decided = outbound_facts(ruby, this)?.outgoing_outbound(false);
    this.outgoing_outbound.set(Some(decided));
    Ok(decided)
}

fn set_outgoing_outbound_requested(this: RubyRequest, value: Value) -> Value {
    this.outgoing_outbound.set(Some(value.to_bool()));
    value
}

fn is_incoming_outbound_requested(ruby: &Ruby, this: RubyRequest) -> Value {
    true_or_nil(ruby, this.incoming_outbound.get())
}

fn set_incoming_outbound_requested(this: RubyRequest, value: Value) -> Value {
    this.incoming_outbound.set(value.to_bool());
    value
}

fn route_outbound_flow_token(ruby: &Ruby, this: RubyRequest) -> Value {
    this.route_token.get_or_nil(ruby)
}

fn set_route_outbound_flow_token(this: RubyRequest, value: Value) -> Value {
    this.route_token.set(this, value);
    value
}

/// What a proxy needs of a request beyond its text.
pub struct RoutingFacts {
    /// Outside a dialog.
    pub initial: bool,
    /// The hop count as received.
    pub max_forwards: Option<u32>,
    /// The hop count that `check_max_forwards` decided.
    pub new_max_forwards: Option<u32>,
    /// The client wants requests over its flow.
    pub outgoing_outbound: bool,
    /// The request goes to a flow.
    pub incoming_outbound: bool,
    /// The token of that flow.
    pub flow_token: Option<Vec<u8>>,
}

/// Reads the facts.
pub fn routing_facts(ruby: &Ruby, this: RubyRequest) -> Result<RoutingFacts, Error> {
    let token = this.route_token.get(ruby).filter(|token| !token.is_nil());
    Ok(RoutingFacts {
        initial: this.received().to_tag().is_none(),
        max_forwards: headers::peek(ruby, this.into(), HeaderName::MaxForwards)?
            .and_then(|value| number(&value)),
        new_max_forwards: this.new_max_forwards.get(),
        outgoing_outbound: is_outgoing_outbound_requested(ruby, this)?,
        incoming_outbound: this.incoming_outbound.get(),
        flow_token: token.map(text::text_of).transpose()?.map(|token| token.to_vec()),
    })
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// Defines the methods of this file.
pub(super) fn define(class: RClass, core: RModule) -> Result<(), Error> {
    core.define_method("connection_outbound_flow_token", method!(connection_outbound_flow_token, 0))?;
    core.define_method("loose_route", method!(loose_route, 0))?;
    core.define_method("own_route?", method!(is_own_route, 0))?;
    core.define_method("destination_myself?", method!(is_destination_myself, 0))?;
    core.define_method("local_uri?", method!(is_local_uri, 1))?;
    core.define_method("fix_nat", method!(fix_nat, 0))?;
    core.define_method("outgoing_outbound_requested?", method!(is_outgoing_outbound_requested, 0))?;
    class.define_method("outgoing_outbound_requested=", method!(set_outgoing_outbound_requested, 1))?;
    core.define_method("incoming_outbound_requested?", method!(is_incoming_outbound_requested, 0))?;
    class.define_method("incoming_outbound_requested=", method!(set_incoming_outbound_requested, 1))?;
    class.define_method("route_outbound_flow_token", method!(route_outbound_flow_token, 0))?;
    class.define_method("route_outbound_flow_token=", method!(set_route_outbound_flow_token, 1))?;
    Ok(())
}
