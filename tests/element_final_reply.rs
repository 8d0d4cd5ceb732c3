//! A script that answers a request by itself while branches of it are pending.

mod element_support;

use std::time::Duration;

use element_support::*;
use oversip::client::session::CallbackClass;

/// What the script does with new requests; what follows in their dialogs goes its way.
fn script(notes: &Notes, on_request: impl Fn(&mut Turn<'_, '_>) + Send + Sync + 'static) -> Blocks {
    noting(Blocks::new(profile()), notes).on_request(move |turn| {
        if turn.request().message.to_tag().is_some() {
            return turn.route();
        }
        on_request(turn);
    })
}

/// An element whose script routes to Bob and replies after a time.
fn replying(status: u16, after: Duration) -> (World, ElementId, PeerId<Uac>, Notes) {
    let mut world = world(1);
    let notes = Notes::default();
    let script = script(&notes, move |turn| {
        turn.route_to(udp(BOB));
        turn.wait(after, move |turn| {
            assert!(turn.reply(status));
        });
    });
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    (world, relay, alice, notes)
}

#[test]
fn it_cancels_what_rings() {
    let (mut world, relay, alice, notes) = replying(480, seconds(1));
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(9)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "480"], "{}", world.record());
    assert!(world.peer(bob).calls()[0].is_canceled());
    assert_eq!(notes.take(), ["provisional 180 bob"], "the 487 runs no block");
    assert_all_quiet(&world, relay);
}

#[test]
fn a_2xx_that_crosses_it_is_acknowledged_and_ended() {
    let (mut world, relay, alice, notes) = replying(480, millis(1015));
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    let call = call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL", "ACK", "BYE"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "480"], "{}", world.record());
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::EndedByPeer);
    assert_eq!(world.peer(bob).calls()[0].acks(), 1);
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::Refused(480));
    assert_eq!(notes.take(), ["provisional 180 bob", "success 200 bob"]);
    assert_all_quiet(&world, relay);
}

#[test]
fn such_a_2xx_is_ended_though_its_block_drops_it() {
    let mut world = world(1);
    let script = script(&Notes::default(), move |turn| {
        turn.route_to(udp(BOB));
        turn.wait(millis(1015), move |turn| {
            assert!(turn.reply(480));
        });
    })
    .on(CallbackClass::Success, |turn| turn.drop_response());
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL", "ACK", "BYE"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "480"], "{}", world.record());
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::EndedByPeer);
    assert_all_quiet(&world, relay);
}

#[test]
fn such_a_2xx_gets_its_ack_again_when_that_was_lost() {
    let (mut world, relay, alice, _) = replying(480, millis(1015));
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.advance(millis(1028));
    let (from, to) = (address(RELAY).ip(), address(BOB).ip());
    world.network().set_conditions_between(from, to, Conditions { loss: 1000, ..Conditions::default() });
    world.advance(millis(10));
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL", "ACK", "BYE"], "{}", world.record());
    assert_eq!(world.peer(bob).calls()[0].acks(), 0);
    world.network().set_conditions_between(from, to, Conditions::default());
    world.run_until_idle();
    assert_eq!(world.peer(bob).calls()[0].acks(), 1, "{}", world.record());
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::EndedByPeer);
    assert_all_quiet(&world, relay);
}

#[test]
fn each_2xx_of_a_fork_downstream_that_crosses_it_is_ended() {
    let (mut world, relay, alice, _) = replying(480, seconds(1));
    let bob = add_inbox(&mut world, BOB);
    call(&mut world, alice, CallPlan::default());
    world.advance(millis(500));
    let invite = world.peer(bob).news().remove(0);
    world.send(bob, answer(&invite, 180, "one"), address(RELAY));
    world.advance(millis(505));
    for tag in ["one", "two"] {
        let contact = format!("Contact: <sip:{tag}@{BOB}>\r\n\r\n");
        let wire = String::from_utf8(answer(&invite, 200, tag).to_vec()).expect("text");
        world.send(bob, wire.replacen("\r\n\r\n", &format!("\r\n{contact}"), 1), address(RELAY));
    }
    world.advance(millis(100));
    let sent: Vec<_> =
        sent(&world, RELAY, BOB).into_iter().filter(|line| !line.starts_with("INVITE")).collect();
    for tag in ["one", "two"] {
        for method in ["ACK", "BYE"] {
            let line = format!("{method} sip:{tag}@{BOB} SIP/2.0");
            assert_eq!(sent.iter().filter(|it| **it == line).count(), 1, "{line}: {}", world.record());
        }
    }
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn a_2xx_of_the_scripts_cancels_and_a_crossing_one_is_ended() {
    let (mut world, relay, alice, _) = replying(200, millis(1015));
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    let call = call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    let told = story(&world, RELAY, BOB);
    assert_eq!(told[..4], ["INVITE", "CANCEL", "ACK", "BYE"], "{}", world.record());
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::EndedByPeer);
    assert_eq!(world.peer(alice).calls()[call].statuses().to_vec(), [100, 180, 200], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[call].dialogs(), 1);
    assert_all_quiet(&world, relay);
}

