//! Requests going out: the hop to a target, the client transaction, and what its machine asks for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use smallvec::SmallVec;

use super::awaited_sockets::{AwaitedSocket, Demands};
use super::beneficiary::Beneficiary;
use super::client_transactions::{quoted_branch, Begin, ClientTransaction};
use super::clients::Turn;
use super::ids::{ClientId, RouteId};
use super::next_hop::{NextHop, SendFailure};
use super::outgoing::{self, Leaving};
use super::output::{OpeningLimits, Output, Sender, ServerName, ServerProof};
use super::route::Route;
use super::timers::TimerKey;
use super::Element;
use crate::client::session::{Input as SessionInput, Role};
use crate::client::{is_udp_token, IncomingResponse, Profile};
use crate::message::{ConnectionId, Method, RequestSnapshot, Source, Transport};
use crate::resolve::Target;
use crate::transaction::{ClientEffect, ClientEffects, Timer};

/// As long as our branches are.
const SOME_BRANCH: &[u8] = &[b'0'; 55];

/// The way to a target.
enum Way {
    Hop(NextHop),
    /// A connection that is asked for this.
    Connection(Demands),
    /// The driver finds an address first.
    Awaited(Option<Demands>),
}

/// What a step of a client transaction means for its session.
type Inputs = SmallVec<[SessionInput; 2]>;

impl Element {
    /// Sends the request of a route to a target, in a transaction of its own.
    pub(super) fn send_to_target(&mut self, route: &mut Route, target: Target) {
        let profile = route.profile().clone();
        match self.way_to(route.role, target, route.server.as_deref(), &profile) {
            Ok(Way::Hop(hop)) => self.begin_transaction(route, hop),
            Ok(Way::Connection(demands)) => match self.tighten(&target, &demands) {
                Some(connection) => self.await_socket(route, target, Some(connection), Some(demands)),
                None => {
                    let hop = self.connect(target, demands);
                    self.begin_transaction(route, hop);
                }
            },
            Ok(Way::Awaited(demands)) => self.await_socket(route, target, None, demands),
            Err(no_way) => self.has_no_hop(route, &no_way),
        }
    }

    fn await_socket(
        &mut self,
        route: &Route,
        target: Target,
        connection: Option<ConnectionId>,
        demands: Option<Demands>,
    ) {
        let (client, route) = (route.client, route.id);
        let awaited = AwaitedSocket { target, connection, is_asked: false, demands, client, route };
        self.awaited_sockets.push(awaited);
    }

    /// A connection to the same server is being opened, whose server has less to prove: it is asked for more, where its handshake
    /// is not over yet.
    fn tighten(&mut self, target: &Target, demands: &Demands) -> Option<ConnectionId> {
        let proof = demands.proof.as_ref()?;
        if self.flows.serving(target, Some(proof)).is_some() {
            return None;
        }
        let connection = self.flows.opening(target, &proof.name)?;
        self.emit(Output::Tighten { connection, target: *target, proof: proof.clone() });
        Some(connection)
    }

    /// The driver has asked more of a server, or it was too late for that.
    pub(super) fn tightened(
        &mut self,
        connection: ConnectionId,
        target: Target,
        proof: &ServerProof,
        in_time: bool,
    ) {
        if in_time {
            self.flows.tighten(connection, proof);
        }
        let waits = |it: &AwaitedSocket| {
            let asks = it.demands.as_ref().and_then(|demands| demands.proof.as_ref());
            it.target == target && it.connection == Some(connection) && asks == Some(proof)
        };
        let Some(index) = self.awaited_sockets.iter().position(waits) else { return };
        let AwaitedSocket { client, route, demands, .. } = self.awaited_sockets.remove(index);
        let Some(demands) = demands else { return };
        let hop = self.connect(target, demands);
        self.take_turn(client, route, Turn::Hop(Ok(hop)));
    }

    /// The hop to a target, where no address has to be found first.
    fn hop_to(
        &mut self,
        role: Role,
        target: Target,
        server: Option<&str>,
        profile: &Profile,
    ) -> Option<NextHop> {
        match self.way_to(role, target, server, profile).ok()? {
            Way::Hop(hop) => Some(hop),
            Way::Connection(demands) => Some(self.connect(target, demands)),
            Way::Awaited(_) => None,
        }
    }

