//! Any bytes as a datagram and as a head: nothing panics, and what parses can be read, forwarded and read again.
#![no_main]

#[path = "../../tests/message_support/mod.rs"]
mod message_support;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use message_support::{forward, refuse, round_trip, touch};
use oversip::message::{datagram, Datagram, ParseProgress, Parser};

fuzz_target!(|data: &[u8]| {
    let buf = Bytes::copy_from_slice(data);
    let mut parser = Parser::new();
    let progress = parser.feed(&buf);
    let mut halves = Parser::new();
    let halved = match halves.feed(&data[..data.len() / 2]) {
        ParseProgress::Incomplete => halves.feed(data),
        progress => progress,
    };
    assert_eq!(halved, progress);
    let _ = (parser.started(&buf), parser.partial(&buf).map(|partial| partial.values().count()));
    if let ParseProgress::Head { len } = progress {
        let message = parser.take(buf.clone()).expect("complete");
        assert_eq!(message.head_bytes().len(), len);
        touch(&message);
        round_trip(&message);
        forward(&message);
    }
    let mut found = Some(datagram(buf));
    while let Some(content) = found.take() {
        match content {
            Datagram::Message(message) => round_trip(&message),
            Datagram::Refused { request, reason, .. } => refuse(&request, &reason),
            Datagram::Keepalive { then } => found = then.map(|content| *content),
            _ => {}
        }
    }
});
