//! The engine: sockets, timers and machines in a thread of their own, and the handle by which others reach it.
//!
//! Who owns what:
//!
//! - The engine's thread owns the sockets, the one timer queue, the client transactions and every [`Route`] that
//!   waits for the network.
//! - A server transaction is shared behind a short lock ([`IncomingRequest`]), so that a reply can say at once whether
//!   it was accepted. Its effects are posted to the engine.
//! - A [`Route`] has one owner at a time. For a round of callbacks it travels through the [`EventQueue`] to the
//!   dispatcher and back; meanwhile everything that concerns its Client waits.
//!
//! No lock is held while Ruby runs, and nothing here waits for Ruby.

mod advance;
mod branches;
mod clock;
mod commands;
mod config;
mod core;
mod counts;
mod defects;
mod dns;
mod events;
mod incoming;
mod listeners;
mod log;
mod network;
mod outbox;
mod outgoing;
mod peers;
mod random;
mod receive;
mod resolver;
mod route;
mod scripted;
mod server;
mod sockets;
mod start;
mod stores;
mod subject;
mod timers;
mod uac_acks;
mod upgrade;
mod upstream;
mod waiting;
mod way;

use std::any::Any;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedSender;

use crate::client::digest::NonceCounts;
use crate::client::{
    is_udp_token, local_uri, port_for, read_unsigned, DialogKey, FlowTokenKey, ListenerNames, LocalAliases,
    ProcessTags,
};
use crate::clock::Clock;
use crate::message::{Message, ResponseSnapshot, UriRef};
use crate::transaction::{ServerEffect, ServerEffects, Timings};
use crate::transport::{ConnectionId, Connections, Source, Tls, TlsError, TlsSettings, Transport};

pub use clock::{EngineClock, SystemClock};
pub use config::{Config, Limits, StartError, WebSocketConfig};
pub use counts::{Dropped, Rejected, Stats, QUEUES};
pub use events::{Class, EventQueue, Queued, Wake};
pub use incoming::IncomingRequest;
pub use log::{is_engine_thread, queue_record, LogRecord};
pub use outgoing::ProxyHeaders;
pub use route::{Body, Call, ClientShared, Outcome, Progress, Route, RouteRequest};
pub use stores::{Store, StoredProfile};
pub use subject::Subject;
pub use upgrade::UpgradeRequest;
pub use way::Families;

use commands::Command;
use counts::Counts;
use defects::PlannedPanic;
use incoming::CoreRef;
use listeners::Listeners;
use outbox::Outbox;
pub use random::system_random;
use random::SharedRandom;
use sockets::Sockets;
use upgrade::Upgrade;
use way::Ways;

/// Something that Ruby has to run.
#[derive(Debug)]
pub enum Event {
    /// A new request: `on_request`. [`Engine::request_done`] is due when it ended.
    Request(Arc<IncomingRequest>),
    /// A round of a Client's blocks. [`Engine::return_route`] is due when it ended.
    Callback(Box<Route>),
    /// A client asks for a WebSocket: `on_connection`. [`Engine::accept_upgrade`] is due when it ended well, else
    /// [`Engine::refuse_upgrade`].
    Upgrade(Box<UpgradeRequest>),
    /// A WebSocket is gone: `on_disconnection`. [`Engine::drop_companion`] is due when it ended.
    WebSocketClosed {
        /// The connection.
        connection: ConnectionId,
        /// Whether the client ended it.
        by_client: bool,
    },
    /// A peer has shown its certificates: `on_server_tls_handshake` where we opened the connection, else
    /// `on_client_tls_handshake`. [`Engine::admit_connection`] or [`Engine::close_connection`] is due.
    TlsHandshake(TlsHandshake),
    /// A scheduled block's time has come.
    Scheduled(u64),
    /// A log record of the engine.
    Log(LogRecord),
    /// Log records were dropped: [`Shared::lost_records`] says how many.
    LostRecords,
}

/// A TLS connection whose peer is to be judged.
#[derive(Debug)]
pub struct TlsHandshake {
    /// The connection.
    pub source: Source,
    /// What the peer showed (DER), its own certificate first; a client need not show any.
    pub certificates: Vec<Bytes>,
}

impl TlsHandshake {
    /// About how many bytes of memory it takes.
    fn footprint(&self) -> usize {
        self.certificates.iter().map(Bytes::len).sum::<usize>() + std::mem::size_of::<Self>()
    }
}

