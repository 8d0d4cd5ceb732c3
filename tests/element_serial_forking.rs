//! Serial forking: a block that hears of a failure routes the request anew.

mod element_support;

use std::time::Duration;

use element_support::*;
use oversip::client::{Destination, Profile};
use oversip::message::Transport;

/// How a first destination fails.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Failing {
    /// `on_failure_response`: it is busy.
    Refusal,
    /// `on_error`: there is nobody.
    Error,
    /// `on_invite_timeout`: it rings and rings.
    Timeout,
}

/// What a block does with it.
#[derive(Debug, Clone, Copy)]
struct Anew {
    failing: Failing,
    drops: bool,
    same_client: bool,
}

fn all() -> Vec<Anew> {
    let mut all = Vec::new();
    for failing in [Failing::Refusal, Failing::Error, Failing::Timeout] {
        for drops in [true, false] {
            for same_client in [true, false] {
                all.push(Anew { failing, drops, same_client });
            }
        }
    }
    all
}

impl Anew {
    fn class(self) -> CallbackClass {
        match self.failing {
            Failing::Refusal => CallbackClass::Failure,
            Failing::Error => CallbackClass::Error,
            Failing::Timeout => CallbackClass::InviteTimeout,
        }
    }

    /// Bob fails; the block routes to Carol, once.
    fn script(self, notes: &Notes) -> Blocks {
        let profile = Profile { timer_c: seconds(10), ..profile() };
        let seen = notes.clone();
        noting(Blocks::relay_to(profile, udp(BOB)), notes).on(self.class(), move |turn| {
            seen.see(turn);
            if turn.target().is_none_or(|target| target.addr != address(BOB)) {
                return;
            }
            if self.drops {
                turn.drop_response();
            }
            let client = if self.same_client { turn.proxy() } else { turn.new_proxy() };
            turn.route_by(client, Some(udp(CAROL)));
        })
    }

    fn scene(self, carol: Uas) -> (World, ElementId, PeerId<Uac>, Notes) {
        let mut world = world(1);
        let notes = Notes::default();
        let relay = add_relay(&mut world, RELAY, self.script(&notes));
        let alice = add_caller(&mut world, ALICE, RELAY);
        add_callee(&mut world, CAROL, carol);
        match self.failing {
            Failing::Refusal => drop(add_callee(&mut world, BOB, Uas::answering(486, millis(100)))),
            Failing::Timeout => drop(add_callee(&mut world, BOB, Uas::answering(200, seconds(99)))),
            Failing::Error => world.network().cut_off(address(BOB), Reachability::Refused),
        }
        (world, relay, alice, notes)
    }

    /// The event of Bob's failure, and its status.
    fn event(self) -> (&'static str, u16) {
        match self.failing {
            Failing::Refusal => ("failure 486 bob", 486),
            Failing::Error => ("error 500 bob", 500),
            Failing::Timeout => ("invite_timeout bob", 408),
        }
    }

    fn story_of_bob(self) -> Vec<&'static str> {
        match self.failing {
            Failing::Refusal => vec!["INVITE", "ACK"],
            Failing::Error => vec!["INVITE"],
            Failing::Timeout => vec!["INVITE", "CANCEL", "ACK"],
        }
    }
}

