//! What it costs to keep a call: a ring that is full takes the memory of the call that goes for the one that comes. Counted by an
//! allocator, in a binary of its own.

use std::time::{Duration, Instant, SystemTime};

use allocation_counter::measure;
use oversip::element::{Happening, ObservedRequest, Responder, Word};
use oversip::message::{Method, Transport};
use oversip::observed::{Fate, FiveTuple, ObservedMessage};
use oversip::resolve::Target;
use oversip::trace::{Ring, TraceLimits};

/// What the ring is told of a call: its messages, and what has happened.
struct Call {
    messages: Vec<Vec<u8>>,
    happenings: Vec<Happening>,
}

impl Call {
    /// One with messages that begin with these lines.
    fn new(
        number: usize,
        lines: &[&str],
        method: &Method,
        happening: impl Fn(ObservedRequest) -> Happening,
    ) -> Call {
        let name = format!("3848276298220188511-{number:08x}@a.example");
        let filling = "x".repeat(600);
        let message = |line: &&str| {
            format!("{line}\r\nCall-ID: {name}\r\nCSeq: 1 INVITE\r\nSubject: {filling}\r\n\r\n").into()
        };
        let (branch, call_id) = (Word::from(&b"z9hG4bK-1"[..]), Some(Word::from(name.as_bytes())));
        let of = ObservedRequest { method: method.clone(), branch, call_id };
        Call { messages: lines.iter().map(message).collect(), happenings: vec![happening(of); 10] }
    }

    fn keep(&self, ring: &mut Ring, now: Instant) {
        let address = "192.0.2.1:5060".parse().expect("an address");
        let between =
            FiveTuple { transport: Transport::Udp, local: Some(address), remote: address, connection: None };
        for wire in &self.messages {
            ring.message(&ObservedMessage::sent(now, wire, between, Fate::Sent));
        }
        for happening in &self.happenings {
            ring.happened(now + Duration::from_millis(1), happening);
        }
    }
}

/// A ring that is full takes no memory for a call but for its name.
fn assert_name_alone(call: impl Fn(usize) -> Call) {
    let now = Instant::now();
    let limits = TraceLimits { calls: 100, bytes: 16 << 20, sample: 1.0 };
    let mut ring = Ring::new(limits, now, SystemTime::UNIX_EPOCH, [1, 2, 3, 4]);
    (0..200).for_each(|number| call(number).keep(&mut ring, now));
    let rest: Vec<Call> = (200..300).map(call).collect();
    let allocated = measure(|| rest.iter().for_each(|call| call.keep(&mut ring, now)));
    println!("{} allocations of {} bytes for 100 calls", allocated.count_total, allocated.bytes_total);
    assert_eq!(allocated.count_total, 100);
    assert_eq!(ring.summary(now).calls, 100);
}

#[test]
fn what_is_no_call_takes_the_place_of_another_one_and_allocates_its_name_alone() {
    assert_name_alone(|number| {
        let bye = ["BYE sip:b SIP/2.0"; 13];
        Call::new(number, &bye, &Method::Bye, |of| Happening::Received { of, call: false })
    });
}

#[test]
fn a_call_that_is_refused_at_once_allocates_its_name_alone() {
    assert_name_alone(|number| {
        let lines =
            ["INVITE sip:b SIP/2.0", "SIP/2.0 100 Trying", "SIP/2.0 403 Forbidden", "ACK sip:b SIP/2.0"];
        Call::new(number, &lines, &Method::Invite, |of| Happening::Answered {
            of,
            status: 403,
            by: Responder::Script,
            after: None,
            call: true,
            cancelled: false,
        })
    });
}

#[test]
fn a_call_that_is_routed_allocates_its_name_alone() {
    assert_name_alone(|number| {
        let target = Target::new(Transport::Udp, [192, 0, 2, 9].into(), 5060);
        let lines = ["INVITE sip:b SIP/2.0", "SIP/2.0 100 Trying", "INVITE sip:c SIP/2.0"];
        Call::new(number, &lines, &Method::Invite, |of| Happening::Attempt { target, of })
    });
}

#[test]
fn what_a_ring_says_to_take_counts_the_places_of_calls_that_went_too() {
    let now = Instant::now();
    let limits = TraceLimits { calls: 1000, bytes: 16 << 20, sample: 1.0 };
    let mut ring = Ring::new(limits, now, SystemTime::UNIX_EPOCH, [1, 2, 3, 4]);
    let target = Target::new(Transport::Udp, [192, 0, 2, 9].into(), 5060);
    let received = |of| Happening::Received { of, call: false };
    let taken = measure(|| {
        for number in 0..1000 {
            Call::new(number, &["OPTIONS sip:b SIP/2.0"], &Method::Options, received).keep(&mut ring, now);
        }
        for number in 1000..3000 {
            Call::new(number, &["INVITE sip:b SIP/2.0"], &Method::Invite, received).keep(&mut ring, now);
        }
        for number in 3000..5000 {
            let attempt = |of| Happening::Attempt { target, of };
            Call::new(number, &["INVITE sip:b SIP/2.0"], &Method::Invite, attempt).keep(&mut ring, now);
        }
    });
    let (taken, said) = (taken.bytes_current as usize, ring.bytes());
    println!("{taken} bytes are taken, {said} it says");
    assert!((taken..taken + taken / 4).contains(&said), "{said} bytes, and {taken} are taken");
}