impl Queued for Event {
    fn load(&self) -> Option<(Class, usize)> {
        match self {
            Event::Request(request) if request.is_ack() => Some((Class::Acks, request.message.footprint())),
            Event::Request(request) => Some((Class::Requests, request.message.footprint())),
            Event::Upgrade(request) => Some((Class::Requests, request.http.footprint())),
            Event::TlsHandshake(handshake) => Some((Class::Handshakes, handshake.footprint())),
            // One for each Client or connection; what waits for a Client is bounded there.
            Event::Callback(_) | Event::WebSocketClosed { .. } => None,
            Event::Scheduled(_) | Event::Log(_) | Event::LostRecords => None,
        }
    }
}

/// What new requests meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Not ready yet: 500 with Retry-After.
    Loading,
    /// Processed.
    Running,
    /// Stopping: 500 with Retry-After; what is under way goes on.
    Terminating,
}

/// What the engine's thread and the other threads both see.
pub struct Shared {
    clock: Arc<EngineClock>,
    random: SharedRandom,
    /// Draws the order of servers of equal priority (RFC 2782).
    srv_random: SharedRandom,
    timings: Timings,
    tags: ProcessTags,
    aliases: LocalAliases,
    listeners: Listeners,
    flow_tokens: FlowTokenKey,
    dialog_key: DialogKey,
    require_own_route: bool,
    accept_unsigned_flow_tokens: bool,
    product: String,
    limits: Limits,
    ways: Ways,
    status: AtomicU8,
    commands: UnboundedSender<Command>,
    outbox: Outbox,
    events: EventQueue<Event>,
    counts: Counts,
    routes: AtomicU64,
    nonce_counts: Mutex<NonceCounts>,
    companions: Companions,
    sockets: OnceLock<Sockets>,
}

/// What the boundary keeps for each connection.
type Companions = Mutex<HashMap<ConnectionId, Box<dyn Any + Send>>>;

impl Shared {
    fn post(&self, command: Command) {
        if command.can_wait() {
            return self.outbox.push(command);
        }
        // The engine is gone only after it was stopped; then nothing is owed to anybody.
        let _ = self.commands.send(command);
    }

    /// Sends a response from the calling thread. Where that is not possible the engine finds another way.
    fn deliver(&self, request: &Arc<IncomingRequest>, wire: &Bytes) {
        let sent = self.sockets.get().is_some_and(|sockets| sockets.respond(request, wire));
        if !sent {
            self.post(Command::Respond(request.clone(), wire.clone()));
        }
    }

    /// Carries out what a server machine asks for: sends at once, timers through the engine.
    fn carry_out(&self, request: &Arc<IncomingRequest>, effects: ServerEffects) {
        let mut rest = ServerEffects::new();
        for effect in effects {
            match effect {
                ServerEffect::Send(wire) => self.deliver(request, &wire),
                other => rest.push(other),
            }
        }
        if !rest.is_empty() {
            self.post(Command::Server(request.clone(), rest));
        }
    }

