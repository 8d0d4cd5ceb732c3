//! What tests of whole calls share: a simulated network with an element on it, in virtual time.
//!
//! ```ignore
//! let mut world = world(1);                                        // a network; everything that is drawn follows from the 1
//! let relay = add_relay(&mut world, RELAY, relay_to(BOB));         // an element whose script sends new requests to Bob
//! let alice = add_caller(&mut world, ALICE, RELAY);                // a caller that sends everything to the element
//! let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(2)));
//! let call = call(&mut world, alice, CallPlan::default());
//! world.run_until_idle();                                          // or world.advance(seconds(3))
//! assert_eq!(world.peer(alice).calls()[call].state(), CallState::Up);
//! assert_all_quiet(&world, relay);                                 // no transaction, no timer, nothing is left behind
//! ```
//!
//! `println!("{}", world.record())` shows every message of the run. Where a test wants to say each message itself, an [`Inbox`]
//! takes the place of a caller or callee: [`World::send`] sends from it, [`Inbox::news`] tells what has come.

#![allow(dead_code, unused_imports)]

mod by_name;
mod notes;
#[path = "../support/policy.rs"]
mod policy;
#[path = "../support/profile.rs"]
mod profile;

mod own;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use oversip::client::{
    Destination, DialogKey, FlowTokenKey, ListenerAliases, ListenerNames, LocalAliases, ProcessTags, Profile,
};
use oversip::element::{AddressFamilies, Limits, Listener, Listeners, Settings};
use oversip::message::{reply, Message, Transport};
use oversip::random::Random;
use oversip::transaction::Timings;

pub use by_name::{by_name, servers, with_profile};
pub use notes::{noting, telling, Notes};
pub use oversip::client::session::CallbackClass;
pub use oversip::simulation::*;
pub use own::*;

/// Where things are in most tests.
pub const RELAY: &str = "10.0.0.1:5060";
/// The caller.
pub const ALICE: &str = "10.0.1.1:5060";
/// A callee.
pub const BOB: &str = "10.0.2.1:5060";
/// Another one.
pub const CAROL: &str = "10.0.3.1:5060";
/// A third one.
pub const DAVE: &str = "10.0.4.1:5060";

/// An empty world on a good network. Everything that is drawn follows from the seed.
pub fn world(seed: u64) -> World {
    World::new(Instant::now(), seed)
}

/// An address from its text.
pub fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address and a port")
}

pub fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

pub fn millis(number: u64) -> Duration {
    Duration::from_millis(number)
}

/// A profile with the defaults that scripts get, to be changed by a test.
pub fn profile() -> Profile {
    let mut profile = profile::profile(policy::policy());
    profile.settle();
    profile
}

/// A script that sends requests outside of dialogs to an address by UDP, and those of dialogs where they say.
pub fn relay_to(to: &str) -> Blocks {
    Blocks::relay_to(profile(), udp(to))
}

/// By UDP to an address.
pub fn udp(to: &str) -> Destination {
    to_udp(address(to))
}

/// By TCP to an address.
pub fn tcp(to_address: &str) -> Destination {
    to(Transport::Tcp, address(to_address))
}

/// By TLS to an address.
pub fn tls(to_address: &str) -> Destination {
    to(Transport::Tls, address(to_address))
}

/// By RFC 3263 to the host of a URI.
pub fn by_dns(uri: &str) -> Destination {
    let uri = oversip::message::UriRef::parse(uri.as_bytes()).expect("a URI");
    Destination::Named(oversip::resolve::Query::from_uri(&uri))
}

/// Room for whatever a test sends.
pub fn limits() -> Limits {
    const MANY: usize = 1 << 20;
    const MUCH: usize = 1 << 30;
    Limits {
        queued_requests: MANY,
        queued_bytes: MUCH,
        queued_acks: MANY,
        queued_ack_bytes: MUCH,
        client_responses: 64,
        client_bytes: MANY,
        response_bytes: MUCH,
        transactions: MANY,
    }
}

