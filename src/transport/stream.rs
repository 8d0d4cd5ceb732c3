//! The task of one stream connection, whatever the stream is made of.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{ready, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tracing::{debug, info};

use super::admit::{admit, refuse};
use super::answers::{give_out, hand_on};
use super::close_reason::CloseReason;
use super::connection::{Connection, Owed, Phase};
use super::connections::Connections;
use super::framing::{Framing, SipFraming, Unit};
use super::handshake::Up;
use super::table::Alive;
use super::writing::{give_up, write};
use super::ws::WsFraming;
use super::{Source, TransportEvent};
use crate::message::{Message, Method};

/// Bytes read at a time.
const READ_BUFFER: usize = 64 * 1024;

/// How long the peer may take to close its side after everything was written. To close while bytes of it are unread
/// would make the system reset the connection, and the last answer could be lost.
const LINGER_LIMIT: Duration = Duration::from_secs(2);

/// How long a rejected request may wait for its answer before the connection closes without one, milliseconds.
const ANSWER_LIMIT: u64 = 10_000;

thread_local! {
    /// Connections read into this and their framers copy what they keep, so that a silent connection costs no buffer.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BUFFER].into_boxed_slice());
}

/// Serves a connection that may be used, as its transport has it.
pub(super) async fn serve(connections: Connections, connection: Arc<Connection>, up: Up, alive: Alive) {
    let options = &connections.shared().options;
    if connection.transport.websocket() {
        let framing = WsFraming::new(options.ws_limits);
        run(connections, connection, up, framing, alive).await;
    } else {
        let framing = SipFraming::new(options.max_body_size);
        run(connections, connection, up, framing, alive).await;
    }
}

/// Serves a connection that is up until it ends, and reports it.
async fn run(
    connections: Connections,
    connection: Arc<Connection>,
    up: Up,
    mut framing: impl Framing,
    alive: Alive,
) {
    let Up { stream, local, held, handshake } = up;
    framing.push(connections.clock().now(), &held);
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut alive = Some(alive);
    let id = connection.id;
    let (transport, remote, inbound) = (connection.transport, connection.remote, connection.inbound);
    debug!(target: "oversip::transport", connection = %id, %transport, %remote, %local, inbound, "connection up");

    let mut reading = Reading {
        connections: &connections,
        connection: &connection,
        source: connection.source(local),
        reader: &mut reader,
    };
    let read = async {
        let opened = TransportEvent::ConnectionOpened { id, transport, remote, local, inbound, handshake };
        if reading.emit(opened).await {
            reading.run(framing).await;
        }
    };
    let write = async {
        write(&connections, &connection, &mut writer).await;
        // A peer that has closed its side gets its answers first.
        alive.take_if(|_| !connection.is_finished());
    };
    let orderly = tokio::select! {
        biased;
        () = give_up(&connections, &connection) => false,
        _ = async { tokio::join!(read, write) } => true,
    };
    let finished = orderly && connection.is_finished();
    let (rest, taken) = if finished {
        (None, give_out(&connections, &connection, reader.unsplit(writer), alive).await)
    } else {
        (Some(reader).filter(|_| orderly), false)
    };
    if !taken {
        hand_on(&connections, &connection).await;
    }

    let unsent = connections.discard(&connection);
    let reason = connection.reason();
    let websocket = connection.is_websocket();
    info!(target: "oversip::transport", connection = %id, %remote, %reason, unsent, "connection closed");
    let linger = connection.phase() == Phase::Closing && reason != CloseReason::Peer;
    let closed = TransportEvent::ConnectionClosed { id, transport, remote, reason, websocket, unsent };
    let _ = connections.shared().events.send(closed).await;
    if let Some(mut reader) = rest.filter(|_| linger) {
        let drained = async { while matches!(read_some(&mut reader, |_| {}).await, Ok(1..)) {} };
        let _ = connections.clock().timeout(LINGER_LIMIT, drained).await;
    }
}

// Reading ------------------------------------------------------------------------------------------------------

struct Reading<'a, R> {
    connections: &'a Connections,
    connection: &'a Arc<Connection>,
    source: Source,
    reader: &'a mut R,
}

