//! Different requests through one Client: each has its own events and its own end.

mod element_support;

use std::any::Any;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use element_support::*;
use oversip::element::{ClientId, OwnRequestId};
use oversip::message::{Headers, Method, RequestSnapshot, Transport};

/// All classes of events.
fn all_blocks() -> u8 {
    CallbackClass::ALL.iter().fold(0, |bits, class| bits | class.bit())
}

/// A request of the script's own.
fn own(method: Method, number: usize) -> RequestSnapshot {
    let mut headers = Headers::new();
    let lines = [
        ("Max-Forwards", "70".to_owned()),
        ("From", format!("<sip:robot@a.example>;tag=r{number}")),
        ("To", "<sip:bob@b.example>".to_owned()),
        ("Call-ID", format!("call-{number}")),
        ("CSeq", format!("1 {}", String::from_utf8_lossy(method.as_bytes()))),
        ("Contact", format!("<sip:robot@{RELAY}>")),
    ];
    for (name, value) in lines {
        headers.push(name.as_bytes(), value.as_bytes());
    }
    let ruri = Bytes::from(format!("sip:bob{number}@b.example"));
    RequestSnapshot { method, ruri, headers, body: Bytes::new() }
}

/// A script that does nothing by itself, and notes the events of its Clients with the user of each request.
fn robot(notes: &Notes) -> Blocks {
    let classes = CallbackClass::ALL.into_iter().filter(|class| *class != CallbackClass::Target);
    classes.fold(Blocks::new(profile()).on_request(|_| ()), |blocks, class| {
        let notes = notes.clone();
        blocks.on(class, move |turn| {
            let own =
                turn.round().and_then(|round| round.own.clone()).expect("a request of the script's own");
            let call_id = String::from_utf8_lossy(&own.call_id.unwrap_or_default()).into_owned();
            let status = match turn.failure() {
                Some(failure) => failure.status,
                None => turn.status(),
            };
            notes.add(format!("{class:?} {status} {call_id}"));
        })
    })
}

fn blocks(script: &mut dyn Script) -> &mut Blocks {
    let script: &mut dyn Any = script;
    script.downcast_mut().expect("a script made of closures")
}

/// Sends the requests one after the other, without waiting.
fn send_all(
    world: &mut World,
    element: ElementId,
    method: Method,
    numbers: std::ops::Range<usize>,
) -> ClientId {
    world.with_script::<Blocks, _>(element, |script, api| {
        let script = blocks(script);
        let client = api.new_client(all_blocks());
        script.run(api, |turn| {
            for number in numbers {
                turn.send(client, own(method.clone(), number), Some(udp(BOB)));
            }
        });
        client
    })
}

const STATUSES: [u16; 10] = [200, 400, 403, 404, 410, 480, 486, 500, 501, 603];

#[test]
fn ten_requests_of_a_uac_have_ten_outcomes_in_the_order_of_their_responses() {
    for method in [Method::Message, Method::Invite] {
        let mut world = world(1);
        let notes = Notes::default();
        let element = add_relay(&mut world, RELAY, robot(&notes));
        let bob = add_inbox(&mut world, BOB);
        let client = send_all(&mut world, element, method.clone(), 0..10);
        world.advance(millis(50));
        let requests = world.peer(bob).news();
        assert_eq!(requests.len(), 10, "{}", world.record());
        // Bob answers in another order.
        let mut expected = Vec::new();
        for step in 0..10 {
            let number = step * 7 % 10;
            world.send(bob, answer(&requests[number], STATUSES[number], "b"), address(RELAY));
            let event = if STATUSES[number] < 300 { "Success" } else { "Failure" };
            expected.push(format!("{event} {} call-{number}", STATUSES[number]));
        }
        world.advance(millis(50));
        assert_eq!(notes.take(), expected);
        world.step_element(element, |element, _| element.release_client(client));
        world.run_until_idle();
        assert!(!story(&world, RELAY, BOB).contains(&"CANCEL".into()), "{}", world.record());
        assert_all_quiet(&world, element);
    }
}