/// The settings of an element that listens at these addresses and names them in its headers. `number` tells the elements of a
/// world apart; the marks and keys follow from it.
pub fn settings(number: u16, listening: &[(Transport, SocketAddr)]) -> Settings {
    let mut random = Random::from_number(number.into());
    let tags = ProcessTags::random(&mut random);
    let listeners = listening.iter().map(|&(transport, local)| Listener {
        transport,
        local,
        names: ListenerNames::new(transport, &local.ip().to_string(), local.port(), tags.ovid()),
    });
    let aliases = |websocket| {
        let of_kind = |it: &&(Transport, SocketAddr)| it.0.websocket() == websocket;
        let port = |secure| {
            let listener = listening.iter().filter(of_kind).find(|it| it.0.secure() == secure);
            listener.map(|it| it.1.port())
        };
        let hosts: Vec<String> = listening.iter().filter(of_kind).map(|it| it.1.ip().to_string()).collect();
        (hosts, port(false), port(true))
    };
    let [sip, websocket] = [aliases(false), aliases(true)];
    let named = |of: &'_ (Vec<String>, Option<u16>, Option<u16>)| (of.1, of.2);
    let ((port, tls_port), (ws_port, wss_port)) = (named(&sip), named(&websocket));
    Settings {
        element: number,
        timings: Timings::default(),
        aliases: LocalAliases::new(
            &[],
            &ListenerAliases { hosts: sip.0.iter().map(String::as_str).collect(), port, tls_port },
            &ListenerAliases {
                hosts: websocket.0.iter().map(String::as_str).collect(),
                port: ws_port,
                tls_port: wss_port,
            },
        ),
        listeners: Listeners::new(listeners.collect()),
        flow_tokens: FlowTokenKey::random(&mut random),
        dialog_key: DialogKey::random(&mut random),
        tags,
        require_own_route: false,
        accept_unsigned_flow_tokens: false,
        product: "OverSIP/test".into(),
        limits: limits(),
        sending: AddressFamilies::default(),
    }
}

/// Adds an element that listens by UDP and TCP at an address, by TLS at the port above, and by WebSocket at ports 80 and 443.
pub fn add_relay(world: &mut World, at: &str, script: impl Script + 'static) -> ElementId {
    add_element(world, "relay", 1, at, script)
}

/// Adds an element with a name and a number of its own.
pub fn add_element(
    world: &mut World,
    name: &str,
    number: u16,
    at: &str,
    script: impl Script + 'static,
) -> ElementId {
    let listening = listening(at);
    world.add_element(name, settings(number, &listening), &listening, script)
}

/// Where an element listens.
pub fn listening(at: &str) -> [(Transport, SocketAddr); 5] {
    let at = address(at);
    let port = |port| SocketAddr::new(at.ip(), port);
    [
        (Transport::Udp, at),
        (Transport::Tcp, at),
        (Transport::Tls, port(at.port() + 1)),
        (Transport::Ws, port(80)),
        (Transport::Wss, port(443)),
    ]
}

/// Adds a caller that sends everything by UDP to `hop`.
pub fn add_caller(world: &mut World, at: &str, hop: &str) -> PeerId<Uac> {
    add_caller_by(world, Transport::Udp, at, hop)
}

/// Adds a caller that sends everything by this transport to `hop`.
pub fn add_caller_by(world: &mut World, transport: Transport, at: &str, hop: &str) -> PeerId<Uac> {
    world.add_peer("caller", transport, address(at), Uac::new("alice", address(hop)))
}

/// Adds a callee at a UDP address.
pub fn add_callee(world: &mut World, at: &str, callee: Uas) -> PeerId<Uas> {
    add_callee_by(world, Transport::Udp, at, callee)
}

/// Adds a callee that listens by this transport at an address.
pub fn add_callee_by(world: &mut World, transport: Transport, at: &str, callee: Uas) -> PeerId<Uas> {
    world.add_peer(&format!("callee {at}"), transport, address(at), callee)
}

