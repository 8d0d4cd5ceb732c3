//! Somebody waits for the answer to a request of an element's own, and may give up (RFC 3261 13.2.2.4).

mod element_support;

use element_support::*;
use oversip::element::{CallId, Caller, RouteRequest};
use oversip::message::{Message, Method};

/// The messages that have come to Bob in a tenth of a second: method, To tag and CSeq number.
fn came(scene: &mut OwnScene) -> Vec<(String, String, u32)> {
    scene.world.advance(millis(100));
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let news = scene.world.peer(scene.bob).news();
    let method = |it: &Message| text(it.method().map(Method::as_bytes));
    news.iter().map(|it| (method(it), text(it.to_tag()), it.cseq().unwrap_or(0))).collect()
}

/// What [`came`] hands out.
fn messages(of: &[(&str, &str, u32)]) -> Vec<(String, String, u32)> {
    of.iter().map(|(method, tag, cseq)| ((*method).into(), (*tag).into(), *cseq)).collect()
}

/// Somebody waits for a second at most.
fn impatient(ask: &mut RouteRequest) {
    ask.caller = Some(Caller { call: CallId(7), limit: Some(seconds(1)), in_block: false });
}

#[test]
fn a_call_that_somebody_waits_for_is_acknowledged_by_the_element() {
    let mut scene = OwnScene::new(false);
    scene.route(Method::Invite, waited_for);
    let invite = scene.next();
    scene.accept(&invite);
    assert!(is(&scene.next(), Method::Ack));
    scene.accept(&invite);
    assert!(is(&scene.next(), Method::Ack), "and again for a repeated 2xx");
    scene.end(&["success 200", "ended 200"]);
}

#[test]
fn the_call_of_a_second_callee_is_ended_since_the_caller_gets_the_first_one() {
    let mut scene = OwnScene::new(false);
    scene.route(Method::Invite, waited_for);
    let invite = scene.next();
    for (tag, expected) in [
        ("one", messages(&[("ACK", "one", 1)])),
        ("two", messages(&[("ACK", "two", 1), ("BYE", "two", 2)])),
        ("one", messages(&[("ACK", "one", 1)])),
    ] {
        scene.world.send(scene.bob, acceptance(&invite, tag), address(RELAY));
        assert_eq!(came(&mut scene), expected, "{}", scene.world.record());
    }
    let bye = scene.world.peer(scene.bob).messages().iter().find(|it| is(it, Method::Bye)).cloned();
    scene.answer(&bye.expect("a BYE"), 200);
    scene.end(&["success 200", "ended 200", "success 200"]);
}

#[test]
fn a_2xx_that_comes_after_timer_c_is_ended_since_the_caller_was_told_of_that() {
    let mut scene = OwnScene::new(false);
    scene.route(Method::Invite, waited_for);
    let invite = scene.next();
    scene.answer(&invite, 180);
    scene.world.advance(millis(119_950));
    let cancel = scene.next();
    assert!(is(&cancel, Method::Cancel));
    scene.answer(&cancel, 481);
    scene.accept(&invite);
    assert_eq!(came(&mut scene), messages(&[("ACK", "b", 1), ("BYE", "b", 2)]), "{}", scene.world.record());
    let bye = scene.world.peer(scene.bob).messages().last().expect("a BYE").clone();
    scene.answer(&bye, 200);
    scene.end(&["provisional 180", "invite timeout", "ended 408 invite_timeout", "success 200"]);
}

#[test]
fn a_caller_whose_time_is_up_has_its_invite_cancelled() {
    let mut scene = OwnScene::new(false);
    scene.route(Method::Invite, impatient);
    let invite = scene.next();
    scene.answer(&invite, 180);
    scene.world.advance(millis(850));
    assert!(scene.world.peer(scene.bob).news().is_empty());
    let sent = scene.next();
    assert!(is(&sent, Method::Cancel));
    assert_eq!(scene.told().last().map(String::as_str), Some("ended 408 call_timeout"));
    scene.answer(&sent, 200);
    scene.answer(&invite, 487);
    assert!(is(&scene.next(), Method::Ack));
    scene.end(&["provisional 180", "ended 408 call_timeout"]);
}

#[test]
fn a_2xx_that_comes_after_the_caller_has_given_up_is_acknowledged_and_ended() {
    let mut scene = OwnScene::new(false);
    scene.route(Method::Invite, impatient);
    let invite = scene.next();
    scene.answer(&invite, 180);
    scene.world.advance(millis(950));
    scene.accept(&invite);
    scene.world.advance(millis(100));
    let news = scene.world.peer(scene.bob).news();
    let methods: Vec<_> = news.iter().filter_map(|it| it.method().cloned()).collect();
    assert_eq!(methods, [Method::Cancel, Method::Ack, Method::Bye], "{}", scene.world.record());
    assert_eq!((news[1].cseq(), news[2].cseq()), (Some(1), Some(2)));
    assert_eq!(news[2].to_tag(), Some(&b"b"[..]));
    scene.answer(&news[2], 200);
    scene.world.run_until_idle();
    assert_all_quiet(&scene.world, scene.relay);
    let ended: Vec<_> = scene.told().into_iter().filter(|it| it.starts_with("ended")).collect();
    assert_eq!(ended[0], "ended 408 call_timeout");
}

#[test]
fn a_caller_that_gives_up_before_the_request_has_left_sends_nothing() {
    let mut scene = OwnScene::new(false);
    scene.world.zone().address("slow.example", address(BOB).ip()).set_delay(seconds(2));
    scene.route(Method::Invite, |ask| {
        impatient(ask);
        ask.destination = by_dns("sip:slow.example:5060;transport=udp");
    });
    scene.world.advance(seconds(10));
    assert!(scene.world.peer(scene.bob).messages().is_empty(), "{}", scene.world.record());
    assert_eq!(scene.told()[0], "ended 408 call_timeout");
    scene.world.run_until_idle();
    assert_all_quiet(&scene.world, scene.relay);
}

#[test]
fn a_caller_that_gives_up_a_silent_invite_has_it_cancelled_when_it_rings() {
    let mut scene = OwnScene::new(false);
    let client = scene.route(Method::Invite, waited_for);
    let invite = scene.next();
    scene.world.step_element(scene.relay, |element, now| element.give_up(now, client, CallId(7)));
    scene.nothing_comes();
    scene.answer(&invite, 180);
    scene.world.advance(millis(30));
    let news = scene.world.peer(scene.bob).news();
    assert!(news.iter().any(|it| is(it, Method::Cancel)), "{}", scene.world.record());
    scene.answer(&invite, 487);
    scene.world.advance(millis(100));
    scene.world.run_until_idle();
    assert_all_quiet(&scene.world, scene.relay);
}
