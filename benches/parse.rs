//! Cost of reading and writing ordinary messages.

#![allow(missing_docs)] // The macros of criterion make public functions.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use oversip::message::{Message, RequestSnapshot, ResponseSnapshot};

/// An INVITE of a desk phone through one proxy, about 700 bytes without its body.
const INVITE: &[u8] = b"INVITE sip:bob@biloxi.example.com;transport=udp SIP/2.0\r\n\
Via: SIP/2.0/UDP proxy.atlanta.example.com:5060;branch=z9hG4bK2d4790.1;rport\r\n\
Via: SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bK74b43;received=203.0.113.7;rport=40123\r\n\
Record-Route: <sip:proxy.atlanta.example.com;lr>\r\n\
Max-Forwards: 69\r\n\
From: \"Alice Liddell\" <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\n\
To: Bob <sip:bob@biloxi.example.com>\r\n\
Call-ID: 3848276298220188511@atlanta.example.com\r\n\
CSeq: 1 INVITE\r\n\
Contact: <sip:alice@192.0.2.101:5060;transport=udp>;expires=300\r\n\
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, REFER, NOTIFY\r\n\
Supported: replaces, outbound, path\r\n\
User-Agent: ExamplePhone 4.2\r\n\
Content-Type: application/sdp\r\n\
Content-Length: 0\r\n\r\n";

const OK: &[u8] = b"SIP/2.0 200 OK\r\n\
Via: SIP/2.0/UDP proxy.example.com:5060;branch=z9hG4bK2d4790\r\n\
From: <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\n\
To: <sip:bob@biloxi.example.com>;tag=8321234356\r\n\
Call-ID: 3848276298220188511@example.com\r\n\
CSeq: 1 INVITE\r\n\
Contact: <sip:bob@client.example.com>\r\n\
Content-Length: 0\r\n\r\n";

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    for (name, text) in [("invite", INVITE), ("ok", OK)] {
        let bytes = Bytes::from_static(text);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |b| b.iter(|| Message::parse(black_box(bytes.clone())).map(|(m, _)| m)));
    }
}

fn serialise(c: &mut Criterion) {
    let read = |text| Message::parse(Bytes::from_static(text)).expect("valid").0;
    let invite = RequestSnapshot::from_message(&read(INVITE)).expect("a request");
    let ok = ResponseSnapshot::from_message(&read(OK)).expect("a response");
    let mut group = c.benchmark_group("serialise");
    group.bench_function("invite", |b| b.iter(|| black_box(&invite).to_bytes()));
    group.bench_function("ok", |b| b.iter(|| black_box(&ok).to_bytes()));
}

fn forward(c: &mut Criterion) {
    let message = Message::parse(Bytes::from_static(INVITE)).expect("valid").0;
    let source = "203.0.113.7:40123".parse().expect("an address");
    c.bench_function("stamp, snapshot, edit, serialise an invite", |b| {
        b.iter(|| {
            let mut message = message.clone();
            message.stamp_via(source);
            let mut request = RequestSnapshot::from_message(&message).expect("a request");
            request.headers.replace(oversip::message::HeaderName::MaxForwards, b"68");
            request.headers.push_front(b"Via", b"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabcdef;rport");
            request.to_bytes()
        });
    });
}

criterion_group!(benches, parse, serialise, forward);
criterion_main!(benches);
