//! The engine relaying over real sockets, with the test in the place of the Ruby dispatcher.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use oversip::engine::Event;
use support::{Peer, Relay};

const INVITE: &str = "INVITE sip:bob@{relay} SIP/2.0\r\n\
    Via: SIP/2.0/UDP {self};branch=z9hG4bKcall1;rport\r\n\
    Max-Forwards: 70\r\nFrom: <sip:alice@a.example>;tag=a1\r\nTo: <sip:bob@b.example>\r\n\
    Call-ID: c1\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@{self}>\r\nContent-Length: 0\r\n\r\n";

#[test]
fn a_call_goes_through_and_its_responses_need_no_dispatcher() {
    let relay = Relay::start();
    let caller = Peer::udp();
    let callee = Peer::udp();
    caller.send(&INVITE.replace("{relay}", &relay.address()), relay.udp());
    relay.route_next_request_to(callee.address());
    assert!(caller.receive().starts_with("SIP/2.0 100 Trying\r\n"));
    let invite = callee.receive();
    assert!(invite.starts_with("INVITE sip:bob@"), "{invite}");
    assert!(invite.contains("Max-Forwards: 69\r\n"), "{invite}");
    assert_eq!(invite.matches("Via: ").count(), 2, "{invite}");
    assert!(invite.contains("\r\nRecord-Route: <sip:_"), "{invite}");
    callee.answer(&invite, "180 Ringing", ";tag=b1");
    callee.answer(&invite, "200 OK", ";tag=b1");
    let ringing = caller.receive();
    assert!(ringing.starts_with("SIP/2.0 180 Ringing\r\n"), "{ringing}");
    assert_eq!(ringing.matches("Via: ").count(), 1, "{ringing}");
    assert!(caller.receive().starts_with("SIP/2.0 200 OK\r\n"));
    assert!(relay.engine.events().is_empty());
    relay.eventually(|stats| stats.engine_relayed_responses == 2);
}

#[test]
fn a_repeated_2xx_goes_upstream_again_from_the_stored_bytes() {
    let relay = Relay::start();
    let (caller, callee) = (Peer::udp(), Peer::udp());
    caller.send(&INVITE.replace("{relay}", &relay.address()), relay.udp());
    relay.route_next_request_to(callee.address());
    caller.receive();
    let invite = callee.receive();
    callee.answer(&invite, "200 OK", ";tag=b1");
    let first = caller.receive();
    callee.answer(&invite, "200 OK", ";tag=b1");
    assert_eq!(caller.receive(), first);
}

#[test]
fn retransmissions_are_absorbed_and_a_cancel_is_remembered_while_the_dispatcher_is_busy() {
    let relay = Relay::start();
    let (caller, callee) = (Peer::udp(), Peer::udp());
    let invite = INVITE.replace("{relay}", &relay.address());
    for _ in 0..4 {
        caller.send(&invite, relay.udp());
    }
    // Nobody has taken the request for 200 ms: the engine itself says 100.
    assert!(caller.receive().starts_with("SIP/2.0 100 Trying\r\n"));
    let cancel = invite.replacen("INVITE", "CANCEL", 1).replace("CSeq: 1 INVITE", "CSeq: 1 CANCEL");
    caller.send(&cancel, relay.udp());
    assert!(caller.receive().starts_with("SIP/2.0 200 Cancelled\r\n"));
    assert_eq!(relay.engine.events().len(), 1);
    relay.route_next_request_to(callee.address());
    assert!(caller.receive_final().starts_with("SIP/2.0 487 Request Terminated\r\n"));
    callee.expect_nothing();
}

#[test]
fn timers_follow_the_clock_that_a_test_moves() {
    let relay = Relay::start();
    let (caller, callee) = (Peer::udp(), Peer::udp());
    relay.engine.testing().freeze();
    caller.send(&INVITE.replace("{relay}", &relay.address()), relay.udp());
    relay.route_next_request_to(callee.address());
    caller.receive();
    let invite = callee.receive();
    relay.engine.testing().advance(Duration::from_millis(500));
    assert_eq!(callee.receive(), invite);
    relay.engine.testing().advance(Duration::from_secs(1));
    assert_eq!(callee.receive(), invite);
    callee.expect_nothing();
    relay.engine.testing().advance(Duration::from_secs(31));
    assert!(caller.receive().starts_with("SIP/2.0 408 Client Timeout\r\n"));
}

