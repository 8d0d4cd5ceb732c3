//! Peers that are run by who steps the world: they get bytes as they were sent, and act when the test says so.

mod element_support;

use bytes::Bytes;
use element_support::*;
use oversip::element::Status;
use oversip::message::{ConnectionId, Transport};

/// An element whose script is run outside, which listens by these transports at one address.
fn element_outside(world: &mut World, transports: &[Transport]) -> ElementId {
    let listening: Vec<_> = transports.iter().map(|transport| (*transport, address(RELAY))).collect();
    let relay = world.add_element_driven_outside("relay", settings(1, &listening), &listening);
    world.step_element(relay, |element, _| element.set_status(Status::Running));
    relay
}

/// What the peers are told up to now, and what the script is.
fn told(world: &mut World) -> (Vec<News>, Vec<ScriptWork>) {
    let (mut news, mut works) = (Vec::new(), Vec::new());
    let now = world.now();
    loop {
        match world.step_until(now) {
            Step::Outside(one) => news.push(one),
            Step::Script(_, work) => works.push(work),
            Step::Happened => {}
            Step::Nothing | Step::Stuck => return (news, works),
        }
    }
}

fn instant_world() -> World {
    let mut world = world(1);
    world.network().set_conditions(Conditions { delay: seconds(0), ..Conditions::default() });
    world
}

#[test]
fn bytes_come_as_they_were_sent_and_the_record_names_who_gets_them() {
    let mut world = instant_world();
    let alice = world.add_peer_driven_outside("alice", Transport::Udp, address(ALICE));
    let bob = world.add_peer_driven_outside("bob", Transport::Udp, address(BOB));
    world.send_from(alice, "no SIP", address(BOB));
    world.send_from(alice, "nobody", address(CAROL));
    let (news, _) = told(&mut world);
    assert!(
        matches!(&news[..], [News::Bytes { peer, wire, .. }] if *peer == bob && wire == "no SIP"),
        "{news:?}"
    );
    let receivers: Vec<_> = world.record().entries().iter().map(|entry| entry.receiver).collect();
    assert_eq!(receivers, [Some(bob), None]);
    assert_eq!(world.name(bob), "bob");
}

#[test]
fn the_clock_rests_at_the_limit_and_timers_come_in_order() {
    let mut world = instant_world();
    world.start_timer(seconds(5), 1);
    world.start_timer(seconds(2), 2);
    assert!(matches!(world.step_until(seconds(1)), Step::Nothing));
    assert_eq!(world.now(), seconds(1));
    let mut keys = Vec::new();
    loop {
        match world.step_until(seconds(9)) {
            Step::Outside(News::Timer(key)) => keys.push((key, world.now())),
            Step::Happened => {}
            _ => break,
        }
    }
    assert_eq!(keys, [(2, seconds(2)), (1, seconds(5))]);
    assert_eq!(world.now(), seconds(9));
}

#[test]
fn a_closed_port_refuses_and_the_record_says_so() {
    let mut world = instant_world();
    let alice = world.add_peer_driven_outside("alice", Transport::Udp, address(ALICE));
    world.add_peer_driven_outside("bob", Transport::Udp, address(BOB));
    world.send_from(alice, "x", "10.0.2.1:9".parse().expect("an address"));
    assert_eq!(world.record().entries()[0].fate, Fate::Refused);
}

#[test]
fn a_connection_comes_up_stalls_and_is_reset() {
    let mut world = instant_world();
    let alice = world.add_peer_driven_outside("alice", Transport::Tcp, address(ALICE));
    let bob = world.add_peer_driven_outside("bob", Transport::Tcp, address(BOB));
    world.connect_from(alice, address(BOB), Vec::new(), None);
    let (news, _) = told(&mut world);
    let [News::ConnectionUp { peer: first, remote }, News::ConnectionUp { peer: second, .. }] = &news[..]
    else {
        panic!("{news:?}")
    };
    assert_eq!((*first, *second), (bob, alice));
    assert!(world.stall(bob, *remote, true));
    world.send_from(alice, "x", address(BOB));
    assert!(told(&mut world).0.is_empty(), "nothing arrives");
    assert!(world.stall(bob, *remote, false) && world.disconnect_from(alice, address(BOB)));
    let (news, _) = told(&mut world);
    let ended = news.iter().filter(|it| matches!(it, News::ConnectionEnded { .. })).count();
    assert_eq!(ended, 2, "both sides hear of it: {news:?}");
    assert!(!world.disconnect_from(alice, address(BOB)));
}

/// The connection that the script is asked about.
fn asked(works: &[ScriptWork]) -> ConnectionId {
    match works {
        [ScriptWork::Upgrade { connection, .. } | ScriptWork::TlsHandshake { connection, .. }] => *connection,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_websocket_is_granted_once_and_its_end_is_told() {
    let mut world = instant_world();
    let relay = element_outside(&mut world, &[Transport::Ws]);
    let browser = world.add_peer_driven_outside("browser", Transport::Ws, address(ALICE));
    world.connect_from(browser, address(RELAY), Vec::new(), Some("GET /".into()));
    let (news, works) = told(&mut world);
    assert!(news.is_empty(), "the script has not said anything: {news:?}");
    let connection = asked(&works);
    assert_eq!(world.link(relay, connection), Some(LinkState::Connected));
    world.answer_upgrade(relay, connection, "101".into(), Some(true));
    world.answer_upgrade(relay, connection, "403".into(), Some(false));
    let (news, _) = told(&mut world);
    assert!(
        matches!(&news[..], [News::UpgradeAnswered { response, .. }, News::ConnectionUp { .. }] if response == "101"),
        "{news:?}"
    );
    assert!(world.disconnect_from(browser, address(RELAY)));
    let (_, works) = told(&mut world);
    assert!(matches!(works[..], [ScriptWork::WebSocketClosed { by_client: true, .. }]), "{works:?}");
}

#[test]
fn a_client_is_judged_by_what_it_shows() {
    for accepted in [true, false] {
        let mut world = instant_world();
        let relay = element_outside(&mut world, &[Transport::Tls]);
        world.judge_clients(relay, Transport::Tls, ClientJudgement::WithCertificates);
        let alice = world.add_peer_driven_outside("alice", Transport::Tls, address(ALICE));
        let shown = vec![Bytes::from_static(b"certificate")];
        world.connect_from(alice, address(RELAY), shown.clone(), None);
        let (_, works) = told(&mut world);
        assert!(
            matches!(&works[..], [ScriptWork::TlsHandshake { certificates, .. }] if *certificates == shown)
        );
        world.judge_connection(relay, asked(&works), accepted);
        let (news, _) = told(&mut world);
        let up = matches!(news[..], [News::ConnectionUp { .. }]);
        assert_eq!(
            (up, matches!(news[..], [News::ConnectionEnded { .. }])),
            (accepted, !accepted),
            "{news:?}"
        );
    }
}

#[test]
fn the_record_says_what_came_of_connections_that_an_element_opens() {
    let mut world = instant_world();
    let script = Blocks::relay_to(profile(), tcp(BOB));
    add_relay(&mut world, RELAY, script);
    let alice = add_inbox(&mut world, ALICE);
    world.send(alice, request("OPTIONS", "first"), address(RELAY));
    world.advance(seconds(0));
    let tried = |world: &World| world.record().connections().iter().map(|it| it.outcome).collect::<Vec<_>>();
    assert_eq!(tried(&world), [ConnectionOutcome::Opening]);
    world.advance(seconds(40));
    assert_eq!(tried(&world), [ConnectionOutcome::TimedOut]);
    assert_eq!(world.record().connections()[0].receiver, None);
}
