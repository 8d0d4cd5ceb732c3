//! What the table, the callers and the task of one connection share: its phase, its outgoing queue, its times.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::{watch, Notify, SetOnce};

use super::close_reason::CloseReason;
use super::memory::Memory;
use super::outgoing_queue::{Batch, OutgoingQueue, Queued};
use super::tls::{PeerName, Verification};
use super::unconfirmed::UnconfirmedResponse;
use super::ws::data_frame;
use super::{ConnectionId, Source, Transport};

/// Stands for "no deadline" among the times of a connection.
const NEVER: u64 = u64::MAX;

/// A connection as seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Its transport.
    pub transport: Transport,
    /// The peer's address.
    pub remote: SocketAddr,
    /// Our end; `None` while connecting, unless it was chosen before.
    pub local: Option<SocketAddr>,
    /// Whether a listener accepted it.
    pub inbound: bool,
    /// Whether it is up.
    pub connected: bool,
    /// Whether it is a WebSocket: its upgrade was accepted.
    pub websocket: bool,
    /// Bytes accepted for sending that the system has not taken yet.
    pub queued: usize,
}

/// The life of a connection. It only ever moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// On its way to be up; the queue fills.
    Connecting,
    /// The peer has shown its certificates and waits for the verdict: nothing is processed and nothing sent.
    Unverified,
    /// Up.
    Open,
    /// Out of the table; what is queued still goes out, then it is closed.
    Closing,
    /// To be dropped as it stands.
    Dead,
}

pub(super) struct Connection {
    pub id: ConnectionId,
    pub transport: Transport,
    pub remote: SocketAddr,
    pub inbound: bool,
    /// What the server has to prove: of TLS connections opened from here.
    verification: Option<Mutex<Demands>>,
    local: OnceLock<SocketAddr>,
    /// Set when a WebSocket's upgrade was accepted.
    upgraded: SetOnce<()>,
    /// Milliseconds since the table's epoch of the last WebSocket ping.
    pinged_at: AtomicU64,
    phase: watch::Sender<Phase>,
    reason: OnceLock<CloseReason>,
    outgoing: Mutex<OutgoingQueue>,
    outgoing_filled: Notify,
    /// Milliseconds since the table's epoch of the last traffic in either direction.
    active_at: AtomicU64,
    /// Milliseconds since the table's epoch by which the peer must have sent more.
    deadline: AtomicU64,
    /// Requests of the peer that have no final answer yet.
    owed: AtomicUsize,
    /// The peer has closed its side.
    finished: AtomicBool,
}

/// An answer that the peer of a connection waits for. A connection whose peer has closed its side lives as long as one of these.
pub struct Owed(Arc<Connection>);

impl Owed {
    /// One more answer; only the reader of the connection counts.
    pub(super) fn to(connection: &Arc<Connection>) -> Self {
        connection.owed.fetch_add(1, Ordering::SeqCst);
        Self(connection.clone())
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        let last = self.0.owed.fetch_sub(1, Ordering::SeqCst) == 1;
        if last && self.0.finished.load(Ordering::SeqCst) {
            // What was queued, the last answer too, still goes out.
            self.0.end(Phase::Closing, CloseReason::Peer);
        }
    }
}

impl fmt::Debug for Owed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Owed").field(&self.0.id).finish()
    }
}

/// What all who wait for a connection demand together, until its handshake is over.
struct Demands {
    verification: Verification,
    settled: bool,
}

impl Connection {
    pub fn new(
        id: ConnectionId,
        (transport, remote): (Transport, SocketAddr),
        inbound: bool,
        verification: Option<Verification>,
        now: u64,
        memory: &Arc<Memory>,
    ) -> Connection {
        Connection {
            id,
            transport,
            remote,
            inbound,
            verification: verification.map(|it| Mutex::new(Demands { verification: it, settled: false })),
            local: OnceLock::new(),
            upgraded: SetOnce::new(),
            pinged_at: AtomicU64::new(now),
            phase: watch::Sender::new(Phase::Connecting),
            reason: OnceLock::new(),
            outgoing: Mutex::new(OutgoingQueue::new(memory)),
            outgoing_filled: Notify::new(),
            active_at: AtomicU64::new(now),
            deadline: AtomicU64::new(NEVER),
            owed: AtomicUsize::new(0),
            finished: AtomicBool::new(false),
        }
    }

