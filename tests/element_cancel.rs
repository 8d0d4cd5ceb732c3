//! CANCEL in every state that it can meet (RFC 3261 9, 16.10).

mod element_support;

use std::time::Duration;

use element_support::*;
use oversip::client::Profile;

/// A caller that cancels after a time.
fn cancelling(after: Duration) -> CallPlan {
    CallPlan { cancel_after: Some(after), ..CallPlan::default() }
}

/// An element that sends new requests to Bob and notes the events, a caller, and what the script notes.
fn relayed(blocks: Blocks) -> (World, ElementId, PeerId<Uac>, Notes) {
    let mut world = world(1);
    let notes = Notes::default();
    let relay = add_relay(&mut world, RELAY, noting(blocks, &notes));
    let alice = add_caller(&mut world, ALICE, RELAY);
    (world, relay, alice, notes)
}

#[test]
fn before_on_request_has_run() {
    let (mut world, relay, alice, notes) = relayed(relay_to(BOB));
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    world.hold_script(relay);
    call(&mut world, alice, cancelling(seconds(1)));
    world.advance(seconds(2));
    assert_eq!(
        story(&world, RELAY, ALICE),
        ["100", "200", "487"],
        "both are answered at once: {}",
        world.record()
    );
    world.release_script(relay);
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, ALICE), ["100", "200", "487"], "{}", world.record());
    assert_eq!(story(&world, ALICE, RELAY), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, BOB), [""; 0], "{}", world.record());
    assert!(world.peer(bob).calls().is_empty());
    assert_eq!(notes.take(), ["canceled"], "the script routes it all the same and hears of it");
    assert_all_quiet(&world, relay);
}

#[test]
fn before_on_request_has_run_nothing_is_looked_up_for_it() {
    let (mut world, relay, alice, notes) = relayed(Blocks::relay_to(profile(), by_dns("sip:b.example")));
    world.zone().set_delay(seconds(2)).address("b.example", address(BOB).ip());
    world.hold_script(relay);
    call(&mut world, alice, cancelling(seconds(1)));
    world.advance(seconds(2));
    world.release_script(relay);
    world.advance(seconds(1));
    assert_eq!(notes.take(), ["canceled"]);
    assert_eq!(world.element(relay).gauges().waiting_for_dns, 0);
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn before_on_request_ends_without_a_route() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, Blocks::new(profile()).on_request(|_| ()));
    let alice = add_caller(&mut world, ALICE, RELAY);
    world.hold_script(relay);
    let call = call(&mut world, alice, cancelling(seconds(1)));
    world.advance(seconds(2));
    world.release_script(relay);
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, ALICE), ["100", "200", "487"], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::Refused(487));
    assert_all_quiet(&world, relay);
}

#[test]
fn of_a_request_with_a_transaction_that_was_never_routed() {
    let mut world = world(1);
    let script = Blocks::new(profile()).on_request(|turn| {
        let request = turn.request().clone();
        turn.api().step(|element, now| element.create_transaction(now, &request));
    });
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    let call = call(&mut world, alice, cancelling(seconds(1)));
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, ALICE), ["100", "200", "487"], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::Refused(487));
    assert_all_quiet(&world, relay);
}

#[test]
fn of_a_request_that_is_not_known() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    world.send(alice, request("CANCEL", "unknown"), address(RELAY));
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, ALICE), ["481"], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn during_the_search_for_targets() {
    let (mut world, relay, alice, notes) =
        relayed(Blocks::relay_to(profile(), by_dns("sip:b.example;transport=udp")));
    world.zone().set_delay(seconds(2)).address("b.example", address(BOB).ip());
    add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    call(&mut world, alice, cancelling(seconds(1)));
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, ALICE), ["100", "200", "487"], "{}", world.record());
    assert_eq!(story(&world, RELAY, BOB), [""; 0], "{}", world.record());
    assert_eq!(notes.take(), ["canceled"]);
    assert_all_quiet(&world, relay);
}

/// `on_target` takes three seconds.
fn held_on_target(notes: &Notes, blocks: Blocks) -> Blocks {
    let (notes, held) = (notes.clone(), notes.clone());
    noting(blocks, &notes).on(CallbackClass::Target, move |turn| {
        held.see(turn);
        turn.wait(seconds(3), |_| ());
    })
}

