//! The simulated network itself: what it loses, repeats, holds up and refuses, how names are resolved, and that a seed decides
//! everything.

mod element_support;

use std::time::SystemTime;

use bytes::Bytes;
use element_support::*;
use oversip::client::{RouteError, VerifyServer};
use oversip::element::ServerName;
use oversip::message::Transport;
use oversip::resolve::IpFamily;

/// A request with a number of its own.
fn options(number: usize) -> String {
    request("OPTIONS", &format!("n{number}"))
}

/// How many of a thousand requests arrive, under these conditions.
fn arrivals(seed: u64, conditions: Conditions) -> Vec<usize> {
    let mut world = world(seed);
    world.network().set_conditions(conditions);
    let alice = add_inbox(&mut world, ALICE);
    let bob = add_inbox(&mut world, BOB);
    for number in 0..1000 {
        world.send(alice, options(number), address(BOB));
        world.advance(millis(1));
    }
    world.run_until_idle();
    let number = |message: &oversip::message::Message| {
        let call_id = String::from_utf8_lossy(message.call_id().unwrap_or_default()).into_owned();
        call_id.trim_start_matches('n').parse().expect("a number")
    };
    world.peer(bob).messages().iter().map(number).collect()
}

#[test]
fn a_good_network_delivers_everything_once_and_in_order() {
    let arrived = arrivals(1, Conditions::default());
    assert_eq!(arrived, (0..1000).collect::<Vec<_>>());
}

#[test]
fn loss_takes_its_share() {
    let arrived = arrivals(1, Conditions { loss: 300, ..Conditions::default() });
    assert!((650..750).contains(&arrived.len()), "{} of 1000 arrived", arrived.len());
    assert!(arrived.is_sorted(), "nothing is held up");
    assert!(arrivals(1, Conditions { loss: 1000, ..Conditions::default() }).is_empty());
}

#[test]
fn repetition_makes_its_share_arrive_twice() {
    let arrived = arrivals(1, Conditions { repetition: 100, ..Conditions::default() });
    assert!((1050..1150).contains(&arrived.len()), "{} arrived", arrived.len());
    let mut different = arrived;
    different.dedup();
    assert_eq!(different.len(), 1000);
}

#[test]
fn reordering_lets_later_datagrams_overtake() {
    let mut arrived = arrivals(1, Conditions { reordering: 100, ..Conditions::default() });
    assert!(!arrived.is_sorted());
    arrived.sort_unstable();
    assert_eq!(arrived, (0..1000).collect::<Vec<_>>(), "none is lost");
}

#[test]
fn conditions_between_two_hosts_are_their_own_and_of_one_direction() {
    let mut world = world(1);
    let gone = Conditions { loss: 1000, ..Conditions::default() };
    world.network().set_conditions_between(address(ALICE).ip(), address(BOB).ip(), gone);
    let alice = add_inbox(&mut world, ALICE);
    let bob = add_inbox(&mut world, BOB);
    let carol = add_inbox(&mut world, CAROL);
    world.send(alice, options(1), address(BOB));
    world.send(alice, options(2), address(CAROL));
    world.send(bob, options(3), address(ALICE));
    world.run_until_idle();
    assert_eq!([bob, carol, alice].map(|peer| world.peer(peer).messages().len()), [0, 1, 1]);
}

/// Many calls on a bad network, some of them cancelled.
fn busy(seed: u64) -> (String, Vec<CallState>) {
    let mut world = world(seed);
    world.network().set_conditions(Conditions::lossy(10));
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(200, seconds(3)));
    for number in 0..50 {
        let cancel_after = (number % 4 == 0).then(|| millis(100 * number));
        call(&mut world, alice, CallPlan { cancel_after, hang_up_after: Some(seconds(5)) });
        world.advance(millis(50));
    }
    world.run_until_idle();
    assert_all_quiet(&world, relay);
    let states = world.peer(alice).calls().iter().map(UacCall::state).collect();
    (world.record().digest(), states)
}

#[test]
fn the_same_seed_leads_to_the_same_run_and_another_one_to_another() {
    assert_eq!(busy(1), busy(1));
    assert_ne!(busy(1).0, busy(2).0);
}

