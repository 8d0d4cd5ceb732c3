//! A caller, a relay and two callees, each an element, on a bad network.

pub mod callee;
pub mod caller;
pub mod watch;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oversip::client::Destination;
use oversip::message::Transport;
use oversip::random::Random;
use oversip::simulation::{to, Blocks, Conditions, ElementId, Turn, World};

use crate::element_support::{
    add_element, address, assert_all_quiet, millis, profile, seconds, world, BOB, CAROL, RELAY,
};
use callee::Callee;
use caller::{Caller, Plan};
use watch::Watch;

pub const CALLER: &str = "10.0.1.1:5060";

/// How a call is routed, by its number.
fn mode(turn: &Turn<'_, '_>) -> u64 {
    let digits =
        turn.request().message.call_id().unwrap_or_default().iter().filter(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0')) % 4
}

/// What calls go over.
#[derive(Debug, Clone, Copy)]
pub enum Over {
    /// UDP, of which so many of a hundred datagrams are lost, arrive twice, and are held up.
    Udp(u32),
    /// TCP, all of whose connections at one host break from time to time.
    TcpThatBreaks,
}

impl Over {
    fn transport(self) -> Transport {
        match self {
            Over::Udp(_) => Transport::Udp,
            Over::TcpThatBreaks => Transport::Tcp,
        }
    }

    fn to(self, to_address: &str) -> Destination {
        to(self.transport(), address(to_address))
    }

    fn contact(self, user: &str, at: &str) -> String {
        format!("sip:{user}@{at};transport={}", self.transport())
    }
}

/// The script of the relay: to one callee, to the other, to one after the other, to both at once.
fn relay(over: Over) -> Blocks {
    Blocks::new(profile())
        .on_request(move |turn| {
            let message = &turn.request().message;
            if message.to_tag().is_some() {
                return turn.route();
            }
            match mode(turn) {
                0 | 2 => turn.route_to(over.to(BOB)),
                1 => turn.route_to(over.to(CAROL)),
                _ => {
                    turn.route_to(over.to(BOB));
                    let other = turn.new_proxy();
                    turn.route_by(other, Some(over.to(CAROL)));
                }
            }
        })
        .on_failure(move |turn| {
            let in_dialog = turn.request().message.to_tag().is_some();
            let first = turn.target().is_some_and(|target| target.addr == address(BOB));
            if !in_dialog && mode(turn) == 2 && first && turn.status() == 486 {
                turn.drop_response();
                turn.route_to(over.to(CAROL));
            }
        })
}

/// Runs so many calls and checks that each ends well, at all parties. Says what became of them, and the digest of the run.
pub fn run(seed: u64, calls: usize, over: Over) -> (BTreeMap<String, usize>, String) {
    let mut world = world(seed);
    let per_cent = if let Over::Udp(per_cent) = over { per_cent } else { 0 };
    world.network().set_conditions(Conditions::lossy(per_cent));
    let (lossless, datagrams) = (matches!(over, Over::Udp(0)), matches!(over, Over::Udp(_)));
    let watch = Arc::new(Mutex::new(Watch::around(address(RELAY).ip(), lossless, datagrams)));
    let seen = watch.clone();
    world.record_mut().keep_digest_only();
    world.record_mut().watch(move |entry| seen.lock().expect("one thread").see(entry));
    let caller = Caller::new(profile(), over.to(RELAY), &over.contact("alice", CALLER));
    let caller = add_element(&mut world, "caller", 1, CALLER, caller);
    let relay = add_element(&mut world, "relay", 2, RELAY, relay(over));
    let callees = [(BOB, 3), (CAROL, 4)].map(|(at, number)| {
        let callee = Callee::new(profile(), &over.contact("bob", at), seed ^ u64::from(number));
        add_element(&mut world, &format!("callee {number}"), number, at, callee)
    });
    let mut random = Random::from_number(seed ^ 0x5eed);
    for _ in 0..calls {
        let cancel_after = (random.up_to(3) == 0).then(|| millis(random.up_to(10_000).into()));
        let plan = Plan { cancel_after, hang_up_after: seconds(random.up_to(20).into()) };
        world.with_script(caller, |caller: &mut Caller, api| caller.call(api, plan));
        world.advance(Duration::from_millis(random.up_to(100).into()));
        if matches!(over, Over::TcpThatBreaks) && random.up_to(19) == 0 {
            let hosts = [CALLER, BOB, CAROL];
            world.break_connections_of(address(hosts[random.up_to(2) as usize]).ip());
        }
    }
    world.run_until_idle();
    let watch = watch.lock().expect("one thread");
    assert!(watch.wrongs.is_empty(), "seed {seed}, {over:?}: {:#?}", watch.wrongs);
    [caller, relay, callees[0], callees[1]].iter().for_each(|element| assert_all_quiet(&world, *element));
    let outcomes = check(&mut world, caller, callees);
    agree(&mut world, caller, callees);
    let told_again = world.with_script(caller, |caller: &mut Caller, _| caller.told_again);
    assert!(
        told_again == 0 || matches!(over, Over::TcpThatBreaks),
        "a 2xx was told {told_again} times again"
    );
    (outcomes, world.record().digest())
}

fn check(world: &mut World, caller: ElementId, callees: [ElementId; 2]) -> BTreeMap<String, usize> {
    let mut outcomes = BTreeMap::new();
    let failed_byes = world.with_script(caller, |caller: &mut Caller, _| {
        for (number, call) in caller.calls.iter().enumerate() {
            assert!(call.state.is_end(), "call {number} ends as {call:?}");
            assert!(call.outcomes <= 1, "call {number} has several outcomes: {call:?}");
            *outcomes.entry(format!("caller {:?}", call.state)).or_default() += 1;
        }
        assert!(caller.strays.is_empty(), "{:?}", caller.strays);
        caller.failed_byes
    });
    let mut never_hung_up = 0;
    for callee in callees {
        world.with_script(callee, |callee: &mut Callee, _| {
            for (number, call) in callee.calls.iter().enumerate() {
                use callee::State::{Accepted, HangingUp, Ringing, Up};
                assert!(
                    !matches!(call.state, Ringing | Accepted | HangingUp),
                    "call {number} ends as {call:?}"
                );
                never_hung_up += usize::from(call.state == Up);
                *outcomes.entry(format!("callee {:?}", call.state)).or_default() += 1;
            }
            assert!(callee.strays.is_empty(), "{:?}", callee.strays);
        });
    }
    assert!(
        never_hung_up <= failed_byes,
        "{never_hung_up} calls are up, {failed_byes} BYEs failed: {outcomes:?}"
    );
    outcomes
}

/// Whoever is in a call for the caller has accepted it, and knows that it is over when its BYE was answered.
fn agree(world: &mut World, caller: ElementId, callees: [ElementId; 2]) {
    let mut accepted = BTreeMap::new();
    for callee in callees {
        world.with_script(callee, |callee: &mut Callee, _| {
            for (tag, invite, state) in callee.accepted() {
                accepted.insert(tag.to_vec(), (Caller::number(invite), state));
            }
        });
    }
    world.with_script(caller, |caller: &mut Caller, _| {
        for (number, call) in caller.calls.iter().enumerate() {
            for tag in call.dialogs.keys() {
                let (of, state) = accepted.get(&tag[..]).unwrap_or_else(|| {
                    panic!("call {number} is with a callee that has not accepted it: {call:?}")
                });
                assert_eq!(*of, Some(number), "call {number} is with the callee of another call: {call:?}");
                let hung_up = call.state == caller::State::HungUp(200) && call.with.as_ref() == Some(tag);
                let known =
                    matches!(state, callee::State::EndedByCaller | callee::State::NeverAcknowledged(_));
                assert!(!hung_up || known, "call {number} goes on for its callee, {state:?}: {call:?}");
            }
        }
    });
}
