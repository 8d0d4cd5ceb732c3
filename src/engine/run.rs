//! The loop: what the network brings goes into the element, and its timers fire. [`Drive`](super::drive::Drive) says which thread runs
//! it.

use std::sync::mpsc::SyncSender;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::advances::{others_act, Advances};
use super::clock::{Alarm, SystemClock};
use super::driver::{Driver, Fired};
use super::event::{Event, TlsHandshake};
use super::events::Class;
use super::guarded::guarded;
use super::network::of_datagram;
use super::websocket::upgrade_asked;
use crate::clock::Clock;
use crate::element::{ConnectionEnd, Element, Hold, Input, Rejected};
use crate::transport::{CloseReason, OpeningFailure, TransportEvent};

/// How many network events, or timers, are handled before the loop looks at everything else again.
const BATCH: usize = 128;

/// How many requests get an answer in one step, at the end.
const ANSWERED_AT_ONCE: usize = 32;

/// How long the loop sleeps at most while it waits for an orderly end.
const TICK: Duration = Duration::from_millis(50);

/// What others ask of the loop.
#[derive(Debug)]
pub(super) enum Command {
    /// The clock was frozen: look at the timers again.
    ClockChanged,
    /// Move the frozen clock on, firing what comes due on the way.
    Advance { by: Duration, done: SyncSender<()> },
    /// Finish: wait for transactions until the deadline of real time, then drop the rest.
    Stop { deadline: Instant, done: SyncSender<()> },
}

/// The loop.
pub(super) struct Loop {
    pub(super) driver: Arc<Driver>,
    pub(super) advances: Advances,
    pub(super) stopping: Option<(Instant, SyncSender<()>)>,
}

impl Loop {
    /// Runs until [`Command::Stop`] has been carried out. Gives back whom to tell once the sockets are closed, which is when
    /// the runtime is gone: the addresses may be wanted again at once.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::UnboundedReceiver<Command>,
        mut events: mpsc::Receiver<TransportEvent>,
    ) -> Option<SyncSender<()>> {
        let mut alarm = Alarm::new();
        // When a timer is due next, as far as that was just found out.
        let mut next = None;
        loop {
            match self.deadline(next.take()) {
                Some(at) => alarm.set(at),
                None => alarm.set(SystemClock.now() + Duration::from_secs(3600)),
            }
            let mut busy = true;
            tokio::select! {
                Some(command) = commands.recv() => self.command(command),
                Some(event) = events.recv() => guarded(|| take_in(&self.driver, event)),
                () = self.driver.drive.has_to_look() => {}
                () = alarm.rings() => busy = false,
                () = others_act(), if self.advances.are_due() => busy = false,
                else => break,
            }
            self.driver.counts.loop_time.start();
            for _ in 0..BATCH {
                match (commands.try_recv(), events.try_recv()) {
                    (Err(_), Err(_)) => break,
                    (command, event) => {
                        busy = true;
                        if let Ok(command) = command {
                            self.command(command);
                        }
                        if let Ok(event) = event {
                            guarded(|| take_in(&self.driver, event));
                        }
                    }
                }
            }
            for _ in 0..BATCH {
                if let Fired::None { next: at } = self.driver.fire() {
                    next = Some(at).filter(|_| !self.advances.are_due());
                    break;
                }
            }
            self.advance(busy);
            if self.is_stopped() {
                break;
            }
            self.driver.counts.loop_time.stop();
            self.driver.drive.turn_is_over();
        }
        self.answer_undecided();
        if let Some(network) = self.driver.network.get() {
            network.shutdown().await;
        }
        self.stopping.take().map(|(_, done)| done)
    }

    /// When the loop has to wake without an event: for a timer, or for the end.
    fn deadline(&self, next: Option<Option<Instant>>) -> Option<Instant> {
        let next = next.unwrap_or_else(|| self.driver.next_timeout());
        let stop = self.stopping.as_ref().map(|(at, _)| (*at).min(SystemClock.now() + TICK));
        [next, stop].into_iter().flatten().min()
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::ClockChanged => {}
            Command::Advance { by, done } => self.advances.add(by, done),
            Command::Stop { deadline, done } => {
                if let Some(network) = self.driver.network.get() {
                    network.stop_listening();
                }
                self.stopping = Some((deadline, done));
            }
        }
    }

    /// The script answers nothing any more: clients that still wait for a final response get one. Others may have the element in
    /// between.
    fn answer_undecided(&self) {
        let undecided = self.driver.look(Element::undecided_requests);
        for some in undecided.chunks(ANSWERED_AT_ONCE) {
            let answer =
                |element: &mut Element, now| some.iter().for_each(|id| element.end_request(now, *id));
            guarded(|| self.driver.step_in_loop(answer));
        }
    }

    fn is_stopped(&self) -> bool {
        let Some((deadline, _)) = &self.stopping else { return false };
        let driver = &self.driver;
        let now = driver.clock.now();
        let busy = !driver.events.is_empty() || driver.look(|element| element.is_busy(now));
        !busy || SystemClock.now() >= *deadline
    }
}

