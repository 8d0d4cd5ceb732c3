//! The table of stream connections.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, info, warn};

use super::close_reason::CloseReason;
use super::connection::{Connection, ConnectionInfo, Phase};
use super::memory::{Held, Memory, Pause, HELD_BYTES};
use super::options::Options;
use super::outgoing_queue::Queued;
use super::table::{peer_key, Alive, Table, Tasks};
use super::tls::Verification;
use super::ws::{close_frame, keepalive_frame};
use super::{ConnectionId, Source, Transport, TransportEvent};
use crate::clock::Clock;
use crate::message::Defect;

/// How often [`Connections::sweep`] is due.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// A connection without traffic for this long is closed.
const IDLE_LIMIT: Duration = Duration::from_secs(7200);

/// Counts for the process: what knows a connection of an engine that has ended means none of the next one.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// The status of a WebSocket that ends since the server does (RFC 6455 section 7.4.1).
const GOING_AWAY: u16 = 1001;

/// Every stream connection, whoever opened it. Clones are handles to the same table and may be used from any thread;
/// no method waits.
#[derive(Clone)]
pub struct Connections(Arc<ConnectionsState>);

/// What the tasks of the connections share with the table.
pub(super) struct ConnectionsState {
    table: Mutex<Table>,
    clock: Arc<dyn Clock>,
    epoch: Instant,
    pub events: mpsc::Sender<TransportEvent>,
    pub options: Options,
    heeds_keepalives: AtomicBool,
    runtime: Handle,
    memory: Arc<Memory>,
    /// Whether responses are handed over for a verdict on each.
    holds_responses: AtomicBool,
}

impl Connections {
    /// An empty table. To be called within the runtime that will run the connections.
    pub fn new(options: Options, clock: Arc<dyn Clock>, events: mpsc::Sender<TransportEvent>) -> Connections {
        let epoch = clock.now();
        let runtime = Handle::current();
        let memory = Arc::default();
        let table = Mutex::new(Table::new());
        Connections(Arc::new(ConnectionsState {
            table,
            clock,
            epoch,
            events,
            options,
            runtime,
            memory,
            holds_responses: AtomicBool::new(false),
            heeds_keepalives: AtomicBool::new(false),
        }))
    }

    /// Whether keep-alives are reported as [`TransportEvent::Keepalive`].
    pub fn heed_keepalives(&self, on: bool) {
        self.0.heeds_keepalives.store(on, Ordering::Relaxed);
    }

    pub(super) fn heeds_keepalives(&self) -> bool {
        self.0.heeds_keepalives.load(Ordering::Relaxed)
    }

    /// A name for a connection that is not opened by a name of its opener's: an even number.
    pub(super) fn next_id(&self) -> ConnectionId {
        ConnectionId::new(NEXT_ID.fetch_add(1, Ordering::Relaxed) << 1)
    }

    /// The newest connection to this address over this transport, whoever opened it, be it up or being opened.
    pub fn lookup(&self, transport: Transport, remote: SocketAddr) -> Option<ConnectionId> {
        self.table().by_peer.get(&peer_key(transport, remote)).and_then(|ids| ids.last().copied())
    }

    /// The newest TLS connection to this address that serves what is wanted: one opened from here for the same server with
    /// at least the same demands; an accepted one only where an address is wanted.
    pub fn lookup_tls(&self, remote: SocketAddr, wanted: &Verification) -> Option<ConnectionId> {
        let table = self.table();
        let ids = table.by_peer.get(&peer_key(Transport::Tls, remote))?;
        let serves = |id: &&ConnectionId| table.by_id.get(id).is_some_and(|it| it.serves(wanted));
        ids.iter().rev().find(serves).copied()
    }

    /// Has the server of a TLS connection prove this as well. False when its handshake is over, or it is for another server.
    pub fn tighten(&self, id: ConnectionId, wanted: &Verification) -> bool {
        self.get(id).is_some_and(|connection| connection.tighten(wanted))
    }

    /// The verdict on the peer of [`TransportEvent::TlsHandshake`]: the connection may be used. To refuse it, close it.
    pub fn admit(&self, id: ConnectionId) {
        if let Some(connection) = self.get(id) {
            connection.admitted();
        }
    }

    /// What is known about a connection; `None` once it is closing.
    pub fn info(&self, id: ConnectionId) -> Option<ConnectionInfo> {
        self.get(id).map(|connection| connection.info())
    }

