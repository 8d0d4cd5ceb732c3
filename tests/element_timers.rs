//! Timers of transactions, in virtual time (RFC 3261 17, table 4).

mod element_support;

use element_support::*;
use oversip::element::Dropped;
use oversip::message::Transport;
use oversip::simulation::Entry;

/// When messages that begin like this were sent from one address to another, in milliseconds.
fn times(world: &World, from: &str, to: &str, begins: &str) -> Vec<u64> {
    let (from, to) = (address(from), address(to));
    let sent =
        |entry: &&Entry| entry.from == from && entry.to == to && entry.first_line().starts_with(begins);
    let times = world.record().entries().iter().filter(sent);
    times.map(|entry| u64::try_from(entry.at.as_millis()).expect("a short run")).collect()
}

/// The times between them.
fn intervals(times: &[u64]) -> Vec<u64> {
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn timer_a_repeats_an_invite_and_timer_b_gives_it_up() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_inbox(&mut world, BOB);
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    let sent = times(&world, RELAY, BOB, "INVITE");
    assert_eq!(intervals(&sent), [500, 1000, 2000, 4000, 8000, 16_000]);
    let failed = times(&world, RELAY, ALICE, "SIP/2.0 408");
    assert_eq!(failed[0] - sent[0], 32_000);
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(408));
    assert_all_quiet(&world, relay);
}

#[test]
fn timers_e_and_f_do_the_same_for_other_requests() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    add_inbox(&mut world, BOB);
    world.send(alice, request("OPTIONS", "options"), address(RELAY));
    world.run_until_idle();
    let sent = times(&world, RELAY, BOB, "OPTIONS");
    assert_eq!(intervals(&sent), [500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000]);
    // RFC 4320 4.2: nobody is told that a request other than INVITE was given up, it is too late for that.
    assert!(times(&world, RELAY, ALICE, "SIP/2.0 408").is_empty());
    assert_all_quiet(&world, relay);
}

#[test]
fn timer_c_cancels_a_call_that_rings_for_too_long() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_callee(&mut world, BOB, Uas::with_answers(&[(seconds(0), 180)]));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    let invited = times(&world, RELAY, BOB, "INVITE")[0];
    // It begins anew with a provisional response only where the profile says so.
    assert_eq!(times(&world, RELAY, BOB, "CANCEL")[0] - invited, 120_000);
    assert!(world.peer(bob).calls()[0].is_canceled());
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(408), "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn timers_g_and_h_repeat_a_refusal_until_its_ack() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    add_callee(&mut world, BOB, Uas::answering(486, seconds(0)));
    world.send(alice, invite("unacknowledged"), address(RELAY));
    world.run_until_idle();
    let sent = times(&world, RELAY, ALICE, "SIP/2.0 486");
    assert_eq!(intervals(&sent), [500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000]);
    assert_all_quiet(&world, relay);
}

#[test]
fn timer_l_takes_repeated_invites_of_an_accepted_call_and_timer_m_repeated_2xx() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    let bob = add_callee(&mut world, BOB, Uas::answering(200, seconds(0)));
    let invite = invite("accepted");
    world.send(alice, invite.clone(), address(RELAY));
    world.advance(seconds(31));
    world.send(alice, invite, address(RELAY));
    world.run_until_idle();
    assert_eq!(times(&world, RELAY, BOB, "INVITE").len(), 1, "the repeated INVITE is absorbed");
    let repeated = times(&world, BOB, RELAY, "SIP/2.0 200");
    let upstream = times(&world, RELAY, ALICE, "SIP/2.0 200");
    assert!(repeated.len() > 5);
    // One more for the INVITE that was repeated.
    assert_eq!(upstream.len(), repeated.len() + 1, "{}", world.record());
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::NeverAcknowledged);
    assert_all_quiet(&world, relay);
}

#[test]
fn timer_d_answers_a_repeated_refusal_with_its_ack() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_inbox(&mut world, BOB);
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(1));
    let invite = world.peer(bob).news().remove(0);
    for _ in 0..3 {
        world.send(bob, answer(&invite, 486, "b"), address(RELAY));
        world.advance(seconds(10));
    }
    assert_eq!(times(&world, RELAY, BOB, "ACK").len(), 3, "{}", world.record());
    assert_eq!(times(&world, RELAY, ALICE, "SIP/2.0 486").len(), 1);
    world.advance(seconds(10));
    world.send(bob, answer(&invite, 486, "b"), address(RELAY));
    world.run_until_idle();
    assert_eq!(times(&world, RELAY, BOB, "ACK").len(), 3, "after Timer D the response belongs to nothing");
    assert_all_quiet(&world, relay);
}

