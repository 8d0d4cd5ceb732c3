//! CANCEL, timer C and branches that are given up (RFC 3261 9.1, 16.8, 16.10).

use oversip::transaction::ClientEffect::{
    CancelTimeout, InviteTimeout, Response, SendAck, SendCancel, SendRequest, SwallowedFinal, Terminated,
    Timeout, TransportFailed,
};
use oversip::transaction::Timer;

use crate::support::*;
use crate::transaction_support::times;

#[test]
fn a_cancel_after_a_provisional_goes_at_once_and_only_once() {
    let mut ict = udp();
    respond(&mut ict, 180);
    ict.advance_to(1000);
    assert!(!ict.machine.is_canceled());
    assert_eq!(cancel(&mut ict), [SendCancel]);
    assert!(ict.machine.is_canceled());
    assert_eq!(cancel(&mut ict), []);
    assert_eq!(ict.armed(), [(Timer::CancelE, 1500), (Timer::CancelWait, 33_000)]);
}

#[test]
fn a_cancel_before_any_provisional_waits_for_one() {
    let mut ict = udp();
    ict.advance_to(100);
    assert_eq!(cancel(&mut ict), []);
    assert!(ict.machine.is_canceled());
    let seen = ict.advance_to(4000);
    assert_eq!(times(&seen, &SendRequest), [500, 1500, 3500], "the INVITE draws the provisional out");
    assert_eq!(respond(&mut ict, 100), [SendCancel]);
    assert_eq!(respond(&mut ict, 180), [Response], "the core decides what becomes of a late 180");
    assert_eq!(cancel(&mut ict), []);
}

#[test]
fn a_held_cancel_is_forgotten_when_a_final_response_comes_first() {
    let mut ict = udp();
    cancel(&mut ict);
    assert_eq!(respond(&mut ict, 486), [SendAck, Response]);
    assert_eq!(ict.armed(), [(Timer::D, 32_000)]);

    let mut ict = udp();
    cancel(&mut ict);
    assert_eq!(respond(&mut ict, 200), [Response]);
    assert_eq!(ict.armed(), [(Timer::M, 32_000)]);
}

#[test]
fn a_held_cancel_does_not_hide_that_the_peer_never_answered() {
    let mut ict = udp();
    cancel(&mut ict);
    let seen = ict.advance_to(200_000);
    assert!(times(&seen, &SendCancel).is_empty());
    assert_eq!(seen[6..], [(32_000, Timeout), (32_000, Terminated)]);
}

#[test]
fn a_held_cancel_does_not_hide_a_transport_failure() {
    let mut ict = udp();
    cancel(&mut ict);
    assert_eq!(transport_failed(&mut ict), [TransportFailed, Terminated]);
}

#[test]
fn an_unanswered_cancel_is_retransmitted_like_a_non_invite_for_64_t1() {
    let mut ict = udp();
    respond(&mut ict, 180);
    cancel(&mut ict);
    let seen = ict.advance_to(200_000);
    assert_eq!(
        times(&seen, &SendCancel),
        [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]
    );
    assert_eq!(seen[10..], [(32_000, CancelTimeout), (32_000, Terminated)]);
}

#[test]
fn a_provisional_answer_to_cancel_slows_its_retransmission_down() {
    let mut ict = udp();
    respond(&mut ict, 180);
    cancel(&mut ict);
    ict.advance_to(600);
    assert_eq!(cancel_answered(&mut ict, 100), []);
    assert_eq!(times(&ict.advance_to(10_000), &SendCancel), [1500, 5500, 9500]);
}

#[test]
fn a_final_answer_to_cancel_ends_its_retransmission_but_not_the_wait() {
    for status in [200, 481, 603] {
        let mut ict = udp();
        respond(&mut ict, 180);
        cancel(&mut ict);
        assert_eq!(cancel_answered(&mut ict, status), []);
        assert_eq!(ict.armed(), [(Timer::CancelWait, 32_000)]);
        assert_eq!(cancel_answered(&mut ict, status), [], "a repeated answer");
        assert_eq!(ict.advance_to(200_000), [(32_000, CancelTimeout), (32_000, Terminated)]);
    }
}

#[test]
fn a_cancel_over_a_reliable_transport_is_sent_once() {
    let mut ict = tcp();
    respond(&mut ict, 180);
    assert_eq!(cancel(&mut ict), [SendCancel]);
    assert_eq!(ict.armed(), [(Timer::CancelWait, 32_000)]);
    assert_eq!(cancel_answered(&mut ict, 200), []);
    assert_eq!(respond(&mut ict, 487), [SendAck, Response, Terminated]);
}

#[test]
fn the_final_response_ends_whatever_is_left_of_cancel() {
    for answered in [false, true] {
        for (status, expected) in [(487, vec![SendAck, Response]), (200, vec![Response])] {
            let mut ict = udp();
            respond(&mut ict, 180);
            cancel(&mut ict);
            if answered {
                cancel_answered(&mut ict, 200);
            }
            assert_eq!(respond(&mut ict, status), expected);
            assert_eq!(ict.armed().len(), 1, "only the state's own timer is left");
            assert_eq!(cancel_answered(&mut ict, 200), []);
            assert!(times(&ict.advance_to(200_000), &SendCancel).is_empty());
        }
    }
}

#[test]
fn an_answer_to_a_cancel_that_was_never_sent_is_ignored() {
    let mut ict = udp();
    assert_eq!(cancel_answered(&mut ict, 200), []);
    cancel(&mut ict);
    assert_eq!(cancel_answered(&mut ict, 200), []);
    assert_eq!(respond(&mut ict, 180), [SendCancel, Response]);
    assert_eq!(cancel_answered(&mut ict, 99), []);
    assert_eq!(ict.armed(), [(Timer::CancelE, 500), (Timer::CancelWait, 32_000)]);
}

