//! What a relayed call costs in memory: how often the element allocates for it, and how many bytes it holds while the transactions
//! wait for their timers. Counted by an allocator, in a binary of its own.
//!
//! `cargo test --test element_allocations -- --nocapture` prints the counts. Reading the messages and the work of the script's side
//! on their way belong to the cost of a call; what the caller and the callee allocate does not.

mod element_support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use allocation_counter::{measure, opt_out, AllocationInfo};
use bytes::Bytes;
use element_support::*;
use oversip::client::session::Role;
use oversip::client::{Destination, IncomingFlow, Profile};
use oversip::element::{
    AnchorId, Element, Input, Origin, Output, ProxyHeaders, ReceivedRequest, Round, RoundEnd, RouteRequest,
    ScriptEvent, Status,
};
use oversip::message::{datagram, reply, Arrival, HeaderName, Message, RequestSnapshot, Source, Transport};
use oversip::random::Random;

/// So many calls that the tables of the element are filled as they are on average.
const CALLS: usize = 1300;

/// The session description that either side sends.
const SDP: &str =
    "v=0\r\no=user1 53655765 2353687637 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\n\
                   m=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

/// An element with a script that relays.
struct Relay {
    element: Element,
    now: Instant,
    profile: Arc<Profile>,
    /// The classes of events that the script has blocks for.
    blocks: u8,
    /// What was sent for the last message. There is room for it before anything is counted.
    sent: Sent,
}

/// Messages, one behind the other.
struct Sent {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Sent {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn push(&mut self, wire: &[u8]) {
        self.bytes.extend_from_slice(wire);
        self.ends.push(self.bytes.len());
    }

    /// The message that was sent last.
    fn last(&self) -> Message {
        let start = self.ends.iter().rev().nth(1).copied().unwrap_or(0);
        let wire = Bytes::copy_from_slice(&self.bytes[start..]);
        Message::parse(wire).expect("a valid message").0
    }
}

impl Relay {
    fn new(blocks: u8) -> Relay {
        let now = Instant::now();
        let settings = settings(1, &listening(RELAY));
        let mut element = Element::new(Arc::new(settings), now, Random::from_number(1));
        element.set_status(Status::Running);
        let sent = Sent { bytes: Vec::with_capacity(1 << 16), ends: Vec::with_capacity(16) };
        Relay { element, now, profile: Arc::new(profile()), blocks, sent }
    }

    /// A datagram comes.
    fn receive(&mut self, from: &str, bytes: &[u8]) {
        self.sent.clear();
        let (remote, local): (SocketAddr, SocketAddr) = (address(from), address(RELAY));
        let source = Source { transport: Transport::Udp, remote, local, connection: None, inbound: true };
        for arrival in datagram(Bytes::copy_from_slice(bytes)).arrivals(&source) {
            let Arrival::Message(message) = arrival else { panic!("no message: {arrival:?}") };
            self.element.handle(self.now, Input::Message { message, source, hold: None });
            self.carry_out();
        }
    }

    /// Time passes.
    fn advance(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.element.next_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.element.handle(self.now, Input::Timeout);
            self.carry_out();
            self.sent.clear();
        }
        self.now = until;
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.element.poll() {
            match output {
                Output::Send { wire, .. } | Output::Respond { wire, .. } => self.sent.push(&wire),
                Output::Script(ScriptEvent::Request(request)) => self.on_request(&request),
                Output::Script(ScriptEvent::Round(round)) => self.run(Some(*round)),
                _ => {}
            }
        }
    }

    /// The blocks of these rounds do nothing.
    fn run(&mut self, first: Option<Round>) {
        let mut next = first;
        while let Some(Round { client, route, .. }) = next {
            next = self.element.round_done(self.now, client, route, RoundEnd::default());
        }
    }

    /// Sends a new call to Bob, and requests of its dialog where they say.
    fn on_request(&mut self, request: &Arc<ReceivedRequest>) {
        let client = self.element.new_client(self.blocks);
        let ask = self.forwarding(client, request);
        let first = self.element.route(self.now, ask).expect("it is nested in no other one");
        self.run(first);
        self.element.release_client(client);
        self.element.request_done(self.now, request.id);
        self.element.release_request(request.id);
    }

    fn forwarding(
        &mut self,
        client: oversip::element::ClientId,
        request: &Arc<ReceivedRequest>,
    ) -> RouteRequest {
        let message = &request.message;
        let mut snapshot = RequestSnapshot::from_message(message).expect("a request");
        let loose = self.element.loose_route(request);
        for _ in 0..loose.strip {
            snapshot.headers.remove_top_value(HeaderName::Route);
        }
        assert_eq!(loose.incoming, IncomingFlow::None, "the request goes to Bob, who has no flow");
        let initial = message.to_tag().is_none();
        let destination = match initial {
            true => udp(BOB),
            false => Destination::of_proxied(None, None, &snapshot),
        };
        RouteRequest {
            client,
            role: Role::Proxy,
            profile: self.profile.clone(),
            request: snapshot,
            antiloop_id: Some(request.antiloop_id),
            origin: Origin::Network(request.clone()),
            proxy_headers: Some(ProxyHeaders {
                max_forwards: 69,
                initial,
                outgoing_outbound: loose.outgoing_outbound,
                incoming_outbound: None,
            }),
            destination,
            restore: Default::default(),
            sips: false,
            credentials: Vec::new(),
            caller: None,
            anchor: AnchorId::NOTHING,
            inline: true,
            depth: 0,
        }
    }

