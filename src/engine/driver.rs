//! The element behind its lock, and the way from what it asks for to sockets, look-ups and the script.
//!
//! Any thread may step the element: the one that runs the loop with what the network has brought, a Ruby thread inside `route` or
//! `reply`.
//! What a step asks for is carried out before the lock is given back. Messages leave behind the lock, by one thread at a time and
//! in the order of the steps that caused them; those who look on are told of a step in the same way. None of it waits: a datagram
//! that the system does not take at once waits in its socket, a connection has a queue.
//! Nothing of Ruby runs under the lock.

use std::any::Any;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::time::Instant;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc::WeakSender;

use super::clock::{EngineClock, SystemClock};
use super::counts::EngineCounts;
use super::deliveries::{Deliveries, Delivery};
use super::dns::Lookup;
use super::drive::Drive;
use super::event::Event;
use super::events::{Class, EventQueue};
use super::guarded::guarded;
use super::holds::Holds;
use super::network::Network;
use super::observers::Observers;
use super::own_address::to_other_hosts;
use super::sockets::Sockets;
use super::told::{Told, MOST_HAPPENINGS};
use crate::clock::Clock;
use crate::element::{
    Element, Happening, Input, Output, ResolutionId, Round, ScriptEvent, ScriptQueue, Settings,
};
use crate::host::{lock, Anchors, Call, Calls, Host, IncomingRequest, Released};
use crate::message::{ConnectionId, Source, Transport};
use crate::observed::{Fate, FiveTuple};
use crate::resolve::{Inquiry, Resolved};
use crate::transport::TransportEvent;

/// After how many holds the loop stands back for others before it takes the lock again. To do so each time would have
/// the system change between two threads for each message.
const HOLDS_IN_A_ROW: u32 = 16;

/// How often it stands back at most. One that waits has the lock by then, unless the system does not run it.
const MOST_YIELDS: u32 = 100;

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

/// The element of an engine with all that it needs to act.
pub(super) struct Driver {
    pub(super) clock: Arc<EngineClock>,
    pub(super) settings: Arc<Settings>,
    pub(super) events: EventQueue<Event>,
    pub(super) counts: EngineCounts,
    pub(super) calls: Calls,
    pub(super) holds: Holds,
    /// What the boundary keeps for each connection.
    pub(super) connection_data: Mutex<HashMap<ConnectionId, Box<dyn Any + Send>>>,
    pub(super) network: Sockets,
    pub(super) runtime: OnceLock<Handle>,
    pub(super) lookup: Option<Lookup>,
    /// The way by which the network brings news.
    pub(super) news: OnceLock<WeakSender<TransportEvent>>,
    /// Who runs the loop.
    pub(super) drive: Drive,
    /// Who looks on.
    pub(super) observers: Option<Observers>,
    held: Mutex<Held>,
    /// What is to leave.
    outgoing: Deliveries,
    /// Threads that wait for the lock; the loop lets them go first.
    waiting: AtomicUsize,
    /// Holds of the loop since it has stood back.
    in_a_row: AtomicU32,
    released: Released,
    anchors: Anchors,
    /// The process that it belongs to, and how to ask which one this is.
    process: (u32, fn() -> u32),
    me: Weak<Driver>,
}

/// What has come of [`Driver::fire`].
pub(super) enum Fired {
    One,
    None {
        /// When the loop has to wake by itself.
        next: Option<Instant>,
    },
}

/// What the lock protects.
struct Held {
    element: Element,
    loop_wakes: LoopWakes,
    /// What the element has done and the script is to be told, if it wants to.
    told: Told,
}

/// When the loop looks for a timer that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LoopWakes {
    /// It is at work, and looks before it waits.
    AtOnce,
    At(Instant),
    /// Not before it is woken.
    Never,
}

impl LoopWakes {
    fn at(time: Option<Instant>) -> Self {
        time.map_or(LoopWakes::Never, LoopWakes::At)
    }
}

