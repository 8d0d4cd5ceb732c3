//! Failover (RFC 3263 4.3): from a target that cannot be used to the next one, over all transports.

mod element_support;

use element_support::*;
use oversip::client::VerifyServer;
use oversip::message::Transport;

/// One more callee, in case.
const DAVE: &str = "10.0.4.1:5060";
/// By TLS.
const BOB_TLS: &str = "10.0.2.1:5061";
const CAROL_TLS: &str = "10.0.3.1:5061";

#[test]
fn a_refused_datagram_is_followed_by_the_next_target_at_once() {
    let (mut world, relay, alice, told) = by_name("sip:b.example;transport=udp");
    servers(&mut world, &[("udp", "one.b.example", BOB), ("udp", "two.b.example", CAROL)]);
    add_callee(&mut world, "10.0.2.1:5062", Uas::answering(200, seconds(0)));
    let carol = add_callee(&mut world, CAROL, Uas::answering(200, seconds(1)));
    let call = call(&mut world, alice, CallPlan { hang_up_after: Some(seconds(2)), ..CallPlan::default() });
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE"], "{}", world.record());
    assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "ACK", "BYE"], "{}", world.record());
    assert_eq!(told.all()[..2], ["target udp:10.0.2.1:5060", "target udp:10.0.3.1:5060"]);
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::HungUp);
    assert_eq!(world.peer(alice).calls()[call].statuses(), [100, 180, 200]);
    assert_eq!(world.peer(carol).calls()[0].state(), CalleeState::EndedByPeer);
    assert_all_quiet(&world, relay);
}

#[test]
fn a_silent_target_is_followed_by_the_next_one_after_timer_b() {
    let mut short = profile();
    short.timer_b = seconds(4);
    let (mut world, relay, alice, told) = with_profile(short, "sip:b.example;transport=udp");
    servers(&mut world, &[("udp", "one.b.example", BOB), ("udp", "two.b.example", CAROL)]);
    let carol = add_callee(&mut world, CAROL, Uas::answering(486, seconds(1)));
    let call = call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE"; 4], "{}", world.record());
    assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "ACK"], "{}", world.record());
    assert_eq!(told.all(), ["target udp:10.0.2.1:5060", "target udp:10.0.3.1:5060", "failure 486"]);
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::Refused(486));
    assert_eq!(world.peer(carol).calls()[0].state(), CalleeState::Over(486));
    assert_all_quiet(&world, relay);
}

#[test]
fn a_late_answer_of_a_target_that_was_given_up_is_dropped_and_counted() {
    let mut short = profile();
    short.timer_b = seconds(4);
    let (mut world, relay, alice, _) = with_profile(short, "sip:b.example;transport=udp");
    servers(&mut world, &[("udp", "one.b.example", BOB), ("udp", "two.b.example", CAROL)]);
    let bob = add_inbox(&mut world, BOB);
    add_callee(&mut world, CAROL, Uas::answering(200, seconds(10)));
    call(&mut world, alice, CallPlan { hang_up_after: Some(seconds(2)), ..CallPlan::default() });
    world.advance(seconds(5));
    let invite = world.peer(bob).news().remove(0);
    world.send(bob, answer(&invite, 486, "late"), address(RELAY));
    world.advance(seconds(1));
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180"], "{}", world.record());
    assert_eq!(story(&world, RELAY, BOB), ["INVITE"; 4], "its transaction is over: {}", world.record());
    let dropped = world.element(relay).counts().dropped;
    assert_eq!(dropped[oversip::element::Dropped::UnmatchedResponse as usize], 1);
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, ALICE), ["100", "180", "200", "200"], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn a_refused_connection_is_followed_by_the_next_target() {
    let (mut world, relay, alice, told) = by_name("sip:b.example;transport=tcp");
    servers(&mut world, &[("tcp", "one.b.example", BOB), ("tcp", "two.b.example", CAROL)]);
    // The host is there, and does not listen by TCP.
    add_callee(&mut world, BOB, Uas::answering(200, seconds(0)));
    let carol = add_callee_by(&mut world, Transport::Tcp, CAROL, Uas::answering(200, seconds(1)));
    let call = call(&mut world, alice, CallPlan { hang_up_after: Some(seconds(2)), ..CallPlan::default() });
    world.run_until_idle();
    assert_eq!(told.all()[..2], ["target tcp:10.0.2.1:5060", "target tcp:10.0.3.1:5060"]);
    assert_eq!(sent(&world, RELAY, BOB).len(), 0, "{}", world.record());
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::HungUp, "{}", world.record());
    assert_eq!(world.peer(carol).calls()[0].state(), CalleeState::EndedByPeer);
    assert_eq!(world.peer(carol).calls()[0].acks(), 1);
    assert_all_quiet(&world, relay);
}

