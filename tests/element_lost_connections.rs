//! Connections to callees that are lost in each state of a transaction (RFC 3261 18.1.1, 17.1.4).

mod element_support;

use std::net::SocketAddr;

use bytes::Bytes;
use element_support::*;
use oversip::message::{reply, HeaderName, Headers, Message, Method, Transport};

/// A relay between Alice, who has an inbox by UDP, and Bob, who has one by TCP.
struct Scene {
    world: World,
    relay: ElementId,
    alice: PeerId<Inbox>,
    bob: PeerId<Inbox>,
    told: Notes,
}

impl Scene {
    fn new() -> Scene {
        let mut world = world(1);
        let told = Notes::default();
        let relay = add_relay(&mut world, RELAY, telling(Blocks::new(profile()).on_request(to_bob), &told));
        let alice = add_inbox(&mut world, ALICE);
        let bob = world.add_peer("bob", Transport::Tcp, address(BOB), Inbox::default());
        Scene { world, relay, alice, bob, told }
    }

    /// The connection to Bob has served a request already.
    fn with_a_used_connection() -> Scene {
        let mut scene = Scene::new();
        scene.send("OPTIONS", "before");
        let before = scene.next();
        scene.answer(&before, 200);
        scene.wait();
        scene
    }

    fn wait(&mut self) {
        self.world.advance(millis(100));
    }

    fn send(&mut self, method: &str, branch: &str) {
        self.world.send(self.alice, request(method, branch), address(RELAY));
        self.wait();
    }

    /// What has come to Bob since the last time.
    fn news(&mut self) -> Vec<Message> {
        self.world.peer(self.bob).news()
    }

    /// The one message that has come to Bob.
    #[track_caller]
    fn next(&mut self) -> Message {
        let mut news = self.news();
        assert_eq!(news.len(), 1, "{}", self.world.record());
        news.remove(0)
    }

    /// Where the latest connection to Bob begins.
    fn begins(&self) -> SocketAddr {
        let mut entries = self.world.record().entries().iter();
        entries.rfind(|entry| entry.to == address(BOB)).expect("something was sent to Bob").from
    }

    /// Bob answers over the connection that the request came by.
    fn answer(&mut self, request: &Message, status: u16) {
        let wire = answer_of_bob(request, status);
        let to = self.begins();
        self.world.send(self.bob, wire, to);
    }

    /// Bob answers over a connection that he opens.
    fn answer_anew(&mut self, request: &Message, status: u16) {
        let wire = answer_of_bob(request, status);
        self.world.send(self.bob, wire, address(RELAY));
        self.wait();
    }

    /// All connections of Bob's break.
    fn break_all(&mut self) {
        self.world.break_connections(address(BOB));
        self.wait();
    }

    /// Bob closes his side of the latest connection.
    fn half_close(&mut self) {
        let to = self.begins();
        self.world.with_peer(self.bob, |_, api| api.finish(to));
        self.wait();
    }

    fn statuses(&mut self, branch: &str) -> Vec<u16> {
        let messages = self.world.peer(self.alice).messages().iter();
        let of_it = messages.filter(|message| message.call_id() == Some(branch.as_bytes()));
        of_it.filter_map(Message::status).collect()
    }

    #[track_caller]
    fn end(mut self) {
        self.world.run_until_idle();
        assert_all_quiet(&self.world, self.relay);
    }
}

/// By TCP to Bob, whatever the request is.
fn to_bob(turn: &mut Turn<'_, '_>) {
    turn.route_to(tcp(BOB));
}

fn answer_of_bob(request: &Message, status: u16) -> Bytes {
    let headers = Headers::from_message(request);
    let routes = headers.list(HeaderName::RecordRoute);
    let mut lines: Vec<Bytes> = routes.map(|route| [b"Record-Route: ", route].concat().into()).collect();
    lines.push(format!("Contact: <sip:bob@{BOB};transport=tcp>").into());
    let tag = Some(&b"b"[..]).filter(|_| status > 100);
    reply(request, status, b"Answer", tag, &lines, b"", b"")
}

/// The ACK of a refused INVITE of Alice's.
fn ack_of(branch: &str) -> String {
    request("ACK", branch).replace("To: <sip:bob@b.example>", "To: <sip:bob@b.example>;tag=b")
}

