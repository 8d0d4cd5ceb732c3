//! INVITE client transaction: RFC 3261 17.1.1, RFC 6026 7.2, timer C and CANCEL.

mod transaction_support;

use std::time::Duration;

use oversip::transaction::invite_client::State;
use oversip::transaction::ClientEffect::{
    CancelTimeout, InviteTimeout, RepeatedSuccess, Response, SendAck, SendCancel, SendRequest,
    SwallowedFinal, Terminated, Timeout, TransportFailed,
};
use oversip::transaction::{ClientEffect, InviteClient, Timer, Timings};
use transaction_support::{times, Bench};

type Ict = Bench<InviteClient>;

fn with(reliable: bool, b: u64, c: u64) -> Ict {
    let (bench, first) = Bench::start(|now| {
        InviteClient::new(now, reliable, &Timings::default(), Duration::from_secs(b), Duration::from_secs(c))
    });
    assert_eq!(first, [SendRequest]);
    bench
}

fn udp() -> Ict {
    with(false, 32, 120)
}

fn tcp() -> Ict {
    with(true, 32, 120)
}

fn respond(ict: &mut Ict, status: u16) -> Vec<ClientEffect> {
    ict.input(|machine, now| machine.response(now, status, Some(b"callee")))
}

fn cancel(ict: &mut Ict) -> Vec<ClientEffect> {
    ict.input(|machine, now| machine.cancel(now))
}

fn abandon(ict: &mut Ict) -> Vec<ClientEffect> {
    ict.input(|machine, now| machine.abandon(now))
}

fn cancel_answered(ict: &mut Ict, status: u16) -> Vec<ClientEffect> {
    ict.input(|machine, now| machine.cancel_response(now, status))
}

fn transport_failed(ict: &mut Ict) -> Vec<ClientEffect> {
    ict.input(|machine, now| machine.transport_failed(now))
}

#[test]
fn an_unanswered_invite_is_retransmitted_by_timer_a_until_timer_b() {
    let mut ict = udp();
    let seen = ict.advance_to(200_000);
    assert_eq!(times(&seen, &SendRequest), [500, 1500, 3500, 7500, 15_500, 31_500]);
    assert_eq!(seen[6..], [(32_000, Timeout), (32_000, Terminated)]);
}

#[test]
fn timer_a_has_no_upper_bound() {
    let mut ict = with(false, 64, 180);
    let seen = ict.advance_to(63_900);
    assert_eq!(times(&seen, &SendRequest), [500, 1500, 3500, 7500, 15_500, 31_500, 63_500]);
}

#[test]
fn the_timers_follow_the_timings_handed_in() {
    let timings = Timings { t1: Duration::from_millis(100), ..Timings::default() };
    let (mut ict, _) = Bench::start(|now| {
        InviteClient::new(now, false, &timings, Duration::from_secs(2), Duration::from_secs(120))
    });
    assert_eq!(times(&ict.advance_to(1900), &SendRequest), [100, 300, 700, 1500]);
    respond(&mut ict, 200);
    assert_eq!(ict.armed(), [(Timer::M, 1900 + 6400)]);
}

#[test]
fn a_reliable_transport_is_not_helped_by_timer_a() {
    let mut ict = tcp();
    assert_eq!(ict.armed(), [(Timer::B, 32_000), (Timer::C, 120_000)]);
    assert_eq!(ict.advance_to(200_000), [(32_000, Timeout), (32_000, Terminated)]);
}

#[test]
fn the_hundred_ends_retransmission_but_stays_below_the_core() {
    let mut ict = udp();
    ict.advance_to(600);
    assert_eq!(respond(&mut ict, 100), []);
    assert_eq!(ict.machine.state(), State::Proceeding);
    assert_eq!(ict.armed(), [(Timer::C, 120_000)]);
}

#[test]
fn every_other_provisional_goes_up_and_none_moves_timer_c() {
    for status in [101, 180, 183, 199] {
        let mut ict = udp();
        assert_eq!(respond(&mut ict, status), [Response]);
        ict.advance_to(100_000);
        assert_eq!(respond(&mut ict, status), [Response]);
        assert_eq!(respond(&mut ict, 100), []);
        assert_eq!(ict.armed(), [(Timer::C, 120_000)]);
        assert_eq!(ict.machine.state(), State::Proceeding);
    }
}