    /// There is no socket that leads to the target.
    pub(super) fn has_no_hop(&mut self, route: &mut Route, no_way: &str) {
        // Another target may have an address that is reached from here.
        if route.session.has_further_targets() {
            tracing::info!(target: "oversip::transport", "{no_way}");
        } else {
            tracing::error!(target: "oversip::transport", "{no_way}");
        }
        self.tell(route, SessionInput::ConnectionLost);
    }

    /// The way to a target for a request of this kind of Client.
    ///
    /// For TLS, `server` is the host that the request is for, where it is not just this address, and the profile says what the
    /// server has to prove.
    fn way_to(
        &mut self,
        role: Role,
        target: Target,
        server: Option<&str>,
        profile: &Profile,
    ) -> Result<Way, String> {
        let Target { transport, addr: remote } = target;
        let stream = match transport {
            Transport::Udp => false,
            Transport::Tcp | Transport::Tls => true,
            Transport::Ws | Transport::Wss => {
                return Err(format!("{target} cannot be reached: a WebSocket is opened by its client"))
            }
        };
        let proof = (transport == Transport::Tls).then(|| proof(server, remote, profile));
        let limits =
            OpeningLimits { connect: profile.connect_timeout, handshake: profile.tls_handshake_timeout };
        if let Some(allowed) = self.settings.unreached(role, remote) {
            self.emit(Output::FindAddress { target, allowed });
            return Ok(Way::Awaited(stream.then_some(Demands { limits, proof })));
        }
        if stream {
            return Ok(Way::Connection(Demands { limits, proof }));
        }
        match self.settings.listeners.listener(Transport::Udp, remote) {
            Some(_) => Ok(Way::Hop(NextHop::Udp { remote, own: None })),
            None => Err(format!("{target} cannot be reached: there is no UDP socket of its family")),
        }
    }

    /// A connection to a target: one that is there, else one that is opened now.
    fn connect(&mut self, target: Target, demands: Demands) -> NextHop {
        let Demands { limits, proof } = demands;
        let Target { transport, addr: remote } = target;
        let connection = match self.flows.serving(&target, proof.as_ref()) {
            Some(connection) => connection,
            None => {
                let connection = self.flows.open(&target, proof.clone());
                self.emit(Output::Connect { connection, transport, remote, limits, proof });
                connection
            }
        };
        NextHop::Stream { transport, connection, remote, own: None }
    }

    /// The driver knows from which address a target is reached, or that it is not.
    pub(super) fn address_found(&mut self, target: Target, address: Result<Option<IpAddr>, String>) {
        let waits = |it: &AwaitedSocket| it.target == target && it.connection.is_none() && !it.is_asked;
        let Some(index) = self.awaited_sockets.iter().position(waits) else { return };
        let Target { transport, addr: remote } = target;
        let demands = self.awaited_sockets[index].demands.clone();
        let hop = match (address, demands) {
            (Err(no_way), _) => Err(no_way),
            (Ok(None), None) => Ok(NextHop::Udp { remote, own: None }),
            (Ok(None), Some(demands)) => Ok(self.connect(target, demands)),
            (Ok(Some(ip)), None) => {
                self.awaited_sockets[index].is_asked = true;
                return self.emit(Output::OpenSocket { ip, target, connection: None });
            }
            (Ok(Some(ip)), Some(Demands { limits, proof })) => {
                match self.flows.serving_from(ip, &target, proof.as_ref()) {
                    Some((connection, own)) => {
                        Ok(NextHop::Stream { transport, connection, remote, own: Some(own) })
                    }
                    None => {
                        let connection = self.flows.open(&target, proof.clone());
                        self.awaited_sockets[index].connection = Some(connection);
                        let opening = Some((connection, limits, proof));
                        return self.emit(Output::OpenSocket { ip, target, connection: opening });
                    }
                }
            }
        };
        let AwaitedSocket { client, route, .. } = self.awaited_sockets.remove(index);
        self.take_turn(client, route, Turn::Hop(hop));
    }