#[test]
fn requests_of_a_uac_that_nobody_answers_all_fail() {
    let mut world = world(1);
    let notes = Notes::default();
    let element = add_relay(&mut world, RELAY, robot(&notes));
    add_inbox(&mut world, BOB);
    let client = send_all(&mut world, element, Method::Message, 0..10);
    world.step_element(element, |element, _| element.release_client(client));
    world.run_until_idle();
    let expected: Vec<_> = (0..10).map(|number| format!("Error 408 call-{number}")).collect();
    assert_eq!(notes.take(), expected);
    assert_all_quiet(&world, element);
}

#[test]
fn many_requests_that_wait_for_one_look_up_leave_in_their_order_and_all_fail_with_their_connection() {
    let mut world = world(1);
    let notes = Notes::default();
    let element = add_relay(&mut world, RELAY, robot(&notes));
    world.zone().set_delay(seconds(2)).address("b.example", address(BOB).ip());
    let bob = world.add_peer("bob", Transport::Tcp, address(BOB), Inbox::default());
    world.with_script::<Blocks, _>(element, |script, api| {
        let script = blocks(script);
        let client = api.new_client(all_blocks());
        script.run(api, |turn| {
            for number in 0..100 {
                turn.send(client, own(Method::Options, number), Some(by_dns("sip:b.example;transport=tcp")));
            }
        });
        api.step(|element, _| element.release_client(client));
    });
    world.advance(seconds(10));
    let sent: Vec<_> = world.peer(bob).news().iter().map(|it| it.call_id().map(<[u8]>::to_vec)).collect();
    let expected: Vec<_> = (0..100).map(|number| Some(format!("call-{number}").into_bytes())).collect();
    assert_eq!(sent, expected, "{}", world.record());
    world.break_connections(address(BOB));
    world.advance(seconds(1));
    let mut failed = notes.take();
    failed.sort_by_key(|note| note.rsplit('-').next().and_then(|number| number.parse::<u32>().ok()));
    let expected: Vec<_> = (0..100).map(|number| format!("Error 500 call-{number}")).collect();
    assert_eq!(failed, expected);
    world.run_until_idle();
    assert_all_quiet(&world, element);
}

#[test]
fn the_same_request_once_more_gives_up_the_first_one() {
    let mut world = world(1);
    let notes = Notes::default();
    let element = add_relay(&mut world, RELAY, robot(&notes));
    let bob = add_callee(&mut world, BOB, Uas::answering(486, seconds(5)));
    add_callee(&mut world, CAROL, Uas::answering(404, seconds(5)));
    let client = world.with_script::<Blocks, _>(element, |script, api| {
        let script = blocks(script);
        let client = api.new_client(all_blocks());
        script.run(api, |turn| {
            turn.send_again(client, OwnRequestId(7), own(Method::Invite, 1), Some(udp(BOB)), Vec::new());
            turn.send(client, own(Method::Invite, 2), Some(udp(BOB)));
        });
        client
    });
    world.advance(seconds(1));
    world.with_script::<Blocks, _>(element, |script, api| {
        let script = blocks(script);
        script.run(api, |turn| {
            turn.send_again(client, OwnRequestId(7), own(Method::Invite, 1), Some(udp(CAROL)), Vec::new());
        });
    });
    world.step_element(element, |element, _| element.release_client(client));
    world.run_until_idle();
    let calls = world.peer(bob).calls();
    assert_eq!([calls[0].is_canceled(), calls[1].is_canceled()], [true, false]);
    let ends: Vec<_> = notes.take().into_iter().filter(|note| !note.starts_with("Provisional")).collect();
    assert_eq!(ends, ["Failure 486 call-2", "Failure 404 call-1"]);
    assert_all_quiet(&world, element);
}

/// An element all of whose requests go through one Proxy. Each call is for another callee: `sip:bob@…` for Bob, and so on.
struct Shared {
    world: World,
    relay: ElementId,
    client: ClientId,
    notes: Notes,
    alice: PeerId<Inbox>,
}

