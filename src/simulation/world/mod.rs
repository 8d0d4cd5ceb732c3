//! The world: its parties, its clock and what is on its way.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;

mod datagrams;
mod handshakes;
mod links;
mod outputs;
mod outside;
mod receiving;
mod running;
mod streams;

pub use links::LinkState;
pub use outside::News;

use super::lookup::Lookup;
use super::network::Network;
use super::node::{Node, Runner, ScriptWork};
use super::party::PartyId;
use super::peer::{Effect, Peer, PeerApi, PeerId};
use super::record::{Entry, Fate, Record};
use super::schedule::Schedule;
use super::script::{Api, Script};
use super::stream::{StreamEvent, Streams};
use super::zone::Zone;
use crate::element::{Element, Input, ServerName, Settings, Status};
use crate::message::{StreamLimits, Transport};
use crate::random::Random;

/// What all runs begin with: 2026-01-01.
const DATE: Duration = Duration::from_secs(1_767_225_600);
/// Bytes of a body that is taken on a connection.
const MAX_BODY: usize = 1 << 20;

/// Names an element of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ElementId(usize);

/// What happens in a world.
enum Event {
    Datagram {
        from: SocketAddr,
        to: SocketAddr,
        wire: Bytes,
    },
    Icmp {
        at: SocketAddr,
        remote: SocketAddr,
        quoted: Bytes,
    },
    Script {
        element: usize,
        key: u64,
    },
    Peer {
        peer: usize,
        key: u64,
    },
    Lookup {
        element: usize,
        lookup: Box<Lookup>,
    },
    Stream(StreamEvent),
    /// What an element is told while it is at work comes after that.
    Input {
        element: usize,
        input: Box<Input>,
    },
    /// A connection of a peer is gone.
    PeerEnded {
        peer: usize,
        remote: SocketAddr,
    },
    /// Something for who steps the world.
    Outside(News),
}

/// Judges the certificates (DER, its own first) that a server shows for somebody at a time. An error says why not, in words.
pub type Judge = Box<dyn Fn(&[Bytes], &ServerName, SystemTime) -> Result<(), String> + Send>;

enum Member {
    Element(Box<Node>),
    /// `None` while it is at work.
    Peer(Option<Box<dyn Peer>>),
    /// A peer that is run by who steps the world.
    Outside,
}

struct Party {
    name: String,
    /// The first one is the peer's own.
    addresses: Vec<(Transport, SocketAddr)>,
    member: Member,
}

/// What the next step of a world is.
#[derive(Debug)]
pub enum Step {
    /// Something has happened.
    Happened,
    /// A script that is run outside has something to do ([`World::add_element_driven_outside`]).
    Script(ElementId, ScriptWork),
    /// A peer that is run outside has something to do ([`World::add_peer_driven_outside`]).
    Outside(News),
    /// Nothing more happens until the limit that was given.
    Nothing,
    /// The parties keep each other busy at one instant, and time does not go on.
    Stuck,
}

/// Elements and peers on a simulated network.
pub struct World {
    start: Instant,
    now: Instant,
    random: Random,
    schedule: Schedule<Event>,
    network: Network,
    zone: Zone,
    parties: Vec<Party>,
    udp: BTreeMap<SocketAddr, usize>,
    listening: BTreeMap<(SocketAddr, Transport), usize>,
    streams: Streams,
    certificates: BTreeMap<SocketAddr, Vec<Bytes>>,
    judge: Option<Judge>,
    date: SystemTime,
    record: Record,
    table_key: Option<[u64; 4]>,
    at_once: u32,
    /// What the peers that are run outside have not got yet.
    news: VecDeque<News>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl World {
    /// An empty world. Of `start` nothing depends but the times that elements are told; what is drawn follows from `seed`.
    pub fn new(start: Instant, seed: u64) -> World {
        World {
            start,
            now: start,
            random: Random::from_number(seed),
            schedule: Schedule::new(),
            network: Network::default(),
            zone: Zone::default(),
            parties: Vec::new(),
            udp: BTreeMap::new(),
            listening: BTreeMap::new(),
            streams: Streams::new(StreamLimits::with_body(MAX_BODY)),
            certificates: BTreeMap::new(),
            judge: None,
            date: SystemTime::UNIX_EPOCH + DATE,
            record: Record::default(),
            table_key: None,
            at_once: 0,
            news: VecDeque::new(),
        }
    }

    /// The time since the beginning.
    pub fn now(&self) -> Duration {
        self.now.saturating_duration_since(self.start)
    }

    /// The present time, as the elements are told.
    pub fn present(&self) -> Instant {
        self.now
    }

    /// A point of time of an element's, from the beginning.
    pub fn time_of(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.start)
    }

