//! `Proxy#cancel`: the script cancels a request without a reply of its own.

mod element_support;

use std::time::Duration;

use element_support::*;

/// An element whose script routes to a destination and cancels after a time.
fn cancelling(
    destination: oversip::client::Destination,
    after: Duration,
    more: impl FnOnce(Blocks) -> Blocks,
) -> (World, ElementId, PeerId<Uac>, Notes) {
    let mut world = world(1);
    let notes = Notes::default();
    let script = noting(Blocks::new(profile()), &notes).on_request(move |turn| {
        if turn.request().message.to_tag().is_some() {
            return turn.route();
        }
        turn.route_to(destination.clone());
        turn.wait(after, |turn| turn.cancel());
    });
    let relay = add_relay(&mut world, RELAY, more(script));
    let alice = add_caller(&mut world, ALICE, RELAY);
    (world, relay, alice, notes)
}

#[test]
fn the_487_runs_its_block_and_goes_up() {
    let (mut world, relay, alice, notes) = cancelling(udp(BOB), seconds(1), |blocks| blocks);
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(9)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "487"], "{}", world.record());
    assert!(world.peer(bob).calls()[0].is_canceled());
    assert_eq!(notes.take(), ["provisional 180 bob", "failure 487 bob"]);
    assert_all_quiet(&world, relay);
}

#[test]
fn a_487_that_its_block_drops_does_not_go_up() {
    let (mut world, relay, alice, notes) = cancelling(udp(BOB), seconds(1), |blocks| {
        blocks.on_failure(|turn| {
            turn.drop_response();
            turn.route_to(udp(CAROL));
        })
    });
    add_callee(&mut world, BOB, Uas::answering(200, seconds(9)));
    add_callee(&mut world, CAROL, Uas::answering(200, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "180", "200"], "{}", world.record());
    assert_eq!(notes.take(), ["provisional 180 bob", "provisional 180 carol", "success 200 carol"]);
    assert_all_quiet(&world, relay);
}

#[test]
fn a_crossing_2xx_goes_up() {
    let (mut world, relay, alice, notes) = cancelling(udp(BOB), millis(1015), |blocks| blocks);
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200"], "{}", world.record());
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::Up);
    assert_eq!(notes.take(), ["provisional 180 bob", "success 200 bob"]);
    assert_all_quiet(&world, relay);
}

#[test]
fn before_a_provisional_response_it_waits_for_one() {
    let (mut world, relay, alice, notes) = cancelling(udp(BOB), seconds(1), |blocks| blocks);
    add_callee(&mut world, BOB, Uas::with_answers(&[(seconds(3), 180), (seconds(9), 200)]));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    let to_bob = story(&world, RELAY, BOB);
    assert_eq!(to_bob[to_bob.len() - 2..], ["CANCEL", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "487"], "{}", world.record());
    assert_eq!(notes.take(), ["provisional 180 bob", "failure 487 bob"]);
    assert_all_quiet(&world, relay);
}

#[test]
fn during_the_search_for_targets_it_ends_with_on_error() {
    let (mut world, relay, alice, notes) =
        cancelling(by_dns("sip:b.example;transport=udp"), seconds(1), |blocks| blocks);
    world.zone().set_delay(seconds(3)).address("b.example", address(BOB).ip());
    add_callee(&mut world, BOB, Uas::answering(200, seconds(9)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), [""; 0], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "487"], "{}", world.record());
    assert_eq!(notes.take(), ["error 487"]);
    assert_all_quiet(&world, relay);
}

#[test]
fn while_on_target_runs_it_keeps_the_request_back() {
    let (mut world, relay, alice, notes) =
        cancelling(by_dns("sip:b.example;transport=udp"), seconds(1), |blocks| {
            blocks.on(CallbackClass::Target, |turn| turn.wait(seconds(3), |_| ()))
        });
    world.zone().address("b.example", address(BOB).ip());
    add_callee(&mut world, BOB, Uas::answering(200, seconds(9)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), [""; 0], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "487"], "{}", world.record());
    assert_eq!(notes.take(), ["error 487 bob"]);
    assert_all_quiet(&world, relay);
}

#[test]
fn in_on_target_it_keeps_the_request_back() {
    let mut world = world(1);
    let notes = Notes::default();
    let script = noting(relay_to(BOB), &notes).on(CallbackClass::Target, |turn| turn.cancel());
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(200, seconds(9)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), [""; 0], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "487"], "{}", world.record());
    assert_eq!(notes.take(), ["error 487 bob"]);
    assert_all_quiet(&world, relay);
}

#[test]
fn it_concerns_the_branches_of_its_proxy_alone() {
    let mut world = world(1);
    let notes = Notes::default();
    let script = noting(Blocks::new(profile()), &notes).on_request(|turn| {
        if turn.request().message.to_tag().is_some() {
            return turn.route();
        }
        turn.route_to(udp(BOB));
        let other = turn.new_proxy();
        turn.route_by(other, Some(udp(CAROL)));
        turn.wait(seconds(1), |turn| turn.cancel());
    });
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(200, seconds(9)));
    add_callee(&mut world, CAROL, Uas::answering(200, seconds(3)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "180", "200"], "{}", world.record());
    assert_eq!(notes.of("failure"), ["failure 487 bob"]);
    assert_all_quiet(&world, relay);
}

#[test]
fn after_the_final_answer_it_does_nothing() {
    let (mut world, relay, alice, _) = cancelling(udp(BOB), seconds(5), |blocks| blocks);
    add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200"], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn a_cancel_of_the_client_after_it_is_answered_and_told() {
    let (mut world, relay, alice, notes) = cancelling(udp(BOB), seconds(1), |blocks| blocks);
    let bob = add_inbox(&mut world, BOB);
    call(&mut world, alice, CallPlan { cancel_after: Some(millis(1100)), ..CallPlan::default() });
    world.advance(millis(100));
    let invite = world.peer(bob).news().remove(0);
    world.send(bob, answer(&invite, 180, "b"), address(RELAY));
    world.advance(millis(1100));
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL"], "{}", world.record());
    world.send(bob, answer(&invite, 487, "b"), address(RELAY));
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200", "487"], "{}", world.record());
    assert_eq!(notes.take(), ["provisional 180 bob", "canceled bob"]);
    assert_all_quiet(&world, relay);
}
