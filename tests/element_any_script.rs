//! Scripts that fork, wait, drop, cancel and reply as chance has it: however they do it, each call ends in a defined state at
//! all parties, with one answer, and nothing is left behind.

mod element_support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use element_support::*;
use oversip::client::Destination;
use oversip::element::ClientId;
use oversip::message::Transport;
use oversip::random::Random;

const RUNS: u64 = 300;
const CALLEES: [&str; 3] = [BOB, CAROL, DAVE];
/// All classes of events.
const ALL_BLOCKS: u8 = 0x7f;
const REFUSALS: [u16; 8] = [302, 401, 404, 480, 486, 500, 503, 603];

/// What a script and its blocks share: chance, a Proxy for requests of different calls, and how many routes there may still be.
#[derive(Clone)]
struct Chance {
    random: Arc<Mutex<Random>>,
    shared: Arc<Mutex<Option<ClientId>>>,
    routes: Arc<Mutex<u32>>,
}

impl Chance {
    fn new(seed: u64) -> Chance {
        Chance {
            random: Arc::new(Mutex::new(Random::from_number(seed))),
            shared: Arc::default(),
            routes: Arc::new(Mutex::new(16)),
        }
    }

    fn up_to(&self, most: u32) -> u32 {
        self.random.lock().expect("unharmed").up_to(most)
    }

    fn may_route(&self) -> bool {
        let mut left = self.routes.lock().expect("unharmed");
        *left = left.saturating_sub(1);
        *left > 0
    }

    fn client(&self, turn: &mut Turn<'_, '_>) -> ClientId {
        let shared = *self.shared.lock().expect("unharmed");
        match (self.up_to(2), shared) {
            (0, Some(shared)) => shared,
            (1, _) => turn.new_proxy(),
            _ => turn.proxy(),
        }
    }

    fn one_in(&self, number: u32) -> bool {
        self.up_to(number - 1) == 0
    }

    fn time(&self, most: u64) -> Duration {
        millis(u64::from(self.up_to(u32::try_from(most).expect("a short time"))))
    }

    fn of<T: Copy>(&self, list: &[T]) -> T {
        list[self.up_to(list.len() as u32 - 1) as usize]
    }

    fn destination(&self) -> Destination {
        match self.up_to(7) {
            0 => by_dns("sip:both.example"),
            1 => by_dns("sip:one.example;transport=udp"),
            2 => by_dns("sip:none.example"),
            // Nobody opens a WebSocket to a client.
            3 => to(Transport::Ws, address("10.0.9.9:80")),
            _ => udp(self.of(&CALLEES)),
        }
    }
}

/// What a block does with its event.
fn act(turn: &mut Turn<'_, '_>, chance: &Chance, class: CallbackClass) {
    let may_drop = !matches!(class, CallbackClass::Target | CallbackClass::Canceled);
    if may_drop && chance.one_in(3) {
        turn.drop_response();
    }
    if class != CallbackClass::Success && chance.one_in(3) {
        route(turn, chance);
    }
    if chance.one_in(12) {
        turn.cancel();
    }
    if chance.one_in(15) {
        turn.reply(480);
    }
    if chance.one_in(20) {
        turn.abort_routing();
    }
}

fn route(turn: &mut Turn<'_, '_>, chance: &Chance) {
    if chance.may_route() {
        let client = chance.client(turn);
        turn.route_by(client, Some(chance.destination()));
    }
}

fn script(chance: &Chance) -> Blocks {
    let profile = oversip::client::Profile {
        timer_c: seconds(4 + u64::from(chance.up_to(20))),
        dns_failover_on_503: chance.one_in(2),
        use_blacklist: false,
        ..profile()
    };
    let by_request = chance.clone();
    let blocks = Blocks::new(profile).on_request(move |turn| {
        if turn.request().message.to_tag().is_some() {
            return turn.route();
        }
        // Each call is routed once at least.
        let client = by_request.client(turn);
        turn.route_by(client, Some(by_request.destination()));
        for _ in 0..by_request.up_to(2) {
            route(turn, &by_request);
        }
        let chance = by_request.clone();
        turn.wait(by_request.time(3000), move |turn| {
            if chance.one_in(2) {
                route(turn, &chance);
            }
            if chance.one_in(8) {
                turn.reply(480);
            }
            if chance.one_in(8) {
                turn.cancel();
            }
        });
    });
    CallbackClass::ALL.into_iter().fold(blocks, |blocks, class| {
        if chance.one_in(3) {
            return blocks;
        }
        let chance = chance.clone();
        blocks.on(class, move |turn| {
            if turn.request().message.to_tag().is_some() {
                return;
            }
            if chance.one_in(3) {
                let later = chance.clone();
                return turn.wait(chance.time(900), move |turn| act(turn, &later, class));
            }
            act(turn, &chance, class);
        })
    })
}

