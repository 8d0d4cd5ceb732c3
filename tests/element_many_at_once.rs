//! One input may concern thousands of calls. No step of an element takes long for that: each call has a step of its own, in
//! their order, and what comes meanwhile is not held up.

mod element_support;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use element_support::*;
use oversip::client::session::Role;
use oversip::client::{Destination, Profile};
#[cfg(feature = "defects")]
use oversip::element::PlannedPanic;
use oversip::element::{
    AnchorId, CallId, Caller, ClientId, ConnectionEnd, Element, Input, Origin, Outcome, Output, OwnRequestId,
    ResolutionId, Round, RoundEnd, RouteRequest, SendFailure, Status,
};
use oversip::message::{ConnectionId, Message, Method, Source, Transport};
use oversip::random::Random;
use oversip::resolve::{Resolution, Resolved, Server, Service};

/// As many calls as an input concerns.
const MANY: u64 = 10_000;

/// No step has effects for more calls.
const AT_ONCE: usize = 20;

/// An element without a script, whose steps a test sees one by one.
struct Stepped {
    element: Element,
    now: Instant,
    profile: Arc<Profile>,
    /// The outputs since the last step.
    outputs: Vec<Output>,
}

/// What a step means for calls: a request that leaves, or the end of a call that is told.
#[derive(Debug, PartialEq, Eq)]
enum Effect {
    Sent(String),
    Ended(u64, String),
}

impl Stepped {
    fn new() -> Stepped {
        let now = Instant::now();
        let settings = settings(1, &listening(RELAY));
        let mut element = Element::new(Arc::new(settings), now, Random::from_number(1));
        element.set_status(Status::Running);
        Stepped { element, now, profile: Arc::new(profile()), outputs: Vec::new() }
    }

    fn client(&mut self) -> ClientId {
        self.element.new_client(0)
    }

    /// Somebody sends a request of the element's own and waits for its end.
    fn ask(&mut self, client: ClientId, method: Method, number: u64, to: Destination) -> Option<Round> {
        let ask = RouteRequest {
            client,
            role: Role::Uac,
            profile: self.profile.clone(),
            request: own(method, &number.to_string()),
            antiloop_id: None,
            origin: Origin::Own(OwnRequestId(number)),
            proxy_headers: None,
            destination: to,
            restore: Default::default(),
            sips: false,
            credentials: Vec::new(),
            caller: Some(Caller { call: CallId(number), limit: None, in_block: false }),
            anchor: AnchorId::NOTHING,
            inline: true,
            depth: 0,
        };
        let round = self.element.route(self.now, ask);
        self.drain();
        round.expect("it is nested in no other one")
    }

