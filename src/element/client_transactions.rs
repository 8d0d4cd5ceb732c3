//! Client transactions: the requests that were sent and wait for answers, each with its machine and the hop it was sent to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::ids::{ClientId, RequestId, RouteId};
use super::listeners::Listeners;
use super::next_hop::{NextHop, SendFailure};
use super::table::{Table, Tables};
use super::timers::{ArmedTimers, TimerKey, Timers};
use crate::client::session::Role;
use crate::client::{Branch, Profile, SentBy};
use crate::message::{self, Headers, Message, Method, RequestSnapshot, Source, TopVia};
use crate::resolve::Target;
use crate::transaction::{
    invite_client, non_invite_client, ClientEffects, InviteClient, NonInviteClient, Timer, Timings,
};

#[derive(Debug)]
enum Machine {
    Invite(InviteClient),
    NonInvite(NonInviteClient),
}

/// What a client transaction is made with.
#[derive(Debug)]
pub(super) struct Begin {
    pub(super) client: ClientId,
    pub(super) route: RouteId,
    pub(super) role: Role,
    /// The request as it leaves.
    pub(super) sent: RequestSnapshot,
    pub(super) wire: Bytes,
    pub(super) hop: NextHop,
    /// The request from the network that it was made for.
    pub(super) upstream: Option<RequestId>,
    pub(super) profile: Arc<Profile>,
    /// The domain that a connection is for.
    pub(super) server: Option<String>,
    /// It goes over a flow, which no other connection can replace.
    pub(super) over_flow: bool,
    /// It goes by a connection that has served others before.
    pub(super) reused: bool,
    /// Timer B or F comes early, since the time for all targets will be over: after this time.
    pub(super) cut_short: Option<Duration>,
    /// When it began, as [`super::reachability::Reachability::heard_since`] has it.
    pub(super) began: u64,
}

/// One client transaction and where it sends.
#[derive(Debug)]
pub(super) struct ClientTransaction {
    machine: Machine,
    begin: Begin,
    /// Where it was sent to first: another connection may have another address.
    target: Target,
    /// The socket that its Via names, if that is none of the listening ones.
    own: Option<SocketAddr>,
    timers: ArmedTimers,
    /// The Reason values that go into the CANCEL (RFC 3326).
    reasons: Vec<Bytes>,
    /// Why the transport failed, if it did.
    failure: SendFailure,
    /// Its Client was told how it ended.
    settled: bool,
}

/// A client transaction and what a response means for it.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) branch: Branch,
    pub(super) client: ClientId,
    pub(super) target: Target,
    /// No final response came before.
    pub(super) fresh: bool,
    pub(super) news: News,
}

/// What a response brings to the Client of its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// It came before, or answers the CANCEL.
    Nothing,
    Provisional,
    /// The first final response.
    Final,
    /// A 2xx to an INVITE from one more callee (RFC 3261 13.2.2.4).
    FurtherSuccess,
}

/// Why a response is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unmatched {
    /// It belongs to no client transaction.
    NoTransaction,
    /// Its top Via has our branch, and not its sent-by (RFC 3261 18.1.2).
    OtherSender,
    /// No Via but ours is left (RFC 3261 16.7 step 3).
    NoWayBack,
}

impl ClientTransaction {
    fn new(now: Instant, begin: Begin, timings: &Timings) -> (Self, ClientEffects) {
        let profile = &begin.profile;
        let reliable = begin.hop.transport().reliable();
        let (machine, effects) = if begin.sent.method == Method::Invite {
            let (mut machine, mut effects) =
                InviteClient::new(now, reliable, timings, profile.timer_b, profile.timer_c);
            if profile.timer_c_restart {
                machine.restart_timer_c(profile.timer_c);
            }
            if let Some(limit) = begin.cut_short {
                effects.extend(machine.limit_calling(now, limit, profile.timer_b));
            }
            (Machine::Invite(machine), effects)
        } else {
            let timer_f = begin.cut_short.unwrap_or(profile.timer_f);
            let (machine, effects) = NonInviteClient::new(now, reliable, timings, timer_f);
            (Machine::NonInvite(machine), effects)
        };
        let transaction = Self {
            machine,
            target: begin.hop.target(),
            own: begin.hop.own(),
            begin,
            timers: ArmedTimers::default(),
            reasons: Vec::new(),
            failure: SendFailure::Lost,
            settled: false,
        };
        (transaction, effects)
    }

