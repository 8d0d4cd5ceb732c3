//! Targets that come and go, connections that break, name servers that fail: whatever happens, each call ends in a defined state
//! and nothing is left of it.

mod element_support;

use std::collections::BTreeSet;
use std::sync::Mutex;

use element_support::*;
use oversip::client::VerifyServer;
use oversip::element::CallId;
use oversip::element::Caller;
use oversip::message::{Method, Transport};

const CALLEES: [(&str, Transport); 6] = [
    ("10.0.2.1:5060", Transport::Udp),
    ("10.0.2.2:5060", Transport::Tcp),
    ("10.0.2.3:5061", Transport::Tls),
    ("10.0.2.4:5060", Transport::Udp),
    ("10.0.2.5:5060", Transport::Tcp),
    ("10.0.2.6:5060", Transport::Tcp),
];

/// The domain of the callees: by NAPTR, SRV and A records.
fn publish(world: &mut World) {
    let zone = world.zone();
    zone.set_ttl(seconds(2));
    zone.naptr("b.example", 10, 1, "SIPS+D2T", "_sips._tcp.b.example")
        .naptr("b.example", 20, 1, "SIP+D2T", "_sip._tcp.b.example")
        .naptr("b.example", 30, 1, "SIP+D2U", "_sip._udp.b.example");
    for (number, (at, transport)) in CALLEES.iter().enumerate() {
        let service = match transport {
            Transport::Tls => "_sips._tcp.b.example",
            Transport::Tcp => "_sip._tcp.b.example",
            _ => "_sip._udp.b.example",
        };
        let host = format!("host{number}.b.example");
        zone.srv(service, 1, 10, address(at).port(), &host).address(&host, address(at).ip());
    }
}

/// What a callee does: it accepts, is busy, asks to be left alone, never answers, or is unavailable.
fn callee(number: usize) -> Uas {
    match number {
        0 => Uas::answering(200, millis(1_500)),
        1 => Uas::answering(486, millis(700)),
        2 => Uas::answering(200, seconds(3)),
        3 => Uas::answering(503, millis(50)).with_line("Retry-After: 3"),
        4 => Uas::with_answers(&[(seconds(0), 180)]),
        _ => Uas::answering(503, millis(400)),
    }
}

/// A script that routes a call to the domain, now and then by two Proxies at once, and to the first callee when it fails.
fn script() -> OwnScript {
    let mut strict = profile();
    (strict.timer_b, strict.timer_c) = (seconds(3), seconds(20));
    strict.verify_server = VerifyServer::Library;
    strict.settle();
    let told = Notes::default();
    let rerouted = Mutex::new(BTreeSet::new());
    let blocks = Blocks::new(strict)
        .on_request(|turn| {
            if turn.request().message.to_tag().is_some() {
                return turn.route();
            }
            turn.route_to(by_dns("sip:b.example"));
            let call_id = turn.request().message.call_id().unwrap_or_default();
            if call_id.first().is_some_and(|byte| byte.is_multiple_of(3)) {
                let second = turn.new_proxy();
                turn.route_by(second, Some(udp(CALLEES[0].0)));
            }
        })
        .on_error(move |turn| {
            let late = turn.failure().is_some_and(|failure| failure.status == 408);
            let Some(request) = turn.round().and_then(|round| round.upstream.clone()) else { return };
            let call_id = request.message.call_id().unwrap_or_default().to_vec();
            // Once for each call.
            if late && rerouted.lock().expect("no test has failed at it").insert(call_id) {
                turn.drop_response();
                let backup = turn.new_proxy();
                turn.route_by(backup, Some(tcp(CALLEES[1].0)));
            }
        })
        .on_failure(|_| {})
        .on(CallbackClass::Target, |_| {})
        .on(CallbackClass::Provisional, |_| {});
    OwnScript::of(blocks, &told)
}

