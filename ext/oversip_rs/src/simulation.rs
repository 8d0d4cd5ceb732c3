//! `OverSIP::Engine.simulate`: a script on a simulated network, in the calling thread. No socket is opened.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use magnus::{function, method, prelude::*, typed_data::Obj, Error, RHash, RModule, Ruby, Value};
use oversip::clock::Clock;
use oversip::element::{Element, Round, Settings};
use oversip::engine::{self, SystemClock};
use oversip::host::{Anchors, Call, Calls, Host, IncomingRequest, Released};
use oversip::message::{Transport, UriRef};
use oversip::random::Random;
use oversip::simulation::{CallPlan, CallState, ElementId, PeerId, ScriptWork, Step, Uac, Uas, World};

use crate::{
    anchors, client, dispatcher,
    dispatcher_thread::Standing,
    engine_module::{config, listen_specs},
    logging, process, runtime, schedule, tags, text,
};

/// The number of the one element of a simulation.
const ELEMENT: u16 = u16::MAX >> 1;

/// The element of a simulation, run for the script in the thread that steps the world.
struct SimulatedHost {
    world: Mutex<World>,
    element: ElementId,
    settings: Settings,
    released: Released,
    anchors: Anchors,
    calls: Calls,
    /// Rounds that were put off.
    rounds: Mutex<VecDeque<Box<Round>>>,
    process: u32,
}

impl Host for SimulatedHost {
    fn step_element(&self, step: &mut dyn FnMut(&mut Element, Instant)) {
        lock(&self.world).step_element(self.element, |element, now| {
            self.released.apply(element);
            step(element, now);
        });
    }

    fn look_at_element(&self, look: &mut dyn FnMut(&Element)) {
        look(lock(&self.world).element(self.element));
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn released(&self) -> &Released {
        &self.released
    }

    fn anchors(&self) -> &Anchors {
        &self.anchors
    }

    fn expect_end(&self, call: &Arc<Call>) {
        self.calls.add(call);
    }

    fn put_off(&self, round: Box<Round>) {
        lock(&self.rounds).push_back(round);
    }

    fn is_here(&self) -> bool {
        process::id() == self.process
    }
}

/// A simulation as its script sees it.
#[magnus::wrap(class = "OverSIP::Engine::Simulation", free_immediately)]
pub struct Simulation {
    host: Arc<SimulatedHost>,
    peers: Mutex<Peers>,
    /// Its block has ended.
    over: AtomicBool,
    /// Its `run` is under way.
    runs: AtomicBool,
}

#[derive(Default)]
struct Peers {
    callers: Vec<PeerId<Uac>>,
    callees: Vec<PeerId<Uas>>,
}

type RubySimulation = Obj<Simulation>;

impl SimulatedHost {
    fn new(ruby: &Ruby, options: RHash, seed: u64) -> Result<Arc<SimulatedHost>, Error> {
        let config = config(ruby, options)?;
        let specs = listen_specs(ruby, options.fetch(ruby.to_symbol("listeners"))?)?;
        let listening: Vec<(Transport, SocketAddr)> =
            specs.iter().map(|spec| (spec.transport, SocketAddr::new(spec.ip, spec.port))).collect();
        for (index, (transport, address)) in listening.iter().enumerate() {
            let taken = listening[..index].contains(&(*transport, *address));
            usable(ruby, *transport, *address, taken)?;
        }
        let made = |seed| engine::settings(&config, &listening, ELEMENT, &mut Random::from_number(seed));
        let unfit = |error: engine::StartError| text::configuration_error(ruby, error.to_string());
        let (own, settings) = (made(seed).map_err(unfit)?, made(seed).map_err(unfit)?);
        let mut world = World::new(SystemClock.now(), seed);
        let element = world.add_element_driven_outside("oversip", own, &listening);
        Ok(Arc::new(SimulatedHost {
            world: Mutex::new(world),
            element,
            settings,
            released: Released::default(),
            anchors: Anchors::default(),
            calls: Calls::default(),
            rounds: Mutex::default(),
            process: process::id(),
        }))
    }

    /// The next step of the world; none when it is idle.
    fn step(&self) -> Option<Step> {
        let mut world = lock(&self.world);
        (!world.is_idle()).then(|| world.step(None))
    }
}

impl Simulation {
    /// The host, as long as the block of the simulation runs.
    fn host(&self, ruby: &Ruby) -> Result<&Arc<SimulatedHost>, Error> {
        if self.over.load(Ordering::Relaxed) {
            let message = "the simulation is over: it can be used in the block of simulate only";
            return Err(text::runtime_error(ruby, message));
        }
        Ok(&self.host)
    }
}

/// `run` under way.
struct Run<'a>(&'a AtomicBool);