    /// The driver has opened a socket, or cannot.
    pub(super) fn socket_opened(
        &mut self,
        target: Target,
        connection: Option<ConnectionId>,
        local: Result<SocketAddr, String>,
    ) {
        if let Some(connection) = connection {
            match &local {
                Ok(local) => self.flows.begins_at(connection, *local),
                Err(_) => drop(self.flows.ended(connection)),
            }
        }
        let awaited = |it: &AwaitedSocket| {
            it.target == target && it.connection == connection && (it.is_asked || connection.is_some())
        };
        let Some(index) = self.awaited_sockets.iter().position(awaited) else { return };
        let AwaitedSocket { client, route, .. } = self.awaited_sockets.remove(index);
        let Target { transport, addr: remote } = target;
        let hop = local.map(|own| match connection {
            None => NextHop::Udp { remote, own: Some(own) },
            Some(connection) => NextHop::Stream { transport, connection, remote, own: Some(own) },
        });
        self.take_turn(client, route, Turn::Hop(hop));
    }

    /// Whether a route waits for the socket that its request leaves by.
    pub(super) fn awaits_socket(&self, route: RouteId) -> bool {
        self.awaited_sockets.iter().any(|awaited| awaited.route == route)
    }

    /// A route waits for no socket any longer. False when it waited for none.
    pub(super) fn forget_socket(&mut self, route: RouteId) -> bool {
        let before = self.awaited_sockets.len();
        self.awaited_sockets.retain(|awaited| awaited.route != route);
        self.awaited_sockets.len() < before
    }

    /// No route of a Client waits for a socket any longer.
    pub(super) fn forget_sockets_of(&mut self, client: ClientId) {
        self.awaited_sockets.retain(|awaited| awaited.client != client);
    }

    /// Sends the request of a route over the flow that it named (RFC 5626 5.3).
    pub(super) fn send_over_flow(&mut self, route: &mut Route) {
        let token = route.flow.clone().flatten();
        match token.and_then(|token| self.flow(&token)) {
            Some(hop) => self.begin_transaction(route, hop),
            None => self.tell(route, SessionInput::FlowFailed),
        }
    }

    /// The live flow that a token names (RFC 5626 5.3).
    fn flow(&self, token: &[u8]) -> Option<NextHop> {
        if is_udp_token(token) {
            let remote = self.settings.udp_flow(token)?;
            let listener = self.settings.listeners.listener(Transport::Udp, remote);
            return listener.map(|_| NextHop::Udp { remote, own: None });
        }
        let source = self.flows.by_token(std::str::from_utf8(token).ok()?)?;
        let Source { transport, remote, connection, .. } = source;
        Some(NextHop::Stream { transport, connection: connection?, remote, own: None })
    }

    /// Whether the flow of a token carries messages in the clear.
    pub(super) fn is_flow_in_the_clear(&self, token: &[u8]) -> bool {
        is_udp_token(token) || self.flow(token).is_some_and(|hop| !hop.transport().secure())
    }

    /// Whether a token names a flow that can be sent over: a signed UDP token, or a live connection.
    pub fn is_flow(&self, token: &[u8]) -> bool {
        if is_udp_token(token) {
            return self.settings.udp_flow(token).is_some();
        }
        self.flow(token).is_some()
    }

    /// The token of the flow that a request came by (RFC 5626); `None` for connections that were opened from here.
    pub fn flow_token(&self, source: &Source) -> Option<String> {
        match source.connection {
            None => Some(self.settings.flow_tokens.sign(source.remote)),
            Some(_) => self.flows.token(source),
        }
    }

    /// The request of a route as it leaves that way.
    fn departure(&mut self, route: &Route, leaving: &Leaving, branch: &[u8]) -> RequestSnapshot {
        let records = route.role == Role::Proxy && route.profile().do_record_routing;
        let token = route.origin.upstream().filter(|_| records).and_then(|it| self.flow_token(&it.source));
        let departing = route.departing(token.as_deref());
        let server_side = route.upstream().and_then(|id| self.server_transactions.get_mut(id));
        let mut request = outgoing::request(&self.settings, &departing, server_side, leaving, branch);
        let client = self.clients.get(route.client);
        let of_invite =
            client.map_or(&[][..], |it| it.authorization(request.call_id().unwrap_or_default())).to_vec();
        route.authenticate(&mut request, &of_invite);
        request
    }

