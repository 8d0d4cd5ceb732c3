//! INVITE server transaction: RFC 3261 17.2.1, RFC 6026 7.1, timer C2.

mod transaction_support;

use bytes::Bytes;
use oversip::transaction::invite_server::State;
use oversip::transaction::ServerEffect::{Expired, Send, Terminated};
use oversip::transaction::{AckOutcome, InviteServer, ServerEffect, Timer, Timings};
use transaction_support::{times, Bench};

type Ist = Bench<InviteServer>;

fn with(reliable: bool) -> Ist {
    let (bench, first) = Bench::start(|now| InviteServer::new(now, reliable, &Timings::default()));
    assert_eq!(first, [], "creation sends nothing");
    bench
}

fn udp() -> Ist {
    with(false)
}

fn tcp() -> Ist {
    with(true)
}

/// The bytes that stand for a response of this status.
fn wire(status: u16) -> Bytes {
    Bytes::from(status.to_string())
}

/// Responds and expects exactly the response to be sent, and to be remembered.
fn respond(ist: &mut Ist, status: u16) {
    assert!(ist.machine.accepts(status));
    let seen = ist.input(|machine, now| machine.respond(now, status, wire(status)).expect("accepted"));
    assert_eq!(seen, [Send(wire(status))]);
    assert_eq!(ist.machine.last_response(), Some(&wire(status)));
}

fn refuses(ist: &mut Ist, status: u16) {
    let before = ist.machine.last_response().cloned();
    assert!(!ist.machine.accepts(status), "{status}");
    let seen = ist.input(|machine, now| {
        assert_eq!(machine.respond(now, status, wire(status)), None);
        []
    });
    assert_eq!(seen, []);
    assert_eq!(ist.machine.last_response().cloned(), before, "a refused response is not remembered");
}

fn invite_again(ist: &mut Ist) -> Vec<ServerEffect> {
    ist.input(|machine, now| machine.request_again(now))
}

fn restart_c2(ist: &mut Ist) {
    assert_eq!(ist.input(|machine, now| machine.restart_c2(now)), []);
}

/// Hands an ACK in and expects it to be absorbed.
fn ack(ist: &mut Ist) -> Vec<ServerEffect> {
    ist.input(|machine, now| match machine.ack(now) {
        AckOutcome::Absorbed(effects) => effects,
        AckOutcome::PassToCore => panic!("this ACK belongs to the transaction"),
    })
}

#[test]
fn creation_sets_timer_c2_and_sends_nothing() {
    let mut ist = udp();
    assert_eq!(ist.machine.state(), State::Proceeding);
    assert_eq!(ist.machine.last_response(), None);
    assert_eq!(ist.armed(), [(Timer::C2, 182_000)]);
    assert_eq!(invite_again(&mut ist), [], "there is nothing to repeat yet");
}

#[test]
fn provisionals_are_sent_and_the_last_one_answers_a_retransmission() {
    let mut ist = udp();
    respond(&mut ist, 100);
    assert_eq!(invite_again(&mut ist), [Send(wire(100))]);
    respond(&mut ist, 180);
    respond(&mut ist, 183);
    assert_eq!(invite_again(&mut ist), [Send(wire(183))]);
    assert_eq!(ist.machine.state(), State::Proceeding);
    assert_eq!(ist.armed(), [(Timer::C2, 182_000)], "provisionals do not prolong timer C2");
}

#[test]
fn the_statuses_that_each_state_takes() {
    let mut proceeding = udp();
    for status in [0, 99, 700] {
        refuses(&mut proceeding, status);
    }
    for status in [100, 101, 199, 200, 299, 300, 699] {
        assert!(proceeding.machine.accepts(status));
    }

    let mut accepted = udp();
    respond(&mut accepted, 200);
    for status in [100, 180, 199, 300, 486, 699] {
        refuses(&mut accepted, status);
    }
    respond(&mut accepted, 202);

    let mut completed = udp();
    respond(&mut completed, 486);
    for status in [100, 180, 200, 299, 300, 486, 699] {
        refuses(&mut completed, status);
    }

    let mut confirmed = completed;
    ack(&mut confirmed);
    for status in [100, 180, 200, 486] {
        refuses(&mut confirmed, status);
    }

    let mut terminated = confirmed;
    terminated.advance_to(100_000);
    for status in [100, 180, 200, 486] {
        refuses(&mut terminated, status);
    }
}

