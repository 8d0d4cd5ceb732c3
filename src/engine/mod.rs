//! The engine: runs an [element](crate::element) on real sockets, the real clock and real names, in a thread of its own.
//!
//! Who owns what:
//!
//! - The element with all that is known of requests, transactions and Clients stands behind one short lock ([`driver`]). Any
//!   thread steps it: the engine's with what the network brings and with the timers ([`run`]), a Ruby thread inside `route` or
//!   `reply`. What a step asks for is carried out before the lock is given back.
//! - The engine's thread owns the runtime and its tasks: sockets, connections, look-ups.
//! - What the script has to run waits in the [`EventQueue`] for the dispatcher. Rounds of blocks that a call of the dispatcher
//!   causes itself are handed to it at once.
//!
//! No lock is held while Ruby runs, and nothing here waits for Ruby.

mod advance;
mod calls;
mod client;
mod clients;
mod clock;
mod config;
mod connections;
mod counts;
pub mod dns;
mod driver;
mod events;
mod log;
mod network;
mod own_address;
mod random;
mod request;
mod requests;
mod run;
mod start;
mod stores;
mod subject;
mod testing;
mod websocket;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedSender;

use crate::client::ListenerNames;
use crate::clock::Clock;
use crate::element::{Round, Settings, Status};
use crate::message::{ConnectionId, Source, Transport};
use crate::transport::{Tls, TlsError, TlsSettings};

pub use calls::Call;
pub use client::Client;
pub use clients::{Clients, RouteRequest};
pub use clock::{EngineClock, SystemClock};
pub use config::{Config, StartError, WebSocketConfig};
pub use connections::Connections;
pub use counts::{Stats, QUEUES};
pub use events::{Class, EventQueue, Queued, Wake};
pub use log::{is_engine_thread, queue_record, LogRecord};
pub use random::system_random;
pub use request::IncomingRequest;
pub use requests::Requests;
pub use stores::{Store, Stored, StoredProfile};
pub use subject::Subject;
pub use testing::Testing;
pub use websocket::{UpgradeRequest, WebSockets};

use driver::{lock, Driver};
use run::Command;

/// Something that Ruby has to run.
#[derive(Debug)]
pub enum Event {
    /// A new request: `on_request`. [`Requests::done`] is due when it ended.
    Request(Arc<IncomingRequest>),
    /// A round of a Client's blocks. [`Clients::round_done`] is due when it ended.
    Round(Box<Round>),
    /// A client asks for a WebSocket: `on_connection`. [`WebSockets::accept`] is due when it ended well, else
    /// [`WebSockets::refuse`].
    Upgrade(Box<UpgradeRequest>),
    /// A WebSocket is gone: `on_disconnection`. [`Connections::forget`] is due when it ended.
    WebSocketClosed {
        /// The connection.
        connection: ConnectionId,
        /// Whether the client ended it.
        by_client: bool,
    },
    /// A peer has shown its certificates: `on_server_tls_handshake` where we opened the connection, else
    /// `on_client_tls_handshake`. [`Connections::admit`] or [`Connections::close`] is due.
    TlsHandshake(TlsHandshake),
    /// A scheduled block's time has come.
    Scheduled(u64),
    /// A log record of the engine.
    Log(LogRecord),
    /// Log records were dropped: [`Engine::lost_records`] says how many.
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
            Event::Round(_) | Event::WebSocketClosed { .. } => None,
            Event::Scheduled(_) | Event::Log(_) | Event::LostRecords => None,
        }
    }
}

/// A running engine.
pub struct Engine {
    driver: Arc<Driver>,
    listening: Vec<(Transport, SocketAddr)>,
    commands: UnboundedSender<Command>,
    tls: Arc<Tls>,
    thread: Mutex<Option<JoinHandle<()>>>,
    stopping: AtomicBool,
}

impl Engine {
    /// Binds the listeners and starts the engine's thread. When it returns the listeners are served; new requests are
    /// answered as [`Status::Loading`] says.
    ///
    /// # Errors
    ///
    /// A listener cannot be opened, a key or certificate cannot be used, or the system refuses a thread.
    pub fn start(config: Config) -> Result<Arc<Engine>, StartError> {
        start::start(config)
    }

    /// The requests from the network.
    pub fn requests(&self) -> Requests<'_> {
        Requests(&self.driver)
    }

    /// The Clients.
    pub fn clients(&self) -> Clients<'_> {
        Clients(&self.driver)
    }

    /// The connections.
    pub fn connections(&self) -> Connections<'_> {
        Connections(&self.driver)
    }

    /// The WebSockets.
    pub fn websockets(&self) -> WebSockets<'_> {
        WebSockets(&self.driver)
    }

    /// What specs alone may do.
    pub fn testing(&self) -> Testing<'_> {
        Testing(self)
    }

    /// The events for the thread that runs Ruby.
    pub fn events(&self) -> &EventQueue<Event> {
        &self.driver.events
    }

    /// The names, keys and bounds that it was started with.
    pub fn settings(&self) -> &Settings {
        &self.driver.settings
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
        self.driver.settings.listeners.names()
    }

    /// The engine's time.
    pub fn now(&self) -> Instant {
        self.driver.clock.now()
    }

    /// Sets what new requests meet.
    pub fn set_status(&self, status: Status) {
        self.driver.step(|element, _| element.set_status(status));
    }

    /// Queues [`Event::Scheduled`] after a time, at once for none.
    pub fn schedule(&self, id: u64, after: Duration) {
        self.driver.step(|element, now| element.schedule(now, id, after));
    }

    /// Queues a record for the logger.
    pub fn queue_record(&self, record: LogRecord) {
        self.driver.queue_record(record);
    }

    /// Says how many log records were dropped since this was said last.
    pub fn lost_records(&self) -> LogRecord {
        self.driver.lost_records()
    }

    /// Begins to stop: no new connections and requests. Open transactions may go on as long as `limit`, then they are
    /// dropped. A second call can only bring the end nearer.
    pub fn stop(&self, limit: Duration) -> Stopping<'_> {
        self.set_status(Status::Terminating);
        self.stopping.store(true, Ordering::Relaxed);
        let (done, wait) = sync_channel(1);
        self.post(Command::Stop { deadline: SystemClock.now() + limit, done });
        Stopping { engine: self, done: wait }
    }

    /// Whether [`Engine::stop`] was called: a thread that waits for a [`Call`] has to give it up.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Counts of what is alive and what was done.
    pub fn stats(&self) -> Stats {
        self.driver.stats()
    }

    fn post(&self, command: Command) {
        // The engine's thread is gone only after it was stopped; then nothing is owed to anybody.
        let _ = self.commands.send(command);
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
        self.engine.driver.events.close();
        let thread = lock(&self.engine.thread).take();
        if let Some(thread) = thread.filter(JoinHandle::is_finished) {
            let _ = thread.join();
        }
    }
}