#[test]
fn cancel_goes_downstream_and_the_487_comes_back() {
    let relay = Relay::start();
    let (caller, callee) = (Peer::udp(), Peer::udp());
    let invite = INVITE.replace("{relay}", &relay.address());
    caller.send(&invite, relay.udp());
    relay.route_next_request_to(callee.address());
    caller.receive();
    let forwarded = callee.receive();
    callee.answer(&forwarded, "180 Ringing", ";tag=b1");
    assert!(caller.receive().starts_with("SIP/2.0 180"));
    let cancel = invite
        .replacen("INVITE", "CANCEL", 1)
        .replace("CSeq: 1 INVITE", "CSeq: 1 CANCEL\r\nReason: SIP ;cause=200");
    caller.send(&cancel, relay.udp());
    assert!(caller.receive().starts_with("SIP/2.0 200 Cancelled"));
    let cancel = callee.receive();
    assert!(cancel.starts_with("CANCEL sip:bob@"), "{cancel}");
    assert!(cancel.contains("Reason: SIP ;cause=200\r\n"), "{cancel}");
    callee.answer(&cancel, "200 OK", ";tag=b1");
    callee.answer(&forwarded, "487 Request Terminated", ";tag=b1");
    assert!(caller.receive().starts_with("SIP/2.0 487 Request Terminated"));
    let ack = callee.receive();
    assert!(ack.starts_with("ACK sip:bob@"), "{ack}");
    let ack = invite.replacen("INVITE", "ACK", 1).replace("CSeq: 1 INVITE", "CSeq: 1 ACK");
    caller.send(&ack, relay.udp());
    callee.expect_nothing();
}

#[test]
fn a_refused_datagram_is_a_connection_error_at_once() {
    let relay = Relay::start();
    let caller = Peer::udp();
    let nobody = Peer::udp().address();
    caller.send(&INVITE.replace("{relay}", &relay.address()), relay.udp());
    relay.route_next_request_to(nobody);
    assert!(caller.receive_final().starts_with("SIP/2.0 500 Connection Error\r\n"));
}

#[test]
fn beyond_the_bound_new_requests_get_503_with_retry_after() {
    let relay = Relay::with_limits(2);
    let caller = Peer::udp();
    for call in 1..=3 {
        let invite = INVITE.replace("{relay}", &relay.address()).replace("call1", &format!("call{call}"));
        caller.send(&invite, relay.udp());
    }
    let refused = caller.receive_final();
    assert!(refused.starts_with("SIP/2.0 503 Service Unavailable\r\n"), "{refused}");
    assert!(refused.contains("Retry-After: 5\r\n"), "{refused}");
    assert_eq!(relay.engine.events().len(), 2);
}

#[test]
fn a_stopped_engine_refuses_new_requests_and_ends() {
    let relay = Relay::start();
    let caller = Peer::udp();
    relay.engine.set_status(oversip::element::Status::Terminating);
    caller.send(&INVITE.replace("{relay}", &relay.address()), relay.udp());
    assert!(caller.receive().starts_with("SIP/2.0 500 Server is Being Stopped\r\n"));
    assert!(relay.engine.stop(Duration::from_secs(5)).wait(Duration::from_secs(10)));
    assert!(matches!(relay.engine.wait_event(0), oversip::engine::Wake::Closed));
    assert!(relay.engine.events().pop().is_none_or(|event| !matches!(event, Event::Request(_))));
}

#[test]
fn ten_thousand_due_timers_do_not_keep_another_thread_from_the_engine() {
    let relay = Relay::start();
    let engine = &relay.engine;
    engine.testing().freeze();
    (0..10_000).for_each(|number| engine.schedule(number, Duration::from_secs(1)));
    let over = AtomicBool::new(false);
    let calls = std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut calls = 0;
            while !over.load(Ordering::Acquire) {
                engine.set_status(oversip::element::Status::Running);
                calls += 1;
            }
            calls
        });
        engine.testing().advance(Duration::from_secs(1));
        over.store(true, Ordering::Release);
        other.join().expect("the other thread")
    });
    assert_eq!(engine.events().len(), 10_000);
    assert!(calls > 100, "only {calls} calls came through");
    let stats = engine.stats();
    assert!(stats.holds >= 10_000 + calls, "one hold for each timer and each call: {stats:?}");
    assert!(!stats.longest_hold.is_zero());
}
