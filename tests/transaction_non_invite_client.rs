//! Non-INVITE client transaction: RFC 3261 17.1.2.

mod transaction_support;

use std::time::Duration;

use oversip::transaction::non_invite_client::State;
use oversip::transaction::ClientEffect::{
    Response, SendRequest, SwallowedFinal, Terminated, Timeout, TransportFailed,
};
use oversip::transaction::{ClientEffect, NonInviteClient, Timer, Timings};
use transaction_support::{times, Bench};

type Nict = Bench<NonInviteClient>;

fn with(reliable: bool, f: u64) -> Nict {
    let (bench, first) =
        Bench::start(|now| NonInviteClient::new(now, reliable, &Timings::default(), Duration::from_secs(f)));
    assert_eq!(first, [SendRequest]);
    bench
}

fn udp() -> Nict {
    with(false, 32)
}

fn tcp() -> Nict {
    with(true, 32)
}

fn respond(nict: &mut Nict, status: u16) -> Vec<ClientEffect> {
    nict.input(|machine, now| machine.response(now, status))
}

fn abandon(nict: &mut Nict) {
    assert_eq!(nict.input(|machine, now| machine.abandon(now)), []);
}

fn transport_failed(nict: &mut Nict) -> Vec<ClientEffect> {
    nict.input(|machine, now| machine.transport_failed(now))
}

#[test]
fn an_unanswered_request_is_retransmitted_by_timer_e_until_timer_f() {
    let mut nict = udp();
    let seen = nict.advance_to(200_000);
    assert_eq!(
        times(&seen, &SendRequest),
        [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]
    );
    assert_eq!(seen[10..], [(32_000, Timeout), (32_000, Terminated)]);
}

#[test]
fn timer_f_is_the_profiles() {
    assert_eq!(with(true, 2).advance_to(9000), [(2000, Timeout), (2000, Terminated)]);
    assert_eq!(with(true, 64).advance_to(63_999), []);
}

#[test]
fn a_reliable_transport_is_not_helped_by_timer_e() {
    let mut nict = tcp();
    assert_eq!(nict.armed(), [(Timer::F, 32_000)]);
    assert_eq!(nict.advance_to(100_000), [(32_000, Timeout), (32_000, Terminated)]);
}

#[test]
fn a_provisional_slows_retransmission_to_t2_and_leaves_timer_f_alone() {
    let mut nict = udp();
    nict.advance_to(100);
    assert_eq!(respond(&mut nict, 100), []);
    assert_eq!(nict.machine.state(), State::Proceeding);
    let seen = nict.advance_to(200_000);
    assert_eq!(
        times(&seen, &SendRequest),
        [500, 4500, 8500, 12_500, 16_500, 20_500, 24_500, 28_500],
        "the interval that runs is not touched, the next is T2"
    );
    assert_eq!(times(&seen, &Timeout), [32_000]);
}

#[test]
fn only_the_hundred_stays_below_the_core() {
    let mut nict = udp();
    assert_eq!(respond(&mut nict, 100), []);
    for status in [101, 180, 183, 199] {
        assert_eq!(respond(&mut nict, status), [Response]);
    }
    assert_eq!(respond(&mut nict, 100), []);
    assert_eq!(nict.machine.state(), State::Proceeding);
}

#[test]
fn a_final_response_goes_up_once_and_is_held_for_timer_k() {
    for status in [200, 302, 408, 500, 699] {
        for provisional in [false, true] {
            let mut nict = udp();
            if provisional {
                respond(&mut nict, 100);
            }
            nict.advance_to(300);
            assert_eq!(respond(&mut nict, status), [Response]);
            assert_eq!(nict.machine.state(), State::Completed);
            assert_eq!(nict.armed(), [(Timer::K, 5300)]);
            for late in [status, 100, 180, 200, 404] {
                assert_eq!(respond(&mut nict, late), []);
            }
            assert_eq!(transport_failed(&mut nict), []);
            assert_eq!(nict.advance_to(100_000), [(5300, Terminated)]);
        }
    }
}

#[test]
fn a_final_response_over_a_reliable_transport_ends_the_transaction_at_once() {
    let mut nict = tcp();
    respond(&mut nict, 100);
    assert_eq!(respond(&mut nict, 200), [Response, Terminated]);
    assert_eq!(nict.machine.state(), State::Terminated);
}

#[test]
fn a_status_that_sip_does_not_know_is_dropped() {
    let mut nict = udp();
    for status in [0, 99, 700] {
        assert_eq!(respond(&mut nict, status), []);
    }
    assert_eq!(nict.machine.state(), State::Trying);
}

#[test]
fn a_transport_failure_counts_only_before_the_first_response() {
    assert_eq!(transport_failed(&mut udp()), [TransportFailed, Terminated]);
    let mut nict = tcp();
    respond(&mut nict, 100);
    assert_eq!(transport_failed(&mut nict), []);
    assert_eq!(respond(&mut nict, 200), [Response, Terminated]);
}

#[test]
fn an_abandoned_request_passes_nothing_but_its_success() {
    let abandoned = || {
        let mut nict = udp();
        abandon(&mut nict);
        assert_eq!(respond(&mut nict, 183), []);
        nict
    };
    assert_eq!(respond(&mut abandoned(), 404), [SwallowedFinal]);
    assert_eq!(respond(&mut abandoned(), 202), [Response]);
    assert_eq!(abandoned().advance_to(200_000).last(), Some(&(32_000, Terminated)));
    assert!(times(&abandoned().advance_to(200_000), &Timeout).is_empty());

    let mut nict = udp();
    abandon(&mut nict);
    assert_eq!(transport_failed(&mut nict), [Terminated]);
}

#[test]
fn timers_of_other_states_have_no_effect() {
    let mut nict = udp();
    nict.assert_deaf_to_other_timers();
    respond(&mut nict, 100);
    nict.assert_deaf_to_other_timers();
    respond(&mut nict, 200);
    nict.assert_deaf_to_other_timers();
    let mut nict = tcp();
    nict.assert_deaf_to_other_timers();
}

#[test]
fn a_terminated_machine_has_no_effects() {
    let mut nict = udp();
    nict.advance_to(40_000);
    assert!(nict.is_over());
    for status in [100, 180, 200, 486] {
        assert_eq!(respond(&mut nict, status), []);
    }
    abandon(&mut nict);
    assert_eq!(transport_failed(&mut nict), []);
    nict.assert_deaf_to_other_timers();
}

#[test]
fn states_have_names() {
    let names = [State::Trying, State::Proceeding, State::Completed, State::Terminated];
    assert_eq!(names.map(State::as_str), ["trying", "proceeding", "completed", "terminated"]);
}
