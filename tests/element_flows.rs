//! Flows (RFC 5626): clients that are reached over what they have used themselves, and flows that are gone.

mod element_support;

use element_support::*;
use oversip::client::BlacklistId;
use oversip::message::{HeaderName, Headers, Message, Method, Transport};

const KINDS: [Transport; 4] = [Transport::Udp, Transport::Tcp, Transport::Ws, Transport::Wss];

/// Alice behind a relay with her own transport, and Bob on the other side, who is the registrar too and uses UDP.
struct Scene {
    world: World,
    relay: ElementId,
    alice: PeerId<Inbox>,
    bob: PeerId<Inbox>,
    told: Notes,
    transport: Transport,
}

impl Scene {
    fn new(transport: Transport) -> Scene {
        let mut world = world(1);
        let told = Notes::default();
        // What is not for the flow goes to Bob, unless it is from him.
        let script =
            Blocks::new(profile()).on_request(|turn| match turn.request().source.remote == address(BOB) {
                true => turn.route(),
                false => turn.relay_to(udp(BOB)),
            });
        let relay = add_relay(&mut world, RELAY, telling(script, &told));
        let alice = world.add_peer("alice", transport, address(ALICE), Inbox::default());
        let bob = add_inbox(&mut world, BOB);
        Scene { world, relay, alice, bob, told, transport }
    }

    /// Where Alice reaches the relay.
    fn entrance(&self) -> std::net::SocketAddr {
        let listening = listening(RELAY);
        listening.iter().find(|(transport, _)| *transport == self.transport).expect("it listens").1
    }

    /// A request of Alice's.
    fn of_alice(&self, method: &str, branch: &str) -> String {
        let token = self.transport.as_str().to_ascii_uppercase();
        let contact = format!("<sip:alice@{ALICE};transport={}>", self.transport.as_str());
        request(method, branch)
            .replace("SIP/2.0/UDP", &format!("SIP/2.0/{token}"))
            .replace(&format!("<sip:alice@{ALICE}>"), &contact)
    }

    fn wait(&mut self) {
        self.world.advance(millis(150));
    }

    fn send(&mut self, wire: String) {
        let to = self.entrance();
        self.world.send(self.alice, wire, to);
        self.wait();
    }

    /// Alice registers. Hands out the Path that the registrar gets.
    fn register(&mut self) -> Vec<String> {
        let register = self
            .of_alice("REGISTER", "register")
            .replace("\r\nContact: <", "\r\nSupported: path, outbound\r\nContact: <")
            .replace(">\r\nContent-Length", ">;reg-id=1;+sip.instance=\"<urn:uuid:1>\"\r\nContent-Length");
        self.send(register);
        let register = self.next_of_bob();
        let path = values(&register, HeaderName::Path);
        self.world.send(self.bob, answer(&register, 200, "registrar"), address(RELAY));
        self.wait();
        assert_eq!(self.next_of_alice().status(), Some(200));
        path
    }

    /// A request of Bob's with these Route values.
    fn of_bob(&self, method: &str, branch: &str, routes: &[String]) -> String {
        let routes: Vec<_> = routes.iter().map(|route| format!("Route: {route}\r\n")).collect();
        request(method, branch)
            .replace(ALICE, BOB)
            .replace(
                "sip:bob@b.example SIP",
                &format!("sip:alice@{ALICE};transport={} SIP", self.transport.as_str()),
            )
            .replace("Max-Forwards", &format!("{}Max-Forwards", routes.concat()))
    }

    fn send_of_bob(&mut self, wire: String) {
        self.world.send(self.bob, wire, address(RELAY));
        self.wait();
    }

    #[track_caller]
    fn next_of_bob(&mut self) -> Message {
        let mut news = self.world.peer(self.bob).news();
        assert_eq!(news.len(), 1, "{}", self.world.record());
        news.remove(0)
    }

    #[track_caller]
    fn next_of_alice(&mut self) -> Message {
        let mut news = self.world.peer(self.alice).news();
        assert_eq!(news.len(), 1, "{}", self.world.record());
        news.remove(0)
    }

    #[track_caller]
    fn nothing_for_alice(&mut self) {
        self.wait();
        assert!(self.world.peer(self.alice).news().is_empty(), "{}", self.world.record());
    }

    /// Alice answers what has come over her flow.
    fn answer(&mut self, request: &Message, status: u16) {
        let to = self.entrance();
        self.world.send(self.alice, answer(request, status, "a"), to);
        self.wait();
    }

    fn break_flow(&mut self) {
        let to = self.entrance();
        self.world.break_connections(to);
        self.wait();
    }

