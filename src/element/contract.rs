//! The element's contract with the outside: what has happened goes in, what is to be done comes out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::digest::NonceCounts;
use crate::client::{Blacklist, BlacklistId, OwnDialogs, Probes};
use crate::random::Random;
use crate::resolve::Target;
use crate::resolve::{DnsCache, DnsCacheId};

use super::awaited_sockets::AwaitedSocket;
use super::backlog::{HeldResponse, Responses, ScriptQueue};
use super::beneficiary::Beneficiary;
use super::callers::Callers;
use super::cancels::Cancels;
use super::client_transactions::ClientTransactions;
use super::clients::ClientTable;
use super::consequences::Consequences;
use super::counts::{Counts, Gauges};
use super::flows::Flows;
use super::happenings::Happenings;
use super::ids::Numbers;
use super::input::Input;
use super::output::{Output, ScriptEvent};
use super::reachability::{Reachability, MAX_WAITING};
use super::resolutions::Resolutions;
use super::scheduled::Scheduled;
use super::searches::Searches;
use super::server_transactions::ServerTransactions;
use super::settings::{Settings, Status};
use super::stores::Stores;
use super::table::Tables;
use super::timers::{TimerId, TimerKey, Timers};
use super::uac_acks::UacAcks;

/// How often the element looks for what has expired.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// A SIP element.
#[derive(Debug)]
pub struct Element {
    pub(super) settings: Arc<Settings>,
    pub(super) status: Status,
    /// The time of the present step.
    pub(super) now: Instant,
    pub(super) random: Random,
    /// Draws the order of servers of equal priority (RFC 2782).
    pub(super) srv_random: Random,
    pub(super) timers: Timers,
    pub(super) scheduled: Scheduled,
    pub(super) server_transactions: ServerTransactions,
    pub(super) client_transactions: ClientTransactions,
    pub(super) clients: ClientTable,
    pub(super) callers: Callers,
    pub(super) searches: Searches,
    pub(super) flows: Flows,
    pub(super) resolutions: Resolutions,
    pub(super) reachability: Reachability,
    pub(super) stores: Stores,
    pub(super) probes: Probes<TimerId>,
    pub(super) own_dialogs: OwnDialogs,
    pub(super) uac_acks: UacAcks,
    pub(super) cancels: Cancels,
    pub(super) nonce_counts: NonceCounts,
    pub(super) numbers: Numbers,
    /// The targets whose sockets the driver is asked for.
    pub(super) awaited_sockets: Vec<AwaitedSocket>,
    /// What waits for the script outside.
    pub(super) script_queue: ScriptQueue,
    /// The responses that wait for all Clients or are with their blocks.
    pub(super) responses: Responses,
    /// Connections hand over responses for a verdict on each.
    pub(super) holds_responses: bool,
    /// Those that wait until there is room for them, one of a connection at most.
    pub(super) held_responses: VecDeque<HeldResponse>,
    /// What steps mean for other calls than their own, as far as it has not happened yet.
    pub(super) consequences: Consequences,
    /// Whom the present step works for, beside the Clients whose routes are at work.
    pub(super) working_for: Beneficiary,
    /// The Client whose next step panics, since a test wants it to.
    #[cfg(feature = "defects")]
    pub(super) panics_next: Option<super::ClientId>,
    /// After how many outputs it panics.
    #[cfg(feature = "defects")]
    pub(super) panics_after: Option<u32>,
    /// Calls that were accepted and whose ACK has not come by.
    pub(super) acks_due: usize,
    /// Until when the end waits for them, and for what the script makes of the last one.
    pub(super) waits_for_acks: Instant,
    pub(super) counts: Counts,
    /// What it has done lately, for who follows it.
    pub(super) happenings: Option<Box<Happenings>>,
    pub(super) outputs: VecDeque<Output>,
}

impl Element {
    /// An element that is not ready yet ([`Element::set_status`]).
    pub fn new(settings: Arc<Settings>, now: Instant, mut random: Random) -> Element {
        let key = [(); 4].map(|()| random.number());
        Element::with_table_key(settings, now, random, key)
    }

