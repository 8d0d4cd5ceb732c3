//! The end of an element while clients wait: each request gets a final response (RFC 3261 21.5.4), and what is pending downstream is
//! cancelled.

mod element_support;

use element_support::*;

#[test]
fn a_call_that_rings_is_refused_and_its_branch_is_cancelled() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::with_answers(&[(millis(100), 180), (seconds(60), 200)]));
    let call = call(&mut world, alice, CallPlan::default());
    world.advance(seconds(2));
    world.stop(relay);
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "503"], "{}", world.record());
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::Refused(503));
    assert_all_quiet(&world, relay);
}

#[test]
fn requests_that_the_script_has_not_seen_or_has_kept_are_refused_once() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, Blocks::new(profile()).on_request(|_| ()));
    let alice = add_caller(&mut world, ALICE, RELAY);
    world.hold_script(relay);
    let calls = [call(&mut world, alice, CallPlan::default()), call(&mut world, alice, CallPlan::default())];
    world.advance(seconds(1));
    world.stop(relay);
    world.stop(relay);
    world.run_until_idle();
    let states = calls.map(|call| world.peer(alice).calls()[call].state());
    assert_eq!(states, [CallState::Refused(503); 2], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "100", "503", "503"], "{}", world.record());
    world.release_script(relay);
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn a_call_that_is_up_stays_as_it_is() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    let call = call(&mut world, alice, CallPlan::default());
    world.advance(seconds(3));
    world.stop(relay);
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::Up);
    world.run_until_idle();
    assert!(!story(&world, RELAY, ALICE).contains(&"503".to_owned()), "{}", world.record());
    assert!(!story(&world, RELAY, BOB).contains(&"CANCEL".to_owned()), "{}", world.record());
}
