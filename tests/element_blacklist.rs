//! The blacklist: which targets are on it, what ends an entry, and what becomes of requests whose targets are all on it.

mod element_support;

use element_support::*;
use oversip::client::{BlacklistId, Failure, Profile};
use oversip::element::Dropped;
use oversip::message::{Message, Transport};

const LISTED: &str = "udp:10.0.2.1:5060";

/// A relay with Bob as the only target, Alice, and what the script was told.
struct Scene {
    world: World,
    relay: ElementId,
    alice: PeerId<Inbox>,
    told: Notes,
}

impl Scene {
    fn new(profile: Profile) -> Scene {
        let mut world = world(1);
        let told = Notes::default();
        let relay = add_relay(&mut world, RELAY, telling(Blocks::relay_to(profile, udp(BOB)), &told));
        let alice = add_inbox(&mut world, ALICE);
        Scene { world, relay, alice, told }
    }

    /// Bob is on the list for a refused datagram, and can be reached again. He is an inbox.
    fn with_listed_bob() -> (Scene, PeerId<Inbox>) {
        let mut scene = Scene::new(profile());
        let bob = add_inbox(&mut scene.world, BOB);
        scene.world.network().cut_off(address(BOB), Reachability::Refused);
        scene.send("OPTIONS", "first");
        scene.world.advance(millis(100));
        assert_eq!(scene.listed(), [LISTED]);
        assert_eq!(scene.told.all(), ["target udp:10.0.2.1:5060", "error 500 connection_error"]);
        scene.world.network().restore(address(BOB));
        (scene, bob)
    }

    fn send(&mut self, method: &str, branch: &str) {
        self.world.send(self.alice, request(method, branch), address(RELAY));
    }

    fn listed(&mut self) -> Vec<String> {
        self.world.step_element(self.relay, |element, now| element.blacklist(BlacklistId(1)).keys(now))
    }

    /// The statuses that Alice has got for the request with this branch.
    fn statuses(&mut self, branch: &str) -> Vec<u16> {
        let messages = self.world.peer(self.alice).messages().iter();
        let of_it = messages.filter(|message| message.call_id() == Some(branch.as_bytes()));
        of_it.filter_map(Message::status).collect()
    }

    /// The Call-IDs of the requests that have gone to Bob, repeated ones once.
    fn sent_to(&mut self, bob: PeerId<Inbox>) -> Vec<String> {
        let mut known = Vec::new();
        for message in self.world.peer(bob).messages().iter().filter(|message| message.is_request()) {
            let call_id = String::from_utf8_lossy(message.call_id().unwrap_or_default()).into_owned();
            if !known.contains(&call_id) {
                known.push(call_id);
            }
        }
        known
    }

    /// Bob answers the request with this Call-ID.
    fn answer(&mut self, bob: PeerId<Inbox>, call_id: &str, status: u16) {
        let messages = self.world.peer(bob).messages().to_vec();
        let request = messages.iter().find(|message| message.call_id() == Some(call_id.as_bytes()));
        let wire = answer(request.expect("it has come"), status, "b");
        self.world.send(bob, wire, address(RELAY));
    }

    fn waiting(&self) -> usize {
        self.world.element(self.relay).gauges().waiting_for_probe
    }

    #[track_caller]
    fn end(mut self) {
        self.world.run_until_idle();
        assert_all_quiet(&self.world, self.relay);
    }
}