#[test]
fn while_on_target_runs() {
    let mut world = world(1);
    let notes = Notes::default();
    let relay = add_relay(&mut world, RELAY, held_on_target(&notes, relay_to(BOB)));
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    call(&mut world, alice, cancelling(seconds(1)));
    world.advance(seconds(2));
    assert_eq!(notes.take(), ["target bob"]);
    assert_eq!(story(&world, RELAY, ALICE), ["100", "200"], "{}", world.record());
    world.run_until_idle();
    assert_eq!(notes.take(), ["canceled bob"]);
    assert_eq!(story(&world, RELAY, ALICE), ["100", "200", "487"], "{}", world.record());
    assert_eq!(story(&world, RELAY, BOB), [""; 0], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn before_a_provisional_response_it_waits_for_one() {
    let (mut world, relay, alice, notes) = relayed(relay_to(BOB));
    add_callee(&mut world, BOB, Uas::with_answers(&[(seconds(3), 180), (seconds(9), 200)]));
    call(&mut world, alice, cancelling(seconds(1)));
    world.advance(seconds(2));
    assert_eq!(story(&world, RELAY, ALICE), ["100", "200"], "{}", world.record());
    assert!(!story(&world, RELAY, BOB).contains(&"CANCEL".into()), "{}", world.record());
    assert_eq!(notes.take(), ["canceled bob"]);
    world.run_until_idle();
    assert_eq!(
        story(&world, RELAY, BOB),
        ["INVITE", "INVITE", "INVITE", "CANCEL", "ACK"],
        "{}",
        world.record()
    );
    assert_eq!(story(&world, BOB, RELAY), ["180", "200", "487"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "200", "487"], "{}", world.record());
    assert_eq!(notes.take(), [""; 0], "what comes after it runs no blocks");
    assert_all_quiet(&world, relay);
}

#[test]
fn of_a_request_whose_callee_says_nothing_at_all() {
    let (mut world, relay, alice, notes) = relayed(relay_to(BOB));
    add_inbox(&mut world, BOB);
    call(&mut world, alice, cancelling(seconds(1)));
    world.run_until_idle();
    assert_eq!(notes.take(), ["canceled bob"]);
    assert!(!story(&world, RELAY, BOB).contains(&"CANCEL".into()), "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "200", "487"], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn after_a_provisional_response_it_goes_on_at_once() {
    let (mut world, relay, alice, notes) = relayed(relay_to(BOB));
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(9)));
    call(&mut world, alice, cancelling(seconds(1)));
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(story(&world, BOB, RELAY), ["180", "200", "487"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200", "487"], "{}", world.record());
    assert_eq!(story(&world, ALICE, RELAY), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(notes.take(), ["provisional 180 bob", "canceled bob"]);
    assert!(world.peer(bob).calls()[0].is_canceled());
    assert_all_quiet(&world, relay);
}

#[test]
fn answered_by_a_callee_that_never_ends_its_invite() {
    let (mut world, relay, alice, notes) = relayed(relay_to(BOB));
    let bob = add_inbox(&mut world, BOB);
    call(&mut world, alice, cancelling(seconds(1)));
    world.advance(millis(100));
    let invite = world.peer(bob).news().remove(0);
    world.send(bob, answer(&invite, 180, "b"), address(RELAY));
    world.advance(seconds(1));
    let cancel = world.peer(bob).news().remove(0);
    world.send(bob, answer(&cancel, 200, "b"), address(RELAY));
    world.run_until_idle();
    assert_eq!(notes.take(), ["provisional 180 bob", "canceled bob"]);
    assert_eq!(
        story(&world, RELAY, ALICE),
        ["100", "180", "200", "487"],
        "it ends 64*T1 after the CANCEL (RFC 3261 9.1): {}",
        world.record()
    );
    assert_all_quiet(&world, relay);
}

#[test]
fn crossing_a_200_on_its_way_to_the_element() {
    let (mut world, relay, alice, notes) = relayed(relay_to(BOB));
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    // It reaches the element when the 200 has left Bob.
    let call = call(&mut world, alice, cancelling(millis(1015)));
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL", "ACK", "BYE"], "{}", world.record());
    assert_eq!(story(&world, BOB, RELAY), ["180", "200", "200", "200"], "{}", world.record());
    assert_eq!(story(&world, ALICE, RELAY), ["INVITE", "CANCEL", "ACK", "BYE"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200", "200", "200"], "{}", world.record());
    assert_eq!(notes.of("canceled"), ["canceled bob"]);
    assert_eq!(notes.of("success"), ["success 200 bob", "success 200 bob"], "of the INVITE and the BYE");
    assert_eq!(world.peer(alice).calls()[call].statuses(), [100, 180, 200]);
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::EndedByPeer);
    assert_all_quiet(&world, relay);
}

#[test]
fn crossing_a_200_on_its_way_to_the_client() {
    let (mut world, relay, alice, notes) = relayed(relay_to(BOB));
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    call(&mut world, alice, cancelling(millis(1035)));
    world.run_until_idle();
    assert_eq!(
        story(&world, RELAY, BOB),
        ["INVITE", "ACK", "BYE"],
        "nothing is to cancel: {}",
        world.record()
    );
    assert_eq!(story(&world, ALICE, RELAY), ["INVITE", "CANCEL", "ACK", "BYE"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200", "200", "200"], "{}", world.record());
    assert_eq!(notes.of("canceled"), [""; 0]);
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::EndedByPeer);
    assert_all_quiet(&world, relay);
}

#[test]
fn between_two_targets() {
    let mut world = world(1);
    let notes = Notes::default();
    // Both targets of b.example get their turn in on_target, which is held for the second one.
    let (held, blocks) = (notes.clone(), Blocks::relay_to(profile(), by_dns("sip:b.example;transport=udp")));
    let blocks = noting(blocks, &notes).on(CallbackClass::Target, move |turn| {
        held.see(turn);
        if held.of("target").len() == 2 {
            turn.wait(seconds(3), |_| ());
        }
    });
    let relay = add_relay(&mut world, RELAY, blocks);
    let alice = add_caller(&mut world, ALICE, RELAY);
    let addresses = [BOB, CAROL].map(|at| address(at).ip());
    world.zone().address("b.example", addresses[0]).address("b.example", addresses[1]);
    world.network().cut_off(address(BOB), Reachability::Refused);
    world.network().cut_off(address(CAROL), Reachability::Refused);
    call(&mut world, alice, cancelling(seconds(1)));
    world.advance(seconds(2));
    assert_eq!(notes.of("target").len(), 2, "{}", world.record());
    world.run_until_idle();
    assert_eq!(notes.of("canceled").len(), 1);
    assert_eq!(notes.of("error"), [""; 0]);
    assert_eq!(story(&world, RELAY, ALICE), ["100", "200", "487"], "{}", world.record());
    let tried = [BOB, CAROL].map(|at| story(&world, RELAY, at).len());
    assert_eq!(tried.iter().sum::<usize>(), 1, "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn no_further_target_is_tried_after_it() {
    let (mut world, relay, alice, notes) = relayed(Blocks::relay_to(
        Profile { dns_failover_on_503: true, ..profile() },
        by_dns("sip:b.example"),
    ));
    world.zone().srv("_sip._udp.b.example", 1, 0, 5060, "one.b.example").srv(
        "_sip._udp.b.example",
        2,
        0,
        5060,
        "two.b.example",
    );
    world.zone().address("one.b.example", address(BOB).ip()).address("two.b.example", address(CAROL).ip());
    let bob = add_inbox(&mut world, BOB);
    add_callee(&mut world, CAROL, Uas::answering(200, seconds(1)));
    call(&mut world, alice, cancelling(seconds(1)));
    world.advance(millis(500));
    let invite = world.peer(bob).news().remove(0);
    world.send(bob, answer(&invite, 180, "b"), address(RELAY));
    world.advance(seconds(1));
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL"], "{}", world.record());
    world.send(bob, answer(&invite, 503, "b"), address(RELAY));
    let cancel = world.peer(bob).news().remove(0);
    world.send(bob, answer(&cancel, 200, "b"), address(RELAY));
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200", "500"], "{}", world.record());
    assert_eq!(story(&world, RELAY, CAROL), [""; 0], "{}", world.record());
    assert_eq!(notes.take(), ["provisional 180 bob", "canceled bob"]);
    assert_all_quiet(&world, relay);
}

/// Sends a request to Bob and to Carol at once, by a Proxy each.
fn fork(blocks: Blocks) -> Blocks {
    blocks.on_request(|turn| {
        if turn.request().message.to_tag().is_some() {
            return turn.route();
        }
        let (one, other) = (turn.new_proxy(), turn.new_proxy());
        turn.route_by(one, Some(udp(BOB)));
        turn.route_by(other, Some(udp(CAROL)));
    })
}

#[test]
fn each_of_several_branches_gets_it() {
    let (mut world, relay, alice, notes) = relayed(fork(Blocks::new(profile())));
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(9)));
    let carol = add_callee(&mut world, CAROL, Uas::answering(200, seconds(9)));
    call(&mut world, alice, cancelling(seconds(1)));
    world.run_until_idle();
    for callee in [BOB, CAROL] {
        assert_eq!(story(&world, RELAY, callee), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    }
    assert!(world.peer(bob).calls()[0].is_canceled() && world.peer(carol).calls()[0].is_canceled());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "180", "200", "487"], "{}", world.record());
    let mut canceled = notes.of("canceled");
    canceled.sort();
    assert_eq!(canceled, ["canceled bob", "canceled carol"]);
    assert_eq!(notes.of("failure"), [""; 0]);
    assert_all_quiet(&world, relay);
}

#[test]
fn a_branch_that_was_refused_before_hears_nothing_of_it() {
    let (mut world, relay, alice, notes) = relayed(fork(Blocks::new(profile())));
    add_callee(&mut world, BOB, Uas::answering(486, millis(500)));
    add_callee(&mut world, CAROL, Uas::answering(200, seconds(9)));
    let call = call(&mut world, alice, cancelling(seconds(1)));
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(notes.of("canceled"), ["canceled carol"]);
    // Both answers are candidates, and the 486 came first (RFC 3261 16.7 step 6).
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::Refused(486));
    assert_all_quiet(&world, relay);
}

#[test]
fn a_branch_whose_refusal_is_with_its_blocks_hears_nothing_of_it() {
    let mut world = world(1);
    let notes = Notes::default();
    let [provisional, failure] = [notes.clone(), notes.clone()];
    // Carol's Client comes to the CANCEL after Bob's.
    let blocks = noting(fork(Blocks::new(profile())), &notes)
        .on(CallbackClass::Provisional, move |turn| {
            provisional.see(turn);
            if turn.target().is_some_and(|target| target.addr == address(CAROL)) {
                turn.wait(seconds(5), |_| ());
            }
        })
        .on_failure(move |turn| {
            failure.see(turn);
            turn.wait(seconds(3), |_| ());
        });
    let relay = add_relay(&mut world, RELAY, blocks);
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(486, millis(500)));
    add_callee(&mut world, CAROL, Uas::answering(200, seconds(9)));
    let call = call(&mut world, alice, cancelling(seconds(1)));
    world.run_until_idle();
    assert_eq!(notes.of("canceled"), ["canceled carol"]);
    assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::Refused(486));
    assert_all_quiet(&world, relay);
}

#[test]
fn a_branch_that_a_6xx_has_cancelled_is_pending_still() {
    let (mut world, relay, alice, notes) = relayed(fork(Blocks::new(profile())));
    add_callee(&mut world, BOB, Uas::answering(603, millis(500)));
    let carol = add_inbox(&mut world, CAROL);
    let call = call(&mut world, alice, cancelling(seconds(1)));
    world.advance(millis(100));
    let invite = world.peer(carol).news().remove(0);
    world.send(carol, answer(&invite, 180, "c"), address(RELAY));
    world.advance(seconds(2));
    world.send(carol, answer(&invite, 487, "c"), address(RELAY));
    world.run_until_idle();
    assert_eq!(notes.of("failure"), ["failure 603 bob"]);
    assert_eq!(notes.of("canceled"), ["canceled carol"]);
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::Refused(603));
    assert_all_quiet(&world, relay);
}