    /// The uses of servers' nonces, one count for all requests.
    fn nonce_counts(&self) -> MutexGuard<'_, NonceCounts> {
        self.nonce_counts.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn next_route(&self) -> u64 {
        self.routes.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends a request that no script made.
    fn start_own_request(&self, ask: RouteRequest) {
        self.post(Command::Start(Route::new(self.next_route(), self, self.clock.now(), ask)));
    }

    fn companions(&self) -> MutexGuard<'_, HashMap<ConnectionId, Box<dyn Any + Send>>> {
        self.companions.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn status(&self) -> Status {
        match self.status.load(Ordering::Relaxed) {
            0 => Status::Loading,
            1 => Status::Running,
            _ => Status::Terminating,
        }
    }

    /// Whether a message came to a socket that was opened to send from it: nobody was told that we listen there.
    fn came_to_sender(&self, source: &Source) -> bool {
        let local = source.local.ip();
        self.ways.sending().has(local)
            && !way::is_loopback(local)
            && (source.transport == Transport::Udp || !source.inbound)
    }

    /// The token of the flow that a request came by (RFC 5626); `None` for connections that we opened.
    fn flow_token(&self, source: &Source) -> Option<String> {
        match source.connection {
            None => Some(self.flow_tokens.sign(source.remote)),
            Some(connection) => self.sockets.get()?.flow_token(connection),
        }
    }

    /// The address that a UDP flow token names, if it is one of ours.
    fn udp_flow(&self, token: &[u8]) -> Option<SocketAddr> {
        let signed = self.flow_tokens.verify(token);
        signed.or_else(|| self.accept_unsigned_flow_tokens.then(|| read_unsigned(token)).flatten())
    }

    /// Whether the flow of a token carries messages in the clear.
    fn is_flow_in_the_clear(&self, token: &[u8]) -> bool {
        if is_udp_token(token) {
            return true;
        }
        let sockets = self.sockets.get().zip(std::str::from_utf8(token).ok());
        sockets
            .and_then(|(sockets, token)| sockets.flow_transport(token))
            .is_some_and(|transport| !transport.secure())
    }

    /// What our Record-Route values in a request show when they come back in a Route of its dialog. The request as it was
    /// received counts: a script's edits stay between it and the callee.
    fn dialog_code<'a>(&self, request: &'a IncomingRequest) -> &'a str {
        request.dialog_code.get_or_init(|| {
            let message = &request.message;
            self.dialog_key.code(message.call_id().unwrap_or_default(), message.from_tag())
        })
    }

    /// Whether the Route at the top of a request is ours and shows that its dialog came by here.
    fn own_route(&self, request: &Message) -> bool {
        self.dialog_key.is_shown_by(request, |uri| self.is_own(uri))
    }

    /// Whether a URI is one that we wrote, or names this server.
    fn is_own(&self, uri: &UriRef<'_>) -> bool {
        uri.ovid().is_some_and(|ovid| self.tags.check_ovid(ovid)) || local_uri(uri, &self.aliases)
    }

    /// A request whose Request-URI is a Record-Route value of ours comes from a strict router: as a loose one would have sent it
    /// (RFC 3261 16.4). Whose `ovid` it is does not matter where the URI names this server: it changes at a restart.
    fn undo_strict_routing(&self, request: Message) -> Message {
        let Some(uri) = request.ruri().filter(|_| request.has_routes()) else { return request };
        if uri.ovid().is_none() || !self.is_own(&uri) {
            return request;
        }
        request.from_strict_router().unwrap_or(request)
    }

    /// A request whose Request-URI leads here by its `maddr`, and by the port and the transport that it came by, as if it had
    /// none of them (RFC 3261 16.4). One that came by others goes on to those first.
    fn strip_own_maddr(&self, request: Message, source: &Source) -> Message {
        let is_here = |uri: UriRef<'_>| {
            let own = uri.maddr().flatten().is_some_and(|host| self.aliases.has_host(&host));
            own && port_for(&uri, source.transport)
                .is_some_and(|port| self.listeners.came_by_port(source, port))
        };
        if !request.ruri().is_some_and(is_here) {
            return request;
        }
        request.without_maddr().unwrap_or(request)
    }

    /// The branch of a new client transaction.
    fn new_branch(&self, antiloop_id: &[u8; 32]) -> String {
        self.random.draw(|random| self.tags.new_branch(antiloop_id, random))
    }

    /// A To tag for a reply without a transaction.
    fn totag_for_sl_reply(&self) -> String {
        self.random.draw(|random| self.tags.totag_for_sl_reply(random))
    }

    fn antiloop_id(&self, message: &Message) -> [u8; 32] {
        let route = message.routes().next().map(|(_, route)| route.uri().text);
        let ruri = message.ruri().map_or(&b""[..], |uri| uri.text);
        self.tags.antiloop_id(ruri, message.call_id().unwrap_or_default(), route)
    }

    /// Makes the server transaction of a request; an INVITE is told at once that it is being tried (RFC 3261 17.2.1).
    fn create_transaction(&self, request: &Arc<IncomingRequest>, now: Instant) -> bool {
        if !request.create_transaction(now, &self.timings, |effects| self.carry_out(request, effects)) {
            return false;
        }
        // It may have been answered before it got its transaction.
        if request.is_invite() && request.valid_response(100) {
            upstream::reply(self, now, request, 100, b"Trying", &[], b"");
        }
        true
    }
}

/// A running engine.
pub struct Engine {
    shared: Arc<Shared>,
    listening: Vec<(Transport, SocketAddr)>,
    connections: Connections,
    tls: Arc<Tls>,
    thread: Mutex<Option<JoinHandle<()>>>,
    stopping: AtomicBool,
}