#[test]
fn a_listed_target_is_left_out_until_its_time_is_over() {
    let mut world = world(1);
    world.zone().srv("_sip._udp.b.example", 1, 1, 5060, "one.b.example");
    world.zone().srv("_sip._udp.b.example", 2, 1, 5060, "two.b.example");
    world.zone().address("one.b.example", address(BOB).ip()).address("two.b.example", address(CAROL).ip());
    let told = Notes::default();
    let script = telling(Blocks::relay_to(profile(), by_dns("sip:b.example;transport=udp")), &told);
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_callee(&mut world, BOB, Uas::answering(486, seconds(0)));
    add_callee(&mut world, CAROL, Uas::answering(486, seconds(0)));
    world.network().cut_off(address(BOB), Reachability::Refused);
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(1));
    world.network().restore(address(BOB));
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(1));
    assert_eq!(
        told.all(),
        [
            "target udp:10.0.2.1:5060",
            "target udp:10.0.3.1:5060",
            "failure 486",
            "target udp:10.0.3.1:5060",
            "failure 486"
        ]
    );
    world.advance(seconds(9));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(world.peer(bob).calls().len(), 1, "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn a_target_that_keeps_silent_is_listed_and_one_that_was_heard_meanwhile_is_not() {
    for heard in [false, true] {
        let mut scene = Scene::new(profile());
        let bob = add_inbox(&mut scene.world, BOB);
        scene.send("OPTIONS", "silent");
        scene.world.advance(seconds(10));
        if heard {
            scene.world.send(bob, &b"\r\n\r\n"[..], address(RELAY));
        }
        scene.world.advance(seconds(23));
        assert_eq!(scene.told.all(), ["target udp:10.0.2.1:5060", "error 408 client_timeout"]);
        assert_eq!(scene.listed().len(), usize::from(!heard), "{}", scene.world.record());
        scene.end();
    }
}

#[test]
fn a_100_is_a_sign_of_life_though_no_final_answer_follows() {
    let mut scene = Scene::new(profile());
    let bob = add_inbox(&mut scene.world, BOB);
    scene.send("OPTIONS", "slow");
    scene.world.advance(seconds(1));
    scene.answer(bob, "slow", 100);
    scene.world.advance(seconds(40));
    assert_eq!(scene.told.all(), ["target udp:10.0.2.1:5060", "error 408 client_timeout"]);
    assert!(scene.listed().is_empty());
    scene.end();
}

#[test]
fn a_request_a_response_and_a_keepalive_of_the_target_end_its_entry() {
    for sign in ["request", "response", "keep-alive"] {
        let (mut scene, bob) = Scene::with_listed_bob();
        match sign {
            "request" => {
                let of_bob =
                    request("OPTIONS", "of-bob").replace(ALICE, BOB).replace("sip:bob@", "sip:carol@");
                scene.world.send(bob, of_bob, address(RELAY));
            }
            "response" => {
                let stray = Message::parse(request("OPTIONS", "stray").into()).expect("a request").0;
                scene.world.send(bob, answer(&stray, 200, "b"), address(RELAY));
            }
            _ => scene.world.send(bob, &b"\r\n\r\n"[..], address(RELAY)),
        }
        scene.world.advance(millis(20));
        assert!(scene.listed().is_empty(), "{sign}: {}", scene.world.record());
        scene.end();
    }
}

#[test]
fn a_sign_of_life_over_another_transport_or_from_another_port_ends_nothing() {
    let (mut scene, _) = Scene::with_listed_bob();
    let by_tcp = scene.world.add_peer("bob", Transport::Tcp, address(BOB), Inbox::default());
    let elsewhere = add_inbox(&mut scene.world, "10.0.2.1:5070");
    scene.world.send(by_tcp, &b"\r\n\r\n"[..], address(RELAY));
    scene.world.send(elsewhere, &b"\r\n\r\n"[..], address(RELAY));
    scene.world.advance(seconds(1));
    assert_eq!(scene.listed(), [LISTED]);
    scene.end();
}

#[test]
fn a_late_response_ends_the_entry_of_the_target_that_it_answers_for() {
    let mut scene = Scene::new(profile());
    let bob = add_inbox(&mut scene.world, BOB);
    scene.send("OPTIONS", "late");
    scene.world.advance(seconds(33));
    assert_eq!(scene.listed(), [LISTED]);
    scene.answer(bob, "late", 200);
    scene.world.advance(millis(20));
    assert!(scene.listed().is_empty());
    scene.end();
}

