//! The response context of a request (RFC 3261 16.7): several branches, one answer.

mod element_support;

use std::time::Duration;

use element_support::*;
use oversip::client::Profile;

/// An element that sends each new request to Bob at once, and to Carol after a time, by a Proxy each.
fn fork(blocks: Blocks, second_after: Duration) -> Blocks {
    blocks.on_request(move |turn| {
        if turn.request().message.to_tag().is_some() {
            return turn.route();
        }
        turn.route_to(udp(BOB));
        turn.wait(second_after, |turn| {
            let other = turn.new_proxy();
            turn.route_by(other, Some(udp(CAROL)));
        });
    })
}

/// A world with such an element and a caller.
struct Scene {
    world: World,
    relay: ElementId,
    alice: PeerId<Uac>,
    notes: Notes,
}

impl Scene {
    fn new(second_after: Duration) -> Scene {
        Scene::with(|blocks| fork(blocks, second_after))
    }

    fn with(script: impl FnOnce(Blocks) -> Blocks) -> Scene {
        let mut world = world(1);
        let notes = Notes::default();
        let relay = add_relay(&mut world, RELAY, script(noting(Blocks::new(profile()), &notes)));
        let alice = add_caller(&mut world, ALICE, RELAY);
        Scene { world, relay, alice, notes }
    }

    fn callees(&mut self, bob: Uas, carol: Uas) -> [PeerId<Uas>; 2] {
        [add_callee(&mut self.world, BOB, bob), add_callee(&mut self.world, CAROL, carol)]
    }

    fn call(&mut self) {
        call(&mut self.world, self.alice, CallPlan::default());
    }

    fn state(&mut self) -> CallState {
        self.world.peer(self.alice).calls()[0].state()
    }

    /// The statuses that the caller got for its INVITE.
    fn statuses(&mut self) -> Vec<u16> {
        self.world.peer(self.alice).calls()[0].statuses().to_vec()
    }

    #[track_caller]
    fn assert_sent(&self, to: &str, story_of: &[&str]) {
        assert_eq!(story(&self.world, RELAY, to), story_of, "to {to}:\n{}", self.world.record());
    }

    #[track_caller]
    fn assert_quiet(&self) {
        assert_all_quiet(&self.world, self.relay);
    }
}

const AT_ONCE: Duration = Duration::ZERO;

#[test]
fn ringing_for_a_while_and_then_the_mailbox() {
    let mut scene = Scene::new(seconds(20));
    let [bob, _] = scene.callees(Uas::answering(200, seconds(90)), Uas::answering(200, millis(100)));
    scene.call();
    scene.world.run_until_idle();
    scene.assert_sent(BOB, &["INVITE", "CANCEL", "ACK"]);
    scene.assert_sent(CAROL, &["INVITE", "ACK"]);
    assert_eq!(scene.statuses(), [100, 180, 180, 200]);
    assert_eq!(scene.state(), CallState::Up);
    assert!(scene.world.peer(bob).calls()[0].is_canceled());
    assert_eq!(scene.notes.of("failure"), [""; 0], "the 487 of the branch that is not wanted runs no block");
    scene.assert_quiet();
}

#[test]
fn a_refusal_by_the_second_branch_does_not_end_the_call() {
    let mut scene = Scene::new(seconds(20));
    scene.callees(Uas::answering(200, seconds(25)), Uas::answering(486, millis(100)));
    scene.call();
    scene.world.advance(seconds(21));
    assert_eq!(scene.notes.of("failure"), ["failure 486 carol"], "blocks run when their response arrives");
    assert_eq!(scene.statuses(), [100, 180, 180], "and it waits for the other branch");
    scene.world.run_until_idle();
    scene.assert_sent(BOB, &["INVITE", "ACK"]);
    scene.assert_sent(CAROL, &["INVITE", "ACK"]);
    assert_eq!(scene.statuses(), [100, 180, 180, 200]);
    scene.assert_quiet();
}

