//! Connections of the simulated network: framing, stalls, ends, and what waits on them.

use oversip::message::Transport;

use crate::element_support::*;

#[test]
fn a_call_goes_by_tcp_and_the_connection_is_used_again() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, Blocks::relay_to(profile(), tcp(BOB)));
    let alice = add_caller_by(&mut world, Transport::Tcp, ALICE, RELAY);
    let bob = add_callee_by(&mut world, Transport::Tcp, BOB, Uas::answering(200, seconds(1)));
    let plan = CallPlan { hang_up_after: Some(seconds(1)), ..CallPlan::default() };
    call(&mut world, alice, plan.clone());
    world.advance(seconds(5));
    call(&mut world, alice, plan);
    world.run_until_idle();
    let states: Vec<_> = world.peer(alice).calls().iter().map(UacCall::state).collect();
    assert_eq!(states, [CallState::HungUp; 2], "{}", world.record());
    assert_eq!(world.peer(bob).calls().len(), 2);
    assert_eq!(world.connections_at(address(BOB)), 1);
    assert_all_quiet(&world, relay);
}

#[test]
fn connections_that_break_are_opened_anew() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, Blocks::relay_to(profile(), tcp(BOB)));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_callee_by(&mut world, Transport::Tcp, BOB, Uas::answering(486, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    world.break_connections(address(BOB));
    world.advance(seconds(1));
    assert_eq!(world.connections_at(address(BOB)), 0);
    assert_eq!(world.element(relay).gauges().connections, 0);
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(world.peer(bob).calls().len(), 2, "{}", world.record());
    assert_eq!(world.peer(alice).calls()[1].state(), CallState::Refused(486));
}

#[test]
fn what_is_sent_while_a_connection_stalls_arrives_when_it_goes_on() {
    let mut world = world(1);
    add_relay(&mut world, RELAY, Blocks::relay_to(profile(), tcp(BOB)));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_callee_by(&mut world, Transport::Tcp, BOB, Uas::answering(486, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    world.network().cut_off(address(BOB), Reachability::Silent);
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(10));
    assert_eq!(world.peer(bob).calls().len(), 1);
    world.network().restore(address(BOB));
    world.run_until_idle();
    assert_eq!(world.peer(bob).calls().len(), 2);
    assert_eq!(world.peer(alice).calls()[1].state(), CallState::Refused(486), "{}", world.record());
}

#[test]
fn a_client_that_closes_its_side_gets_the_answer_it_waits_for() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, Blocks::relay_to(profile(), udp(BOB)));
    let alice = world.add_peer("alice", Transport::Tcp, address(ALICE), Inbox::default());
    add_callee(&mut world, BOB, Uas::answering(486, seconds(3)));
    let invite = invite("half").replace("UDP", "TCP");
    world.send(alice, invite, address(RELAY));
    world.with_peer(alice, |_, api| api.finish(address(RELAY)));
    world.advance(seconds(2));
    assert_eq!(world.element(relay).gauges().connections, 1);
    world.advance(seconds(3));
    let statuses: Vec<_> = world.peer(alice).messages().iter().filter_map(|it| it.status()).collect();
    assert_eq!(statuses.last(), Some(&486), "{}", world.record());
    assert_eq!(world.element(relay).gauges().connections, 0);
}