fn callee(chance: &Chance) -> Uas {
    let mut answers = Vec::new();
    if !chance.one_in(4) {
        answers.push((chance.time(800), 180));
    }
    let status = if chance.one_in(2) { 200 } else { chance.of(&REFUSALS) };
    answers.push((chance.time(6000), status));
    answers.sort_unstable();
    Uas::with_answers(&answers)
}

/// No branch is begun for a request that was accepted or cancelled.
fn assert_nothing_follows_the_end(world: &World, seed: u64, call_id: &[u8]) {
    let (mut begun, mut answered, mut ended) = (BTreeSet::new(), false, false);
    for entry in world.record().entries().iter().filter(|entry| entry.from == address(RELAY)) {
        if entry.message().is_none_or(|message| message.call_id() != Some(call_id)) {
            continue;
        }
        let (line, transaction) = (entry.first_line(), entry.transaction());
        if entry.to != address(ALICE) {
            let new = line.starts_with("INVITE") && begun.insert(transaction);
            assert!(!(new && ended), "seed {seed}: {entry}\n{}", world.record());
            continue;
        }
        let status: u16 = line[8..11].parse().expect("a response");
        if transaction.ends_with("INVITE") {
            ended |= status / 100 == 2;
            answered |= status >= 200;
        } else if transaction.ends_with("CANCEL") {
            ended |= status == 200 && !answered;
        }
    }
}

fn run(seed: u64, loss: u32) {
    let mut world = world(seed);
    world.network().set_conditions(Conditions::lossy(loss));
    let chance = Chance::new(seed);
    let zone = world.zone().set_delay(chance.time(1500));
    zone.srv("_sip._udp.both.example", 1, 0, 5060, "one.example")
        .srv("_sip._udp.both.example", 2, 0, 5060, "two.example")
        .address("one.example", address(BOB).ip())
        .address("two.example", address(CAROL).ip());
    let relay = add_relay(&mut world, RELAY, script(&chance));
    let alice = add_caller(&mut world, ALICE, RELAY);
    let mut callees = Vec::new();
    for at in CALLEES {
        match chance.up_to(5) {
            0 => drop(add_inbox(&mut world, at)),
            1 => world.network().cut_off(address(at), Reachability::Refused),
            _ => callees.push(add_callee(&mut world, at, callee(&chance))),
        }
    }
    let shared = world.step_element(relay, |element, _| element.new_client(ALL_BLOCKS));
    *chance.shared.lock().expect("unharmed") = Some(shared);
    let calls: Vec<_> = (0..=chance.up_to(2))
        .map(|_| {
            let cancel_after = chance.one_in(2).then(|| chance.time(7000));
            let begun = call(&mut world, alice, CallPlan { cancel_after, hang_up_after: Some(seconds(60)) });
            world.advance(chance.time(900));
            begun
        })
        .collect();
    world.run_until_idle();
    world.step_element(relay, |element, _| element.release_client(shared));

    for number in calls {
        let call = &world.peer(alice).calls()[number];
        let (state, canceled) = (call.state(), call.is_canceled());
        let (statuses, call_id) = (call.statuses().to_vec(), call.call_id().to_vec());
        let mut finals: Vec<_> = statuses.into_iter().filter(|status| *status >= 200).collect();
        finals.dedup();
        if loss > 0 && finals.is_empty() {
            assert_eq!(state, CallState::TimedOut, "seed {seed}\n{}", world.record());
            continue;
        }
        assert_eq!(finals.len(), 1, "seed {seed}: {finals:?}\n{}", world.record());
        let expected = match finals[0] {
            200 => CallState::HungUp,
            status => CallState::Refused(status),
        };
        // A callee that says nothing keeps a cancelled INVITE as long as the caller waits for its end.
        let late = (loss > 0 || canceled) && state == CallState::TimedOut;
        assert!(late || state == expected, "seed {seed}: {state:?}\n{}", world.record());
        assert_nothing_follows_the_end(&world, seed, &call_id);
    }
    for callee in callees {
        let states: Vec<_> = world.peer(callee).calls().iter().map(UasCall::state).collect();
        let ended = |state: &CalleeState| matches!(state, CalleeState::Over(_) | CalleeState::EndedByPeer);
        assert!(states.iter().all(ended), "seed {seed}: {states:?}\n{}", world.record());
    }
    if loss == 0 {
        assert_eq!(world.peer(alice).strays(), 0, "seed {seed}: {}", world.record());
    }
    assert_all_quiet(&world, relay);
}

#[test]
fn each_call_ends_in_a_defined_state_at_all_parties() {
    (0..RUNS).for_each(|seed| run(seed, 0));
}

#[test]
fn on_a_bad_network_as_well() {
    (0..RUNS).for_each(|seed| run(seed, 10));
}