/// Something has come from the network.
fn take_in(driver: &Driver, event: TransportEvent) {
    let input = match event {
        TransportEvent::Message { message, source, room: _room, owed } => {
            let hold = owed.map(Hold::of);
            return step(driver, Input::Message { message, source, hold });
        }
        TransportEvent::HeldResponse { message, source, pause } => {
            Input::HeldResponse { message, source, pause: Hold::of(pause) }
        }
        TransportEvent::Keepalive { source } => Input::Keepalive { source },
        TransportEvent::Reply { to, source, status, reason, close, owed: _owed } => {
            return step(driver, Input::Refused { request: to, source, status, reason, close });
        }
        TransportEvent::Upgrade { source, request } => return upgrade_asked(driver, source, *request),
        // It carries messages once the client has its WebSocket.
        TransportEvent::ConnectionOpened { transport, inbound: true, .. } if transport.websocket() => return,
        TransportEvent::ConnectionOpened { id, transport, remote, local, inbound, handshake } => {
            Input::ConnectionOpened { connection: id, transport, remote, local, inbound, handshake }
        }
        TransportEvent::PeerFinished { id } => Input::PeerFinished { connection: id },
        TransportEvent::AnswersLost { transport, answers } => {
            for (remote, wire) in answers {
                driver.respond_anew(transport, remote, &wire);
            }
            return;
        }
        TransportEvent::ConnectionFailed { id, cause, .. } => {
            driver.connection_data().remove(&id);
            let end = match cause {
                OpeningFailure::Unreachable => ConnectionEnd::Unreachable,
                OpeningFailure::NotAccepted => ConnectionEnd::NotAccepted,
                OpeningFailure::Own => ConnectionEnd::NotOpened,
            };
            Input::ConnectionEnded { connection: id, end }
        }
        // The transport layer has said why.
        TransportEvent::ConnectionClosed { id, reason, websocket: true, .. } => {
            step(driver, Input::ConnectionEnded { connection: id, end: ConnectionEnd::Broken });
            // What is kept for it stays until the script has heard of it.
            return driver
                .events
                .push(Event::WebSocketClosed { connection: id, by_client: reason.by_peer() });
        }
        TransportEvent::ConnectionClosed { id, reason, .. } => {
            driver.connection_data().remove(&id);
            let by_peer = reason.by_peer() || reason == CloseReason::Idle;
            let end = if by_peer { ConnectionEnd::Closed } else { ConnectionEnd::Broken };
            Input::ConnectionEnded { connection: id, end }
        }
        TransportEvent::TlsHandshake { source, certificates } => {
            return shaken(driver, TlsHandshake { source, certificates });
        }
        TransportEvent::UdpError { remote, quoted, error, .. } => {
            Input::UdpError { remote, quoted, failure: of_datagram(&error) }
        }
    };
    step(driver, input);
}

fn step(driver: &Driver, input: Input) {
    // Before the hold: a copy of the message is made for who looks on.
    if let Some(observers) = &driver.observers {
        observers.comes(driver.clock.now(), &input);
    }
    driver.step_in_loop(|element, now| element.handle(now, input));
}

/// A peer is to be judged by the script. When too many wait for that, a client is sent away; what we send to servers is
/// bounded elsewhere.
fn shaken(driver: &Driver, handshake: TlsHandshake) {
    let limits = &driver.settings.limits;
    let (queued, bytes) = driver.events.queued(Class::Handshakes);
    let full = queued >= limits.queued_requests || bytes >= limits.queued_bytes;
    match handshake.source.connection.filter(|_| full && handshake.source.inbound) {
        Some(connection) => {
            driver.step(|element, _| element.count_rejected(Rejected::Handshakes));
            if let Some(network) = driver.network.get() {
                network.close(connection);
            }
        }
        None => driver.events.push(Event::TlsHandshake(handshake)),
    }
}