/// An ACK or BYE of Alice's for what Bob has accepted; it goes where the script sends it.
fn in_dialog(method: &str, call_id: &str, cseq: u32) -> String {
    request(method, call_id)
        .replace(&format!("branch=z9hG4bK{call_id}"), &format!("branch=z9hG4bK{method}{call_id}"))
        .replace(&format!("{method} sip:bob@b.example"), &format!("{method} sip:bob@{BOB};transport=tcp"))
        .replace("To: <sip:bob@b.example>", "To: <sip:bob@b.example>;tag=b")
        .replace("CSeq: 1", &format!("CSeq: {cseq}"))
}

#[test]
fn calling_over_a_fresh_connection_that_breaks_fails_at_once() {
    for method in ["INVITE", "OPTIONS"] {
        let mut scene = Scene::new();
        scene.send(method, "lost");
        scene.next();
        scene.break_all();
        assert!(scene.news().is_empty());
        assert_eq!(scene.told.all(), ["target tcp:10.0.2.1:5060", "error 500 connection_error"]);
        assert_eq!(scene.statuses("lost").last(), Some(&500), "{}", scene.world.record());
        scene.end();
    }
}

#[test]
fn calling_over_a_used_connection_that_breaks_goes_on_over_another_one_with_the_same_branch() {
    for method in ["INVITE", "OPTIONS"] {
        let mut scene = Scene::with_a_used_connection();
        scene.send(method, "again");
        let first = scene.next();
        scene.break_all();
        let second = scene.next();
        assert_eq!(second.branch_id(), first.branch_id(), "{}", scene.world.record());
        scene.answer(&second, 486);
        scene.wait();
        assert_eq!(scene.statuses("again"), if method == "INVITE" { vec![100, 486] } else { vec![486] });
        assert_eq!(scene.told.all()[1..], ["target tcp:10.0.2.1:5060", "failure 486"]);
        scene.world.send(scene.alice, ack_of("again"), address(RELAY));
        scene.end();
    }
}

#[test]
fn a_request_has_one_other_connection_and_no_more() {
    let mut scene = Scene::with_a_used_connection();
    scene.send("INVITE", "twice");
    scene.next();
    scene.break_all();
    scene.next();
    scene.break_all();
    assert!(scene.news().is_empty(), "{}", scene.world.record());
    assert_eq!(scene.statuses("twice"), [100, 500]);
    scene.end();
}

#[test]
fn where_the_other_connection_is_refused_the_request_fails() {
    let mut scene = Scene::with_a_used_connection();
    scene.send("INVITE", "refused");
    scene.next();
    scene.world.break_connections(address(BOB));
    scene.world.network().cut_off(address(BOB), Reachability::Refused);
    scene.wait();
    assert_eq!(scene.statuses("refused"), [100, 500], "{}", scene.world.record());
    scene.end();
}

#[test]
fn a_cancelled_request_that_loses_its_connection_before_an_answer_is_not_sent_again() {
    let mut scene = Scene::with_a_used_connection();
    scene.send("INVITE", "cancelled");
    scene.next();
    scene.send("CANCEL", "cancelled");
    assert!(scene.news().is_empty(), "the CANCEL waits for a provisional response");
    scene.break_all();
    assert!(scene.news().is_empty(), "{}", scene.world.record());
    assert_eq!(scene.statuses("cancelled"), [100, 200, 487]);
    scene.end();
}

#[test]
fn proceeding_goes_on_and_the_final_answer_comes_over_a_connection_of_the_callee() {
    for status in [200, 486] {
        let mut scene = Scene::new();
        scene.send("INVITE", "ringing");
        let invite = scene.next();
        scene.answer(&invite, 180);
        scene.wait();
        scene.break_all();
        assert_eq!(scene.statuses("ringing"), [100, 180], "the loss is no answer");
        scene.answer_anew(&invite, status);
        assert_eq!(scene.statuses("ringing"), [100, 180, status], "{}", scene.world.record());
        if status == 486 {
            let ack = scene.next();
            assert_eq!(ack.method(), Some(&Method::Ack));
            assert_eq!(ack.branch_id(), invite.branch_id());
        }
        let ack = if status == 486 { ack_of("ringing") } else { in_dialog("ACK", "ringing", 1) };
        scene.world.send(scene.alice, ack, address(RELAY));
        scene.wait();
        if status == 200 {
            assert_eq!(scene.next().method(), Some(&Method::Ack));
        }
        scene.end();
    }
}