impl Driver {
    pub(super) fn new(
        settings: Settings,
        clock: Arc<EngineClock>,
        lookup: Option<Lookup>,
        observers: Option<Observers>,
        process: fn() -> u32,
    ) -> Arc<Driver> {
        let settings = Arc::new(settings);
        let mut element = Element::new(settings.clone(), clock.now(), super::system_random());
        if observers.as_ref().is_some_and(Observers::follow_calls) {
            element.begin_happenings(MOST_HAPPENINGS, false);
        }
        Arc::new_cyclic(|me| Driver {
            clock,
            settings,
            events: EventQueue::observed(observers.as_ref().and_then(Observers::waits)),
            counts: EngineCounts::default(),
            calls: Calls::default(),
            holds: Holds::default(),
            connection_data: Mutex::default(),
            network: Sockets::default(),
            runtime: OnceLock::new(),
            lookup,
            news: OnceLock::new(),
            drive: Drive::default(),
            observers,
            held: Mutex::new(Held { element, loop_wakes: LoopWakes::Never, told: Told::default() }),
            outgoing: Deliveries::default(),
            waiting: AtomicUsize::new(0),
            in_a_row: AtomicU32::new(0),
            released: Released::default(),
            anchors: Anchors::default(),
            process: (process(), process),
            me: me.clone(),
        })
    }

    /// Steps the element and carries out what that asks for.
    pub(super) fn step<R>(&self, step: impl FnOnce(&mut Element, Instant) -> R) -> R {
        let result = self.hold_and_step(step);
        self.send_what_is_to_leave();
        result
    }

    fn hold_and_step<R>(&self, step: impl FnOnce(&mut Element, Instant) -> R) -> R {
        self.hold(|held| {
            let result = self.step_held(held, step);
            if self.is_earlier(held) {
                self.drive.timer_is_earlier();
            }
            result
        })
    }

    /// Sends what steps have left. Whoever sends already takes this along, in the order of the steps.
    fn send_what_is_to_leave(&self) {
        while let Some(sending) = self.outgoing.turn() {
            let failed = self.send_all();
            drop(sending);
            if !failed.is_empty() {
                self.hold_and_step(|element, now| {
                    failed.into_iter().for_each(|not_sent| element.handle(now, not_sent));
                });
            }
        }
    }

    /// How many messages wait until they are sent.
    pub(super) fn deliveries(&self) -> usize {
        self.outgoing.len()
    }

    /// Sends, and hands out what the element has to know of it. The thread has `sending`.
    fn send_all(&self) -> Vec<Input> {
        let mut failed = Vec::new();
        let network = self.network.get();
        loop {
            let Some(delivery) = self.outgoing.next() else { return failed };
            failed.extend(guarded(|| self.send(network.as_deref(), delivery)));
        }
    }

    /// Sends one message. Without a network the engine has ended.
    fn send(&self, network: Option<&Network>, delivery: Delivery) -> Option<Input> {
        match (delivery, network) {
            (Delivery::Happened(at, happening), _) => {
                if let Some(observers) = &self.observers {
                    observers.happened(at, &happening);
                }
            }
            (Delivery::CallEnded { call, outcome }, _) => {
                self.calls
                    .finish(call, outcome)
                    .into_iter()
                    .for_each(|id| self.events.push(Event::Scheduled(id)));
            }
            (Delivery::Request { sender, hop, wire }, Some(network)) => {
                let at = self.time_for_observers();
                let sent = network.send(&hop, &wire);
                self.observe(at, &wire, sent.is_ok(), || network.five_tuple(&hop));
                return sent.err().map(|failure| Input::NotSent { sender, hop, failure });
            }
            (Delivery::Response { way_back, wire, hold }, Some(network)) => {
                let at = self.time_for_observers();
                let (sent, between) = network.respond(&way_back, &wire);
                self.observe(at, &wire, sent, || between);
                drop(hold);
            }
            (Delivery::End(connection), Some(network)) => network.close(connection),
            (_, None) => {}
        }
        None
    }