    /// Measures a request that has UDP targets, as it would leave by UDP: one that is too large goes by TCP where the
    /// destination does not insist on UDP (RFC 3261 18.1.1).
    pub(super) fn measure(&mut self, route: &mut Route, targets: &[Target]) {
        let profile = route.profile();
        let limit = profile.udp_mtu.filter(|_| profile.resolve.allows_transport(Transport::Tcp));
        let (Some(limit), true) = (limit, route.may_leave_udp()) else { return };
        let Some(udp) = targets.iter().find(|target| target.transport == Transport::Udp) else { return };
        if outgoing::at_most(&self.settings, &route.departing(None)) <= limit {
            return;
        }
        let leaving = Leaving::presumably(&self.settings, route.role, udp.transport, udp.addr);
        if self.departure(route, &leaving, SOME_BRANCH).to_bytes().len() > limit {
            route.session.set_oversize();
        }
    }

    /// Begins the client transaction of a route; an ACK has none.
    pub(super) fn begin_transaction(&mut self, route: &mut Route, hop: NextHop) {
        if route.request.method != Method::Ack && self.is_overtaken(route) {
            return self.tell(route, SessionInput::BranchEnded);
        }
        if !route.may_leave_by(hop.transport()) {
            tracing::info!(target: "oversip::transaction", "a request to a sips URI does not go to {hop}, in the clear");
            return self.tell(route, SessionInput::Unprotected);
        }
        let branch = Bytes::from(self.settings.tags.new_branch(&route.antiloop_id, &mut self.random));
        let sent = self.departure(route, &Leaving::by(&hop), &branch);
        if hop.own().is_some() {
            self.note_own_dialog(&sent);
        }
        let wire = sent.to_bytes();
        if sent.method == Method::Ack {
            let sender = Sender::Ack { client: route.client, route: route.id };
            self.emit(Output::Send { sender, hop, wire: wire.clone() });
            if route.role == Role::Uac {
                self.remember_ack(&sent, hop, wire);
            }
            return;
        }
        let began = self.reachability.attend(hop.target());
        self.heed_keepalives(false);
        let over_flow = route.flow.is_some();
        let reused = !over_flow && hop.connection().is_some_and(|it| self.flows.has_served(it));
        if let Some(connection) = hop.connection() {
            self.flows.carries(connection, &branch);
        }
        let begin = Begin {
            client: route.client,
            route: route.id,
            role: route.role,
            sent,
            wire,
            hop,
            upstream: route.upstream(),
            profile: route.profile().clone(),
            server: route.server.clone(),
            over_flow,
            reused,
            cut_short: route.limit(self.now, &self.settings.timings),
            began,
        };
        let effects = self.client_transactions.begin(self.now, &branch, begin, &self.settings.timings);
        for input in self.client_effects(&branch, effects, None) {
            self.tell(route, input);
        }
    }

    /// Whether the end of a request overtook its routing: nothing is sent (RFC 3261 16.10).
    fn is_overtaken(&mut self, route: &mut Route) -> bool {
        if self.is_given_up(route) {
            self.tell(route, SessionInput::Abandoned);
        } else if self.is_route_canceled(route) {
            self.tell(route, SessionInput::Canceled);
        }
        route.session.is_called_off()
    }

    /// A request that begins a dialog, or goes on with one (RFC 3261 12, RFC 6665, RFC 3515), leaves a socket to which only
    /// requests of such dialogs may come.
    fn note_own_dialog(&mut self, sent: &RequestSnapshot) {
        let begins = sent.method.forms_dialog();
        if let (true, Some(call_id), Some(tag)) = (begins, sent.call_id(), sent.from_tag()) {
            self.own_dialogs.note(call_id, tag);
        }
    }

    fn remember_ack(&mut self, sent: &RequestSnapshot, hop: NextHop, wire: Bytes) {
        if let Some(key) = self.uac_acks.remember(sent, hop, wire) {
            let at = self.now + self.settings.timings.transaction_timeout();
            self.timers.arm(at, TimerKey::UacAck(key));
        }
    }