#[test]
fn a_websocket_carries_a_message_at_a_time() {
    let mut world = world(1);
    add_relay(&mut world, RELAY, Blocks::relay_to(profile(), udp(BOB)));
    let alice = add_caller_by(&mut world, Transport::Ws, ALICE, "10.0.0.1:80");
    add_callee(&mut world, BOB, Uas::answering(486, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(486), "{}", world.record());
}

/// A world with a relay to Bob and a client by TCP whose part the test plays.
fn with_tcp_client() -> (World, ElementId, PeerId<Inbox>) {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = world.add_peer("alice", Transport::Tcp, address(ALICE), Inbox::default());
    (world, relay, alice)
}

#[test]
fn messages_on_a_connection_come_whole_however_their_bytes_are_cut() {
    let (mut world, _, alice) = with_tcp_client();
    let bob = add_inbox(&mut world, BOB);
    let bytes = [invite("one"), invite("two")].concat().replace("UDP", "TCP").into_bytes();
    for chunk in bytes.chunks(100) {
        world.send(alice, chunk.to_vec(), address(RELAY));
        world.advance(millis(5));
    }
    world.advance(millis(100));
    let calls: Vec<_> = world.peer(bob).news().iter().map(|it| it.call_id().map(<[u8]>::to_vec)).collect();
    assert_eq!(calls, [Some(b"one".to_vec()), Some(b"two".to_vec())]);
}

#[test]
fn a_message_that_nobody_can_read_on_from_is_refused_and_its_connection_closed() {
    let (mut world, relay, alice) = with_tcp_client();
    let endless = invite("endless").replace("UDP", "TCP").replace("Content-Length: 0\r\n", "");
    world.send(alice, endless, address(RELAY));
    world.run_until_idle();
    let answers: Vec<_> = world.peer(alice).news().iter().filter_map(|it| it.status()).collect();
    assert_eq!(answers, [400], "{}", world.record());
    assert_eq!(world.element(relay).gauges().connections, 0);
}

#[test]
fn the_rest_of_a_message_that_does_not_come_in_time_ends_its_connection() {
    let (mut world, relay, alice) = with_tcp_client();
    world.send(alice, invite("half")[..80].to_owned(), address(RELAY));
    world.advance(seconds(9));
    assert_eq!(world.element(relay).gauges().connections, 1);
    world.advance(seconds(2));
    assert_eq!(world.element(relay).gauges().connections, 0);
}

#[test]
fn keepalives_are_answered_over_all_transports() {
    for (transport, hop) in [(Transport::Udp, RELAY), (Transport::Tcp, RELAY), (Transport::Ws, "10.0.0.1:80")]
    {
        let mut world = world(1);
        add_relay(&mut world, RELAY, relay_to(BOB));
        let alice = world.add_peer("alice", transport, address(ALICE), Inbox::default());
        world.send(alice, "\r\n\r\n", address(hop));
        world.run_until_idle();
        let sent: Vec<_> =
            world.record().entries().iter().map(|it| (it.party.clone(), it.wire.to_vec())).collect();
        let expected = [("alice", &b"\r\n\r\n"[..]), ("relay", b"\r\n")];
        assert_eq!(sent, expected.map(|(party, wire)| (party.to_owned(), wire.to_vec())), "{transport}");
    }
}

#[test]
fn a_connection_that_stalls_for_too_long_breaks() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller_by(&mut world, Transport::Tcp, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(486, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.advance(millis(500));
    // The responses to her stay on their way. She has opened the connection from this port.
    world.network().cut_off(address("10.0.1.1:40001"), Reachability::Silent);
    world.advance(seconds(119));
    assert_eq!(world.element(relay).gauges().connections, 1);
    world.advance(seconds(5));
    assert_eq!(world.element(relay).gauges().connections, 0, "{}", world.record());
}

#[test]
fn responses_wait_on_their_connection_while_there_is_no_room_for_them() {
    let mut world = world(1);
    let at = listening(RELAY);
    let mut settings = settings(1, &at);
    // Room for the responses of one call at a time.
    settings.limits.response_bytes = 3000;
    let script = Blocks::relay_to(profile(), tcp(BOB)).on(CallbackClass::Failure, |_| {});
    let relay = world.add_element("relay", settings, &at, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee_by(&mut world, Transport::Tcp, BOB, Uas::answering(486, seconds(1)));
    for _ in 0..10 {
        call(&mut world, alice, CallPlan::default());
    }
    world.advance(millis(500));
    world.hold_script(relay);
    world.advance(seconds(5));
    let held = world.element(relay).gauges().responses;
    assert!((1..10).contains(&held), "{held} of ten responses were taken");
    world.release_script(relay);
    world.run_until_idle();
    let states: Vec<_> = world.peer(alice).calls().iter().map(UacCall::state).collect();
    assert_eq!(states, [CallState::Refused(486); 10], "{}", world.record());
    assert_all_quiet(&world, relay);
}
