//! A limit for the first response that is below timer B.

use std::time::Duration;

use oversip::transaction::ClientEffect::{
    InviteTimeout, Response, SendAck, SendCancel, SendRequest, SwallowedFinal, Terminated, Timeout,
};

use crate::support::*;
use crate::transaction_support::times;

/// An INVITE that may wait for a first response 5 s.
fn limited() -> Ict {
    let mut ict = udp();
    let limit = Duration::from_secs(5);
    assert!(ict.input(|machine, now| machine.limit_calling(now, limit, Duration::from_secs(32))).is_empty());
    ict
}

#[test]
fn a_limit_below_timer_b_ends_the_wait_and_the_retransmissions_but_not_the_transaction() {
    let mut ict = limited();
    let seen = ict.advance_to(31_900);
    assert_eq!(times(&seen, &SendRequest), [500, 1500, 3500]);
    assert_eq!(seen[3..], [(5000, Timeout)]);
    assert_eq!(ict.advance_to(200_000), [(32_000, Terminated)], "nobody is told twice");
}

#[test]
fn a_callee_that_rings_after_the_limit_is_cancelled() {
    let mut ict = limited();
    ict.advance_to(6000);
    assert_eq!(respond(&mut ict, 180), [SendCancel], "the core hears nothing of it");
    assert_eq!(respond(&mut ict, 487), [SendAck, SwallowedFinal]);
}

#[test]
fn a_2xx_after_the_limit_is_passed_up() {
    let mut ict = limited();
    ict.advance_to(6000);
    assert_eq!(respond(&mut ict, 200), [Response]);
}

#[test]
fn a_provisional_response_before_the_limit_leaves_the_call_to_timer_c() {
    let mut ict = limited();
    assert_eq!(respond(&mut ict, 180), [Response]);
    assert_eq!(times(&ict.advance_to(200_000), &InviteTimeout), [120_000]);
}

#[test]
fn an_invite_cancelled_before_the_limit_tells_of_it_and_cancels_what_rings_later() {
    let mut ict = limited();
    cancel(&mut ict);
    assert_eq!(times(&ict.advance_to(6000), &Timeout), [5000]);
    assert_eq!(respond(&mut ict, 180), [SendCancel]);
}
