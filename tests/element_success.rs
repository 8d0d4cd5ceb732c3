//! 2xx that come again, and of more than one callee (RFC 3261 13.2.2.4, 16.7, RFC 6026).

mod element_support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use element_support::*;
use oversip::message::{Message, Method};

/// The responses to an INVITE that Alice has got, as their bytes.
fn successes(world: &mut World, alice: PeerId<Inbox>) -> Vec<(Vec<u8>, String)> {
    let messages = world.peer(alice).messages().iter();
    let of_invite =
        messages.filter(|it| it.status() == Some(200) && it.cseq_method() == Some(&Method::Invite));
    let tag = |message: &Message| message.to_tag().unwrap_or_default().to_vec();
    of_invite.map(|message| (tag(message), format!("{message:?}"))).collect()
}

/// The first INVITE that has come.
fn invited(world: &mut World, bob: PeerId<Inbox>) -> Message {
    let messages = world.peer(bob).messages();
    messages.iter().find(|message| message.method() == Some(&Method::Invite)).expect("an INVITE").clone()
}

/// The ACK of a dialog with Bob by way of the relay, for a 2xx that Alice has got.
fn ack_for_2xx(world: &mut World, alice: PeerId<Inbox>, to_tag: &str) -> String {
    let messages = world.peer(alice).messages();
    let accepted = messages.iter().find(|it| it.to_tag() == Some(to_tag.as_bytes())).expect("a 2xx");
    let headers = oversip::message::Headers::from_message(accepted);
    let routes = headers.list(oversip::message::HeaderName::RecordRoute);
    let mut routes: Vec<_> =
        routes.map(|route| format!("Route: {}\r\n", String::from_utf8_lossy(route))).collect();
    routes.reverse();
    let call_id = String::from_utf8_lossy(accepted.call_id().unwrap_or_default()).into_owned();
    request("ACK", &call_id)
        .replace("ACK sip:bob@b.example", &format!("ACK sip:bob@{BOB}"))
        .replace(&format!("branch=z9hG4bK{call_id}"), &format!("branch=z9hG4bKack{to_tag}"))
        .replace(
            "To: <sip:bob@b.example>",
            &format!("{}To: <sip:bob@b.example>;tag={to_tag}", routes.concat()),
        )
}

#[test]
fn a_repeated_2xx_goes_up_again_with_the_same_bytes_and_its_ack_goes_down() {
    let mut world = world(1);
    let told = Arc::new(AtomicUsize::new(0));
    let count = told.clone();
    let script = relay_to(BOB).on(CallbackClass::Success, move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let relay = add_relay(&mut world, RELAY, script);
    let (alice, bob) = (add_inbox(&mut world, ALICE), add_inbox(&mut world, BOB));
    world.send(alice, invite("repeated"), address(RELAY));
    world.advance(millis(50));
    let invite = invited(&mut world, bob);
    for _ in 0..3 {
        world.send(bob, acceptance(&invite, "b"), address(RELAY));
        world.advance(millis(500));
    }
    let got = successes(&mut world, alice);
    assert_eq!(got.len(), 3, "{}", world.record());
    assert!(got.iter().all(|success| *success == got[0]), "{got:?}");
    assert_eq!(told.load(Ordering::Relaxed), 1, "the blocks are told once");
    let ack = ack_for_2xx(&mut world, alice, "b");
    for _ in 0..2 {
        world.send(alice, ack.clone(), address(RELAY));
        world.advance(millis(50));
    }
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "ACK", "ACK"], "each ACK is passed on");
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn the_2xx_of_a_second_callee_goes_up_too_and_each_is_repeated_as_itself() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let (alice, bob) = (add_inbox(&mut world, ALICE), add_inbox(&mut world, BOB));
    world.send(alice, invite("forked"), address(RELAY));
    world.advance(millis(50));
    let invite = invited(&mut world, bob);
    for tag in ["one", "two", "one", "two", "two"] {
        world.send(bob, acceptance(&invite, tag), address(RELAY));
        world.advance(millis(100));
    }
    let got = successes(&mut world, alice);
    let tags: Vec<_> = got.iter().map(|(tag, _)| String::from_utf8_lossy(tag).into_owned()).collect();
    assert_eq!(tags, ["one", "two", "one", "two", "two"], "{}", world.record());
    assert_eq!((&got[2], &got[3]), (&got[0], &got[1]));
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn a_caller_acknowledges_both_callees_and_hangs_the_second_one_up() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_inbox(&mut world, BOB);
    call(&mut world, alice, CallPlan::default());
    world.advance(millis(50));
    let invite = invited(&mut world, bob);
    for tag in ["one", "two"] {
        world.send(bob, acceptance(&invite, tag), address(RELAY));
    }
    world.advance(millis(100));
    let came = story(&world, RELAY, BOB);
    assert_eq!(came, ["INVITE", "ACK", "ACK", "BYE"], "{}", world.record());
    let bye = world.peer(bob).messages().iter().find(|it| it.method() == Some(&Method::Bye)).cloned();
    let bye = bye.expect("a BYE");
    assert_eq!(bye.to_tag(), Some(&b"two"[..]));
    world.send(bob, answer(&bye, 200, "two"), address(RELAY));
    world.run_until_idle();
    assert_eq!(world.peer(alice).calls()[0].dialogs(), 2);
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Up);
    assert_all_quiet(&world, relay);
}