    /// The statuses that Bob has got.
    fn statuses_of_bob(&mut self) -> Vec<u16> {
        self.world.peer(self.bob).news().iter().filter_map(Message::status).collect()
    }

    #[track_caller]
    fn end(mut self) {
        self.world.run_until_idle();
        assert_all_quiet(&self.world, self.relay);
    }
}

fn values(message: &Message, name: HeaderName) -> Vec<String> {
    let headers = Headers::from_message(message);
    headers.list(name).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
}

#[test]
fn a_request_along_a_path_goes_over_the_flow_of_the_client_without_on_target() {
    for transport in KINDS {
        let mut scene = Scene::new(transport);
        let path = scene.register();
        assert!(path.last().is_some_and(|value| value.contains(";ob")), "{path:?}");
        let before = scene.told.all().len();
        let options = scene.of_bob("OPTIONS", "to-alice", &path);
        scene.send_of_bob(options);
        let options = scene.next_of_alice();
        assert_eq!(options.method(), Some(&Method::Options));
        assert!(values(&options, HeaderName::Route).is_empty(), "our Route value is gone");
        scene.answer(&options, 200);
        assert_eq!(scene.statuses_of_bob(), [200], "{transport}: {}", scene.world.record());
        assert_eq!(scene.told.all().len(), before, "no on_target");
        scene.end();
    }
}

#[test]
fn an_initial_request_to_a_flow_that_is_gone_gets_430() {
    for transport in [Transport::Tcp, Transport::Ws, Transport::Wss] {
        for method in ["INVITE", "OPTIONS"] {
            let mut scene = Scene::new(transport);
            let path = scene.register();
            let before = scene.told.all().len();
            scene.break_flow();
            let wire = scene.of_bob(method, "to-alice", &path);
            scene.send_of_bob(wire);
            assert_eq!(scene.statuses_of_bob().last(), Some(&430), "{transport}: {}", scene.world.record());
            assert_eq!(scene.told.all()[before..], ["error 430 flow_failed"]);
            scene.nothing_for_alice();
            scene.end();
        }
    }
}

#[test]
fn a_new_connection_of_the_client_is_another_flow() {
    let mut scene = Scene::new(Transport::Tcp);
    let old = scene.register();
    scene.break_flow();
    let new = scene.register();
    assert_ne!(old, new);
    for (path, status) in [(old, 430), (new, 200)] {
        let wire = scene.of_bob("OPTIONS", &format!("to-alice-{status}"), &path);
        scene.send_of_bob(wire);
        if status == 200 {
            let options = scene.next_of_alice();
            scene.answer(&options, 200);
        }
        assert_eq!(scene.statuses_of_bob(), [status], "{}", scene.world.record());
    }
    scene.end();
}

#[test]
fn a_token_that_is_none_of_ours_is_430_and_reaches_nobody() {
    for transport in KINDS {
        let mut scene = Scene::new(transport);
        let mut path = scene.register();
        let own = path.pop().expect("a Path");
        let (start, end) = own.split_once("sip:").expect("a URI");
        let (token, rest) = end.split_once('@').expect("a token");
        let forged: String = token.chars().rev().collect();
        path.push(format!("{start}sip:{forged}@{rest}"));
        let wire = scene.of_bob("OPTIONS", "forged", &path);
        scene.send_of_bob(wire);
        assert_eq!(scene.statuses_of_bob(), [430], "{transport}: {}", scene.world.record());
        scene.nothing_for_alice();
        scene.end();
    }
}

/// Alice calls Bob, who accepts. Hands out the Record-Route values that Bob has got.
fn established(scene: &mut Scene) -> Vec<String> {
    let wire = scene.of_alice("INVITE", "call");
    scene.send(wire);
    let invite = scene.next_of_bob();
    scene.world.send(scene.bob, acceptance(&invite, "b"), address(RELAY));
    scene.wait();
    assert!(scene.world.peer(scene.alice).news().iter().any(|it| it.status() == Some(200)));
    values(&invite, HeaderName::RecordRoute)
}

/// Bob's BYE in that call.
fn bye(scene: &Scene, routes: &[String]) -> String {
    scene
        .of_bob("BYE", "bye", routes)
        .replace("From: <sip:alice@a.example>;tag=a1", "From: <sip:bob@b.example>;tag=b")
        .replace("To: <sip:bob@b.example>", "To: <sip:alice@a.example>;tag=a1")
        .replace("Call-ID: bye", "Call-ID: call")
}