#[test]
fn one_request_is_the_probe_and_others_wait_for_its_answer() {
    let (mut scene, bob) = Scene::with_listed_bob();
    for branch in ["probe", "second", "third"] {
        scene.send("OPTIONS", branch);
    }
    scene.world.advance(millis(100));
    assert_eq!(scene.sent_to(bob), ["probe"]);
    assert_eq!(scene.waiting(), 2);
    assert_eq!(scene.told.all()[2..], ["target udp:10.0.2.1:5060"], "on_target runs for the probe alone");
    scene.answer(bob, "probe", 200);
    scene.world.advance(millis(50));
    assert_eq!(scene.sent_to(bob), ["probe", "second", "third"]);
    assert_eq!((scene.waiting(), scene.listed().len()), (0, 0));
    for branch in ["second", "third"] {
        scene.answer(bob, branch, 200);
    }
    scene.world.advance(millis(50));
    for branch in ["probe", "second", "third"] {
        assert_eq!(scene.statuses(branch), [200], "{branch}");
    }
    scene.end();
}

#[test]
fn a_provisional_answer_to_the_probe_is_enough() {
    let (mut scene, bob) = Scene::with_listed_bob();
    scene.send("INVITE", "probe");
    scene.send("OPTIONS", "second");
    scene.world.advance(millis(100));
    scene.answer(bob, "probe", 100);
    scene.world.advance(millis(50));
    assert_eq!(scene.sent_to(bob), ["probe", "second"]);
    scene.answer(bob, "probe", 486);
    scene.answer(bob, "second", 200);
    scene.world.advance(millis(50));
    assert_eq!((scene.statuses("probe"), scene.statuses("second")), (vec![100, 486], vec![200]));
    scene.world.send(scene.alice, ack_of("probe"), address(RELAY));
    scene.end();
}

/// The ACK of a refused INVITE of Alice's.
fn ack_of(branch: &str) -> String {
    request("ACK", branch).replace("To: <sip:bob@b.example>", "To: <sip:bob@b.example>;tag=b")
}

#[test]
fn those_that_wait_get_the_stored_result_when_the_probe_fails() {
    let (mut scene, bob) = Scene::with_listed_bob();
    scene.world.network().cut_off(address(BOB), Reachability::Refused);
    scene.send("OPTIONS", "probe");
    scene.send("OPTIONS", "second");
    scene.world.advance(millis(15));
    assert_eq!(scene.waiting(), 1);
    scene.world.advance(millis(30));
    assert!(scene.sent_to(bob).is_empty());
    assert_eq!((scene.statuses("probe"), scene.statuses("second")), (vec![500], vec![500]));
    assert_eq!(
        scene.told.all()[2..],
        ["target udp:10.0.2.1:5060", "error 500 connection_error", "error 500 connection_error"]
    );
    assert_eq!(scene.listed(), [LISTED], "the entry has started again");
    scene.world.advance(millis(9_900));
    assert_eq!(scene.listed(), [LISTED]);
    scene.end();
}

#[test]
fn those_that_wait_get_the_stored_result_after_half_a_second() {
    let (mut scene, bob) = Scene::with_listed_bob();
    scene.send("OPTIONS", "probe");
    scene.send("OPTIONS", "second");
    scene.world.advance(millis(505));
    assert_eq!((scene.waiting(), scene.statuses("second").len()), (1, 0));
    scene.world.advance(millis(20));
    assert_eq!(scene.waiting(), 0);
    assert_eq!(scene.statuses("second"), [500]);
    assert_eq!(scene.sent_to(bob), ["probe"]);
    scene.answer(bob, "probe", 200);
    scene.world.advance(millis(50));
    assert_eq!(scene.statuses("probe"), [200]);
    scene.end();
}