    /// A call that is accepted and hung up by its caller at once.
    fn relay_call(&mut self, number: usize) {
        let mut peers = Vec::new();
        opt_out(|| peers.push(invite(number)));
        self.receive(ALICE, peers[0].as_bytes());
        assert_eq!(self.sent.ends.len(), 2, "100 to Alice, INVITE to Bob");
        opt_out(|| peers.extend(answers(&self.sent.last())));
        for answer in &peers[1..=3] {
            self.receive(BOB, answer.as_bytes());
        }
        opt_out(|| peers.extend([within("ACK", 1, &self.sent.last()), within("BYE", 2, &self.sent.last())]));
        self.receive(ALICE, peers[4].as_bytes());
        self.receive(ALICE, peers[5].as_bytes());
        opt_out(|| {
            let bye = self.sent.last();
            peers.push(text(&reply(&bye, 200, b"OK", None, &[], b"", b"Bob/1.0")));
        });
        self.receive(BOB, peers[6].as_bytes());
        opt_out(|| {
            assert_eq!(self.sent.last().status(), Some(200), "the caller's BYE is answered");
            drop(peers);
        });
    }

    /// Relays so many calls. Says what was allocated for them.
    fn relay_calls(&mut self) -> AllocationInfo {
        measure(|| (0..CALLS).for_each(|number| self.relay_call(number)))
    }
}

fn text(wire: &Bytes) -> String {
    String::from_utf8(wire.to_vec()).expect("text")
}

fn invite(number: usize) -> String {
    format!(
        "INVITE sip:bob@b.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP {ALICE};branch=z9hG4bK-524287-1---{number:08x};rport\r\n\
         Max-Forwards: 70\r\n\
         Contact: <sip:alice@{ALICE};transport=udp>\r\n\
         To: <sip:bob@b.example>\r\n\
         From: \"Alice\" <sip:alice@a.example>;tag=a{number:08x}\r\n\
         Call-ID: 3848276298220188511-{number:08x}@a.example\r\n\
         CSeq: 1 INVITE\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE\r\n\
         Content-Type: application/sdp\r\n\
         Supported: replaces, outbound\r\n\
         User-Agent: Alice/1.0\r\n\
         Content-Length: {}\r\n\r\n{SDP}",
        SDP.len()
    )
}

/// 100, 180 and 200 of Bob.
fn answers(invite: &Message) -> [String; 3] {
    let mut lines: Vec<Bytes> = invite
        .header_all(HeaderName::RecordRoute)
        .map(|route| [b"Record-Route: ", route].concat().into())
        .collect();
    lines.push(format!("Contact: <sip:bob@{BOB}>").into());
    let answer = |status, reason: &[u8], tag, lines: &[Bytes], body: &[u8]| {
        text(&reply(invite, status, reason, tag, lines, body, b"Bob/1.0"))
    };
    let trying = answer(100, b"Trying", None, &[], b"");
    let ringing = answer(180, b"Ringing", Some(b"b5309".as_slice()), &lines, b"");
    lines.push(Bytes::from_static(b"Content-Type: application/sdp"));
    let ok = answer(200, b"OK", Some(b"b5309".as_slice()), &lines, SDP.as_bytes());
    [trying, ringing, ok]
}

/// A request of Alice's in the dialog that the 200 has made.
fn within(method: &str, cseq: u32, ok: &Message) -> String {
    let value = |value: Option<&[u8]>| String::from_utf8_lossy(value.unwrap_or_default()).into_owned();
    let routes: Vec<String> = ok
        .header_all(HeaderName::RecordRoute)
        .map(|route| format!("Route: {}\r\n", String::from_utf8_lossy(route)))
        .collect();
    let (from, to, call_id) = (value(ok.from_value()), value(ok.to_value()), value(ok.call_id()));
    let tag = value(ok.from_tag());
    format!(
        "{method} sip:bob@{BOB} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {ALICE};branch=z9hG4bK-524287-{cseq}---{tag};rport\r\n\
         Max-Forwards: 70\r\n{}\
         From: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
         User-Agent: Alice/1.0\r\nContent-Length: 0\r\n\r\n",
        routes.concat()
    )
}

fn all_blocks() -> u8 {
    CallbackClass::ALL.iter().fold(0, |bits, class| bits | class.bit())
}

/// So many of something for each call.
fn per_call(number: i64) -> f64 {
    number as f64 / CALLS as f64
}

#[test]
fn a_relayed_call_allocates_so_often() {
    for (script, blocks, most) in [("without blocks", 0, 81.0), ("with all blocks", all_blocks(), 84.0)] {
        let all = Relay::new(blocks).relay_calls();
        let allocations = per_call(all.count_total as i64);
        let bytes = per_call(all.bytes_total as i64);
        println!("a call {script}: {allocations:.1} allocations of {bytes:.0} bytes together");
        assert!(allocations <= most, "{allocations} allocations a call {script}, {most} at most");
    }
}

#[test]
fn a_call_that_is_over_holds_so_many_bytes_until_its_transactions_end() {
    let mut relay = Relay::new(0);
    let mut held = relay.relay_calls();
    // Timer K is over after 5 s: the client transaction of the BYE has ended. The other three last 32 s. What is there after them
    // is the room of the tables.
    for (after, most) in [(0, 9_200.0), (6, 7_800.0), (40, 700.0)] {
        let more = measure(|| relay.advance(seconds(after)));
        held.bytes_current += more.bytes_current;
        held.count_current += more.count_current;
        let (bytes, pieces) = (per_call(held.bytes_current), per_call(held.count_current));
        println!("a call, {after} s after its end: {bytes:.0} bytes in {pieces:.1} pieces");
        assert!(bytes <= most, "{bytes} bytes a call {after} s after its end, {most} at most");
    }
}
