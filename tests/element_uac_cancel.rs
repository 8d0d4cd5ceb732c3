//! Requests of an element's own that are cancelled or given up (RFC 3261 9.1).

mod element_support;

use element_support::*;
use oversip::element::{OwnRequestId, RouteRequest};
use oversip::message::Method;

#[test]
fn cancel_waits_for_a_provisional_response_and_the_487_runs_its_block() {
    let mut scene = OwnScene::new(true);
    let client = scene.route(Method::Invite, waited_for);
    let invite = scene.next();
    scene.cancel(client);
    scene.nothing_comes();
    assert_eq!(scene.told(), ["canceled"], "on_canceled runs at once");
    scene.answer(&invite, 180);
    let sent = scene.next();
    assert!(is(&sent, Method::Cancel));
    assert_eq!(sent.branch_id(), invite.branch_id());
    scene.answer(&sent, 200);
    scene.answer(&invite, 487);
    let ack = scene.next();
    assert!(is(&ack, Method::Ack));
    scene.end(&["canceled", "failure 487", "ended 487"]);
}

#[test]
fn cancel_before_the_request_is_sent_sends_nothing() {
    let mut scene = OwnScene::new(true);
    scene.world.zone().address("slow.example", address(BOB).ip()).set_delay(seconds(2));
    let client = scene.route(Method::Invite, |ask| {
        waited_for(ask);
        ask.destination = by_dns("sip:slow.example:5060;transport=udp");
    });
    scene.world.advance(seconds(1));
    assert_eq!(scene.world.element(scene.relay).gauges().waiting_for_dns, 1);
    scene.cancel(client);
    scene.world.advance(seconds(5));
    assert!(scene.world.peer(scene.bob).messages().is_empty(), "{}", scene.world.record());
    scene.end(&["canceled", "error 487 canceled", "ended 487 canceled"]);
}

#[test]
fn a_2xx_that_crosses_the_cancel_is_a_call() {
    let mut scene = OwnScene::new(true);
    let client = scene.route(Method::Invite, |_| {});
    let invite = scene.next();
    scene.answer(&invite, 180);
    scene.world.advance(millis(50));
    scene.cancel(client);
    scene.accept(&invite);
    scene.world.advance(millis(100));
    let news: Vec<_> =
        scene.world.peer(scene.bob).news().iter().filter_map(|it| it.method().cloned()).collect();
    assert_eq!(news, [Method::Cancel, Method::Ack], "{}", scene.world.record());
    scene.end(&["provisional 180", "canceled", "success 200"]);
}

#[test]
fn cancel_after_the_final_response_does_nothing() {
    let mut scene = OwnScene::new(true);
    let client = scene.route(Method::Invite, |_| {});
    let invite = scene.next();
    scene.accept(&invite);
    assert!(is(&scene.next(), Method::Ack));
    scene.cancel(client);
    scene.nothing_comes();
    scene.end(&["success 200"]);
}

#[test]
fn a_cancelled_invite_without_an_answer_is_over_after_64_t1() {
    let mut scene = OwnScene::new(true);
    let client = scene.route(Method::Invite, waited_for);
    let invite = scene.next();
    scene.answer(&invite, 180);
    scene.world.advance(millis(50));
    scene.cancel(client);
    scene.world.advance(seconds(33));
    scene.end(&["provisional 180", "canceled", "error 487 canceled", "ended 487 canceled"]);
}

/// A request that has to wait two seconds for DNS.
fn to_slow_host(scene: &mut OwnScene, method: Method) -> oversip::element::ClientId {
    scene.world.zone().address("slow.example", address(BOB).ip()).set_delay(seconds(2));
    scene.route(method, |ask| ask.destination = by_dns("sip:slow.example:5060;transport=udp"))
}

#[test]
fn a_request_cancelled_before_it_is_sent_has_one_outcome() {
    for (method, told) in [
        (Method::Invite, &["canceled", "error 487 canceled"][..]),
        (Method::Options, &["error 487 canceled"]),
    ] {
        let mut scene = OwnScene::new(true);
        let client = to_slow_host(&mut scene, method);
        scene.world.advance(seconds(1));
        scene.cancel(client);
        scene.world.advance(seconds(5));
        assert!(scene.world.peer(scene.bob).messages().is_empty(), "{}", scene.world.record());
        scene.end(told);
    }
}