#[test]
fn every_2xx_goes_up() {
    let mut scene = Scene::new(AT_ONCE);
    let [bob, carol] = scene.callees(Uas::answering(200, seconds(1)), Uas::answering(200, seconds(1)));
    scene.call();
    scene.world.run_until_idle();
    let ended: Vec<_> = [bob, carol].map(|it| scene.world.peer(it).calls()[0].state()).into();
    assert_eq!(scene.statuses(), [100, 180, 180, 200, 200]);
    assert_eq!(scene.world.peer(scene.alice).calls()[0].dialogs(), 2);
    assert_eq!(ended, [CalleeState::Up, CalleeState::EndedByPeer], "the caller ends the second call itself");
    let mut successes = scene.notes.of("success");
    successes.truncate(2);
    assert_eq!(successes, ["success 200 bob", "success 200 carol"]);
    scene.assert_quiet();
}

#[test]
fn a_2xx_that_crosses_the_cancel_of_its_branch_goes_up() {
    let mut scene = Scene::new(AT_ONCE);
    scene.callees(Uas::answering(200, seconds(1)), Uas::answering(200, millis(1015)));
    scene.call();
    scene.world.run_until_idle();
    scene.assert_sent(CAROL, &["INVITE", "CANCEL", "ACK", "BYE"]);
    assert_eq!(scene.statuses(), [100, 180, 180, 200, 200]);
    scene.assert_quiet();
}

#[test]
fn the_2xx_of_a_fork_downstream_and_repeated_ones_go_up() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let [alice, bob] = [ALICE, BOB].map(|at| add_inbox(&mut world, at));
    world.send(alice, invite("1"), address(RELAY));
    world.advance(millis(50));
    let invite = world.peer(bob).news().remove(0);
    for tag in ["one", "two", "one", "two", "three"] {
        world.send(bob, answer(&invite, 200, tag), address(RELAY));
    }
    world.advance(millis(50));
    let tags: Vec<_> =
        world.peer(alice).news().iter().filter_map(|it| it.to_tag().map(<[u8]>::to_vec)).collect();
    assert_eq!(tags, [b"one".to_vec(), b"two".to_vec(), b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]);
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn the_best_refusal_goes_up_when_no_branch_is_pending() {
    // What comes first is the answer of Bob.
    let best = [
        ([486, 480], 486),
        ([500, 404], 404),
        ([404, 302], 302),
        ([486, 407], 407),
        ([486, 401], 401),
        ([404, 415], 415),
        ([404, 420], 420),
        ([404, 484], 484),
        ([500, 501], 500),
        ([503, 486], 486),
        ([486, 600], 600),
        ([503, 503], 500),
    ];
    for (answers, expected) in best {
        let mut scene = Scene::new(AT_ONCE);
        let [bob, carol] = answers;
        scene.callees(Uas::answering(bob, seconds(1)), Uas::answering(carol, seconds(2)));
        scene.call();
        scene.world.advance(millis(1500));
        assert_eq!(scene.statuses(), [100, 180, 180], "nothing goes up while a branch is pending");
        scene.world.run_until_idle();
        scene.assert_sent(BOB, &["INVITE", "ACK"]);
        scene.assert_sent(CAROL, &["INVITE", "ACK"]);
        assert_eq!(scene.statuses(), [100, 180, 180, expected], "of {answers:?}");
        scene.assert_quiet();
    }
}

