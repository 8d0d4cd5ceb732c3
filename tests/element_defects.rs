//! What a panic in one step of an element costs: the call that it belongs to, and nothing else.
#![cfg(feature = "defects")]

mod element_support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use element_support::*;
use oversip::client::{Destination, Profile};
use oversip::element::{
    AnchorId, CallId, Caller, ClientId, Outcome, OwnRequestId, PlannedPanic, ReceivedRequest, RequestId,
    Round, RoundEnd, RouteRequest,
};
use oversip::message::Method;

/// What a script has held and heard.
#[derive(Debug, Default)]
struct Ledger {
    /// By the Call-ID of a request that was routed: the request and its Client.
    routed: BTreeMap<String, (RequestId, ClientId)>,
    begun: BTreeSet<u64>,
    released: BTreeSet<u64>,
    /// The Clients of own requests, by the numbers of those who wait.
    asked: BTreeMap<u64, ClientId>,
    /// Who has waited for the end of a route, and how it ended.
    told: BTreeMap<u64, String>,
    /// In which order things were told and released.
    order: Vec<String>,
}

/// A script that sends all requests on, holds something for each route, and sends requests of its own whose end it waits for.
#[derive(Clone)]
struct Holder {
    profile: Arc<Profile>,
    /// New requests go to Carol as well.
    forks: bool,
    ledger: Arc<Mutex<Ledger>>,
}

impl Holder {
    fn new(forks: bool) -> Holder {
        let mut profile = profile();
        profile.use_blacklist = false;
        Holder { profile: Arc::new(profile), forks, ledger: Arc::default() }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("no script has panicked")
    }

    fn client(api: &mut Api<'_>) -> ClientId {
        api.new_client(CallbackClass::ALL.iter().fold(0, |bits, class| bits | class.bit()))
    }

    fn route(&mut self, api: &mut Api<'_>, mut ask: RouteRequest) {
        let client = ask.client;
        let anchor = 1 + self.ledger().begun.len() as u64;
        ask.anchor = AnchorId(anchor);
        self.ledger().begun.insert(anchor);
        api.route(self, ask).expect("it is nested in no other one");
        api.step(|element, _| element.release_client(client));
    }

    fn forward(
        &mut self,
        api: &mut Api<'_>,
        client: ClientId,
        request: &Arc<ReceivedRequest>,
        to: Option<Destination>,
    ) {
        let profile = self.profile.clone();
        if let Some(ask) = api.forwarding(client, &profile, request, to) {
            self.route(api, ask);
        }
    }

    /// A request of its own to Carol.
    fn ask(&mut self, api: &mut Api<'_>, method: Method, number: u64) {
        let client = Holder::client(api);
        self.ask_by(api, client, method, number);
    }

    fn ask_by(&mut self, api: &mut Api<'_>, client: ClientId, method: Method, number: u64) {
        let request = own(method, &format!("own-{number}"));
        let mut ask = api.own_request(client, &self.profile, OwnRequestId(number), request, Some(udp(CAROL)));
        ask.caller = Some(Caller { call: CallId(number), limit: None, in_block: false });
        self.ledger().asked.insert(number, client);
        self.route(api, ask);
    }
}

impl Script for Holder {
    fn on_request(&mut self, api: &mut Api<'_>, request: Arc<ReceivedRequest>) {
        let client = Holder::client(api);
        let to: Option<Destination> = request.message.to_tag().is_none().then(|| udp(BOB));
        let call_id = String::from_utf8_lossy(request.message.call_id().unwrap_or_default()).into_owned();
        if request.message.method() == Some(&Method::Invite) {
            self.ledger().routed.insert(call_id, (request.id, client));
        }
        self.forward(api, client, &request, to);
        if self.forks && request.message.to_tag().is_none() {
            let other = Holder::client(api);
            self.forward(api, other, &request, Some(udp(CAROL)));
        }
    }

    fn round(&mut self, _: &mut Api<'_>, _: Round) -> RoundEnd {
        RoundEnd::default()
    }

    fn call_ended(&mut self, _: &mut Api<'_>, call: CallId, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Response(_, status) => status.to_string(),
            Outcome::Failed(failure) => format!("{} {}", failure.status, failure.code),
            Outcome::Stopped => "stopped".to_owned(),
        };
        self.ledger().order.push(format!("told {}", call.0));
        let before = self.ledger().told.insert(call.0, outcome);
        assert_eq!(before, None, "who waits for {call:?} is told twice");
    }

    fn released(&mut self, anchor: AnchorId) {
        let ledger = &mut *self.ledger();
        assert!(ledger.begun.contains(&anchor.0), "{anchor:?} was never held");
        assert!(ledger.released.insert(anchor.0), "{anchor:?} is released twice");
        ledger.order.push(format!("released {}", anchor.0));
    }

    fn timer(&mut self, api: &mut Api<'_>, key: u64) {
        let method = if key.is_multiple_of(2) { Method::Invite } else { Method::Options };
        self.ask(api, method, key);
    }
}