#[test]
fn the_bye_of_the_callee_comes_over_the_flow_of_the_caller() {
    for transport in KINDS {
        let mut scene = Scene::new(transport);
        let routes = established(&mut scene);
        let wire = bye(&scene, &routes);
        scene.send_of_bob(wire);
        let bye = scene.next_of_alice();
        assert_eq!(bye.method(), Some(&Method::Bye), "{transport}");
        scene.answer(&bye, 200);
        assert_eq!(scene.statuses_of_bob(), [200], "{transport}: {}", scene.world.record());
        scene.end();
    }
}

#[test]
fn the_bye_to_a_tcp_flow_that_is_gone_goes_where_the_request_uri_says() {
    let mut scene = Scene::new(Transport::Tcp);
    let routes = established(&mut scene);
    scene.break_flow();
    let wire = bye(&scene, &routes);
    scene.send_of_bob(wire);
    let bye = scene.next_of_alice();
    assert_eq!(bye.method(), Some(&Method::Bye), "she listens at the address of her Contact");
    let back = scene.world.record().entries().iter().rfind(|entry| entry.to == address(ALICE));
    let back = back.expect("the BYE").from;
    scene.world.send(scene.alice, answer(&bye, 200, "a"), back);
    scene.wait();
    assert_eq!(scene.statuses_of_bob(), [200], "{}", scene.world.record());
    scene.end();
}

#[test]
fn the_bye_to_a_websocket_that_is_gone_fails_without_a_connection_being_opened() {
    for transport in [Transport::Ws, Transport::Wss] {
        let mut scene = Scene::new(transport);
        let routes = established(&mut scene);
        scene.break_flow();
        let wire = bye(&scene, &routes);
        scene.send_of_bob(wire);
        assert_eq!(scene.statuses_of_bob(), [478], "{transport}: {}", scene.world.record());
        scene.nothing_for_alice();
        assert_eq!(scene.world.element(scene.relay).gauges().connections, 0);
        scene.end();
    }
}

#[test]
fn a_flow_that_breaks_before_an_answer_is_an_error_and_no_other_connection_is_tried() {
    for transport in [Transport::Tcp, Transport::Ws, Transport::Wss] {
        for method in ["INVITE", "OPTIONS"] {
            let mut scene = Scene::new(transport);
            let path = scene.register();
            let before = scene.told.all().len();
            let wire = scene.of_bob(method, "to-alice", &path);
            scene.send_of_bob(wire);
            scene.next_of_alice();
            scene.break_flow();
            assert_eq!(scene.statuses_of_bob().last(), Some(&500), "{transport}: {}", scene.world.record());
            assert_eq!(scene.told.all()[before..], ["error 500 connection_error"]);
            scene.nothing_for_alice();
            scene.end();
        }
    }
}

#[test]
fn a_flow_that_breaks_while_its_client_rings_leaves_the_call_to_timer_c() {
    for transport in [Transport::Tcp, Transport::Wss] {
        let mut scene = Scene::new(transport);
        let path = scene.register();
        let wire = scene.of_bob("INVITE", "to-alice", &path);
        scene.send_of_bob(wire);
        let invite = scene.next_of_alice();
        scene.answer(&invite, 180);
        assert_eq!(scene.statuses_of_bob(), [100, 180]);
        scene.break_flow();
        scene.world.advance(seconds(100));
        assert!(scene.statuses_of_bob().is_empty());
        scene.world.advance(seconds(20));
        assert_eq!(scene.statuses_of_bob()[..1], [408], "{transport}: {}", scene.world.record());
        scene.nothing_for_alice();
        scene.end();
    }
}

#[test]
fn a_cancel_of_a_call_over_a_flow_that_is_gone_ends_it_after_64_t1() {
    let mut scene = Scene::new(Transport::Wss);
    let path = scene.register();
    let wire = scene.of_bob("INVITE", "to-alice", &path);
    scene.send_of_bob(wire);
    let invite = scene.next_of_alice();
    scene.answer(&invite, 180);
    scene.break_flow();
    let cancel = scene.of_bob("CANCEL", "to-alice", &path);
    scene.send_of_bob(cancel);
    assert_eq!(scene.statuses_of_bob(), [100, 180, 200]);
    scene.world.advance(seconds(32));
    assert_eq!(scene.statuses_of_bob()[..1], [487], "{}", scene.world.record());
    scene.nothing_for_alice();
    scene.end();
}

