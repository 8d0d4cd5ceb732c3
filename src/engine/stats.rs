//! Numbers about a running engine.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::driver::Driver;
use super::events::Class;
use super::observers::Observers;
use crate::element::{Dropped, Element, Rejected};
use crate::message::Defect;

/// The names of what is bounded by number and bytes.
pub const QUEUES: [&str; 4] = ["requests", "acks", "handshakes", "responses"];

/// A reading of the engine's counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Requests that are pending or have a server transaction.
    pub server_transactions: usize,
    /// Client transactions alive.
    pub client_transactions: usize,
    /// Requests that there is anything known of: those of the server transactions, and what the script has still.
    pub requests: usize,
    /// Clients that the script has, or that have something to do.
    pub clients: usize,
    /// Armed timers.
    pub timers: usize,
    /// ACKs that are kept to be sent again.
    pub kept_acks: usize,
    /// Answers to CANCELs that are kept to be sent again.
    pub kept_cancels: usize,
    /// Requests that wait for DNS.
    pub waiting_for_dns: usize,
    /// Requests that wait for another one's probe of a target on the blacklist.
    pub waiting_for_probe: usize,
    /// Stream connections.
    pub connections: usize,
    /// UDP sockets that were opened for requests to other hosts.
    pub sending_sockets: usize,
    /// Dialogs that requests from those sockets have begun, as far as they are remembered.
    pub own_dialogs: usize,
    /// Requests whose targets are being looked for, tried or decided on by their blocks.
    pub searches: usize,
    /// What the network has brought and the engine has not looked at.
    pub engine_queue: usize,
    /// Messages that another thread is about to send.
    pub deliveries: usize,
    /// Events waiting for Ruby.
    pub dispatcher_queue: usize,
    /// Events that Ruby took so far.
    pub dispatched_events: u64,
    /// Responses relayed without Ruby so far.
    pub engine_relayed_responses: u64,
    /// How often a thread has stepped the element.
    pub holds: u64,
    /// The longest time that this has taken, during which other threads had to wait.
    pub longest_hold: Duration,
    /// How often the engine's own thread has taken the loop from the thread that runs the script.
    pub takeovers: u64,
    /// Calls that have come so far: INVITEs outside of dialogs.
    pub calls: u64,
    /// Calls that the script has begun by itself so far: INVITEs outside of dialogs.
    pub own_calls: u64,
    /// Time that the thread of the blocks has had the interpreter for events.
    pub script_time: Duration,
    /// Time that the engine's loop has worked.
    pub loop_time: Duration,
    /// Requests that wait for Ruby in the reserve of dialogs, that is, above the bound.
    pub reserve_requests: usize,
    /// Transactions in the reserve of dialogs.
    pub reserve_transactions: usize,
    /// Requests of dialogs that were admitted so far though a bound was reached.
    pub reserve_admissions: u64,
    /// What waits for Ruby now: how many, in the order of [`QUEUES`].
    pub queued: [usize; QUEUES.len()],
    /// About how many bytes that is.
    pub queued_bytes: [usize; QUEUES.len()],
    /// Bytes that wait to be sent on connections.
    pub outgoing_bytes: usize,
    /// Bytes that were read while the script decides on a peer.
    pub held_bytes: usize,
    /// Bytes of responses that clients which have closed their side may not have taken.
    pub unconfirmed_bytes: usize,
    /// Connections that are not read on while too many responses wait.
    pub paused_connections: usize,
    /// Packets that wait for HEP3 collectors.
    pub hep_queue: usize,
    /// Packets that HEP3 collectors did not get so far.
    pub hep_dropped: u64,
    /// What was refused so far, in the order of [`Rejected::NAMES`].
    pub rejected: [u64; Rejected::NAMES.len()],
    /// What was thrown away so far, in the order of [`Dropped::NAMES`].
    pub dropped: [u64; Dropped::NAMES.len()],
    /// What was refused or thrown away so far since it is no good message, in the order of [`Defect::NAMES`].
    pub malformed: [u64; Defect::NAMES.len()],
}

