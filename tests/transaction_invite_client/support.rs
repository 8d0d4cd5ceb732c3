//! An INVITE client transaction, and what a test does to it.

use std::time::Duration;

use oversip::transaction::ClientEffect::SendRequest;
use oversip::transaction::{ClientEffect, InviteClient, Timings};

use crate::transaction_support::Bench;

pub type Ict = Bench<InviteClient>;

pub fn with(reliable: bool, b: u64, c: u64) -> Ict {
    let (bench, first) = Bench::start(|now| {
        InviteClient::new(now, reliable, &Timings::default(), Duration::from_secs(b), Duration::from_secs(c))
    });
    assert_eq!(first, [SendRequest]);
    bench
}

pub fn udp() -> Ict {
    with(false, 32, 120)
}

pub fn tcp() -> Ict {
    with(true, 32, 120)
}

pub fn respond(ict: &mut Ict, status: u16) -> Vec<ClientEffect> {
    ict.input(|machine, now| machine.response(now, status, Some(b"callee")))
}

pub fn cancel(ict: &mut Ict) -> Vec<ClientEffect> {
    ict.input(|machine, now| machine.cancel(now))
}

pub fn abandon(ict: &mut Ict) -> Vec<ClientEffect> {
    ict.input(|machine, now| machine.abandon(now))
}

pub fn cancel_answered(ict: &mut Ict, status: u16) -> Vec<ClientEffect> {
    ict.input(|machine, now| machine.cancel_response(now, status))
}

pub fn transport_failed(ict: &mut Ict) -> Vec<ClientEffect> {
    ict.input(|machine, now| machine.transport_failed(now))
}