#[test]
fn branches_in_different_states_get_it() {
    let mut world = world(1);
    let notes = Notes::default();
    let blocks = noting(Blocks::new(profile()), &notes).on_request(|turn| {
        let (one, other) = (turn.new_proxy(), turn.new_proxy());
        turn.route_by(one, Some(udp(BOB)));
        turn.route_by(other, Some(by_dns("sip:c.example;transport=udp")));
    });
    let relay = add_relay(&mut world, RELAY, blocks);
    let alice = add_caller(&mut world, ALICE, RELAY);
    world.zone().set_delay(seconds(3)).address("c.example", address(CAROL).ip());
    add_callee(&mut world, BOB, Uas::answering(200, seconds(9)));
    add_callee(&mut world, CAROL, Uas::answering(200, seconds(9)));
    call(&mut world, alice, cancelling(seconds(1)));
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, CAROL), [""; 0], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200", "487"], "{}", world.record());
    let mut canceled = notes.of("canceled");
    canceled.sort();
    assert_eq!(canceled, ["canceled", "canceled bob"]);
    assert_all_quiet(&world, relay);
}

/// What an [`Inbox`] of Alice's sends by hand.
fn by_hand(world: &mut World, alice: PeerId<Inbox>, method: &str) {
    world.send(alice, request(method, "1"), address(RELAY));
}

