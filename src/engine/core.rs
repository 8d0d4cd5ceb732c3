//! The engine's loop: the one owner of sockets, timers and transaction tables.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::mpsc::SyncSender;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::sync::mpsc;

use super::advance::Advances;
use super::branches::Branch;
use super::clock::{Alarm, SystemClock};
use super::commands::Command;
use super::counts::Alive;
use super::defects::{panic_quietly, Beneficiary};
use super::incoming::{CoreRef, IncomingRequest};
use super::network::Network;
use super::outbox::TICK;
use super::peers::{Peers, MAX_WAITING};
use super::resolver::Resolver;
use super::route::{Call, Effect, Outcome, Progress, Route};
use super::timers::{TimerId, TimerQueue};
use super::uac_acks::UacAcks;
use super::waiting::{HeldResponse, Responses};
use super::{advance, Dropped, Event, Shared};
use crate::client::session::{Callback, CallbackClass, Input, Kind};
use crate::client::{Failure, OwnDialogs, ProbeKey, Probes};
use crate::clock::Clock;
use crate::transaction::{ServerKey, Timer};
use crate::transport::{ConnectionId, TransportEvent, SWEEP_INTERVAL};

/// How many commands or network events are handled before the loop looks at everything else again.
const BATCH: usize = 128;

/// How long the end waits for the ACK of a call that was accepted last.
const ACK_LIMIT: Duration = Duration::from_secs(2);

/// How long a script may take to send the last ACK on.
const ACK_ROUTING: Duration = Duration::from_millis(200);

/// Whose timer it is.
#[derive(Debug)]
pub(super) enum TimerKey {
    Server(Arc<IncomingRequest>, Timer),
    Branch(Bytes, Timer),
    /// A request has waited for another one's probe long enough.
    ProbeWait {
        key: ProbeKey,
        client: u64,
        route: u64,
    },
    /// An INVITE has waited for the script long enough: say 100.
    PendingTrying(Arc<IncomingRequest>),
    Scheduled(u64),
    /// Time to look for connections that are idle or late.
    Sweep,
    /// A thread has waited long enough.
    CallLimit {
        client: u64,
        route: u64,
        call: Arc<Call>,
    },
    /// The ACK of a Uac need not be remembered any longer.
    UacAck(super::uac_acks::AckKey),
}

/// An input for a route, out of a step that works for somebody else.
#[derive(Debug)]
pub(super) struct Woken {
    pub(super) client: u64,
    pub(super) route: u64,
    pub(super) input: Input,
}

/// The timers that an owner has armed.
pub(super) type ArmedTimers = SmallVec<[(Timer, TimerId); 4]>;

/// A request in the server table.
#[derive(Debug)]
pub(super) struct ServerEntry {
    pub(super) request: Arc<IncomingRequest>,
    pub(super) timers: ArmedTimers,
    pub(super) pending: Option<TimerId>,
}

/// What the engine holds of one Client. While a route is away its owner is the dispatcher, and everything that
/// concerns this Client waits in `queue`, so that its events keep their order.
#[derive(Debug, Default)]
pub(super) struct ClientSlot {
    routes: SmallVec<[Box<Route>; 1]>,
    queue: VecDeque<QueuedInput>,
    /// The route that the dispatcher has.
    away: Option<u64>,
    /// The responses that wait in the queue or are with the dispatcher.
    responses: Responses,
    /// The one with the dispatcher.
    shown: Responses,
}

/// An input that waits for its turn.
#[derive(Debug)]
struct QueuedInput {
    route: u64,
    input: Input,
    responses: Responses,
}

impl ClientSlot {
    fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.routes.iter().map(|route| route.id).chain(self.away)
    }
}

