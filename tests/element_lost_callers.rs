//! Connections of callers that are lost in each state of a transaction (RFC 3261 18.2.2).

mod element_support;

use element_support::*;
use oversip::message::{Message, Method, Transport};

/// A relay between Alice by TCP and Bob by UDP, who has an inbox.
fn upstream() -> (World, ElementId, PeerId<Uac>, PeerId<Inbox>) {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller_by(&mut world, Transport::Tcp, ALICE, RELAY);
    let bob = add_inbox(&mut world, BOB);
    (world, relay, alice, bob)
}

/// How many connections the relay has opened to Alice.
fn opened_to_alice(world: &World) -> usize {
    let entries = world.record().entries().iter().filter(|entry| entry.to == address(ALICE));
    let mut from: Vec<_> = entries.map(|entry| entry.from).collect();
    from.dedup();
    from.len()
}

#[test]
fn the_answer_goes_to_a_caller_whose_connection_is_lost_over_a_new_one() {
    for status in [200, 486] {
        let (mut world, relay, alice, bob) = upstream();
        call(&mut world, alice, CallPlan::default());
        world.advance(millis(100));
        let invite = world.peer(bob).news().remove(0);
        world.send(bob, answer(&invite, 180, "b"), address(RELAY));
        world.advance(millis(100));
        assert_eq!(opened_to_alice(&world), 0);
        world.break_connections(address(RELAY));
        world.advance(millis(100));
        assert_eq!(world.peer(bob).news().len(), 0, "the loss does not cancel the call: {}", world.record());
        let wire = if status == 200 { acceptance(&invite, "b") } else { answer(&invite, status, "b") };
        world.send(bob, wire, address(RELAY));
        world.advance(millis(200));
        assert_eq!(opened_to_alice(&world), 1, "{}", world.record());
        let expected = if status == 200 { CallState::Up } else { CallState::Refused(status) };
        assert_eq!(world.peer(alice).calls()[0].state(), expected, "{}", world.record());
        let ack = world.peer(bob).news();
        assert_eq!(ack.len(), 1, "{}", world.record());
        assert_eq!(ack[0].method(), Some(&Method::Ack));
        world.run_until_idle();
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn a_caller_that_is_gone_for_good_leaves_nothing_behind() {
    for status in [200, 486] {
        let (mut world, relay, alice, bob) = upstream();
        call(&mut world, alice, CallPlan::default());
        world.advance(millis(100));
        let invite = world.peer(bob).news().remove(0);
        world.break_connections(address(RELAY));
        world.network().cut_off(address(ALICE), Reachability::Refused);
        world.advance(millis(100));
        let wire = if status == 200 { acceptance(&invite, "b") } else { answer(&invite, status, "b") };
        world.send(bob, wire, address(RELAY));
        world.run_until_idle();
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn a_repeated_2xx_reaches_a_caller_whose_connection_is_lost_after_the_first_one() {
    let (mut world, relay, alice, bob) = upstream();
    call(&mut world, alice, CallPlan::default());
    world.advance(millis(100));
    let invite = world.peer(bob).news().remove(0);
    world.send(bob, acceptance(&invite, "b"), address(RELAY));
    world.advance(millis(15));
    // The 2xx is on its way to Alice and is lost with its connection.
    world.break_connections(address(RELAY));
    world.advance(millis(100));
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Proceeding, "{}", world.record());
    world.send(bob, acceptance(&invite, "b"), address(RELAY));
    world.advance(millis(200));
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Up, "{}", world.record());
    assert_eq!(world.peer(bob).news().len(), 1, "the ACK");
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn a_refusal_whose_connection_is_lost_before_the_ack_is_over_with_timer_h() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = world.add_peer("alice", Transport::Tcp, address(ALICE), Inbox::default());
    add_callee(&mut world, BOB, Uas::answering(486, seconds(0)));
    world.send(alice, invite("refused").replace("SIP/2.0/UDP", "SIP/2.0/TCP"), address(RELAY));
    world.advance(seconds(1));
    assert_eq!(world.peer(alice).messages().last().and_then(Message::status), Some(486));
    world.break_connections(address(RELAY));
    world.advance(seconds(30));
    assert_eq!(world.element(relay).gauges().server_transactions, 1);
    world.advance(seconds(2));
    assert_eq!(world.element(relay).gauges().server_transactions, 0);
    let refusals = world.peer(alice).messages().iter().filter(|it| it.status() == Some(486)).count();
    assert_eq!(refusals, 1, "nothing is repeated by TCP: {}", world.record());
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn a_caller_that_has_closed_its_side_gets_its_answers_and_then_the_connection_ends() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = world.add_peer("alice", Transport::Tcp, address(ALICE), Inbox::default());
    let bob = add_inbox(&mut world, BOB);
    for branch in ["one", "two"] {
        world.send(alice, request("OPTIONS", branch).replace("SIP/2.0/UDP", "SIP/2.0/TCP"), address(RELAY));
    }
    world.with_peer(alice, |_, api| api.finish(address(RELAY)));
    world.advance(millis(200));
    assert_eq!(world.element(relay).gauges().connections, 1);
    for request in world.peer(bob).news() {
        assert_eq!(world.element(relay).gauges().connections, 1, "there is an answer due");
        world.send(bob, answer(&request, 200, "b"), address(RELAY));
        world.advance(millis(100));
    }
    assert_eq!(world.peer(alice).messages().len(), 2, "{}", world.record());
    assert_eq!(opened_to_alice(&world), 0);
    assert_eq!(world.element(relay).gauges().connections, 0, "it is closed after the last answer");
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}

#[test]
fn a_cancel_over_a_new_connection_belongs_to_the_invite_of_the_lost_one() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = world.add_peer("alice", Transport::Tcp, address(ALICE), Inbox::default());
    let bob = add_callee(&mut world, BOB, Uas::with_answers(&[(seconds(0), 180)]));
    let by_tcp = |method: &str| request(method, "moved").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    world.send(alice, by_tcp("INVITE"), address(RELAY));
    world.advance(seconds(1));
    world.break_connections(address(RELAY));
    world.advance(millis(100));
    world.send(alice, by_tcp("CANCEL"), address(RELAY));
    world.advance(seconds(1));
    assert!(world.peer(bob).calls()[0].is_canceled(), "{}", world.record());
    let statuses: Vec<_> = world.peer(alice).messages().iter().filter_map(Message::status).collect();
    assert_eq!(statuses, [100, 180, 200, 487], "{}", world.record());
    let tag = world.peer(alice).messages()[3].to_tag().map(|tag| String::from_utf8_lossy(tag).into_owned());
    let tag = format!("To: <sip:bob@b.example>;tag={}", tag.expect("a tag"));
    world.send(alice, by_tcp("ACK").replace("To: <sip:bob@b.example>", &tag), address(RELAY));
    world.advance(millis(100));
    assert_eq!(world.element(relay).gauges().server_transactions, 0, "the ACK has come");
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}