#[test]
fn twice() {
    let mut world = world(1);
    let notes = Notes::default();
    let relay = add_relay(&mut world, RELAY, noting(relay_to(BOB), &notes));
    let alice = add_inbox(&mut world, ALICE);
    add_callee(&mut world, BOB, Uas::answering(200, seconds(9)));
    by_hand(&mut world, alice, "INVITE");
    world.advance(seconds(1));
    by_hand(&mut world, alice, "CANCEL");
    by_hand(&mut world, alice, "CANCEL");
    world.advance(millis(500));
    by_hand(&mut world, alice, "ACK");
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200", "200", "487"], "{}", world.record());
    assert_eq!(notes.of("canceled"), ["canceled bob"]);
    assert_all_quiet(&world, relay);
}

#[test]
fn after_a_final_answer() {
    for (status, then) in [(486, "ACK"), (200, "ACK")] {
        let mut world = world(1);
        let notes = Notes::default();
        let relay = add_relay(&mut world, RELAY, noting(relay_to(BOB), &notes));
        let alice = add_inbox(&mut world, ALICE);
        add_callee(&mut world, BOB, Uas::with_answers(&[(millis(100), status)]));
        by_hand(&mut world, alice, "INVITE");
        world.advance(millis(300));
        by_hand(&mut world, alice, "CANCEL");
        world.advance(millis(100));
        by_hand(&mut world, alice, then);
        world.advance(millis(50));
        let answered = story(&world, RELAY, ALICE);
        assert_eq!(answered, ["100".to_owned(), status.to_string(), "200".to_owned()], "{}", world.record());
        assert!(!story(&world, RELAY, BOB).contains(&"CANCEL".into()), "{}", world.record());
        world.run_until_idle();
        assert_eq!(notes.of("canceled"), [""; 0]);
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn the_reason_for_it_travels_on() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    add_callee(&mut world, BOB, Uas::answering(200, seconds(9)));
    by_hand(&mut world, alice, "INVITE");
    world.advance(seconds(1));
    let reason = "Reason: SIP;cause=200;text=\"Call completed elsewhere\"";
    let cancel = request("CANCEL", "1").replace("Max-Forwards", &format!("{reason}\r\nMax-Forwards"));
    world.send(alice, cancel, address(RELAY));
    world.run_until_idle();
    let sent = world
        .record()
        .entries()
        .iter()
        .find(|it| it.to == address(BOB) && it.first_line().starts_with("CANCEL"));
    let text = String::from_utf8_lossy(&sent.expect("a CANCEL").wire).into_owned();
    assert!(text.contains(reason), "{text}");
    assert_all_quiet(&world, relay);
}

#[test]
fn after_a_refusal_that_the_script_has_dropped() {
    // Nothing is pending any more, and nobody else answers the client.
    let mut world = world(1);
    let notes = Notes::default();
    let seen = notes.clone();
    let blocks = noting(relay_to(BOB), &notes).on_failure(move |turn| {
        seen.see(turn);
        turn.drop_response();
    });
    let relay = add_relay(&mut world, RELAY, blocks);
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(486, millis(500)));
    let call = call(&mut world, alice, cancelling(seconds(1)));
    world.run_until_idle();
    assert_eq!(notes.of("failure"), ["failure 486 bob"]);
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200", "487"], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::Refused(487));
    assert_all_quiet(&world, relay);
}

#[test]
fn while_the_blocks_of_a_refusal_run() {
    for (dropped, answer) in [(false, 486), (true, 487)] {
        let mut world = world(1);
        let notes = Notes::default();
        let blocks = noting(relay_to(BOB), &notes).on_failure(move |turn| {
            turn.wait(seconds(3), move |turn| {
                if dropped {
                    turn.drop_response();
                }
            });
        });
        let relay = add_relay(&mut world, RELAY, blocks);
        let alice = add_caller(&mut world, ALICE, RELAY);
        add_callee(&mut world, BOB, Uas::answering(486, millis(500)));
        let call = call(&mut world, alice, cancelling(seconds(1)));
        world.advance(seconds(2));
        assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200"], "{}", world.record());
        world.run_until_idle();
        assert_eq!(story(&world, RELAY, BOB), ["INVITE", "ACK"], "{}", world.record());
        let statuses = world.peer(alice).calls()[call].statuses().to_vec();
        assert_eq!(statuses, [100, 180, answer], "{}", world.record());
        assert_eq!(notes.of("canceled"), ["canceled bob"]);
        assert_all_quiet(&world, relay);
    }
}
