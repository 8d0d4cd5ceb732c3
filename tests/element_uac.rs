//! Requests of an element's own: calls with their ACK, authentication, CANCEL, and callers who give up (RFC 3261 8.1, 13.2, 22).

mod element_support;

use element_support::*;
use oversip::client::digest::Credentials;
use oversip::client::Profile;
use oversip::element::{CallId, Caller, ClientId, RouteRequest};
use oversip::message::{reply, HeaderName, Headers, Message, Method, Transport};

/// An element with requests of its own, what its script was told, and Bob.
struct Scene {
    world: World,
    relay: ElementId,
    bob: PeerId<Inbox>,
    told: Told,
    profile: Profile,
}

impl Scene {
    fn new(acknowledges: bool) -> Scene {
        Scene::with_profile(profile(), acknowledges)
    }

    fn with_profile(profile: Profile, acknowledges: bool) -> Scene {
        let mut world = world(1);
        let told = Told::default();
        let relay = add_relay(&mut world, RELAY, OwnScript::new(&told, &profile, acknowledges));
        let bob = add_inbox(&mut world, BOB);
        Scene { world, relay, bob, told, profile }
    }

    fn route(&mut self, method: Method, with: impl FnOnce(&mut RouteRequest)) -> ClientId {
        route_own(&mut self.world, self.relay, &self.profile, own(method, "own"), with)
    }

    /// Lets a tenth of a second pass and hands out the one message that has come to Bob meanwhile.
    #[track_caller]
    fn next(&mut self) -> Message {
        self.world.advance(millis(100));
        let mut news = self.world.peer(self.bob).news();
        assert_eq!(news.len(), 1, "{}", self.world.record());
        news.remove(0)
    }

    #[track_caller]
    fn nothing_comes(&mut self) {
        self.world.advance(millis(100));
        assert!(self.world.peer(self.bob).news().is_empty(), "{}", self.world.record());
    }

    fn answer(&mut self, request: &Message, status: u16) {
        self.world.send(self.bob, answer(request, status, "b"), address(RELAY));
    }

    fn accept(&mut self, invite: &Message) {
        self.world.send(self.bob, acceptance(invite, "b"), address(RELAY));
    }

    /// A challenge for a realm.
    fn challenge(&mut self, request: &Message, status: u16, challenge: &str) {
        let name = if status == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
        let line = [format!("{name}: Digest {challenge}").into()];
        let wire = reply(request, status, b"Who Are You", Some(b"b"), &line, b"", b"");
        self.world.send(self.bob, wire, address(RELAY));
    }

    /// What was told but for the targets.
    fn told(&self) -> Vec<String> {
        self.told.all().into_iter().filter(|it| !it.starts_with("target")).collect()
    }

    #[track_caller]
    fn end(mut self, told: &[&str]) {
        self.world.run_until_idle();
        assert_eq!(self.told(), told, "{}", self.world.record());
        assert_all_quiet(&self.world, self.relay);
    }
}

fn with_credentials(ask: &mut RouteRequest) {
    ask.credentials = vec![Credentials::new("alice".into(), "secret".into(), None).expect("good ones")];
}

/// The value of a header.
fn value(message: &Message, name: HeaderName) -> Option<String> {
    let headers = Headers::from_message(message);
    let field = headers.iter().find(|field| field.name == name);
    field.map(|field| String::from_utf8_lossy(field.value()).into_owned())
}

fn is(message: &Message, method: Method) -> bool {
    message.method() == Some(&method)
}

#[test]
fn an_accepted_call_is_acknowledged_by_its_block() {
    let mut scene = Scene::new(true);
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
    let mut scene = Scene::new(true);
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
    let mut scene = Scene::new(true);
    scene.route(Method::Options, waited_for);
    let options = scene.next();
    scene.answer(&options, 503);
    scene.world.advance(millis(50));
    scene.end(&["failure 503", "ended 503"]);
}

