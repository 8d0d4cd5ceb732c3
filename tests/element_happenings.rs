//! What an element keeps of its steps for who follows it: nothing unless it is asked to.

mod element_support;

use element_support::*;
use oversip::element::{AttemptEnd, Happening, Responder};
use oversip::message::Method;
use oversip::transaction::Timer;

/// A relay to Bob, who answers after a time with this status or never; with what has happened when all is over.
fn happenings(bob: Option<Uas>, method: &str, room: usize) -> Vec<Happening> {
    happenings_of(relay_to(BOB), bob, method, room)
}

/// The same for a script.
fn happenings_of(script: Blocks, bob: Option<Uas>, method: &str, room: usize) -> Vec<Happening> {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_inbox(&mut world, ALICE);
    match bob {
        Some(bob) => drop(world.add_peer("bob", oversip::message::Transport::Udp, address(BOB), bob)),
        None => drop(add_inbox(&mut world, BOB)),
    }
    world.step_element(relay, |element, _| element.begin_happenings(room, true));
    world.send(alice, request(method, "followed"), address(RELAY));
    world.run_until_idle();
    kept(&world, relay)
}

fn kept(world: &World, relay: ElementId) -> Vec<Happening> {
    let kept = world.element(relay).happenings().expect("it was begun");
    kept.from(0).map(|(_, happening)| happening.clone()).collect()
}

fn end_of_attempt(happenings: &[Happening]) -> AttemptEnd {
    let ends = happenings.iter().filter_map(|happening| match happening {
        // Bob hangs up when no ACK comes.
        Happening::AttemptEnded { of, end, .. } if of.method != Method::Bye => {
            assert_eq!(of.call_id.as_deref(), Some(&b"followed"[..]));
            Some(*end)
        }
        _ => None,
    });
    let ends: Vec<_> = ends.collect();
    assert_eq!(ends.len(), 1, "{happenings:?}");
    ends[0]
}

fn timers(happenings: &[Happening]) -> Vec<Timer> {
    let timers = happenings.iter().filter_map(|happening| match happening {
        Happening::Timer { timer, .. } => Some(*timer),
        _ => None,
    });
    timers.collect()
}

#[test]
fn an_attempt_is_answered_with_its_status() {
    for status in [200, 486] {
        let seen = happenings(Some(Uas::answering(status, seconds(1))), "INVITE", 100);
        assert_eq!(end_of_attempt(&seen), AttemptEnd::Answered(status));
        let Some(Happening::Attempt { target, of }) =
            seen.iter().find(|happening| matches!(happening, Happening::Attempt { .. }))
        else {
            panic!("{seen:?}")
        };
        assert_eq!((target.addr, &of.method), (address(BOB), &Method::Invite));
    }
}

#[test]
fn an_attempt_that_nobody_answers_ends_with_its_timer() {
    let seen = happenings(None, "INVITE", 100);
    assert_eq!(end_of_attempt(&seen), AttemptEnd::Unanswered);
    let fired = timers(&seen);
    assert!(fired.starts_with(&[Timer::A, Timer::A]) && fired.contains(&Timer::B), "{fired:?}");
    assert!(timers(&happenings(None, "OPTIONS", 100)).contains(&Timer::F));
}

/// What a client is told: statuses, who has made the responses, and when they leave, in seconds after the request.
fn told(happenings: &[Happening]) -> Vec<(u16, Responder, f64)> {
    let told = happenings.iter().filter_map(|happening| match happening {
        Happening::Progress { of, status, by, after, .. }
        | Happening::Answered { of, status, by, after, .. } => {
            assert_eq!(of.call_id.as_deref(), Some(&b"followed"[..]));
            Some((*status, *by, after.expect("it is followed").as_secs_f64()))
        }
        _ => None,
    });
    told.collect()
}

#[test]
fn a_client_is_told_once_that_it_rings_and_once_how_it_ends() {
    let seen = happenings(Some(Uas::answering(486, seconds(3))), "INVITE", 100);
    assert_eq!(told(&seen), [(180, Responder::Relayed, 0.02), (486, Responder::Relayed, 3.02)]);
    // Nobody acknowledges the 200 of this test, so that Bob repeats it.
    let seen = happenings(Some(Uas::answering(200, seconds(3))), "INVITE", 100);
    assert_eq!(told(&seen), [(180, Responder::Relayed, 0.02), (200, Responder::Relayed, 3.02)]);
}

#[test]
fn a_client_is_told_by_the_element_itself_that_nobody_answers() {
    assert_eq!(told(&happenings(None, "INVITE", 100)), [(408, Responder::Element, 32.0)]);
}

#[test]
fn a_response_that_a_block_keeps_back_is_told_and_so_is_what_the_script_replies() {
    let script = relay_to(BOB).on_failure(|turn| {
        turn.drop_response();
        turn.reply(404);
    });
    let seen = happenings_of(script, Some(Uas::answering(486, seconds(1))), "INVITE", 100);
    let kept_back = seen.iter().filter_map(|happening| match happening {
        Happening::DroppedResponse { of, status } => Some((of.method.clone(), *status)),
        _ => None,
    });
    assert_eq!(kept_back.collect::<Vec<_>>(), [(Method::Invite, 486)]);
    assert_eq!(told(&seen)[1..], [(404, Responder::Script, 1.02)]);
}

