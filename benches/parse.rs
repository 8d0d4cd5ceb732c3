//! Cost of reading and writing ordinary messages.

#![allow(missing_docs)] // The macros of criterion make public functions.

mod messages;

use std::hint::black_box;

use bytes::Bytes;
use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use messages::{INVITE, OK};
use oversip::message::{headerize, Message, RequestSnapshot, ResponseSnapshot};

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

/// What the boundary asks of the core for the `headers` Hash of a script: every value with its canonical name.
fn headers(c: &mut Criterion) {
    let mut group = c.benchmark_group("headers");
    for (name, text) in [("invite", INVITE), ("ok", OK)] {
        let message = Message::parse(Bytes::from_static(text)).expect("valid").0;
        group.bench_function(name, |b| {
            b.iter(|| {
                for (_, name, value) in black_box(&message).values() {
                    black_box((headerize(name), value));
                }
            });
        });
    }
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

criterion_group!(benches, parse, serialise, headers, forward);
criterion_main!(benches);