impl Engine {
    /// Binds the listeners and starts the engine's thread. When it returns the listeners are served; new requests are
    /// answered as [`Status::Loading`] says.
    pub fn start(config: Config) -> Result<Arc<Engine>, StartError> {
        start::start(config)
    }

    /// Takes other certificates for the handshakes to come, in both directions; connections that are up stay. On an error
    /// the old ones stay.
    pub fn replace_certificates(&self, settings: &TlsSettings) -> Result<(), TlsError> {
        self.tls.replace(settings)
    }

    /// The listening sockets with their real ports.
    pub fn listening(&self) -> &[(Transport, SocketAddr)] {
        &self.listening
    }

    /// The header texts of the listening sockets, in the same order.
    pub fn listener_names(&self) -> impl Iterator<Item = &ListenerNames> {
        self.shared.listeners.names()
    }

    /// The engine's time.
    pub fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    /// What [`Route::advance`] needs.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The events for the thread that runs Ruby.
    pub fn events(&self) -> &EventQueue<Event> {
        &self.shared.events
    }

    /// Names that are ours (messages to them are for this server).
    pub fn aliases(&self) -> &LocalAliases {
        &self.shared.aliases
    }

    /// The tags and keys of this process.
    pub fn tags(&self) -> &ProcessTags {
        &self.shared.tags
    }

    /// The key that signs UDP flow tokens.
    pub fn flow_tokens(&self) -> &FlowTokenKey {
        &self.shared.flow_tokens
    }

    /// Whether the Route at the top of a request, as it was received, is ours and carries the code of the request's dialog.
    pub fn own_route(&self, request: &Message) -> bool {
        self.shared.own_route(request)
    }

    /// What `Server` and `User-Agent` headers say.
    pub fn product(&self) -> &str {
        &self.shared.product
    }

    /// Sets what new requests meet.
    pub fn set_status(&self, status: Status) {
        self.shared.status.store(status as u8, Ordering::Relaxed);
    }

    /// Replies to a request (RFC 3261 8.2.6). False: it is an ACK, or its transaction refuses the status.
    pub fn reply(
        &self,
        request: &Arc<IncomingRequest>,
        status: u16,
        reason: &[u8],
        extra_lines: &[Bytes],
        body: &[u8],
    ) -> bool {
        upstream::reply(&self.shared, self.now(), request, status, reason, extra_lines, body)
    }

    /// Sends a complete response. False when the transaction refuses its status.
    pub fn reply_full(&self, request: &Arc<IncomingRequest>, response: &ResponseSnapshot) -> bool {
        upstream::forward(&self.shared, self.now(), request, response)
    }

    /// Tells the client that one early dialog is over (RFC 6228).
    pub fn reply_199(&self, request: &Arc<IncomingRequest>, response: &Message) {
        upstream::reply_199(&self.shared, self.now(), request, response);
    }

    /// Makes the server transaction: `Some(true)` when it was made, `Some(false)` when there is one already, `None`
    /// for ACK and CANCEL, which never have one of their own.
    pub fn create_transaction(&self, request: &Arc<IncomingRequest>) -> Option<bool> {
        request.key.as_ref()?;
        Some(self.shared.create_transaction(request, self.now()))
    }

    /// The token of the flow that a request came by (RFC 5626); `None` for connections that we opened.
    pub fn flow_token(&self, source: &Source) -> Option<String> {
        self.shared.flow_token(source)
    }

    /// Whether a token names a flow that can be sent over: a signed UDP token, or a live connection.
    pub fn is_flow(&self, token: &[u8]) -> bool {
        if crate::client::is_udp_token(token) {
            return self.shared.udp_flow(token).is_some();
        }
        std::str::from_utf8(token).is_ok_and(|token| self.connections.by_flow_token(token).is_some())
    }

    /// The stream connections, to be looked at.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Every connection that is up, as the source of what comes over it.
    pub fn live_connections(&self) -> Vec<Source> {
        self.connections.sources()
    }

    /// Sends bytes over the connection of `source`, or from its UDP socket to an address. False when they did not leave.
    pub fn send_over(&self, source: &Source, wire: Bytes, to: SocketAddr) -> bool {
        self.shared.sockets.get().is_some_and(|sockets| sockets.send(source, &wire, to))
    }

    /// Looks at what was kept with [`Engine::set_companion`].
    pub fn companion<R>(&self, connection: ConnectionId, look: impl FnOnce(&dyn Any) -> R) -> Option<R> {
        self.shared.companions().get(&connection).map(|companion| look(&**companion))
    }