/// A client in which provisional responses restart timer C.
fn restarting(c: u64) -> Ict {
    let mut ict = with(false, 32, c);
    ict.machine.restart_timer_c(Duration::from_secs(c));
    ict
}

#[test]
fn provisionals_move_timer_c_where_the_core_wants_that() {
    for status in [101, 180, 183, 199] {
        let mut ict = restarting(120);
        ict.advance_to(400);
        assert_eq!(respond(&mut ict, status), [Response]);
        assert_eq!(ict.armed(), [(Timer::C, 120_400)]);
        ict.advance_to(100_000);
        assert_eq!(respond(&mut ict, 100), []);
        assert_eq!(ict.armed(), [(Timer::C, 120_400)], "a 100 says nothing of the callee");
        assert_eq!(respond(&mut ict, status), [Response]);
        assert_eq!(ict.armed(), [(Timer::C, 220_000)]);
        assert_eq!(ict.advance_to(220_000), [(220_000, SendCancel), (220_000, InviteTimeout)]);
    }
}

#[test]
fn no_provisional_restarts_timer_c_once_the_invite_is_cancelled() {
    for ask in [cancel, abandon] {
        let mut ict = restarting(120);
        respond(&mut ict, 180);
        ask(&mut ict);
        respond(&mut ict, 180);
        assert!(ict.armed().iter().all(|(timer, _)| *timer != Timer::C));
    }
    let mut late = restarting(8);
    late.advance_to(8000);
    assert_eq!(respond(&mut late, 180), [SendCancel]);
    assert_eq!(late.armed(), [(Timer::CancelE, 8500), (Timer::CancelWait, 40_000)]);
}

#[test]
fn a_success_leads_to_accepted_for_64_t1() {
    for reliable in [false, true] {
        for provisional in [false, true] {
            let mut ict = with(reliable, 32, 120);
            if provisional {
                respond(&mut ict, 180);
            }
            ict.advance_to(300);
            assert_eq!(respond(&mut ict, 200), [Response]);
            assert_eq!(ict.machine.state(), State::Accepted);
            assert_eq!(ict.armed(), [(Timer::M, 32_300)]);
            assert_eq!(ict.advance_to(100_000), [(32_300, Terminated)]);
            assert_eq!(ict.machine.state(), State::Terminated);
        }
    }
}

#[test]
fn a_success_of_a_new_dialog_goes_up_and_a_repeated_one_is_only_acknowledged() {
    let mut ict = udp();
    let success = |ict: &mut Ict, tag: Option<&[u8]>| ict.input(|m, now| m.response(now, 200, tag));
    assert_eq!(success(&mut ict, Some(b"a")), [Response]);
    assert_eq!(success(&mut ict, Some(b"a")), [RepeatedSuccess]);
    assert_eq!(success(&mut ict, Some(b"A")), [Response]);
    assert_eq!(success(&mut ict, None), [Response]);
    assert_eq!(success(&mut ict, None), [RepeatedSuccess]);
    assert_eq!(success(&mut ict, Some(b"A")), [RepeatedSuccess]);
    assert_eq!(ict.armed(), [(Timer::M, 32_000)], "repeated successes do not prolong the state");
}

#[test]
fn the_dialogs_of_one_invite_are_bounded() {
    let mut ict = udp();
    let passed = (0..1000u32)
        .filter(|n| !ict.input(|m, now| m.response(now, 200, Some(&n.to_be_bytes()))).is_empty())
        .count();
    assert_eq!(passed, 64);
    assert_eq!(ict.input(|m, now| m.response(now, 200, Some(&63u32.to_be_bytes()))), [RepeatedSuccess]);
}

#[test]
fn accepted_ignores_everything_but_successes() {
    let mut ict = udp();
    respond(&mut ict, 200);
    for status in [100, 180, 302, 487, 603] {
        assert_eq!(respond(&mut ict, status), []);
    }
    assert_eq!(cancel(&mut ict), []);
    assert_eq!(abandon(&mut ict), []);
    assert_eq!(transport_failed(&mut ict), []);
    assert!(!ict.machine.is_canceled());
    assert_eq!(ict.armed(), [(Timer::M, 32_000)]);
}