    /// The Client and its route.
    pub(super) fn owner(&self) -> (ClientId, RouteId) {
        (self.begin.client, self.begin.route)
    }

    /// The method of its request, and the Call-ID while that is kept.
    pub(super) fn of_call(&self) -> (&Method, Option<&[u8]>) {
        (&self.begin.sent.method, self.begin.sent.call_id())
    }

    pub(super) fn role(&self) -> Role {
        self.begin.role
    }

    pub(super) fn upstream(&self) -> Option<RequestId> {
        self.begin.upstream
    }

    pub(super) fn hop(&self) -> NextHop {
        self.begin.hop
    }

    pub(super) fn target(&self) -> Target {
        self.target
    }

    pub(super) fn began(&self) -> u64 {
        self.begin.began
    }

    pub(super) fn cut_short(&self) -> Option<Duration> {
        self.begin.cut_short
    }

    pub(super) fn failure(&self) -> SendFailure {
        self.failure
    }

    /// The bytes of the request; none after a final response.
    pub(super) fn wire(&self) -> Bytes {
        self.begin.wire.clone()
    }

    pub(super) fn is_invite(&self) -> bool {
        matches!(self.machine, Machine::Invite(_))
    }

    /// Its Client was told how it ended and forgets it.
    pub(super) fn settle(&mut self) {
        self.settled = true;
    }

    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }

    /// Whether no timer will end it.
    pub(super) fn is_timeless(&self) -> bool {
        self.timers.is_empty()
    }

    /// True while the peer may still give a final response.
    pub(super) fn is_undecided(&self) -> bool {
        match &self.machine {
            Machine::Invite(m) => {
                matches!(m.state(), invite_client::State::Calling | invite_client::State::Proceeding)
            }
            Machine::NonInvite(m) => {
                matches!(m.state(), non_invite_client::State::Trying | non_invite_client::State::Proceeding)
            }
        }
    }

    /// Whether the end of the element waits for it. An INVITE that was given up still has its CANCEL to be sent, and perhaps a
    /// call to be ended; of a non-INVITE nobody learns anything more.
    pub(super) fn is_awaited(&self) -> bool {
        let unattended = matches!(&self.machine, Machine::NonInvite(machine) if machine.is_unattended());
        self.is_undecided() && !unattended
    }

    /// RFC 3261 18.1.2: whether a Via is the one that the request left with, as far as it names its sender.
    fn left_with(&self, via: &TopVia<'_>, listeners: &Listeners) -> bool {
        let sent_by = match self.own {
            Some(socket) => Some(SentBy::Socket(socket)),
            None => listeners
                .naming(self.target.transport, self.target.addr)
                .map(|listener| SentBy::Listener(listener.sent_by())),
        };
        sent_by.is_some_and(|sent_by| sent_by.is_in(via))
    }

    /// RFC 3261 16.7 step 3: whether nobody is named that a Proxy could send a response on to. A 100 and the answer to a CANCEL
    /// end here.
    fn has_no_way_back(&self, response: &Message) -> bool {
        self.begin.role == Role::Proxy
            && response.num_vias() < 2
            && response.status() != Some(100)
            && response.cseq_method() != Some(&Method::Cancel)
    }

    /// RFC 3261 17.1.3: whether a response with this branch belongs to it, or to the CANCEL of it.
    fn is_answered_by(&self, response: &Message, source: &Source) -> bool {
        let method_fits = match response.cseq_method() {
            Some(Method::Cancel) => self.is_invite(),
            method => method == Some(&self.begin.sent.method),
        };
        method_fits && self.begin.hop.transport() == source.transport
    }

    /// What a response to it, or to the CANCEL of it, brings to its Client.
    fn news(&self, response: &Message) -> News {
        let success = matches!(response.status(), Some(200..=299));
        match &self.machine {
            Machine::Invite(_) if response.cseq_method() == Some(&Method::Cancel) => News::Nothing,
            Machine::Invite(machine) if machine.state() == invite_client::State::Accepted && success => {
                if machine.knows_success(response.to_tag()) {
                    News::Nothing
                } else {
                    News::FurtherSuccess
                }
            }
            _ if !self.is_undecided() => News::Nothing,
            _ if response.status().is_some_and(|status| status >= 200) => News::Final,
            _ => News::Provisional,
        }
    }

    /// After a final response nothing is sent again but the ACK for a failure, made from the request. The transaction
    /// stays for half a minute; what it sent need not.
    pub(super) fn forget_request(&mut self, status: u16) {
        if status >= 200 {
            self.begin.wire = Bytes::new();
            if status < 300 || !self.is_invite() {
                self.begin.sent.headers = Headers::new();
                self.begin.sent.body = Bytes::new();
            }
        }
    }

    /// The ACK for a failure (RFC 3261 17.1.1.3).
    pub(super) fn ack(&self, response: &Message) -> Bytes {
        message::ack_for(&self.begin.sent, response)
    }

    /// The CANCEL of the request (RFC 3261 9.1).
    pub(super) fn cancel_request(&self) -> Bytes {
        message::cancel_for(&self.begin.sent, &self.reasons)
    }

    /// The domain and the profile with which a connection that is gone may be opened again; none for a flow.
    pub(super) fn reopening(&self) -> Option<(Option<String>, Arc<Profile>)> {
        (!self.begin.over_flow).then(|| (self.begin.server.clone(), self.begin.profile.clone()))
    }

    /// Whether it is to be sent again when its connection breaks, which is so once: the peer may have closed it long ago, and
    /// nothing has come back yet.
    pub(super) fn take_second_chance(&mut self) -> bool {
        self.may_move() && std::mem::take(&mut self.begin.reused)
    }

    /// Whether nothing has come back yet, and another connection may carry the request.
    pub(super) fn may_move(&self) -> bool {
        let open = match &self.machine {
            Machine::Invite(m) => m.state() == invite_client::State::Calling && !m.is_canceled(),
            Machine::NonInvite(m) => m.state() == non_invite_client::State::Trying && !m.is_unattended(),
        };
        open && self.own.is_none() && !self.begin.over_flow
    }

    pub(super) fn timer(&mut self, now: Instant, timer: Timer) -> ClientEffects {
        match &mut self.machine {
            Machine::Invite(machine) => machine.timer(now, timer),
            Machine::NonInvite(machine) => machine.timer(now, timer),
        }
    }

    pub(super) fn transport_failed(&mut self, now: Instant, failure: SendFailure) -> ClientEffects {
        self.failure = failure;
        match &mut self.machine {
            Machine::Invite(machine) => machine.transport_failed(now),
            Machine::NonInvite(machine) => machine.transport_failed(now),
        }
    }

    pub(super) fn response(&mut self, now: Instant, response: &Message) -> ClientEffects {
        let status = response.status().unwrap_or(500);
        match &mut self.machine {
            Machine::Invite(machine) if response.cseq_method() == Some(&Method::Cancel) => {
                machine.cancel_response(now, status)
            }
            Machine::Invite(machine) => machine.response(now, status, response.to_tag()),
            Machine::NonInvite(machine) => machine.response(now, status),
        }
    }

    /// Asks for CANCEL, which waits for a provisional response where it has to. Another request than INVITE has none.
    pub(super) fn cancel(&mut self, now: Instant, reasons: Vec<Bytes>) -> ClientEffects {
        match &mut self.machine {
            Machine::Invite(machine) => {
                if !machine.is_canceled() {
                    self.reasons = reasons;
                }
                machine.cancel(now)
            }
            Machine::NonInvite(_) => ClientEffects::new(),
        }
    }

    /// Only a 2xx is still of interest. Hands out nothing when nothing is pending.
    pub(super) fn abandon(&mut self, now: Instant) -> ClientEffects {
        match &mut self.machine {
            Machine::Invite(machine) => machine.abandon(now),
            Machine::NonInvite(machine) => machine.abandon(now),
        }
    }

    pub(super) fn arm(&mut self, timers: &mut Timers, branch: &Branch, timer: Timer, at: Instant) {
        self.timers.arm(timers, timer, at, TimerKey::Client(branch.clone(), timer));
    }

    pub(super) fn stop(&mut self, timers: &mut Timers, timer: Timer) {
        self.timers.stop(timers, timer);
    }
}

