//! A call that is relayed: accepted, refused and cancelled.

mod element_support;

use element_support::*;

#[test]
fn an_accepted_call_goes_through_with_its_ack_and_bye() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(2)));
    let call = call(&mut world, alice, CallPlan { hang_up_after: Some(seconds(5)), ..CallPlan::default() });
    world.run_until_idle();
    assert_eq!(story(&world, ALICE, RELAY), ["INVITE", "ACK", "BYE"], "{}", world.record());
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "ACK", "BYE"], "{}", world.record());
    assert_eq!(story(&world, BOB, RELAY), ["180", "200", "200"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200", "200"], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::HungUp);
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::EndedByPeer);
    assert_all_quiet(&world, relay);
}

#[test]
fn a_refused_call_is_acknowledged_hop_by_hop() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_callee(&mut world, BOB, Uas::answering(486, millis(100)));
    let call = call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "486"], "{}", world.record());
    assert_eq!(story(&world, ALICE, RELAY), ["INVITE", "ACK"], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::Refused(486));
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::Over(486));
    assert_all_quiet(&world, relay);
}

#[test]
fn a_call_that_rings_is_cancelled_at_the_callee() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(20)));
    let call = call(&mut world, alice, CallPlan { cancel_after: Some(seconds(3)), ..CallPlan::default() });
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200", "487"], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::Refused(487));
    assert!(world.peer(bob).calls()[0].is_canceled());
    assert_all_quiet(&world, relay);
}
