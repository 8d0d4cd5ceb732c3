//! INVITE client transaction: RFC 3261 17.1.1, RFC 6026 7.2, timer C and CANCEL.

mod cancel;
mod response_limit;
mod support;
#[path = "../transaction_support/mod.rs"]
mod transaction_support;

use std::time::Duration;

use oversip::transaction::invite_client::State;
use oversip::transaction::ClientEffect::{
    InviteTimeout, RepeatedSuccess, Response, SendAck, SendCancel, SendRequest, Terminated, Timeout,
    TransportFailed,
};
use oversip::transaction::{InviteClient, Timer, Timings};
use support::*;
use transaction_support::{times, Bench};

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