    pub fn info(&self) -> ConnectionInfo {
        ConnectionInfo {
            transport: self.transport,
            remote: self.remote,
            local: self.local.get().copied(),
            inbound: self.inbound,
            connected: matches!(self.phase(), Phase::Unverified | Phase::Open),
            websocket: self.is_websocket(),
            queued: self.queued(),
        }
    }

    /// The source of messages that come over it; `local` was set when it came up.
    pub fn source(&self, local: SocketAddr) -> Source {
        Source {
            transport: self.transport,
            remote: self.remote,
            local,
            connection: Some(self.id),
            inbound: self.inbound,
        }
    }

    // Phase ----------------------------------------------------------------------------------------------------

    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Our end is chosen before the connection is up.
    pub fn begins_at(&self, local: SocketAddr) {
        let _ = self.local.set(local);
    }

    /// Marks a connection as up; `false` if it was closed meanwhile.
    pub fn opened(&self, local: SocketAddr, now: u64) -> bool {
        let _ = self.local.set(local);
        self.active(now);
        self.advance(Phase::Open);
        self.phase() == Phase::Open
    }

    /// Marks a connection as up but for the verdict on its peer.
    pub fn shaken(&self, local: SocketAddr, now: u64) {
        let _ = self.local.set(local);
        self.active(now);
        self.advance(Phase::Unverified);
    }

    /// The verdict is that the connection may be used.
    pub fn admitted(&self) {
        if self.phase() == Phase::Unverified {
            self.advance(Phase::Open);
        }
    }

    /// Moves on to `Closing` or `Dead`. The first reason given is the one reported.
    pub fn end(&self, phase: Phase, reason: CloseReason) {
        let _ = self.reason.set(reason);
        self.advance(phase);
        // The writer sits on an empty queue and has to see that no more will come.
        self.outgoing_filled.notify_one();
    }

    /// The peer has closed its side; whether it still waits for an answer. If not, the connection is to be ended.
    pub fn finish(&self) -> bool {
        self.finished.store(true, Ordering::SeqCst);
        // The writer has to see it.
        self.outgoing_filled.notify_one();
        self.owed.load(Ordering::SeqCst) > 0
    }

    /// Whether the peer has closed its side.
    pub fn is_finished(&self) -> bool {
        self.finished.load(Ordering::SeqCst)
    }

    pub fn reason(&self) -> CloseReason {
        self.reason.get().cloned().unwrap_or(CloseReason::Local)
    }