#[test]
fn a_challenge_is_answered_with_the_next_cseq_and_no_block_runs_for_it() {
    for (status, asked) in [(401, HeaderName::Authorization), (407, HeaderName::ProxyAuthorization)] {
        let mut scene = Scene::new(true);
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
    let mut scene = Scene::new(true);
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
        let mut scene = Scene::new(true);
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
    let mut scene = Scene::new(true);
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
    let mut scene = Scene::new(true);
    scene.route(Method::Options, waited_for);
    let first = scene.next();
    scene.challenge(&first, 401, "realm=\"b\", nonce=\"n1\"");
    scene.nothing_comes();
    scene.end(&["failure 401", "ended 401"]);
}

#[test]
fn a_late_repetition_of_the_challenge_does_not_send_the_request_a_third_time() {
    let mut scene = Scene::new(true);
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

fn cancel(scene: &mut Scene, client: ClientId) {
    scene.world.step_element(scene.relay, |element, now| element.cancel(now, client, None));
}

#[test]
fn cancel_waits_for_a_provisional_response_and_the_487_runs_its_block() {
    let mut scene = Scene::new(true);
    let client = scene.route(Method::Invite, waited_for);
    let invite = scene.next();
    cancel(&mut scene, client);
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
    let mut scene = Scene::new(true);
    scene.world.zone().address("slow.example", address(BOB).ip()).set_delay(seconds(2));
    let client = scene.route(Method::Invite, |ask| {
        waited_for(ask);
        ask.destination = by_dns("sip:slow.example:5060;transport=udp");
    });
    scene.world.advance(seconds(1));
    assert_eq!(scene.world.element(scene.relay).gauges().waiting_for_dns, 1);
    cancel(&mut scene, client);
    scene.world.advance(seconds(5));
    assert!(scene.world.peer(scene.bob).messages().is_empty(), "{}", scene.world.record());
    scene.end(&["canceled", "ended 487 canceled"]);
}

#[test]
fn cancel_after_a_challenge_is_for_the_second_invite() {
    let mut scene = Scene::new(true);
    let client = scene.route(Method::Invite, with_credentials);
    let first = scene.next();
    scene.challenge(&first, 401, "realm=\"b\", nonce=\"n1\"");
    scene.world.advance(millis(100));
    let news = scene.world.peer(scene.bob).news();
    let second = news.into_iter().find(|it| is(it, Method::Invite)).expect("the INVITE again");
    scene.answer(&second, 180);
    scene.world.advance(millis(50));
    cancel(&mut scene, client);
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
    let mut scene = Scene::new(true);
    let client = scene.route(Method::Invite, with_credentials);
    let first = scene.next();
    cancel(&mut scene, client);
    scene.challenge(&first, 401, "realm=\"b\", nonce=\"n1\"");
    assert!(is(&scene.next(), Method::Ack));
    scene.nothing_comes();
    scene.end(&["canceled", "failure 401"]);
}

#[test]
fn a_2xx_that_crosses_the_cancel_is_a_call() {
    let mut scene = Scene::new(true);
    let client = scene.route(Method::Invite, |_| {});
    let invite = scene.next();
    scene.answer(&invite, 180);
    scene.world.advance(millis(50));
    cancel(&mut scene, client);
    scene.accept(&invite);
    scene.world.advance(millis(100));
    let news: Vec<_> =
        scene.world.peer(scene.bob).news().iter().filter_map(|it| it.method().cloned()).collect();
    assert_eq!(news, [Method::Cancel, Method::Ack], "{}", scene.world.record());
    scene.end(&["provisional 180", "canceled", "success 200"]);
}

#[test]
fn cancel_after_the_final_response_does_nothing() {
    let mut scene = Scene::new(true);
    let client = scene.route(Method::Invite, |_| {});
    let invite = scene.next();
    scene.accept(&invite);
    assert!(is(&scene.next(), Method::Ack));
    cancel(&mut scene, client);
    scene.nothing_comes();
    scene.end(&["success 200"]);
}

#[test]
fn a_cancelled_invite_without_an_answer_is_over_after_64_t1() {
    let mut scene = Scene::new(true);
    let client = scene.route(Method::Invite, waited_for);
    let invite = scene.next();
    scene.answer(&invite, 180);
    scene.world.advance(millis(50));
    cancel(&mut scene, client);
    scene.world.advance(seconds(33));
    scene.end(&["provisional 180", "canceled", "ended 487 canceled"]);
}

#[test]
fn a_call_that_somebody_waits_for_is_acknowledged_by_the_element() {
    let mut scene = Scene::new(false);
    scene.route(Method::Invite, waited_for);
    let invite = scene.next();
    scene.accept(&invite);
    assert!(is(&scene.next(), Method::Ack));
    scene.accept(&invite);
    assert!(is(&scene.next(), Method::Ack), "and again for a repeated 2xx");
    scene.end(&["success 200", "ended 200"]);
}

/// The messages that have come to Bob in a tenth of a second: method, To tag and CSeq number.
fn came(scene: &mut Scene) -> Vec<(String, String, u32)> {
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

#[test]
fn the_call_of_a_second_callee_is_ended_since_the_caller_gets_the_first_one() {
    let mut scene = Scene::new(false);
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
    let mut scene = Scene::new(false);
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

/// Somebody waits for a second at most.
fn impatient(ask: &mut RouteRequest) {
    ask.caller = Some(Caller { call: CallId(7), limit: Some(seconds(1)) });
}

#[test]
fn a_caller_whose_time_is_up_has_its_invite_cancelled() {
    let mut scene = Scene::new(false);
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
    let mut scene = Scene::new(false);
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
    let mut scene = Scene::new(false);
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
    let mut scene = Scene::new(false);
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

#[test]
fn a_request_that_nobody_answers_ends_with_408() {
    for method in [Method::Invite, Method::Options] {
        let mut scene = Scene::new(false);
        scene.route(method, waited_for);
        scene.end(&["error 408 client_timeout", "ended 408 client_timeout"]);
    }
}

#[test]
fn a_call_that_rings_too_long_is_cancelled() {
    let mut scene = Scene::new(false);
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
    let mut scene = Scene::new(false);
    let relay = scene.relay;
    let client = scene.world.step_element(relay, |element, _| element.new_client(u8::MAX >> 1));
    for number in 0..10u64 {
        let profile = std::sync::Arc::new(scene.profile.clone());
        scene.world.with_script::<OwnScript, _>(relay, |script, api| {
            let id = oversip::element::OwnRequestId(number);
            let request = own(Method::Options, &format!("own{number}"));
            let ask = api.own_request(client, &profile, id, request, Some(udp(BOB)));
            api.route(script, ask);
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
    let told = Told::default();
    let relay = add_relay(&mut world, RELAY, OwnScript::new(&told, &profile(), true));
    let bob = add_callee_by(&mut world, Transport::Tcp, BOB, Uas::answering(200, seconds(1)));
    route_own(&mut world, relay, &profile(), own(Method::Invite, "own"), |ask| ask.destination = tcp(BOB));
    world.advance(seconds(3));
    assert_eq!(world.peer(bob).calls()[0].state(), CalleeState::Up, "{}", world.record());
    assert_eq!(world.element(relay).gauges().connections, 1);
    world.run_until_idle();
    assert_all_quiet(&world, relay);
}