    /// The same for many requests through one Client.
    fn ask_all(&mut self, client: ClientId, method: Method, to: &Destination) {
        for number in 0..MANY {
            self.ask(client, method.clone(), number, to.clone());
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.element.poll() {
            self.outputs.push(output);
        }
    }

    fn handle(&mut self, input: Input) -> Vec<Effect> {
        self.effects();
        self.element.handle(self.now, input);
        self.effects()
    }

    /// What has come of calls since the last time.
    fn effects(&mut self) -> Vec<Effect> {
        self.drain();
        std::mem::take(&mut self.outputs).into_iter().filter_map(effect).collect()
    }

    /// Lets everything happen that is due, and sees what each step means.
    fn steps(&mut self) -> Vec<Vec<Effect>> {
        let mut steps = Vec::new();
        while self.element.next_timeout().is_some_and(|at| at <= self.now) {
            steps.push(self.handle(Input::Timeout));
        }
        steps
    }

    /// What an input means, which concerns one call after the other and never many at once.
    #[track_caller]
    fn all_effects(&mut self, first: Vec<Effect>) -> Vec<Effect> {
        assert!(first.len() <= AT_ONCE, "{} effects at once", first.len());
        let mut effects = first;
        for step in self.steps() {
            assert!(step.len() <= 1, "{step:?} in one step");
            effects.extend(step);
        }
        effects
    }

    fn connection(&mut self) -> ConnectionId {
        let connect = self.outputs.iter().find_map(|output| match output {
            Output::Connect { connection, .. } => Some(*connection),
            _ => None,
        });
        connect.expect("a connection is asked for")
    }

    fn resolution(&mut self) -> ResolutionId {
        let resolve = self.outputs.iter().find_map(|output| match output {
            Output::Resolve { resolution, .. } => Some(*resolution),
            _ => None,
        });
        resolve.expect("a look-up is asked for")
    }
}

fn effect(output: Output) -> Option<Effect> {
    match output {
        Output::Send { wire, .. } => {
            let text = String::from_utf8_lossy(&wire).into_owned();
            let call = text.split("Call-ID: ").nth(1)?.split("\r\n").next()?.to_owned();
            Some(Effect::Sent(format!("{} {call}", text.split(' ').next()?)))
        }
        Output::CallEnded { call, outcome } => Some(Effect::Ended(
            call.0,
            match outcome {
                Outcome::Response(_, status) => status.to_string(),
                Outcome::Failed(failure) => failure.code.to_string(),
                Outcome::Stopped => "stopped".into(),
            },
        )),
        _ => None,
    }
}

/// The calls from one number on, each with the same effect.
fn each(from: u64, effect: impl Fn(u64) -> Effect) -> Vec<Effect> {
    (from..MANY).map(effect).collect()
}

fn message(wire: &Bytes) -> Message {
    Message::parse(wire.clone()).expect("a message").0
}

/// Where Bob's messages come from.
fn bob() -> Source {
    Source {
        transport: Transport::Udp,
        remote: address(BOB),
        local: address(RELAY),
        connection: None,
        inbound: false,
    }
}

#[test]
fn the_requests_on_a_connection_that_is_lost_fail_one_after_the_other() {
    let mut stepped = Stepped::new();
    let client = stepped.client();
    stepped.ask_all(client, Method::Options, &tcp(BOB));
    let connection = stepped.connection();
    let lost = Input::ConnectionEnded { connection, end: ConnectionEnd::Broken };
    let first = stepped.handle(lost);
    // Another request does not wait for them.
    stepped.ask(client, Method::Options, MANY, udp(CAROL));
    assert_eq!(stepped.effects(), [Effect::Sent(format!("OPTIONS {MANY}"))]);
    let mut effects = stepped.all_effects(first);
    effects.sort_by_key(|effect| match effect {
        Effect::Ended(number, _) => *number,
        Effect::Sent(_) => MANY,
    });
    assert_eq!(effects, each(0, |number| Effect::Ended(number, "connection_error".into())));
    assert_eq!(stepped.element.gauges().client_transactions, 1);
}

#[test]
fn the_requests_that_wait_for_one_look_up_leave_one_after_the_other_in_their_order() {
    let mut stepped = Stepped::new();
    let client = stepped.client();
    stepped.ask_all(client, Method::Options, &by_dns("sip:b.example"));
    let resolution = stepped.resolution();
    let server = Server { priority: 0, weight: 0, port: 5060, addrs: vec![address(BOB).ip()] };
    let service = Service { transport: Transport::Udp, servers: vec![server] };
    let resolved = Resolved { resolution: Arc::new(Resolution::Found(vec![service])), keep: None };
    let first = stepped.handle(Input::Resolved { resolution, resolved });
    assert_eq!(stepped.element.gauges().waiting_for_dns, MANY as usize - first.len());
    // One that nobody wants any more is not sent.
    stepped.element.give_up(stepped.now, client, CallId(5000));
    let effects = stepped.all_effects(first);
    let mut expected = each(0, |number| Effect::Sent(format!("OPTIONS {number}")));
    expected.remove(5000);
    let sent: Vec<_> = effects.into_iter().filter(|effect| matches!(effect, Effect::Sent(_))).collect();
    assert!(sent == expected, "all but one, in their order");
    assert_eq!(stepped.element.gauges().waiting_for_dns, 0);
}

#[test]
fn the_requests_that_wait_for_a_probe_leave_one_after_the_other_in_their_order() {
    let mut stepped = Stepped::new();
    let client = stepped.client();
    stepped.ask(client, Method::Options, MANY, udp(BOB));
    let sent = stepped.outputs.iter().find_map(|output| match output {
        Output::Send { wire, .. } => Some(wire.to_vec()),
        _ => None,
    });
    let failure = SendFailure::Unreachable;
    let quoted = sent.expect("the request has left").into();
    stepped.handle(Input::UdpError { remote: address(BOB), quoted, failure });
    // The first one finds out whether Bob lives.
    stepped.ask_all(client, Method::Options, &udp(BOB));
    assert_eq!(stepped.effects(), [Effect::Sent("OPTIONS 0".into())]);
    assert_eq!(stepped.element.gauges().waiting_for_probe, MANY as usize - 1);
    let first = stepped.handle(Input::Keepalive { source: bob() });
    let effects = stepped.all_effects(first);
    assert!(effects == each(1, |number| Effect::Sent(format!("OPTIONS {number}"))), "all, in their order");
}

#[test]
fn what_a_long_block_has_held_up_goes_on_one_after_the_other_in_its_order() {
    let mut stepped = Stepped::new();
    let client = stepped.client();
    stepped.ask_all(client, Method::Options, &udp(BOB));
    let requests: Vec<Message> = stepped
        .outputs
        .iter()
        .filter_map(|output| match output {
            Output::Send { wire, .. } => Some(message(wire)),
            _ => None,
        })
        .collect();
    stepped.element.set_blocks(client, CallbackClass::Target.bit());
    let round = stepped.ask(client, Method::Options, MANY, udp(BOB)).expect("a block runs");
    for request in &requests {
        let response = message(&answer(request, 200, "b"));
        let answered = stepped.handle(Input::Message { message: response, source: bob(), hold: None });
        assert_eq!(answered, []);
    }
    stepped.element.round_done(stepped.now, client, round.route, RoundEnd::default());
    let first = stepped.effects();
    assert_eq!(first.first(), Some(&Effect::Sent(format!("OPTIONS {MANY}"))));
    let effects = stepped.all_effects(first);
    let ended: Vec<_> = effects.into_iter().filter(|effect| matches!(effect, Effect::Ended(..))).collect();
    assert!(ended == each(0, |number| Effect::Ended(number, "200".into())), "all, in their order");
}

#[test]
fn a_cancel_of_all_is_sent_one_after_the_other_and_nothing_more_is_tried_at_once() {
    let mut stepped = Stepped::new();
    let client = stepped.client();
    stepped.ask_all(client, Method::Invite, &by_dns("sip:b.example"));
    let resolution = stepped.resolution();
    stepped.effects();
    stepped.element.cancel(stepped.now, client, None);
    let first = stepped.effects();
    // What is found out meanwhile is of no use.
    let resolved = Resolved::unknown();
    let resolved = stepped.handle(Input::Resolved { resolution, resolved });
    assert_eq!(resolved, []);
    let effects = stepped.all_effects(first);
    assert!(effects == each(0, |number| Effect::Ended(number, "canceled".into())), "all, in their order");
}

#[cfg(feature = "defects")]
#[test]
fn of_the_requests_on_a_connection_that_is_lost_a_defect_costs_one() {
    let mut stepped = Stepped::new();
    let client = stepped.client();
    stepped.ask(client, Method::Options, MANY, tcp(BOB));
    let connection = stepped.connection();
    let first = stepped.outputs.iter().find_map(|output| match output {
        Output::Send { wire, .. } => Some(message(wire)),
        _ => None,
    });
    let by_connection = Source { transport: Transport::Tcp, connection: Some(connection), ..bob() };
    let response = message(&answer(&first.expect("it has left"), 200, "b"));
    stepped.handle(Input::Message { message: response, source: by_connection, hold: None });
    for number in 0..5 {
        let client = stepped.client();
        stepped.ask(client, Method::Options, number, tcp(BOB));
    }
    stepped.effects();
    // The first one asks for another connection, and meets the defect.
    stepped.element.plan_panic(stepped.now, PlannedPanic::AfterOutputs(0));
    let effects = stepped.handle(Input::ConnectionEnded { connection, end: ConnectionEnd::Closed });
    let sent = effects.iter().filter(|effect| matches!(effect, Effect::Sent(_))).count();
    let ended: Vec<_> = effects.iter().filter(|effect| matches!(effect, Effect::Ended(..))).collect();
    assert_eq!(sent, 4, "{effects:?}");
    assert!(matches!(ended[..], [Effect::Ended(_, outcome)] if outcome == "internal_error"), "{ended:?}");
}

#[cfg(feature = "defects")]
#[test]
fn the_requests_that_a_defect_costs_end_one_after_the_other_in_their_order() {
    let mut stepped = Stepped::new();
    let client = stepped.client();
    stepped.ask_all(client, Method::Options, &udp(BOB));
    stepped.effects();
    stepped.element.plan_panic(stepped.now, PlannedPanic::Client(client));
    let first = stepped.effects();
    let effects = stepped.all_effects(first);
    assert!(effects == each(0, |number| Effect::Ended(number, "internal_error".into())), "all, in order");
    stepped.now += seconds(32);
    assert!(stepped.steps().into_iter().flatten().all(|effect| matches!(effect, Effect::Sent(_))));
    stepped.element.release_client(client);
    let gauges = stepped.element.gauges();
    assert_eq!((gauges.clients, gauges.client_transactions, gauges.timers), (0, 0, 0));
}
