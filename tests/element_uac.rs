//! Requests of an element's own: calls with their ACK, failures, and several at the same time (RFC 3261 8.1, 13.2).

mod element_support;

use element_support::*;
use oversip::message::{Method, Transport};

#[test]
fn an_accepted_call_is_acknowledged_by_its_block() {
    let mut scene = OwnScene::new(true);
    scene.route(Method::Invite, |_| {});
    let invite = scene.next();
    scene.answer(&invite, 180);
    scene.world.advance(millis(50));
    scene.accept(&invite);
    let ack = scene.next();
    assert!(is(&ack, Method::Ack));
    assert_eq!(ack.to_tag(), Some(&b"b"[..]));
    assert_eq!(ack.cseq(), Some(1));
    assert_ne!(ack.branch_id(), invite.branch_id(), "RFC 3261 13.2.2.4: it is a transaction of its own");
    scene.end(&["provisional 180", "success 200"]);
}

#[test]
fn the_failure_of_a_call_is_acknowledged_by_the_element() {
    let mut scene = OwnScene::new(true);
    scene.route(Method::Invite, |_| {});
    let invite = scene.next();
    scene.answer(&invite, 486);
    let ack = scene.next();
    assert!(is(&ack, Method::Ack));
    assert_eq!(ack.branch_id(), invite.branch_id(), "RFC 3261 17.1.1.3");
    scene.end(&["failure 486"]);
}

#[test]
fn a_503_stays_503() {
    let mut scene = OwnScene::new(true);
    scene.route(Method::Options, waited_for);
    let options = scene.next();
    scene.answer(&options, 503);
    scene.world.advance(millis(50));
    scene.end(&["failure 503", "ended 503"]);
}

#[test]
fn a_request_that_nobody_answers_ends_with_408() {
    for method in [Method::Invite, Method::Options] {
        let mut scene = OwnScene::new(false);
        scene.route(method, waited_for);
        scene.end(&["error 408 client_timeout", "ended 408 client_timeout"]);
    }
}

#[test]
fn a_call_that_rings_too_long_is_cancelled() {
    let mut scene = OwnScene::new(false);
    scene.route(Method::Invite, waited_for);
    let invite = scene.next();
    scene.answer(&invite, 180);
    scene.world.advance(millis(119_950));
    let sent = scene.next();
    assert!(is(&sent, Method::Cancel));
    scene.answer(&sent, 200);
    scene.answer(&invite, 487);
    scene.world.advance(millis(50));
    scene.end(&["provisional 180", "invite timeout", "ended 408 invite_timeout"]);
}

#[test]
fn ten_requests_of_one_client_are_ten_requests() {
    let mut scene = OwnScene::new(false);
    let relay = scene.relay;
    let client = scene.world.step_element(relay, |element, _| element.new_client(u8::MAX >> 1));
    for number in 0..10u64 {
        let profile = std::sync::Arc::new(scene.profile.clone());
        scene.world.with_script::<OwnScript, _>(relay, |script, api| {
            let id = oversip::element::OwnRequestId(number);
            let request = own(Method::Options, &format!("own{number}"));
            let ask = api.own_request(client, &profile, id, request, Some(udp(BOB)));
            api.route(script, ask).expect("it is nested in no other one");
        });
    }
    scene.world.step_element(relay, |element, _| element.release_client(client));
    scene.world.advance(millis(100));
    let requests = scene.world.peer(scene.bob).news();
    assert_eq!(requests.len(), 10, "{}", scene.world.record());
    // In another order, and with different answers.
    for (index, request) in requests.iter().enumerate().rev() {
        scene.answer(request, if index % 2 == 0 { 200 } else { 404 });
    }
    scene.world.advance(millis(50));
    let expected: Vec<_> =
        (0..10).rev().map(|index| if index % 2 == 0 { "success 200" } else { "failure 404" }).collect();
    scene.end(&expected);
}

#[test]
fn an_own_call_by_tcp_is_acknowledged_over_the_connection_of_its_dialog() {
    let mut world = world(1);
    let told = Notes::default();
    let relay = add_relay(&mut world, RELAY, OwnScript::new(&told, &profile(), true));
    let bob = add_callee_by(&mut world, Transport::Tcp, BOB, Uas::answering(200, seconds(1)));
    route_own(&mut world, relay, &profile(), own(Method::Invite, "own"), |ask| ask.destination = tcp(BOB));
    world.advance(seconds(3));
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::Up, "{}", world.record());
    assert_eq!(world.element(relay).gauges().connections, 1);
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}