#[test]
fn a_2xx_that_comes_again_while_the_first_one_is_with_the_blocks_waits_for_their_end() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB).on(CallbackClass::Success, |_| {}));
    let (alice, bob) = (add_inbox(&mut world, ALICE), add_inbox(&mut world, BOB));
    world.send(alice, invite("held"), address(RELAY));
    world.advance(millis(50));
    let invite = invited(&mut world, bob);
    world.hold_script(relay);
    for _ in 0..3 {
        world.send(bob, acceptance(&invite, "b"), address(RELAY));
        world.advance(millis(100));
    }
    assert_eq!(world.waiting_for_script(relay), 1, "they are one event");
    assert!(successes(&mut world, alice).is_empty());
    world.release_script(relay);
    world.advance(millis(50));
    assert_eq!(successes(&mut world, alice).len(), 1, "{}", world.record());
    world.send(bob, acceptance(&invite, "b"), address(RELAY));
    world.advance(millis(50));
    assert_eq!(successes(&mut world, alice).len(), 2, "{}", world.record());
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn a_2xx_that_was_dropped_does_not_go_up_when_it_is_repeated() {
    let mut world = world(1);
    let script = relay_to(BOB).on(CallbackClass::Success, |turn| turn.drop_response());
    let relay = add_relay(&mut world, RELAY, script);
    let (alice, bob) = (add_inbox(&mut world, ALICE), add_inbox(&mut world, BOB));
    world.send(alice, invite("dropped"), address(RELAY));
    world.advance(millis(50));
    let invite = invited(&mut world, bob);
    for _ in 0..3 {
        world.send(bob, acceptance(&invite, "b"), address(RELAY));
        world.advance(seconds(1));
    }
    assert_eq!(story(&world, RELAY, ALICE), ["100"], "{}", world.record());
    world.run_until_idle();
    assert_eq!(world.element(relay).gauges().server_transactions, 0);
    assert_all_quiet(&world, relay);
}