    /// Steps a client transaction and tells its session what that means.
    pub(super) fn step_client_transaction(
        &mut self,
        branch: &Bytes,
        response: Option<&Arc<IncomingResponse>>,
        step: impl FnOnce(&mut ClientTransaction, Instant) -> ClientEffects,
    ) {
        let now = self.now;
        let Some(transaction) = self.client_transactions.get_mut(branch) else { return };
        let (client, route) = transaction.owner();
        let effects = step(transaction, now);
        self.working_for(Beneficiary::Client(client), |element| {
            for input in element.client_effects(branch, effects, response) {
                element.deliver(client, route, input);
            }
        });
    }

    pub(super) fn client_timer(&mut self, branch: &Bytes, timer: Timer) {
        if self.client_transactions.fired(branch, timer).is_some() {
            self.step_client_transaction(branch, None, |transaction, now| transaction.timer(now, timer));
        }
    }

    /// Carries out the effects of one client transaction and says what its session has to know.
    fn client_effects(
        &mut self,
        branch: &Bytes,
        effects: ClientEffects,
        response: Option<&Arc<IncomingResponse>>,
    ) -> Inputs {
        let mut inputs = Inputs::new();
        for effect in effects {
            let Some(transaction) = self.client_transactions.get_mut(branch) else { break };
            match effect {
                ClientEffect::SendRequest => {
                    let (hop, wire) = (transaction.hop(), transaction.wire());
                    self.emit(Output::Send { sender: Sender::Transaction(branch.clone()), hop, wire });
                }
                ClientEffect::SendAck => {
                    if let Some(response) = response {
                        let wire = transaction.ack(response);
                        self.follow_up(branch, wire);
                    }
                }
                ClientEffect::SendCancel => {
                    let wire = transaction.cancel_request();
                    self.follow_up(branch, wire);
                }
                ClientEffect::Arm(timer, at) => {
                    transaction.arm(&mut self.timers, branch, timer, at);
                    // The callee has more time, and so has the caller.
                    let caller = transaction.upstream().filter(|_| timer == Timer::C && response.is_some());
                    if let Some(caller) = caller {
                        self.restart_c2(caller);
                    }
                }
                ClientEffect::Stop(timer) => transaction.stop(&mut self.timers, timer),
                ClientEffect::Response => {
                    if let Some(response) = response {
                        let status = response.status().unwrap_or(500);
                        let more = transaction.is_invite() && status < 300;
                        if status >= 200 && !more {
                            transaction.settle();
                        }
                        transaction.forget_request(status);
                        inputs.push(SessionInput::Response(response.clone()));
                    }
                }
                ClientEffect::RepeatedSuccess => {
                    if let Some(response) = response {
                        inputs.extend(self.success_again(branch, response));
                    }
                }
                ClientEffect::SwallowedFinal | ClientEffect::CancelTimeout => {}
                ClientEffect::Timeout => {
                    let heard = self.reachability.heard_since(transaction.target(), transaction.began());
                    if transaction.cut_short().is_none() || !transaction.is_invite() {
                        transaction.settle();
                    }
                    let timings = &self.settings.timings;
                    let long =
                        transaction.cut_short().is_none_or(|it| timings.is_nearly_transaction_timeout(it));
                    let to_blame = !heard && long;
                    if let Some(connection) = transaction.hop().connection().filter(|_| to_blame) {
                        self.flows.doubt(connection);
                    }
                    inputs.push(match transaction.cut_short() {
                        Some(_) => SessionInput::BranchCutShort { to_blame },
                        None if heard => SessionInput::Unanswered,
                        None => SessionInput::Timeout,
                    });
                }
                ClientEffect::InviteTimeout => inputs.push(SessionInput::InviteTimeout),
                ClientEffect::TransportFailed => {
                    transaction.settle();
                    inputs.push(unsent(transaction.failure()));
                }
                ClientEffect::Terminated => {
                    if !transaction.is_settled() {
                        inputs.push(SessionInput::BranchEnded);
                    }
                    self.drop_client_transaction(branch);
                }
            }
        }
        inputs
    }

    /// Somebody is at work on a request still: timer C2 begins anew.
    pub(super) fn restart_c2(&mut self, id: super::RequestId) {
        let now = self.now;
        let effects = self.server_transactions.get_mut(id).map(|request| request.restart_c2(now));
        self.server_effects(id, effects.unwrap_or_default());
    }