#[test]
fn a_connection_into_a_black_hole_is_given_up_after_the_connect_timeout() {
    let (mut world, relay, alice, told) = by_name("sip:b.example;transport=tcp");
    servers(&mut world, &[("tcp", "one.b.example", BOB), ("tcp", "two.b.example", CAROL)]);
    world.network().cut_off(address(BOB), Reachability::Silent);
    add_callee_by(&mut world, Transport::Tcp, CAROL, Uas::answering(486, seconds(0)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(told.all(), ["target tcp:10.0.2.1:5060", "target tcp:10.0.3.1:5060", "failure 486"]);
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(486), "{}", world.record());
    let mut entries = world.record().entries().iter();
    let invited = entries.find(|it| it.to == address(CAROL)).map(|it| it.at).expect("an INVITE");
    // Both ways take some milliseconds, and so do the name servers.
    assert!((seconds(2)..millis(2_200)).contains(&invited), "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn a_connection_that_breaks_before_an_answer_is_followed_by_the_next_target() {
    let (mut world, relay, alice, told) = by_name("sip:b.example;transport=tcp");
    servers(&mut world, &[("tcp", "one.b.example", BOB), ("tcp", "two.b.example", CAROL)]);
    let bob = world.add_peer("bob", Transport::Tcp, address(BOB), Inbox::default());
    add_callee_by(&mut world, Transport::Tcp, CAROL, Uas::answering(486, seconds(0)));
    call(&mut world, alice, CallPlan::default());
    assert!(world.run_until(seconds(1), |world| world.peer(bob).messages().len() == 1));
    world.break_connections(address(BOB));
    world.run_until_idle();
    assert_eq!(world.peer(bob).messages().len(), 1, "a fresh connection is not tried twice");
    assert_eq!(told.all(), ["target tcp:10.0.2.1:5060", "target tcp:10.0.3.1:5060", "failure 486"]);
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(486), "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn a_tls_server_that_is_not_accepted_is_followed_by_the_next_one() {
    let mut strict = profile();
    strict.verify_server = VerifyServer::Library;
    strict.settle();
    let (mut world, relay, alice, told) = with_profile(strict, "sip:b.example;transport=tls");
    servers(&mut world, &[("tls", "one.b.example", BOB_TLS), ("tls", "two.b.example", CAROL_TLS)]);
    world.show_certificates(address(BOB_TLS), vec!["forged".into()]);
    world.show_certificates(address(CAROL_TLS), vec!["good".into()]);
    // The name that was asked for counts, and not that of the SRV record (RFC 5922 4).
    let asked = oversip::element::ServerName::Domain("b.example".into());
    let of_dialog = oversip::element::ServerName::Ip(address(CAROL_TLS).ip());
    world.set_judge(move |shown, name, _| {
        assert!(*name == asked || *name == of_dialog, "{name:?}");
        if shown[0] == "good" {
            Ok(())
        } else {
            Err("forged".into())
        }
    });
    let bob = add_callee_by(&mut world, Transport::Tls, BOB_TLS, Uas::answering(200, seconds(0)));
    let carol = add_callee_by(&mut world, Transport::Tls, CAROL_TLS, Uas::answering(200, seconds(0)));
    call(&mut world, alice, CallPlan { hang_up_after: Some(seconds(2)), ..CallPlan::default() });
    world.run_until_idle();
    assert!(world.peer(bob).calls().is_empty(), "nothing is sent to who is not accepted");
    assert_eq!(told.all()[..2], ["target tls:10.0.2.1:5061", "target tls:10.0.3.1:5061"]);
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::HungUp, "{}", world.record());
    assert_eq!(world.peer(carol).calls()[0].state(), CalleeState::EndedByPeer);
    assert_all_quiet(&world, relay);
}

#[test]
fn the_last_tls_server_that_is_not_accepted_is_the_failure() {
    let mut strict = profile();
    strict.verify_server = VerifyServer::Library;
    strict.settle();
    let (mut world, relay, alice, told) = with_profile(strict, "sip:b.example;transport=tls");
    servers(&mut world, &[("tls", "one.b.example", BOB_TLS)]);
    let bob = add_callee_by(&mut world, Transport::Tls, BOB_TLS, Uas::answering(200, seconds(0)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert!(world.peer(bob).calls().is_empty());
    assert_eq!(told.all(), ["target tls:10.0.2.1:5061", "error 500 tls_validation_failed"]);
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(500));
    assert_all_quiet(&world, relay);
}

#[test]
fn a_503_is_followed_by_the_next_target_and_acknowledged() {
    let (mut world, relay, alice, told) = by_name("sip:b.example;transport=udp");
    servers(&mut world, &[("udp", "one.b.example", BOB), ("udp", "two.b.example", CAROL)]);
    let bob = add_callee(&mut world, BOB, Uas::answering(503, millis(100)));
    add_callee(&mut world, CAROL, Uas::answering(486, seconds(0)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, BOB), ["INVITE", "ACK"], "{}", world.record());
    assert_eq!(told.all(), ["target udp:10.0.2.1:5060", "target udp:10.0.3.1:5060", "failure 486"]);
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::Over(503));
    // Without Retry-After it is not on the blacklist: the next call tries it again.
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(world.peer(bob).calls().len(), 2);
    assert_all_quiet(&world, relay);
}

#[test]
fn a_503_of_the_last_target_goes_up_as_500_and_the_script_sees_503() {
    let (mut world, relay, alice, told) = by_name("sip:b.example;transport=udp");
    servers(&mut world, &[("udp", "one.b.example", BOB)]);
    add_callee(&mut world, BOB, Uas::answering(503, millis(100)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(told.all(), ["target udp:10.0.2.1:5060", "failure 503"]);
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(500), "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn without_failover_on_503_the_first_one_is_the_answer() {
    let mut strict = profile();
    strict.dns_failover_on_503 = false;
    let (mut world, relay, alice, told) = with_profile(strict, "sip:b.example;transport=udp");
    servers(&mut world, &[("udp", "one.b.example", BOB), ("udp", "two.b.example", CAROL)]);
    add_callee(&mut world, BOB, Uas::answering(503, millis(100)));
    let carol = add_inbox(&mut world, CAROL);
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(told.all(), ["target udp:10.0.2.1:5060", "failure 500"]);
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(500));
    assert!(world.peer(carol).messages().is_empty());
    assert_all_quiet(&world, relay);
}

#[test]
fn retry_after_keeps_the_target_out_for_that_time_and_no_longer() {
    let (mut world, relay, alice, told) = by_name("sip:b.example;transport=udp");
    servers(&mut world, &[("udp", "one.b.example", BOB), ("udp", "two.b.example", CAROL)]);
    let busy = Uas::answering(503, millis(100)).with_line("Retry-After: 60");
    let bob = add_callee(&mut world, BOB, busy);
    add_callee(&mut world, CAROL, Uas::answering(486, seconds(0)));
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(50));
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(1));
    assert_eq!(world.peer(bob).calls().len(), 1, "{}", world.record());
    assert_eq!(told.all()[3..], ["target udp:10.0.3.1:5060", "failure 486"]);
    world.advance(seconds(10));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(world.peer(bob).calls().len(), 2, "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn at_most_max_targets_are_tried_and_the_last_failure_counts() {
    let mut few = profile();
    few.max_targets = 2;
    let (mut world, relay, alice, told) = with_profile(few, "sip:b.example;transport=udp");
    servers(
        &mut world,
        &[("udp", "one.b.example", BOB), ("udp", "two.b.example", CAROL), ("udp", "three.b.example", DAVE)],
    );
    for refused in [BOB, CAROL] {
        world.network().cut_off(address(refused), Reachability::Refused);
    }
    let dave = add_inbox(&mut world, DAVE);
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(
        told.all(),
        ["target udp:10.0.2.1:5060", "target udp:10.0.3.1:5060", "error 500 connection_error"]
    );
    assert!(world.peer(dave).messages().is_empty());
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(500));
    assert_all_quiet(&world, relay);
}