#[test]
fn a_failure_is_acknowledged_passed_up_and_held_for_timer_d() {
    for status in [300, 404, 503, 603, 699] {
        for provisional in [false, true] {
            let mut ict = udp();
            if provisional {
                respond(&mut ict, 180);
            }
            ict.advance_to(400);
            assert_eq!(respond(&mut ict, status), [SendAck, Response]);
            assert_eq!(ict.machine.state(), State::Completed);
            assert_eq!(ict.armed(), [(Timer::D, 32_400)]);
            assert_eq!(ict.advance_to(100_000), [(32_400, Terminated)]);
        }
    }
}

#[test]
fn a_failure_over_a_reliable_transport_ends_the_transaction_at_once() {
    let mut ict = tcp();
    respond(&mut ict, 180);
    assert_eq!(respond(&mut ict, 486), [SendAck, Response, Terminated]);
    assert_eq!(ict.machine.state(), State::Terminated);
}

#[test]
fn a_repeated_failure_is_acknowledged_again_and_not_passed_up() {
    let mut ict = udp();
    respond(&mut ict, 486);
    for status in [486, 486, 487] {
        assert_eq!(respond(&mut ict, status), [SendAck]);
    }
    for status in [100, 180, 200] {
        assert_eq!(respond(&mut ict, status), []);
    }
    assert_eq!(cancel(&mut ict), []);
    assert_eq!(abandon(&mut ict), []);
    assert_eq!(transport_failed(&mut ict), []);
    assert_eq!(ict.armed(), [(Timer::D, 32_000)]);
}

#[test]
fn a_status_that_sip_does_not_know_is_dropped() {
    let mut ict = udp();
    for status in [0, 99, 700, 999] {
        assert_eq!(respond(&mut ict, status), []);
    }
    assert_eq!(ict.machine.state(), State::Calling);
}

#[test]
fn a_transport_failure_while_calling_ends_the_transaction() {
    let mut ict = udp();
    assert_eq!(transport_failed(&mut ict), [TransportFailed, Terminated]);
    assert_eq!(ict.machine.state(), State::Terminated);
}

#[test]
fn a_transport_failure_while_proceeding_leaves_the_response_time_to_come() {
    let mut ict = tcp();
    respond(&mut ict, 180);
    assert_eq!(transport_failed(&mut ict), []);
    assert_eq!(respond(&mut ict, 200), [Response]);
}

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

#[test]
fn timers_of_other_states_have_no_effect() {
    let mut ict = udp();
    ict.assert_deaf_to_other_timers();
    respond(&mut ict, 180);
    ict.assert_deaf_to_other_timers();
    cancel(&mut ict);
    ict.assert_deaf_to_other_timers();
    cancel_answered(&mut ict, 200);
    ict.assert_deaf_to_other_timers();
    respond(&mut ict, 487);
    ict.assert_deaf_to_other_timers();

    let mut ict = udp();
    cancel(&mut ict);
    ict.assert_deaf_to_other_timers();
    respond(&mut ict, 200);
    ict.assert_deaf_to_other_timers();

    let mut ict = with(false, 32, 8);
    ict.advance_to(8000);
    ict.assert_deaf_to_other_timers();

    let mut ict = tcp();
    ict.assert_deaf_to_other_timers();
    respond(&mut ict, 180);
    cancel(&mut ict);
    ict.assert_deaf_to_other_timers();
}

#[test]
fn a_terminated_machine_has_no_effects() {
    let mut ict = udp();
    ict.advance_to(40_000);
    assert!(ict.is_over());
    for status in [100, 180, 200, 486] {
        assert_eq!(respond(&mut ict, status), []);
    }
    assert_eq!(cancel(&mut ict), []);
    assert_eq!(abandon(&mut ict), []);
    assert_eq!(cancel_answered(&mut ict, 200), []);
    assert_eq!(transport_failed(&mut ict), []);
    ict.assert_deaf_to_other_timers();
    assert_eq!(ict.machine.state(), State::Terminated);
}

#[test]
fn states_have_names() {
    let names = [State::Calling, State::Proceeding, State::Completed, State::Accepted, State::Terminated];
    assert_eq!(names.map(State::as_str), ["calling", "proceeding", "completed", "accepted", "terminated"]);
}

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