    /// Sends the ACK or the CANCEL of a request; where the connection is gone, over another one (RFC 3261 18.1.1).
    fn follow_up(&mut self, branch: &Bytes, wire: Bytes) {
        let Some(transaction) = self.client_transactions.get(branch) else { return };
        let (mut hop, role, reopening) = (transaction.hop(), transaction.role(), transaction.reopening());
        let gone = hop.connection().is_some_and(|connection| !self.flows.takes_requests(connection));
        if gone {
            let Some((server, profile)) = reopening else { return };
            // Where a socket is awaited first, a timer sends it again.
            let Some(other) = self.hop_to(role, hop.target(), server.as_deref(), &profile) else { return };
            self.client_transactions.moves(branch, other);
            hop = other;
        }
        self.emit(Output::Send { sender: Sender::Nobody, hop, wire });
    }

    /// A 2xx that was passed up before: upstream gets the stored bytes again, who has acknowledged it its ACK (RFC 6026 7.2,
    /// 8.9). That is a Uac, and a proxy that has ended the call itself.
    fn success_again(&mut self, branch: &Bytes, response: &Arc<IncomingResponse>) -> Option<SessionInput> {
        let transaction = self.client_transactions.get(branch)?;
        let (client, route) = transaction.owner();
        let ack = self.uac_acks.get(response).map(|ack| (ack.hop, ack.wire.clone()));
        let ack = ack.filter(|(hop, _)| hop.connection().is_none_or(|it| self.flows.takes_requests(it)));
        tracing::debug!(target: "oversip::transaction", %client, %route, sent = ack.is_some(), "2xx repeated");
        if let Some((hop, wire)) = ack {
            self.emit(Output::Send { sender: Sender::Nobody, hop, wire });
            return None;
        }
        if transaction.role() == Role::Uac {
            // The blocks may still make the ACK.
            return self.takes_again(client, response).then(|| SessionInput::Response(response.clone()));
        }
        // While the first 2xx is still with the blocks, or was dropped by them, there are no bytes to repeat.
        let upstream = transaction.upstream()?;
        let wire = self.server_request(upstream)?.success(route, response.to_tag())?;
        self.send_response(upstream, response.status().unwrap_or(200), wire);
        None
    }

    pub(super) fn drop_client_transaction(&mut self, branch: &Bytes) {
        let Some(transaction) = self.client_transactions.remove(&mut self.timers, branch) else { return };
        self.reachability.leave(transaction.target());
        if let Some(connection) = transaction.hop().connection() {
            if self.flows.carries_no_more(connection, branch) {
                self.emit(Output::Close { connection });
            }
        }
    }

    /// What was to be sent has not left.
    pub(super) fn not_sent(&mut self, sender: Sender, failure: SendFailure) {
        match sender {
            // The connection has failed already, before it was told: its end comes, and says whose fault it is.
            Sender::Transaction(branch) if failure == SendFailure::Lost && self.is_being_opened(&branch) => {}
            Sender::Transaction(branch) => {
                let anew = failure == SendFailure::Lost && self.send_anew(&branch);
                if !anew {
                    self.transport_failed(&branch, failure);
                }
            }
            Sender::Ack { client, route } => self.deliver(client, route, unsent(failure)),
            Sender::Nobody => {}
        }
    }

    /// Whether a request goes by a connection that is not up yet.
    fn is_being_opened(&self, branch: &Bytes) -> bool {
        let connection = self.client_transactions.get(branch).and_then(|it| it.hop().connection());
        connection.is_some_and(|connection| self.flows.is_opening(connection))
    }

    pub(super) fn transport_failed(&mut self, branch: &Bytes, failure: SendFailure) {
        self.step_client_transaction(branch, None, |transaction, now| {
            transaction.transport_failed(now, failure)
        });
    }