#[test]
fn a_cancel_of_a_callee_whose_connection_is_lost_opens_another_one() {
    let mut scene = Scene::new();
    scene.send("INVITE", "ringing");
    let invite = scene.next();
    scene.answer(&invite, 180);
    scene.wait();
    scene.break_all();
    scene.send("CANCEL", "ringing");
    let cancel = scene.next();
    assert_eq!(cancel.method(), Some(&Method::Cancel), "{}", scene.world.record());
    assert_eq!(cancel.branch_id(), invite.branch_id());
    scene.answer(&cancel, 200);
    scene.answer(&invite, 487);
    scene.wait();
    assert_eq!(scene.next().method(), Some(&Method::Ack));
    assert_eq!(scene.statuses("ringing"), [100, 180, 200, 487]);
    scene.world.send(scene.alice, ack_of("ringing"), address(RELAY));
    scene.end();
}

#[test]
fn a_cancel_that_reaches_nobody_any_more_is_over_after_64_t1() {
    let mut scene = Scene::new();
    scene.send("INVITE", "gone");
    let invite = scene.next();
    scene.answer(&invite, 180);
    scene.wait();
    scene.world.break_connections(address(BOB));
    scene.world.network().cut_off(address(BOB), Reachability::Refused);
    scene.wait();
    scene.send("CANCEL", "gone");
    assert_eq!(scene.statuses("gone"), [100, 180, 200], "{}", scene.world.record());
    scene.world.advance(seconds(32));
    assert_eq!(scene.statuses("gone")[..4], [100, 180, 200, 487], "{}", scene.world.record());
    scene.end();
}

#[test]
fn a_callee_that_is_lost_while_it_rings_is_given_up_by_timer_c() {
    let mut scene = Scene::new();
    scene.send("INVITE", "forgotten");
    let invite = scene.next();
    scene.answer(&invite, 180);
    scene.wait();
    scene.break_all();
    scene.world.advance(seconds(121));
    assert_eq!(scene.statuses("forgotten")[..3], [100, 180, 408], "{}", scene.world.record());
    assert_eq!(scene.next().method(), Some(&Method::Cancel));
    scene.end();
}

#[test]
fn another_request_that_has_a_provisional_answer_waits_for_the_final_one_after_the_loss() {
    let mut scene = Scene::new();
    scene.send("OPTIONS", "slow");
    let options = scene.next();
    scene.answer(&options, 100);
    scene.wait();
    scene.break_all();
    assert!(scene.statuses("slow").is_empty());
    scene.answer_anew(&options, 200);
    assert_eq!(scene.statuses("slow"), [200], "{}", scene.world.record());
    scene.end();
}

#[test]
fn the_ack_of_a_refusal_whose_sender_has_closed_opens_another_connection() {
    let mut scene = Scene::new();
    scene.send("INVITE", "refused");
    let invite = scene.next();
    scene.answer(&invite, 180);
    scene.wait();
    scene.half_close();
    scene.answer_anew(&invite, 486);
    let ack = scene.next();
    assert_eq!(ack.method(), Some(&Method::Ack), "{}", scene.world.record());
    assert_eq!(ack.branch_id(), invite.branch_id());
    assert_eq!(scene.statuses("refused"), [100, 180, 486]);
    scene.world.send(scene.alice, ack_of("refused"), address(RELAY));
    scene.end();
}