    /// Resolves once the connection is in `phase` or beyond.
    pub async fn reached(&self, phase: Phase) {
        // The sender is a field of self, so the wait cannot end for lack of it.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }

    fn advance(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let forward = phase > *now;
            if forward {
                *now = phase;
            }
            forward
        });
    }

    // WebSocket ------------------------------------------------------------------------------------------------

    /// Whether it is a WebSocket by now.
    pub fn is_websocket(&self) -> bool {
        self.upgraded.initialized()
    }

    /// From now on it is a WebSocket.
    pub fn upgrade(&self, now: u64) {
        self.pinged_at.store(now, Ordering::Relaxed);
        let _ = self.upgraded.set(());
    }

    /// Resolves once it is a WebSocket.
    pub async fn upgraded(&self) {
        self.upgraded.wait().await;
    }

    /// A SIP message as it travels on this connection; `None` while it carries none.
    pub fn wrap(&self, message: Bytes) -> Option<Bytes> {
        if !self.transport.websocket() {
            return Some(message);
        }
        self.is_websocket().then(|| data_frame(&message))
    }

    /// Whether the interval has passed since the last ping; then the next one is counted from now.
    pub fn ping_is_due(&self, now: u64, interval: u64) -> bool {
        let due =
            self.is_websocket() && now.saturating_sub(self.pinged_at.load(Ordering::Relaxed)) >= interval;
        if due {
            self.pinged_at.store(now, Ordering::Relaxed);
        }
        due
    }

    // Verification ---------------------------------------------------------------------------------------------

    /// Whether a message for a server with these demands may travel on this connection.
    pub fn serves(&self, wanted: &Verification) -> bool {
        match self.demands() {
            Some(demands) => demands.verification.covers(wanted),
            // One that a client opened: it proves its address at best.
            None => self.inbound && matches!(wanted.name, PeerName::Ip(_)) && !wanted.by_library,
        }
    }

    /// Takes over further demands. False once the handshake is over, and for another server.
    pub fn tighten(&self, wanted: &Verification) -> bool {
        let Some(mut demands) = self.demands() else { return false };
        let in_time = !demands.settled && demands.verification.name == wanted.name;
        if in_time {
            demands.verification.tighten(wanted);
        }
        in_time
    }

    /// Whom the connection is for.
    pub fn peer_name(&self) -> Option<PeerName> {
        self.demands().map(|demands| demands.verification.name.clone())
    }

    /// The demands as they stand at the end of the handshake; they grow no more.
    pub fn settle_verification(&self) -> Option<Verification> {
        let mut demands = self.demands()?;
        demands.settled = true;
        Some(demands.verification.clone())
    }

    fn demands(&self) -> Option<MutexGuard<'_, Demands>> {
        let demands = self.verification.as_ref()?;
        Some(demands.lock().unwrap_or_else(PoisonError::into_inner))
    }

    // Outgoing queue -------------------------------------------------------------------------------------------

    pub fn push(&self, bytes: Bytes) -> Queued {
        if bytes.is_empty() {
            return Queued::Yes;
        }
        self.push_to(&mut self.outgoing(), bytes)
    }

    /// As [`Connection::push`], for a response. That to a peer that has closed its side is kept until it is certain that the
    /// peer takes it; `to` says where it goes to otherwise, if anywhere.
    pub fn push_response(&self, wire: Bytes, to: impl FnOnce() -> Option<SocketAddr>, now: u64) -> Queued {
        let to = if self.is_finished() { to() } else { None };
        let Some(to) = to else { return self.push(wire) };
        let mut outgoing = self.outgoing();
        let queued = self.push_to(&mut outgoing, wire.clone());
        if queued == Queued::Yes {
            outgoing.keep(wire, to, now);
        }
        queued
    }

    fn push_to(&self, outgoing: &mut OutgoingQueue, bytes: Bytes) -> Queued {
        if self.phase() >= Phase::Closing {
            return Queued::Closed;
        }
        let queued = outgoing.push(bytes);
        if queued == Queued::Yes {
            self.outgoing_filled.notify_one();
        }
        queued
    }

    /// Whether there are responses that a peer which has closed its side may not have taken.
    pub fn has_unconfirmed(&self) -> bool {
        self.outgoing().has_unconfirmed()
    }

    /// Those responses, in their order. From now on the connection takes none.
    pub fn take_unconfirmed(&self, now: u64) -> VecDeque<UnconfirmedResponse> {
        self.outgoing().take_unconfirmed(now)
    }

    /// Waits for something to write and hands out the first few messages; `None` once the connection is closing
    /// and everything was written, or with `both_ways` when the peer has closed its side. Only for the one writer: what it
    /// wrote it reports with [`Connection::written`].
    pub async fn next_batch(&self, both_ways: bool) -> Option<Batch> {
        loop {
            {
                let mut outgoing = self.outgoing();
                if both_ways && self.is_finished() {
                    return None;
                }
                if let Some(batch) = outgoing.batch() {
                    return Some(batch);
                }
                if self.phase() >= Phase::Closing {
                    outgoing.close();
                    return None;
                }
            }
            self.outgoing_filled.notified().await;
        }
    }

    /// Takes `count` bytes off the front of the queue.
    pub fn written(&self, count: usize) {
        self.outgoing().written(count);
    }

    /// Bytes that wait to be sent.
    pub fn queued(&self) -> usize {
        self.outgoing().bytes()
    }

    /// Empties the queue for good; whether there was anything left in it, now or the first time.
    pub fn discard(&self) -> bool {
        self.outgoing().discard()
    }

    fn outgoing(&self) -> MutexGuard<'_, OutgoingQueue> {
        // Every change of the queue is complete before anything could panic.
        self.outgoing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // Times, in milliseconds since the table's epoch -----------------------------------------------------------

    pub fn active(&self, now: u64) {
        self.active_at.fetch_max(now, Ordering::Relaxed);
    }

    pub fn idle_since(&self) -> u64 {
        self.active_at.load(Ordering::Relaxed)
    }

    pub fn set_deadline(&self, deadline: Option<u64>) {
        self.deadline.store(deadline.unwrap_or(NEVER), Ordering::Relaxed);
    }

    pub fn overdue(&self, now: u64) -> bool {
        self.deadline.load(Ordering::Relaxed) <= now
    }
}