    /// Sends a response once more whose connection is gone. Who looks on knows it already, unless it does not leave.
    pub(super) fn respond_anew(&self, transport: Transport, remote: SocketAddr, wire: &Bytes) {
        let at = self.time_for_observers();
        if let Some(network) = self.network.get() {
            let (sent, between) = network.respond_anew(transport, remote, wire);
            if !sent {
                self.observe(at, wire, sent, || between);
            }
        }
    }

    /// Sends what the script has made by itself, see [`Connections::send_over`](super::Connections::send_over).
    pub(super) fn send_over(&self, source: &Source, wire: &Bytes, to: SocketAddr) -> bool {
        let at = self.time_for_observers();
        let sent = self.network.get().is_some_and(|network| network.send_over(source, wire, to));
        self.observe(at, wire, sent, || FiveTuple { remote: to, ..source.into() });
        sent
    }

    /// When a message is sent, if anybody wants to know.
    fn time_for_observers(&self) -> Option<Instant> {
        self.observers.as_ref().map(|_| self.clock.now())
    }

    fn observe(&self, at: Option<Instant>, wire: &[u8], sent: bool, between: impl FnOnce() -> FiveTuple) {
        if let (Some(observers), Some(at)) = (&self.observers, at) {
            observers.leaves(at, wire, between(), if sent { Fate::Sent } else { Fate::Refused });
        }
    }

    /// Holds the lock, and counts for how long. The loop stands back for who waits here.
    fn hold<R>(&self, work: impl FnOnce(&mut Held) -> R) -> R {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let mut held = lock(&self.held);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let begun = SystemClock.now();
        let result = work(&mut held);
        drop(held);
        self.holds.note(SystemClock.now() - begun);
        result
    }

    fn step_held<R>(&self, held: &mut Held, step: impl FnOnce(&mut Element, Instant) -> R) -> R {
        let element = &mut held.element;
        self.released.apply(element);
        element.set_script_queue(self.script_queue());
        let result = step(element, self.clock.now());
        let mut network = None;
        while let Some(output) = element.poll() {
            // What has happened comes before what it causes.
            if element.has_news() {
                self.hand_on(element, &mut held.told);
            }
            let network = network.get_or_insert_with(|| self.network.get()).as_deref();
            // Without one the engine has ended.
            let Some(network) = network else { continue };
            if let Some(input) = guarded(|| self.carry_out(network, output)) {
                element.handle(self.clock.now(), input);
            }
        }
        if element.has_news() {
            self.hand_on(element, &mut held.told);
        }
        result
    }

    /// Tells the script what the element has done; those who look on are told behind the lock.
    fn hand_on(&self, element: &mut Element, told: &mut Told) {
        let followed = self.is_followed();
        while let Some((at, happening)) = element.next_happening() {
            if told.add(at, &happening) {
                self.events.push(Event::Happened);
            }
            if followed {
                self.leaves(Delivery::Happened(at, happening));
            }
        }
    }

    /// Whether anybody who looks on wants to know what the element does.
    fn is_followed(&self) -> bool {
        self.observers.as_ref().is_some_and(Observers::follow_calls)
    }

    /// Whether the script is told what the element does, see [`Event::Happened`].
    pub(super) fn tell_happenings(&self, wanted: bool) {
        self.hold(|held| {
            if !held.told.want(wanted) || self.is_followed() {
                return;
            }
            match wanted {
                true => held.element.begin_happenings(MOST_HAPPENINGS, false),
                false => held.element.end_happenings(),
            }
        });
    }

    /// Hands out what the element has done and the script was not told of.
    pub(super) fn take_happenings(&self) -> Vec<(Instant, Happening)> {
        self.hold(|held| held.told.take())
    }

    fn leaves(&self, delivery: Delivery) {
        self.outgoing.add(delivery);
    }

