//! The request as it leaves: our Via on top, the hop count, and a proxy's routing headers (RFC 3261 16.6).
//!
//! Everything is added to a copy for each target, so that neither failover nor serial forking adds twice or leaves a
//! header of an earlier attempt behind.

use std::io::Write;
use std::net::SocketAddr;

use smallvec::SmallVec;

use super::listeners::Listener;
use super::next_hop::NextHop;
use super::received_request::ReceivedRequest;
use super::server_request::ServerRequest;
use super::settings::Settings;
use crate::client::session::Role;
use crate::client::{
    address_strict_router, connection_names, may_be_recorded, own_contact, readdressed, IncomingSide,
    Profile, Recorded, RoutingHeaders, DIALOG_CODE_LEN, MAX_FORWARDS,
};
use crate::message::{
    is_sips, HeaderName, Headers, Message, Method, NameAddrRef, RequestSnapshot, Transport,
};

/// Longer than any flow token of ours.
const MAX_TOKEN: usize = 128;
/// Not shorter than what else is added to each request, the listeners' names aside: version, the name, branch and parameters of
/// Via, Max-Forwards and Content-Length.
const FIXED_PARTS: usize = 192;
/// The same of a Record-Route or Path: its name, scheme and parameters, the code of the dialog, and what the name of a connection
/// may have more than those of listeners.
const RECORDED_PARTS: usize = 52 + DIALOG_CODE_LEN;

/// Via, two Record-Routes and the answer to a challenge; in a request of our own Max-Forwards and Contact.
const ADDED_LINES: usize = 4;

/// What a proxy needs to know to add its headers.
#[derive(Debug, Clone)]
pub struct ProxyHeaders {
    /// The value that the Max-Forwards header leaves with.
    pub max_forwards: u32,
    /// The request is outside a dialog.
    pub initial: bool,
    /// The client asks for requests of the dialog to come over its flow (RFC 5626 5.1).
    pub outgoing_outbound: bool,
    /// The token of the flow that the request goes to.
    pub incoming_outbound: Option<Vec<u8>>,
}

/// The way that a request leaves by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaving {
    transport: Transport,
    remote: SocketAddr,
    /// The socket, if it is none of the listening ones.
    own: Option<SocketAddr>,
}

impl Leaving {
    pub(super) fn by(hop: &NextHop) -> Leaving {
        Leaving { transport: hop.transport(), remote: hop.remote(), own: hop.own() }
    }

    /// The way to a target as long as it was not taken: a socket that is opened then has a port of five digits, and perhaps an
    /// address of the greatest length.
    pub(super) fn presumably(
        settings: &Settings,
        role: Role,
        transport: Transport,
        remote: SocketAddr,
    ) -> Leaving {
        let own = settings.unreached(role, remote).map(|_| match remote {
            SocketAddr::V4(_) => SocketAddr::from(([255; 4], u16::MAX)),
            SocketAddr::V6(_) => SocketAddr::from(([u16::MAX; 8], u16::MAX)),
        });
        Leaving { transport, remote, own }
    }
}

/// A request that is about to leave, as far as it is the same for each target.
#[derive(Debug, Clone, Copy)]
pub(super) struct Departing<'a> {
    pub(super) role: Role,
    pub(super) request: &'a RequestSnapshot,
    /// It goes where its first Route says.
    pub(super) by_route: bool,
    pub(super) proxy_headers: Option<&'a ProxyHeaders>,
    /// It is for a SIPS resource.
    pub(super) sips: bool,
    pub(super) profile: &'a Profile,
    pub(super) upstream: Option<&'a ReceivedRequest>,
    /// The token of the flow that the request came by.
    pub(super) flow_token: Option<&'a str>,
}

impl Departing<'_> {
    /// Whether a proxy may add a Record-Route or a Path to it.
    pub(super) fn may_be_recorded(&self) -> bool {
        let (method, profile) = (&self.request.method, self.profile);
        profile.do_record_routing
            && self
                .proxy_headers
                .is_some_and(|headers| may_be_recorded(method, headers.initial, profile.record_route_all))
    }
}