    /// The same with the key of its maps, which decides their order and nothing else.
    pub fn with_table_key(
        settings: Arc<Settings>,
        now: Instant,
        mut random: Random,
        key: [u64; 4],
    ) -> Element {
        let tables = Tables::keyed(key);
        let number = settings.element;
        let flows = Flows::new(number, &tables, random.bytes());
        let mut timers = Timers::default();
        timers.arm(now + SWEEP_INTERVAL, TimerKey::Sweep);
        Element {
            settings,
            status: Status::Loading,
            now,
            srv_random: Random::from_seed(random.bytes()),
            random,
            timers,
            scheduled: Scheduled::default(),
            server_transactions: ServerTransactions::new(&tables),
            client_transactions: ClientTransactions::new(&tables),
            clients: ClientTable::new(&tables),
            callers: Callers::new(&tables),
            searches: Searches::default(),
            flows,
            resolutions: Resolutions::new(number, &tables),
            reachability: Reachability::new(&tables),
            stores: Stores::new(&tables),
            probes: Probes::new(MAX_WAITING),
            own_dialogs: OwnDialogs::default(),
            uac_acks: UacAcks::new(&tables),
            cancels: Cancels::new(&tables),
            nonce_counts: NonceCounts::default(),
            numbers: Numbers::of_element(number),
            awaited_sockets: Vec::new(),
            script_queue: ScriptQueue::default(),
            responses: Responses::default(),
            holds_responses: false,
            held_responses: VecDeque::new(),
            consequences: Consequences::default(),
            working_for: Beneficiary::Nobody,
            #[cfg(feature = "defects")]
            panics_next: None,
            #[cfg(feature = "defects")]
            panics_after: None,
            acks_due: 0,
            waits_for_acks: now,
            counts: Counts::default(),
            happenings: None,
            outputs: VecDeque::new(),
        }
    }