#[test]
fn a_success_leads_to_accepted_for_64_t1_on_any_transport() {
    for reliable in [false, true] {
        let mut ist = with(reliable);
        respond(&mut ist, 180);
        ist.advance_to(700);
        respond(&mut ist, 200);
        assert_eq!(ist.machine.state(), State::Accepted);
        assert_eq!(ist.armed(), [(Timer::L, 32_700)]);
        assert_eq!(
            ist.advance_to(100_000),
            [(32_700, Terminated)],
            "the core repeats the 2xx, not the machine"
        );
    }
}

#[test]
fn further_successes_are_sent_and_do_not_prolong_accepted() {
    let mut ist = udp();
    respond(&mut ist, 200);
    ist.advance_to(10_000);
    respond(&mut ist, 200);
    respond(&mut ist, 202);
    assert_eq!(invite_again(&mut ist), [Send(wire(202))]);
    assert_eq!(ist.armed(), [(Timer::L, 32_000)]);
}

#[test]
fn an_ack_of_an_accepted_invite_goes_to_the_core() {
    let mut ist = udp();
    respond(&mut ist, 200);
    for _ in 0..2 {
        ist.input(|machine, now| {
            assert_eq!(machine.ack(now), AckOutcome::PassToCore);
            []
        });
    }
    assert_eq!(ist.machine.state(), State::Accepted);
}

#[test]
fn a_failure_is_retransmitted_by_timer_g_until_timer_h() {
    for status in [300, 404, 603] {
        let mut ist = udp();
        ist.advance_to(1000);
        respond(&mut ist, status);
        assert_eq!(ist.machine.state(), State::Completed);
        let seen = ist.advance_to(200_000);
        assert_eq!(
            times(&seen, &Send(wire(status))),
            [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500].map(|at: u64| at + 1000)
        );
        assert_eq!(seen[10..], [(33_000, Terminated)]);
    }
}

#[test]
fn a_failure_over_a_reliable_transport_waits_for_the_ack_without_retransmission() {
    let mut ist = tcp();
    respond(&mut ist, 486);
    assert_eq!(ist.armed(), [(Timer::H, 32_000)]);
    assert_eq!(ist.advance_to(100_000), [(32_000, Terminated)]);
}

#[test]
fn a_retransmitted_invite_is_answered_in_completed_without_moving_timer_g() {
    let mut ist = udp();
    respond(&mut ist, 486);
    ist.advance_to(200);
    assert_eq!(invite_again(&mut ist), [Send(wire(486))]);
    assert_eq!(ist.armed(), [(Timer::G, 500), (Timer::H, 32_000)]);
}

#[test]
fn the_ack_of_a_failure_leads_to_confirmed_for_timer_i() {
    let mut ist = udp();
    respond(&mut ist, 486);
    ist.advance_to(2000);
    assert_eq!(ack(&mut ist), []);
    assert_eq!(ist.machine.state(), State::Confirmed);
    assert_eq!(ist.armed(), [(Timer::I, 7000)]);
    assert_eq!(ack(&mut ist), [], "a repeated ACK is absorbed");
    assert_eq!(invite_again(&mut ist), [Send(wire(486))]);
    assert_eq!(ist.advance_to(100_000), [(7000, Terminated)]);
}

#[test]
fn the_ack_of_a_failure_over_a_reliable_transport_ends_the_transaction() {
    let mut ist = tcp();
    respond(&mut ist, 486);
    assert_eq!(ack(&mut ist), [Terminated]);
    assert_eq!(ist.machine.state(), State::Terminated);
}

