//! The engine: runs an [element](crate::element) on real sockets, the real clock and real names.
//!
//! Who owns what:
//!
//! - The element with all that is known of requests, transactions and Clients stands behind one short lock (`driver`). Any
//!   thread steps it: the one that runs the loop with what the network brings and with the timers (`run`), a Ruby thread inside
//!   `route` or `reply`. What a step asks for is carried out before the lock is given back; messages leave behind it.
//! - The runtime has the tasks: the loop, sockets, connections, look-ups. The thread of the blocks runs them while it waits, else
//!   the engine's own thread (`drive`).
//! - What the script has to run waits in the [`EventQueue`] for the dispatcher. Rounds of blocks that a call of the dispatcher
//!   causes itself are handed to it at once.
//!
//! No lock is held while Ruby runs, and nothing here waits for Ruby.

mod advance;
mod advances;
mod clock;
mod config;
mod connections;
mod counts;
mod deliveries;
mod descriptors;
pub mod dns;
mod drive;
mod driver;
mod event;
mod events;
mod guarded;
mod hep;
mod holds;
mod log;
pub mod monitor;
mod network;
mod observers;
mod own_address;
mod random;
mod readings;
mod run;
mod running;
mod sockets;
mod start;
mod stats;
mod subject;
mod testing;
mod told;
mod trace_rows;
mod websocket;

pub use clock::{EngineClock, SystemClock};
pub use config::{Config, StartError, WebSocketConfig};
pub use connections::Connections;
pub use descriptors::{Readiness, Watch};
pub use event::{Event, LogRecord, Severity, TlsHandshake, UpgradeRequest};
pub use events::{Class, EventQueue, Queued, Wake};
pub use hep::{Carrier, CollectorAddress, CollectorState, Collectors, HepSettings, NoCollectorAddress};
pub use log::{is_engine_thread, queue_record};
pub use observers::Observers;
pub use random::system_random;
pub use readings::{Reading, Shown, Value};
pub use running::{Engine, Stopping};
pub use start::settings;
pub use stats::{Stats, QUEUES};
pub use subject::Subject;
pub use testing::Testing;
pub use trace_rows::{ToldLeftOut, TracePosition, TraceQuery, TraceRows};
pub use websocket::{upgrade_refusal, WebSockets};