/// Something goes wrong, or is mended.
fn disturb(world: &mut World) {
    let (at, _) = CALLEES[world.random().up_to(5) as usize];
    match world.random().up_to(9) {
        0..=2 => world.break_connections(address(at)),
        3 => world.network().cut_off(address(at), Reachability::Refused),
        4 => world.network().cut_off(address(at), Reachability::Silent),
        5 => {
            let name = format!("host{}.b.example", world.random().up_to(5));
            let trouble =
                if world.random().up_to(1) == 0 { Trouble::Silence } else { Trouble::ServerFailure };
            world.zone().trouble(&name, trouble);
        }
        6 => {
            for number in 0..CALLEES.len() {
                world.zone().forget(&format!("host{number}.b.example"));
            }
            for service in ["b.example", "_sips._tcp.b.example", "_sip._tcp.b.example", "_sip._udp.b.example"]
            {
                world.zone().forget(service);
            }
            publish(world);
        }
        _ => world.network().restore(address(at)),
    }
}

fn run(seed: u64, transport: Transport) {
    let mut world = world(seed);
    publish(&mut world);
    let relay = add_relay(&mut world, RELAY, script());
    // One certificate in three is not accepted: it depends on the date, which moves on.
    world.set_judge(|_, _, date| {
        let second = date.duration_since(std::time::SystemTime::UNIX_EPOCH).map_or(0, |it| it.as_secs());
        if second.is_multiple_of(3) {
            Err("not now".into())
        } else {
            Ok(())
        }
    });
    let alice = add_caller_by(&mut world, transport, ALICE, RELAY);
    let callees: Vec<_> = CALLEES
        .iter()
        .enumerate()
        .map(|(number, (at, transport))| add_callee_by(&mut world, *transport, at, callee(number)))
        .collect();
    for number in 0..60_u64 {
        let cancel_after = (world.random().up_to(3) == 0).then(|| millis(world.random().up_to(4_000).into()));
        call(&mut world, alice, CallPlan { cancel_after, hang_up_after: Some(seconds(1)) });
        if number.is_multiple_of(5) {
            own_call(&mut world, relay, number);
        }
        for _ in 0..2 {
            let pause = world.random().up_to(400);
            world.advance(millis(pause.into()));
            disturb(&mut world);
        }
        if transport == Transport::Tcp && number.is_multiple_of(4) {
            world.break_connections(address(RELAY));
        }
    }
    world.run_until_idle();
    for (number, call) in world.peer(alice).calls().iter().enumerate() {
        let ended = match call.state() {
            CallState::Refused(_) | CallState::HungUp | CallState::EndedByPeer => true,
            CallState::TimedOut if call.is_canceled() => true,
            // Its INVITE, or the answer, was lost with the connection, and nothing is repeated by TCP.
            CallState::TimedOut | CallState::Calling | CallState::Proceeding => transport == Transport::Tcp,
            CallState::Up => false,
        };
        let finals: Vec<_> = call.statuses().iter().filter(|status| **status >= 200).collect();
        let accepted = finals.first().is_some_and(|status| **status < 300);
        let alike = finals.iter().all(|status| if accepted { **status < 300 } else { *status == finals[0] });
        assert!(ended && alike, "seed {seed}, call {number}: {:?} {:?}", call.state(), call.statuses());
    }
    for callee in callees {
        for call in world.peer(callee).calls() {
            assert_ne!(call.state(), CalleeState::Accepted, "seed {seed}: a 2xx without end");
        }
    }
    assert_eq!(world.peer(alice).strays(), 0, "seed {seed}");
    assert_all_quiet(&world, relay);
}

/// The element calls somebody itself, and waits for a while.
fn own_call(world: &mut World, relay: ElementId, number: u64) {
    let method = if number.is_multiple_of(2) { Method::Invite } else { Method::Options };
    route_own(world, relay, &profile(), own(method, &format!("own{number}")), |ask| {
        ask.destination = by_dns("sip:b.example");
        ask.caller =
            Some(Caller { call: CallId(number), limit: Some(seconds(number % 7 + 1)), in_block: false });
    });
}

/// How many runs there are: 10, or as many as the variable SEEDS says.
fn seeds() -> u64 {
    std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(10)
}

#[test]
fn every_call_ends_and_nothing_is_left() {
    for seed in 1..=seeds() {
        run(seed, Transport::Udp);
    }
}

#[test]
fn every_call_ends_though_the_connection_of_its_caller_breaks() {
    for seed in 1..=seeds() {
        run(seed, Transport::Tcp);
    }
}