#[test]
fn cancel_between_two_targets_ends_an_invite_with_one_outcome() {
    let mut scene = OwnScene::new(true);
    scene.world.zone().address("b.example", address(BOB).ip()).address("b.example", address(CAROL).ip());
    let client =
        scene.route(Method::Invite, |ask| ask.destination = by_dns("sip:b.example:5060;transport=udp"));
    let invite = scene.next();
    scene.cancel(client);
    // It comes after the 503: no second target is tried.
    scene.answer(&invite, 503);
    assert!(is(&scene.next(), Method::Ack));
    assert!(story(&scene.world, RELAY, CAROL).is_empty(), "{}", scene.world.record());
    scene.end(&["canceled", "failure 503"]);
}

#[test]
fn cancel_has_no_effect_on_another_request_under_way() {
    let mut scene = OwnScene::new(true);
    let client = scene.route(Method::Options, waited_for);
    let options = scene.next();
    scene.cancel(client);
    scene.nothing_comes();
    assert!(scene.told().is_empty(), "RFC 3261 9.1: {:?}", scene.told());
    scene.answer(&options, 404);
    scene.world.advance(millis(100));
    scene.end(&["failure 404", "ended 404"]);
}

#[test]
fn after_cancel_no_further_target_is_tried_for_another_request_than_invite() {
    let mut scene = OwnScene::new(true);
    scene.world.zone().address("b.example", address(BOB).ip()).address("b.example", address(CAROL).ip());
    let client = scene.route(Method::Options, |ask| {
        ask.destination = by_dns("sip:b.example:5060;transport=udp");
        let profile = oversip::client::Profile { timer_f: seconds(4), ..(*ask.profile).clone() };
        ask.profile = std::sync::Arc::new(profile);
    });
    assert!(is(&scene.next(), Method::Options));
    scene.cancel(client);
    scene.world.advance(seconds(10));
    assert!(story(&scene.world, RELAY, CAROL).is_empty(), "{}", scene.world.record());
    scene.end(&["error 487 canceled"]);
}

/// Routes the request with this number once more, by the Client that has routed it before.
fn route_again(scene: &mut OwnScene, client: oversip::element::ClientId, method: Method) {
    let profile = std::sync::Arc::new(scene.profile.clone());
    scene.world.with_script::<OwnScript, _>(scene.relay, |script, api| {
        let id = OwnRequestId(client.as_u64());
        let ask: RouteRequest = api.own_request(client, &profile, id, own(method, "own"), Some(udp(CAROL)));
        api.route(script, ask).expect("it is nested in no other one");
    });
}

#[test]
fn a_2xx_that_crosses_a_second_route_of_the_same_request_is_acknowledged_and_its_call_ended() {
    let mut scene = OwnScene::new(true);
    let carol = add_inbox(&mut scene.world, CAROL);
    let client = scene.route(Method::Invite, |_| {});
    let first = scene.next();
    scene.answer(&first, 180);
    scene.world.advance(millis(50));
    route_again(&mut scene, client, Method::Invite);
    scene.accept(&first);
    scene.world.advance(millis(100));
    let news = scene.world.peer(scene.bob).news();
    let methods: Vec<_> = news.iter().filter_map(|it| it.method().cloned()).collect();
    assert_eq!(methods, [Method::Cancel, Method::Ack, Method::Bye], "{}", scene.world.record());
    scene.answer(&news[2], 200);
    // Again: its ACK was lost.
    scene.accept(&first);
    assert!(is(&scene.next(), Method::Ack));
    let second = scene.world.peer(carol).news().remove(0);
    scene.world.send(carol, acceptance(&second, "c"), address(RELAY));
    scene.world.advance(millis(100));
    scene.end(&["provisional 180", "success 200"]);
}

#[test]
fn a_call_that_was_accepted_before_a_second_route_of_its_request_goes_on() {
    let mut scene = OwnScene::new(true);
    add_inbox(&mut scene.world, CAROL);
    let client = scene.route(Method::Invite, |_| {});
    let first = scene.next();
    scene.accept(&first);
    assert!(is(&scene.next(), Method::Ack));
    route_again(&mut scene, client, Method::Invite);
    scene.accept(&first);
    assert!(is(&scene.next(), Method::Ack), "and no BYE");
    scene.end(&["success 200", "error 408 client_timeout"]);
}