/// The request as it leaves that way. What is added to it is remembered with its server side.
pub(super) fn request(
    settings: &Settings,
    departing: &Departing<'_>,
    server_side: Option<&mut ServerRequest>,
    leaving: &Leaving,
    branch: &[u8],
) -> RequestSnapshot {
    let received = departing.request;
    let mut request = RequestSnapshot {
        method: received.method.clone(),
        ruri: received.ruri.clone(),
        headers: received.headers.with_room(ADDED_LINES),
        body: received.body.clone(),
    };
    if departing.by_route {
        address_strict_router(&mut request);
    }
    let listener = settings.listeners.naming(leaving.transport, leaving.remote);
    match (departing.proxy_headers, departing.role) {
        (Some(headers), Role::Proxy) => {
            let mut hops: SmallVec<[u8; 10]> = SmallVec::new();
            // Writing into memory that grows cannot fail.
            let _ = write!(hops, "{}", headers.max_forwards);
            request.headers.replace(HeaderName::MaxForwards, &hops);
            if let (Some(listener), Some(server_side)) = (listener, server_side) {
                let recorded =
                    add_routing_headers(settings, departing, server_side, headers, listener, &mut request);
                server_side.note_proxied(recorded);
            }
        }
        _ => {
            if request.headers.first(HeaderName::MaxForwards).is_none() {
                request.headers.push(b"Max-Forwards", MAX_FORWARDS.to_string().as_bytes());
            }
            // Whoever is told to come by TLS has to find TLS there (RFC 3261 8.1.1.8).
            let secure = leaving.transport.secure() && leaves_for_sips(departing, &request);
            set_contact(settings, leaving, listener, secure, &mut request);
        }
    }
    match (leaving.own, listener) {
        (Some(own), _) => {
            let core = format!("SIP/2.0/{} {own}", leaving.transport.via_token());
            push_via(&mut request, &core, branch);
        }
        (None, Some(listener)) => push_via(&mut request, &listener.names.via_core, branch),
        (None, None) => {}
    }
    request
}

/// The Contact of a request of our own: one for what has to have one (RFC 3261 8.1.1.8, RFC 3311, RFC 3515, RFC 6665); and where
/// a script has named a listener on loopback, the socket that the request leaves by.
fn set_contact(
    settings: &Settings,
    leaving: &Leaving,
    listener: Option<&Listener>,
    secure: bool,
    request: &mut RequestSnapshot,
) {
    let own = leaving.own.map(|own| (own.to_string(), leaving.transport));
    if request.headers.first(HeaderName::Contact).is_none() {
        if !takes_contact(&request.method) {
            return;
        }
        let contact = match (&own, listener) {
            (Some((sent_by, transport)), _) => own_contact(sent_by, *transport, secure),
            (None, Some(listener)) => own_contact(listener.sent_by(), listener.transport, secure),
            (None, None) => return,
        };
        request.headers.push(b"Contact", contact.as_bytes());
    } else if let Some((sent_by, transport)) = own {
        let ours = |ip, port| settings.listeners.is_at(SocketAddr::new(ip, port));
        let mut changed = false;
        let values: Vec<Vec<u8>> = request
            .headers
            .list(HeaderName::Contact)
            .map(|value| match readdressed(value, ours, &sent_by, transport) {
                Some(value) => {
                    changed = true;
                    value
                }
                None => value.to_vec(),
            })
            .collect();
        if changed {
            request.headers.replace(HeaderName::Contact, &values.join(&b", "[..]));
        }
    }
}

/// Whether the other side has to learn where requests of the dialog go.
fn takes_contact(method: &Method) -> bool {
    matches!(method, Method::Invite | Method::Subscribe | Method::Refer | Method::Notify | Method::Update)
}

/// A size that the request does not exceed whichever way it leaves: cheaper to know than the true one.
pub(super) fn at_most(settings: &Settings, departing: &Departing<'_>) -> usize {
    let request = departing.request;
    let name = settings.listeners.longest_name();
    // The value of the side that it came from may have a token of ours, that of the other side the one that it came with.
    let recorded = if departing.may_be_recorded() {
        let token = departing.proxy_headers.and_then(|headers| headers.incoming_outbound.as_ref());
        MAX_TOKEN + token.map_or(0, |token| 3 * token.len()) + 2 * (name + RECORDED_PARTS)
    } else {
        0
    };
    request.wire_len() + FIXED_PARTS + 2 * name + recorded
}