impl<R: AsyncRead + Unpin> Reading<'_, R> {
    /// Reads messages until the connection closes or one of them forbids to read on.
    async fn run(&mut self, mut framing: impl Framing) {
        let connections = self.connections;
        let clock = connections.clock();
        loop {
            while let Some(unit) = framing.next() {
                let asks_for_websocket = matches!(unit, Unit::Upgrade(_));
                // What was closed from here while the last message waited to be taken has nothing more to say.
                if self.connection.phase() >= Phase::Closing || !self.take(unit).await {
                    return;
                }
                if asks_for_websocket {
                    let Some(held) = self.await_upgrade().await else { return };
                    framing.push(clock.now(), &held);
                }
            }
            // Only while waiting for the peer: the time that the engine takes is not the peer's fault.
            self.connection.set_deadline(framing.deadline().map(|at| self.connections.millis(at)));
            if !self.read(|bytes| framing.push(clock.now(), bytes)).await {
                return;
            }
            self.connection.set_deadline(None);
        }
    }

    /// Handles one unit; `false` when nothing more is to be read.
    async fn take(&mut self, unit: Unit) -> bool {
        let malformed = &*self.connections.shared().options.malformed;
        match unit {
            Unit::Answer(bytes) => {
                self.connections.push(self.connection, bytes)
                    && (!self.connections.heeds_keepalives()
                        || self.emit(TransportEvent::Keepalive { source: self.source }).await)
            }
            Unit::Message(message) => {
                let held = !message.is_request() && self.connections.holds_responses();
                match admit(message, self.source, malformed) {
                    Some(TransportEvent::Message { message, source, .. }) if held => {
                        self.hand_over(message, source).await
                    }
                    Some(mut event) => {
                        self.owe(&mut event);
                        self.connections.make_room(self.connection, &mut event).await
                            && self.emit(event).await
                    }
                    None => true,
                }
            }
            Unit::Refused { request, status, reason, close, defect } => {
                debug!(target: "oversip::transport", connection = %self.connection.id,
                    remote = %self.source.remote, status, %defect, "request refused");
                malformed.count_refused(defect);
                let mut event = refuse(request, self.source, status, reason, close);
                self.owe(&mut event);
                let taken = self.emit(event).await;
                if taken && close {
                    self.ignore().await;
                }
                taken && !close
            }
            Unit::Upgrade(request) => {
                self.emit(TransportEvent::Upgrade { source: self.source, request }).await
            }
            Unit::Ignored(defect) => {
                info!(target: "oversip::transport", connection = %self.connection.id,
                    remote = %self.source.remote, %defect, "message ignored");
                malformed.count_dropped(defect);
                true
            }
            Unit::End { farewell, reason, defect } => {
                if let Some(defect) = defect {
                    malformed.count_dropped(defect);
                }
                self.connections.push(self.connection, farewell);
                self.connections.end(self.connection, Phase::Closing, reason);
                false
            }
        }
    }

    /// Has the engine decide when it takes a response, and waits until it has; `false` when the connection closes before.
    async fn hand_over(&self, message: Message, source: Source) -> bool {
        let (pause, over) = self.connections.pause();
        if !self.emit(TransportEvent::HeldResponse { message, source, pause }).await {
            return false;
        }
        tokio::select! {
            biased;
            _ = over => true,
            () = self.connection.reached(Phase::Closing) => false,
        }
    }

    /// Waits until the connection is a WebSocket. What arrives meanwhile is kept, so that the end of the client is seen; beyond
    /// a bound nothing is read. `None` when the connection is closing.
    async fn await_upgrade(&mut self) -> Option<Vec<u8>> {
        let connection = self.connection.clone();
        let mut held = self.connections.hold();
        while held.room() > 0 {
            let going_on = tokio::select! {
                biased;
                () = connection.upgraded() => return Some(held.take()),
                going_on = self.read(|bytes| held.push(bytes)) => going_on,
            };
            if !going_on {
                return None;
            }
        }
        tokio::select! {
            biased;
            () = connection.upgraded() => Some(held.take()),
            () = connection.reached(Phase::Closing) => None,
        }
    }

    /// Throws away what comes until the connection closes.
    async fn ignore(&mut self) {
        self.connection.set_deadline(Some(self.connections.now() + ANSWER_LIMIT));
        while self.read(|_| {}).await {}
    }

    /// Reads once; `false` when the connection is closing or has just ended.
    async fn read(&mut self, take: impl FnMut(&[u8])) -> bool {
        let result = tokio::select! {
            biased;
            () = self.connection.reached(Phase::Closing) => return false,
            result = read_some(self.reader, take) => result,
        };
        match result {
            Ok(0) => {
                if self.connections.finish(self.connection) {
                    self.emit(TransportEvent::PeerFinished { id: self.connection.id }).await;
                }
            }
            Ok(_) => {
                self.connection.active(self.connections.now());
                return true;
            }
            Err(error) => {
                self.connections.end(self.connection, Phase::Dead, CloseReason::error(error));
            }
        }
        false
    }

    /// Notes that the peer waits for an answer. One that closes a WebSocket waits for none.
    fn owe(&self, event: &mut TransportEvent) {
        let owed = match event {
            TransportEvent::Message { message, owed, .. } => {
                (message.is_request() && message.method() != Some(&Method::Ack)).then_some(owed)
            }
            TransportEvent::Reply { owed, .. } => Some(owed),
            _ => None,
        };
        if let Some(owed) = owed.filter(|_| !self.source.transport.websocket()) {
            *owed = Some(Owed::to(self.connection));
        }
    }

    /// Waits until the engine takes the event; `false` once it takes none any more.
    async fn emit(&self, event: TransportEvent) -> bool {
        let taken = self.connections.shared().events.send(event).await.is_ok();
        if !taken {
            self.connections.end(self.connection, Phase::Dead, CloseReason::Shutdown);
        }
        taken
    }
}

/// Reads once into the shared buffer and shows the bytes to `take`; 0 at the end of the stream.
async fn read_some<R: AsyncRead + Unpin>(reader: &mut R, mut take: impl FnMut(&[u8])) -> io::Result<usize> {
    poll_fn(|context| {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(Pin::new(&mut *reader).poll_read(context, &mut buffer))?;
            take(buffer.filled());
            Poll::Ready(Ok(buffer.filled().len()))
        })
    })
    .await
}