#[test]
fn it_ends_a_search_for_targets() {
    let mut world = world(1);
    let notes = Notes::default();
    let script = script(&notes, |turn| {
        turn.route_to(by_dns("sip:b.example;transport=udp"));
        turn.wait(seconds(1), |turn| {
            assert!(turn.reply(480));
        });
    });
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    world.zone().set_delay(seconds(3)).address("b.example", address(BOB).ip());
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), [""; 0], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "480"], "{}", world.record());
    assert_eq!(notes.take(), [""; 0]);
    assert_all_quiet(&world, relay);
}

#[test]
fn in_on_target_it_keeps_the_request_back() {
    let mut world = world(1);
    let notes = Notes::default();
    let script = script(&notes, |turn| turn.route_to(udp(BOB))).on(CallbackClass::Target, |turn| {
        assert!(turn.reply(480));
    });
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), [""; 0], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "480"], "{}", world.record());
    assert_eq!(notes.take(), [""; 0]);
    assert_all_quiet(&world, relay);
}

#[test]
fn in_the_block_of_a_refusal_it_replaces_that_and_cancels_the_others() {
    let mut world = world(1);
    let notes = Notes::default();
    let script = script(&notes, |turn| {
        for to in [BOB, CAROL] {
            let proxy = turn.new_proxy();
            turn.route_by(proxy, Some(udp(to)));
        }
    })
    .on_failure(|turn| {
        assert!(turn.reply(480));
    });
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(486, seconds(1)));
    add_callee(&mut world, CAROL, Uas::answering(200, seconds(9)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "180", "480"], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn an_invite_that_was_answered_is_not_routed_any_more() {
    for status in [200, 480, 603] {
        let mut world = world(1);
        let script = script(&Notes::default(), move |turn| {
            assert!(turn.reply(status));
            turn.route_to(udp(BOB));
        });
        let relay = add_relay(&mut world, RELAY, script);
        let alice = add_caller(&mut world, ALICE, RELAY);
        add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
        call(&mut world, alice, CallPlan::default());
        world.run_until_idle();
        let told = story(&world, RELAY, BOB);
        assert!(!told.contains(&"INVITE".to_owned()), "{status}: {}", world.record());
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn an_invite_whose_branches_are_answered_is_not_routed_any_more() {
    let mut world = world(1);
    let notes = Notes::default();
    let script = script(&notes, |turn| {
        turn.route_to(udp(BOB));
        turn.wait(seconds(5), |turn| turn.route_to(udp(CAROL)));
    });
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(603, seconds(1)));
    add_callee(&mut world, CAROL, Uas::answering(200, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "603"], "{}", world.record());
    assert!(story(&world, RELAY, CAROL).is_empty(), "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn a_request_that_was_answered_may_still_be_routed() {
    // A message that is accepted at once, and delivered then.
    let mut world = world(1);
    let notes = Notes::default();
    let script = script(&notes, |turn| {
        assert!(turn.reply(202));
        turn.route_to(udp(BOB));
    });
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_inbox(&mut world, ALICE);
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(1)));
    world.send(alice, request("MESSAGE", "1"), address(RELAY));
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["MESSAGE"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["202"], "{}", world.record());
    assert_eq!(world.peer(bob).others().len(), 1);
    assert_eq!(notes.take(), ["success 200 bob"]);
    assert_all_quiet(&world, relay);
}