#[test]
fn accepted_takes_further_2xx_and_passes_ack_and_bye_on_after_the_loss() {
    let mut scene = Scene::new();
    scene.send("INVITE", "up");
    let invite = scene.next();
    scene.answer(&invite, 200);
    scene.wait();
    scene.break_all();
    assert_eq!(scene.statuses("up"), [100, 200]);
    scene.answer_anew(&invite, 200);
    assert_eq!(scene.statuses("up"), [100, 200, 200], "{}", scene.world.record());
    for (method, cseq) in [("ACK", 1), ("BYE", 2)] {
        scene.world.send(scene.alice, in_dialog(method, "up", cseq), address(RELAY));
        scene.wait();
        let came = scene.next();
        assert_eq!(came.method().map(|it| it.as_bytes().to_vec()), Some(method.as_bytes().to_vec()));
        if method == "BYE" {
            // It comes over the connection that Bob has opened himself, from his own address.
            scene.answer_anew(&came, 200);
        }
    }
    assert_eq!(scene.statuses("up"), [100, 200, 200, 200], "{}", scene.world.record());
    scene.end();
}

#[test]
fn a_callee_that_closes_its_side_before_an_answer_has_lost_the_request() {
    let mut scene = Scene::new();
    scene.send("INVITE", "half");
    scene.next();
    scene.half_close();
    assert_eq!(scene.statuses("half"), [100, 500], "{}", scene.world.record());
    scene.end();
    let mut scene = Scene::with_a_used_connection();
    scene.send("INVITE", "half");
    let first = scene.next();
    scene.half_close();
    let second = scene.next();
    assert_eq!(second.branch_id(), first.branch_id());
    scene.answer(&second, 486);
    scene.wait();
    assert_eq!(scene.statuses("half"), [100, 486], "{}", scene.world.record());
    scene.world.send(scene.alice, ack_of("half"), address(RELAY));
    scene.end();
}

#[test]
fn requests_after_the_loss_open_a_connection_of_their_own() {
    let mut scene = Scene::with_a_used_connection();
    scene.break_all();
    scene.send("OPTIONS", "later");
    let later = scene.next();
    scene.answer(&later, 200);
    scene.wait();
    assert_eq!(scene.statuses("later"), [200]);
    assert_eq!(scene.world.element(scene.relay).gauges().connections, 1);
    scene.end();
}

#[test]
fn several_requests_of_a_lost_connection_each_have_their_own_end() {
    let mut scene = Scene::with_a_used_connection();
    for branch in ["one", "two", "three"] {
        scene.send("INVITE", branch);
    }
    let first = scene.news();
    assert_eq!(first.len(), 3);
    scene.answer(&first[1], 180);
    scene.wait();
    scene.break_all();
    let again = scene.news();
    assert_eq!(again.len(), 2, "the one that rings is not sent again: {}", scene.world.record());
    let opened = scene.begins();
    for invite in &again {
        scene.world.send(scene.bob, answer_of_bob(invite, 486), opened);
    }
    scene.answer_anew(&first[1], 480);
    for (branch, last) in [("one", 486), ("two", 480), ("three", 486)] {
        assert_eq!(scene.statuses(branch).last(), Some(&last), "{branch}: {}", scene.world.record());
        scene.world.send(scene.alice, ack_of(branch), address(RELAY));
    }
    scene.end();
}

#[test]
fn a_stalled_connection_is_given_up_by_timer_b() {
    let mut scene = Scene::with_a_used_connection();
    scene.world.network().cut_off(address(BOB), Reachability::Silent);
    scene.send("INVITE", "stalled");
    scene.world.advance(seconds(33));
    assert_eq!(scene.statuses("stalled")[..2], [100, 408], "{}", scene.world.record());
    scene.world.advance(seconds(100));
    assert!(scene.news().is_empty());
    scene.end();
}

#[test]
fn after_a_time_out_without_a_sign_of_life_new_requests_open_another_connection() {
    for heard in [false, true] {
        let mut scene = Scene::with_a_used_connection();
        let first = scene.begins();
        if !heard {
            scene.world.network().cut_off(address(BOB), Reachability::Silent);
        }
        scene.send("OPTIONS", "silent");
        scene.world.advance(seconds(10));
        if heard {
            scene.send("OPTIONS", "meanwhile");
            let meanwhile = scene.news().pop().expect("a request");
            scene.answer(&meanwhile, 200);
        }
        scene.world.advance(seconds(23));
        assert_eq!(scene.told.all().last().map(String::as_str), Some("error 408 client_timeout"));
        // The blacklist entry, if there is one, is over.
        scene.world.network().restore(address(BOB));
        scene.world.advance(seconds(11));
        scene.news();
        scene.send("OPTIONS", "later");
        let later = scene.next();
        assert_eq!(scene.begins() == first, heard, "{}", scene.world.record());
        scene.answer(&later, 200);
        scene.wait();
        assert_eq!(scene.statuses("later"), [200]);
        assert_eq!(scene.world.element(scene.relay).gauges().connections, 1, "the other one is closed");
        scene.end();
    }
}