/// Puts our Via on top. No response comes to an ACK.
fn push_via(request: &mut RequestSnapshot, core: &str, branch: &[u8]) {
    let rport = if request.method.is_answered() { ";rport" } else { "" };
    let value = [core.as_bytes(), b";branch=", branch, rport.as_bytes()];
    request.headers.push_front_known(HeaderName::Via, &value);
}

/// Adds Record-Route or Path, where there is one to add.
fn add_routing_headers(
    settings: &Settings,
    departing: &Departing<'_>,
    server_side: &mut ServerRequest,
    headers: &ProxyHeaders,
    outgoing: &Listener,
    request: &mut RequestSnapshot,
) -> Option<Recorded> {
    let profile = departing.profile;
    let upstream = departing.upstream.filter(|_| profile.do_record_routing)?;
    let source = &upstream.source;
    let token = departing.flow_token.filter(|_| !settings.listeners.is_from_us(upstream));
    let incoming = settings.listeners.listener_of(source);
    let own;
    let (side, names) = match incoming {
        Some(listener) if source.inbound => {
            let names = &listener.names;
            (IncomingSide::Listener { names, flow_token: token }, names)
        }
        _ => {
            own = connection_names(source.transport, source.local, settings.tags.ovid());
            (IncomingSide::OwnConnection { names: &own }, &own)
        }
    };
    // Further requests of a client that has sent this one in the clear come by TLS, where we have it.
    let by_tls = || settings.listeners.listener(Transport::Tls, source.local)?.names.sips.as_deref();
    let incoming_sips = match came_for_sips(&upstream.message) {
        true => names.sips.as_deref().or_else(by_tls),
        false => None,
    };
    // Where a script has it leave in the clear, nobody can come back by TLS.
    let outgoing_sips = outgoing.names.sips.as_deref().filter(|_| leaves_for_sips(departing, request));
    let decision = RoutingHeaders {
        method: &departing.request.method,
        initial: headers.initial,
        do_record_routing: profile.do_record_routing,
        record_route_all: profile.record_route_all,
        path_wanted: profile.path_always
            || (departing.request.method == Method::Register && supports_path(&request.headers)),
        incoming: side,
        outgoing: &outgoing.names,
        incoming_sips,
        outgoing_sips,
        same_listener: incoming.is_some_and(|listener| {
            listener.local == outgoing.local && listener.transport == outgoing.transport
        }),
        outgoing_outbound: headers.outgoing_outbound,
        incoming_outbound: headers.incoming_outbound.as_deref(),
    };
    // The request as it was received counts: a script's edits stay between it and the callee.
    let message = &upstream.message;
    let code = || settings.dialog_key.code(message.call_id().unwrap_or_default(), message.from_tag());
    let added = decision.decide(|| server_side.dialog_code(code))?;
    // Above those already there: in front of everything.
    for value in [Some(&added.inner), added.outer.as_ref()].into_iter().flatten() {
        request.headers.push_front(added.recorded.header.as_str().as_bytes(), value);
    }
    Some(added.recorded)
}

/// Whether a request was sent for a SIPS resource, or to a proxy by a SIPS URI (RFC 3261 16.6 step 4).
fn came_for_sips(request: &Message) -> bool {
    let first = || request.routes().next().is_some_and(|(_, route)| is_sips(route.uri().text));
    request.ruri().is_some_and(|uri| is_sips(uri.text)) || first()
}

/// The same of a request that is about to leave.
fn leaves_for_sips(departing: &Departing<'_>, request: &RequestSnapshot) -> bool {
    let first = || request.route_values().next().and_then(NameAddrRef::parse);
    departing.sips || is_sips(&request.ruri) || first().is_some_and(|route| is_sips(route.uri().text))
}

/// Whether the client says that it supports Path (RFC 3327 5.1); RFC 3327 5.2 wants no Path without that.
fn supports_path(headers: &Headers) -> bool {
    headers.list(HeaderName::Supported).any(|tag| tag.trim_ascii().eq_ignore_ascii_case(b"path"))
}