#[test]
fn a_401_carries_the_challenges_of_all() {
    let mut scene = Scene::new(AT_ONCE);
    let challenge = |realm| format!("WWW-Authenticate: Digest realm=\"{realm}\", nonce=\"1\"");
    scene.callees(
        Uas::answering(401, seconds(1)).with_line(&challenge("bob")),
        Uas::answering(407, seconds(2)).with_line("Proxy-Authenticate: Digest realm=\"carol\", nonce=\"2\""),
    );
    scene.call();
    scene.world.run_until_idle();
    assert_eq!(scene.state(), CallState::Refused(401));
    let entries = scene.world.record().entries();
    let sent = entries.iter().find(|it| it.to == address(ALICE) && it.first_line().contains("401"));
    let text = String::from_utf8_lossy(&sent.expect("a 401").wire).into_owned();
    assert!(text.contains(&challenge("bob")), "{text}");
    assert!(text.contains("Proxy-Authenticate: Digest realm=\"carol\", nonce=\"2\""), "{text}");
    scene.assert_quiet();
}

#[test]
fn a_branch_that_times_out_is_a_candidate_like_others() {
    for (carol, expected) in [(486, 486), (500, 408)] {
        let mut scene = Scene::new(AT_ONCE);
        add_inbox(&mut scene.world, BOB);
        add_callee(&mut scene.world, CAROL, Uas::answering(carol, seconds(1)));
        scene.call();
        scene.world.run_until_idle();
        assert_eq!(scene.notes.of("error"), ["error 408 bob"]);
        assert_eq!(scene.statuses(), [100, 180, expected], "{}", scene.world.record());
        scene.assert_quiet();
    }
}

#[test]
fn a_6xx_waits_for_the_branches_that_it_cancels() {
    let mut scene = Scene::new(AT_ONCE);
    let bob = add_callee(&mut scene.world, BOB, Uas::answering(603, seconds(1)));
    let carol = add_inbox(&mut scene.world, CAROL);
    scene.call();
    scene.world.advance(millis(100));
    let invite = scene.world.peer(carol).news().remove(0);
    scene.world.send(carol, answer(&invite, 180, "c"), address(RELAY));
    scene.world.advance(millis(1300));
    scene.assert_sent(CAROL, &["INVITE", "CANCEL"]);
    assert_eq!(scene.statuses(), [100, 180, 180], "{}", scene.world.record());
    let cancel = scene.world.peer(carol).news().remove(0);
    scene.world.send(carol, answer(&cancel, 200, "c"), address(RELAY));
    scene.world.send(carol, answer(&invite, 487, "c"), address(RELAY));
    scene.world.run_until_idle();
    assert_eq!(scene.statuses(), [100, 180, 180, 603], "{}", scene.world.record());
    assert_eq!(scene.notes.of("failure"), ["failure 603 bob"]);
    assert_eq!(scene.notes.of("canceled"), [""; 0]);
    assert_eq!(scene.world.peer(bob).calls()[0].state(), CalleeState::Over(603));
    scene.assert_quiet();
}

#[test]
fn a_2xx_that_crosses_the_cancel_of_a_6xx_wins() {
    let mut scene = Scene::new(AT_ONCE);
    let [_, carol] = scene.callees(Uas::answering(603, seconds(1)), Uas::answering(200, millis(1015)));
    scene.call();
    scene.world.run_until_idle();
    scene.assert_sent(CAROL, &["INVITE", "CANCEL", "ACK"]);
    assert_eq!(scene.statuses(), [100, 180, 180, 200], "{}", scene.world.record());
    assert_eq!(scene.world.peer(carol).calls()[0].state(), CalleeState::Up);
    scene.assert_quiet();
}

#[test]
fn after_a_6xx_no_branch_is_begun() {
    let mut scene = Scene::with(|blocks| {
        blocks.on_request(|turn| {
            turn.route_to(udp(BOB));
            let other = turn.new_proxy();
            turn.route_by(other, Some(udp(CAROL)));
            // Carol still answers her CANCEL then.
            turn.wait(millis(1500), |turn| {
                let third = turn.new_proxy();
                turn.route_by(third, Some(udp(DAVE)));
            });
        })
    });
    add_callee(&mut scene.world, BOB, Uas::answering(603, seconds(1)));
    add_callee(&mut scene.world, DAVE, Uas::answering(200, seconds(1)));
    let carol = add_inbox(&mut scene.world, CAROL);
    scene.call();
    scene.world.advance(millis(100));
    let invite = scene.world.peer(carol).news().remove(0);
    scene.world.send(carol, answer(&invite, 180, "c"), address(RELAY));
    scene.world.advance(seconds(2));
    scene.world.send(carol, answer(&invite, 487, "c"), address(RELAY));
    scene.world.run_until_idle();
    scene.assert_sent(DAVE, &[]);
    assert_eq!(scene.state(), CallState::Refused(603));
    scene.assert_quiet();
}