#[test]
fn the_end_of_routing_time_ends_the_search_with_408() {
    let mut short = profile();
    (short.timer_b, short.routing_time) = (seconds(4), Some(seconds(6)));
    let (mut world, relay, alice, told) = with_profile(short, "sip:b.example;transport=udp");
    servers(
        &mut world,
        &[("udp", "one.b.example", BOB), ("udp", "two.b.example", CAROL), ("udp", "three.b.example", DAVE)],
    );
    let dave = add_inbox(&mut world, DAVE);
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(
        told.all(),
        ["target udp:10.0.2.1:5060", "target udp:10.0.3.1:5060", "error 408 client_timeout"]
    );
    assert!(world.peer(dave).messages().is_empty());
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(408));
    assert_all_quiet(&world, relay);
}

#[test]
fn a_callee_that_rings_after_the_end_of_routing_time_is_cancelled() {
    let mut short = profile();
    short.routing_time = Some(seconds(6));
    let (mut world, relay, alice, told) = with_profile(short, "sip:b.example;transport=udp");
    servers(&mut world, &[("udp", "one.b.example", BOB)]);
    let bob = add_callee(&mut world, BOB, Uas::with_answers(&[(seconds(8), 180)]));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(told.all(), ["target udp:10.0.2.1:5060", "error 408 client_timeout"]);
    assert!(world.peer(bob).calls()[0].is_canceled(), "{}", world.record());
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::Over(487));
    assert_eq!(story(&world, RELAY, ALICE), ["100", "408"], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn cancel_between_targets_ends_the_search() {
    let (mut world, relay, alice, told) = by_name("sip:b.example;transport=tcp");
    servers(&mut world, &[("tcp", "one.b.example", BOB), ("tcp", "two.b.example", CAROL)]);
    world.network().cut_off(address(BOB), Reachability::Silent);
    let carol = add_callee_by(&mut world, Transport::Tcp, CAROL, Uas::answering(200, seconds(0)));
    call(&mut world, alice, CallPlan { cancel_after: Some(seconds(1)), ..CallPlan::default() });
    world.run_until_idle();
    assert_eq!(told.all(), ["target tcp:10.0.2.1:5060"]);
    assert!(world.peer(carol).calls().is_empty());
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(487), "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn abort_routing_in_on_target_tries_no_further_target() {
    let mut world = world(1);
    let script = Blocks::relay_to(profile(), by_dns("sip:b.example;transport=udp"))
        .on(CallbackClass::Target, |turn| turn.abort_routing());
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    servers(&mut world, &[("udp", "one.b.example", BOB), ("udp", "two.b.example", CAROL)]);
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(403), "{}", world.record());
    assert_eq!(sent(&world, RELAY, BOB).len() + sent(&world, RELAY, CAROL).len(), 0);
    assert_all_quiet(&world, relay);
}

