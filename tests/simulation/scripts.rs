//! Scripts of elements on the simulated network: driven outside, waiting, and sending requests of their own.

use crate::element_support::*;
use crate::options;

#[test]
fn a_script_that_is_run_outside_steps_world_and_element_itself() {
    use oversip::element::{AnchorId, Origin, ProxyHeaders, RouteRequest};
    let mut world = world(1);
    let at = listening(RELAY);
    let relay = world.add_element_driven_outside("relay", settings(1, &at), &at);
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_callee(&mut world, BOB, Uas::answering(486, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    let profile = std::sync::Arc::new(profile());
    let (mut rounds, mut released) = (Vec::new(), Vec::new());
    loop {
        match world.step(None) {
            Step::Script(element, ScriptWork::Request(request)) => {
                assert_eq!(element, relay);
                let first = world.with_api(relay, |api| {
                    let blocks = CallbackClass::Target.bit() | CallbackClass::Failure.bit();
                    let client = api.new_client(blocks);
                    let ask =
                        api.forwarding(client, &profile, &request, Some(udp(BOB))).expect("hops are left");
                    let ask = RouteRequest { anchor: AnchorId(7), ..ask };
                    assert!(matches!(ask.origin, Origin::Network(_)));
                    assert!(matches!(&ask.proxy_headers, Some(ProxyHeaders { initial: true, .. })));
                    let first = api
                        .step(|element, now| element.route(now, ask))
                        .expect("it is nested in no other one");
                    api.step(|element, _| element.release_client(client));
                    first
                });
                // The round of on_target is the caller's own.
                let round = first.expect("a round");
                rounds.push(round.callback.class());
                let next = world.step_element(relay, |element, now| {
                    element.round_done(now, round.client, round.route, Default::default())
                });
                assert!(next.is_none());
                world.with_api(relay, |api| api.end_request(&request));
            }
            Step::Script(_, ScriptWork::Round(round)) => {
                rounds.push(round.callback.class());
                world.step_element(relay, |element, now| {
                    element.round_done(now, round.client, round.route, Default::default())
                });
            }
            Step::Script(_, ScriptWork::Released(anchor)) => released.push(anchor),
            Step::Script(_, other) => panic!("{other:?}"),
            Step::Happened if world.is_idle() => break,
            Step::Happened => {}
            Step::Outside(_) | Step::Nothing | Step::Stuck => break,
        }
    }
    assert_eq!(rounds, [CallbackClass::Target, CallbackClass::Failure]);
    assert_eq!(released, [AnchorId(7)]);
    assert_eq!(world.peer(bob).calls().len(), 1);
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(486), "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn a_block_that_waits_goes_on_later_and_its_event_lasts_as_long() {
    let mut world = world(1);
    let script = Blocks::new(profile())
        .on_request(|turn| turn.wait(seconds(2), |turn| turn.relay_to(udp(BOB))))
        .on(CallbackClass::Target, |turn| turn.wait(seconds(3), |_| {}))
        .on_failure(|turn| {
            turn.drop_response();
            turn.wait(seconds(1), |turn| assert!(turn.reply(404)));
        });
    let relay = add_relay(&mut world, RELAY, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(486, seconds(0)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    let at = |from: &str, begins: &str| {
        let sent = |it: &&Entry| it.from == address(from) && it.first_line().starts_with(begins);
        world.record().entries().iter().find(sent).map(|entry| entry.at.as_millis())
    };
    assert_eq!(at(RELAY, "INVITE"), Some(5010), "{}", world.record());
    assert_eq!(at(RELAY, "SIP/2.0 404"), Some(6030), "{}", world.record());
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(404));
    assert_all_quiet(&world, relay);
}

#[test]
fn a_script_sends_requests_of_its_own() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, Blocks::new(profile()));
    let bob = add_callee(&mut world, BOB, Uas::answering(486, seconds(0)));
    let options = oversip::message::Message::parse(options(1).into()).expect("a request").0;
    let options = oversip::message::RequestSnapshot::from_message(&options).expect("a request");
    world.with_script(relay, |blocks: &mut Blocks, api| {
        blocks.run(api, |turn| {
            let client = turn.new_proxy();
            turn.send(client, options, Some(udp(BOB)));
        });
    });
    world.run_until_idle();
    assert_eq!(world.peer(bob).others().len(), 1);
    assert_eq!(story(&world, BOB, RELAY), ["200"], "{}", world.record());
    assert_all_quiet(&world, relay);
}
