//! A branch that fails before `on_request` has begun the others (RFC 3261 16.7): its answer waits for theirs.

mod element_support;

use element_support::*;

/// Nothing leads there: `route` fails at once, with 478.
const NOWHERE: &str = "sip:b.example;transport=sctp";

/// A world with an element of this script, a caller, and Bob, who answers with this status after a second.
fn scene(script: Blocks, status: u16) -> (World, ElementId, PeerId<Uac>, PeerId<Uas>) {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_callee(&mut world, BOB, Uas::answering(status, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    (world, relay, alice, bob)
}

/// A script whose `on_request` tries a destination that fails at once, and then does something else.
fn after_nowhere(then: impl Fn(&mut Turn<'_, '_>) + Send + Sync + 'static) -> Blocks {
    Blocks::new(profile()).on_request(move |turn| {
        if turn.request().message.to_tag().is_some() {
            return turn.route();
        }
        turn.route_to(by_dns(NOWHERE));
        then(turn);
    })
}

/// Routes the request by a Proxy of its own.
fn fork_to(turn: &mut Turn<'_, '_>, destination: oversip::client::Destination) {
    let proxy = turn.new_proxy();
    turn.route_by(proxy, Some(destination));
}

fn statuses(world: &mut World, alice: PeerId<Uac>) -> Vec<u16> {
    world.peer(alice).calls()[0].statuses().to_vec()
}

#[test]
fn the_next_branch_can_still_be_accepted() {
    let script = after_nowhere(|turn| fork_to(turn, udp(BOB)));
    let (mut world, relay, alice, _) = scene(script, 200);
    world.run_until_idle();
    assert_eq!(statuses(&mut world, alice), [100, 180, 200], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Up);
    assert_all_quiet(&world, relay);
}

#[test]
fn a_request_that_is_no_invite_can_still_be_accepted() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, after_nowhere(|turn| fork_to(turn, udp(BOB))));
    let [alice, bob] = [ALICE, BOB].map(|at| add_inbox(&mut world, at));
    world.send(alice, request("MESSAGE", "1"), address(RELAY));
    world.advance(millis(50));
    let message = world.peer(bob).news().remove(0);
    world.send(bob, answer(&message, 200, "b"), address(RELAY));
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, ALICE), ["200"], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn the_best_answer_of_all_goes_up() {
    for (status, best) in [(500, 478), (404, 478), (302, 302), (603, 603)] {
        let script = after_nowhere(|turn| fork_to(turn, udp(BOB)));
        let (mut world, relay, alice, _) = scene(script, status);
        world.run_until_idle();
        assert_eq!(statuses(&mut world, alice), [100, 180, best], "{}", world.record());
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn where_nothing_else_is_begun_its_answer_goes_up_when_on_request_has_ended() {
    let (mut world, relay, alice, _) = scene(after_nowhere(|turn| turn.wait(seconds(5), |_| ())), 200);
    world.advance(seconds(4));
    assert_eq!(statuses(&mut world, alice), [100], "{}", world.record());
    world.run_until_idle();
    assert_eq!(statuses(&mut world, alice), [100, 478], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn so_does_the_answer_of_a_callee() {
    let script = relay_to(BOB).on_request(|turn| {
        turn.route_to(udp(BOB));
        turn.wait(seconds(5), |turn| fork_to(turn, udp(CAROL)));
    });
    let (mut world, relay, alice, _) = scene(script, 404);
    add_callee(&mut world, CAROL, Uas::answering(302, seconds(1)));
    world.advance(seconds(4));
    assert_eq!(statuses(&mut world, alice), [100, 180], "{}", world.record());
    world.run_until_idle();
    assert_eq!(statuses(&mut world, alice), [100, 180, 180, 302], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn a_2xx_and_a_6xx_do_not_wait_for_the_end_of_on_request() {
    for status in [200, 603] {
        let script = relay_to(BOB).on_request(|turn| {
            if turn.request().message.to_tag().is_some() {
                return turn.route();
            }
            turn.route_to(udp(BOB));
            turn.wait(seconds(5), |_| ());
        });
        let (mut world, relay, alice, _) = scene(script, status);
        world.advance(seconds(2));
        assert_eq!(statuses(&mut world, alice), [100, 180, status], "{}", world.record());
        world.run_until_idle();
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn the_script_may_reply_by_itself_instead() {
    let (mut world, relay, alice, _) = scene(after_nowhere(|turn| assert!(turn.reply(480))), 200);
    world.run_until_idle();
    assert_eq!(statuses(&mut world, alice), [100, 480], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn an_error_of_the_script_is_answered_as_ever() {
    let script = after_nowhere(|turn| {
        let request = turn.request().clone();
        turn.api().step(|element, now| element.abandon_request(now, request.id));
        assert!(turn.reply(500));
    });
    let (mut world, relay, alice, _) = scene(script, 200);
    world.run_until_idle();
    assert_eq!(statuses(&mut world, alice), [100, 500], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn a_cancel_does_not_wait_for_the_end_of_on_request() {
    let (mut world, relay, alice, _) = scene(after_nowhere(|turn| turn.wait(seconds(5), |_| ())), 200);
    world.advance(seconds(1));
    world.with_peer(alice, |uac, api| uac.cancel(api, 0));
    world.advance(seconds(1));
    assert_eq!(statuses(&mut world, alice), [100, 478], "{}", world.record());
    world.run_until_idle();
    assert_eq!(statuses(&mut world, alice), [100, 478], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn nor_does_one_that_came_before_the_first_route() {
    let script = relay_to(BOB).on_request(|turn| {
        turn.wait(seconds(2), |turn| {
            turn.route_to(udp(BOB));
            turn.wait(seconds(5), |_| ());
        });
    });
    let (mut world, relay, alice, _) = scene(script, 200);
    world.advance(seconds(1));
    world.with_peer(alice, |uac, api| uac.cancel(api, 0));
    world.advance(seconds(2));
    assert_eq!(statuses(&mut world, alice).last(), Some(&487), "{}", world.record());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), [""; 0], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn in_a_block_of_another_branch_it_waits_for_those_that_the_block_begins() {
    let script = relay_to(BOB).on_failure(|turn| {
        if turn.status() == 486 {
            turn.drop_response();
            fork_to(turn, by_dns(NOWHERE));
            fork_to(turn, udp(CAROL));
        }
    });
    let (mut world, relay, alice, _) = scene(script, 486);
    add_callee(&mut world, CAROL, Uas::answering(200, seconds(1)));
    world.run_until_idle();
    assert_eq!(statuses(&mut world, alice), [100, 180, 180, 200], "{}", world.record());
    assert_all_quiet(&world, relay);
}