fn callee(request: &oversip::element::ReceivedRequest) -> &'static str {
    let uri = request.message.ruri().map(|uri| uri.text.to_vec()).unwrap_or_default();
    match &uri[..8] {
        b"sip:bob@" => BOB,
        b"sip:caro" => CAROL,
        _ => DAVE,
    }
}

impl Shared {
    fn new(more: impl FnOnce(Blocks) -> Blocks) -> Shared {
        let mut world = world(1);
        let notes = Notes::default();
        let client = Arc::new(Mutex::new(None));
        let known = client.clone();
        let blocks = noting(Blocks::new(profile()), &notes).on_request(move |turn| {
            let client = *known.lock().expect("unharmed");
            let to = callee(turn.request());
            turn.route_by(client.expect("it is made at first"), Some(udp(to)));
        });
        let relay = add_relay(&mut world, RELAY, more(blocks));
        let made = world.step_element(relay, |element, _| element.new_client(all_blocks()));
        *client.lock().expect("unharmed") = Some(made);
        let alice = add_inbox(&mut world, ALICE);
        Shared { world, relay, client: made, notes, alice }
    }

    fn send(&mut self, method: &str, to: &str) {
        let text = request(method, to).replace("sip:bob@b.example", &format!("sip:{to}@b.example"));
        self.world.send(self.alice, text, address(RELAY));
    }

    /// The statuses of what Alice got for her request to somebody since the last call, by the names of the callees.
    fn answers(&mut self) -> Vec<String> {
        let news = self.world.peer(self.alice).news();
        let named = |message: &oversip::message::Message| {
            let method = message.cseq_method().map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned());
            let call = String::from_utf8_lossy(message.call_id().unwrap_or_default()).into_owned();
            format!("{} {} {call}", message.status().unwrap_or_default(), method.unwrap_or_default())
        };
        news.iter().filter(|it| it.status() != Some(100)).map(named).collect()
    }

    fn finish(mut self) {
        let client = self.client;
        self.world.step_element(self.relay, |element, _| element.release_client(client));
        self.world.run_until_idle();
        assert_all_quiet(&self.world, self.relay);
    }
}

#[test]
fn each_request_of_a_proxy_gets_its_own_answer() {
    let mut shared = Shared::new(|blocks| blocks);
    add_callee(&mut shared.world, BOB, Uas::with_answers(&[(seconds(3), 486)]));
    add_callee(&mut shared.world, CAROL, Uas::with_answers(&[(seconds(2), 404)]));
    add_callee(&mut shared.world, DAVE, Uas::with_answers(&[(seconds(1), 603)]));
    for to in ["bob", "carol", "dave"] {
        shared.send("INVITE", to);
    }
    shared.world.advance(millis(3100));
    for to in ["bob", "carol", "dave"] {
        shared.send("ACK", to);
    }
    let mut answers = shared.answers();
    answers.dedup();
    let mut finals = answers.clone();
    finals.sort();
    finals.dedup();
    assert_eq!(finals, ["404 INVITE carol", "486 INVITE bob", "603 INVITE dave"]);
    assert_eq!(shared.notes.take(), ["failure 603 dave", "failure 404 carol", "failure 486 bob"]);
    for callee in [BOB, CAROL, DAVE] {
        let sent = story(&shared.world, RELAY, callee);
        assert!(!sent.contains(&"CANCEL".into()), "{}", shared.world.record());
    }
    shared.finish();
}

#[test]
fn a_cancel_reaches_only_its_own_request() {
    let mut shared = Shared::new(|blocks| blocks);
    add_callee(&mut shared.world, BOB, Uas::with_answers(&[(seconds(0), 180), (seconds(5), 486)]));
    add_callee(&mut shared.world, CAROL, Uas::with_answers(&[(seconds(0), 180), (seconds(5), 486)]));
    for to in ["bob", "carol"] {
        shared.send("INVITE", to);
    }
    shared.world.advance(seconds(1));
    shared.send("CANCEL", "bob");
    shared.world.advance(millis(100));
    shared.send("ACK", "bob");
    assert_eq!(shared.notes.take(), ["provisional 180 bob", "provisional 180 carol", "canceled bob"]);
    assert_eq!(story(&shared.world, RELAY, BOB), ["INVITE", "CANCEL", "ACK"]);
    assert_eq!(story(&shared.world, RELAY, CAROL), ["INVITE"]);
    assert_eq!(shared.answers(), ["180 INVITE bob", "180 INVITE carol", "200 CANCEL bob", "487 INVITE bob"]);
    shared.world.advance(seconds(5));
    shared.send("ACK", "carol");
    assert_eq!(shared.notes.take(), ["failure 486 carol"]);
    shared.finish();
}

