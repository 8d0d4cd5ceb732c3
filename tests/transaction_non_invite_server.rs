//! Non-INVITE server transaction: RFC 3261 17.2.2, RFC 4320.

mod transaction_support;

use bytes::Bytes;
use oversip::transaction::non_invite_server::State;
use oversip::transaction::ServerEffect::{Send, StillAlive, Terminated};
use oversip::transaction::{NonInviteServer, ServerEffect, Timer, Timings};
use transaction_support::{times, Bench};

type Nist = Bench<NonInviteServer>;

fn with(reliable: bool) -> Nist {
    let (bench, first) = Bench::start(|now| NonInviteServer::new(now, reliable, &Timings::default()));
    assert_eq!(first, [], "creation sends nothing");
    bench
}

fn udp() -> Nist {
    with(false)
}

fn tcp() -> Nist {
    with(true)
}

/// The bytes that stand for a response of this status.
fn wire(status: u16) -> Bytes {
    Bytes::from(status.to_string())
}

fn respond(nist: &mut Nist, status: u16) -> Vec<ServerEffect> {
    assert!(nist.machine.accepts(status));
    let seen = nist.input(|machine, now| machine.respond(now, status, wire(status)).expect("accepted"));
    assert_eq!(nist.machine.last_response(), Some(&wire(status)));
    seen
}

fn refuses(nist: &mut Nist, status: u16) {
    let before = nist.machine.last_response().cloned();
    assert!(!nist.machine.accepts(status), "{status}");
    let seen = nist.input(|machine, now| {
        assert_eq!(machine.respond(now, status, wire(status)), None);
        []
    });
    assert_eq!(seen, []);
    assert_eq!(nist.machine.last_response().cloned(), before, "a refused response is not remembered");
}

fn request_again(nist: &mut Nist) -> Vec<ServerEffect> {
    nist.input(|machine, now| machine.request_again(now))
}

#[test]
fn creation_sends_nothing_and_a_retransmission_is_dropped() {
    let mut nist = udp();
    assert_eq!(nist.machine.state(), State::Trying);
    assert_eq!(nist.machine.last_response(), None);
    assert_eq!(nist.armed(), [(Timer::Int1, 3500)]);
    assert_eq!(request_again(&mut nist), []);
}

#[test]
fn a_silent_core_is_asked_for_a_hundred_and_then_forgotten_silently() {
    for reliable in [false, true] {
        let mut nist = with(reliable);
        assert_eq!(nist.advance_to(999_000), [(3500, StillAlive), (32_000, Terminated)]);
        assert_eq!(nist.machine.state(), State::Terminated);
    }
}

#[test]
fn retransmissions_do_not_make_it_ask_twice() {
    let mut nist = udp();
    let mut seen = Vec::new();
    for at in [500, 1500, 3500, 7500, 11_500] {
        seen.extend(nist.advance_to(at));
        assert_eq!(request_again(&mut nist), []);
    }
    assert_eq!(times(&seen, &StillAlive), [3500]);
}

#[test]
fn the_hundred_it_asked_for_answers_retransmissions() {
    let mut nist = udp();
    nist.advance_to(3500);
    assert_eq!(respond(&mut nist, 100), [Send(wire(100))]);
    assert_eq!(nist.machine.state(), State::Proceeding);
    assert_eq!(request_again(&mut nist), [Send(wire(100))]);
    assert_eq!(nist.armed(), [(Timer::Int2, 32_000)]);
    assert_eq!(nist.advance_to(100_000), [(32_000, Terminated)]);
}

#[test]
fn a_core_that_sent_a_provisional_is_not_asked() {
    let mut nist = udp();
    assert_eq!(respond(&mut nist, 183), [Send(wire(183))]);
    assert_eq!(nist.machine.state(), State::Proceeding);
    assert_eq!(nist.advance_to(6000), []);
    assert_eq!(nist.armed(), [(Timer::Int2, 32_000)]);
    assert_eq!(respond(&mut nist, 100), [Send(wire(100))]);
    assert_eq!(request_again(&mut nist), [Send(wire(100))]);
}

#[test]
fn the_final_response_answers_retransmissions_until_timer_j() {
    for (status, at) in [(200, 100), (404, 6000), (699, 31_999)] {
        let mut nist = udp();
        nist.advance_to(at);
        assert_eq!(respond(&mut nist, status), [Send(wire(status))]);
        assert_eq!(nist.machine.state(), State::Completed);
        assert_eq!(nist.armed(), [(Timer::J, at + 32_000)]);
        assert_eq!(request_again(&mut nist), [Send(wire(status))]);
        assert_eq!(nist.advance_to(100_000), [(at + 32_000, Terminated)]);
    }
}

#[test]
fn the_final_response_over_a_reliable_transport_ends_the_transaction_at_once() {
    for provisional in [false, true] {
        let mut nist = tcp();
        if provisional {
            respond(&mut nist, 100);
        }
        assert_eq!(respond(&mut nist, 200), [Send(wire(200)), Terminated]);
        assert_eq!(nist.machine.state(), State::Terminated);
    }
}

#[test]
fn the_statuses_that_each_state_takes() {
    let mut nist = udp();
    for status in [0, 99, 700] {
        refuses(&mut nist, status);
    }
    for status in [100, 199, 200, 699] {
        assert!(nist.machine.accepts(status));
    }
    respond(&mut nist, 100);
    for status in [100, 199, 200, 699] {
        assert!(nist.machine.accepts(status));
    }
    respond(&mut nist, 200);
    for status in [100, 180, 200, 404] {
        refuses(&mut nist, status);
    }
    nist.advance_to(100_000);
    for status in [100, 180, 200, 404] {
        refuses(&mut nist, status);
    }
}

#[test]
fn timers_of_other_states_have_no_effect() {
    let mut nist = udp();
    nist.assert_deaf_to_other_timers();
    nist.advance_to(3500);
    nist.assert_deaf_to_other_timers();
    respond(&mut nist, 100);
    nist.assert_deaf_to_other_timers();
    respond(&mut nist, 200);
    nist.assert_deaf_to_other_timers();
}

#[test]
fn a_terminated_machine_has_no_effects() {
    let mut nist = tcp();
    respond(&mut nist, 200);
    assert!(nist.is_over());
    assert_eq!(request_again(&mut nist), []);
    nist.assert_deaf_to_other_timers();
}

#[test]
fn states_have_names() {
    let names = [State::Trying, State::Proceeding, State::Completed, State::Terminated];
    assert_eq!(names.map(State::as_str), ["trying", "proceeding", "completed", "terminated"]);
}
