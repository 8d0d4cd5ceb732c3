//! Client transactions: making them, feeding them with what the network and the timers bring, carrying out their
//! effects.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use smallvec::SmallVec;

use super::core::{ArmedTimers, Core, TimerKey};
use super::defects::Beneficiary;
use super::incoming::IncomingRequest;
use super::listeners::Listeners;
use super::network::{Destination, Network, SendFailure};
use super::outgoing::Leaving;
use super::peers::target_of;
use super::route::Route;
use super::timers::{TimerId, TimerQueue};
use super::Dropped;
use crate::client::session::{retry_after, Input, Kind};
use crate::client::{branch_as_written, IncomingResponse, Profile, SentBy, Target};
use crate::clock::Clock;
use crate::message::{self, Headers, Message, Method, RequestSnapshot, TopVia};
use crate::transaction::{ClientEffect, ClientEffects, InviteClient, NonInviteClient, Timer};
use crate::transport::{ConnectionId, Source};

#[derive(Debug)]
enum Machine {
    Invite(InviteClient),
    NonInvite(NonInviteClient),
}

/// One client transaction and where it sends.
#[derive(Debug)]
pub(super) struct Branch {
    machine: Machine,
    client: u64,
    route: u64,
    kind: Kind,
    sent: RequestSnapshot,
    wire: Bytes,
    destination: Destination,
    /// Where it was sent to first: another connection may have another address.
    target: Target,
    /// The socket that its Via names, if that is none of the listening ones.
    own: Option<SocketAddr>,
    timers: ArmedTimers,
    reasons: Vec<Bytes>,
    upstream: Option<Arc<IncomingRequest>>,
    /// The domain and the profile with which a connection that is gone may be opened again; none for a flow.
    reopening: Option<(Option<String>, Arc<Profile>)>,
    /// It went by a connection that had served others before, and has not been sent again for it.
    reused: bool,
    /// Why the transport failed, if it did.
    failure: SendFailure,
    /// Timer B or F comes early, since the time for all targets will be over: after this time.
    cut_short: Option<Duration>,
    /// When it began, as [`super::peers::Peers::heard_since`] has it.
    began: u64,
    /// The session was told how this branch ended and forgets it.
    settled: bool,
}

/// A branch and what a response means for it.
#[derive(Debug)]
pub(super) struct Answered {
    id: Bytes,
    pub(super) client: u64,
    target: Target,
    /// No final response came before.
    fresh: bool,
    pub(super) news: News,
}

/// What a response brings to the Client of its branch.
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

/// What a step of a branch means for its session.
type Inputs = SmallVec<[Input; 2]>;

impl Branch {
    pub(super) fn client(&self) -> u64 {
        self.client
    }

    pub(super) fn route(&self) -> u64 {
        self.route
    }

    /// Whether no timer will end it.
    pub(super) fn is_timeless(&self) -> bool {
        self.timers.is_empty()
    }

    /// True while the peer may still give a final response.
    pub(super) fn is_undecided(&self) -> bool {
        use crate::transaction::{invite_client, non_invite_client};
        match &self.machine {
            Machine::Invite(m) => {
                matches!(m.state(), invite_client::State::Calling | invite_client::State::Proceeding)
            }
            Machine::NonInvite(m) => {
                matches!(m.state(), non_invite_client::State::Trying | non_invite_client::State::Proceeding)
            }
        }
    }

