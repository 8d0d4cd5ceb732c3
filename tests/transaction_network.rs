//! Client against server machine over a seeded network that loses, repeats and reorders.
//!
//! The judges of both simulations check, for each call: both machines end, once and in time; neither has an effect
//! afterwards; timers that were stopped have none either; the core hears of one outcome, the one the other side
//! meant; and what is retransmitted leaves exactly when the RFC says.

mod transaction_simulation;

use std::cell::Cell;

use transaction_simulation::network::Weather;
use transaction_simulation::{invite, non_invite};

const CALLS: u64 = 10_000;

thread_local!(static PLAYED: Cell<u64> = const { Cell::new(0) });

/// Names the call that failed, so that it can be played alone.
struct Culprit(Weather);

impl Drop for Culprit {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in the call of seed {:#x}, {:?}", PLAYED.get(), self.0);
        }
    }
}

/// Plays all calls of one kind of weather. The seeds are spread so that no two calls share a random sequence.
fn play_all(weather: Weather, mut play: impl FnMut(u64)) {
    let _culprit = Culprit(weather);
    for call in 0..CALLS {
        let seed = (weather.percent << 32 | call).wrapping_mul(0xd134_2543_de82_ef95);
        PLAYED.set(seed);
        play(seed);
    }
}

fn invites(percent: u64, reliable: bool) -> invite::Tally {
    let weather = Weather { percent, reliable };
    let mut tally = invite::Tally::default();
    play_all(weather, |seed| invite::Call::play(seed, weather, &mut tally));
    // Each outcome must really have been met, or the checks above prove nothing about it.
    for (count, name) in [
        (tally.successes, "successes"),
        (tally.failures, "failures"),
        (tally.timeouts, "timeouts"),
        (tally.invite_timeouts, "INVITE timeouts"),
        (tally.cancel_timeouts, "CANCEL timeouts"),
        (tally.swallowed, "swallowed finals"),
        (tally.abandoned, "abandoned calls"),
        (tally.canceled, "cancelled calls"),
        (tally.cancel_crossed_success, "successes that crossed a CANCEL"),
        (tally.success_after_timer_c, "successes after timer C"),
        (tally.core_expired, "expired calls"),
        (tally.stale_timers, "stale timers"),
    ] {
        assert!(count > 10, "too few {name}: {tally:#?}");
    }
    tally
}

fn non_invites(percent: u64, reliable: bool) -> non_invite::Tally {
    let weather = Weather { percent, reliable };
    let mut tally = non_invite::Tally::default();
    play_all(weather, |seed| non_invite::Exchange::play(seed, weather, &mut tally));
    for (count, name) in [
        (tally.finals, "final responses"),
        (tally.swallowed, "swallowed finals"),
        (tally.timeouts, "timeouts"),
        (tally.abandoned, "abandoned requests"),
        (tally.provisionals, "provisional responses"),
        (tally.asked_for_a_hundred, "servers asked for a 100"),
        (tally.silent_servers, "silent servers"),
        (tally.stale_timers, "stale timers"),
    ] {
        assert!(count > 10, "too few {name}: {tally:#?}");
    }
    tally
}

fn lossy_invites(percent: u64) {
    let tally = invites(percent, false);
    assert!(tally.repeated_successes > 100, "{tally:#?}");
    assert!(tally.acked_again > 100, "{tally:#?}");
    assert!(tally.requests_absorbed > 100, "{tally:#?}");
    if percent == 50 {
        assert!(tally.never_acked > 0, "{tally:#?}");
        assert!(tally.never_arrived > 10, "{tally:#?}");
    }
}

fn lossy_non_invites(percent: u64) {
    let tally = non_invites(percent, false);
    assert!(tally.requests_absorbed > 100, "{tally:#?}");
    assert!(tally.responses_absorbed > 100, "{tally:#?}");
}

#[test]
fn invites_survive_ten_percent_loss() {
    lossy_invites(10);
}

#[test]
fn invites_survive_thirty_percent_loss() {
    lossy_invites(30);
}

#[test]
fn invites_survive_fifty_percent_loss() {
    lossy_invites(50);
}

#[test]
fn invites_over_a_stream_need_no_retransmission() {
    let tally = invites(0, true);
    assert_eq!((tally.requests_absorbed, tally.acked_again, tally.never_arrived), (0, 0, 0));
}

#[test]
fn non_invites_survive_ten_percent_loss() {
    lossy_non_invites(10);
}

#[test]
fn non_invites_survive_thirty_percent_loss() {
    lossy_non_invites(30);
}

#[test]
fn non_invites_survive_fifty_percent_loss() {
    lossy_non_invites(50);
}

#[test]
fn non_invites_over_a_stream_need_no_retransmission() {
    let tally = non_invites(0, true);
    assert_eq!((tally.requests_absorbed, tally.responses_absorbed, tally.never_arrived), (0, 0, 0));
}