#[test]
fn timer_c_cancels_and_its_failure_is_swallowed() {
    let mut ict = udp();
    ict.advance_to(400);
    respond(&mut ict, 180);
    assert_eq!(ict.advance_to(120_000), [(120_000, SendCancel), (120_000, InviteTimeout)]);
    assert!(ict.machine.is_canceled());
    assert_eq!(respond(&mut ict, 180), [], "nobody waits for provisionals any more");
    assert_eq!(respond(&mut ict, 487), [SendAck, SwallowedFinal]);
    assert_eq!(respond(&mut ict, 487), [SendAck]);
    assert_eq!(ict.advance_to(200_000), [(152_000, Terminated)]);
}

#[test]
fn a_success_after_timer_c_passes() {
    let mut ict = udp();
    respond(&mut ict, 180);
    ict.advance_to(120_100);
    assert_eq!(respond(&mut ict, 200), [Response]);
    assert_eq!(ict.armed(), [(Timer::M, 152_100)]);
}

#[test]
fn after_timer_c_a_peer_that_ignores_the_cancel_causes_no_event() {
    let mut ict = tcp();
    respond(&mut ict, 180);
    assert_eq!(
        ict.advance_to(300_000),
        [(120_000, SendCancel), (120_000, InviteTimeout), (152_000, Terminated)]
    );
}

#[test]
fn timer_c_while_calling_ends_retransmission_and_leaves_timer_b_to_end_silently() {
    let mut ict = with(false, 32, 8);
    let seen = ict.advance_to(200_000);
    assert_eq!(times(&seen, &SendRequest), [500, 1500, 3500, 7500]);
    assert_eq!(seen[4..], [(8_000, InviteTimeout), (32_000, Terminated)]);
}

#[test]
fn timer_c_while_calling_cancels_with_the_first_provisional() {
    for status in [100, 180] {
        let mut ict = with(false, 32, 8);
        ict.advance_to(9000);
        assert_eq!(ict.armed(), [(Timer::B, 32_000)]);
        assert!(ict.machine.is_canceled());
        assert_eq!(cancel(&mut ict), []);
        assert_eq!(respond(&mut ict, status), [SendCancel]);
        assert_eq!(ict.armed(), [(Timer::CancelE, 9500), (Timer::CancelWait, 41_000)]);
        assert_eq!(respond(&mut ict, 487), [SendAck, SwallowedFinal]);
    }
}

#[test]
fn timer_c_while_calling_treats_finals_and_failures_as_after_a_provisional() {
    let expired = || {
        let mut ict = with(false, 32, 8);
        ict.advance_to(9000);
        ict
    };
    assert_eq!(respond(&mut expired(), 503), [SendAck, SwallowedFinal]);
    assert_eq!(respond(&mut expired(), 200), [Response]);
    assert_eq!(transport_failed(&mut expired()), [Terminated]);

    let mut ict = with(true, 32, 8);
    assert_eq!(ict.advance_to(9000), [(8000, InviteTimeout)]);
    assert_eq!(respond(&mut ict, 503), [SendAck, SwallowedFinal, Terminated]);
}

#[test]
fn timer_c_means_nothing_once_a_cancel_was_asked_for() {
    let mut ict = with(false, 32, 8);
    cancel(&mut ict);
    let seen = ict.advance_to(200_000);
    assert!(times(&seen, &InviteTimeout).is_empty());
    assert_eq!(times(&seen, &Timeout), [32_000]);

    let mut ict = with(false, 32, 8);
    respond(&mut ict, 180);
    ict.advance_to(7000);
    cancel(&mut ict);
    assert!(times(&ict.advance_to(38_000), &InviteTimeout).is_empty());
}

#[test]
fn an_abandoned_branch_is_cancelled_and_only_its_success_goes_up() {
    let abandoned = || {
        let mut ict = udp();
        respond(&mut ict, 180);
        assert_eq!(abandon(&mut ict), [SendCancel]);
        assert_eq!(abandon(&mut ict), []);
        assert!(ict.machine.is_canceled());
        assert_eq!(respond(&mut ict, 183), []);
        ict
    };
    assert_eq!(respond(&mut abandoned(), 487), [SendAck, SwallowedFinal]);
    assert_eq!(respond(&mut abandoned(), 200), [Response]);
    let mut ict = abandoned();
    cancel_answered(&mut ict, 200);
    assert_eq!(ict.advance_to(200_000), [(32_000, Terminated)]);
}

#[test]
fn a_branch_abandoned_while_calling_ends_without_a_word() {
    let mut ict = udp();
    assert_eq!(abandon(&mut ict), []);
    assert_eq!(respond(&mut ict, 180), [SendCancel]);

    let mut ict = udp();
    abandon(&mut ict);
    let seen = ict.advance_to(200_000);
    assert_eq!(times(&seen, &SendRequest).len(), 6);
    assert_eq!(seen[6..], [(32_000, Terminated)]);

    let mut ict = udp();
    abandon(&mut ict);
    assert_eq!(transport_failed(&mut ict), [Terminated]);
}

#[test]
fn a_branch_may_be_abandoned_after_it_was_cancelled() {
    let mut ict = udp();
    respond(&mut ict, 180);
    assert_eq!(cancel(&mut ict), [SendCancel]);
    assert_eq!(abandon(&mut ict), []);
    assert_eq!(respond(&mut ict, 487), [SendAck, SwallowedFinal]);
}
