//! While the clock of an engine stands no time passes, but what is due goes on.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use oversip::host::Client;
use support::{Peer, Relay};

/// More requests than one step deals with.
const CALLS: usize = 40;

fn invite(relay: &Relay, call: usize) -> String {
    format!(
        "INVITE sip:bob@{} SIP/2.0\r\nVia: SIP/2.0/UDP {{self}};branch=z9hG4bK{call};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@a.example>;tag=a\r\nTo: <sip:bob@b.example>\r\n\
         Call-ID: {call}\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@{{self}}>\r\nContent-Length: 0\r\n\r\n",
        relay.address()
    )
}

#[test]
fn what_a_call_has_for_many_requests_happens_though_no_time_passes() {
    let relay = Relay::start();
    relay.engine.testing().freeze();
    let (caller, callee) = (Peer::udp(), Peer::udp());
    let shared = Arc::<Client>::default();
    for call in 0..CALLS {
        caller.send(&invite(&relay, call), relay.udp());
        relay.route_next_request_by(&shared, callee.address());
        callee.answer(&callee.receive(), "180 Ringing", ";tag=b");
        while !caller.receive().starts_with("SIP/2.0 180") {}
    }
    relay.engine.clients().cancel(&shared, None);
    let cancels: BTreeSet<String> = (0..CALLS).map(|_| callee.receive()).collect();
    assert_eq!(cancels.len(), CALLS);
    assert!(cancels.iter().all(|message| message.starts_with("CANCEL ")), "{cancels:?}");
}