#[test]
fn the_second_destination_accepts() {
    for anew in all() {
        let (mut world, relay, alice, notes) = anew.scene(Uas::answering(200, seconds(2)));
        call(&mut world, alice, CallPlan { hang_up_after: Some(seconds(1)), ..CallPlan::default() });
        world.run_until_idle();
        assert_eq!(story(&world, RELAY, BOB), anew.story_of_bob(), "{anew:?}: {}", world.record());
        assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "ACK", "BYE"], "{anew:?}: {}", world.record());
        let statuses = world.peer(alice).calls()[0].statuses().to_vec();
        assert_eq!(statuses.last(), Some(&200), "{anew:?}: {}", world.record());
        assert_eq!(
            statuses.iter().filter(|status| **status >= 200).count(),
            1,
            "{anew:?}: {}",
            world.record()
        );
        let seen = notes.take();
        let failed = seen.iter().position(|note| note == anew.event().0);
        let accepted = seen.iter().position(|note| note == "success 200 carol");
        assert!(failed.is_some() && failed < accepted, "{anew:?}: {seen:?}");
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn the_second_destination_refuses() {
    for anew in all() {
        let (mut world, relay, alice, notes) = anew.scene(Uas::answering(404, seconds(2)));
        call(&mut world, alice, CallPlan::default());
        world.run_until_idle();
        assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "ACK"], "{anew:?}: {}", world.record());
        // Both are candidates unless the first one was dropped, and the first one wins among equals (RFC 3261 16.7 step 6).
        let expected = if anew.drops || anew.failing == Failing::Error { 404 } else { anew.event().1 };
        assert_eq!(
            world.peer(alice).calls()[0].state(),
            CallState::Refused(expected),
            "{anew:?}: {}",
            world.record()
        );
        assert_eq!(notes.of("failure").last().map(String::as_str), Some("failure 404 carol"), "{anew:?}");
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn a_cancel_reaches_the_second_destination() {
    for anew in all() {
        let (mut world, relay, alice, notes) = anew.scene(Uas::answering(200, seconds(20)));
        // Timer C of the first destination takes 10 s.
        let after = if anew.failing == Failing::Timeout { seconds(13) } else { seconds(3) };
        call(&mut world, alice, CallPlan { cancel_after: Some(after), ..CallPlan::default() });
        world.run_until_idle();
        assert_eq!(story(&world, RELAY, BOB), anew.story_of_bob(), "{anew:?}: {}", world.record());
        assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "CANCEL", "ACK"], "{anew:?}: {}", world.record());
        assert_eq!(notes.of("canceled"), ["canceled carol"], "{anew:?}");
        assert!(
            matches!(world.peer(alice).calls()[0].state(), CallState::Refused(_)),
            "{anew:?}: {}",
            world.record()
        );
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn a_2xx_that_crosses_timer_c_goes_up_and_ends_the_second_destination() {
    let anew = Anew { failing: Failing::Timeout, drops: true, same_client: true };
    let mut world = world(1);
    let notes = Notes::default();
    let relay = add_relay(&mut world, RELAY, anew.script(&notes));
    let alice = add_caller(&mut world, ALICE, RELAY);
    // It leaves just before the CANCEL arrives.
    let bob = add_callee(&mut world, BOB, Uas::answering(200, millis(9_995)));
    let carol = add_callee(&mut world, CAROL, Uas::answering(200, seconds(5)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "CANCEL", "ACK"], "{}", world.record());
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::Up);
    assert_eq!(world.peer(carol).calls()[0].state(), CalleeState::Over(487));
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Up);
    assert_eq!(notes.of("failure"), [""; 0]);
    assert_all_quiet(&world, relay);
}

#[test]
fn a_block_that_drops_and_routes_no_more_leaves_the_client_without_an_answer() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB).on_failure(|turn| turn.drop_response()));
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(486, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(170));
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180"], "{}", world.record());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "408"], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn a_block_may_take_its_time() {
    for same_client in [true, false] {
        let mut world = world(1);
        let script = relay_to(BOB).on_failure(move |turn| {
            turn.drop_response();
            turn.wait(seconds(5), move |turn| {
                let client = if same_client { turn.proxy() } else { turn.new_proxy() };
                turn.route_by(client, Some(udp(CAROL)));
            });
        });
        let relay = add_relay(&mut world, RELAY, script);
        let alice = add_caller(&mut world, ALICE, RELAY);
        add_callee(&mut world, BOB, Uas::answering(486, seconds(1)));
        add_callee(&mut world, CAROL, Uas::answering(200, seconds(1)));
        call(&mut world, alice, CallPlan::default());
        world.run_until_idle();
        assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "ACK"], "{}", world.record());
        assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "180", "200"], "{}", world.record());
        assert_all_quiet(&world, relay);
    }
}

/// A destination that fails in the step that it is routed to: nobody opens a WebSocket to a client.
fn failing_at_once(port: u16) -> Destination {
    to(Transport::Ws, address(&format!("10.0.9.9:{port}")))
}