/// Prints the digest of a run for the test below, which starts this program anew.
#[test]
#[ignore = "a part of the_same_seed_leads_to_the_same_run_in_another_process"]
fn print_digest() {
    println!("digest {}", busy(7).0);
}

#[test]
fn the_same_seed_leads_to_the_same_run_in_another_process() {
    let program = std::env::current_exe().expect("the path of this program");
    let output = std::process::Command::new(program)
        .args(["print_digest", "--exact", "--ignored", "--nocapture"])
        .output()
        .expect("this program starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let digest = text.split_whitespace().skip_while(|word| *word != "digest").nth(1);
    assert_eq!(digest, Some(&*busy(7).0), "{text}");
}

#[test]
fn only_the_digest_is_kept_where_that_is_asked_and_it_is_the_same() {
    let run = |digest_only: bool| {
        let mut world = world(3);
        if digest_only {
            world.record_mut().keep_digest_only();
        }
        add_relay(&mut world, RELAY, relay_to(BOB));
        let alice = add_caller(&mut world, ALICE, RELAY);
        add_callee(&mut world, BOB, Uas::answering(486, millis(10)));
        call(&mut world, alice, CallPlan::default());
        world.run_until_idle();
        let record = world.record();
        (record.digest(), record.sent(), record.entries().len())
    };
    let ((digest, sent, kept), (other, other_sent, none)) = (run(false), run(true));
    assert_eq!((digest, sent), (other, other_sent));
    assert_eq!((kept as u64, none), (sent, 0));
}

#[test]
fn the_record_tells_time_way_sender_and_transaction() {
    let mut world = world(1);
    add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller(&mut world, ALICE, RELAY);
    world.advance(seconds(2));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    let first = world.record().to_string().lines().next().map(str::to_owned).expect("an INVITE was sent");
    let head =
        "2.000000 caller udp 10.0.1.1:5060 -> 10.0.0.1:5060 sent: INVITE sip:bob@b.example SIP/2.0 [z9hG4bK";
    assert!(first.starts_with(head), "{first}");
    assert!(first.ends_with(" INVITE]"), "{first}");
}

// Addresses at which nobody is ------------------------------------------------------------------------------------

/// What becomes of a call to an address by a transport, and how long that takes.
fn call_to(world: &mut World, script: Blocks) -> (CallState, std::time::Duration) {
    add_relay(world, RELAY, script);
    let alice = add_caller(world, ALICE, RELAY);
    let call = call(world, alice, CallPlan::default());
    let before = world.now();
    world.run_until(seconds(60), |world| {
        !matches!(world.peer(alice).calls()[call].state(), CallState::Calling | CallState::Proceeding)
    });
    (world.peer(alice).calls()[call].state(), world.now() - before)
}

#[test]
fn a_closed_port_refuses_datagrams_and_connections_at_once() {
    for destination in [udp("10.0.2.1:9"), tcp("10.0.2.1:9"), tls("10.0.2.1:9")] {
        let mut world = world(1);
        add_inbox(&mut world, BOB);
        let (state, took) = call_to(&mut world, Blocks::relay_to(profile(), destination));
        assert_eq!(state, CallState::Refused(RouteError::ConnectionError.status()), "{}", world.record());
        assert!(took < seconds(1), "{took:?}");
    }
}

#[test]
fn a_host_that_is_not_there_stays_silent_until_a_limit() {
    for (destination, limit) in [(udp("10.9.9.9:5060"), seconds(32)), (tcp("10.9.9.9:5060"), seconds(2))] {
        let mut world = world(1);
        let (state, took) = call_to(&mut world, Blocks::relay_to(profile(), destination));
        assert!(matches!(state, CallState::Refused(408 | 500..)), "{state:?}\n{}", world.record());
        assert!(took >= limit && took < limit + seconds(1), "{took:?}");
    }
}

#[test]
fn an_address_that_is_cut_off_is_reached_again_when_it_is_restored() {
    let mut world = world(1);
    let alice = add_inbox(&mut world, ALICE);
    let bob = add_inbox(&mut world, BOB);
    world.network().cut_off(address(BOB), Reachability::Silent);
    world.send(alice, options(1), address(BOB));
    world.run_until_idle();
    world.network().restore(address(BOB));
    world.send(alice, options(2), address(BOB));
    world.run_until_idle();
    assert_eq!(world.peer(bob).messages().len(), 1);
}

// Connections -----------------------------------------------------------------------------------------------------

#[test]
fn a_call_goes_by_tcp_and_the_connection_is_used_again() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, Blocks::relay_to(profile(), tcp(BOB)));
    let alice = add_caller_by(&mut world, Transport::Tcp, ALICE, RELAY);
    let bob = add_callee_by(&mut world, Transport::Tcp, BOB, Uas::answering(200, seconds(1)));
    let plan = CallPlan { hang_up_after: Some(seconds(1)), ..CallPlan::default() };
    call(&mut world, alice, plan.clone());
    world.advance(seconds(5));
    call(&mut world, alice, plan);
    world.run_until_idle();
    let states: Vec<_> = world.peer(alice).calls().iter().map(UacCall::state).collect();
    assert_eq!(states, [CallState::HungUp; 2], "{}", world.record());
    assert_eq!(world.peer(bob).calls().len(), 2);
    assert_eq!(world.connections_at(address(BOB)), 1);
    assert_all_quiet(&world, relay);
}