#[test]
fn after_four_seconds_without_a_sign_of_life_the_next_request_is_another_probe() {
    let (mut scene, bob) = Scene::with_listed_bob();
    scene.send("OPTIONS", "probe");
    scene.world.advance(millis(3_900));
    scene.send("OPTIONS", "early");
    scene.world.advance(millis(50));
    assert_eq!((scene.sent_to(bob), scene.waiting()), (vec!["probe".to_owned()], 1));
    scene.world.advance(millis(100));
    scene.send("OPTIONS", "later");
    scene.world.advance(millis(50));
    assert_eq!(scene.sent_to(bob), ["probe", "later"]);
    scene.answer(bob, "later", 200);
    scene.world.advance(millis(50));
    assert_eq!(scene.sent_to(bob), ["probe", "later", "early"], "what waits is sent after the sign of life");
    scene.answer(bob, "early", 200);
    scene.world.advance(millis(50));
    assert_eq!((scene.statuses("later"), scene.statuses("early")), (vec![200], vec![200]));
    scene.end();
}

#[test]
fn a_cancel_ends_the_wait_for_a_probe() {
    let (mut scene, bob) = Scene::with_listed_bob();
    scene.send("OPTIONS", "probe");
    scene.send("INVITE", "cancelled");
    scene.world.advance(millis(100));
    assert_eq!(scene.waiting(), 1);
    scene.send("CANCEL", "cancelled");
    scene.world.advance(millis(30));
    assert_eq!(scene.waiting(), 0);
    assert_eq!(scene.statuses("cancelled"), [100, 200, 487]);
    scene.answer(bob, "probe", 200);
    scene.world.advance(millis(50));
    assert_eq!(scene.sent_to(bob), ["probe"], "the cancelled INVITE is not sent after the sign of life");
    scene.end();
}

#[test]
fn a_cancelled_probe_makes_room_for_the_request_that_has_waited_longest() {
    let (mut scene, bob) = Scene::with_listed_bob();
    scene.send("INVITE", "probe");
    scene.world.advance(millis(20));
    scene.send("OPTIONS", "second");
    scene.send("OPTIONS", "third");
    scene.world.advance(millis(20));
    assert_eq!((scene.sent_to(bob), scene.waiting()), (vec!["probe".to_owned()], 2));
    // It has got no answer: its CANCEL waits for one, and it is the probe still.
    scene.send("CANCEL", "probe");
    scene.world.advance(millis(20));
    assert_eq!(scene.sent_to(bob), ["probe"]);
    scene.answer(bob, "probe", 100);
    scene.world.advance(millis(30));
    assert_eq!(scene.sent_to(bob), ["probe", "second", "third"]);
    assert!(story(&scene.world, RELAY, BOB).contains(&"CANCEL".to_owned()), "{}", scene.world.record());
    for branch in ["second", "third"] {
        scene.answer(bob, branch, 200);
    }
    scene.end();
}

#[test]
fn an_aborted_probe_makes_room_for_the_request_that_has_waited_longest() {
    let mut world = world(1);
    // The blocks of on_target forbid what is for Carol.
    let script = Blocks::relay_to(profile(), udp(BOB)).on(CallbackClass::Target, |turn| {
        if turn.request().message.call_id() == Some(b"forbidden") {
            turn.abort_routing();
        }
    });
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_inbox(&mut world, ALICE);
    let bob = add_inbox(&mut world, BOB);
    world.step_element(relay, |element, now| {
        let target = oversip::resolve::Target::new(Transport::Udp, address(BOB).ip(), 5060);
        let failure = oversip::client::RouteError::ConnectionError.into();
        element.blacklist(BlacklistId(1)).add_automatic(now, &target, failure, seconds(10));
    });
    world.send(alice, request("OPTIONS", "forbidden"), address(RELAY));
    world.send(alice, request("OPTIONS", "allowed"), address(RELAY));
    world.advance(millis(50));
    let news = world.peer(bob).news();
    assert_eq!(news.iter().map(|it| it.call_id()).collect::<Vec<_>>(), [Some(&b"allowed"[..])]);
    world.send(bob, answer(&news[0], 200, "b"), address(RELAY));
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, ALICE), ["403", "200"], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn an_entry_of_a_script_stands_and_nothing_is_sent() {
    let mut scene = Scene::new(profile());
    let bob = add_inbox(&mut scene.world, BOB);
    scene.world.step_element(scene.relay, |element, now| {
        let failure = Failure::destination_blacklisted(403, "Not Before You Pay");
        element.blacklist(BlacklistId(1)).add(now, LISTED, failure, seconds(100));
    });
    scene.world.send(bob, &b"\r\n\r\n"[..], address(RELAY));
    scene.send("OPTIONS", "outside");
    let in_dialog =
        request("BYE", "inside").replace("To: <sip:bob@b.example>", "To: <sip:bob@b.example>;tag=b");
    let in_dialog = in_dialog.replace("BYE sip:bob@b.example", &format!("BYE sip:bob@{BOB}"));
    scene.world.send(scene.alice, in_dialog, address(RELAY));
    scene.world.advance(seconds(1));
    assert!(scene.sent_to(bob).is_empty());
    assert_eq!((scene.statuses("outside"), scene.statuses("inside")), (vec![403], vec![403]));
    assert_eq!(scene.told.all(), ["error 403 destination_blacklisted"; 2]);
    assert_eq!(scene.listed(), [LISTED]);
    scene.end();
}

