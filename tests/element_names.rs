//! The targets of a name, whatever kinds of DNS records lead to them (RFC 3263), and what is remembered of the answers.

mod element_support;

use element_support::*;

/// By TLS.
const BOB_TLS: &str = "10.0.2.1:5061";

#[test]
fn naptr_names_the_transports_in_their_order_and_failover_crosses_them() {
    let (mut world, relay, alice, told) = by_name("sip:b.example");
    let zone = world.zone();
    zone.naptr("b.example", 10, 1, "SIPS+D2T", "_sips._tcp.b.example")
        .naptr("b.example", 20, 1, "SIP+D2T", "_sip._tcp.b.example")
        .naptr("b.example", 30, 1, "SIP+D2U", "_sip._udp.b.example");
    servers(
        &mut world,
        &[
            ("tls", "one.b.example", BOB_TLS),
            ("tcp", "two.b.example", CAROL),
            ("udp", "three.b.example", DAVE),
        ],
    );
    // Bob's host refuses, Carol's is a black hole, Dave answers.
    add_inbox(&mut world, BOB);
    world.network().cut_off(address(CAROL), Reachability::Silent);
    let dave = add_callee(&mut world, DAVE, Uas::answering(200, seconds(0)));
    call(&mut world, alice, CallPlan { hang_up_after: Some(seconds(1)), ..CallPlan::default() });
    world.run_until_idle();
    assert_eq!(
        told.all()[..3],
        ["target tls:10.0.2.1:5061", "target tcp:10.0.3.1:5060", "target udp:10.0.4.1:5060"]
    );
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::HungUp, "{}", world.record());
    assert_eq!(world.peer(dave).calls()[0].state(), CalleeState::EndedByPeer);
    let via = world.peer(dave).calls()[0].invite().top_via().expect("a Via").transport().to_ascii_uppercase();
    assert_eq!(via, b"UDP", "the Via is that of the transport that the request left by in the end");
    assert_all_quiet(&world, relay);
}