#[test]
fn connections_that_break_are_opened_anew() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, Blocks::relay_to(profile(), tcp(BOB)));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_callee_by(&mut world, Transport::Tcp, BOB, Uas::answering(486, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    world.break_connections(address(BOB));
    world.advance(seconds(1));
    assert_eq!(world.connections_at(address(BOB)), 0);
    assert_eq!(world.element(relay).gauges().connections, 0);
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(world.peer(bob).calls().len(), 2, "{}", world.record());
    assert_eq!(world.peer(alice).calls()[1].state(), CallState::Refused(486));
}

#[test]
fn what_is_sent_while_a_connection_stalls_arrives_when_it_goes_on() {
    let mut world = world(1);
    add_relay(&mut world, RELAY, Blocks::relay_to(profile(), tcp(BOB)));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let bob = add_callee_by(&mut world, Transport::Tcp, BOB, Uas::answering(486, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    world.network().cut_off(address(BOB), Reachability::Silent);
    call(&mut world, alice, CallPlan::default());
    world.advance(seconds(10));
    assert_eq!(world.peer(bob).calls().len(), 1);
    world.network().restore(address(BOB));
    world.run_until_idle();
    assert_eq!(world.peer(bob).calls().len(), 2);
    assert_eq!(world.peer(alice).calls()[1].state(), CallState::Refused(486), "{}", world.record());
}

#[test]
fn a_client_that_closes_its_side_gets_the_answer_it_waits_for() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, Blocks::relay_to(profile(), udp(BOB)));
    let alice = world.add_peer("alice", Transport::Tcp, address(ALICE), Inbox::default());
    add_callee(&mut world, BOB, Uas::answering(486, seconds(3)));
    let invite = invite("half").replace("UDP", "TCP");
    world.send(alice, invite, address(RELAY));
    world.with_peer(alice, |_, api| api.finish(address(RELAY)));
    world.advance(seconds(2));
    assert_eq!(world.element(relay).gauges().connections, 1);
    world.advance(seconds(3));
    let statuses: Vec<_> = world.peer(alice).messages().iter().filter_map(|it| it.status()).collect();
    assert_eq!(statuses.last(), Some(&486), "{}", world.record());
    assert_eq!(world.element(relay).gauges().connections, 0);
}

#[test]
fn a_websocket_carries_a_message_at_a_time() {
    let mut world = world(1);
    add_relay(&mut world, RELAY, Blocks::relay_to(profile(), udp(BOB)));
    let alice = add_caller_by(&mut world, Transport::Ws, ALICE, "10.0.0.1:80");
    add_callee(&mut world, BOB, Uas::answering(486, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.run_until_idle();
    assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(486), "{}", world.record());
}

// Certificates ----------------------------------------------------------------------------------------------------

const SIP_TLS: &str = "10.0.2.1:5061";

/// The certificates in PEM files of `tests/certificates`, as DER.
fn certificates(pems: &[&[u8]]) -> Vec<Bytes> {
    use rustls::pki_types::{pem::PemObject, CertificateDer};
    let der = |pem: &&[u8]| CertificateDer::from_pem_slice(pem).expect("a certificate").to_vec().into();
    pems.iter().map(der).collect()
}

/// What becomes of a call by TLS to a server that speaks for `example.net` from 2025 to 2026.
fn call_by_tls(host: &str, date: SystemTime) -> CallState {
    let mut world = world(1);
    world.zone().address("example.net", address(SIP_TLS).ip());
    world.zone().address("example.org", address(SIP_TLS).ip());
    let chain = certificates(&[
        include_bytes!("certificates/example.pem"),
        include_bytes!("certificates/between.pem"),
    ]);
    world.show_certificates(address(SIP_TLS), chain);
    world.set_date(date);
    let (authorities, _) =
        oversip::transport::Authorities::new(&certificates(&[include_bytes!("certificates/root.pem")]));
    world.set_judge(move |chain, name, now| {
        use oversip::transport::PeerName;
        let name = match name {
            ServerName::Domain(domain) => PeerName::Domain(domain.clone()),
            ServerName::Ip(ip) => PeerName::Ip(*ip),
        };
        oversip::transport::verify_server(chain, &name, &authorities, now).map_err(|why| why.to_string())
    });
    add_callee_by(&mut world, Transport::Tls, SIP_TLS, Uas::answering(486, millis(10)));
    let mut profile = profile();
    profile.verify_server = VerifyServer::Library;
    let to = by_dns(&format!("sips:{host}"));
    call_to(&mut world, Blocks::relay_to(profile, to)).0
}

fn in_year(year: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + seconds((year - 1970) * 31_557_600)
}

#[test]
fn a_server_is_judged_by_its_certificates_with_the_date_of_the_world() {
    assert_eq!(call_by_tls("example.net", in_year(2026)), CallState::Refused(486));
    let refused = CallState::Refused(RouteError::TlsValidationFailed.status());
    assert_eq!(call_by_tls("example.net", in_year(2030)), refused);
    assert_eq!(call_by_tls("example.org", in_year(2026)), refused);
}

// Names -----------------------------------------------------------------------------------------------------------

/// To which of the two callees a call to `sip:b.example` goes, and after how long.
fn resolved(zone: impl FnOnce(&mut Zone)) -> (Vec<usize>, CallState, std::time::Duration) {
    let mut world = world(1);
    zone(world.zone());
    let callees = [BOB, CAROL].map(|at| add_callee(&mut world, at, Uas::answering(486, millis(1))));
    let mut profile = profile();
    profile.resolve.ip_type_preference = vec![IpFamily::V4];
    let (state, took) = call_to(&mut world, Blocks::relay_to(profile, by_dns("sip:b.example")));
    (callees.map(|callee| world.peer(callee).calls().len()).to_vec(), state, took)
}

#[test]
fn a_name_is_resolved_by_naptr_srv_and_a_records() {
    let (calls, state, _) = resolved(|zone| {
        zone.naptr("b.example", 10, 10, "SIP+D2U", "_sip._udp.b.example")
            .srv("_sip._udp.b.example", 20, 0, 5060, "bob.example")
            .srv("_sip._udp.b.example", 10, 0, 5060, "carol.example")
            .address("bob.example", address(BOB).ip())
            .address("carol.example", address(CAROL).ip());
    });
    assert_eq!((calls, state), (vec![0, 1], CallState::Refused(486)));
}

#[test]
fn an_alias_leads_to_the_address_of_another_name() {
    let (calls, ..) = resolved(|zone| {
        zone.alias("b.example", "host.example").address("host.example", address(BOB).ip());
    });
    assert_eq!(calls, [1, 0]);
}

#[test]
fn a_name_that_does_not_exist_leads_nowhere_at_once() {
    let (calls, state, took) = resolved(|_| {});
    assert_eq!((calls, state), (vec![0, 0], CallState::Refused(404)));
    assert!(took < seconds(1), "{took:?}");
}

#[test]
fn a_name_server_that_fails_is_told_at_once_and_one_that_is_silent_after_its_time() {
    for (trouble, at_least) in [(Trouble::ServerFailure, seconds(0)), (Trouble::Silence, seconds(9))] {
        let (calls, state, took) = resolved(|zone| {
            for name in ["b.example", "_sip._udp.b.example", "_sip._tcp.b.example", "_sips._tcp.b.example"] {
                zone.trouble(name, trouble);
            }
        });
        assert_eq!((calls, state), (vec![0, 0], CallState::Refused(404)));
        assert!(took >= at_least && took < at_least + seconds(2), "{trouble:?}: {took:?}");
    }
}

#[test]
fn what_was_resolved_holds_as_long_as_its_records() {
    let mut world = world(1);
    world.zone().set_ttl(seconds(30)).address("b.example", address(BOB).ip());
    add_relay(&mut world, RELAY, Blocks::relay_to(profile(), by_dns("sip:b.example:5060;transport=udp")));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let callees = [BOB, CAROL].map(|at| add_callee(&mut world, at, Uas::answering(486, millis(1))));
    let calls = |world: &mut World| {
        call(world, alice, CallPlan::default());
        world.advance(seconds(20));
        callees.map(|callee| world.peer(callee).calls().len())
    };
    assert_eq!(calls(&mut world), [1, 0]);
    world.zone().forget("b.example").address("b.example", address(CAROL).ip());
    assert_eq!(calls(&mut world), [2, 0], "20 s later the record still holds");
    assert_eq!(calls(&mut world), [2, 1], "40 s later it does not");
}

// Scripts ---------------------------------------------------------------------------------------------------------

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

// Framing and holding back -----------------------------------------------------------------------------------------

/// A world with a relay to Bob and a client by TCP whose part the test plays.
fn with_tcp_client() -> (World, ElementId, PeerId<Inbox>) {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = world.add_peer("alice", Transport::Tcp, address(ALICE), Inbox::default());
    (world, relay, alice)
}

#[test]
fn messages_on_a_connection_come_whole_however_their_bytes_are_cut() {
    let (mut world, _, alice) = with_tcp_client();
    let bob = add_inbox(&mut world, BOB);
    let bytes = [invite("one"), invite("two")].concat().replace("UDP", "TCP").into_bytes();
    for chunk in bytes.chunks(100) {
        world.send(alice, chunk.to_vec(), address(RELAY));
        world.advance(millis(5));
    }
    world.advance(millis(100));
    let calls: Vec<_> = world.peer(bob).news().iter().map(|it| it.call_id().map(<[u8]>::to_vec)).collect();
    assert_eq!(calls, [Some(b"one".to_vec()), Some(b"two".to_vec())]);
}

#[test]
fn a_message_that_nobody_can_read_on_from_is_refused_and_its_connection_closed() {
    let (mut world, relay, alice) = with_tcp_client();
    let endless = invite("endless").replace("UDP", "TCP").replace("Content-Length: 0\r\n", "");
    world.send(alice, endless, address(RELAY));
    world.run_until_idle();
    let answers: Vec<_> = world.peer(alice).news().iter().filter_map(|it| it.status()).collect();
    assert_eq!(answers, [400], "{}", world.record());
    assert_eq!(world.element(relay).gauges().connections, 0);
}

#[test]
fn the_rest_of_a_message_that_does_not_come_in_time_ends_its_connection() {
    let (mut world, relay, alice) = with_tcp_client();
    world.send(alice, invite("half")[..80].to_owned(), address(RELAY));
    world.advance(seconds(9));
    assert_eq!(world.element(relay).gauges().connections, 1);
    world.advance(seconds(2));
    assert_eq!(world.element(relay).gauges().connections, 0);
}

#[test]
fn keepalives_are_answered_over_all_transports() {
    for (transport, hop) in [(Transport::Udp, RELAY), (Transport::Tcp, RELAY), (Transport::Ws, "10.0.0.1:80")]
    {
        let mut world = world(1);
        add_relay(&mut world, RELAY, relay_to(BOB));
        let alice = world.add_peer("alice", transport, address(ALICE), Inbox::default());
        world.send(alice, "\r\n\r\n", address(hop));
        world.run_until_idle();
        let sent: Vec<_> =
            world.record().entries().iter().map(|it| (it.party.clone(), it.wire.to_vec())).collect();
        let expected = [("alice", &b"\r\n\r\n"[..]), ("relay", b"\r\n")];
        assert_eq!(sent, expected.map(|(party, wire)| (party.to_owned(), wire.to_vec())), "{transport}");
    }
}

#[test]
fn a_connection_that_stalls_for_too_long_breaks() {
    let mut world = world(1);
    let relay = add_relay(&mut world, RELAY, relay_to(BOB));
    let alice = add_caller_by(&mut world, Transport::Tcp, ALICE, RELAY);
    add_callee(&mut world, BOB, Uas::answering(486, seconds(1)));
    call(&mut world, alice, CallPlan::default());
    world.advance(millis(500));
    // The responses to her stay on their way. She has opened the connection from this port.
    world.network().cut_off(address("10.0.1.1:40001"), Reachability::Silent);
    world.advance(seconds(119));
    assert_eq!(world.element(relay).gauges().connections, 1);
    world.advance(seconds(5));
    assert_eq!(world.element(relay).gauges().connections, 0, "{}", world.record());
}

#[test]
fn responses_wait_on_their_connection_while_there_is_no_room_for_them() {
    let mut world = world(1);
    let at = listening(RELAY);
    let mut settings = settings(1, &at);
    // Room for the responses of one call at a time.
    settings.limits.response_bytes = 3000;
    let script = Blocks::relay_to(profile(), tcp(BOB)).on(CallbackClass::Failure, |_| {});
    let relay = world.add_element("relay", settings, &at, script);
    let alice = add_caller(&mut world, ALICE, RELAY);
    add_callee_by(&mut world, Transport::Tcp, BOB, Uas::answering(486, seconds(1)));
    for _ in 0..10 {
        call(&mut world, alice, CallPlan::default());
    }
    world.advance(millis(500));
    world.hold_script(relay);
    world.advance(seconds(5));
    let held = world.element(relay).gauges().responses;
    assert!((1..10).contains(&held), "{held} of ten responses were taken");
    world.release_script(relay);
    world.run_until_idle();
    let states: Vec<_> = world.peer(alice).calls().iter().map(UacCall::state).collect();
    assert_eq!(states, [CallState::Refused(486); 10], "{}", world.record());
    assert_all_quiet(&world, relay);
}

#[test]
fn a_script_judges_the_certificates_of_a_server_where_the_profile_says_so() {
    for (certificates, outcome) in [(vec![Bytes::from_static(b"mine")], 486), (Vec::new(), 500)] {
        let mut world = world(1);
        world.show_certificates(address(SIP_TLS), certificates);
        let script = Blocks::relay_to(profile(), tls(SIP_TLS)).on_tls_handshake(|shown| !shown.is_empty());
        let relay = add_relay(&mut world, RELAY, script);
        let alice = add_caller(&mut world, ALICE, RELAY);
        add_callee_by(&mut world, Transport::Tls, SIP_TLS, Uas::answering(486, millis(10)));
        call(&mut world, alice, CallPlan::default());
        world.run_until_idle();
        assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(outcome), "{}", world.record());
        assert_all_quiet(&world, relay);
    }
}

#[test]
fn an_element_on_loopback_sends_from_the_address_of_its_host() {
    use oversip::element::Families;
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut world = world(1);
        let at = listening("127.0.0.1:5060");
        let mut settings = settings(1, &at);
        settings.sending = Families { ipv4: true, ipv6: false };
        let relay = world.add_element("relay", settings, &at, Blocks::new(profile()));
        world.add_address(relay, address("10.0.0.9:0").ip());
        let bob = add_callee_by(&mut world, transport, BOB, Uas::answering(486, seconds(0)));
        let options = oversip::message::Message::parse(options(1).into()).expect("a request").0;
        let options = oversip::message::RequestSnapshot::from_message(&options).expect("a request");
        world.with_script(relay, |blocks: &mut Blocks, api| {
            blocks.run(api, |turn| {
                let client = turn.new_proxy();
                turn.send(client, options, Some(to(transport, address(BOB))));
            });
        });
        world.run_until_idle();
        assert_eq!(world.peer(bob).others().len(), 1, "{}", world.record());
        let hosts: Vec<_> = world.record().entries().iter().map(|it| it.from.ip().to_string()).collect();
        assert_eq!(hosts, ["10.0.0.9", "10.0.2.1"], "{}", world.record());
        assert_all_quiet(&world, relay);
    }
}