#[test]
fn many_destinations_that_fail_at_once_are_tried_one_after_the_other() {
    // Each is routed to inside of the former: as deep as that may go.
    const FAILING: usize = 31;
    for same_client in [true, false] {
        let mut world = world(1);
        let notes = Notes::default();
        let seen = notes.clone();
        let script = noting(Blocks::relay_to(profile(), failing_at_once(1)), &notes).on_error(move |turn| {
            seen.see(turn);
            turn.drop_response();
            let client = if same_client { turn.proxy() } else { turn.new_proxy() };
            let tried = seen.of("error").len();
            let next = if tried < FAILING { failing_at_once(1 + tried as u16) } else { udp(CAROL) };
            turn.route_by(client, Some(next));
        });
        let relay = add_relay(&mut world, RELAY, script);
        let alice = add_caller(&mut world, ALICE, RELAY);
        add_callee(&mut world, CAROL, Uas::answering(200, seconds(1)));
        call(&mut world, alice, CallPlan::default());
        world.run_until_idle();
        assert_eq!(notes.of("error").len(), FAILING);
        assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200"], "{}", world.record());
        assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "ACK"], "{}", world.record());
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn a_second_route_of_a_client_gives_up_what_the_first_one_has_pending() {
    let mut world = world(1);
    let notes = Notes::default();
    let script = noting(Blocks::new(profile()), &notes).on_request(|turn| {
        if turn.request().message.to_tag().is_some() {
            return turn.route();
        }
        turn.route_to(udp(BOB));
        turn.wait(seconds(2), |turn| turn.route_to(udp(CAROL)));
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
    assert_eq!(notes.take(), ["provisional 180 bob", "provisional 180 carol", "success 200 carol"]);
    assert_all_quiet(&world, relay);
}

#[test]
fn a_second_route_in_on_target_takes_the_place_of_the_first_one() {
    let mut world = world(1);
    let script = relay_to(BOB).on(CallbackClass::Target, |turn| {
        if turn.target().is_some_and(|target| target.addr == address(BOB)) {
            turn.route_to(udp(CAROL));
        }
    });
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(200, seconds(9)));
    add_callee(&mut world, CAROL, Uas::answering(200, seconds(3)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), [""; 0], "{}", world.record());
    assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200"], "{}", world.record());
    assert_all_quiet(&world, relay);
}

/// When Timer C of the first destination fires its CANCEL is due, and no answer to it may disturb the second one.
#[test]
fn a_callee_that_ignores_the_cancel_of_timer_c_does_not_hold_the_call_up() {
    let anew = Anew { failing: Failing::Timeout, drops: true, same_client: false };
    let mut world = world(1);
    let notes = Notes::default();
    let relay = add_relay(&mut world, RELAY, anew.script(&notes));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_inbox(&mut world, BOB);
    add_callee(&mut world, CAROL, Uas::answering(486, seconds(5)));
    call(&mut world, alice, CallPlan::default());
    world.advance(millis(100));
    let invite = world.peer(bob).news().remove(0);
    world.send(bob, answer(&invite, 180, "b"), address(RELAY));
    let told = |world: &mut World, within: Duration| {
        world.run_until(within, |world| story(world, RELAY, ALICE).contains(&"486".into()))
    };
    assert!(told(&mut world, seconds(16)), "{}", world.record());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "180", "486"], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn blocks_that_route_inside_of_each_other_without_end_are_stopped_and_the_request_is_answered_500() {
    let mut world = world(1);
    let notes = Notes::default();
    let seen = notes.clone();
    let script = Blocks::relay_to(profile(), failing_at_once(1)).on_error(move |turn| {
        seen.see(turn);
        turn.drop_response();
        let next = turn.new_proxy();
        turn.route_by(next, Some(failing_at_once(1)));
    });
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    let number = call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(world.peer(alice).calls()[number].state(), CallState::Refused(500), "{}", world.record());
    assert_eq!(notes.of("error").len(), 32);
    assert_all_quiet(&world, relay);
}
