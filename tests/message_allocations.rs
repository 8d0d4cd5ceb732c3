//! How much memory reading and relaying take: counted by an allocator, in a binary of its own.

#[path = "message_support/mod.rs"]
mod message_support;

use std::time::Instant;

use allocation_counter::{measure, AllocationInfo};
use bytes::Bytes;
use oversip::message::{
    datagram, Datagram, HeaderName, Message, RequestSnapshot, ResponseSnapshot, StreamFramer,
};
use proptest::prelude::*;

/// A request with this many headers that the engine does not look into.
fn request(extra: usize) -> Bytes {
    let extra: String =
        (0..extra).map(|i| format!("X-Header-{i}: value of this header, number {i}\r\n")).collect();
    Bytes::from(format!(
        "INVITE sip:bob@biloxi.example.com;transport=udp SIP/2.0\r\n\
         Via: SIP/2.0/UDP proxy.example.com:5060;branch=z9hG4bK2d4790.1;rport\r\n\
         {extra}Max-Forwards: 69\r\n\
         From: \"Alice Liddell\" <sip:alice@example.com>;tag=9fxced76sl\r\n\
         To: Bob <sip:bob@biloxi.example.com>\r\n\
         Call-ID: 3848276298220188511\r\n\
         CSeq: 1 INVITE\r\n\
         Contact: <sip:alice@192.0.2.101:5060>\r\n\
         Content-Length: 0\r\n\r\n"
    ))
}

fn response(extra: usize) -> Bytes {
    let text = String::from_utf8(request(extra).to_vec()).expect("ASCII");
    let (_, headers) = text.split_once("\r\n").expect("a first line");
    Bytes::from(format!("SIP/2.0 180 Ringing\r\n{headers}"))
}

fn received(data: Bytes) -> Message {
    match datagram(data) {
        Datagram::Message(message) => message,
        other => panic!("no message: {other:?}"),
    }
}

/// What the engine does with a request between two sockets.
fn relay_request(data: Bytes) {
    let mut message = received(data);
    message.stamp_via("203.0.113.7:40123".parse().expect("an address"));
    let mut request = RequestSnapshot::from_message(&message).expect("a request");
    request.headers.replace(HeaderName::MaxForwards, b"68");
    request.headers.push_front(b"Record-Route", b"<sip:192.0.2.1;lr>");
    request.headers.push_front(b"Via", b"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabcdef;rport");
    assert!(!request.to_bytes().is_empty());
}

fn relay_response(data: Bytes) {
    let message = received(data);
    let mut response = ResponseSnapshot::from_message(&message).expect("a response");
    response.headers.remove_top_value(HeaderName::Via);
    assert!(!response.to_bytes().is_empty());
}

/// `work` on a message with few and with many headers.
fn measured(make: fn(usize) -> Bytes, work: fn(Bytes), extra: usize) -> AllocationInfo {
    let data = make(extra);
    measure(|| work(data))
}

#[test]
fn relaying_allocates_nothing_per_header() {
    for (make, work) in
        [(request as fn(usize) -> Bytes, relay_request as fn(Bytes)), (response, relay_response)]
    {
        let few = measured(make, work, 0);
        let usual = measured(make, work, 12);
        assert_eq!(few.count_total, usual.count_total);
        assert!(usual.count_total <= 16, "{usual:?}");
        // Only the lists of lines grow, by doubling: parsed lines and those to be sent.
        let many = measured(make, work, 500);
        assert!(many.count_total <= usual.count_total + 2 * 6, "{many:?} against {usual:?}");
    }
}

#[test]
fn reading_allocates_a_fixed_number_of_times() {
    let parse: fn(Bytes) = |data| drop(Message::parse(data).expect("valid"));
    assert_eq!(measured(request, parse, 0).count_total, measured(request, parse, 12).count_total);
    assert!(measured(request, parse, 12).count_total <= 5, "{:?}", measured(request, parse, 12));
    assert!(measured(response, parse, 12).count_total <= 5);
    // What a failure costs.
    let garbage: fn(Bytes) = |data| drop(datagram(data));
    assert_eq!(measured(|_| Bytes::from_static(b"\x16\x03\x01 no SIP at all"), garbage, 0).count_total, 0);
}