/// The table of client transactions.
#[derive(Debug)]
pub(super) struct ClientTransactions {
    /// In boxes, since a table has room for more entries than it has.
    by_branch: Table<Branch, Box<ClientTransaction>>,
    /// The newest one of each route.
    by_route: Table<RouteId, Branch>,
}

impl ClientTransactions {
    pub(super) fn new(tables: &Tables) -> Self {
        Self { by_branch: tables.table(), by_route: tables.table() }
    }

    pub(super) fn len(&self) -> usize {
        self.by_branch.len()
    }

    /// Begins a transaction. Its first effects are due.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        branch: &Branch,
        begin: Begin,
        timings: &Timings,
    ) -> ClientEffects {
        let route = begin.route;
        let (transaction, effects) = ClientTransaction::new(now, begin, timings);
        self.by_branch.insert(branch.clone(), Box::new(transaction));
        self.by_route.insert(route, branch.clone());
        effects
    }

    pub(super) fn get(&self, branch: &[u8]) -> Option<&ClientTransaction> {
        self.by_branch.get(branch).map(|transaction| &**transaction)
    }

    pub(super) fn get_mut(&mut self, branch: &[u8]) -> Option<&mut ClientTransaction> {
        self.by_branch.get_mut(branch).map(|transaction| &mut **transaction)
    }

    /// The transaction with this branch, and the branch.
    pub(super) fn find(&self, branch: &[u8]) -> Option<(&Branch, &ClientTransaction)> {
        self.by_branch.get_key_value(branch).map(|(branch, transaction)| (branch, &**transaction))
    }

    /// The branch that a route has sent last, while its transaction is there.
    pub(super) fn branch_of(&self, route: RouteId) -> Option<Branch> {
        self.by_route.get(&route).cloned()
    }

    /// The transaction goes on over another hop.
    pub(super) fn moves(&mut self, branch: &[u8], hop: NextHop) {
        if let Some(transaction) = self.by_branch.get_mut(branch) {
            transaction.begin.hop = hop;
        }
    }

    /// A timer of this transaction has fired.
    pub(super) fn fired(&mut self, branch: &[u8], timer: Timer) -> Option<&mut ClientTransaction> {
        let transaction = self.by_branch.get_mut(branch)?;
        transaction.timers.fired(timer);
        Some(transaction)
    }

    /// A transaction is over, and with it its timers.
    pub(super) fn remove(&mut self, timers: &mut Timers, branch: &Branch) -> Option<Box<ClientTransaction>> {
        let mut transaction = self.by_branch.remove(&**branch)?;
        transaction.timers.stop_all(timers);
        let route = transaction.begin.route;
        if self.by_route.get(&route) == Some(branch) {
            self.by_route.remove(&route);
        }
        Some(transaction)
    }

    /// The transaction that a response belongs to, or why it is to be dropped (RFC 3261 17.1.3).
    pub(super) fn answered_by(
        &self,
        response: &Message,
        source: &Source,
        listeners: &Listeners,
    ) -> Result<Answered, Unmatched> {
        let via = response.top_via().ok_or(Unmatched::NoTransaction)?;
        let received = via.branch().ok_or(Unmatched::NoTransaction)?;
        // Some elements change the letter case on the way, which means nothing (RFC 3261 7.3.1).
        let as_written = || Branch::as_written(received).and_then(|branch| self.find(&branch));
        let found = self.find(received).or_else(as_written);
        let (branch, transaction) = found
            .filter(|(_, transaction)| transaction.is_answered_by(response, source))
            .ok_or(Unmatched::NoTransaction)?;
        if !transaction.left_with(&via, listeners) {
            return Err(Unmatched::OtherSender);
        }
        if transaction.has_no_way_back(response) {
            return Err(Unmatched::NoWayBack);
        }
        Ok(Answered {
            branch: branch.clone(),
            client: transaction.begin.client,
            target: transaction.target,
            fresh: transaction.is_undecided(),
            news: transaction.news(response),
        })
    }

    /// Whether the end of the element waits for any of them.
    pub(super) fn any_awaited(&self) -> bool {
        self.by_branch.values().any(|transaction| transaction.is_awaited())
    }

    /// The branches of a Client, in the order of their routes.
    pub(super) fn of_client(&self, client: ClientId) -> Vec<Branch> {
        let of_client = self.by_branch.iter().filter(|(_, transaction)| transaction.begin.client == client);
        let mut branches: Vec<_> = of_client.map(|(branch, it)| (it.begin.route, branch.clone())).collect();
        branches.sort_unstable();
        branches.into_iter().map(|(_, branch)| branch).collect()
    }
}

/// The branch in the first Via of a datagram that an ICMP error quotes, perhaps cut short.
pub(super) fn quoted_branch(quoted: &[u8]) -> Option<&[u8]> {
    let start = memchr::memmem::find(quoted, b";branch=")? + b";branch=".len();
    let rest = &quoted[start..];
    let end = rest.iter().position(|b| matches!(b, b';' | b'\r' | b',' | b' '))?;
    Some(&rest[..end])
}