/// Adds a peer at a UDP address whose part the test plays itself.
pub fn add_inbox(world: &mut World, at: &str) -> PeerId<Inbox> {
    world.add_peer(&format!("inbox {at}"), Transport::Udp, address(at), Inbox::default())
}

/// Lets the caller call `sip:bob@b.example`. Says which of its calls that is.
pub fn call(world: &mut World, caller: PeerId<Uac>, plan: CallPlan) -> usize {
    world.with_peer(caller, |uac, api| uac.call(api, "sip:bob@b.example", plan))
}

/// An INVITE of Alice's through the relay, for an [`Inbox`] to send.
pub fn invite(branch: &str) -> String {
    request("INVITE", branch)
}

/// A request of Alice's through the relay, for an [`Inbox`] to send.
pub fn request(method: &str, branch: &str) -> String {
    format!(
        "{method} sip:bob@b.example SIP/2.0\r\nVia: SIP/2.0/UDP {ALICE};branch=z9hG4bK{branch};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@a.example>;tag=a1\r\nTo: <sip:bob@b.example>\r\n\
         Call-ID: {branch}\r\nCSeq: 1 {method}\r\nContact: <sip:alice@{ALICE}>\r\nContent-Length: 0\r\n\r\n"
    )
}

/// The answer to a request, with a To tag.
pub fn answer(request: &Message, status: u16, to_tag: &str) -> bytes::Bytes {
    let reason = oversip::message::reason_phrase(status).as_bytes();
    reply(request, status, reason, Some(to_tag.as_bytes()), &[], b"", b"")
}

/// The acceptance of an INVITE that makes a dialog by way of whoever has recorded its route. The Contact is that of Bob.
pub fn acceptance(invite: &Message, to_tag: &str) -> bytes::Bytes {
    let headers = oversip::message::Headers::from_message(invite);
    let routes = headers.list(oversip::message::HeaderName::RecordRoute);
    let mut lines: Vec<bytes::Bytes> =
        routes.map(|route| [b"Record-Route: ", route].concat().into()).collect();
    lines.push(format!("Contact: <sip:bob@{BOB}>").into());
    reply(invite, 200, b"OK", Some(to_tag.as_bytes()), &lines, b"", b"")
}

/// The first lines of all messages that were sent from one address to another, repeated ones included.
pub fn sent(world: &World, from: &str, to: &str) -> Vec<String> {
    let (from, to) = (address(from), address(to));
    let entries = world.record().entries().iter().filter(|entry| entry.from == from && entry.to == to);
    entries.map(Entry::first_line).collect()
}

/// Short names of the same messages: the method or the status.
pub fn story(world: &World, from: &str, to: &str) -> Vec<String> {
    let short = |line: String| {
        let mut words = line.split(' ');
        let first = words.next().unwrap_or_default().to_owned();
        if first == "SIP/2.0" {
            words.next().unwrap_or_default().to_owned()
        } else {
            first
        }
    };
    sent(world, from, to).into_iter().map(short).collect()
}

/// Nothing is left behind of what an element has done.
#[track_caller]
pub fn assert_all_quiet(world: &World, element: ElementId) {
    let gauges = world.element(element).gauges();
    let left = [
        ("server transactions", gauges.server_transactions),
        ("requests", gauges.requests),
        ("client transactions", gauges.client_transactions),
        ("Clients", gauges.clients),
        ("searches", gauges.searches),
        ("waiting for a probe", gauges.waiting_for_probe),
        ("waiting for DNS", gauges.waiting_for_dns),
        ("kept ACKs", gauges.kept_acks),
        ("kept CANCELs", gauges.kept_cancels),
        ("responses", gauges.responses),
        ("response bytes", gauges.response_bytes),
        ("timers", gauges.timers),
    ];
    let left: Vec<_> = left.into_iter().filter(|(_, number)| *number != 0).collect();
    assert!(left.is_empty(), "{left:?} are left; what was sent:\n{}", world.record());
}
