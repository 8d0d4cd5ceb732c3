//! Timers of transactions, in virtual time (RFC 3261 17, table 4).

mod element_support;

use element_support::*;
use oversip::simulation::Entry;

/// When messages that begin like this were sent from one address to another, in milliseconds.
fn times(world: &World, from: &str, to: &str, begins: &str) -> Vec<u64> {
    let (from, to) = (address(from), address(to));
    let sent =
        |entry: &&Entry| entry.from == from && entry.to == to && entry.first_line().starts_with(begins);
    let times = world.record().entries().iter().filter(sent);
    times.map(|entry| u64::try_from(entry.at.as_millis()).expect("a short run")).collect()
}

/// The times between them.
fn intervals(times: &[u64]) -> Vec<u64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn timer_a_repeats_an_invite_and_timer_b_gives_it_up() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_inbox(&mut world, BOB);
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    let sent = times(&world, RELAY, BOB, "INVITE");
    assert_eq!(intervals(&sent), [500, 1000, 2000, 4000, 8000, 16_000]);
    let failed = times(&world, RELAY, ALICE, "SIP/2.0 408");
    assert_eq!(failed[0] - sent[0], 32_000);
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(408));
    assert_all_quiet(&world, relay);
}

#[test]
fn timers_e_and_f_do_the_same_for_other_requests() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    add_inbox(&mut world, BOB);
    world.send(alice, request("OPTIONS", "options"), address(RELAY));
    world.run_until_idle();
    let sent = times(&world, RELAY, BOB, "OPTIONS");
    assert_eq!(intervals(&sent), [500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000]);
    // RFC 4320 4.2: nobody is told that a request other than INVITE was given up, it is too late for that.
    assert_eq!(times(&world, RELAY, ALICE, "SIP/2.0 408"), []);
    assert_all_quiet(&world, relay);
}

#[test]
fn timer_c_cancels_a_call_that_rings_for_too_long() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_callee(&mut world, BOB, Uas::with_answers(&[(seconds(0), 180)]));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    let invited = times(&world, RELAY, BOB, "INVITE")[0];
    // It begins anew with a provisional response only where the profile says so.
    assert_eq!(times(&world, RELAY, BOB, "CANCEL")[0] - invited, 120_000);
    assert!(world.peer(bob).calls()[0].is_canceled());
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(408), "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn timers_g_and_h_repeat_a_refusal_until_its_ack() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    add_callee(&mut world, BOB, Uas::answering(486, seconds(0)));
    world.send(alice, invite("unacknowledged"), address(RELAY));
    world.run_until_idle();
    let sent = times(&world, RELAY, ALICE, "SIP/2.0 486");
    assert_eq!(intervals(&sent), [500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000]);
    assert_all_quiet(&world, relay);
}

#[test]
fn timer_l_takes_repeated_invites_of_an_accepted_call_and_timer_m_repeated_2xx() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(0)));
    let invite = invite("accepted");
    world.send(alice, invite.clone(), address(RELAY));
    world.advance(seconds(31));
    world.send(alice, invite, address(RELAY));
    world.run_until_idle();
    assert_eq!(times(&world, RELAY, BOB, "INVITE").len(), 1, "the repeated INVITE is absorbed");
    let repeated = times(&world, BOB, RELAY, "SIP/2.0 200");
    let upstream = times(&world, RELAY, ALICE, "SIP/2.0 200");
    assert!(repeated.len() > 5);
    // One more for the INVITE that was repeated.
    assert_eq!(upstream.len(), repeated.len() + 1, "{}", world.record());
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::NeverAcknowledged);
    assert_all_quiet(&world, relay);
}

#[test]
fn timer_d_answers_a_repeated_refusal_with_its_ack() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_inbox(&mut world, BOB);
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(1));
    let invite = world.peer(bob).news().remove(0);
    for _ in 0..3 {
        world.send(bob, answer(&invite, 486, "b"), address(RELAY));
        world.advance(seconds(10));
    }
    assert_eq!(times(&world, RELAY, BOB, "ACK").len(), 3, "{}", world.record());
    assert_eq!(times(&world, RELAY, ALICE, "SIP/2.0 486").len(), 1);
    world.advance(seconds(10));
    world.send(bob, answer(&invite, 486, "b"), address(RELAY));
    world.run_until_idle();
    assert_eq!(times(&world, RELAY, BOB, "ACK").len(), 3, "after Timer D the response belongs to nothing");
    assert_all_quiet(&world, relay);
}

#[test]
fn nothing_is_repeated_over_a_connection() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, Blocks::relay_to(profile(), tcp(BOB)));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = world.add_peer("bob", oversip::message::Transport::Tcp, address(BOB), Inbox::default());
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(world.peer(bob).messages().len(), 1);
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(408));
    assert_all_quiet(&world, relay);
}

#[test]
fn a_script_that_takes_its_time_has_100_said_for_it() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(486, seconds(0)));
    world.hold_script(relay);
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(1));
    // 10 ms on the way, then the 200 ms of RFC 3261 17.2.1.
    assert_eq!(times(&world, RELAY, ALICE, "SIP/2.0 100"), [210]);
    assert_eq!(world.waiting_for_script(relay), 1);
    world.release_script(relay);
    world.run_until_idle();
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(486), "{}", world.record());
    assert_all_quiet(&world, relay);
}