    /// Which of these targets are on a blacklist, by their texts.
    pub(super) fn blacklisted(&self, targets: &[String]) -> Vec<bool> {
        let now = self.clock.now();
        self.hold(|held| targets.iter().map(|target| held.element.is_blacklisted(now, target)).collect())
    }

    /// Looks at the element. Nothing is carried out.
    pub(super) fn look<R>(&self, look: impl FnOnce(&Element) -> R) -> R {
        self.hold(|held| look(&held.element))
    }

    /// The loop has something for the element: now and then other threads that wait for the lock come first, since they wait with
    /// Ruby behind them. It looks for due timers before it waits.
    pub(super) fn step_in_loop<R>(&self, step: impl FnOnce(&mut Element, Instant) -> R) -> R {
        self.let_others_go_first();
        let result = self.hold(|held| {
            held.loop_wakes = LoopWakes::AtOnce;
            self.step_held(held, step)
        });
        self.send_what_is_to_leave();
        result
    }

    fn let_others_go_first(&self) {
        if self.in_a_row.fetch_add(1, Ordering::Relaxed) >= HOLDS_IN_A_ROW {
            self.in_a_row.store(0, Ordering::Relaxed);
            for _ in 0..MOST_YIELDS {
                if self.waiting.load(Ordering::Relaxed) == 0 {
                    break;
                }
                std::thread::yield_now();
            }
        }
    }