    /// Sends a request over another connection, with the branch that it has: its timers run on. False: it is lost.
    pub(super) fn send_anew(&mut self, branch: &Bytes) -> bool {
        let Some(transaction) = self.client_transactions.get_mut(branch) else { return false };
        if !transaction.take_second_chance() {
            return false;
        }
        let (before, role, wire) = (transaction.hop(), transaction.role(), transaction.wire());
        let (client, route) = transaction.owner();
        let Some((server, profile)) = transaction.reopening() else { return false };
        if let Some(connection) = before.connection() {
            self.flows.takes_no_more(connection);
            self.flows.carries_no_more(connection, branch);
        }
        let Some(hop) = self.hop_to(role, before.target(), server.as_deref(), &profile) else { return false };
        tracing::info!(target: "oversip::transaction", %client, %route,
            "the connection to {hop} broke before an answer came, the request is sent over another one");
        self.client_transactions.moves(branch, hop);
        if let Some(connection) = hop.connection() {
            self.flows.carries(connection, branch);
        }
        self.emit(Output::Send { sender: Sender::Transaction(branch.clone()), hop, wire });
        true
    }

    /// The connection of a request did not come up. The target may have opened one itself meanwhile: the request goes over that.
    /// False: there is none, or the request is under way.
    pub(super) fn uses_other_connection(&mut self, branch: &Bytes) -> bool {
        let Some(transaction) = self.client_transactions.get(branch).filter(|it| it.may_move()) else {
            return false;
        };
        let Some((server, profile)) = transaction.reopening() else { return false };
        let (target, wire) = (transaction.hop().target(), transaction.wire());
        let Target { transport, addr: remote } = target;
        let proof = (transport == Transport::Tls).then(|| proof(server.as_deref(), remote, &profile));
        let Some(connection) = self.flows.serving(&target, proof.as_ref()) else { return false };
        let hop = NextHop::Stream { transport, connection, remote, own: None };
        self.client_transactions.moves(branch, hop);
        self.flows.carries(connection, branch);
        self.emit(Output::Send { sender: Sender::Transaction(branch.clone()), hop, wire });
        true
    }

    /// An ICMP error came back for a datagram: it counts for the transaction whose branch the datagram carried.
    pub(super) fn udp_error(&mut self, remote: SocketAddr, quoted: &[u8], failure: SendFailure) {
        let Some(branch) = quoted_branch(quoted) else { return };
        let sent_there = |transaction: &ClientTransaction| matches!(transaction.hop(), NextHop::Udp { remote: addr, .. } if addr == remote);
        if self.client_transactions.get(branch).is_some_and(sent_there) {
            self.transport_failed(&Bytes::copy_from_slice(branch), failure);
        }
    }

    /// CANCELs what a route has pending. The machine waits for a provisional response where it has to.
    pub(super) fn cancel_branch(&mut self, route: RouteId, reasons: Vec<Bytes>) {
        let Some(branch) = self.client_transactions.branch_of(route) else { return };
        self.step_client_transaction(&branch, None, |transaction, now| transaction.cancel(now, reasons));
    }

    /// Ends what a route has pending. False when nothing is.
    pub(super) fn abandon_branch(&mut self, route: RouteId) -> bool {
        let branch = self.client_transactions.branch_of(route);
        let undecided = |branch: &Bytes| {
            self.client_transactions.get(branch).is_some_and(ClientTransaction::is_undecided)
        };
        let Some(branch) = branch.filter(undecided) else { return false };
        self.step_client_transaction(&branch, None, ClientTransaction::abandon);
        true
    }
}

/// What a server has to prove for a request to this host, or to an address.
fn proof(server: Option<&str>, remote: SocketAddr, profile: &Profile) -> ServerProof {
    ServerProof {
        name: match server {
            Some(host) => match host.parse() {
                Ok(ip) => ServerName::Ip(ip),
                Err(_) => ServerName::Domain(host.to_ascii_lowercase()),
            },
            None => ServerName::Ip(remote.ip()),
        },
        by_library: profile.verifies_by_library(),
        by_callback: profile.verifies_by_callback(),
    }
}

/// What a session has to know of a request that could not be sent.
fn unsent(failure: SendFailure) -> SessionInput {
    match failure {
        SendFailure::Unreachable => SessionInput::ConnectionError,
        SendFailure::NotAccepted => SessionInput::TlsValidationFailed,
        SendFailure::TooLarge => SessionInput::TooLarge,
        SendFailure::Lost => SessionInput::ConnectionLost,
    }
}
