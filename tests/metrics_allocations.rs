//! What figures cost a call: nothing that is known already takes memory.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use oversip::element::{AttemptEnd, Happening, ObservedRequest, Responder, Word};
use oversip::message::{Method, Transport};
use oversip::metrics::Metrics;
use oversip::observed::{BlockRun, Direction, Fate, ObservedMessage};
use oversip::resolve::Target;

fn message(now: Instant, direction: Direction, status: Option<u16>) -> ObservedMessage<'static> {
    ObservedMessage {
        at: now,
        direction,
        transport: Transport::Udp,
        local: None,
        remote: SocketAddr::from(([192, 0, 2, 1], 5060)),
        connection: None,
        fate: Fate::Sent,
        method: b"INVITE",
        status,
        call_id: Some(b"a"),
        head: b"",
        body: b"",
    }
}

/// All that is told of one relayed call.
fn call(metrics: &Metrics, now: Instant) {
    let of = || ObservedRequest {
        method: Method::Invite,
        branch: Word::from(&b"z9hG4bK1"[..]),
        call_id: Some(Word::from(&b"a"[..])),
    };
    let target = Target::new(Transport::Udp, [192, 0, 2, 9].into(), 5060);
    let (by, after) = (Responder::Relayed, Some(Duration::from_millis(20)));
    for (direction, status) in [
        (Direction::In, None),
        (Direction::Out, None),
        (Direction::In, Some(180)),
        (Direction::Out, Some(180)),
        (Direction::In, Some(486)),
        (Direction::Out, Some(486)),
    ] {
        metrics.message(&message(now, direction, status));
    }
    let happened = [
        Happening::Received { of: of(), call: true },
        Happening::Attempt { target, of: of() },
        Happening::Progress { of: of(), status: 180, by, after, call: true },
        Happening::AttemptEnded { target, of: of(), end: AttemptEnd::Answered(486), took: Duration::ZERO },
        Happening::Answered { of: of(), status: 486, by, after, call: true, cancelled: false },
    ];
    happened.iter().for_each(|happening| metrics.happened(happening));
    metrics.block_ran(&BlockRun {
        event: "on_request",
        method: b"INVITE",
        call_id: Some(b"a"),
        file: "server.rb",
        line: 12,
        began: now,
        ended: now + Duration::from_millis(1),
        exception: None,
    });
    metrics.waited(Duration::from_micros(50));
}

#[test]
fn a_call_like_those_before_takes_no_memory() {
    let (metrics, now) = (Metrics::default(), Instant::now());
    call(&metrics, now);
    let counted = allocation_counter::measure(|| call(&metrics, now));
    assert_eq!((counted.count_total, counted.bytes_current), (0, 0));
    assert_eq!((metrics.calls().begun, metrics.blocks()[0].runs.count), (2, 2));
}
