//! Requests that come by a second time: a spiral is a new request, a loop is refused (RFC 3261 16.3, 16.6 step 8).

mod element_support;

use std::sync::Arc;

use bytes::Bytes;
use element_support::*;
use oversip::client::Profile;
use oversip::element::{ReceivedRequest, Round};

/// A second element.
const OTHER: &str = "10.0.5.1:5060";

/// Sends requests for `sip:bob@…` on as ones for `sip:carol@b.example`, by another hop, and all others to Carol.
struct Spiral {
    profile: Arc<Profile>,
    hop: &'static str,
}

impl Script for Spiral {
    fn on_request(&mut self, api: &mut Api<'_>, request: Arc<ReceivedRequest>) {
        let client = api.new_client(0);
        let for_bob = request.message.ruri().is_some_and(|uri| uri.text.starts_with(b"sip:bob@"));
        let in_dialog = request.message.to_tag().is_some();
        let destination = if for_bob { udp(self.hop) } else { udp(CAROL) };
        let destination = Some(destination).filter(|_| !in_dialog);
        if let Some(mut ask) = api.forwarding(client, &self.profile.clone(), &request, destination) {
            if for_bob && !in_dialog {
                ask.request.ruri = Bytes::from_static(b"sip:carol@b.example");
            }
            api.route(self, ask).expect("it is nested in no other one");
        }
        api.step(|element, _| element.release_client(client));
    }

    fn round(&mut self, _: &mut Api<'_>, _: Round) -> oversip::element::RoundEnd {
        unreachable!("there are no blocks")
    }
}

fn spiral(hop: &'static str) -> Spiral {
    Spiral { profile: Arc::new(profile()), hop }
}

#[test]
fn a_request_that_comes_back_for_another_uri_is_new() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, spiral(RELAY));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let carol = add_callee(&mut world, CAROL, Uas::answering(200, seconds(1)));
    let call = call(&mut world, alice, CallPlan { hang_up_after: Some(seconds(1)), ..CallPlan::default() });
    world.run_until_idle();
    assert_eq!(
        story(&world, RELAY, RELAY)[..4],
        ["INVITE", "100", "180", "200"],
        "the element answers itself: {}",
        world.record()
    );
    assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "ACK", "BYE"], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[call].statuses().to_vec(), [100, 180, 200], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::HungUp);
    assert_eq!(world.peer(carol).calls()[0].state(), CalleeState::EndedByPeer);
    assert_eq!(world.peer(carol).calls()[0].invite().num_vias(), 3, "one of Alice and two of the element");
    assert_all_quiet(&world, relay);
}

#[test]
fn a_refusal_and_a_cancel_go_all_the_way_round() {
    for cancel in [true, false] {
        let mut world = world(1);
        let relay = add_relay(&mut world, RELAY, spiral(RELAY));
        let alice = add_caller(&mut world, ALICE, RELAY);
        let carol = add_callee(&mut world, CAROL, Uas::answering(486, seconds(3)));
        let plan = CallPlan { cancel_after: cancel.then(|| seconds(1)), ..CallPlan::default() };
        let call = call(&mut world, alice, plan);
        world.run_until_idle();
        let status = if cancel { 487 } else { 486 };
        assert_eq!(world.peer(alice).calls()[call].state(), CallState::Refused(status), "{}", world.record());
        assert_eq!(world.peer(carol).calls()[0].state(), CalleeState::Over(status));
        let expected = if cancel { &["INVITE", "CANCEL", "ACK"][..] } else { &["INVITE", "ACK"] };
        assert_eq!(story(&world, RELAY, CAROL), expected, "{}", world.record());
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn a_spiral_by_another_element_is_no_loop() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, spiral(OTHER));
    let other = add_element(&mut world, "other", 2, OTHER, relay_to(RELAY));
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, CAROL, Uas::answering(486, seconds(1)));
    let call = call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, OTHER), ["INVITE", "100", "180", "486", "ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, CAROL), ["INVITE", "ACK"], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::Refused(486));
    assert_all_quiet(&world, relay);
    assert_all_quiet(&world, other);
}

#[test]
fn a_request_that_comes_back_as_it_left_is_refused() {
    for method in ["INVITE", "MESSAGE"] {
        let mut world = world(1);
        let relay = add_relay(&mut world, RELAY, relay_to(RELAY));
        let alice = add_inbox(&mut world, ALICE);
        world.send(alice, request(method, "1"), address(RELAY));
        world.advance(millis(100));
        if method == "INVITE" {
            world.send(alice, request("ACK", "1"), address(RELAY));
        }
        world.run_until_idle();
        let itself = if method == "INVITE" { &["INVITE", "482", "ACK"][..] } else { &["MESSAGE", "482"] };
        assert_eq!(story(&world, RELAY, RELAY), itself, "{}", world.record());
        assert_eq!(story(&world, RELAY, ALICE).last().map(String::as_str), Some("482"), "{}", world.record());
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn a_loop_over_another_element_is_refused_where_it_closes() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(OTHER));
    let other = add_element(&mut world, "other", 2, OTHER, relay_to(RELAY));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let call = call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, OTHER), ["INVITE", "482", "ACK"], "{}", world.record());
    assert_eq!(story(&world, OTHER, RELAY), ["100", "INVITE", "ACK", "482"], "{}", world.record());
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::Refused(482));
    assert_all_quiet(&world, relay);
    assert_all_quiet(&world, other);
}

#[test]
fn an_ack_that_loops_is_dropped() {
    let mut world = world(1);
    // ACKs of calls that were accepted go to the element itself.
    let relay = add_relay(
        &mut world,
        RELAY,
        Blocks::new(profile()).on_request(|turn| {
            let client = turn.proxy();
            turn.route_by(client, Some(udp(RELAY)));
        }),
    );
    let alice = add_inbox(&mut world, ALICE);
    let ack = request("ACK", "1").replace("To: <sip:bob@b.example>", "To: <sip:bob@b.example>;tag=b");
    world.send(alice, ack, address(RELAY));
    world.run_until_idle();
    assert_eq!(story(&world, RELAY, RELAY), ["ACK"], "{}", world.record());
    assert_eq!(story(&world, RELAY, ALICE), [""; 0], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn a_spiral_ends_at_max_forwards() {
    // Each pass is a new request, as its URI says another number.
    struct Counting(Arc<Profile>);
    impl Script for Counting {
        fn on_request(&mut self, api: &mut Api<'_>, request: Arc<ReceivedRequest>) {
            let client = api.new_client(0);
            let hops = request.message.max_forwards().unwrap_or_default();
            if let Some(mut ask) = api.forwarding(client, &self.0.clone(), &request, Some(udp(RELAY))) {
                ask.request.ruri = format!("sip:bob{hops}@b.example").into();
                api.route(self, ask).expect("it is nested in no other one");
            }
            api.step(|element, _| element.release_client(client));
        }
    }
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, Counting(Arc::new(profile())));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let call = call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(world.peer(alice).calls()[call].state(), CallState::Refused(483), "{}", world.record());
    assert_eq!(story(&world, RELAY, RELAY).iter().filter(|it| *it == "INVITE").count(), 70);
    assert_all_quiet(&world, relay);
}