impl Stats {
    /// What an element has to say; the rest is nothing.
    pub fn of_element(element: &Element) -> Stats {
        let (gauges, counted) = (element.gauges(), element.counts());
        let transactions = gauges.server_transactions + gauges.client_transactions;
        let limits = &element.settings().limits;
        Stats {
            server_transactions: gauges.server_transactions,
            client_transactions: gauges.client_transactions,
            requests: gauges.requests,
            clients: gauges.clients,
            timers: gauges.timers,
            kept_acks: gauges.kept_acks,
            kept_cancels: gauges.kept_cancels,
            waiting_for_dns: gauges.waiting_for_dns,
            waiting_for_probe: gauges.waiting_for_probe,
            connections: gauges.connections,
            sending_sockets: 0,
            own_dialogs: gauges.own_dialogs,
            searches: gauges.searches,
            engine_queue: 0,
            deliveries: 0,
            dispatcher_queue: 0,
            dispatched_events: 0,
            engine_relayed_responses: counted.relayed,
            holds: 0,
            longest_hold: Duration::ZERO,
            takeovers: 0,
            calls: counted.calls,
            own_calls: counted.own_calls,
            script_time: Duration::ZERO,
            loop_time: Duration::ZERO,
            outgoing_bytes: 0,
            held_bytes: 0,
            unconfirmed_bytes: 0,
            paused_connections: 0,
            hep_queue: 0,
            hep_dropped: 0,
            queued: [0, 0, 0, gauges.responses],
            queued_bytes: [0, 0, 0, gauges.response_bytes],
            reserve_requests: 0,
            reserve_transactions: transactions.saturating_sub(limits.transactions),
            reserve_admissions: counted.reserve_admissions,
            rejected: counted.rejected,
            dropped: counted.dropped,
            malformed: [0; Defect::NAMES.len()],
        }
    }
}

impl Driver {
    /// A reading.
    pub(super) fn stats(&self) -> Stats {
        let mut stats = self.look(Stats::of_element);
        let classes = [Class::Requests, Class::Acks, Class::Handshakes];
        for (place, (events, bytes)) in classes.map(|class| self.events.queued(class)).into_iter().enumerate()
        {
            (stats.queued[place], stats.queued_bytes[place]) = (events, bytes);
        }
        stats.reserve_requests = stats.queued[0].saturating_sub(self.settings.limits.queued_requests);
        stats.engine_queue = self.news_waiting();
        stats.deliveries = self.deliveries();
        stats.dispatcher_queue = self.events.len();
        stats.dispatched_events = self.events.taken();
        (stats.holds, stats.longest_hold) = self.holds.read();
        stats.takeovers = self.drive.takeovers();
        stats.script_time = self.counts.script_time.read();
        stats.loop_time = self.counts.loop_time.read();
        stats.malformed = self.counts.malformed.by_defect();
        stats.dropped[Dropped::Malformed as usize] = self.counts.malformed.dropped();
        stats.dropped[Dropped::LogRecord as usize] = self.counts.lost_records.load(Ordering::Relaxed);
        if let Some(collectors) = self.observers.as_ref().and_then(Observers::collectors) {
            let states = collectors.states();
            stats.hep_queue = states.iter().map(|state| state.queued).sum();
            stats.hep_dropped = states.iter().map(|state| state.dropped).sum();
        }
        stats.connections = 0;
        if let Some(network) = self.network.get() {
            let connections = network.connections();
            stats.connections = connections.len();
            stats.sending_sockets = network.sending_sockets().len();
            stats.outgoing_bytes = connections.outgoing_bytes();
            stats.held_bytes = connections.held_bytes();
            stats.unconfirmed_bytes = connections.unconfirmed_bytes();
            stats.paused_connections = connections.paused();
            stats.dropped[Dropped::SlowConnection as usize] = connections.overflows();
            stats.dropped[Dropped::UnsentDatagram as usize] = network.unsent_datagrams();
        }
        stats
    }
}