/// Bytes that may be held at once for this many bytes of input.
fn allowed(len: usize) -> u64 {
    // The worst is a list of the shortest Routes: some 70 bytes for each, doubled while the list grows.
    4096 + 32 * len as u64
}

#[track_caller]
fn assert_bounded(bytes: &[u8]) {
    let data = Bytes::copy_from_slice(bytes);
    let info = measure(|| drop(datagram(data)));
    assert!(info.bytes_max <= allowed(bytes.len()), "{info:?} for {} bytes", bytes.len());
    for size in [1, 700, usize::MAX] {
        let info = measure(|| {
            let mut framer = StreamFramer::new(1 << 20);
            for chunk in bytes.chunks(size) {
                framer.push(Instant::now(), chunk);
                while framer.next().is_some() {}
            }
        });
        assert!(
            info.bytes_max <= allowed(bytes.len()),
            "{info:?} for {} bytes, {size} at a time",
            bytes.len()
        );
    }
}

#[test]
fn widest_shapes_take_a_small_multiple_of_their_size() {
    for (before, repeated, after) in [
        ("", "a:\r\n", ""),
        ("Route: <sip:a>", ",<sip:a>", "\r\n"),
        ("Contact: <sip:a>", ",sip:a", "\r\n"),
        ("Contact: <sip:a>", ",sip:a", ",<tel:1>\r\n"),
        ("Via: a/a/a a", ",a/a/a a", "\r\n"),
        ("Require: a", ",a", "\r\n"),
        ("X: a", "\r\n b", "\r\n"),
        ("From: a", " a", " <sip:a>\r\n"),
        ("To: <sip:a>", ";a", "\r\n"),
        ("To: \"", "\\\"", "\" <sip:a>\r\n"),
        ("From: <sip:a", ";a", ">\r\n"),
        ("From: <sip:a?a=", "&a=", ">\r\n"),
        ("From: <sip:[:::", "1.1", "]>\r\n"),
    ] {
        for count in [10, 500, 4000] {
            let lines = format!("{before}{}{after}", repeated.repeat(count));
            assert_bounded(format!("OPTIONS sip:a SIP/2.0\r\n{lines}\r\n").as_bytes());
            assert_bounded(format!("OPTIONS sip:a SIP/2.0\r\n{before}{}", repeated.repeat(count)).as_bytes());
        }
    }
}

#[test]
fn announced_length_reserves_nothing() {
    let head = String::from_utf8(request(0).to_vec()).expect("ASCII").replace("Length: 0", "Length: 1000000");
    assert_bounded(head.as_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn random_bytes_take_a_small_multiple_of_their_size(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        assert_bounded(&bytes);
    }

    #[test]
    fn shuffled_pieces_of_messages_take_a_small_multiple_of_their_size(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..300)
    ) {
        assert_bounded(pieces.concat().as_bytes());
        assert_bounded(format!("OPTIONS sip:a SIP/2.0\r\nRoute: <sip:a>\r\n{}\r\n", pieces.concat()).as_bytes());
    }
}

const PIECES: &[&str] = &[
    "OPTIONS sip:a SIP/2.0\r\n",
    "Via: SIP/2.0/UDP a",
    "Route: ",
    "m: ",
    "<sip:a@b;c=d?e=f>",
    ",",
    ";",
    "=",
    "\r\n",
    "\r\n ",
    "\r\n\r\n",
    "\"",
    "\\",
    "From: ",
    "CSeq: 1 X",
    "i:x",
    "l: 9",
    "Supported: a",
    "[::1]",
    "%41",
    "\u{e4}",
    " ",
];