    /// The network between all parties.
    pub fn network(&mut self) -> &mut Network {
        &mut self.network
    }

    /// What DNS knows.
    pub fn zone(&mut self) -> &mut Zone {
        &mut self.zone
    }

    /// The date of the beginning of the run; 2026-01-01 at first.
    pub fn set_date(&mut self, date: SystemTime) {
        self.date = date;
    }

    /// The server at an address shows these certificates (DER), its own first.
    pub fn show_certificates(&mut self, address: SocketAddr, certificates: Vec<Bytes>) {
        self.certificates.insert(address, certificates);
    }

    /// Says who judges the certificates of servers where a profile wants the library to. Without a judge none is accepted.
    pub fn set_judge(
        &mut self,
        judge: impl Fn(&[Bytes], &ServerName, SystemTime) -> Result<(), String> + Send + 'static,
    ) {
        self.judge = Some(Box::new(judge));
    }

    /// What was sent so far.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The record, to say what is kept.
    pub fn record_mut(&mut self) -> &mut Record {
        &mut self.record
    }

    /// The elements that are added from now on have maps with this key. Nothing but the order of their maps changes, so that a
    /// run stays the same.
    pub fn set_table_key(&mut self, key: [u64; 4]) {
        self.table_key = Some(key);
    }

    /// The source of all that is left to chance: what else is drawn for a run comes from it.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Adds an element that runs, with its script. It listens at the addresses of its settings.
    pub fn add_element(
        &mut self,
        name: &str,
        settings: Settings,
        listening: &[(Transport, SocketAddr)],
        script: impl Script + 'static,
    ) -> ElementId {
        self.add(name, settings, listening, Runner::World(Box::new(script)))
    }

    /// Adds an element whose script is run by the caller of [`World::step`].
    pub fn add_element_driven_outside(
        &mut self,
        name: &str,
        settings: Settings,
        listening: &[(Transport, SocketAddr)],
    ) -> ElementId {
        self.add(name, settings, listening, Runner::Outside)
    }

    fn add(
        &mut self,
        name: &str,
        settings: Settings,
        listening: &[(Transport, SocketAddr)],
        runner: Runner,
    ) -> ElementId {
        let mut random = Random::from_seed(self.random.bytes());
        let drawn = [(); 4].map(|()| random.number());
        let key = self.table_key.unwrap_or(drawn);
        let mut element = Element::with_table_key(Arc::new(settings), self.now, random, key);
        element.set_status(Status::Running);
        let number = self.join(name, listening, Member::Element(Box::new(Node::new(element, runner))));
        ElementId(number)
    }

    /// The host of an element has a further address, from which it reaches other hosts where it listens on loopback only.
    pub fn add_address(&mut self, id: ElementId, ip: IpAddr) {
        self.node(id.0).further_addresses.push(ip);
    }

    /// Adds a peer at an address.
    ///
    /// # Panics
    ///
    /// When the address is taken ([`World::is_taken`]).
    pub fn add_peer<P: Peer>(
        &mut self,
        name: &str,
        transport: Transport,
        address: SocketAddr,
        peer: P,
    ) -> PeerId<P> {
        PeerId::of(self.join(name, &[(transport, address)], Member::Peer(Some(Box::new(peer)))))
    }