#[test]
fn a_request_of_a_dialog_goes_to_a_listed_target_and_makes_no_entry() {
    let (mut scene, bob) = Scene::with_listed_bob();
    let bye = |branch: &str| {
        let bye = request("BYE", branch).replace("To: <sip:bob@b.example>", "To: <sip:bob@b.example>;tag=b");
        bye.replace("BYE sip:bob@b.example", &format!("BYE sip:bob@{BOB}"))
    };
    scene.world.send(scene.alice, bye("inside"), address(RELAY));
    scene.world.advance(millis(50));
    assert_eq!(scene.sent_to(bob), ["inside"]);
    scene.answer(bob, "inside", 200);
    scene.world.advance(millis(50));
    assert_eq!(scene.statuses("inside"), [200]);
    assert!(scene.listed().is_empty(), "its answer is a sign of life");
    scene.world.network().cut_off(address(BOB), Reachability::Refused);
    scene.world.send(scene.alice, bye("refused"), address(RELAY));
    scene.world.advance(millis(50));
    assert_eq!(scene.statuses("refused"), [500]);
    assert!(scene.listed().is_empty(), "a request of a dialog makes none");
    scene.end();
}

#[test]
fn a_503_with_retry_after_lists_its_target_and_its_repetition_does_not_end_the_entry() {
    let mut scene = Scene::new(profile());
    let bob = add_inbox(&mut scene.world, BOB);
    scene.send("OPTIONS", "busy");
    scene.world.advance(millis(20));
    let request = scene.world.peer(bob).messages()[0].clone();
    let line = [bytes::Bytes::from_static(b"Retry-After: 30")];
    let busy = oversip::message::reply(&request, 503, b"Busy", Some(b"b"), &line, b"", b"");
    for _ in 0..2 {
        scene.world.send(bob, busy.clone(), address(RELAY));
        scene.world.advance(millis(20));
        assert_eq!(scene.listed(), [LISTED]);
    }
    assert_eq!(scene.statuses("busy"), [500]);
    scene.world.advance(seconds(29));
    assert_eq!(scene.listed(), [LISTED]);
    scene.world.advance(seconds(1));
    assert!(scene.listed().is_empty());
    scene.end();
}

