//! The element of a world, run for the script in the thread that steps the world.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use magnus::{Error, RHash, Ruby};
use oversip::clock::Clock;
use oversip::element::{Element, Round, ServerName, Settings};
use oversip::engine::{self, Config, SystemClock};
use oversip::host::{Anchors, Call, Calls, Host, Released};
use oversip::message::{ConnectionId, Transport};
use oversip::random::Random;
use oversip::simulation::{ClientJudgement, Conditions, ElementId, PartyId, ScriptWork, Step, World};
use oversip::transport::{verify_server, Authorities, ClientCertificates, PeerName};

use super::{arguments::usable, locks::lock, turns::Turns};
use crate::{
    anchors::Anchor,
    dispatcher_thread::RubyThread,
    engine_module::{config, listen_specs},
    process, text,
};

/// The number of the one element of a world, and its name.
const ELEMENT: u16 = u16::MAX >> 1;
const NAME: &str = "oversip";

/// How many things are kept that the element does.
const HAPPENINGS: usize = 1 << 20;

/// Something for the script.
pub(super) enum Work {
    /// What the element has for it.
    Script(ElementId, ScriptWork),
    /// A round that was put off.
    Round(Box<Round>),
}

pub(super) struct WorldHost {
    world: Mutex<World>,
    pub(super) element: ElementId,
    pub(super) listening: Vec<(Transport, SocketAddr)>,
    /// The objects of its connections, and which of those are WebSockets.
    pub(super) objects: Mutex<HashMap<ConnectionId, (Anchor, bool)>>,
    settings: Settings,
    released: Released,
    anchors: Anchors,
    pub(super) calls: Calls,
    /// Rounds that were put off.
    rounds: Mutex<VecDeque<Box<Round>>>,
    /// What the next event of the script is about.
    pub(super) event: Mutex<Option<Work>>,
    /// In the order of their numbers.
    pub(super) peers: Mutex<Vec<PartyId>>,
    /// When other threads have their turn.
    pub(super) turns: Turns,
    /// The thread that has opened the world.
    pub(super) thread: RubyThread,
    process: u32,
}

impl Host for WorldHost {
    fn step_element(&self, step: &mut dyn FnMut(&mut Element, Instant)) {
        let _turn = (self.thread != RubyThread::current()).then(|| self.turns.take());
        self.world().step_element(self.element, |element, now| {
            self.released.apply(element);
            step(element, now);
        });
    }

    fn look_at_element(&self, look: &mut dyn FnMut(&Element)) {
        look(self.world().element(self.element));
    }

    fn now(&self) -> Instant {
        self.world().present()
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

/// Servers are judged by the authorities of the configuration, from the date of today on.
fn trust(world: &mut World, config: &Config) {
    let (authorities, _) = Authorities::new(&config.tls.authorities);
    world.set_date(SystemClock.date());
    world.set_judge(move |certificates, name, date| {
        let name = match name {
            ServerName::Domain(domain) => PeerName::Domain(domain.clone()),
            ServerName::Ip(ip) => PeerName::Ip(*ip),
        };
        verify_server(certificates, &name, &authorities, date).map_err(|distrust| distrust.to_string())
    });
}

fn judgement(clients: ClientCertificates) -> ClientJudgement {
    match clients {
        ClientCertificates::Ignored | ClientCertificates::Asked => ClientJudgement::None,
        ClientCertificates::Unasked => ClientJudgement::WithoutCertificates,
        ClientCertificates::Reported => ClientJudgement::WithCertificates,
    }
}

impl WorldHost {
    /// An element with these options on an empty network, which takes no time.
    pub(super) fn new(ruby: &Ruby, options: RHash, seed: u64) -> Result<Arc<WorldHost>, Error> {
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
        world.network().set_conditions(Conditions { delay: Duration::ZERO, ..Conditions::default() });
        world.zone().set_delay(Duration::ZERO);
        trust(&mut world, &config);
        let element = world.add_element_driven_outside(NAME, own, &listening);
        world.judge_clients(element, Transport::Tls, judgement(config.client_certificates));
        world.judge_clients(element, Transport::Wss, judgement(config.websocket_client_certificates));
        world.step_element(element, |element, _| element.begin_happenings(HAPPENINGS, true));
        Ok(Arc::new(WorldHost {
            world: Mutex::new(world),
            element,
            listening,
            objects: Mutex::default(),
            settings,
            released: Released::default(),
            anchors: Anchors::default(),
            calls: Calls::default(),
            rounds: Mutex::default(),
            event: Mutex::default(),
            peers: Mutex::default(),
            turns: Turns::default(),
            thread: RubyThread::current(),
            process: process::id(),
        }))
    }

    /// The world. Nothing of Ruby may run while it is held.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.world)
    }

    /// What comes next, up to a time counted from the beginning.
    pub(super) fn next(&self, until: Option<Duration>) -> Step {
        let mut world = self.world();
        match until {
            Some(until) => world.step_until(until),
            None if world.is_idle() => Step::Nothing,
            None => world.step(None),
        }
    }

    /// A round that was put off.
    pub(super) fn round(&self) -> Option<Box<Round>> {
        lock(&self.rounds).pop_front()
    }

    /// The world is closed: nothing of it comes back.
    pub(super) fn end(&self) {
        // A Fiber that is suspended for ever is not unwound, and so keeps the host.
        self.world().end();
        self.calls.stop();
        self.anchors.clear();
        lock(&self.rounds).clear();
        lock(&self.event).take();
        lock(&self.objects).clear();
    }

    /// A route of the script's has ended, or its objects are needed no longer: no Ruby runs for that.
    pub(super) fn note(&self, work: ScriptWork) -> Option<ScriptWork> {
        match work {
            ScriptWork::CallEnded(call, outcome) => {
                if let Some(id) = self.calls.finish(call, outcome) {
                    let schedule = |element: &mut Element, now| element.schedule(now, id, Duration::ZERO);
                    self.world().step_element(self.element, schedule);
                }
            }
            ScriptWork::CallRenumbered(call, cseq) => self.calls.renumber(call, cseq),
            ScriptWork::Released(anchor) => self.anchors.release(anchor),
            work => return Some(work),
        }
        None
    }
}
