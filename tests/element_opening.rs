//! Connections that are being opened while requests wait for them: an element without a network, whose driver is the test.

mod element_support;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use element_support::*;
use oversip::client::session::Role;
use oversip::client::{BlacklistId, Destination, Profile, VerifyServer};
use oversip::element::{
    AnchorId, ClientId, ConnectionEnd, Element, Input, NextHop, Origin, Output, OwnRequestId, RouteRequest,
    SendFailure, Sender,
};
use oversip::message::{ConnectionId, Message, RequestSnapshot, Transport};
use oversip::random::Random;

/// By TLS.
const BOB_TLS: &str = "10.0.2.1:5061";

/// An OPTIONS request of the element's own.
fn own_options(client: ClientId, profile: Profile, destination: Destination) -> RouteRequest {
    let (message, _) = Message::parse(Bytes::from(request("OPTIONS", "own"))).expect("a request");
    RouteRequest {
        client,
        role: Role::Uac,
        profile: Arc::new(profile),
        request: RequestSnapshot::from_message(&message).expect("a request"),
        antiloop_id: None,
        origin: Origin::Own(OwnRequestId(client.as_u64())),
        destination,
        proxy_headers: None,
        restore: Default::default(),
        sips: false,
        credentials: Vec::new(),
        caller: None,
        anchor: AnchorId::NOTHING,
        inline: false,
        depth: 0,
    }
}

/// An element without a network: the test carries out what it asks for.
fn alone() -> (Element, Instant) {
    let now = Instant::now();
    (Element::new(Arc::new(settings(1, &listening(RELAY))), now, Random::from_number(1)), now)
}

fn outputs(element: &mut Element) -> Vec<Output> {
    std::iter::from_fn(|| element.poll()).collect()
}

/// The connection that is opened for the first request, who sends it, and which way.
fn first_sent(element: &mut Element) -> (ConnectionId, Sender, NextHop) {
    let (mut opened, mut sent) = (None, None);
    for output in outputs(element) {
        match output {
            Output::Connect { connection, .. } => opened = Some(connection),
            Output::Send { sender, hop, .. } => sent = Some((sender, hop)),
            _ => {}
        }
    }
    let (sender, hop) = sent.expect("a request");
    (opened.expect("a connection"), sender, hop)
}

/// Another thread than the one that steps the element opens connections: one can have failed before its request is queued on it.
#[test]
fn a_connection_that_fails_before_its_request_is_queued_is_its_targets_fault_all_the_same() {
    let (mut element, now) = alone();
    let client = element.new_client(0);
    element.route(now, own_options(client, profile(), tcp(BOB))).expect("it is nested in no other one");
    let (connection, sender, hop) = first_sent(&mut element);
    element.handle(now, Input::NotSent { sender, hop, failure: SendFailure::Lost });
    assert_eq!(element.gauges().searches, 1, "why it failed is not known yet");
    element.handle(now, Input::ConnectionEnded { connection, end: ConnectionEnd::Unreachable });
    assert_eq!(element.gauges().searches, 0);
    assert_eq!(element.blacklist(BlacklistId(1)).keys(now), [format!("tcp:{BOB}")]);
}

/// Messages leave behind the element's lock: that a connection takes the request no longer is found out when its end is known
/// already.
#[test]
fn a_request_that_goes_by_another_connection_is_not_lost_with_the_first_one() {
    let (mut element, now) = alone();
    let client = element.new_client(0);
    element.route(now, own_options(client, profile(), tcp(BOB))).expect("it is nested in no other one");
    let (connection, sender, hop) = first_sent(&mut element);
    let of_bob = ConnectionId::new(u64::MAX);
    let (remote, local) = (address(BOB), address(RELAY));
    let transport = Transport::Tcp;
    let opened = Input::ConnectionOpened {
        connection: of_bob,
        transport,
        remote,
        local,
        inbound: true,
        handshake: None,
    };
    element.handle(now, opened);
    element.handle(now, Input::ConnectionEnded { connection, end: ConnectionEnd::Unreachable });
    let sent = outputs(&mut element).into_iter().find_map(|output| match output {
        Output::Send { hop, .. } => hop.connection(),
        _ => None,
    });
    assert_eq!(sent, Some(of_bob));
    element.handle(now, Input::NotSent { sender, hop, failure: SendFailure::Lost });
    assert_eq!(element.gauges().searches, 1, "it is under way");
    assert_eq!(outputs(&mut element).len(), 0);
}

/// While a request of a lax profile waits for the handshake with a server, one comes whose profile wants to know who that is.
/// Says by which connections both leave, and those that are opened; `in_time` is what the driver answers.
fn lax_then_strict(in_time: bool) -> (Vec<ConnectionId>, Vec<ConnectionId>) {
    let (mut element, now) = alone();
    let (mut sent, mut opened) = (Vec::new(), Vec::new());
    let mut lax = profile();
    lax.verify_server = VerifyServer::Nobody;
    let mut strict = profile();
    strict.verify_server = VerifyServer::Library;
    for profile in [lax, strict] {
        let client = element.new_client(0);
        element.route(now, own_options(client, profile, tls(BOB_TLS))).expect("it is nested in no other one");
        let mut waiting: VecDeque<_> = outputs(&mut element).into();
        while let Some(output) = waiting.pop_front() {
            match output {
                Output::Connect { connection, .. } => opened.push(connection),
                Output::Send { hop, .. } => sent.extend(hop.connection()),
                Output::Tighten { connection, target, proof } => {
                    assert!(proof.by_library);
                    element.handle(now, Input::Tightened { connection, target, proof, in_time });
                    waiting.extend(outputs(&mut element));
                }
                _ => {}
            }
        }
    }
    (sent, opened)
}

#[test]
fn a_server_has_to_prove_what_the_strictest_request_wants_that_waits_for_its_handshake() {
    let (sent, opened) = lax_then_strict(true);
    assert_eq!(opened.len(), 1);
    assert_eq!(sent, [opened[0], opened[0]]);
}

#[test]
fn a_request_leaves_by_no_connection_whose_server_has_proven_less_than_it_wants() {
    let (sent, opened) = lax_then_strict(false);
    assert_eq!(opened.len(), 2);
    assert_eq!(sent, opened);
}