    /// Whether a party has this address already.
    pub fn is_taken(&self, transport: Transport, address: SocketAddr) -> bool {
        match transport {
            Transport::Udp => self.udp.contains_key(&address),
            stream => self.listening.contains_key(&(address, stream)),
        }
    }

    fn join(&mut self, name: &str, addresses: &[(Transport, SocketAddr)], member: Member) -> usize {
        let number = self.parties.len();
        for (transport, address) in addresses {
            let before = match transport {
                Transport::Udp => self.udp.insert(*address, number),
                stream => self.listening.insert((*address, *stream), number),
            };
            assert!(before.is_none(), "{transport} {address} is in use already");
        }
        self.parties.push(Party { name: name.to_owned(), addresses: addresses.to_vec(), member });
        number
    }

    /// An element, to be looked at.
    pub fn element(&self, id: ElementId) -> &Element {
        match &self.parties[id.0].member {
            Member::Element(node) => &node.element,
            Member::Peer(_) | Member::Outside => unreachable!("only elements have such a name"),
        }
    }

    fn node(&mut self, number: usize) -> &mut Node {
        match &mut self.parties[number].member {
            Member::Element(node) => node,
            Member::Peer(_) | Member::Outside => unreachable!("only elements have such a number"),
        }
    }

    /// A typed call of an element; what it wants done is done before this returns.
    pub fn step_element<R>(&mut self, id: ElementId, call: impl FnOnce(&mut Element, Instant) -> R) -> R {
        let now = self.now;
        let result = call(&mut self.node(id.0).element, now);
        self.carry_out(id.0);
        result
    }

    /// Has an element answer all that waits for an answer, as an engine does at its end.
    pub fn stop(&mut self, id: ElementId) {
        for request in self.element(id).undecided_requests() {
            self.step_element(id, |element, now| element.end_request(now, request));
        }
    }