#[test]
fn a_6xx_ends_what_waits_in_on_target() {
    let mut scene = Scene::with(|blocks| {
        fork(blocks, AT_ONCE).on(CallbackClass::Target, |turn| {
            if turn.target().is_some_and(|target| target.addr == address(CAROL)) {
                turn.wait(seconds(5), |_| ());
            }
        })
    });
    scene.callees(Uas::answering(603, seconds(1)), Uas::answering(200, seconds(1)));
    scene.call();
    scene.world.run_until_idle();
    scene.assert_sent(CAROL, &[]);
    assert_eq!(scene.statuses(), [100, 180, 603]);
    assert_eq!(scene.notes.take(), ["provisional 180 bob", "failure 603 bob"]);
    scene.assert_quiet();
}

#[test]
fn a_6xx_ends_a_search_for_targets() {
    let mut scene = Scene::with(|blocks| {
        blocks.on_request(|turn| {
            turn.route_to(udp(BOB));
            let other = turn.new_proxy();
            turn.route_by(other, Some(by_dns("sip:c.example;transport=udp")));
        })
    });
    scene.world.zone().set_delay(seconds(3)).address("c.example", address(CAROL).ip());
    scene.callees(Uas::answering(603, seconds(1)), Uas::answering(200, seconds(1)));
    scene.call();
    scene.world.advance(seconds(2));
    assert_eq!(scene.statuses(), [100, 180, 603], "there is nothing to wait for");
    scene.world.run_until_idle();
    scene.assert_sent(CAROL, &[]);
    assert_eq!(scene.notes.take(), ["provisional 180 bob", "failure 603 bob"]);
    scene.assert_quiet();
}

#[test]
fn a_6xx_that_its_block_drops_is_no_candidate() {
    let mut scene = Scene::with(|blocks| {
        fork(blocks, AT_ONCE).on_failure(|turn| {
            if turn.status() == 603 {
                turn.drop_response();
            }
        })
    });
    scene.callees(Uas::answering(603, seconds(1)), Uas::answering(200, seconds(3)));
    scene.call();
    scene.world.run_until_idle();
    scene.assert_sent(CAROL, &["INVITE", "ACK"]);
    assert_eq!(scene.statuses(), [100, 180, 180, 200]);
    scene.assert_quiet();
}

#[test]
fn when_all_were_dropped_nothing_goes_up() {
    let mut scene = Scene::with(|blocks| fork(blocks, AT_ONCE).on_failure(|turn| turn.drop_response()));
    scene.callees(Uas::answering(486, seconds(1)), Uas::answering(603, seconds(2)));
    scene.call();
    scene.world.advance(seconds(100));
    assert_eq!(scene.statuses(), [100, 180, 180]);
    scene.world.run_until_idle();
    assert_eq!(scene.statuses(), [100, 180, 180, 408], "Timer C2 ends what nobody answers");
    scene.assert_quiet();
}

#[test]
fn one_that_was_not_dropped_goes_up() {
    let mut scene = Scene::with(|blocks| {
        fork(blocks, AT_ONCE).on_failure(|turn| {
            if turn.status() == 404 {
                turn.drop_response();
            }
        })
    });
    scene.callees(Uas::answering(404, seconds(1)), Uas::answering(500, seconds(2)));
    scene.call();
    scene.world.run_until_idle();
    assert_eq!(scene.statuses(), [100, 180, 180, 500]);
    scene.assert_quiet();
}