    /// Keeps something for a connection until it is gone.
    pub fn set_companion(&self, connection: ConnectionId, companion: Box<dyn Any + Send>) {
        self.shared.companions().insert(connection, companion);
        // It may have gone before; then nobody would ever take the companion away.
        if self.connections.info(connection).is_none() {
            self.shared.companions().remove(&connection);
        }
    }

    /// Forgets what was kept with [`Engine::set_companion`].
    pub fn drop_companion(&self, connection: ConnectionId) {
        self.shared.companions().remove(&connection);
    }

    /// Gives a client its WebSocket, unless the connection was closed or the request refused meanwhile.
    pub fn accept_upgrade(&self, request: &UpgradeRequest) {
        let response = request.accepted(&self.shared);
        self.post_upgrade(request.source.connection, Upgrade::Accept(response));
    }

    /// Sends an HTTP answer to a client that asks for a WebSocket, and closes. Does nothing once it has got one.
    pub fn refuse_upgrade(&self, connection: ConnectionId, response: Bytes) {
        self.post_upgrade(Some(connection), Upgrade::Refuse(response));
    }

    /// Sends an HTTP answer to a client that asks for a WebSocket and leaves the rest open. Does nothing once it has got one.
    pub fn answer_upgrade(&self, connection: ConnectionId, response: Bytes) {
        self.post_upgrade(Some(connection), Upgrade::Answer(response));
    }

    fn post_upgrade(&self, connection: Option<ConnectionId>, upgrade: Upgrade) {
        if let Some(connection) = connection {
            self.shared.post(Command::Upgrade(connection, upgrade));
        }
    }

    /// Closes a WebSocket with this status and reason after what is queued for it; before its upgrade it closes silently.
    pub fn close_websocket(&self, connection: ConnectionId, status: Option<u16>, reason: String) {
        self.shared.post(Command::CloseWebSocket { connection, status, reason });
    }

    /// The peer of [`Event::TlsHandshake`] is accepted. Nothing happens if the connection was closed meanwhile.
    pub fn admit_connection(&self, connection: ConnectionId) {
        self.shared.post(Command::AdmitConnection(connection));
    }

    /// Closes a stream connection after what is queued for it.
    pub fn close_connection(&self, connection: ConnectionId) {
        self.shared.post(Command::CloseConnection(connection));
    }

    /// Makes a route. A proxy's request gets its server transaction, and this route becomes that transaction's core.
    /// Nothing leaves before the route was advanced and handed to [`Engine::start_route`].
    pub fn new_route(&self, ask: RouteRequest) -> Box<Route> {
        let now = self.now();
        let id = self.shared.next_route();
        if let Some(upstream) = &ask.upstream {
            let fresh = self.shared.create_transaction(upstream, now);
            let effects = upstream.take_over(now, CoreRef { client: ask.client.id(), route: id });
            // A transaction made just now has its whole timer C2 before it.
            if !fresh {
                self.shared.carry_out(upstream, effects);
            }
        }
        Route::new(id, &self.shared, now, ask)
    }

    /// Hands a new route to the engine.
    pub fn start_route(&self, route: Box<Route>) {
        self.shared.post(Command::Start(route));
    }

    /// Gives a route back after a round of callbacks.
    pub fn return_route(&self, route: Box<Route>) {
        self.shared.post(Command::Return(route));
    }

    /// `on_request` of this request ended.
    pub fn request_done(&self, request: Arc<IncomingRequest>) {
        request.log_unanswered();
        // Only a request that nothing was made of, or that is left to its CANCEL, has something to clear away.
        if request.is_pending() || request.is_left_canceled() {
            self.shared.post(Command::RequestDone(request));
        }
    }

    /// Sends the ACK for a 2xx that a Client has received (RFC 3261 13.2.2.4). `ruri` is the Request-URI of its INVITE. False:
    /// the response is no 2xx to an INVITE.
    pub fn acknowledge(
        &self,
        client: &ClientShared,
        profile: &StoredProfile,
        response: &Message,
        ruri: &Bytes,
        body: Option<Body>,
    ) -> bool {
        let ack = route::acknowledgement(&self.shared, client, profile, response, ruri, body);
        let possible = ack.is_some();
        if let Some(ack) = ack {
            self.shared.start_own_request(ack);
        }
        possible
    }