    /// Uses an element as a script does.
    pub fn with_api<R>(&mut self, id: ElementId, work: impl FnOnce(&mut Api<'_>) -> R) -> R {
        let (now, since_start) = (self.now, self.now());
        let mut api = Api::new(&mut self.node(id.0).element, now, since_start);
        let result = work(&mut api);
        let timers = std::mem::take(&mut api.timers);
        self.put_timers(id.0, timers);
        self.carry_out(id.0);
        result
    }

    /// The script of an element, with what it may do.
    ///
    /// # Panics
    ///
    /// When the script is at work, is run outside, or is of another kind.
    pub fn with_script<S: Script, R>(
        &mut self,
        id: ElementId,
        work: impl FnOnce(&mut S, &mut Api<'_>) -> R,
    ) -> R {
        let done = self.run_script(id.0, |script, api| {
            let script: &mut dyn Any = script;
            work(script.downcast_mut().expect("a script of this kind"), api)
        });
        done.expect("the script is here and not at work")
    }

    fn put_timers(&mut self, element: usize, timers: Vec<(Duration, u64)>) {
        for (after, key) in timers {
            self.schedule.put(self.now + after, Event::Script { element, key });
        }
    }

    fn run_script<R>(
        &mut self,
        number: usize,
        work: impl FnOnce(&mut dyn Script, &mut Api<'_>) -> R,
    ) -> Option<R> {
        let (now, since_start) = (self.now, self.now());
        let node = self.node(number);
        let mut script = match std::mem::replace(&mut node.runner, Runner::AtWork) {
            Runner::World(script) => script,
            other => {
                node.runner = other;
                return None;
            }
        };
        let mut api = Api::new(&mut node.element, now, since_start);
        let result = work(&mut *script, &mut api);
        let timers = std::mem::take(&mut api.timers);
        node.runner = Runner::World(script);
        self.put_timers(number, timers);
        self.carry_out(number);
        Some(result)
    }

    /// A peer, to be looked at and changed.
    pub fn peer<P: Peer>(&mut self, id: PeerId<P>) -> &mut P {
        let Member::Peer(Some(peer)) = &mut self.parties[id.number].member else {
            unreachable!("a peer that is not at work has this name")
        };
        let peer: &mut dyn Any = &mut **peer;
        peer.downcast_mut().expect("the kind of peer that the name is for")
    }

    /// Lets a peer do something.
    pub fn with_peer<P: Peer, R>(
        &mut self,
        id: PeerId<P>,
        work: impl FnOnce(&mut P, &mut PeerApi<'_>) -> R,
    ) -> R {
        self.run_peer(id.number, |peer, api| {
            let peer: &mut dyn Any = peer;
            work(peer.downcast_mut().expect("the kind of peer that the name is for"), api)
        })
    }

    fn run_peer<R>(&mut self, number: usize, work: impl FnOnce(&mut dyn Peer, &mut PeerApi<'_>) -> R) -> R {
        let now = self.now();
        let party = &mut self.parties[number];
        let (transport, address) = party.addresses[0];
        let Member::Peer(peer) = &mut party.member else { unreachable!("a peer has this number") };
        let mut at_work = peer.take().expect("a peer that is not at work");
        let mut api = PeerApi { now, transport, address, random: &mut self.random, effects: Vec::new() };
        let result = work(&mut *at_work, &mut api);
        let effects = api.effects;
        if let Member::Peer(peer) = &mut self.parties[number].member {
            *peer = Some(at_work);
        }
        for effect in effects {
            match effect {
                Effect::Send { wire, to } if transport == Transport::Udp => {
                    self.send_datagram(number, address, to, wire);
                }
                Effect::Send { wire, to } => self.send_on_stream(number, (transport, address), to, wire),
                Effect::Finish { remote } => self.finish_stream(number, remote),
                Effect::Close { remote } => self.close_stream(number, remote),
                Effect::Timer { after, key } => {
                    self.schedule.put(self.now + after, Event::Peer { peer: number, key });
                }
            }
        }
        result
    }

    /// Lets a peer send bytes to an address.
    pub fn send<P: Peer>(&mut self, id: PeerId<P>, wire: impl Into<Bytes>, to: SocketAddr) {
        let wire = wire.into();
        self.run_peer(id.number, |_, api| api.send(wire, to));
    }

    /// The script of an element takes nothing from now on: it is busy.
    pub fn hold_script(&mut self, id: ElementId) {
        self.node(id.0).held = true;
    }

    /// The script of an element goes on with what has waited.
    pub fn release_script(&mut self, id: ElementId) {
        self.node(id.0).held = false;
    }

    /// How many things wait for the script of an element.
    pub fn waiting_for_script(&mut self, id: ElementId) -> usize {
        self.node(id.0).queue.len()
    }

    /// Tells an element something, and does what it wants done.
    fn tell(&mut self, number: usize, input: Input) {
        let now = self.now;
        self.node(number).element.handle(now, input);
        self.carry_out(number);
    }

    /// The name of a party.
    pub fn name(&self, party: PartyId) -> &str {
        &self.parties[party.0].name
    }

    /// Whether the script of an element is run by who steps the world.
    fn is_run_outside(&mut self, element: usize) -> bool {
        matches!(self.node(element).runner, Runner::Outside)
    }

    fn is_element(&self, number: usize) -> bool {
        matches!(self.parties[number].member, Member::Element(_))
    }

    /// Whether somebody has this address, whatever the port.
    fn is_host(&self, address: SocketAddr) -> bool {
        let mut addresses = self.parties.iter().flat_map(|party| &party.addresses);
        addresses.any(|(_, known)| known.ip() == address.ip())
    }

    fn note(
        &mut self,
        (number, receiver): (usize, Option<PartyId>),
        (transport, from, to): (Transport, SocketAddr, SocketAddr),
        fate: Fate,
        wire: &Bytes,
    ) {
        let (at, party) = (self.now(), self.parties[number].name.clone());
        self.record.note(Entry { at, party, receiver, transport, from, to, fate, wire: wire.clone() });
    }
}