#[test]
fn a_2xx_that_its_block_drops_cancels_nobody() {
    let mut scene = Scene::with(|blocks| {
        fork(blocks, AT_ONCE).on(CallbackClass::Success, |turn| {
            if turn.target().is_some_and(|target| target.addr == address(BOB)) {
                turn.drop_response();
            }
        })
    });
    let bob = add_inbox(&mut scene.world, BOB);
    add_callee(&mut scene.world, CAROL, Uas::answering(200, seconds(3)));
    scene.call();
    scene.world.advance(seconds(1));
    let invite = scene.world.peer(bob).news().remove(0);
    scene.world.send(bob, answer(&invite, 200, "b"), address(RELAY));
    scene.world.run_until_idle();
    scene.assert_sent(CAROL, &["INVITE", "ACK"]);
    assert_eq!(scene.statuses(), [100, 180, 200]);
    scene.assert_quiet();
}

#[test]
fn a_2xx_is_on_its_way_when_its_block_has_run() {
    let mut scene = Scene::with(|blocks| {
        fork(blocks, AT_ONCE).on(CallbackClass::Success, |turn| turn.wait(seconds(2), |_| ()))
    });
    scene.callees(Uas::answering(200, seconds(1)), Uas::answering(486, seconds(2)));
    scene.call();
    scene.world.advance(millis(2500));
    assert_eq!(scene.statuses(), [100, 180, 180], "a refusal waits for it");
    scene.world.run_until_idle();
    scene.assert_sent(CAROL, &["INVITE", "ACK"]);
    assert_eq!(scene.statuses().iter().filter(|status| **status >= 300).count(), 0);
    assert_eq!(scene.state(), CallState::Up);
    scene.assert_quiet();
}

#[test]
fn a_2xx_ends_what_waits_in_on_target() {
    let mut scene = Scene::with(|blocks| {
        fork(blocks, AT_ONCE).on(CallbackClass::Target, |turn| {
            if turn.target().is_some_and(|target| target.addr == address(CAROL)) {
                turn.wait(seconds(5), |_| ());
            }
        })
    });
    scene.callees(Uas::answering(200, seconds(1)), Uas::answering(200, seconds(1)));
    scene.call();
    scene.world.run_until_idle();
    assert_eq!(scene.statuses(), [100, 180, 200]);
    scene.assert_sent(CAROL, &[]);
    scene.assert_quiet();
}

#[test]
fn a_2xx_ends_what_waits_for_dns() {
    let mut scene = Scene::with(|blocks| {
        blocks.on_request(|turn| {
            if turn.request().message.to_tag().is_some() {
                return turn.route();
            }
            turn.route_to(udp(BOB));
            let other = turn.new_proxy();
            turn.route_by(other, Some(by_dns("sip:c.example;transport=udp")));
        })
    });
    scene.world.zone().set_delay(seconds(3)).address("c.example", address(CAROL).ip());
    scene.callees(Uas::answering(200, seconds(1)), Uas::answering(200, seconds(1)));
    scene.call();
    scene.world.run_until_idle();
    assert_eq!(scene.statuses(), [100, 180, 200]);
    scene.assert_sent(CAROL, &[]);
    scene.assert_quiet();
}