#[test]
fn an_ack_before_the_final_response_means_nothing() {
    let mut ist = udp();
    assert_eq!(ack(&mut ist), []);
    respond(&mut ist, 180);
    assert_eq!(ack(&mut ist), []);
    assert_eq!(ist.machine.state(), State::Proceeding);
}

#[test]
fn the_core_is_told_of_the_first_cancel_only() {
    let mut ist = udp();
    assert!(!ist.machine.is_canceled());
    assert!(ist.machine.cancel());
    assert!(ist.machine.is_canceled());
    assert!(!ist.machine.cancel());
    respond(&mut ist, 487);
    assert!(!ist.machine.cancel());
}

#[test]
fn a_cancel_after_the_final_response_has_no_effect() {
    for status in [200, 486] {
        let mut ist = udp();
        respond(&mut ist, status);
        assert!(!ist.machine.cancel());
        assert!(!ist.machine.is_canceled());
    }
}

#[test]
fn timer_c2_asks_the_core_to_give_up() {
    let mut ist = udp();
    respond(&mut ist, 180);
    assert_eq!(ist.advance_to(190_000), [(182_000, Expired)]);
    respond(&mut ist, 408);
    assert_eq!(ist.armed(), [(Timer::G, 190_500), (Timer::H, 222_000)]);
}

#[test]
fn a_core_that_never_gives_up_leaves_no_transaction_behind() {
    let mut ist = udp();
    assert_eq!(ist.advance_to(999_000), [(182_000, Expired), (214_000, Terminated)]);
}

#[test]
fn timer_c2_restarts_at_each_route() {
    let mut ist = udp();
    ist.advance_to(100_000);
    restart_c2(&mut ist);
    assert_eq!(ist.armed(), [(Timer::C2, 282_000)]);
    assert_eq!(ist.advance_to(282_000), [(282_000, Expired)]);
    restart_c2(&mut ist);
    assert_eq!(ist.advance_to(464_000), [(464_000, Expired)], "a route after the expiry counts too");
    assert_eq!(ist.advance_to(999_000), [(496_000, Terminated)]);
}

#[test]
fn a_route_after_the_final_response_sets_no_timer() {
    for status in [200, 486] {
        let mut ist = udp();
        respond(&mut ist, status);
        let before = ist.armed();
        restart_c2(&mut ist);
        assert_eq!(ist.armed(), before);
    }
}

#[test]
fn an_overtaken_setting_of_timer_c2_does_not_count() {
    let mut ist = udp();
    ist.advance_to(100_000);
    restart_c2(&mut ist);
    ist.advance_to(182_000);
    assert_eq!(ist.input(|machine, now| machine.timer(now, Timer::C2)), []);
    assert_eq!(ist.armed(), [(Timer::C2, 282_000)]);
    assert_eq!(ist.advance_to(282_000), [(282_000, Expired)]);
}

#[test]
fn timers_of_other_states_have_no_effect() {
    let mut proceeding = udp();
    proceeding.assert_deaf_to_other_timers();
    let mut accepted = udp();
    respond(&mut accepted, 200);
    accepted.assert_deaf_to_other_timers();
    let mut completed = udp();
    respond(&mut completed, 486);
    completed.assert_deaf_to_other_timers();
    let mut confirmed = completed;
    ack(&mut confirmed);
    confirmed.assert_deaf_to_other_timers();
    let mut completed = tcp();
    respond(&mut completed, 486);
    completed.assert_deaf_to_other_timers();
}

#[test]
fn a_terminated_machine_has_no_effects() {
    let mut ist = tcp();
    respond(&mut ist, 486);
    ack(&mut ist);
    assert!(ist.is_over());
    assert_eq!(invite_again(&mut ist), []);
    assert_eq!(ack(&mut ist), []);
    restart_c2(&mut ist);
    assert!(!ist.machine.cancel());
    ist.assert_deaf_to_other_timers();
}

#[test]
fn states_have_names() {
    let names = [State::Proceeding, State::Completed, State::Confirmed, State::Accepted, State::Terminated];
    assert_eq!(names.map(State::as_str), ["proceeding", "completed", "confirmed", "accepted", "terminated"]);
}