#[test]
fn a_client_that_has_closed_its_side_has_no_flow_any_more() {
    let mut scene = Scene::new(Transport::Tcp);
    let path = scene.register();
    let to = scene.entrance();
    scene.world.with_peer(scene.alice, |_, api| api.finish(to));
    scene.wait();
    let wire = scene.of_bob("OPTIONS", "to-alice", &path);
    scene.send_of_bob(wire);
    assert_eq!(scene.statuses_of_bob(), [430], "{}", scene.world.record());
    scene.nothing_for_alice();
    scene.end();
}

#[test]
fn a_flow_is_no_target_its_silence_and_its_refusal_make_no_blacklist_entry() {
    for how in [Reachability::Silent, Reachability::Refused] {
        let mut scene = Scene::new(Transport::Udp);
        let path = scene.register();
        let before = scene.told.all().len();
        scene.world.network().cut_off(address(ALICE), how);
        let wire = scene.of_bob("OPTIONS", "to-alice", &path);
        scene.send_of_bob(wire);
        scene.world.advance(seconds(33));
        let error = match how {
            Reachability::Silent => "error 408 client_timeout",
            Reachability::Refused => "error 500 connection_error",
        };
        assert_eq!(scene.told.all()[before..], [error]);
        let listed =
            scene.world.step_element(scene.relay, |element, now| element.blacklist(BlacklistId(1)).keys(now));
        assert!(listed.is_empty(), "{listed:?}");
        scene.end();
    }
}

#[test]
fn a_udp_flow_outlives_all_connections_and_needs_no_contact() {
    // Behind a NAT: the Contact leads nowhere, the flow does.
    let mut scene = Scene::new(Transport::Udp);
    let wire = scene.of_alice("INVITE", "call").replace(&format!("alice@{ALICE}"), "alice@192.168.1.1:5060");
    scene.send(wire);
    let invite = scene.next_of_bob();
    scene.world.send(scene.bob, acceptance(&invite, "b"), address(RELAY));
    scene.world.advance(seconds(3_600));
    scene.world.peer(scene.alice).news();
    scene.world.peer(scene.bob).news();
    let routes = values(&invite, HeaderName::RecordRoute);
    let wire = bye(&scene, &routes).replace(&format!("sip:alice@{ALICE}"), "sip:alice@192.168.1.1:5060");
    scene.send_of_bob(wire);
    let bye = scene.next_of_alice();
    scene.answer(&bye, 200);
    assert_eq!(scene.statuses_of_bob(), [200], "{}", scene.world.record());
    scene.end();
}

#[test]
fn two_clients_behind_one_address_are_two_flows() {
    let mut scene = Scene::new(Transport::Ws);
    let twin = scene.world.add_peer("twin", Transport::Ws, address("10.0.1.1:5070"), Inbox::default());
    let path = scene.register();
    // The twin says the same in all headers and has a connection of its own.
    let to = scene.entrance();
    let register = scene.of_alice("REGISTER", "twin");
    let register = register.replace("\r\nContact: <", "\r\nSupported: path\r\nContact: <");
    let register = register.replace(">\r\nContent-Length", ">;reg-id=1\r\nContent-Length");
    scene.world.send(twin, register, to);
    scene.wait();
    let register = scene.next_of_bob();
    let other = values(&register, HeaderName::Path);
    assert_ne!(other, path);
    scene.world.send(scene.bob, answer(&register, 200, "registrar"), address(RELAY));
    scene.wait();
    assert_eq!(scene.world.peer(twin).news().len(), 1, "the answer goes back over its own connection");
    scene.nothing_for_alice();
    let wire = scene.of_bob("OPTIONS", "to-twin", &other);
    scene.send_of_bob(wire);
    scene.nothing_for_alice();
    let options = scene.world.peer(twin).news().remove(0);
    scene.world.send(twin, answer(&options, 200, "a"), to);
    scene.wait();
    assert_eq!(scene.statuses_of_bob(), [200]);
    scene.end();
}

#[test]
fn a_websocket_caller_that_is_gone_gets_nothing_and_nothing_is_left_of_its_call() {
    for status in [200, 486] {
        let mut scene = Scene::new(Transport::Wss);
        let wire = scene.of_alice("INVITE", "call");
        scene.send(wire);
        let invite = scene.next_of_bob();
        scene.world.peer(scene.alice).news();
        scene.break_flow();
        let wire = if status == 200 { acceptance(&invite, "b") } else { answer(&invite, status, "b") };
        for _ in 0..2 {
            scene.world.send(scene.bob, wire.clone(), address(RELAY));
            scene.wait();
        }
        scene.nothing_for_alice();
        assert_eq!(scene.world.element(scene.relay).gauges().connections, 0);
        scene.end();
    }
}