#[test]
fn nothing_is_repeated_over_a_connection() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, Blocks::relay_to(profile(), tcp(BOB)));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = world.add_peer("bob", oversip::message::Transport::Tcp, address(BOB), Inbox::default());
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(world.peer(bob).messages().len(), 1);
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(408));
    assert_all_quiet(&world, relay);
}

#[test]
fn a_script_that_takes_its_time_has_100_said_for_it() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(486, seconds(0)));
    world.hold_script(relay);
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(1));
    // 10 ms on the way, then the 200 ms of RFC 3261 17.2.1.
    assert_eq!(times(&world, RELAY, ALICE, "SIP/2.0 100"), [210]);
    assert_eq!(world.waiting_for_script(relay), 1);
    world.release_script(relay);
    world.run_until_idle();
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(486), "{}", world.record());
    assert_all_quiet(&world, relay);
}

/// How many responses have come that belong to no transaction.
fn unmatched(world: &World, relay: ElementId) -> u64 {
    world.element(relay).counts().dropped[Dropped::UnmatchedResponse as usize]
}

/// The ACK of a refused INVITE of Alice's.
fn ack_of(branch: &str, to_tag: &str) -> String {
    request("ACK", branch)
        .replace("To: <sip:bob@b.example>", &format!("To: <sip:bob@b.example>;tag={to_tag}"))
}

#[test]
fn timer_b_of_the_profile_counts() {
    let mut short = profile();
    short.timer_b = seconds(3);
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, Blocks::relay_to(short, udp(BOB)));
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_inbox(&mut world, BOB);
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    let sent = times(&world, RELAY, BOB, "INVITE");
    assert_eq!(intervals(&sent), [500, 1000]);
    assert_eq!(times(&world, RELAY, ALICE, "SIP/2.0 408")[0] - sent[0], 3_000);
    assert_all_quiet(&world, relay);
}

#[test]
fn timer_a_and_timer_b_end_with_the_first_provisional_response() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::with_answers(&[(seconds(2), 100), (seconds(60), 486)]));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(times(&world, RELAY, BOB, "INVITE").len(), 3, "{}", world.record());
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(486));
    // RFC 3261 16.7 step 3: a 100 goes no further.
    assert_eq!(times(&world, RELAY, ALICE, "SIP/2.0 100").len(), 1);
    assert_all_quiet(&world, relay);
}

#[test]
fn timer_c_begins_anew_with_provisional_responses_where_the_profile_says_so() {
    let mut patient = profile();
    patient.timer_c_restart = true;
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, Blocks::relay_to(patient, udp(BOB)));
    let alice = add_caller(&mut world, ALICE, RELAY);
    // The 100 does not count, the 183 does.
    let answers = [(seconds(0), 180), (seconds(100), 183), (seconds(150), 100)];
    let bob = add_callee(&mut world, BOB, Uas::with_answers(&answers));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    let last = times(&world, BOB, RELAY, "SIP/2.0 183")[0];
    assert_eq!(times(&world, RELAY, BOB, "CANCEL")[0] - last, 120_010, "{}", world.record());
    assert!(world.peer(bob).calls()[0].is_canceled());
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(408));
    assert_all_quiet(&world, relay);
}

#[test]
fn timer_c2_answers_408_where_nobody_else_does() {
    let mut world = world(1);
    // The script drops whatever comes.
    let script = relay_to(BOB)
        .on(CallbackClass::Failure, |turn| turn.drop_response())
        .on(CallbackClass::InviteTimeout, |turn| turn.drop_response());
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(486, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    let begun = times(&world, RELAY, BOB, "INVITE")[0];
    let ended = times(&world, RELAY, ALICE, "SIP/2.0 408");
    assert_eq!((ended.len(), ended[0] - begun), (1, 182_000), "{}", world.record());
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(408));
    assert_all_quiet(&world, relay);
}

#[test]
fn timer_c2_begins_anew_with_each_route_and_cancels_what_is_pending() {
    let mut world = world(1);
    // The second target is tried 100 s after the first one was: its Timer C is over 218 s after the beginning.
    let script = relay_to(BOB).on_failure(|turn| {
        if turn.status() == 480 {
            turn.drop_response();
            turn.route_to(udp(CAROL));
        }
    });
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(480, seconds(100)));
    let carol = add_callee(&mut world, CAROL, Uas::answering(200, seconds(110)));
    call(&mut world, alice, CallPlan { hang_up_after: Some(seconds(1)), ..CallPlan::default() });
    world.run_until_idle();
    assert!(times(&world, RELAY, ALICE, "SIP/2.0 408").is_empty(), "{}", world.record());
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::HungUp);
    assert_eq!(world.peer(carol).calls()[0].state(), CalleeState::EndedByPeer);
    assert_all_quiet(&world, relay);
}

