//! A CANCEL that comes again: it is a transaction of its own (RFC 3261 9.2, 17.2.2), which may outlive that of its INVITE.

mod element_support;

use std::time::Duration;

use element_support::*;

/// Bob has ended the INVITE that Alice has cancelled, and her ACK has come. How long she goes on repeating her CANCEL.
fn repeated_cancel(until: Duration) -> (World, ElementId) {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let [alice, bob] = [ALICE, BOB].map(|at| add_inbox(&mut world, at));
    world.send(alice, invite("again"), address(RELAY));
    world.advance(millis(50));
    let invite = world.peer(bob).news().remove(0);
    world.send(bob, answer(&invite, 180, "b"), address(RELAY));
    world.advance(millis(50));
    world.send(alice, request("CANCEL", "again"), address(RELAY));
    world.advance(millis(50));
    world.send(bob, answer(&invite, 487, "b"), address(RELAY));
    world.advance(millis(50));
    let ack = request("ACK", "again").replace("To: <sip:bob@b.example>", "To: <sip:bob@b.example>;tag=b");
    world.send(alice, ack, address(RELAY));
    world.advance(until);
    world.send(alice, request("CANCEL", "again"), address(RELAY));
    world.advance(millis(50));
    (world, relay)
}

#[test]
fn a_repeated_one_gets_its_200_again_when_the_invite_is_over() {
    let (mut world, relay) = repeated_cancel(seconds(20));
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200", "487", "200"], "{}", world.record());
    let entries = world.record().entries().iter().filter(|it| it.first_line().starts_with("SIP/2.0 200"));
    let answers: Vec<_> = entries.map(|it| it.wire.clone()).collect();
    assert_eq!(answers[0], answers[1], "the same answer, To tag included");
    assert_eq!(world.element(relay).gauges().server_transactions, 0);
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn after_its_timer_j_it_is_unknown() {
    let (mut world, relay) = repeated_cancel(seconds(33));
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200", "487", "481"], "{}", world.record());
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}
