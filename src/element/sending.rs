//! Requests that leave: the client transaction that begins, the ACK and CANCEL that follow, and another way where one fails.

use std::net::SocketAddr;

use bytes::Bytes;

use super::beneficiary::Beneficiary;
use super::branches::unsent;
use super::client_transactions::{quoted_branch, Begin};
use super::hops::proof;
use super::next_hop::{NextHop, SendFailure};
use super::outgoing::{self, Leaving};
use super::output::{Output, Sender};
use super::route::Route;
use super::timers::TimerKey;
use super::Element;
use crate::client::session::{Role, SessionInput};
use crate::client::Branch;
use crate::message::{Method, RequestSnapshot, Transport};
use crate::resolve::Target;

impl Element {
    /// The request of a route as it leaves that way.
    fn departure(&mut self, route: &Route, leaving: &Leaving, branch: &[u8]) -> RequestSnapshot {
        let mut departing = route.departing();
        let upstream = departing.upstream.filter(|_| departing.may_be_recorded());
        let token = upstream.and_then(|upstream| self.flow_token(&upstream.source));
        departing.flow_token = token.as_deref();
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
        if outgoing::at_most(&self.settings, &route.departing()) <= limit {
            return;
        }
        let leaving = Leaving::presumably(&self.settings, route.role, udp.transport, udp.addr);
        if self.departure(route, &leaving, &Branch::any()).wire_len() > limit {
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
        let branch = self.settings.tags.new_branch(&route.antiloop_id, &mut self.random);
        let sent = self.departure(route, &Leaving::by(&hop), &branch);
        if hop.own().is_some() {
            self.note_own_dialog(&sent);
        }
        let wire = sent.to_bytes();
        if sent.method == Method::Ack {
            let sender = Sender::Ack { client: route.client, route: route.id };
            if route.role == Role::Uac {
                self.remember_ack(&sent, hop, wire.clone());
            }
            return self.emit(Output::Send { sender, hop, wire });
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
        self.note_attempt(&branch);
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
            self.timers.arm(at, TimerKey::UacAck(Box::new(key)));
        }
    }

    /// Sends the ACK or the CANCEL of a request; where the connection is gone, over another one (RFC 3261 18.1.1).
    pub(super) fn follow_up(&mut self, branch: &Branch, wire: Bytes) {
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

    /// What was to be sent has not left.
    pub(super) fn not_sent(&mut self, sender: Sender, hop: NextHop, failure: SendFailure) {
        match sender {
            // It goes another way meanwhile, or has ended.
            Sender::Transaction(branch) if !self.goes_by(&branch, hop) => {}
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

    fn goes_by(&self, branch: &Branch, hop: NextHop) -> bool {
        self.client_transactions.get(branch).is_some_and(|transaction| transaction.hop() == hop)
    }

    /// Whether a request goes by a connection that is not up yet.
    fn is_being_opened(&self, branch: &Branch) -> bool {
        let connection = self.client_transactions.get(branch).and_then(|it| it.hop().connection());
        connection.is_some_and(|connection| self.flows.is_opening(connection))
    }

    /// Sends a request over another connection, with the branch that it has: its timers run on. False: it is lost.
    pub(super) fn send_anew(&mut self, branch: &Branch) -> bool {
        let Some(transaction) = self.client_transactions.get_mut(branch) else { return false };
        if !transaction.take_second_chance() {
            return false;
        }
        let (before, role, wire) = (transaction.hop(), transaction.role(), transaction.wire());
        let (client, route) = transaction.owner();
        let Some((server, profile)) = transaction.reopening() else { return false };
        self.work_for(Beneficiary::Client(client));
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
    pub(super) fn uses_other_connection(&mut self, branch: &Branch) -> bool {
        let Some(transaction) = self.client_transactions.get(branch).filter(|it| it.may_move()) else {
            return false;
        };
        let Some((server, profile)) = transaction.reopening() else { return false };
        let (target, wire) = (transaction.hop().target(), transaction.wire());
        let (client, _) = transaction.owner();
        self.work_for(Beneficiary::Client(client));
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
        let quoted = quoted_branch(quoted).and_then(|branch| self.client_transactions.find(branch));
        let Some((branch, transaction)) = quoted else { return };
        if matches!(transaction.hop(), NextHop::Udp { remote: addr, .. } if addr == remote) {
            let branch = branch.clone();
            self.transport_failed(&branch, failure);
        }
    }
}