impl Run<'_> {
    fn begin<'a>(ruby: &Ruby, simulation: &'a Simulation) -> Result<Run<'a>, Error> {
        if simulation.runs.swap(true, Ordering::Relaxed) {
            let message =
                "the simulation runs: what a block adds happens in the run that has called the block";
            return Err(text::runtime_error(ruby, message));
        }
        Ok(Run(&simulation.runs))
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Lets things happen until nothing more does. The script runs in this thread, without any lock.
fn run(ruby: &Ruby, this: RubySimulation) -> Result<(), Error> {
    let simulated = this.host(ruby)?;
    let host: Arc<dyn Host> = simulated.clone();
    let _run = Run::begin(ruby, &this)?;
    let _standing = Standing::in_for_dispatcher();
    loop {
        // A run may be long, and Ctrl-C or a Timeout has to end it.
        ruby.thread_check_ints()?;
        logging::write_queued(ruby)?;
        let put_off = lock(&simulated.rounds).pop_front();
        if let Some(round) = put_off {
            client::run(ruby, &host, Some(*round))?;
            continue;
        }
        match simulated.step() {
            None | Some(Step::Nothing) => return logging::write_queued(ruby),
            Some(Step::Happened) => {}
            Some(Step::Stuck) => {
                let message =
                    "time does not go on: blocks or messages follow each other at one instant without end";
                return Err(text::runtime_error(ruby, message));
            }
            Some(Step::Script(element, work)) => run_work(ruby, simulated, &host, element, work)?,
        }
    }
}

fn run_work(
    ruby: &Ruby,
    simulated: &Arc<SimulatedHost>,
    host: &Arc<dyn Host>,
    element: ElementId,
    work: ScriptWork,
) -> Result<(), Error> {
    match work {
        ScriptWork::Request(request) => {
            let incoming = IncomingRequest::new(request, Arc::downgrade(host));
            dispatcher::run_request(ruby, host, incoming)?;
        }
        ScriptWork::Round(round) => client::run(ruby, host, Some(*round))?,
        ScriptWork::CallEnded(call, outcome) => simulated.calls.finish(call, outcome),
        ScriptWork::CallRenumbered(call, cseq) => simulated.calls.renumber(call, cseq),
        ScriptWork::Released(anchor) => simulated.anchors.release(anchor),
        ScriptWork::Timer(key) => schedule::run(ruby, key)?,
        // No script is asked yet.
        ScriptWork::TlsHandshake { connection, .. } => {
            lock(&simulated.world).judge_connection(element, connection, true);
        }
    }
    Ok(())
}

fn argument_error(ruby: &Ruby, message: String) -> Error {
    Error::new(ruby.exception_arg_error(), message)
}

fn address(ruby: &Ruby, text: &str) -> Result<SocketAddr, Error> {
    let complaint = || format!("{text:?} is no address with a port, such as 10.0.0.1:5060");
    text.parse().map_err(|_| argument_error(ruby, complaint()))
}

/// Whether a party can have an address.
fn usable(ruby: &Ruby, transport: Transport, address: SocketAddr, taken: bool) -> Result<(), Error> {
    if taken {
        return Err(argument_error(
            ruby,
            format!("{transport}:{address} is taken: give each party of a simulation an address or a port of its own"),
        ));
    }
    if address.ip().is_unspecified() || address.port() == 0 {
        let message =
            format!("{address} is no address of a host: name its IP and its port, such as 10.0.0.1:5060");
        return Err(argument_error(ruby, message));
    }
    Ok(())
}

/// The address of a new peer, which uses UDP.
fn peer_address(ruby: &Ruby, host: &SimulatedHost, text: &str) -> Result<SocketAddr, Error> {
    let address = address(ruby, text)?;
    let taken = lock(&host.world).is_taken(Transport::Udp, address);
    usable(ruby, Transport::Udp, address, taken).map(|()| address)
}

/// `caller(address, hop)`: a caller that sends everything by UDP to `hop`; its number.
fn caller(ruby: &Ruby, this: RubySimulation, at: String, hop: String) -> Result<usize, Error> {
    let host = this.host(ruby)?;
    let (at, hop) = (peer_address(ruby, host, &at)?, address(ruby, &hop)?);
    let peer = lock(&host.world).add_peer("caller", Transport::Udp, at, Uac::new("alice", hop));
    let callers = &mut lock(&this.peers).callers;
    callers.push(peer);
    Ok(callers.len() - 1)
}