#[test]
fn the_loss_of_an_established_connection_makes_no_entry() {
    let mut world = world(1);
    let told = Notes::default();
    let relay = add_relay(&mut world, RELAY, telling(Blocks::relay_to(profile(), tcp(BOB)), &told));
    let alice = add_inbox(&mut world, ALICE);
    let bob = world.add_peer("bob", Transport::Tcp, address(BOB), Inbox::default());
    world.send(alice, request("OPTIONS", "lost"), address(RELAY));
    world.advance(millis(100));
    assert_eq!(world.peer(bob).messages().len(), 1);
    world.break_connections(address(BOB));
    world.run_until_idle();
    assert_eq!(told.all(), ["target tcp:10.0.2.1:5060", "error 500 connection_error"]);
    assert!(world.step_element(relay, |element, now| element.blacklist(BlacklistId(1)).keys(now)).is_empty());
    assert_eq!(story(&world, RELAY, ALICE), ["500"], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn a_profile_without_a_blacklist_makes_no_entry() {
    let mut scene = Scene::new(Profile { use_blacklist: false, ..profile() });
    scene.world.network().cut_off(address(BOB), Reachability::Refused);
    for branch in ["one", "two"] {
        scene.send("OPTIONS", branch);
        scene.world.advance(millis(100));
    }
    assert!(scene.listed().is_empty());
    assert_eq!(sent(&scene.world, RELAY, BOB).len(), 2);
    scene.end();
}

#[test]
fn of_many_requests_one_is_sent_and_nothing_is_left_of_the_others() {
    let (mut scene, bob) = Scene::with_listed_bob();
    for number in 0..50 {
        scene.send("OPTIONS", &format!("n{number}"));
    }
    scene.world.advance(millis(50));
    assert_eq!((scene.sent_to(bob), scene.waiting()), (vec!["n0".to_owned()], 49));
    scene.world.advance(seconds(1));
    assert_eq!(scene.waiting(), 0);
    for number in 1..50 {
        assert_eq!(scene.statuses(&format!("n{number}")), [500]);
    }
    let unmatched = scene.world.element(scene.relay).counts().dropped[Dropped::UnmatchedResponse as usize];
    assert_eq!(unmatched, 0);
    scene.world.advance(seconds(40));
    assert_eq!(scene.sent_to(bob), ["n0"]);
    scene.end();
}

#[test]
fn a_sign_of_life_ends_the_entries_of_all_profiles() {
    let other = BlacklistId(2);
    let mut scene = Scene::new(profile());
    let bob = add_inbox(&mut scene.world, BOB);
    scene.world.network().cut_off(address(BOB), Reachability::Refused);
    scene.send("OPTIONS", "one");
    let relay = scene.relay;
    let second = Profile { blacklist: other, ..profile() };
    scene.world.with_script::<Blocks, _>(relay, |script, api| {
        let client = api.new_client(0);
        let id = oversip::element::OwnRequestId(1);
        let request = own(oversip::message::Method::Options, "two");
        let ask = api.own_request(client, &std::sync::Arc::new(second), id, request, Some(udp(BOB)));
        api.route(script, ask).expect("it is nested in no other one");
        api.step(|element, _| element.release_client(client));
    });
    scene.world.advance(millis(100));
    let lists = |scene: &mut Scene| {
        scene.world.step_element(relay, |element, now| {
            [BlacklistId(1), other].map(|list| element.blacklist(list).len(now))
        })
    };
    assert_eq!(lists(&mut scene), [1, 1], "{}", scene.world.record());
    scene.world.network().restore(address(BOB));
    scene.world.send(bob, &b"\r\n\r\n"[..], address(RELAY));
    scene.world.advance(millis(20));
    assert_eq!(lists(&mut scene), [0, 0]);
    scene.end();
}

#[test]
fn requests_that_the_script_takes_late_are_a_probe_and_one_that_waits_all_the_same() {
    let (mut scene, bob) = Scene::with_listed_bob();
    scene.send("OPTIONS", "held");
    scene.send("OPTIONS", "second");
    // They are on their way to the script.
    scene.world.advance(millis(5));
    scene.world.hold_script(scene.relay);
    scene.world.advance(seconds(2));
    scene.world.release_script(scene.relay);
    scene.world.advance(millis(30));
    assert_eq!(scene.sent_to(bob), ["held"], "{}", scene.world.record());
    scene.answer(bob, "held", 200);
    scene.world.advance(millis(50));
    assert_eq!(scene.sent_to(bob), ["held", "second"]);
    scene.answer(bob, "second", 200);
    scene.world.advance(millis(50));
    assert_eq!((scene.statuses("held"), scene.statuses("second")), (vec![200], vec![200]));
    scene.end();
}
