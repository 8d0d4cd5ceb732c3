//! Challenges to requests of an element's own (RFC 3261 22).

mod element_support;

use element_support::*;
use oversip::client::digest::Credentials;
use oversip::element::RouteRequest;
use oversip::message::{HeaderName, Headers, Message, Method};

fn with_credentials(ask: &mut RouteRequest) {
    ask.credentials = vec![Credentials::new("alice".into(), "secret".into(), None).expect("good ones")];
}

/// The value of a header.
fn value(message: &Message, name: HeaderName) -> Option<String> {
    let headers = Headers::from_message(message);
    let field = headers.iter().find(|field| field.name == name);
    field.map(|field| String::from_utf8_lossy(field.value()).into_owned())
}

#[test]
fn a_challenge_is_answered_with_the_next_cseq_and_no_block_runs_for_it() {
    for (status, asked) in [(401, HeaderName::Authorization), (407, HeaderName::ProxyAuthorization)] {
        let mut scene = OwnScene::new(true);
        scene.route(Method::Options, with_credentials);
        let first = scene.next();
        assert_eq!((first.cseq(), value(&first, asked)), (Some(1), None));
        scene.challenge(&first, status, "realm=\"b\", nonce=\"n1\", qop=\"auth\"");
        let second = scene.next();
        assert_eq!(second.cseq(), Some(2));
        assert_ne!(second.branch_id(), first.branch_id());
        let credentials = value(&second, asked).expect("an answer");
        for part in
            ["username=\"alice\"", "realm=\"b\"", "nonce=\"n1\"", "nc=00000001", "uri=\"sip:bob@b.example\""]
        {
            assert!(credentials.contains(part), "{credentials}");
        }
        scene.answer(&second, 200);
        scene.world.advance(millis(50));
        scene.end(&["success 200"]);
    }
}

#[test]
fn an_invite_is_challenged_acknowledged_sent_again_and_its_ack_carries_the_credentials() {
    let mut scene = OwnScene::new(true);
    scene.route(Method::Invite, with_credentials);
    let first = scene.next();
    scene.challenge(&first, 407, "realm=\"b\", nonce=\"n1\"");
    scene.world.advance(millis(100));
    let mut news = scene.world.peer(scene.bob).news();
    news.sort_by_key(|message| is(message, Method::Invite));
    let [ack, second] = &news[..] else { panic!("ACK and INVITE: {}", scene.world.record()) };
    assert!(is(ack, Method::Ack) && is(second, Method::Invite));
    assert_eq!((ack.cseq(), second.cseq()), (Some(1), Some(2)));
    assert_eq!(ack.branch_id(), first.branch_id());
    let second = second.clone();
    scene.accept(&second);
    let ack = scene.next();
    assert_eq!(ack.cseq(), Some(2));
    // RFC 3261 22.1.
    let credentials = value(&ack, HeaderName::ProxyAuthorization);
    assert_eq!(credentials, value(&second, HeaderName::ProxyAuthorization));
    assert!(credentials.is_some());
    scene.end(&["success 200"]);
}

#[test]
fn a_stale_nonce_is_answered_once_more_and_a_refused_password_is_not() {
    for stale in [true, false] {
        let mut scene = OwnScene::new(true);
        scene.route(Method::Options, with_credentials);
        let first = scene.next();
        scene.challenge(&first, 401, "realm=\"b\", nonce=\"n1\"");
        let second = scene.next();
        let again = if stale { "realm=\"b\", nonce=\"n2\", stale=true" } else { "realm=\"b\", nonce=\"n2\"" };
        scene.challenge(&second, 401, again);
        if !stale {
            scene.nothing_comes();
            scene.end(&["failure 401"]);
            continue;
        }
        let third = scene.next();
        assert_eq!(third.cseq(), Some(3));
        assert!(value(&third, HeaderName::Authorization).is_some_and(|it| it.contains("nonce=\"n2\"")));
        // Once more only.
        scene.challenge(&third, 401, "realm=\"b\", nonce=\"n3\", stale=true");
        scene.nothing_comes();
        scene.end(&["failure 401"]);
    }
}

#[test]
fn several_realms_on_the_way_are_answered_one_after_the_other() {
    let mut scene = OwnScene::new(true);
    scene.route(Method::Options, with_credentials);
    let first = scene.next();
    scene.challenge(&first, 407, "realm=\"proxy\", nonce=\"n1\"");
    let second = scene.next();
    scene.challenge(&second, 401, "realm=\"server\", nonce=\"n2\"");
    let third = scene.next();
    assert_eq!(third.cseq(), Some(3));
    assert!(value(&third, HeaderName::ProxyAuthorization).is_some_and(|it| it.contains("realm=\"proxy\"")));
    assert!(value(&third, HeaderName::Authorization).is_some_and(|it| it.contains("realm=\"server\"")));
    scene.answer(&third, 200);
    scene.world.advance(millis(50));
    scene.end(&["success 200"]);
}

#[test]
fn without_credentials_a_challenge_is_a_failure() {
    let mut scene = OwnScene::new(true);
    scene.route(Method::Options, waited_for);
    let first = scene.next();
    scene.challenge(&first, 401, "realm=\"b\", nonce=\"n1\"");
    scene.nothing_comes();
    scene.end(&["failure 401", "ended 401"]);
}

#[test]
fn a_late_repetition_of_the_challenge_does_not_send_the_request_a_third_time() {
    let mut scene = OwnScene::new(true);
    scene.route(Method::Options, with_credentials);
    let first = scene.next();
    scene.challenge(&first, 401, "realm=\"b\", nonce=\"n1\"");
    let second = scene.next();
    scene.challenge(&first, 401, "realm=\"b\", nonce=\"n1\"");
    scene.nothing_comes();
    scene.answer(&second, 200);
    scene.world.advance(millis(50));
    scene.end(&["success 200"]);
}

#[test]
fn cancel_after_a_challenge_is_for_the_second_invite() {
    let mut scene = OwnScene::new(true);
    let client = scene.route(Method::Invite, with_credentials);
    let first = scene.next();
    scene.challenge(&first, 401, "realm=\"b\", nonce=\"n1\"");
    scene.world.advance(millis(100));
    let news = scene.world.peer(scene.bob).news();
    let second = news.into_iter().find(|it| is(it, Method::Invite)).expect("the INVITE again");
    scene.answer(&second, 180);
    scene.world.advance(millis(50));
    scene.cancel(client);
    let sent = scene.next();
    assert!(is(&sent, Method::Cancel));
    assert_eq!((sent.branch_id(), sent.cseq()), (second.branch_id(), Some(2)));
    scene.answer(&sent, 200);
    scene.answer(&second, 487);
    assert!(is(&scene.next(), Method::Ack));
    scene.end(&["provisional 180", "canceled", "failure 487"]);
}

#[test]
fn a_challenge_that_crosses_the_cancel_is_not_answered() {
    let mut scene = OwnScene::new(true);
    let client = scene.route(Method::Invite, with_credentials);
    let first = scene.next();
    scene.cancel(client);
    scene.challenge(&first, 401, "realm=\"b\", nonce=\"n1\"");
    assert!(is(&scene.next(), Method::Ack));
    scene.nothing_comes();
    scene.end(&["canceled", "failure 401"]);
}