pub(super) struct Core {
    pub(super) shared: Arc<Shared>,
    pub(super) network: Network,
    pub(super) resolver: Resolver,
    pub(super) timers: TimerQueue<TimerKey>,
    pub(super) servers: HashMap<ServerKey, ServerEntry>,
    pub(super) branches: HashMap<Bytes, Branch>,
    pub(super) route_branches: HashMap<u64, Bytes>,
    pub(super) connection_branches: HashMap<ConnectionId, HashSet<Bytes>>,
    pub(super) uac_acks: UacAcks,
    pub(super) peers: Peers,
    pub(super) probes: Probes<TimerId>,
    pub(super) own_dialogs: OwnDialogs,
    /// The routes that the present step has something for: their turn is after it.
    pub(super) woken: VecDeque<Woken>,
    clients: HashMap<u64, ClientSlot>,
    /// The responses that wait for all Clients or are with the dispatcher.
    pub(super) responses: Responses,
    /// Streams hand over responses for a verdict on each.
    pub(super) holds_responses: bool,
    /// Those that wait until there is room for them, one of a connection at most.
    pub(super) held_responses: VecDeque<HeldResponse>,
    /// Until when, by the system's clock.
    stopping: Option<(Instant, SyncSender<()>)>,
    /// The Client whose next step panics, since a spec wants it to.
    pub(super) panics_next: Option<u64>,
    /// Whom the present step works for.
    pub(super) working_for: Beneficiary,
    /// Calls that were accepted and whose ACK has not come by.
    acks_due: usize,
    /// Until when, by the system's clock, the end waits for them, and for what the script makes of the last one.
    waits_for_acks: Instant,
    /// When the outbox is looked at if nothing else happens.
    tick: Instant,
    /// How far a test moves the clock.
    pub(super) advances: Advances,
}

impl Core {
    pub(super) fn new(shared: Arc<Shared>, network: Network, resolver: Resolver) -> Self {
        Self {
            shared,
            network,
            resolver,
            timers: TimerQueue::default(),
            servers: HashMap::new(),
            branches: HashMap::new(),
            route_branches: HashMap::new(),
            connection_branches: HashMap::new(),
            uac_acks: UacAcks::default(),
            peers: Peers::default(),
            probes: Probes::new(MAX_WAITING),
            own_dialogs: OwnDialogs::default(),
            woken: VecDeque::new(),
            clients: HashMap::new(),
            responses: Responses::default(),
            holds_responses: false,
            held_responses: VecDeque::new(),
            stopping: None,
            panics_next: None,
            working_for: Beneficiary::Nobody,
            acks_due: 0,
            waits_for_acks: SystemClock.now(),
            tick: SystemClock.now() + TICK,
            advances: Advances::default(),
        }
    }