/// A world of calls.
struct Calls {
    world: World,
    script: Holder,
    relay: ElementId,
    alice: PeerId<Uac>,
    bob: PeerId<Uas>,
}

impl Calls {
    fn new(bob: Uas) -> Calls {
        Calls::forked(bob, false)
    }

    fn forked(bob: Uas, forks: bool) -> Calls {
        let mut world = world(1);
        let script = Holder::new(forks);
        let relay = add_relay(&mut world, RELAY, script.clone());
        let alice = add_caller(&mut world, ALICE, RELAY);
        let bob = add_callee(&mut world, BOB, bob);
        add_callee(&mut world, CAROL, Uas::answering(200, seconds(2)));
        Calls { world, script, relay, alice, bob }
    }

    fn call(&mut self, plan: CallPlan) -> usize {
        call(&mut self.world, self.alice, plan)
    }

    /// A call that the caller ends soon after it was accepted.
    fn short_call(&mut self) -> usize {
        self.call(CallPlan { hang_up_after: Some(seconds(3)), ..CallPlan::default() })
    }

    /// The script sends a request of its own.
    fn ask(&mut self, number: u64) {
        let mut script = self.script.clone();
        self.world.with_script::<Holder, _>(self.relay, |_, api| script.timer(api, number));
    }

    fn state(&mut self, call: usize) -> CallState {
        self.world.peer(self.alice).calls()[call].state()
    }

    fn plan_panic(&mut self, panic: PlannedPanic) {
        self.world.step_element(self.relay, |element, now| element.plan_panic(now, panic));
    }

    /// The request and the Client of a call.
    fn victim(&mut self, call: usize) -> (RequestId, ClientId) {
        let id = String::from_utf8_lossy(self.world.peer(self.alice).calls()[call].call_id()).into_owned();
        let victim = self.script.ledger().routed.get(&id).copied();
        victim.unwrap_or_else(|| panic!("call {call} was not routed:\n{}", self.world.record()))
    }

    /// Lets all calls end. Nothing is left of them: no table, no timer, nothing that was held, nobody who waits.
    #[track_caller]
    fn end(&mut self) {
        self.world.run_until_idle();
        assert_all_quiet(&self.world, self.relay);
        let ledger = self.script.ledger();
        assert_eq!(ledger.begun, ledger.released, "what was held is not released");
        assert!(ledger.asked.keys().eq(ledger.told.keys()), "somebody waits for ever: {ledger:?}");
    }
}

/// Two calls that ring, the first one of which meets the panic.
fn ringing() -> Calls {
    let mut calls = Calls::new(Uas::answering(200, seconds(5)));
    calls.short_call();
    calls.short_call();
    calls.world.advance(seconds(1));
    calls
}

/// The first call was answered 500 and cancelled at the callee, the other one goes its way.
#[track_caller]
fn assert_costs_the_first(mut calls: Calls) {
    calls.end();
    assert_eq!(calls.state(0), CallState::Refused(500), "{}", calls.world.record());
    assert_eq!(calls.state(1), CallState::HungUp, "{}", calls.world.record());
    let canceled = calls.world.peer(calls.bob).calls().iter().map(UasCall::is_canceled).collect::<Vec<_>>();
    assert_eq!(canceled, [true, false], "{}", calls.world.record());
}

#[test]
fn in_a_step_of_a_request_costs_that_one() {
    let mut calls = ringing();
    let (request, _) = calls.victim(0);
    calls.plan_panic(PlannedPanic::Request(request));
    assert_costs_the_first(calls);
}

#[test]
fn while_a_route_is_at_work_costs_its_call() {
    let mut calls = ringing();
    let (_, client) = calls.victim(0);
    calls.plan_panic(PlannedPanic::Client(client));
    assert_costs_the_first(calls);
}

#[test]
fn in_the_next_step_of_a_route_costs_its_call() {
    let mut calls = ringing();
    let (_, client) = calls.victim(0);
    calls.plan_panic(PlannedPanic::NextStep(client));
    calls.end();
    // That step was for the 200 of the callee: nobody takes its call any more.
    assert_eq!(calls.state(0), CallState::Refused(500), "{}", calls.world.record());
    assert_eq!(calls.state(1), CallState::HungUp, "{}", calls.world.record());
    let states = calls.world.peer(calls.bob).calls().iter().map(UasCall::state).collect::<Vec<_>>();
    assert_eq!(
        states,
        [CalleeState::NeverAcknowledged, CalleeState::EndedByPeer],
        "{}",
        calls.world.record()
    );
}