#[test]
fn in_a_block_everything_is_about_the_request_of_the_event() {
    // Bob's refusal is dropped and cancels: neither touches Carol's call.
    let mut shared = Shared::new(|blocks| {
        blocks.on_failure(|turn| {
            assert_eq!(callee(turn.request()), turn.target().expect("a target").addr.to_string());
            if turn.target().is_some_and(|target| target.addr == address(BOB)) {
                turn.drop_response();
                turn.abort_routing();
                turn.cancel();
                assert!(turn.reply(480));
            }
        })
    });
    add_callee(&mut shared.world, BOB, Uas::with_answers(&[(seconds(1), 486)]));
    add_callee(&mut shared.world, CAROL, Uas::with_answers(&[(seconds(0), 180), (seconds(2), 404)]));
    for to in ["bob", "carol"] {
        shared.send("INVITE", to);
    }
    shared.world.advance(millis(2050));
    for to in ["bob", "carol"] {
        shared.send("ACK", to);
    }
    let mut answers = shared.answers();
    answers.sort();
    answers.dedup();
    assert_eq!(answers, ["180 INVITE carol", "404 INVITE carol", "480 INVITE bob"]);
    assert_eq!(story(&shared.world, RELAY, CAROL), ["INVITE", "ACK"], "{}", shared.world.record());
    shared.finish();
}

#[test]
fn cancel_outside_of_a_block_ends_all() {
    let mut shared = Shared::new(|blocks| blocks);
    for to in [BOB, CAROL] {
        add_callee(&mut shared.world, to, Uas::with_answers(&[(seconds(0), 180), (seconds(9), 200)]));
    }
    for to in ["bob", "carol"] {
        shared.send("INVITE", to);
    }
    shared.world.advance(seconds(1));
    let client = shared.client;
    shared.world.step_element(shared.relay, |element, now| element.cancel(now, client, None));
    shared.world.advance(millis(100));
    for to in ["bob", "carol"] {
        shared.send("ACK", to);
    }
    for callee in [BOB, CAROL] {
        assert_eq!(story(&shared.world, RELAY, callee), ["INVITE", "CANCEL", "ACK"]);
    }
    let mut failures = shared.notes.of("failure");
    failures.sort();
    assert_eq!(failures, ["failure 487 bob", "failure 487 carol"]);
    shared.finish();
}

#[test]
fn a_slow_block_of_one_request_keeps_the_order_of_events() {
    let mut slow = Shared::new(|blocks| {
        blocks.on(CallbackClass::Provisional, |turn| {
            if turn.target().is_some_and(|target| target.addr == address(BOB)) {
                turn.wait(seconds(3), |_| ());
            }
        })
    });
    add_callee(&mut slow.world, BOB, Uas::with_answers(&[(seconds(0), 180), (seconds(1), 486)]));
    add_callee(&mut slow.world, CAROL, Uas::with_answers(&[(seconds(2), 404)]));
    for to in ["bob", "carol"] {
        slow.send("INVITE", to);
    }
    slow.world.advance(millis(2500));
    assert_eq!(slow.answers(), [""; 0], "what comes for a Client waits while a block of it runs");
    slow.world.advance(seconds(1));
    let mut answers = slow.answers();
    answers.dedup();
    assert_eq!(answers, ["180 INVITE bob", "486 INVITE bob", "404 INVITE carol"]);
    for to in ["bob", "carol"] {
        slow.send("ACK", to);
    }
    slow.finish();
}