    /// Takes in what has happened.
    pub fn handle(&mut self, now: Instant, input: Input) {
        self.begin(now);
        self.attempt(|element| element.take_in(input));
        self.pace_connections();
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When an [`Input::Timeout`] is due.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Whether something is to happen by itself at some time, but for the look for what has expired.
    pub fn awaits_time(&self) -> bool {
        self.timers.beyond_sweep()
    }

    /// Says what waits for the script outside of the element.
    pub fn set_script_queue(&mut self, queue: ScriptQueue) {
        self.script_queue = queue;
    }

    /// The targets of a profile that are known not to work.
    pub fn blacklist(&mut self, id: BlacklistId) -> &mut Blacklist {
        self.stores.blacklist(id)
    }

    /// The resolutions of a profile that are still good.
    pub fn dns_cache(&mut self, id: DnsCacheId) -> &mut DnsCache {
        self.stores.dns_cache(id)
    }

    /// The targets that are on any blacklist, by their texts.
    pub fn blacklisted(&mut self, now: Instant) -> Vec<String> {
        self.stores.blacklisted(now)
    }

    /// Whether a target is on the blacklist of any profile, by its text.
    pub fn is_blacklisted(&mut self, now: Instant, target: &str) -> bool {
        self.stores.is_blacklisted(now, target)
    }

    /// No profile has this blacklist any more.
    pub fn forget_blacklist(&mut self, id: BlacklistId) {
        self.stores.forget_blacklist(id);
    }

    /// No profile has this DNS cache any more.
    pub fn forget_dns_cache(&mut self, id: DnsCacheId) {
        self.stores.forget_dns_cache(id);
    }

    /// Makes the draws among servers of equal priority follow from `seed` alone.
    pub fn seed_srv(&mut self, seed: u64) {
        self.srv_random = Random::from_number(seed);
    }

    /// What it was made with.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// What new requests meet.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Sets what new requests meet.
    pub fn set_status(&mut self, status: Status) {
        self.status = status;
    }

    /// What was counted so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What there is at present. Costs the same however much that is.
    pub fn gauges(&self) -> Gauges {
        Gauges {
            server_transactions: self.server_transactions.len(),
            requests: self.server_transactions.requests(),
            client_transactions: self.client_transactions.len(),
            clients: self.clients.len(),
            searches: self.searches.len(),
            waiting_for_probe: self.probes.waiting(),
            waiting_for_dns: self.resolutions.waiting(),
            connections: self.flows.len(),
            kept_acks: self.uac_acks.len(),
            kept_cancels: self.cancels.len(),
            own_dialogs: self.own_dialogs.len(),
            responses: self.responses.messages,
            response_bytes: self.responses.bytes,
            timers: self.timers.len() + self.consequences.len(),
        }
    }

    /// Hands out [`ScriptEvent::Scheduled`] after a time, at once for none.
    pub fn schedule(&mut self, now: Instant, id: u64, after: Duration) {
        self.begin(now);
        if after.is_zero() {
            self.emit(Output::Script(ScriptEvent::Scheduled(id)));
        } else {
            let timer = self.timers.arm(self.now + after, TimerKey::Scheduled(id));
            self.scheduled.add(id, timer);
        }
    }

    /// Takes back what was scheduled. Does nothing when its time has come.
    pub fn unschedule(&mut self, id: u64) {
        if let Some(timer) = self.scheduled.take(id) {
            self.timers.stop(timer);
        }
    }

    /// Whether something is under way that an orderly end waits for.
    pub fn is_busy(&self, now: Instant) -> bool {
        self.client_transactions.any_awaited()
            || self.server_transactions.any_undecided()
            || now < self.waits_for_acks
    }

    pub(super) fn begin(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    pub(super) fn emit(&mut self, output: Output) {
        #[cfg(feature = "defects")]
        self.panic_if_counted(&output);
        self.outputs.push_back(output);
    }

    fn take_in(&mut self, input: Input) {
        match input {
            Input::Message { message, source, hold } => {
                if let Some(connection) = source.connection {
                    self.flows.heard(connection);
                }
                if message.is_request() {
                    self.heard(Target::of(&source), true);
                    self.request(message, source, hold);
                } else {
                    self.response(message, &source);
                }
            }
            Input::HeldResponse { message, source, pause } => {
                self.held_response(HeldResponse { message, source, _pause: pause });
            }
            Input::Refused { request, source, status, reason, close } => {
                self.refused(request, source, status, &reason, close);
            }
            Input::Keepalive { source } => self.heard(Target::of(&source), true),
            Input::ConnectionOpened { connection, transport, remote, local, inbound, handshake } => {
                let target = Target::new(transport, remote.ip(), remote.port());
                self.flows.opened(connection, &target, local, inbound);
                self.note_flow_opened(target, local, inbound, handshake);
            }
            Input::PeerFinished { connection } => self.peer_finished(connection),
            Input::ConnectionEnded { connection, end } => self.connection_ended(connection, end),
            Input::AddressFound { target, address } => self.address_found(target, address),
            Input::SocketOpened { target, connection, local } => {
                self.socket_opened(target, connection, local);
            }
            Input::Tightened { connection, target, proof, in_time } => {
                self.tightened(connection, target, &proof, in_time);
            }
            Input::NotSent { sender, hop, failure } => self.not_sent(sender, hop, failure),
            Input::UdpError { remote, quoted, failure } => self.udp_error(remote, &quoted, failure),
            Input::Resolved { resolution, resolved } => self.resolved(resolution, &resolved),
            Input::Timeout => {
                if let Some(key) = self.timers.pop_due(self.now) {
                    self.timer(key);
                }
            }
        }
    }

    fn timer(&mut self, key: TimerKey) {
        match key {
            TimerKey::Server(request, timer) => self.server_timer(request, timer),
            TimerKey::Client(branch, timer) => self.client_timer(&branch, timer),
            TimerKey::ProbeWait { key, client, route } => self.probe_wait_over(&key, client, route),
            TimerKey::PendingTrying(request) => self.pending_trying(request),
            TimerKey::Scheduled(id) => {
                self.scheduled.take(id);
                self.emit(Output::Script(ScriptEvent::Scheduled(id)));
            }
            TimerKey::Sweep => self.sweep(),
            TimerKey::CallLimit(route) => self.call_limit(route),
            TimerKey::UacAck(key) => self.uac_acks.forget(&key),
            TimerKey::Cancel(key) => self.cancels.forget(&key),
            TimerKey::Consequence => self.next_consequence(),
        }
    }

    fn sweep(&mut self) {
        self.timers.arm(self.now + SWEEP_INTERVAL, TimerKey::Sweep);
        self.emit(Output::SweepConnections);
        self.reachability.sweep(self.now, &mut self.stores);
        self.heed_keepalives(true);
        self.sweep_held_responses();
    }
}
