//! A running engine, and its end.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::clock::SystemClock;
use super::connections::Connections;
use super::descriptors::{self, Readiness, Watch};
use super::driver::Driver;
use super::event::{Event, LogRecord};
use super::events::{EventQueue, Wake};
use super::log;
use super::monitor::{Monitor, MonitorConfig, MonitorError, RubyQuestions};
use super::observers::Observers;
use super::run::Command;
use super::stats::Stats;
use super::testing::Testing;
use super::trace_rows::{ToldLeftOut, TraceQuery};
use super::websocket::WebSockets;
use crate::client::ListenerNames;
use crate::clock::Clock;
use crate::element::{Happening, Settings, Status};
use crate::host::{lock, Clients, Host, Requests};
use crate::message::Transport;
use crate::transport::{Tls, TlsError, TlsSettings};

/// Where the monitor of an engine is while there is one.
pub(super) type MonitorPlace = Arc<Mutex<Option<Monitor>>>;

/// A running engine.
pub struct Engine {
    pub(super) driver: Arc<Driver>,
    /// The same, as a script sees it.
    pub(super) host: Arc<dyn Host>,
    pub(super) listening: Vec<(Transport, SocketAddr)>,
    pub(super) commands: UnboundedSender<Command>,
    pub(super) tls: Arc<Tls>,
    pub(super) thread: Mutex<Option<JoinHandle<()>>>,
    pub(super) stopping: AtomicBool,
    /// It ends with the engine's thread.
    pub(super) monitor: MonitorPlace,
    pub(super) questions: Arc<RubyQuestions>,
}

impl Engine {
    /// The requests from the network.
    pub fn requests(&self) -> Requests<'_> {
        Requests(&*self.host)
    }

    /// The Clients.
    pub fn clients(&self) -> Clients<'_> {
        Clients(&self.host)
    }

    /// What runs the element for the script.
    pub fn host(&self) -> &Arc<dyn Host> {
        &self.host
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
        Testing { driver: &self.driver, commands: &self.commands }
    }

    /// The events for the thread that runs Ruby.
    pub fn events(&self) -> &EventQueue<Event> {
        &self.driver.events
    }

    /// Waits for an event, an interruption since [`EventQueue::interrupts`] was read, or the end. Meanwhile this thread runs the
    /// engine, unless another one does.
    pub fn wait_event(&self, interrupts: u64) -> Wake {
        let _speaks = log::speak_for(&self.driver);
        self.driver.drive.run(self.driver.events.ready(interrupts))
    }

    /// The thread of the blocks has the interpreter from now on, for an event.
    pub fn script_begins(&self) {
        self.driver.counts.script_time.start();
    }

    /// The thread of the blocks looks for its next event.
    pub fn script_ends(&self) {
        self.driver.counts.script_time.stop();
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

    /// Queues [`Event::Descriptor`] with this number once the descriptor is ready, or is closed. `None`: the engine has ended.
    ///
    /// `fd` is a duplicate, `is_open` says whether the original still is the same.
    pub fn watch(
        &self,
        number: u64,
        fd: OwnedFd,
        wanted: Readiness,
        is_open: impl Fn() -> bool + Send + 'static,
    ) -> Option<Watch> {
        let driver = self.driver.clone();
        let tell = move |readiness| driver.events.push(Event::Descriptor { number, readiness });
        self.driver.runtime.get().map(|runtime| descriptors::watch(runtime, fd, wanted, is_open, tell))
    }

    /// Whether the script is told what the element does, see [`Event::Happened`].
    pub fn tell_happenings(&self, wanted: bool) {
        self.driver.tell_happenings(wanted);
    }

    /// Hands out what the element has done since this was asked last.
    pub fn take_happenings(&self) -> Vec<(Instant, Happening)> {
        self.driver.take_happenings()
    }

    /// The first row of the trace and those that somebody wants to read. `None`: the trace is off.
    pub fn trace_text(&self, query: &TraceQuery) -> Option<Vec<u8>> {
        let observers = self.observers()?;
        let mut text = observers.trace_head(self.now())?;
        text.extend(observers.trace_rows(query, &mut ToldLeftOut::default())?.lines);
        Some(text)
    }

    /// Those who look on, if there are any.
    pub fn observers(&self) -> Option<&Observers> {
        self.driver.observers.as_ref()
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

    /// Whether [`Engine::stop`] was called: a thread that waits for a [`Call`](crate::host::Call) has to give it up.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Shows what there is to see from now on, until the engine ends. Answers with the addresses of the ports.
    ///
    /// # Errors
    ///
    /// A socket cannot be opened, the system refuses a thread, or the engine has ended.
    pub fn open_monitor(&self, config: &MonitorConfig) -> Result<Vec<SocketAddr>, MonitorError> {
        let monitor = Monitor::start(&self.driver, &self.questions, &self.tls, config)?;
        let listening = monitor.listening().to_vec();
        let former = {
            let mut place = lock(&self.monitor);
            // The end takes away what it finds there, after the questions are over.
            if self.questions.are_over() {
                drop(place);
                return Err(MonitorError::Over);
            }
            place.replace(monitor)
        };
        drop(former);
        Ok(listening)
    }

    /// Files were read again: all of them, or not.
    pub fn count_reload(&self, complete: bool) {
        self.driver.counts.count_reload(complete);
    }

    /// What the monitor asks of Ruby.
    pub fn questions(&self) -> &Arc<RubyQuestions> {
        &self.questions
    }

    /// Counts of what is alive and what was done.
    pub fn stats(&self) -> Stats {
        self.driver.stats()
    }

    fn post(&self, command: Command) {
        // The loop is gone only when the engine has ended; then nothing is owed to anybody.
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
