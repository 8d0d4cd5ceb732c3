//! Numbers about a running engine.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

use super::config::Limits;
use super::events::{Class, EventQueue, Queued};
use super::waiting::Responses;
use crate::message::Defect;
use crate::transport::Malformed;

/// An enum of reasons, each with the name that a reading has for it.
macro_rules! reasons {
    ($(#[$doc:meta])* $enum:ident { $($(#[$reason_doc:meta])* $reason:ident => $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $enum {
            $($(#[$reason_doc])* $reason,)+
        }

        impl $enum {
            /// The names, in the order of the reasons.
            pub const NAMES: &'static [&'static str] = &[$($name),+];
        }
    };
}

reasons! {
    /// Why the engine itself refused something.
    Rejected {
        /// 503: too many requests wait for the script.
        QueuedRequests => "queued_requests",
        /// 503: the requests that wait for the script take too much memory.
        QueuedBytes => "queued_bytes",
        /// 503: there are too many server transactions.
        Transactions => "transactions",
        /// 500: the server is not ready yet.
        Loading => "loading",
        /// 500: the server ends.
        Terminating => "terminating",
        /// 482: the request came back.
        Loop => "loop",
        /// TLS clients sent away: too many wait for the script's verdict.
        Handshakes => "handshakes",
        /// 403: a request inside a dialog whose Route does not show that the dialog came by here.
        NoOwnRoute => "without_own_route",
        /// 403: the request came to a socket that only sends, and belongs to no dialog of ours.
        Stranger => "strangers",
        /// 400, 413 and their like: the request violates the syntax or a bound. [`Stats::malformed`] says more.
        Malformed => "malformed",
    }
}

reasons! {
    /// What was thrown away.
    Dropped {
        /// An ACK without a transaction that found too many others waiting for the script.
        Ack => "acks",
        /// A provisional response for a Client for which, or for all of which, too much waits.
        ProvisionalResponse => "provisional_responses",
        /// A final response over UDP while too much waits for Clients: its sender repeats it.
        FinalResponse => "final_responses",
        /// A response that belongs to no client transaction.
        UnmatchedResponse => "unmatched_responses",
        /// A response whose top Via has the branch of a request of ours, and not its sent-by (RFC 3261 18.1.2).
        ResponseToAnother => "responses_to_another",
        /// A response to a Proxy's request in which no Via but ours is left: it has nowhere to go (RFC 3261 16.7 step 3).
        ResponseWithoutWayBack => "responses_without_way_back",
        /// An ACK that came back, or came before the server was ready.
        RefusedAck => "refused_acks",
        /// An ACK inside a dialog whose Route does not show that the dialog came by here.
        AckWithoutOwnRoute => "acks_without_own_route",
        /// An ACK that came to a socket that only sends, and belongs to no dialog of ours.
        AckOfStranger => "acks_of_strangers",
        /// A connection closed with what it was to send: its peer does not read, or all together had too much to send.
        SlowConnection => "slow_connections",
        /// A datagram that the system did not take in time.
        UnsentDatagram => "unsent_datagrams",
        /// What is no SIP message, or must not be answered though it is a bad one. [`Stats::malformed`] says more.
        Malformed => "malformed",
        /// A log record that found the queue full.
        LogRecord => "log_records",
    }
}

/// The names of what is bounded by number and bytes.
pub const QUEUES: [&str; 4] = ["requests", "acks", "handshakes", "responses"];

/// A reading of the engine's counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Requests that are pending or have a server transaction.
    pub server_transactions: usize,
    /// Client transactions alive.
    pub client_transactions: usize,
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
    /// What other threads have asked of the engine's and it has not looked at.
    pub engine_queue: usize,
    /// Events waiting for Ruby.
    pub dispatcher_queue: usize,
    /// Events that Ruby took so far.
    pub dispatched_events: u64,
    /// Responses relayed without Ruby so far.
    pub engine_relayed_responses: u64,
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
    /// What was refused so far, in the order of [`Rejected::NAMES`].
    pub rejected: [u64; Rejected::NAMES.len()],
    /// What was thrown away so far, in the order of [`Dropped::NAMES`].
    pub dropped: [u64; Dropped::NAMES.len()],
    /// What was refused or thrown away so far since it is no good message, in the order of [`Defect::NAMES`].
    pub malformed: [u64; Defect::NAMES.len()],
}