#[test]
fn several_addresses_of_one_host_are_targets_of_their_own() {
    let (mut world, relay, alice, told) = by_name("sip:b.example:5060;transport=udp");
    world.zone().address("b.example", address(BOB).ip()).address("b.example", address(CAROL).ip());
    world.network().cut_off(address(BOB), Reachability::Refused);
    let carol = add_callee(&mut world, CAROL, Uas::answering(486, seconds(0)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(told.all(), ["target udp:10.0.2.1:5060", "target udp:10.0.3.1:5060", "failure 486"]);
    assert_eq!(world.peer(carol).calls().len(), 1);
    assert_all_quiet(&world, relay);
}

#[test]
fn aliases_are_followed_to_the_address() {
    let (mut world, relay, alice, told) = by_name("sip:b.example:5060;transport=udp");
    world.zone().alias("b.example", "host.b.example").address("host.b.example", address(BOB).ip());
    add_callee(&mut world, BOB, Uas::answering(486, seconds(0)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(told.all(), ["target udp:10.0.2.1:5060", "failure 486"]);
    assert_all_quiet(&world, relay);
}

#[test]
fn a_name_that_does_not_exist_is_404_and_nothing_is_sent() {
    let (mut world, relay, alice, told) = by_name("sip:b.example");
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(told.all(), ["error 404 no_dns_resolution"]);
    assert_eq!(story(&world, RELAY, ALICE), ["100", "404"], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(404));
    assert_all_quiet(&world, relay);
}

#[test]
fn a_name_server_that_fails_is_404_too() {
    let (mut world, relay, alice, told) = by_name("sip:b.example");
    world.zone().address("b.example", address(BOB).ip());
    for name in ["b.example", "_sip._udp.b.example", "_sip._tcp.b.example", "_sips._tcp.b.example"] {
        world.zone().trouble(name, Trouble::ServerFailure);
    }
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(told.all(), ["error 404 no_dns_resolution"]);
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(404));
    // It is no knowledge that would be kept: the next call asks again.
    world.zone().forget("b.example").address("b.example", address(BOB).ip());
    add_callee(&mut world, BOB, Uas::answering(486, seconds(0)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(world.peer(alice).calls()[1].state(), CallState::Refused(486), "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn silent_name_servers_are_404_after_the_time_of_a_resolution() {
    let (mut world, relay, alice, told) = by_name("sip:b.example:5060;transport=udp");
    world.zone().trouble("b.example", Trouble::Silence);
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(9));
    assert_eq!(world.element(relay).gauges().waiting_for_dns, 1);
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Proceeding, "{}", world.record());
    world.run_until_idle();
    assert_eq!(told.all(), ["error 404 no_dns_resolution"]);
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(404));
    assert!(world.now() < seconds(60));
    assert_all_quiet(&world, relay);
}

#[test]
fn a_server_without_an_address_is_passed_over() {
    let (mut world, relay, alice, told) = by_name("sip:b.example;transport=udp");
    world.zone().srv("_sip._udp.b.example", 1, 1, 5060, "nowhere.b.example");
    world.zone().srv("_sip._udp.b.example", 2, 1, 5060, "two.b.example");
    world.zone().address("two.b.example", address(CAROL).ip());
    add_callee(&mut world, CAROL, Uas::answering(486, seconds(0)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(told.all(), ["target udp:10.0.3.1:5060", "failure 486"], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn what_can_be_resolved_is_tried_though_a_name_server_of_another_server_is_silent() {
    let (mut world, relay, alice, told) = by_name("sip:b.example;transport=udp");
    world.zone().srv("_sip._udp.b.example", 1, 1, 5060, "nowhere.b.example");
    world.zone().srv("_sip._udp.b.example", 2, 1, 5060, "two.b.example");
    world.zone().address("two.b.example", address(CAROL).ip()).trouble("nowhere.b.example", Trouble::Silence);
    add_callee(&mut world, CAROL, Uas::answering(486, seconds(0)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(told.all(), ["target udp:10.0.3.1:5060", "failure 486"], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(486));
    assert_all_quiet(&world, relay);
}

#[test]
fn what_dns_has_said_is_known_for_its_time_to_live() {
    let (mut world, relay, alice, told) = by_name("sip:b.example:5060;transport=udp");
    world.zone().set_ttl(seconds(30)).address("b.example", address(BOB).ip());
    let bob = add_callee(&mut world, BOB, Uas::answering(486, seconds(0)));
    let carol = add_callee(&mut world, CAROL, Uas::answering(486, seconds(0)));
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(10));
    // Carol takes over from Bob.
    world.zone().forget("b.example").address("b.example", address(CAROL).ip());
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(15));
    assert_eq!((world.peer(bob).calls().len(), world.peer(carol).calls().len()), (2, 0));
    world.advance(seconds(6));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!((world.peer(bob).calls().len(), world.peer(carol).calls().len()), (2, 1), "{:?}", told.all());
    assert_all_quiet(&world, relay);
}

#[test]
fn that_a_name_does_not_exist_is_known_for_the_negative_time_to_live() {
    let (mut world, relay, alice, told) = by_name("sip:b.example:5060;transport=udp");
    world.zone().set_negative_ttl(Some(seconds(30)));
    add_callee(&mut world, BOB, Uas::answering(486, seconds(0)));
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(10));
    world.zone().address("b.example", address(BOB).ip());
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(25));
    assert_eq!(told.all(), ["error 404 no_dns_resolution"; 2]);
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(told.all()[2..], ["target udp:10.0.2.1:5060", "failure 486"]);
    assert_all_quiet(&world, relay);
}

#[test]
fn requests_that_ask_for_the_same_name_at_once_have_answers_of_their_own() {
    let (mut world, relay, alice, told) = by_name("sip:b.example:5060;transport=udp");
    world.zone().address("b.example", address(BOB).ip());
    let bob = add_callee(&mut world, BOB, Uas::answering(486, seconds(0)));
    for _ in 0..20 {
        call(&mut world, alice, CallPlan::default());
    }
    world.advance(millis(15));
    assert_eq!(world.element(relay).gauges().waiting_for_dns, 20);
    world.run_until_idle();
    assert_eq!(world.peer(bob).calls().len(), 20);
    assert_eq!(told.all().iter().filter(|it| *it == "failure 486").count(), 20);
    assert!(world.peer(alice).calls().iter().all(|call| call.state() == CallState::Refused(486)));
    assert_all_quiet(&world, relay);
}