#[test]
fn a_failure_after_a_2xx_and_a_2xx_after_a_failure_change_nothing() {
    for (first, second) in [(200, 486), (486, 200)] {
        let mut world = world(1);
        let relay = add_relay(&mut world, RELAY, relay_to(BOB));
        let (alice, bob) = (add_inbox(&mut world, ALICE), add_inbox(&mut world, BOB));
        world.send(alice, invite("both"), address(RELAY));
        world.advance(millis(50));
        let invite = invited(&mut world, bob);
        for status in [first, second] {
            world.send(bob, answer(&invite, status, "b"), address(RELAY));
            world.advance(millis(100));
        }
        assert_eq!(story(&world, RELAY, ALICE), ["100".to_owned(), first.to_string()], "{}", world.record());
        world.run_until_idle();
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn a_repeated_2xx_to_another_request_ends_here() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let (alice, bob) = (add_inbox(&mut world, ALICE), add_inbox(&mut world, BOB));
    world.send(alice, request("OPTIONS", "options"), address(RELAY));
    world.advance(millis(50));
    let options = world.peer(bob).news().remove(0);
    for tag in ["one", "one", "two"] {
        world.send(bob, answer(&options, 200, tag), address(RELAY));
        world.advance(millis(100));
    }
    assert_eq!(story(&world, RELAY, ALICE), ["200"], "{}", world.record());
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn a_2xx_after_cancel_goes_up_and_is_repeated() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let (alice, bob) = (add_inbox(&mut world, ALICE), add_inbox(&mut world, BOB));
    world.send(alice, invite("crossing"), address(RELAY));
    world.advance(millis(50));
    let invite = invited(&mut world, bob);
    world.send(bob, answer(&invite, 180, "b"), address(RELAY));
    world.advance(millis(50));
    world.send(alice, request("CANCEL", "crossing"), address(RELAY));
    world.send(bob, acceptance(&invite, "b"), address(RELAY));
    world.advance(millis(100));
    world.send(bob, acceptance(&invite, "b"), address(RELAY));
    world.advance(millis(100));
    assert_eq!(successes(&mut world, alice).len(), 2, "{}", world.record());
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn after_timer_m_a_2xx_belongs_to_nothing() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let (alice, bob) = (add_inbox(&mut world, ALICE), add_inbox(&mut world, BOB));
    world.send(alice, invite("late"), address(RELAY));
    world.advance(millis(50));
    let invite = invited(&mut world, bob);
    world.send(bob, acceptance(&invite, "one"), address(RELAY));
    world.advance(millis(31_900));
    world.send(bob, acceptance(&invite, "two"), address(RELAY));
    world.advance(millis(50));
    assert_eq!(successes(&mut world, alice).len(), 2, "{}", world.record());
    world.advance(millis(200));
    world.send(bob, acceptance(&invite, "one"), address(RELAY));
    world.run_until_idle();
    assert_eq!(successes(&mut world, alice).len(), 2, "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn a_repeated_invite_of_an_accepted_call_gets_the_2xx_again() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let (alice, bob) = (add_inbox(&mut world, ALICE), add_inbox(&mut world, BOB));
    world.send(alice, invite("again"), address(RELAY));
    world.advance(millis(50));
    let first = invited(&mut world, bob);
    world.send(bob, acceptance(&first, "b"), address(RELAY));
    world.advance(millis(50));
    world.send(alice, invite("again"), address(RELAY));
    world.advance(millis(50));
    assert_eq!(successes(&mut world, alice).len(), 2, "{}", world.record());
    assert_eq!(story(&world, RELAY, BOB), ["INVITE"]);
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn a_repeated_2xx_to_an_own_invite_gets_the_same_ack_again_and_the_blocks_are_told_once() {
    let mut world = world(1);
    let told = Notes::default();
    let relay = add_relay(&mut world, RELAY, OwnScript::new(&told, &profile(), true));
    let bob = add_inbox(&mut world, BOB);
    route_own(&mut world, relay, &profile(), own(Method::Invite, "own"), |_| {});
    world.advance(millis(50));
    let invite = invited(&mut world, bob);
    for _ in 0..3 {
        world.send(bob, acceptance(&invite, "b"), address(RELAY));
        world.advance(millis(100));
    }
    let acks: Vec<_> = {
        let messages = world.peer(bob).messages().iter();
        let acks = messages.filter(|it| it.method() == Some(&Method::Ack));
        acks.map(|ack| format!("{ack:?}")).collect()
    };
    assert_eq!(acks.len(), 3, "{}", world.record());
    assert!(acks.iter().all(|ack| *ack == acks[0]), "{acks:?}");
    assert_eq!(told.all(), ["target udp:10.0.2.1:5060", "success 200"]);
    assert_eq!(world.element(relay).gauges().kept_acks, 1);
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn each_callee_of_an_own_invite_gets_its_own_ack() {
    let mut world = world(1);
    let told = Notes::default();
    let relay = add_relay(&mut world, RELAY, OwnScript::new(&told, &profile(), true));
    let bob = add_inbox(&mut world, BOB);
    route_own(&mut world, relay, &profile(), own(Method::Invite, "own"), |_| {});
    world.advance(millis(50));
    let invite = invited(&mut world, bob);
    for tag in ["one", "two", "one", "two"] {
        world.send(bob, acceptance(&invite, tag), address(RELAY));
        world.advance(millis(100));
    }
    let messages = world.peer(bob).messages().iter();
    let acks = messages.filter(|it| it.method() == Some(&Method::Ack));
    let tags: Vec<_> = acks.map(|it| String::from_utf8_lossy(it.to_tag().unwrap_or_default())).collect();
    assert_eq!(tags, ["one", "two", "one", "two"]);
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn without_an_ack_of_the_blocks_they_are_told_of_each_repeated_2xx() {
    let mut world = world(1);
    let told = Notes::default();
    let relay = add_relay(&mut world, RELAY, OwnScript::new(&told, &profile(), false));
    let bob = add_inbox(&mut world, BOB);
    route_own(&mut world, relay, &profile(), own(Method::Invite, "own"), |_| {});
    world.advance(millis(50));
    let invite = invited(&mut world, bob);
    for _ in 0..2 {
        world.send(bob, acceptance(&invite, "b"), address(RELAY));
        world.advance(millis(100));
    }
    assert_eq!(told.all(), ["target udp:10.0.2.1:5060", "success 200", "success 200"]);
    assert_eq!(story(&world, RELAY, BOB), ["INVITE"], "{}", world.record());
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn an_ack_with_the_branch_of_its_accepted_invite_goes_through() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let (alice, bob) = (add_inbox(&mut world, ALICE), add_inbox(&mut world, BOB));
    world.send(alice, invite("call"), address(RELAY));
    world.advance(millis(50));
    let invite = invited(&mut world, bob);
    world.send(bob, acceptance(&invite, "b"), address(RELAY));
    world.advance(millis(50));
    let ack = ack_for_2xx(&mut world, alice, "b").replace("z9hG4bKackb", "z9hG4bKcall");
    world.send(alice, ack, address(RELAY));
    world.advance(millis(50));
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "ACK"], "{}", world.record());
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn one_invite_has_64_callees_at_most() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let (alice, bob) = (add_inbox(&mut world, ALICE), add_inbox(&mut world, BOB));
    world.send(alice, invite("many"), address(RELAY));
    world.advance(millis(50));
    let invite = invited(&mut world, bob);
    for number in 0..70 {
        world.send(bob, acceptance(&invite, &format!("b{number}")), address(RELAY));
    }
    world.advance(millis(100));
    assert_eq!(successes(&mut world, alice).len(), 64);
    // Those that are known are repeated all the same.
    world.send(bob, acceptance(&invite, "b7"), address(RELAY));
    world.advance(millis(100));
    assert_eq!(successes(&mut world, alice).len(), 65);
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn a_2xx_without_a_to_tag_is_one_callee() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let (alice, bob) = (add_inbox(&mut world, ALICE), add_inbox(&mut world, BOB));
    world.send(alice, invite("old"), address(RELAY));
    world.advance(millis(50));
    let invite = invited(&mut world, bob);
    let accepted = oversip::message::reply(&invite, 200, b"OK", None, &[], b"", b"");
    for _ in 0..2 {
        world.send(bob, accepted.clone(), address(RELAY));
        world.advance(millis(100));
    }
    let got = successes(&mut world, alice);
    assert_eq!(got.len(), 2, "{}", world.record());
    assert_eq!(got[0], got[1]);
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}