#[test]
fn what_is_pending_on_a_connection_in_doubt_goes_on() {
    let mut scene = Scene::with_a_used_connection();
    scene.send("INVITE", "ringing");
    let invite = scene.next();
    scene.answer(&invite, 180);
    scene.wait();
    let first = scene.begins();
    // Bob says nothing to this one, nor anything else meanwhile.
    scene.send("OPTIONS", "silent");
    scene.next();
    scene.world.advance(seconds(33));
    scene.world.send(scene.bob, answer_of_bob(&invite, 486), first);
    scene.wait();
    assert_eq!(scene.statuses("ringing"), [100, 180, 486], "{}", scene.world.record());
    assert_eq!(scene.next().method(), Some(&Method::Ack));
    scene.wait();
    assert_eq!(scene.world.element(scene.relay).gauges().connections, 0);
    scene.world.send(scene.alice, ack_of("ringing"), address(RELAY));
    scene.end();
}

#[test]
fn the_ack_of_an_own_call_goes_over_another_connection_when_its_2xx_comes_again_after_the_loss() {
    for waited in [true, false] {
        let mut world = world(1);
        let told = Notes::default();
        let relay = add_relay(&mut world, RELAY, OwnScript::new(&told, &profile(), !waited));
        let bob = world.add_peer("bob", Transport::Tcp, address(BOB), Inbox::default());
        route_own(&mut world, relay, &profile(), own(Method::Invite, "own"), |ask| {
            ask.destination = tcp(BOB);
            if waited {
                waited_for(ask);
            }
        });
        world.advance(millis(100));
        let invite = world.peer(bob).news().remove(0);
        let back = world.record().entries()[0].from;
        world.send(bob, answer_of_bob(&invite, 200), back);
        world.advance(millis(100));
        let first = world.peer(bob).news();
        assert_eq!(first.len(), 1, "{}", world.record());
        world.break_connections(address(BOB));
        world.advance(millis(100));
        world.send(bob, answer_of_bob(&invite, 200), address(RELAY));
        world.advance(millis(100));
        let again = world.peer(bob).news();
        let methods: Vec<_> = again.iter().filter_map(|it| it.method().cloned()).collect();
        assert_eq!(methods, [Method::Ack], "it is the same call, not one to be ended: {}", world.record());
        assert_eq!((again[0].to_tag(), again[0].cseq()), (first[0].to_tag(), first[0].cseq()));
        world.run_until_idle();
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn an_own_request_over_a_used_connection_that_breaks_is_sent_again() {
    let mut world = world(1);
    let told = Notes::default();
    let relay = add_relay(&mut world, RELAY, OwnScript::new(&told, &profile(), true));
    let bob = world.add_peer("bob", Transport::Tcp, address(BOB), Inbox::default());
    let mut invites = Vec::new();
    for call_id in ["before", "again"] {
        route_own(&mut world, relay, &profile(), own(Method::Options, call_id), |ask| {
            ask.destination = tcp(BOB)
        });
        world.advance(millis(100));
        invites.extend(world.peer(bob).news());
        if call_id == "before" {
            let back = world.record().entries()[0].from;
            world.send(bob, answer_of_bob(&invites[0], 200), back);
            world.advance(millis(100));
        }
    }
    world.break_connections(address(BOB));
    world.advance(millis(100));
    let again = world.peer(bob).news().remove(0);
    assert_eq!(again.branch_id(), invites[1].branch_id());
    world.send(bob, answer_of_bob(&again, 200), address(RELAY));
    world.run_until_idle();
    assert_eq!(told.all().iter().filter(|it| *it == "success 200").count(), 2, "{}", world.record());
    assert_all_quiet(&world, relay);
}