    /// When the next timer is due; the loop is going to wake then.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let mut held = lock(&self.held);
        let next = self.loop_has_to_wake(held.element.next_timeout());
        held.loop_wakes = LoopWakes::at(next);
        next
    }

    /// When the loop has to wake for a timer. A clock that stands lets none come due, but one that is due already is not left lying.
    fn loop_has_to_wake(&self, timer: Option<Instant>) -> Option<Instant> {
        if self.clock.is_frozen() {
            return timer.filter(|at| *at <= self.clock.now()).map(|_| SystemClock.now());
        }
        timer
    }

    /// Whether a timer is due before the loop wakes.
    fn is_earlier(&self, held: &mut Held) -> bool {
        let Some(next) = self.loop_has_to_wake(held.element.next_timeout()) else { return false };
        let earlier = match held.loop_wakes {
            LoopWakes::AtOnce => false,
            LoopWakes::At(time) => next < time,
            LoopWakes::Never => true,
        };
        if earlier {
            held.loop_wakes = LoopWakes::At(next);
        }
        earlier
    }

    /// Fires the timer that is due first. Where none is, the loop is going to wake for the next one.
    pub(super) fn fire(&self) -> Fired {
        let now = self.clock.now();
        let mut held = lock(&self.held);
        let next = held.element.next_timeout();
        if next.is_none_or(|at| at > now) {
            let next = self.loop_has_to_wake(next);
            held.loop_wakes = LoopWakes::at(next);
            return Fired::None { next };
        }
        drop(held);
        self.step_in_loop(|element, _| {
            // Others may have stopped it meanwhile.
            if element.next_timeout().is_some_and(|at| at <= now) {
                element.handle(now, Input::Timeout);
            }
        });
        Fired::One
    }

    fn script_queue(&self) -> ScriptQueue {
        let (requests, request_bytes) = self.events.queued(Class::Requests);
        let (acks, ack_bytes) = self.events.queued(Class::Acks);
        ScriptQueue { requests, request_bytes, acks, ack_bytes }
    }

    /// Does what the element asks for. Hands out what follows from it at once.
    fn carry_out(&self, network: &Network, output: Output) -> Option<Input> {
        match output {
            Output::Send { sender, hop, wire } => self.leaves(Delivery::Request { sender, hop, wire }),
            Output::Respond { way_back, wire, hold } => {
                self.leaves(Delivery::Response { way_back, wire, hold });
            }
            Output::Connect { connection, remote, limits, proof, .. } => {
                network.connect(connection, remote, limits, proof);
            }
            Output::FindAddress { target, allowed } => {
                let address = to_other_hosts(&self.settings, allowed, target);
                return Some(Input::AddressFound { target, address });
            }
            Output::OpenSocket { ip, target, connection } => {
                let id = connection.as_ref().map(|(id, _, _)| *id);
                let _within = self.runtime.get().map(Handle::enter);
                let local = network.open_socket(ip, target, connection);
                return Some(Input::SocketOpened { target, connection: id, local });
            }
            Output::Tighten { connection, target, proof } => {
                let in_time = network.tighten(connection, proof.clone());
                return Some(Input::Tightened { connection, target, proof, in_time });
            }
            Output::Close { connection } => self.leaves(Delivery::End(connection)),
            Output::Resolve { resolution, inquiry } => self.resolve(resolution, inquiry)?,
            Output::Script(ScriptEvent::Request(request)) => {
                self.events.push(Event::Request(IncomingRequest::new(request, self.me.clone())));
            }
            Output::Script(ScriptEvent::Round(round)) => self.events.push(Event::Round(round)),
            Output::Script(ScriptEvent::Scheduled(id)) => self.events.push(Event::Scheduled(id)),
            Output::CallEnded { call, outcome } => self.leaves(Delivery::CallEnded { call, outcome }),
            Output::CallRenumbered { call, cseq } => self.calls.renumber(call, cseq),
            Output::Released(anchor) => self.anchors.release(anchor),
            Output::SweepConnections => network.sweep(self.clock.now()),
            Output::HeedKeepalives(on) => network.heed_keepalives(on),
            Output::HoldResponses(on) => network.connections().hold_responses(on),
        }
        None
    }

    /// Looks names up, in a task beside the loop.
    fn resolve(&self, resolution: ResolutionId, inquiry: Inquiry) -> Option<()> {
        let driver = self.me.upgrade()?;
        let lookup = self.lookup.clone();
        let asks = async move {
            let destination = inquiry.cache_key().to_owned();
            let resolved = match lookup {
                // Should it panic, those who wait are told nevertheless.
                Some(lookup) => {
                    let asking = tokio::spawn(async move { lookup.resolve(inquiry).await });
                    asking.await.unwrap_or_else(|_| Resolved::unknown())
                }
                None => Resolved::unknown(),
            };
            tracing::debug!(target: "oversip::dns", %destination, outcome = ?resolved, "resolved");
            driver.step(|element, now| element.handle(now, Input::Resolved { resolution, resolved }));
        };
        self.runtime.get()?.spawn(asks);
        Some(())
    }

    /// The engine has ended: its sockets are closed, nobody waits for it any longer, and what routes have kept goes.
    pub(super) fn end(&self) {
        // Nobody is about to send: the ports are free when this returns.
        let held = lock(&self.held);
        let sending = self.outgoing.wait_for_turn();
        drop(self.send_all());
        drop(sending);
        self.network.close();
        drop(held);
        self.calls.stop();
        self.anchors.clear();
    }

    /// What the network has brought and nobody has looked at.
    pub(super) fn news_waiting(&self) -> usize {
        let news = self.news.get().and_then(WeakSender::upgrade);
        news.map_or(0, |news| news.max_capacity() - news.capacity())
    }

    pub(super) fn connection_data(&self) -> MutexGuard<'_, HashMap<ConnectionId, Box<dyn Any + Send>>> {
        lock(&self.connection_data)
    }
}

impl Host for Driver {
    fn step_element(&self, step: &mut dyn FnMut(&mut Element, Instant)) {
        self.step(step);
    }

    fn look_at_element(&self, look: &mut dyn FnMut(&Element)) {
        self.look(look);
    }

    fn now(&self) -> Instant {
        self.clock.now()
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
        self.events.push(Event::Round(round));
    }

    fn is_here(&self) -> bool {
        (self.process.1)() == self.process.0
    }
}