    /// Whether the end of the engine waits for it. An INVITE that was given up still has its CANCEL to be sent, and perhaps a
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
        self.kind == Kind::Proxy
            && response.num_vias() < 2
            && response.status() != Some(100)
            && response.cseq_method() != Some(&Method::Cancel)
    }

    /// RFC 3261 17.1.3: whether a response with the id of this branch belongs to it, or to the CANCEL of it.
    fn is_answered_by(&self, response: &Message, source: &Source) -> bool {
        let method_fits = match response.cseq_method() {
            Some(Method::Cancel) => matches!(self.machine, Machine::Invite(_)),
            method => method == Some(&self.sent.method),
        };
        method_fits && self.destination.transport() == source.transport
    }

    /// What a response to this branch, or to the CANCEL of it, brings to its Client.
    fn news(&self, response: &Message) -> News {
        use crate::transaction::invite_client::State;
        let success = matches!(response.status(), Some(200..=299));
        match &self.machine {
            Machine::Invite(_) if response.cseq_method() == Some(&Method::Cancel) => News::Nothing,
            Machine::Invite(machine) if machine.state() == State::Accepted && success => {
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
    fn forget_request(&mut self, status: u16) {
        if status >= 200 {
            self.wire = Bytes::new();
            if status < 300 || matches!(self.machine, Machine::NonInvite(_)) {
                self.sent.headers = Headers::new();
                self.sent.body = Bytes::new();
            }
        }
    }

    /// Sends the ACK or the CANCEL of the request; where the connection is gone, over another one (RFC 3261 18.1.1).
    fn follow_up(&mut self, network: &Network, wire: &Bytes) {
        if network.send(&self.destination, wire).is_ok() || self.destination.connection().is_none() {
            return;
        }
        let Some((server, profile)) = &self.reopening else { return };
        let (transport, remote) = (self.destination.transport(), self.destination.remote());
        if let Ok(destination) = network.destination(self.kind, transport, remote, server.as_deref(), profile)
        {
            // What is lost here is sent again by a timer.
            let _ = network.send(&destination, wire);
            self.destination = destination;
        }
    }

    /// Whether it is to be sent again when its connection breaks: the peer may have closed it long ago, and nothing has come back
    /// yet. A Via that names the connection itself would be wrong on another one.
    fn may_be_sent_anew(&self) -> bool {
        use crate::transaction::{invite_client, non_invite_client};
        let open = match &self.machine {
            Machine::Invite(m) => m.state() == invite_client::State::Calling && !m.is_canceled(),
            Machine::NonInvite(m) => m.state() == non_invite_client::State::Trying && !m.is_unattended(),
        };
        open && self.reused && self.own.is_none()
    }

    fn timer(&mut self, now: Instant, timer: Timer) -> ClientEffects {
        match &mut self.machine {
            Machine::Invite(machine) => machine.timer(now, timer),
            Machine::NonInvite(machine) => machine.timer(now, timer),
        }
    }

    fn transport_failed(&mut self, now: Instant, failure: SendFailure) -> ClientEffects {
        self.failure = failure;
        match &mut self.machine {
            Machine::Invite(machine) => machine.transport_failed(now),
            Machine::NonInvite(machine) => machine.transport_failed(now),
        }
    }

    fn response(&mut self, now: Instant, response: &Message) -> ClientEffects {
        let status = response.status().unwrap_or(500);
        match &mut self.machine {
            Machine::Invite(machine) if response.cseq_method() == Some(&Method::Cancel) => {
                machine.cancel_response(now, status)
            }
            Machine::Invite(machine) => machine.response(now, status, response.to_tag()),
            Machine::NonInvite(machine) => machine.response(now, status),
        }
    }

    fn abandon(&mut self, now: Instant) -> ClientEffects {
        match &mut self.machine {
            Machine::Invite(machine) => machine.abandon(now),
            Machine::NonInvite(machine) => machine.abandon(now),
        }
    }
}

impl Core {
    /// Sends the request of a route to a target, in a transaction of its own.
    pub(super) fn send_to_target(&mut self, now: Instant, route: &mut Route, target: &Target) {
        match self.network.destination(
            route.kind,
            target.transport,
            target.addr,
            route.server.as_deref(),
            route.profile(),
        ) {
            Ok(destination) => self.start_branch(now, route, destination),
            Err(no_way) => {
                // Another target may have an address that is reached from here.
                if route.has_further_targets() {
                    tracing::info!(target: "oversip::transport", "{no_way}");
                } else {
                    tracing::error!(target: "oversip::transport", "{no_way}");
                }
                route.handle(&self.shared, now, Input::ConnectionLost);
            }
        }
    }

    /// Sends the request of a route over the flow that it named (RFC 5626 5.3).
    pub(super) fn send_over_flow(&mut self, now: Instant, route: &mut Route) {
        let token = route.flow.clone().flatten();
        let destination = token.and_then(|token| self.network.flow(&self.shared, &token));
        match destination {
            Some(destination) => self.start_branch(now, route, destination),
            None => route.handle(&self.shared, now, Input::FlowFailed),
        }
    }

    fn start_branch(&mut self, now: Instant, route: &mut Route, destination: Destination) {
        // CANCEL overtook the routing: nothing is sent (RFC 3261 16.10).
        let ended = if route.is_given_up() { Some(Input::Abandoned) } else { None };
        let ended = ended.or_else(|| route.is_canceled().then_some(Input::Canceled));
        if let Some(input) = ended.filter(|_| route.request.method != Method::Ack) {
            route.handle(&self.shared, now, input);
            return route.handle(&self.shared, now, Input::BranchEnded);
        }
        if !route.may_leave_by(destination.transport()) {
            tracing::info!(target: "oversip::transaction", "a request to a sips URI does not go to {destination}, in the clear");
            return route.handle(&self.shared, now, Input::Unprotected);
        }
        let id = Bytes::from(self.shared.new_branch(&route.antiloop_id));
        let sent = super::outgoing::request(&self.shared, route, &Leaving::by(&destination), &id);
        if destination.own().is_some() {
            self.note_own_dialog(&sent);
        }
        let wire = sent.to_bytes();
        if sent.method == Method::Ack {
            let failed = self.network.send(&destination, &wire).err();
            if route.kind == Kind::Uac {
                self.remember_ack(now, &sent, destination, wire);
            }
            if let Some(failure) = failed {
                route.handle(&self.shared, now, unsent(failure));
            }
            return;
        }
        let profile = route.profile();
        let (reliable, timings) = (destination.transport().reliable(), &self.shared.timings);
        let (machine, effects, cut_short) = if sent.method == Method::Invite {
            let limit = route.limit(now, profile.timer_b.min(profile.timer_c), timings);
            let (mut machine, mut effects) =
                InviteClient::new(now, reliable, timings, profile.timer_b, profile.timer_c);
            if profile.timer_c_restart {
                machine.restart_timer_c(profile.timer_c);
            }
            if let Some(limit) = limit {
                effects.extend(machine.limit_calling(now, limit, profile.timer_b));
            }
            (Machine::Invite(machine), effects, limit)
        } else {
            let limit = route.limit(now, profile.timer_f, timings);
            let timer_f = limit.unwrap_or(profile.timer_f);
            let (machine, effects) = NonInviteClient::new(now, reliable, timings, timer_f);
            (Machine::NonInvite(machine), effects, limit)
        };
        let began = self.attend(destination.target());
        let served = |connection| self.network.connections().has_served(connection);
        let reused = route.flow.is_none() && destination.connection().is_some_and(served);
        if let Some(connection) = destination.connection() {
            self.connection_branches.entry(connection).or_default().insert(id.clone());
        }
        let branch = Branch {
            machine,
            client: route.client.id(),
            route: route.id,
            kind: route.kind,
            sent,
            wire,
            target: destination.target(),
            own: destination.own(),
            destination,
            timers: ArmedTimers::new(),
            reasons: Vec::new(),
            upstream: route.upstream.clone(),
            reopening: route.flow.is_none().then(|| (route.server.clone(), route.profile().clone())),
            reused,
            failure: SendFailure::Lost,
            cut_short,
            began,
            settled: false,
        };
        self.branches.insert(id.clone(), branch);
        self.route_branches.insert(route.id, id.clone());
        for input in self.branch_effects(now, &id, effects, None) {
            route.handle(&self.shared, now, input);
        }
    }

    /// A request that begins a dialog, or goes on with one (RFC 3261 12, RFC 6665, RFC 3515), leaves a socket to which only
    /// requests of such dialogs may come.
    fn note_own_dialog(&mut self, sent: &RequestSnapshot) {
        let begins = sent.method.forms_dialog();
        if let (true, Some(call_id), Some(tag)) = (begins, sent.call_id(), sent.from_tag()) {
            self.own_dialogs.note(call_id, tag);
        }
    }

    /// Carries out the effects of one branch and says what its session has to know.
    fn branch_effects(
        &mut self,
        now: Instant,
        id: &Bytes,
        effects: ClientEffects,
        response: Option<&Arc<IncomingResponse>>,
    ) -> Inputs {
        let mut inputs = Inputs::new();
        let mut work: SmallVec<[ClientEffect; 8]> = effects.into_iter().collect();
        let mut next = 0;
        while next < work.len() {
            let effect = work[next];
            next += 1;
            let Some(branch) = self.branches.get_mut(id) else { break };
            match effect {
                ClientEffect::SendRequest => {
                    if let Err(failure) = self.network.send(&branch.destination, &branch.wire) {
                        let anew = failure == SendFailure::Lost && self.send_anew(id);
                        if let Some(branch) = self.branches.get_mut(id).filter(|_| !anew) {
                            work.extend(branch.transport_failed(now, failure));
                        }
                    }
                }
                ClientEffect::SendAck => {
                    if let Some(response) = response {
                        branch.follow_up(&self.network, &message::ack_for(&branch.sent, response));
                    }
                }
                ClientEffect::SendCancel => {
                    let cancel = message::cancel_for(&branch.sent, &branch.reasons);
                    branch.follow_up(&self.network, &cancel);
                }
                ClientEffect::Arm(timer, at) => {
                    arm(&mut self.timers, branch, id, timer, at);
                    // The callee has more time, and so has the caller.
                    let caller = branch.upstream.as_ref();
                    if let Some(caller) = caller.filter(|_| timer == Timer::C && response.is_some()) {
                        self.shared.carry_out(caller, caller.restart_c2(now));
                    }
                }
                ClientEffect::Stop(timer) => stop(&mut self.timers, branch, timer),
                ClientEffect::Response => {
                    if let Some(response) = response {
                        let status = response.status().unwrap_or(500);
                        let more = matches!(branch.machine, Machine::Invite(_)) && status < 300;
                        branch.settled = status >= 200 && !more;
                        branch.forget_request(status);
                        inputs.push(Input::Response(response.clone()));
                    }
                }
                ClientEffect::RepeatedSuccess => {
                    if let Some(response) = response {
                        inputs.extend(self.success_again(now, id, response));
                    }
                }
                ClientEffect::SwallowedFinal => {}
                ClientEffect::Timeout => {
                    let heard = self.peers.heard_since(branch.target, branch.began);
                    branch.settled =
                        branch.cut_short.is_none() || matches!(branch.machine, Machine::NonInvite(_));
                    inputs.push(match branch.cut_short {
                        Some(waited) => Input::BranchCutShort {
                            to_blame: !heard && self.shared.timings.is_nearly_transaction_timeout(waited),
                        },
                        None if heard => Input::Unanswered,
                        None => Input::Timeout,
                    });
                }
                ClientEffect::InviteTimeout => inputs.push(Input::InviteTimeout),
                ClientEffect::CancelTimeout => {}
                ClientEffect::TransportFailed => {
                    branch.settled = true;
                    inputs.push(unsent(branch.failure));
                }
                ClientEffect::Terminated => {
                    if !branch.settled {
                        inputs.push(Input::BranchEnded);
                    }
                    self.drop_branch(id);
                }
            }
        }
        inputs
    }

    /// A 2xx that was passed up before: upstream gets the stored bytes again, a Uac its ACK (RFC 6026 7.2, 8.9).
    fn success_again(&mut self, now: Instant, id: &Bytes, response: &Arc<IncomingResponse>) -> Option<Input> {
        let branch = self.branches.get(id)?;
        if branch.kind == Kind::Uac {
            let (client, route) = (branch.client, branch.route);
            let sent = self
                .uac_acks
                .get(response)
                .is_some_and(|ack| self.network.send(&ack.destination, &ack.wire).is_ok());
            tracing::debug!(target: "oversip::transaction", client, route, sent, "2xx repeated");
            // The blocks may still make the ACK.
            return (!sent && self.takes_again(client, response)).then(|| Input::Response(response.clone()));
        }
        // While the first 2xx is still with the blocks, or was dropped by them, there are no bytes to repeat.
        let request = branch.upstream.clone()?;
        let wire = request.success(branch.route, response.to_tag())?;
        let status = response.status().unwrap_or(200);
        let upstream = request.clone();
        upstream.respond(now, status, wire, |effects| {
            if let Some(effects) = effects {
                self.shared.carry_out(&request, effects);
            }
        });
        None
    }

    pub(super) fn drop_branch(&mut self, id: &Bytes) {
        let Some(branch) = self.branches.remove(id) else { return };
        self.peers.leave(branch.target);
        for (_, timer) in branch.timers {
            self.timers.stop(timer);
        }
        if self.route_branches.get(&branch.route) == Some(id) {
            self.route_branches.remove(&branch.route);
        }
        if let Some(connection) = branch.destination.connection() {
            if let Some(waiting) = self.connection_branches.get_mut(&connection) {
                waiting.remove(id);
                if waiting.is_empty() {
                    self.connection_branches.remove(&connection);
                }
            }
        }
    }

    fn step_branch(
        &mut self,
        id: &Bytes,
        response: Option<&Arc<IncomingResponse>>,
        step: impl FnOnce(&mut Branch, Instant) -> ClientEffects,
    ) {
        let now = self.shared.clock.now();
        let Some(branch) = self.branches.get_mut(id) else { return };
        let (client, route) = (branch.client, branch.route);
        self.working_for = Beneficiary::Client(client);
        let effects = step(branch, now);
        for input in self.branch_effects(now, id, effects, response) {
            self.deliver(client, route, input);
        }
    }

    /// Matches a response to its transaction (RFC 3261 17.1.3); one that matches none, or is not meant for it, is dropped.
    pub(super) fn response(&mut self, response: Message, source: &Source) {
        let answered = self.answered_by(&response, source);
        self.note_response(&response, source, answered.as_ref().ok());
        let Answered { id, client, news, .. } = match answered {
            Ok(answered) => answered,
            Err(reason) => {
                tracing::debug!(target: "oversip::transaction", "response dropped: {reason:?}");
                return self.shared.counts.count_dropped(reason);
            }
        };
        let response = Arc::new(IncomingResponse { message: response, source: *source });
        if self.leaves_to_sender(client, news, &response) {
            return;
        }
        self.step_branch(&id, Some(&response.clone()), |branch, now| branch.response(now, &response));
    }

    /// The branch that a response belongs to, or why it is to be dropped.
    pub(super) fn answered_by(&self, response: &Message, source: &Source) -> Result<Answered, Dropped> {
        let via = response.top_via().ok_or(Dropped::UnmatchedResponse)?;
        let received = via.branch().ok_or(Dropped::UnmatchedResponse)?;
        // Some elements change the letter case on the way, which means nothing (RFC 3261 7.3.1).
        let found = self.branches.get_key_value(received).or_else(|| {
            branch_as_written(received).and_then(|branch| self.branches.get_key_value(&branch[..]))
        });
        let (id, branch) = found
            .filter(|(_, branch)| branch.is_answered_by(response, source))
            .ok_or(Dropped::UnmatchedResponse)?;
        if !branch.left_with(&via, &self.shared.listeners) {
            return Err(Dropped::ResponseToAnother);
        }
        if branch.has_no_way_back(response) {
            return Err(Dropped::ResponseWithoutWayBack);
        }
        Ok(Answered {
            id: id.clone(),
            client: branch.client,
            target: branch.target,
            fresh: branch.is_undecided(),
            news: branch.news(response),
        })
    }

    /// A response is a sign of life of where it comes from, and of the target that it answers for. A 503 that names a time, and
    /// one that is not the first final answer of its transaction, do not say that requests are welcome again.
    pub(super) fn note_response(&mut self, response: &Message, source: &Source, answered: Option<&Answered>) {
        let fresh = answered.is_some_and(|branch| branch.fresh);
        let ends_entries = response.status() != Some(503) || (fresh && retry_after(response).is_none());
        let from = target_of(source);
        self.heard(from, ends_entries);
        if let Some(target) = answered.map(|branch| branch.target).filter(|target| *target != from) {
            self.heard(target, ends_entries);
        }
    }

    pub(super) fn branch_timer(&mut self, now: Instant, fired: TimerId, id: &Bytes, timer: Timer) {
        let Some(branch) = self.branches.get_mut(id) else { return };
        branch.timers.retain(|(_, armed)| *armed != fired);
        let (client, route) = (branch.client, branch.route);
        self.working_for = Beneficiary::Client(client);
        let effects = branch.timer(now, timer);
        for input in self.branch_effects(now, id, effects, None) {
            self.deliver(client, route, input);
        }
    }

    /// A connection that was up is lost, through the peer or by age. What was sent on it since it had served before gets one
    /// other connection: the peer may have ended the old one long ago. The rest fails.
    pub(super) fn connection_broke(&mut self, connection: ConnectionId) {
        let mut waiting = self.connection_branches.remove(&connection).unwrap_or_default();
        waiting.retain(|id| !self.send_anew(id));
        if !waiting.is_empty() {
            self.connection_branches.insert(connection, waiting);
            self.connection_lost(connection, SendFailure::Lost);
        }
    }

    /// Sends a request over another connection, with the branch that it has: its Timers run on. False: it is lost.
    fn send_anew(&mut self, id: &Bytes) -> bool {
        let Some(branch) = self.branches.get_mut(id).filter(|branch| branch.may_be_sent_anew()) else {
            return false;
        };
        branch.reused = false;
        let Some((server, profile)) = &branch.reopening else { return false };
        let (transport, remote) = (branch.destination.transport(), branch.destination.remote());
        let found = self.network.destination(branch.kind, transport, remote, server.as_deref(), profile);
        let sent = |destination: &Destination| self.network.send(destination, &branch.wire).is_ok();
        let Some(destination) = found.ok().filter(sent) else { return false };
        tracing::info!(target: "oversip::transaction", client = branch.client, route = branch.route,
            "the connection to {destination} broke before an answer came, the request is sent over another one");
        let before = std::mem::replace(&mut branch.destination, destination);
        if let Some(waiting) = before.connection().and_then(|it| self.connection_branches.get_mut(&it)) {
            waiting.remove(id);
        }
        if let Some(connection) = destination.connection() {
            self.connection_branches.entry(connection).or_default().insert(id.clone());
        }
        true
    }

    /// The connection did not come up, or was lost.
    pub(super) fn connection_lost(&mut self, connection: ConnectionId, failure: SendFailure) {
        for id in self.connection_branches.remove(&connection).unwrap_or_default() {
            // Each of them is a call of its own.
            self.attempt(|core| {
                core.step_branch(&id, None, |branch, now| branch.transport_failed(now, failure));
            });
        }
    }

    /// An ICMP error came back for a datagram: it counts for the transaction whose branch the datagram carried.
    pub(super) fn udp_error(&mut self, remote: SocketAddr, quoted: &[u8], error: &std::io::Error) {
        let Some(id) = quoted_branch(quoted) else { return };
        let fits = self.branches.get(id).is_some_and(
            |branch| matches!(branch.destination, Destination::Udp { remote: addr, .. } if addr == remote),
        );
        if fits {
            let failure = SendFailure::of_datagram(error);
            self.step_branch(&Bytes::copy_from_slice(id), None, |branch, now| {
                branch.transport_failed(now, failure)
            });
        }
    }

    /// CANCELs what a route has pending. The machine waits for a provisional response where it has to.
    pub(super) fn cancel_branch(&mut self, now: Instant, route: u64, reasons: Vec<Bytes>) {
        let Some(id) = self.route_branches.get(&route).cloned() else { return };
        let Some(branch) = self.branches.get_mut(&id) else { return };
        let Machine::Invite(machine) = &mut branch.machine else { return };
        branch.reasons = reasons;
        let effects = machine.cancel(now);
        let (client, route) = (branch.client, branch.route);
        for input in self.branch_effects(now, &id, effects, None) {
            self.deliver(client, route, input);
        }
    }

    /// Ends what a route has pending. False when nothing is.
    pub(super) fn abandon_branch(&mut self, now: Instant, route: u64) -> bool {
        let Some(id) = self.route_branches.get(&route).cloned() else { return false };
        let Some(branch) = self.branches.get_mut(&id).filter(|branch| branch.is_undecided()) else {
            return false;
        };
        let effects = branch.abandon(now);
        let (client, route) = (branch.client, branch.route);
        for input in self.branch_effects(now, &id, effects, None) {
            self.deliver(client, route, input);
        }
        true
    }

    fn remember_ack(&mut self, now: Instant, sent: &RequestSnapshot, destination: Destination, wire: Bytes) {
        if let Some(key) = self.uac_acks.remember(sent, destination, wire) {
            self.timers.arm(now + self.shared.timings.transaction_timeout(), TimerKey::UacAck(key));
        }
    }
}

/// What a session has to know of a request that could not be sent.
fn unsent(failure: SendFailure) -> Input {
    match failure {
        SendFailure::Unreachable => Input::ConnectionError,
        SendFailure::NotAccepted => Input::TlsValidationFailed,
        SendFailure::TooLarge => Input::TooLarge,
        SendFailure::Lost => Input::ConnectionLost,
    }
}

fn arm(timers: &mut TimerQueue<TimerKey>, branch: &mut Branch, id: &Bytes, timer: Timer, at: Instant) {
    stop(timers, branch, timer);
    let armed = timers.arm(at, TimerKey::Branch(id.clone(), timer));
    branch.timers.push((timer, armed));
}

fn stop(timers: &mut TimerQueue<TimerKey>, branch: &mut Branch, timer: Timer) {
    if let Some(index) = branch.timers.iter().position(|(armed, _)| *armed == timer) {
        timers.stop(branch.timers.swap_remove(index).1);
    }
}

/// The branch in the first Via of a datagram that an ICMP error quotes, perhaps cut short.
fn quoted_branch(quoted: &[u8]) -> Option<&[u8]> {
    let start = memchr::memmem::find(quoted, b";branch=")? + b";branch=".len();
    let rest = &quoted[start..];
    let end = rest.iter().position(|b| matches!(b, b';' | b'\r' | b',' | b' '))?;
    Some(&rest[..end])
}
