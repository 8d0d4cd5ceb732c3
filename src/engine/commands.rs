//! What other threads ask of the engine. Posting never blocks; the order of one poster is kept.

use std::sync::mpsc::SyncSender;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::defects::PlannedPanic;
use super::incoming::{CoreRef, IncomingRequest};
use super::resolver::ResolutionKey;
use super::route::Route;
use super::upgrade::Upgrade;
use crate::resolve::Resolved;
use crate::transaction::ServerEffects;
use crate::transport::ConnectionId;
use bytes::Bytes;

/// A message to the engine's thread.
#[derive(Debug)]
pub(super) enum Command {
    /// `route` was called; the route may already have run callbacks.
    Start(Box<Route>),
    /// A round of callbacks ended.
    Return(Box<Route>),
    /// A server transaction was stepped.
    Server(Arc<IncomingRequest>, ServerEffects),
    /// Send a response without a transaction.
    Respond(Arc<IncomingRequest>, Bytes),
    /// `on_request` is over.
    RequestDone(Arc<IncomingRequest>),
    /// A Client that waits sends nothing any more (`abort_routing`).
    AbortClient(u64),
    /// Cancel what this Client has pending (`Uac#cancel`).
    CancelClient(u64),
    /// Cancel what a route has pending: nobody waits for it any more.
    GiveUp(CoreRef),
    /// Queue [`super::Event::Scheduled`] when the time has passed.
    Schedule { id: u64, after: Duration },
    /// The peer of a TLS connection is accepted.
    AdmitConnection(ConnectionId),
    /// Close a stream connection after what is queued for it.
    CloseConnection(ConnectionId),
    /// Close a WebSocket with this status and reason after what is queued for it.
    CloseWebSocket { connection: ConnectionId, status: Option<u16>, reason: String },
    /// The script decided on a WebSocket, or answered its request.
    Upgrade(ConnectionId, Upgrade),
    /// A resolution ended.
    Resolved(ResolutionKey, Resolved),
    /// Panic: for specs of what that costs.
    Panic(PlannedPanic),
    /// The clock was frozen or released: look at the timers again.
    ClockChanged,
    /// Move the frozen clock on, firing what comes due on the way.
    Advance { by: Duration, done: SyncSender<()> },
    /// Finish: wait for transactions until the deadline of real time, then drop the rest.
    Stop { deadline: Instant, done: SyncSender<()> },
}

impl Command {
    /// Whether nothing leaves for it: it sets timers, which know their time, or clears away.
    pub(super) fn can_wait(&self) -> bool {
        matches!(self, Command::Server(..) | Command::RequestDone(_))
    }
}