#[test]
fn a_target_on_the_blacklist_is_told_of_when_it_is_passed_over() {
    let (mut world, relay, _, _) = by_name("sip:b.example");
    servers(&mut world, &[("udp", "bob.example", BOB), ("udp", "carol.example", CAROL)]);
    world.network().cut_off(address(BOB), Reachability::Refused);
    let dave = add_inbox(&mut world, DAVE);
    add_callee(&mut world, CAROL, Uas::answering(200, seconds(0)));
    world.step_element(relay, |element, _| element.begin_happenings(100, true));
    for branch in ["first", "second"] {
        world.send(dave, request("OPTIONS", branch), address(RELAY));
        world.advance(seconds(1));
    }
    let seen = kept(&world, relay);
    let told = seen.iter().filter_map(|happening| match happening {
        Happening::Blacklisted { target } => Some((target.addr, None)),
        Happening::PassedOver { target, call_id } => Some((target.addr, call_id.as_deref())),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [(address(BOB), None), (address(BOB), Some(&b"second"[..]))]);
    let looked_up = seen.iter().filter(|happening| matches!(happening, Happening::Resolved { .. }));
    assert_eq!(looked_up.count(), 2);
}

#[test]
fn a_timer_of_a_request_that_is_answered_belongs_to_its_call() {
    let seen = happenings(Some(Uas::answering(486, seconds(1))), "INVITE", 100);
    let calls = seen.iter().filter_map(|happening| match happening {
        Happening::Timer { timer: Timer::G | Timer::H, of } => Some(of.call_id.as_deref()),
        _ => None,
    });
    let calls: Vec<_> = calls.collect();
    assert!(calls.len() > 1 && calls.iter().all(|call| *call == Some(b"followed")), "{calls:?}");
}

#[test]
fn no_more_is_kept_than_there_is_room_for() {
    assert_eq!(happenings(None, "INVITE", 3).len(), 3);
}

#[test]
fn nothing_is_kept_unless_it_is_asked_for() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    world.send(alice, request("OPTIONS", "unfollowed"), address(RELAY));
    world.run_until_idle();
    assert!(world.element(relay).happenings().is_none());
}

/// Whether a request has ended without a final response, with the beginning of a call among them.
fn unanswered(happenings: &[Happening]) -> Vec<(Method, bool)> {
    let unanswered = happenings.iter().filter_map(|happening| match happening {
        Happening::Unanswered { of, call } => Some((of.method.clone(), *call)),
        _ => None,
    });
    unanswered.collect()
}

#[test]
fn a_request_that_the_script_makes_nothing_of_ends_without_an_answer() {
    let silent = || Blocks::new(profile()).on_request(|_| ());
    let seen = happenings_of(silent(), None, "INVITE", 100);
    assert_eq!(unanswered(&seen)[0], (Method::Invite, true));
    // Each is told of once, even if Alice repeats it.
    let received =
        seen.iter().filter(|happening| matches!(happening, Happening::Received { call: true, .. }));
    assert_eq!(received.count(), unanswered(&seen).len());
    assert_eq!(unanswered(&happenings_of(silent(), None, "OPTIONS", 100))[0], (Method::Options, false));
}

#[test]
fn a_call_whose_transaction_the_script_ends_has_ended_without_an_answer() {
    let script = Blocks::new(profile()).on_request(|turn| {
        let request = turn.request().clone();
        turn.api().step(|element, now| {
            element.create_transaction(now, &request);
            element.terminate_transaction(request.id);
        });
    });
    assert_eq!(unanswered(&happenings_of(script, None, "INVITE", 100)), [(Method::Invite, true)]);
}

#[test]
fn requests_that_are_answered_have_an_end() {
    assert_eq!(unanswered(&happenings(Some(Uas::answering(200, seconds(1))), "OPTIONS", 100)), []);
    assert_eq!(unanswered(&happenings(None, "INVITE", 100)), []);
    // RFC 4320 4.2: there is no 408 to another request.
    assert_eq!(unanswered(&happenings(None, "OPTIONS", 100)), [(Method::Options, false)]);
    for status in [200, 404] {
        let script = Blocks::new(profile()).on_request(move |turn| {
            turn.reply(status);
        });
        assert_eq!(unanswered(&happenings_of(script, None, "INVITE", 100)), []);
    }
}

#[test]
fn a_487_says_whether_its_client_has_cancelled() {
    let cancelled = |cancels: bool| {
        let mut world = world(1);
        let script = Blocks::new(profile()).on_request(move |turn| {
            turn.wait(seconds(2), |turn| {
                turn.reply(487);
            });
        });
        let relay = add_relay(&mut world, RELAY, script);
        let alice = add_inbox(&mut world, ALICE);
        world.step_element(relay, |element, _| element.begin_happenings(100, true));
        world.send(alice, request("INVITE", "followed"), address(RELAY));
        if cancels {
            world.run_until(seconds(1), |_| false);
            world.send(alice, request("CANCEL", "followed"), address(RELAY));
        }
        world.run_until_idle();
        let ends = kept(&world, relay).into_iter().filter_map(|happening| match happening {
            Happening::Answered { status, call: true, cancelled, .. } => Some((status, cancelled)),
            _ => None,
        });
        ends.collect::<Vec<_>>()
    };
    assert_eq!(cancelled(true), [(487, true)]);
    assert_eq!(cancelled(false), [(487, false)]);
}