#[test]
fn when_a_timer_fires_costs_the_call_that_it_is_for() {
    let mut calls = Calls::new(Uas::answering(200, seconds(5)));
    calls.world.network().cut_off(address(BOB), Reachability::Silent);
    calls.short_call();
    calls.world.advance(millis(100));
    calls.short_call();
    calls.world.advance(millis(100));
    // The next one is the INVITE that Timer A sends again.
    calls.plan_panic(PlannedPanic::AfterOutputs(0));
    calls.world.advance(millis(350));
    calls.world.network().restore(address(BOB));
    calls.end();
    assert_eq!(calls.state(0), CallState::Refused(500), "{}", calls.world.record());
    assert_eq!(calls.state(1), CallState::HungUp, "{}", calls.world.record());
}

#[test]
fn who_waits_for_the_end_of_a_request_is_told_of_the_defect() {
    let mut calls = Calls::new(Uas::answering(200, seconds(5)));
    calls.ask(0);
    calls.ask(1);
    calls.ask(2);
    calls.world.advance(seconds(1));
    let client = calls.script.ledger().asked[&0];
    calls.plan_panic(PlannedPanic::Client(client));
    calls.end();
    let told: Vec<_> = calls.script.ledger().told.values().cloned().collect();
    assert_eq!(told, ["500 internal_error", "200", "200"], "{}", calls.world.record());
}

/// What is left of a Client with many requests, whose element has maps in this order.
fn given_up(table_key: u64) -> (Vec<String>, String) {
    let mut world = world(1);
    world.set_table_key([table_key, 1, 2, 3]);
    let mut script = Holder::new(false);
    let relay = add_relay(&mut world, RELAY, script.clone());
    add_callee(&mut world, CAROL, Uas::answering(200, seconds(9)));
    let client = world.with_script::<Holder, _>(relay, |_, api| {
        let client = Holder::client(api);
        (0..8).for_each(|number| script.ask_by(api, client, Method::Invite, number));
        client
    });
    world.advance(seconds(1));
    world.step_element(relay, |element, now| element.plan_panic(now, PlannedPanic::Client(client)));
    world.run_until_idle();
    assert_all_quiet(&world, relay);
    let order = script.ledger().order.clone();
    assert_eq!(order.len(), 16, "{order:?}");
    (order, world.record().to_string())
}

#[test]
fn is_cleaned_up_after_in_an_order_that_no_map_decides() {
    let first = given_up(0);
    for key in 1..8 {
        assert_eq!(first, given_up(key), "with the key {key}");
    }
}

/// How each call ended, at the caller and for who has waited.
fn outcomes(forks: bool, outputs: Option<u32>) -> (Vec<String>, String) {
    let mut calls = Calls::forked(Uas::with_answers(&[(millis(300), 180), (seconds(1), 200)]), forks);
    if let Some(outputs) = outputs {
        calls.plan_panic(PlannedPanic::AfterOutputs(outputs));
    }
    for number in 0..4 {
        calls.short_call();
        calls.call(CallPlan { cancel_after: Some(millis(700 * number)), hang_up_after: Some(seconds(3)) });
        calls.ask(2 * number);
        calls.ask(2 * number + 1);
        calls.world.advance(millis(150));
    }
    calls.end();
    let callers = calls.world.peer(calls.alice).calls().iter().map(|call| format!("{:?}", call.state()));
    let mut outcomes: Vec<String> = callers.collect();
    outcomes.extend(calls.script.ledger().told.values().cloned());
    (outcomes, calls.world.record().to_string())
}

/// A panic at each output of a run, one run for each.
fn anywhere(forks: bool) {
    let (undisturbed, _) = outcomes(forks, None);
    let mut hit = 0;
    // The run has not many more, but for the sweep of each second.
    for outputs in 0..200 {
        let (disturbed, record) = outcomes(forks, Some(outputs));
        let lost = undisturbed.iter().zip(&disturbed).filter(|(one, other)| one != other);
        let lost: Vec<_> = lost.collect();
        assert!(lost.len() <= 1, "after {outputs} outputs: {lost:?}\n{record}");
        hit += lost.len();
    }
    assert!(hit > 30, "only {hit} panics have cost a call");
}

#[test]
fn anywhere_costs_one_call_at_most() {
    anywhere(false);
}

#[test]
fn anywhere_among_the_branches_of_calls_costs_one_call_at_most() {
    anywhere(true);
}