#[test]
fn a_request_too_large_for_udp_goes_by_tcp_and_by_udp_where_that_is_refused() {
    for takes_tcp in [true, false] {
        let mut small = profile();
        small.udp_mtu = Some(300);
        let mut world = world(1);
        let told = Notes::default();
        world.zone().address("b.example", address(BOB).ip());
        let script = telling(Blocks::relay_to(small, by_dns("sip:b.example:5060")), &told);
        let relay = add_relay(&mut world, RELAY, script);
        let alice = add_caller(&mut world, ALICE, RELAY);
        let transport = if takes_tcp { Transport::Tcp } else { Transport::Udp };
        let bob = add_callee_by(&mut world, transport, BOB, Uas::answering(486, seconds(0)));
        call(&mut world, alice, CallPlan::default());
        world.run_until_idle();
        let tried: &[&str] = match takes_tcp {
            true => &["target tcp:10.0.2.1:5060", "failure 486"],
            false => &["target tcp:10.0.2.1:5060", "target udp:10.0.2.1:5060", "failure 486"],
        };
        assert_eq!(told.all(), tried, "{}", world.record());
        assert_eq!(world.peer(bob).calls().len(), 1);
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn a_target_of_a_family_without_a_socket_is_followed_by_the_next_one() {
    for transport in ["udp", "tcp"] {
        let (mut world, relay, alice, told) = by_name(&format!("sip:b.example:5060;transport={transport}"));
        world.zone().address("b.example", "2001:db8::1".parse::<std::net::IpAddr>().expect("an address"));
        world.zone().address("b.example", address(BOB).ip());
        let by = if transport == "udp" { Transport::Udp } else { Transport::Tcp };
        let bob = add_callee_by(&mut world, by, BOB, Uas::answering(486, seconds(0)));
        call(&mut world, alice, CallPlan::default());
        world.run_until_idle();
        let expected = [
            format!("target {transport}:[2001:db8::1]:5060"),
            format!("target {transport}:10.0.2.1:5060"),
            "failure 486".to_owned(),
        ];
        assert_eq!(told.all(), expected, "{}", world.record());
        assert_eq!(world.peer(bob).calls().len(), 1);
        // It is no fault of the target.
        let listed = world
            .step_element(relay, |element, now| element.blacklist(oversip::client::BlacklistId(1)).keys(now));
        assert!(listed.is_empty(), "{listed:?}");
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn a_call_that_fails_over_while_many_wait_for_the_same_connection_takes_them_along() {
    let (mut world, relay, alice, told) = by_name("sip:b.example;transport=tcp");
    servers(&mut world, &[("tcp", "one.b.example", BOB), ("tcp", "two.b.example", CAROL)]);
    world.network().cut_off(address(BOB), Reachability::Silent);
    let carol = add_callee_by(&mut world, Transport::Tcp, CAROL, Uas::answering(486, seconds(0)));
    for _ in 0..10 {
        call(&mut world, alice, CallPlan::default());
        world.advance(millis(100));
    }
    world.run_until_idle();
    assert_eq!(world.peer(carol).calls().len(), 10, "{}", world.record());
    assert!(world.peer(alice).calls().iter().all(|call| call.state() == CallState::Refused(486)));
    assert_eq!(told.all().iter().filter(|it| *it == "target tcp:10.0.2.1:5060").count(), 10);
    assert_all_quiet(&world, relay);
}