/// What lives, as the engine's thread knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Alive {
    /// What other threads have asked of the engine's and it has not looked at.
    pub(super) commands: usize,
    pub(super) servers: usize,
    pub(super) branches: usize,
    pub(super) connections: usize,
    pub(super) waiting_for_probe: usize,
    /// What waits for Clients or is with their blocks.
    pub(super) responses: Responses,
    pub(super) own_dialogs: usize,
}

/// A search for whoever answers a request, while it is counted.
#[derive(Debug)]
pub(super) struct Search(Arc<AtomicUsize>);

impl Drop for Search {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    commands: AtomicUsize,
    servers: AtomicUsize,
    branches: AtomicUsize,
    waiting_for_probe: AtomicUsize,
    connections: AtomicUsize,
    responses: AtomicUsize,
    response_bytes: AtomicUsize,
    own_dialogs: AtomicUsize,
    searches: Arc<AtomicUsize>,
    relayed: AtomicU64,
    reserve_used: AtomicU64,
    rejected: [AtomicU64; Rejected::NAMES.len()],
    dropped: [AtomicU64; Dropped::NAMES.len()],
    malformed: Arc<Malformed>,
    lost_records: AtomicU64,
}

impl Counts {
    /// What the transport layer counts by itself.
    pub(super) fn malformed(&self) -> Arc<Malformed> {
        self.malformed.clone()
    }

    pub(super) fn publish(&self, alive: Alive) {
        self.commands.store(alive.commands, Ordering::Relaxed);
        self.servers.store(alive.servers, Ordering::Relaxed);
        self.branches.store(alive.branches, Ordering::Relaxed);
        self.connections.store(alive.connections, Ordering::Relaxed);
        self.waiting_for_probe.store(alive.waiting_for_probe, Ordering::Relaxed);
        self.responses.store(alive.responses.messages, Ordering::Relaxed);
        self.response_bytes.store(alive.responses.bytes, Ordering::Relaxed);
        self.own_dialogs.store(alive.own_dialogs, Ordering::Relaxed);
    }

    /// Counts a search as long as the answer lives.
    pub(super) fn search(&self) -> Search {
        self.searches.fetch_add(1, Ordering::Relaxed);
        Search(self.searches.clone())
    }

    pub(super) fn count_relayed(&self) {
        self.relayed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_reserve_used(&self) {
        self.reserve_used.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_rejected(&self, reason: Rejected) {
        self.rejected[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_dropped(&self, reason: Dropped) {
        self.dropped[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a log record that was dropped; whether it is the first since [`Counts::take_lost_records`].
    pub(super) fn lose_record(&self) -> bool {
        self.count_dropped(Dropped::LogRecord);
        self.lost_records.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// Log records that were dropped since this was asked last.
    pub(super) fn take_lost_records(&self) -> u64 {
        self.lost_records.swap(0, Ordering::Relaxed)
    }

    pub(super) fn stats<E: Queued>(&self, events: &EventQueue<E>, limits: &Limits) -> Stats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (servers, branches) =
            (self.servers.load(Ordering::Relaxed), self.branches.load(Ordering::Relaxed));
        let responses = (self.responses.load(Ordering::Relaxed), self.response_bytes.load(Ordering::Relaxed));
        let [requests, acks, handshakes] =
            [Class::Requests, Class::Acks, Class::Handshakes].map(|class| events.queued(class));
        let queues = [requests, acks, handshakes, responses];
        let mut dropped = self.dropped.each_ref().map(read);
        dropped[Dropped::Malformed as usize] = self.malformed.dropped();
        Stats {
            server_transactions: servers,
            client_transactions: branches,
            waiting_for_probe: self.waiting_for_probe.load(Ordering::Relaxed),
            connections: self.connections.load(Ordering::Relaxed),
            sending_sockets: 0,
            own_dialogs: self.own_dialogs.load(Ordering::Relaxed),
            searches: self.searches.load(Ordering::Relaxed),
            engine_queue: self.commands.load(Ordering::Relaxed),
            dispatcher_queue: events.len(),
            dispatched_events: events.taken(),
            engine_relayed_responses: read(&self.relayed),
            outgoing_bytes: 0,
            held_bytes: 0,
            unconfirmed_bytes: 0,
            paused_connections: 0,
            queued: queues.map(|(events, _)| events),
            queued_bytes: queues.map(|(_, bytes)| bytes),
            reserve_requests: requests.0.saturating_sub(limits.queued_requests),
            reserve_transactions: (servers + branches).saturating_sub(limits.transactions),
            reserve_admissions: read(&self.reserve_used),
            rejected: self.rejected.each_ref().map(read),
            dropped,
            malformed: self.malformed.by_defect(),
        }
    }
}