    /// The thread that waits for a call waits no longer: the request is cancelled.
    pub fn give_up(&self, client: &ClientShared, route: u64, call: &Call) {
        call.give_up();
        self.shared.post(Command::GiveUp(CoreRef { client: client.id(), route }));
    }

    /// The script failed over a request that it may have routed: what is pending downstream is cancelled.
    pub fn abandon_request(&self, request: &Arc<IncomingRequest>) {
        request.abandon();
        if let Some(core) = request.core() {
            self.shared.post(Command::GiveUp(core));
        }
    }

    /// The routing that a Client has at hand, or its next one, tries no target any more.
    pub fn abort_routing(&self, client: &ClientShared) {
        client.abort_routing();
        self.shared.post(Command::AbortClient(client.id()));
    }

    /// Cancels the INVITE that a Client has pending.
    pub fn cancel_client(&self, client: &ClientShared) {
        client.cancel();
        self.shared.post(Command::CancelClient(client.id()));
    }

    /// Queues [`Event::Scheduled`] after a time, at once for none.
    pub fn schedule(&self, id: u64, after: Duration) {
        if after.is_zero() {
            self.shared.events.push(Event::Scheduled(id));
        } else {
            self.shared.post(Command::Schedule { id, after });
        }
    }

    /// Stops the engine's clock.
    pub fn freeze(&self) {
        self.shared.clock.freeze();
        self.shared.post(Command::ClockChanged);
    }

    /// Moves the stopped clock on. When it returns, every timer that came due has fired, each at its own time, and what waited
    /// for it has acted: connections, handshakes, look-ups.
    pub fn advance(&self, by: Duration) {
        self.freeze();
        let (done, wait) = sync_channel(1);
        self.shared.post(Command::Advance { by, done });
        // The engine's end drops the sender and so ends the wait.
        let _ = wait.recv();
    }

    /// Makes the draws among servers of equal priority follow from `seed` alone.
    pub fn seed(&self, seed: u64) {
        self.shared.srv_random.seed(seed);
    }

    /// Begins to stop: no new connections and requests. Open transactions may go on as long as `limit`, then they are
    /// dropped. A second call can only bring the end nearer. The limit is one of real time, even if the clock is frozen: a
    /// process has to end whatever its clock shows.
    pub fn stop(&self, limit: Duration) -> Stopping<'_> {
        self.set_status(Status::Terminating);
        self.stopping.store(true, Ordering::Relaxed);
        let (done, wait) = sync_channel(1);
        self.shared.post(Command::Stop { deadline: SystemClock.now() + limit, done });
        Stopping { engine: self, done: wait }
    }

    /// Whether [`Engine::stop`] was called: a thread that waits for a [`Call`] has to give it up.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Panics in the engine's thread while it works for this request: for specs of what that costs.
    pub fn panic_for_request(&self, request: &Arc<IncomingRequest>) {
        self.shared.post(Command::Panic(PlannedPanic::Request(request.clone())));
    }

    /// Panics in the engine's thread while it runs a route of this Client.
    pub fn panic_for_client(&self, client: &ClientShared) {
        self.shared.post(Command::Panic(PlannedPanic::Client(client.id())));
    }

    /// Panics in the engine's thread in the next step of a route of this Client.
    pub fn panic_in_next_step(&self, client: &ClientShared) {
        self.shared.post(Command::Panic(PlannedPanic::NextStep(client.id())));
    }

    /// Counts of what is alive and what was done.
    pub fn stats(&self) -> Stats {
        let mut stats = self.shared.counts.stats(&self.shared.events, &self.shared.limits);
        if let Some(sockets) = self.shared.sockets.get() {
            sockets.complete(&mut stats);
        }
        stats
    }
}

/// An engine on its way down. Nothing is dispatched any more once this is dropped.
#[must_use]
pub struct Stopping<'a> {
    engine: &'a Engine,
    done: Receiver<()>,
}

impl Stopping<'_> {
    /// Waits for the end; false when it has not come within `at_most`.
    pub fn wait(&self, at_most: Duration) -> bool {
        self.done.recv_timeout(at_most) != Err(RecvTimeoutError::Timeout)
    }
}

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.engine.shared.events.close();
        let thread = self.engine.thread.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(thread) = thread.filter(JoinHandle::is_finished) {
            let _ = thread.join();
        }
    }
}