/// `callee(address, status, seconds)`: a callee that answers by UDP after a time; its number.
fn callee(ruby: &Ruby, this: RubySimulation, at: String, status: u16, seconds: f64) -> Result<usize, Error> {
    let host = this.host(ruby)?;
    let (at, after) = (peer_address(ruby, host, &at)?, text::seconds_argument(ruby, seconds)?);
    if !(100..=699).contains(&status) {
        return Err(argument_error(ruby, format!("a status is from 100 to 699, not {status}")));
    }
    let peer = lock(&host.world).add_peer("callee", Transport::Udp, at, Uas::answering(status, after));
    let callees = &mut lock(&this.peers).callees;
    callees.push(peer);
    Ok(callees.len() - 1)
}

/// `call(caller, uri, seconds)`: the caller calls, and hangs up after this time; the number of the call.
fn call(ruby: &Ruby, this: RubySimulation, number: usize, uri: String, seconds: f64) -> Result<usize, Error> {
    let host = this.host(ruby)?;
    let caller = one_of(ruby, &lock(&this.peers).callers, number)?;
    let talk = text::seconds_argument(ruby, seconds)?;
    if UriRef::parse(uri.as_bytes()).is_none() {
        return Err(argument_error(ruby, format!("{uri:?} is no URI, such as sip:bob@b.example")));
    }
    let plan = CallPlan { hang_up_after: Some(talk), ..CallPlan::default() };
    Ok(lock(&host.world).with_peer(caller, |uac, api| uac.call(api, &uri, plan)))
}

/// `state(caller, call)`: how far a call has come, as a Symbol.
fn state(ruby: &Ruby, this: RubySimulation, number: usize, call: usize) -> Result<Value, Error> {
    let host = this.host(ruby)?;
    let caller = one_of(ruby, &lock(&this.peers).callers, number)?;
    let mut world = lock(&host.world);
    let state =
        one_of(ruby, &world.peer(caller).calls().iter().map(|call| call.state()).collect::<Vec<_>>(), call)?;
    let name = match state {
        CallState::Calling => "calling",
        CallState::Proceeding => "proceeding",
        CallState::Refused(_) => "refused",
        CallState::Up => "up",
        CallState::HungUp => "hung_up",
        CallState::EndedByPeer => "ended_by_peer",
        CallState::TimedOut => "timed_out",
    };
    Ok(ruby.to_symbol(name).as_value())
}

fn one_of<T: Copy>(ruby: &Ruby, list: &[T], number: usize) -> Result<T, Error> {
    let complaint = || format!("there is no number {number}: there are {}", list.len());
    list.get(number).copied().ok_or_else(|| argument_error(ruby, complaint()))
}

/// `record`: every message that was sent, as text.
fn record(ruby: &Ruby, this: RubySimulation) -> Result<String, Error> {
    Ok(lock(&this.host(ruby)?.world).record().to_string())
}

/// `now`: the seconds that have passed in the simulation.
fn now(ruby: &Ruby, this: RubySimulation) -> Result<f64, Error> {
    Ok(Duration::as_secs_f64(&lock(&this.host(ruby)?.world).now()))
}

/// `simulate(options, seed) { |simulation| ... }`: what the block gives back. No engine may run, and none can be started meanwhile.
fn simulate(ruby: &Ruby, options: RHash, seed: u64) -> Result<Value, Error> {
    if runtime::current_host().is_some() {
        return Err(text::runtime_error(ruby, "OverSIP runs: a simulation has to wait for its end"));
    }
    let block = ruby.block_proc()?;
    anchors::reset();
    logging::begin();
    let _marks = tags::Seeded::new(seed);
    let host = SimulatedHost::new(ruby, options, seed)?;
    let simulation = Simulation {
        host: host.clone(),
        peers: Mutex::default(),
        over: AtomicBool::default(),
        runs: AtomicBool::default(),
    };
    let simulation = ruby.obj_wrap(simulation);
    runtime::simulate(host.clone());
    let result = block.call((simulation,));
    simulation.over.store(true, Ordering::Relaxed);
    runtime::set(None);
    host.calls.stop();
    host.anchors.clear();
    schedule::forget();
    anchors::release_all();
    let written = logging::write_queued(ruby);
    result.and_then(|value| written.map(|()| value))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Defines the entry, which is private.
pub fn define(ruby: &Ruby, oversip: RModule) -> Result<(), Error> {
    let engine = oversip.define_module("Engine")?;
    let class = engine.define_class("Simulation", ruby.class_object())?;
    class.undef_default_alloc_func();
    class.define_method("caller", method!(caller, 2))?;
    class.define_method("callee", method!(callee, 3))?;
    class.define_method("call", method!(call, 3))?;
    class.define_method("state", method!(state, 2))?;
    class.define_method("run", method!(run, 0))?;
    class.define_method("record", method!(record, 0))?;
    class.define_method("now", method!(now, 0))?;
    engine.singleton_class()?.define_private_method("simulate", function!(simulate, 2))
}
