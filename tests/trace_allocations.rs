//! What it costs to keep a call: a ring that is full takes the memory of the call that goes for the one that comes. Counted by an
//! allocator, in a binary of its own.

use std::time::{Duration, Instant, SystemTime};

use allocation_counter::measure;
use oversip::element::{Happening, ObservedRequest, Word};
use oversip::message::{Method, Transport};
use oversip::observed::{Fate, FiveTuple, ObservedMessage};
use oversip::trace::{Ring, TraceLimits};

/// A call of thirteen messages and ten other things.
fn keep_call(ring: &mut Ring, now: Instant, wire: &[u8], happening: &Happening) {
    let address = "192.0.2.1:5060".parse().expect("an address");
    let between =
        FiveTuple { transport: Transport::Udp, local: Some(address), remote: address, connection: None };
    for number in 0..23 {
        let at = now + Duration::from_millis(number);
        match number {
            0..13 => ring.message(&ObservedMessage::sent(at, wire, between, Fate::Sent)),
            _ => ring.happened(at, happening),
        }
    }
}

#[test]
fn a_call_that_takes_the_place_of_another_one_allocates_its_name_alone() {
    let now = Instant::now();
    let limits = TraceLimits { calls: 100, bytes: 16 << 20, sample: 1.0 };
    let mut ring = Ring::new(limits, now, SystemTime::UNIX_EPOCH, [1, 2, 3, 4]);
    let calls: Vec<(Vec<u8>, Happening)> = (0..300)
        .map(|call| {
            let name = format!("3848276298220188511-{call:08x}@a.example");
            let filling = "x".repeat(600);
            let wire = format!("BYE sip:b SIP/2.0\r\nCall-ID: {name}\r\nSubject: {filling}\r\n\r\n");
            let (branch, call_id) = (Word::from(&b"z9hG4bK-1"[..]), Some(Word::from(name.as_bytes())));
            (
                wire.into(),
                Happening::Received {
                    of: ObservedRequest { method: Method::Bye, branch, call_id },
                    call: false,
                },
            )
        })
        .collect();
    let (first, rest) = calls.split_at(200);
    first.iter().for_each(|(wire, happening)| keep_call(&mut ring, now, wire, happening));
    let allocated = measure(|| {
        rest.iter().for_each(|(wire, happening)| keep_call(&mut ring, now, wire, happening));
    });
    println!("{} allocations of {} bytes for 100 calls", allocated.count_total, allocated.bytes_total);
    assert_eq!(allocated.count_total, 100);
    assert_eq!(ring.summary(now).calls, 100);
}
