//! The simulated network itself: what it loses, repeats, holds up and refuses, how names are resolved, and that a seed decides
//! everything.

mod certificates;
mod connections;
#[path = "../element_support/mod.rs"]
mod element_support;
mod names;
mod scripts;

use element_support::*;
use oversip::client::RouteError;
use oversip::message::Transport;

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

#[test]
fn an_element_on_loopback_sends_from_the_address_of_its_host() {
    use oversip::element::AddressFamilies;
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut world = world(1);
        let at = listening("127.0.0.1:5060");
        let mut settings = settings(1, &at);
        settings.sending = AddressFamilies { ipv4: true, ipv6: false };
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