    /// Every connection that is up, as the source of what comes over it.
    pub fn sources(&self) -> Vec<Source> {
        let all: Vec<_> = self.table().by_id.values().cloned().collect();
        let source = |it: &Arc<Connection>| {
            let info = it.info();
            info.local.filter(|_| info.connected).map(|local| it.source(local))
        };
        all.iter().filter_map(source).collect()
    }

    /// How many connections are up or being opened.
    pub fn len(&self) -> usize {
        self.table().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Queues a SIP message for sending. `false` if the connection is gone or no WebSocket yet, or if it had to be given up
    /// because too much waited on it or on all connections; that also shows as [`TransportEvent::ConnectionClosed`].
    pub fn send(&self, id: ConnectionId, bytes: Bytes) -> bool {
        self.get(id).is_some_and(|connection| match connection.wrap(bytes) {
            Some(bytes) => self.push(&connection, bytes),
            None => false,
        })
    }

    /// Queues a response, as [`Connections::send`] does; a peer that has closed its side gets it too. If that peer turns out to
    /// have closed the other side as well, the response comes back in [`TransportEvent::AnswersLost`], where `elsewhere` names
    /// an address.
    pub fn respond(
        &self,
        id: ConnectionId,
        bytes: Bytes,
        elsewhere: impl FnOnce() -> Option<SocketAddr>,
    ) -> bool {
        self.get_answerable(id).is_some_and(|connection| match connection.wrap(bytes) {
            Some(bytes) => {
                let queued = connection.push_response(bytes, elsewhere, self.now());
                self.pushed(&connection, queued)
            }
            None => false,
        })
    }

    pub(super) fn push(&self, connection: &Arc<Connection>, bytes: Bytes) -> bool {
        self.pushed(connection, connection.push(bytes))
    }

    fn pushed(&self, connection: &Arc<Connection>, queued: Queued) -> bool {
        match queued {
            Queued::Yes => {
                if self.outgoing_bytes() > self.0.options.max_outgoing_bytes {
                    self.relieve();
                }
                connection.phase() < Phase::Dead
            }
            Queued::Closed => false,
            Queued::Full => {
                warn!(target: "oversip::transport", connection = %connection.id, remote = %connection.remote,
                    "outgoing queue full, connection dropped");
                self.give_up(connection);
                false
            }
        }
    }

    /// All connections together have too much to send: some are given up until a quarter of the room is free. Those that
    /// close already come first, since nobody sends on them any more, then those with the most.
    fn relieve(&self) {
        let enough = self.0.options.max_outgoing_bytes / 4 * 3;
        let mut loaded: Vec<_> = {
            let table = self.table();
            let all = table.by_id.values().chain(table.finished.values()).chain(table.closing.values());
            all.filter(|connection| connection.queued() > 0).cloned().collect()
        };
        loaded.sort_by_cached_key(|connection| {
            std::cmp::Reverse((connection.phase() >= Phase::Closing, connection.queued()))
        });
        let mut given_up = 0_u64;
        for connection in loaded {
            if self.outgoing_bytes() <= enough {
                break;
            }
            self.give_up(&connection);
            given_up += 1;
        }
        if given_up > 0 {
            warn!(target: "oversip::transport", connections = given_up,
                "too much waits to be sent, the connections with the most of it are dropped");
        }
    }

    /// Ends a connection with what it was to send.
    fn give_up(&self, connection: &Arc<Connection>) {
        self.0.memory.overflows.fetch_add(1, Ordering::Relaxed);
        self.end(connection, Phase::Dead, CloseReason::Overflow);
        self.discard(connection);
    }

    /// Empties the queue of a connection that has ended; whether anything was ever thrown away of it.
    pub(super) fn discard(&self, connection: &Connection) -> bool {
        let mut table = self.table();
        table.finished.remove(&connection.id);
        table.closing.remove(&connection.id);
        drop(table);
        connection.discard()
    }

    /// Bytes that wait to be sent on all connections.
    pub fn outgoing_bytes(&self) -> usize {
        self.0.memory.outgoing.load(Ordering::Relaxed)
    }

    /// Bytes that were read while the script decides on the peer.
    pub fn held_bytes(&self) -> usize {
        self.0.memory.held()
    }

    /// Bytes of responses that are kept since a peer which has closed its side may not have taken them.
    pub fn unconfirmed_bytes(&self) -> usize {
        self.0.memory.unconfirmed()
    }

    /// Connections that are not read on since a [`TransportEvent::HeldResponse`] of them is undecided.
    pub fn paused(&self) -> usize {
        self.0.memory.paused.load(Ordering::Relaxed)
    }

    /// Connections that were given up with what they were to send, so far.
    pub fn overflows(&self) -> u64 {
        self.0.memory.overflows.load(Ordering::Relaxed)
    }

    /// Whether responses on streams come as [`TransportEvent::HeldResponse`].
    pub fn hold_responses(&self, on: bool) {
        self.0.holds_responses.store(on, Ordering::Relaxed);
    }

    pub(super) fn holds_responses(&self) -> bool {
        self.0.holds_responses.load(Ordering::Relaxed)
    }

    /// A pause of a connection, and what tells it that the pause is over.
    pub(super) fn pause(&self) -> (Pause, oneshot::Receiver<()>) {
        self.0.memory.pause()
    }

    /// Waits for room for a message on its way to the engine; `false` when the connection closes before.
    pub(super) async fn make_room(&self, connection: &Connection, event: &mut TransportEvent) -> bool {
        let TransportEvent::Message { message, room, .. } = event else { return true };
        tokio::select! {
            biased;
            taken = self.0.memory.room(message.footprint()) => {
                *room = taken;
                true
            }
            () = connection.reached(Phase::Closing) => false,
        }
    }

    /// A place for what arrives while the script decides.
    pub(super) fn hold(&self) -> Held {
        Held::new(HELD_BYTES, &self.0.memory)
    }

    /// Closes a connection after what is queued was sent. `false` if there is no such connection.
    pub fn close(&self, id: ConnectionId) -> bool {
        self.close_with(id, None, "")
    }

    /// As [`Connections::close`]; a WebSocket's client is told this status and reason (RFC 6455 section 7).
    pub fn close_with(&self, id: ConnectionId, status: Option<u16>, reason: &str) -> bool {
        let Some(connection) = self.get_answerable(id) else { return false };
        self.say_farewell(&connection, status, reason);
        self.end(&connection, Phase::Closing, CloseReason::Local);
        true
    }

    fn say_farewell(&self, connection: &Arc<Connection>, status: Option<u16>, reason: &str) {
        if connection.is_websocket() {
            self.push(connection, close_frame(status, reason));
        }
    }

    /// Sends an answer to an upgrade request that does not decide it. `false` if the connection is gone or a WebSocket.
    pub fn answer_upgrade(&self, id: ConnectionId, response: Bytes) -> bool {
        let asking = self.get(id).filter(|connection| !connection.is_websocket());
        asking.is_some_and(|connection| self.push(&connection, response))
    }

    /// Sends the 101: the connection is a WebSocket from now on. `false` as in [`Connections::answer_upgrade`].
    pub fn accept_upgrade(&self, id: ConnectionId, response: Bytes) -> bool {
        let asking = self.get(id).filter(|connection| !connection.is_websocket());
        asking.is_some_and(|connection| {
            let accepted = self.push(&connection, response);
            if accepted {
                connection.upgrade(self.now());
            }
            accepted
        })
    }

    /// Sends an answer that refuses the upgrade, and closes. `false` as in [`Connections::answer_upgrade`].
    pub fn refuse_upgrade(&self, id: ConnectionId, response: Bytes) -> bool {
        self.answer_upgrade(id, response) && self.close(id)
    }

    /// Closes what was idle for two hours and what keeps us waiting for the rest of a message, and pings WebSockets. `now`
    /// is the engine's time; due every [`SWEEP_INTERVAL`] while there are connections.
    pub fn sweep(&self, now: Instant) {
        let now = self.millis(now);
        let idle_limit = IDLE_LIMIT.as_millis() as u64;
        let ping_interval = self.0.options.ws_keepalive.map(|interval| interval.as_millis() as u64);
        let mut due = Vec::new();
        let mut pings = Vec::new();
        let table = self.table();
        for connection in table.by_id.values().chain(table.finished.values()) {
            if ping_interval.is_some_and(|interval| connection.ping_is_due(now, interval)) {
                pings.push(connection.clone());
            }
            if connection.overdue(now) {
                due.push((connection.clone(), CloseReason::Stalled));
            } else if now.saturating_sub(connection.idle_since()) >= idle_limit {
                due.push((connection.clone(), CloseReason::Idle));
            }
        }
        drop(table);
        for connection in pings {
            self.push(&connection, keepalive_frame());
        }
        for (connection, reason) in due {
            info!(target: "oversip::transport", connection = %connection.id, remote = %connection.remote, %reason,
                "closing");
            if reason == CloseReason::Stalled && connection.phase() < Phase::Closing {
                self.0.options.malformed.count_dropped(Defect::HeadTimeout);
            }
            self.end(&connection, Phase::Closing, reason);
        }
    }

    /// Closes every connection: what is queued may go out until `end` comes, the rest is dropped. No connection can be
    /// opened or accepted any more.
    pub async fn shutdown(&self, end: impl Future<Output = ()>) {
        let (all, tasks) = {
            let mut table = self.table();
            let all: Vec<_> = table.by_id.values().chain(table.finished.values()).cloned().collect();
            (all, std::mem::replace(&mut table.tasks, Tasks::Stopped))
        };
        for connection in &all {
            self.say_farewell(connection, Some(GOING_AWAY), "");
            self.end(connection, Phase::Closing, CloseReason::Shutdown);
        }
        if let Tasks::Running { alive, mut ended } = tasks {
            drop(alive);
            tokio::select! {
                biased;
                _ = ended.recv() => {}
                () = end => {}
            }
        }
        for connection in &all {
            connection.end(Phase::Dead, CloseReason::Shutdown);
        }
    }

    // For the tasks of the connections -------------------------------------------------------------------------

    pub(super) fn shared(&self) -> &ConnectionsState {
        &self.0
    }

    /// Enters an accepted connection; `None` when there are too many or the layer is stopping.
    pub(super) fn accepted(
        &self,
        transport: Transport,
        remote: SocketAddr,
    ) -> Option<(Arc<Connection>, Alive)> {
        let (connection, alive) = self.insert(self.next_id(), transport, remote, true, None);
        alive.map(|alive| (connection, alive))
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.runtime.spawn(task);
    }

    /// The present, in milliseconds since the epoch of the table.
    pub(super) fn now(&self) -> u64 {
        self.millis(self.0.clock.now())
    }

    /// Takes a connection from those that may be used and has its task end it, which calls [`Connections::discard`] then.
    pub(super) fn end(&self, connection: &Arc<Connection>, phase: Phase, reason: CloseReason) {
        self.table().retire(connection, phase);
        debug!(target: "oversip::transport", connection = %connection.id, remote = %connection.remote, %reason,
            "connection ends");
        connection.end(phase, reason);
    }

    /// The peer has closed its side. Where it still waits for answers the connection is one for answers alone, and this is true;
    /// else the connection ends.
    pub(super) fn finish(&self, connection: &Arc<Connection>) -> bool {
        connection.set_deadline(None);
        // Before it may end of itself, so that nobody finds it by its address any more.
        let known = !connection.is_websocket() && self.table().finish(connection);
        let awaited = known && connection.finish();
        if awaited {
            debug!(target: "oversip::transport", connection = %connection.id, remote = %connection.remote,
                "the peer has closed its side and waits for answers");
        } else {
            self.end(connection, Phase::Closing, CloseReason::Peer);
        }
        awaited
    }

    /// Enters a new connection. Without the second half of the answer it was not entered and must not be opened.
    pub(super) fn insert(
        &self,
        id: ConnectionId,
        transport: Transport,
        remote: SocketAddr,
        inbound: bool,
        verification: Option<Verification>,
    ) -> (Arc<Connection>, Option<Alive>) {
        let now = self.now();
        let mut table = self.table();

        let alive = match &table.tasks {
            Tasks::Running { alive, .. } if table.len() < self.0.options.max_connections => {
                Some(alive.clone())
            }
            _ => None,
        };
        let memory = &self.0.memory;
        let connection = Connection::new(id, (transport, remote), inbound, verification, now, memory);
        let connection = Arc::new(connection);
        if alive.is_some() {
            table.insert(&connection);
        }
        (connection, alive)
    }

    fn get(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.table().by_id.get(&id).cloned()
    }

    fn get_answerable(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        let table = self.table();
        table.by_id.get(&id).or_else(|| table.finished.get(&id)).cloned()
    }

    pub(super) fn millis(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.0.epoch).as_millis() as u64
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No code that could panic runs between two changes that belong together.
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