    /// Runs until [`Command::Stop`] has been carried out. Gives back whom to tell once the sockets are closed, which is when
    /// the runtime is gone: the addresses may be wanted again at once.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::UnboundedReceiver<Command>,
        mut events: mpsc::Receiver<TransportEvent>,
    ) -> Option<SyncSender<()>> {
        self.sweep(self.shared.clock.now());
        let mut alarm = Alarm::new();
        loop {
            alarm.set(self.deadline());
            let mut busy = true;
            tokio::select! {
                Some(command) = commands.recv() => self.carry_out(command),
                Some(event) = events.recv() => self.guard(|core| core.event(event)),
                () = alarm.rings() => busy = false,
                () = advance::others_act(), if self.advances.are_due() => busy = false,
                else => break,
            }
            for _ in 0..BATCH {
                match (commands.try_recv(), events.try_recv()) {
                    (Err(_), Err(_)) => break,
                    (command, event) => {
                        busy = true;
                        if let Ok(command) = command {
                            self.carry_out(command);
                        }
                        if let Ok(event) = event {
                            self.guard(|core| core.event(event));
                        }
                    }
                }
            }
            self.guard(|core| core.fire());
            self.pace_streams();
            self.advance(busy, commands.len());
            self.publish_counts(commands.len());
            if self.is_stopped() {
                break;
            }
        }
        self.network.shutdown().await;
        self.stopping.take().map(|(_, done)| done)
    }

    /// One step of the loop, and what has to come before it.
    fn guard(&mut self, step: impl FnOnce(&mut Self)) {
        self.empty_outbox();
        self.attempt(step);
    }

    /// A command, and what has to come before it.
    fn carry_out(&mut self, command: Command) {
        self.empty_outbox();
        self.attempt_for(command.beneficiary(), |core| core.command(command));
    }

    /// What was posted without a wake-up comes before anything that happened later: a timer is armed before the message
    /// that stops it.
    pub(super) fn empty_outbox(&mut self) {
        for command in self.shared.outbox.take() {
            self.attempt_for(command.beneficiary(), |core| core.command(command));
        }
    }

    /// When the loop has to wake without an event: for a timer, for the end, or for what lies in the outbox.
    fn deadline(&mut self) -> Instant {
        let now = SystemClock.now();
        if self.tick <= now {
            self.tick = now + TICK;
        }
        let timers = if self.shared.clock.is_frozen() { None } else { self.timers.next() };
        let stop = self.stopping.as_ref().map(|(at, _)| *at);
        [timers, stop].into_iter().flatten().fold(self.tick, Instant::min)
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Start(route) => self.start(route),
            Command::Return(route) => self.give_back(route),
            Command::Server(request, effects) => self.server_effects(&request, effects),
            Command::Respond(request, wire) => {
                self.network.respond_anew(request.source.transport, request.address_of_client(), &wire);
            }
            Command::RequestDone(request) => self.request_done(&request),
            Command::AbortClient(client) => self.abort_client(client),
            Command::CancelClient(client) => self.cancel_client(client),
            Command::GiveUp(core) => self.give_up(self.shared.clock.now(), core),
            Command::Schedule { id, after } => {
                let at = self.shared.clock.now() + after;
                self.timers.arm(at, TimerKey::Scheduled(id));
            }
            Command::AdmitConnection(id) => self.network.admit(id),
            Command::CloseConnection(id) => self.network.close(id),
            Command::CloseWebSocket { connection, status, reason } => {
                self.network.connections().close_with(connection, status, &reason);
            }
            Command::Upgrade(connection, upgrade) => self.upgrade(connection, upgrade),
            Command::Resolved(key, resolved) => self.resolved(&key, &resolved),
            Command::Panic(planned) => self.panic_as_planned(planned),
            Command::ClockChanged => {}
            Command::Advance { by, done } => self.advances.add(by, done),
            Command::Stop { deadline, done } => {
                self.network.stop_listening();
                self.stopping = Some((deadline, done));
            }
        }
    }

    pub(super) fn fire(&mut self) {
        let now = self.shared.clock.now();
        while let Some((id, key)) = self.timers.pop_due(now) {
            self.attempt_for(key.beneficiary(), |core| core.timer(now, id, key));
        }
    }

    fn timer(&mut self, now: Instant, id: TimerId, key: TimerKey) {
        match key {
            TimerKey::Server(request, timer) => self.server_timer(now, id, &request, timer),
            TimerKey::Branch(branch, timer) => self.branch_timer(now, id, &branch, timer),
            TimerKey::ProbeWait { key, client, route } => self.probe_wait_over(&key, client, route),
            TimerKey::PendingTrying(request) => self.pending_trying(&request),
            TimerKey::Scheduled(id) => self.shared.events.push(Event::Scheduled(id)),
            TimerKey::Sweep => self.sweep(now),
            TimerKey::CallLimit { client, route, call } => {
                call.finish(Outcome::Failed(Failure::call_timeout()));
                call.give_up();
                self.give_up(now, CoreRef { client, route });
            }
            TimerKey::UacAck(key) => self.uac_acks.forget(&key),
        }
    }

    fn sweep(&mut self, now: Instant) {
        self.timers.arm(now + SWEEP_INTERVAL, TimerKey::Sweep);
        self.network.sweep(now);
        self.sweep_peers(now);
        self.sweep_held_responses();
    }

    fn is_stopped(&self) -> bool {
        let Some((deadline, _)) = &self.stopping else { return false };
        let busy = self.branches.values().any(Branch::is_awaited)
            || self.servers.values().any(|entry| entry.request.is_undecided())
            || !self.shared.events.is_empty();
        let now = SystemClock.now();
        (!busy && now >= self.waits_for_acks) || now >= *deadline
    }

    /// A 2xx to an INVITE went upstream: the call is up once its ACK has come by, which is a request of its own
    /// (RFC 3261 13.2.2.4).
    pub(super) fn expect_ack(&mut self) {
        self.acks_due += 1;
        self.waits_for_acks = SystemClock.now() + ACK_LIMIT;
    }

    /// An ACK goes to the script.
    pub(super) fn ack_has_come(&mut self) {
        self.acks_due = self.acks_due.saturating_sub(1);
        if self.acks_due == 0 {
            self.waits_for_acks = SystemClock.now() + ACK_ROUTING;
        }
    }

    pub(super) fn publish_counts(&self, commands: usize) {
        self.shared.counts.publish(Alive {
            commands,
            servers: self.servers.len(),
            branches: self.branches.len(),
            connections: self.network.connection_count(),
            waiting_for_probe: self.probes.waiting(),
            responses: self.responses,
            own_dialogs: self.own_dialogs.len(),
        });
    }

    /// Takes over a route from the thread that called `route`.
    fn start(&mut self, mut route: Box<Route>) {
        let now = self.shared.clock.now();
        let (client, id) = (route.client.id(), route.id);
        if let Some((call, limit)) = route.call_limit() {
            let key = TimerKey::CallLimit { client, route: id, call };
            route.call_timer = Some(self.timers.arm(now + limit, key));
        }
        self.abandon_others(now, client, id);
        self.clients.entry(client).or_default();
        self.run_route(route);
        self.drain(client);
    }

    /// A second `route` on a Client ends what its first one has pending (RFC 3261 16.7 step 10).
    fn abandon_others(&mut self, now: Instant, client: u64, new: u64) {
        let others: SmallVec<[u64; 2]> = match self.clients.get(&client) {
            None => return,
            Some(slot) => slot.ids().filter(|id| *id != new).collect(),
        };
        for id in others {
            // Only a pending branch is abandoned: a route whose branch has failed ends in its own way.
            if self.abandon_branch(now, id) || self.resolver.abandon(id) || self.waits_for_probe(client, id) {
                self.deliver(client, id, Input::Abandoned);
            }
        }
    }

    fn waits_for_probe(&self, client: u64, id: u64) -> bool {
        let slot = self.clients.get(&client);
        slot.is_some_and(|slot| slot.routes.iter().any(|route| route.id == id && route.asks_probe()))
    }

    /// A callback round ended: carry out what it decided, then what waited for it.
    fn give_back(&mut self, route: Box<Route>) {
        let client = route.client.id();
        let slot = self.clients.entry(client).or_default();
        slot.away = None;
        let shown = std::mem::take(&mut slot.shown);
        slot.responses -= shown;
        self.responses -= shown;
        self.run_route(route);
        self.drain(client);
    }

    /// Hands queued inputs to their routes until one of them needs the dispatcher again.
    fn drain(&mut self, client: u64) {
        while let Some(slot) = self.clients.get_mut(&client) {
            if slot.away.is_some() {
                return;
            }
            match slot.queue.pop_front() {
                Some(QueuedInput { route, input, responses }) => {
                    slot.responses -= responses;
                    self.responses -= responses;
                    self.input(client, route, input);
                }
                None if slot.routes.is_empty() => {
                    self.clients.remove(&client);
                    return;
                }
                None => return,
            }
        }
    }

    /// Gives an input to a route, in the order of the Client's events.
    pub(super) fn deliver(&mut self, client: u64, route: u64, input: Input) {
        if matches!(&input, Input::Response(response) if !self.takes(client, response)) {
            return self.shared.counts.count_dropped(Dropped::ProvisionalResponse);
        }
        let Some(slot) = self.clients.get_mut(&client) else { return };
        let responses = match &input {
            Input::Response(response) => Responses::of(response),
            _ => Responses::default(),
        };
        slot.responses += responses;
        self.responses += responses;
        slot.queue.push_back(QueuedInput { route, input, responses });
        if slot.away.is_none() {
            self.drain(client);
        }
    }

    /// What waits for a Client or is with its blocks.
    pub(super) fn waiting_for(&self, client: u64) -> Responses {
        self.clients.get(&client).map(|slot| slot.responses).unwrap_or_default()
    }

    /// Whether a Client takes nothing before its block has ended.
    pub(super) fn is_away(&self, client: u64) -> bool {
        self.clients.get(&client).is_some_and(|slot| slot.away.is_some())
    }

    /// Whether a Client has blocks for this class of events.
    pub(super) fn shows(&self, client: u64, class: CallbackClass) -> bool {
        let slot = self.clients.get(&client);
        slot.is_some_and(|slot| slot.routes.iter().any(|route| route.client.has_callbacks(class)))
    }

    /// Whether a final response for a Client has to wait for blocks, its own or earlier ones.
    pub(super) fn waits_for_blocks(&self, client: u64) -> bool {
        self.is_away(client)
            || self.shows(client, CallbackClass::Success)
            || self.shows(client, CallbackClass::Failure)
    }

    fn input(&mut self, client: u64, id: u64, input: Input) {
        let Some(slot) = self.clients.get_mut(&client) else { return };
        let Some(index) = slot.routes.iter().position(|route| route.id == id) else { return };
        self.working_for = Beneficiary::Client(client);
        let mut route = slot.routes.swap_remove(index);
        if self.panics_next.take_if(|planned| *planned == client).is_some() {
            panic_quietly();
        }
        let relayed = matches!(input, Input::Response(_)) && route.kind == Kind::Proxy;
        if matches!(input, Input::Canceled) && route.kind == Kind::Uac {
            // `cancel` may have come while the blocks of on_target held the request back.
            self.cancel_branch(self.shared.clock.now(), id, Vec::new());
        }
        route.handle(&self.shared, self.shared.clock.now(), input);
        let away = self.run_route(route);
        if relayed && !away {
            self.shared.counts.count_relayed();
        }
    }

    /// Runs a route until it waits. Returns true when it left for the dispatcher.
    fn run_route(&mut self, mut route: Box<Route>) -> bool {
        let client = route.client.id();
        self.working_for = Beneficiary::Client(client);
        loop {
            let now = self.shared.clock.now();
            let progress = route.advance(&self.shared, now);
            self.settle(&mut route);
            if let Progress::Callback = progress {
                let slot = self.clients.entry(client).or_default();
                slot.away = Some(route.id);
                let shown = route.callback().and_then(Callback::response).map(|shown| Responses::of(shown));
                slot.shown = shown.unwrap_or_default();
                slot.responses += slot.shown;
                self.responses += slot.shown;
                self.shared.events.push(Event::Callback(route));
                return true;
            }
            let effects = std::mem::take(&mut route.effects);
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                self.route_effect(now, &mut route, effect);
            }
        }
        route.slim_down();
        if let Some(timer) = route.take_idle_call_timer() {
            self.timers.stop(timer);
        }
        let over = route.is_over();
        let slot = self.slot(client);
        // What came before the end is still heard, above all a CANCEL.
        if !over || slot.queue.iter().any(|waiting| waiting.route == route.id) {
            slot.routes.push(route);
        } else {
            route.end();
        }
        false
    }

    fn route_effect(&mut self, now: Instant, route: &mut Route, effect: Effect) {
        match effect {
            Effect::Resolve(inquiry) => self.resolve(route, inquiry),
            Effect::Send(target) => self.send_to_target(now, route, &target),
            Effect::AskProbe(target) => self.ask_probe(now, route, target),
            Effect::SendOverFlow => self.send_over_flow(now, route),
        }
    }

    fn slot(&mut self, client: u64) -> &mut ClientSlot {
        self.clients.entry(client).or_default()
    }

    /// A defect in one of its steps ends a Client. A route that the dispatcher has comes back to a Client that begins anew.
    pub(super) fn forget_client(&mut self, client: u64) {
        let Some(slot) = self.clients.remove(&client) else { return };
        self.responses -= slot.responses;
        for route in slot.routes {
            route.fail();
        }
    }

    /// Panics while a route of this Client is at work, if one waits.
    pub(super) fn panic_in_route(&mut self, client: u64) {
        let waiting = self.clients.get_mut(&client).and_then(|slot| slot.routes.pop());
        if let Some(_at_work) = waiting {
            self.working_for = Beneficiary::Client(client);
            panic_quietly();
        }
    }

    /// CANCEL reached the request that `core` routes (RFC 3261 16.10): downstream at once, the script in its turn.
    pub(super) fn tell_canceled(&mut self, now: Instant, core: CoreRef, reasons: Vec<Bytes>) {
        self.working_for = Beneficiary::Client(core.client);
        self.cancel_branch(now, core.route, reasons);
        self.deliver(core.client, core.route, Input::Canceled);
    }

    /// Nobody wants an answer any more: what is pending is cancelled, and nothing more is tried.
    pub(super) fn give_up(&mut self, now: Instant, core: CoreRef) {
        self.working_for = Beneficiary::Client(core.client);
        self.abandon_branch(now, core.route);
        self.resolver.abandon(core.route);
        self.deliver(core.client, core.route, Input::Abandoned);
    }

    /// `abort_routing`: what waits sends nothing any more. Blocks that run see to it themselves.
    fn abort_client(&mut self, client: u64) {
        let Some(slot) = self.clients.get(&client) else { return };
        let routes: SmallVec<[u64; 2]> = slot.ids().collect();
        for id in routes {
            self.deliver(client, id, Input::Aborted);
        }
    }

    /// `Uac#cancel`: the Client's pending INVITE is cancelled.
    fn cancel_client(&mut self, client: u64) {
        let now = self.shared.clock.now();
        let Some(slot) = self.clients.get(&client) else { return };
        let routes: SmallVec<[u64; 2]> = slot.ids().collect();
        for id in routes {
            self.cancel_branch(now, id, Vec::new());
            self.deliver(client, id, Input::Canceled);
        }
    }
}
