//! A 2xx that does not go to the client, since that has another final response or the script drops it: the element acknowledges
//! it and ends its call (RFC 3261 13.2.2.4, 15).

mod element_support;

use element_support::*;

/// A relay whose script replies 480 by itself as soon as it rings, and a callee that accepts the call nevertheless.
fn accepted_too_late() -> (World, ElementId, PeerId<Inbox>, oversip::message::Message) {
    let mut world = world(1);
    let script = relay_to(BOB).on(CallbackClass::Provisional, |turn| assert!(turn.reply(480)));
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_inbox(&mut world, BOB);
    call(&mut world, alice, CallPlan::default());
    world.advance(millis(100));
    let invite = world.peer(bob).news().remove(0);
    world.send(bob, answer(&invite, 180, "b"), address(RELAY));
    world.advance(millis(100));
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(480));
    (world, relay, bob, invite)
}

/// The 2xx, with the Record-Route of the INVITE.
fn success(invite: &oversip::message::Message) -> bytes::Bytes {
    let mut lines = record_route_lines(invite);
    lines.push("Contact: <sip:bob@10.0.2.1:5060>".into());
    oversip::message::reply(invite, 200, b"OK", Some(b"b"), &lines, b"", b"")
}

#[test]
fn it_is_acknowledged_and_ended_at_the_callee_and_nobody_else_hears_of_it() {
    let (mut world, relay, bob, invite) = accepted_too_late();
    let before = story(&world, RELAY, ALICE).len();
    world.send(bob, success(&invite), address(RELAY));
    world.advance(millis(100));
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL", "ACK", "BYE"], "{}", world.record());
    let bye = world.peer(bob).news().pop().expect("a BYE");
    world.send(bob, answer(&bye, 200, "b"), address(RELAY));
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, ALICE).len(), before, "{}", world.record());
    assert!(story(&world, RELAY, RELAY).is_empty(), "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn its_ack_is_sent_again_for_each_time_that_it_comes_again() {
    let (mut world, relay, bob, invite) = accepted_too_late();
    for acks in 1..=3 {
        world.send(bob, success(&invite), address(RELAY));
        world.advance(millis(100));
        let sent = story(&world, RELAY, BOB).iter().filter(|it| *it == "ACK").count();
        assert_eq!(sent, acks, "{}", world.record());
    }
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn one_that_its_block_drops_is_ended_while_the_client_has_no_answer_yet() {
    let mut world = world(1);
    let script = relay_to(BOB).on(CallbackClass::Success, |turn| turn.drop_response());
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(3));
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "ACK", "BYE"], "{}", world.record());
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::EndedByPeer);
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180"], "{}", world.record());
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn one_that_is_dropped_outside_of_a_block_is_ended_too() {
    let mut world = world(1);
    let script = relay_to(BOB).on_request(|turn| {
        turn.route_to(udp(BOB));
        let proxy = turn.proxy();
        turn.api().step(|element, _| element.drop_next_response(proxy));
    });
    let relay = add_relay(&mut world, RELAY, script);
    let [alice, bob] = [ALICE, BOB].map(|at| add_inbox(&mut world, at));
    world.send(alice, element_support::invite("1"), address(RELAY));
    world.advance(millis(50));
    let invite = world.peer(bob).news().remove(0);
    world.send(bob, success(&invite), address(RELAY));
    world.advance(millis(50));
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "ACK", "BYE"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100"], "{}", world.record());
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn the_client_can_still_be_connected_to_somebody_else() {
    let mut world = world(1);
    let script = relay_to(BOB).on(CallbackClass::Success, |turn| {
        if turn.target().is_some_and(|target| target.addr == address(BOB)) {
            turn.drop_response();
            let other = turn.new_proxy();
            turn.route_by(other, Some(udp(CAROL)));
        }
    });
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    add_callee(&mut world, CAROL, Uas::answering(200, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "ACK", "BYE"], "{}", world.record());
    assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "ACK"], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Up);
    assert_all_quiet(&world, relay);
}