#[test]
fn timer_c2_cancels_what_is_pending() {
    let mut endless = profile();
    endless.timer_c = seconds(200);
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, Blocks::relay_to(endless, udp(BOB)));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_callee(&mut world, BOB, Uas::with_answers(&[(seconds(0), 180)]));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    let begun = times(&world, RELAY, BOB, "INVITE")[0];
    assert_eq!(times(&world, RELAY, BOB, "CANCEL")[0] - begun, 182_000, "{}", world.record());
    assert_eq!(times(&world, RELAY, ALICE, "SIP/2.0 408").len(), 1);
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::Over(487));
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(408));
    assert_all_quiet(&world, relay);
}

#[test]
fn timer_e_goes_on_at_t2_after_a_provisional_response() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    let bob = add_inbox(&mut world, BOB);
    world.send(alice, request("OPTIONS", "options"), address(RELAY));
    world.advance(millis(600));
    let options = world.peer(bob).news().remove(0);
    world.send(bob, answer(&options, 100, "b"), address(RELAY));
    world.run_until_idle();
    let sent = times(&world, RELAY, BOB, "OPTIONS");
    // The one that was due already comes in its time.
    assert_eq!(intervals(&sent)[..4], [500, 1000, 4000, 4000], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn a_request_that_takes_long_is_kept_alive_by_a_100_and_forgotten_when_its_client_has_given_up() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    let bob = add_inbox(&mut world, BOB);
    let options = request("OPTIONS", "options");
    world.send(alice, options.clone(), address(RELAY));
    world.advance(seconds(4));
    // RFC 4320 4.1: not before Timer E is at T2.
    assert_eq!(times(&world, RELAY, ALICE, "SIP/2.0 100"), [3_510], "{}", world.record());
    world.send(alice, options, address(RELAY));
    world.advance(seconds(1));
    assert_eq!(times(&world, RELAY, ALICE, "SIP/2.0 100").len(), 2, "a repetition gets it again");
    world.advance(millis(27_100));
    assert_eq!(world.element(relay).gauges().server_transactions, 0);
    let options = world.peer(bob).messages()[0].clone();
    world.send(bob, answer(&options, 200, "b"), address(RELAY));
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, ALICE), ["100", "100"], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn timer_j_answers_a_repeated_request_and_after_it_the_request_is_a_new_one() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    let bob = add_callee(&mut world, BOB, Uas::answering(486, seconds(0)));
    for wait in [0, 31, 1] {
        world.advance(seconds(wait));
        world.send(alice, request("OPTIONS", "options"), address(RELAY));
        world.advance(millis(100));
    }
    assert_eq!(story(&world, RELAY, ALICE), ["200", "200", "200"], "{}", world.record());
    assert_eq!(world.peer(bob).others().len(), 2, "the third one is a new request");
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn timer_k_takes_a_repeated_response_and_after_it_that_belongs_to_nothing() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    let bob = add_inbox(&mut world, BOB);
    world.send(alice, request("OPTIONS", "options"), address(RELAY));
    world.advance(millis(100));
    let options = world.peer(bob).news().remove(0);
    world.send(bob, answer(&options, 200, "b"), address(RELAY));
    world.advance(millis(4_900));
    world.send(bob, answer(&options, 200, "b"), address(RELAY));
    world.advance(millis(50));
    assert_eq!(unmatched(&world, relay), 0);
    world.advance(millis(100));
    world.send(bob, answer(&options, 200, "b"), address(RELAY));
    world.advance(millis(50));
    assert_eq!(unmatched(&world, relay), 1);
    assert_eq!(story(&world, RELAY, ALICE), ["200"], "{}", world.record());
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn timer_g_ends_with_the_ack_and_timer_i_takes_what_comes_again() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    let bob = add_callee(&mut world, BOB, Uas::answering(486, seconds(0)));
    world.send(alice, invite("refused"), address(RELAY));
    world.advance(seconds(2));
    let refusal = world.peer(alice).messages().last().expect("a refusal").clone();
    let tag = String::from_utf8_lossy(refusal.to_tag().expect("a tag")).into_owned();
    let before = times(&world, RELAY, ALICE, "SIP/2.0 486");
    assert_eq!(intervals(&before), [500, 1000]);
    world.send(alice, ack_of("refused", &tag), address(RELAY));
    world.advance(millis(4_900));
    assert_eq!(times(&world, RELAY, ALICE, "SIP/2.0 486").len(), 3, "{}", world.record());
    // A repeated ACK is absorbed, a repeated INVITE is no new one.
    world.send(alice, ack_of("refused", &tag), address(RELAY));
    world.send(alice, invite("refused"), address(RELAY));
    world.advance(millis(90));
    assert_eq!(world.peer(bob).calls().len(), 1);
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "ACK"], "the ACK of a refusal goes no further");
    world.advance(millis(100));
    assert_eq!(world.element(relay).gauges().server_transactions, 0, "Timer I is over");
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn after_timer_h_the_refusal_is_not_repeated_any_more_and_the_invite_is_a_new_one() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    let bob = add_callee(&mut world, BOB, Uas::answering(486, seconds(0)));
    world.send(alice, invite("unacknowledged"), address(RELAY));
    world.advance(seconds(33));
    assert_eq!(world.element(relay).gauges().server_transactions, 0);
    let repeated = times(&world, RELAY, ALICE, "SIP/2.0 486").len();
    world.send(alice, ack_of("unacknowledged", "late"), address(RELAY));
    world.send(alice, invite("unacknowledged"), address(RELAY));
    world.advance(millis(100));
    assert_eq!(times(&world, RELAY, ALICE, "SIP/2.0 486").len(), repeated + 1, "{}", world.record());
    assert_eq!(world.peer(bob).calls().len(), 2);
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn a_cancel_is_repeated_like_a_request_until_its_answer_or_the_final_response() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_inbox(&mut world, ALICE);
    let bob = add_inbox(&mut world, BOB);
    world.send(alice, invite("cancelled"), address(RELAY));
    world.advance(millis(100));
    let invite = world.peer(bob).news().remove(0);
    world.send(bob, answer(&invite, 180, "b"), address(RELAY));
    world.advance(millis(100));
    world.send(alice, request("CANCEL", "cancelled"), address(RELAY));
    world.advance(seconds(4));
    assert_eq!(intervals(&times(&world, RELAY, BOB, "CANCEL")), [500, 1000, 2000], "{}", world.record());
    let cancel = world.peer(bob).messages().last().expect("a CANCEL").clone();
    world.send(bob, answer(&cancel, 200, "b"), address(RELAY));
    world.advance(seconds(10));
    assert_eq!(times(&world, RELAY, BOB, "CANCEL").len(), 4);
    // RFC 3261 9.1: without a final response it counts as cancelled 64*T1 after the CANCEL.
    world.advance(seconds(20));
    let cancelled = times(&world, RELAY, BOB, "CANCEL")[0];
    let answered = times(&world, RELAY, ALICE, "SIP/2.0 487");
    assert_eq!(answered[0] - cancelled, 32_000, "{}", world.record());
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn over_a_connection_timers_d_i_j_and_k_take_no_time() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, Blocks::relay_to(profile(), tcp(BOB)));
    let alice = add_caller_by(&mut world, Transport::Tcp, ALICE, RELAY);
    add_callee_by(&mut world, Transport::Tcp, BOB, Uas::answering(486, seconds(0)));
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(1));
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(486), "{}", world.record());
    assert_all_quiet(&world, relay);
    let other = world.add_peer("other", Transport::Tcp, address(CAROL), Inbox::default());
    let options = request("OPTIONS", "options").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    world.send(other, options, address(RELAY));
    world.advance(seconds(1));
    let statuses: Vec<_> = world.peer(other).messages().iter().map(|it| it.status()).collect();
    assert_eq!(statuses, [Some(200)], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn what_the_script_has_scheduled_can_be_taken_back_until_its_time_has_come() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let timers = |world: &World| world.element(relay).gauges().timers;
    for number in [7, 8] {
        world.step_element(relay, |element, now| element.schedule(now, number, seconds(10)));
    }
    assert_eq!(timers(&world), 2);
    world.step_element(relay, |element, _| element.unschedule(7));
    assert_eq!(timers(&world), 1);
    world.run_until_idle();
    assert_eq!(timers(&world), 0);
    world.step_element(relay, |element, _| element.unschedule(8));
    assert_all_quiet(&world, relay);
}