/// Carol's 180 is with a slow block when her 503 comes, and Bob accepts meanwhile.
#[test]
fn a_2xx_ends_a_search_whose_next_step_waits_for_a_block() {
    let mut world = world(1);
    let notes = Notes::default();
    let seen = notes.clone();
    let blocks = noting(Blocks::new(Profile { dns_failover_on_503: true, ..profile() }), &notes)
        .on(CallbackClass::Provisional, move |turn| {
            seen.see(turn);
            if turn.target().is_some_and(|target| target.addr == address(CAROL)) {
                turn.wait(seconds(5), |_| ());
            }
        })
        .on_request(|turn| {
            if turn.request().message.to_tag().is_some() {
                return turn.route();
            }
            turn.route_to(udp(BOB));
            let other = turn.new_proxy();
            turn.route_by(other, Some(by_dns("sip:c.example")));
        });
    world
        .zone()
        .srv("_sip._udp.c.example", 1, 0, 5060, "one.c.example")
        .srv("_sip._udp.c.example", 2, 0, 5060, "two.c.example")
        .address("one.c.example", address(CAROL).ip())
        .address("two.c.example", address(DAVE).ip());
    let relay = add_relay(&mut world, RELAY, blocks);
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(200, seconds(2)));
    add_callee(&mut world, CAROL, Uas::answering(503, seconds(1)));
    add_callee(&mut world, DAVE, Uas::answering(200, seconds(9)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, DAVE), [""; 0], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[0].statuses().to_vec(), [100, 180, 200], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn a_refusal_whose_block_is_slow_does_not_follow_a_2xx() {
    let mut scene =
        Scene::with(|blocks| fork(blocks, AT_ONCE).on_failure(|turn| turn.wait(seconds(5), |_| ())));
    scene.callees(Uas::answering(486, seconds(1)), Uas::answering(200, seconds(2)));
    scene.call();
    scene.world.run_until_idle();
    assert_eq!(scene.statuses(), [100, 180, 180, 200]);
    scene.assert_quiet();
}

#[test]
fn a_route_of_a_request_that_was_accepted_is_not_begun() {
    let mut scene = Scene::new(seconds(5));
    scene.callees(Uas::answering(200, seconds(1)), Uas::answering(200, seconds(1)));
    scene.call();
    scene.world.run_until_idle();
    scene.assert_sent(CAROL, &[]);
    assert_eq!(scene.state(), CallState::Up);
    scene.assert_quiet();
}

#[test]
fn a_request_that_is_no_invite_gets_the_first_2xx_alone() {
    let mut scene = Scene::new(AT_ONCE);
    let [bob, carol] = [BOB, CAROL].map(|at| add_inbox(&mut scene.world, at));
    let dave = add_inbox(&mut scene.world, DAVE);
    let message = request("MESSAGE", "1").replace(ALICE, DAVE);
    scene.world.send(dave, message, address(RELAY));
    scene.world.advance(millis(50));
    let [to_bob, to_carol] = [bob, carol].map(|at| scene.world.peer(at).news().remove(0));
    scene.world.send(bob, answer(&to_bob, 404, "b"), address(RELAY));
    scene.world.advance(millis(50));
    scene.assert_sent(DAVE, &[]);
    scene.world.send(carol, answer(&to_carol, 202, "c"), address(RELAY));
    scene.world.run_until_idle();
    scene.assert_sent(DAVE, &["202"]);
    scene.assert_sent(CAROL, &["MESSAGE"]);
    assert_eq!(scene.notes.take(), ["failure 404 bob", "success 202 carol"]);
    scene.assert_quiet();
}

#[test]
fn a_request_that_is_no_invite_gets_the_best_refusal() {
    let mut scene = Scene::new(AT_ONCE);
    let [bob, carol, dave] = [BOB, CAROL, DAVE].map(|at| add_inbox(&mut scene.world, at));
    let message = request("MESSAGE", "1").replace(ALICE, DAVE);
    scene.world.send(dave, message, address(RELAY));
    scene.world.advance(millis(50));
    let [to_bob, to_carol] = [bob, carol].map(|at| scene.world.peer(at).news().remove(0));
    scene.world.send(bob, answer(&to_bob, 500, "b"), address(RELAY));
    scene.world.send(carol, answer(&to_carol, 404, "c"), address(RELAY));
    scene.world.run_until_idle();
    scene.assert_sent(DAVE, &["404"]);
    assert_eq!(scene.notes.take(), ["failure 500 bob", "failure 404 carol"]);
    scene.assert_quiet();
}
