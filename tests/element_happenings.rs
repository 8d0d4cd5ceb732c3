//! What an element keeps of its steps for who follows it: nothing unless it is asked to.

mod element_support;

use element_support::*;
use oversip::element::{AttemptEnd, Happening};
use oversip::message::Method;
use oversip::transaction::Timer;

/// A relay to Bob, who answers after a time with this status or never; with what has happened when all is over.
fn happenings(bob: Option<Uas>, method: &str, room: usize) -> Vec<Happening> {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    match bob {
        Some(bob) => drop(world.add_peer("bob", oversip::message::Transport::Udp, address(BOB), bob)),
        None => drop(add_inbox(&mut world, BOB)),
    }
    world.step_element(relay, |element, _| element.begin_happenings(room));
    world.send(alice, request(method, "followed"), address(RELAY));
    world.run_until_idle();
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
