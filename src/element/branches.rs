//! A step of a client transaction: what its machine asks for, and what that means for the session of its route.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use smallvec::SmallVec;

use super::beneficiary::Beneficiary;
use super::client_transactions::ClientTransaction;
use super::ids::{RequestId, RouteId};
use super::next_hop::SendFailure;
use super::output::{Output, Sender};
use super::Element;
use crate::client::session::{Role, SessionInput};
use crate::client::{Branch, IncomingResponse};
use crate::transaction::{ClientEffect, ClientEffects, Timer};

/// What a step of a client transaction means for its session.
type Inputs = SmallVec<[SessionInput; 2]>;

impl Element {
    /// Steps a client transaction and tells its session what that means.
    pub(super) fn step_client_transaction(
        &mut self,
        branch: &Branch,
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

    pub(super) fn client_timer(&mut self, branch: &Branch, timer: Timer) {
        if self.client_transactions.fired(branch, timer).is_some() {
            self.note_client_timer(branch, timer);
            self.step_client_transaction(branch, None, |transaction, now| transaction.timer(now, timer));
        }
    }

    /// Carries out the effects of one client transaction and says what its session has to know.
    pub(super) fn client_effects(
        &mut self,
        branch: &Branch,
        effects: ClientEffects,
        response: Option<&Arc<IncomingResponse>>,
    ) -> Inputs {
        let mut inputs = Inputs::new();
        for effect in effects {
            self.note_effect(branch, &effect, response);
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
    pub(super) fn restart_c2(&mut self, id: RequestId) {
        let now = self.now;
        let effects = self.server_transactions.get_mut(id).map(|request| request.restart_c2(now));
        self.server_effects(id, effects.unwrap_or_default());
    }

    /// A 2xx that was passed up before: upstream gets the stored bytes again, who has acknowledged it its ACK (RFC 6026 7.2,
    /// 8.9). That is a Uac, and a proxy that has ended the call itself.
    fn success_again(&mut self, branch: &Branch, response: &Arc<IncomingResponse>) -> Option<SessionInput> {
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
        // A transaction that is over repeats nothing.
        let _ = self.send_response(upstream, response.status().unwrap_or(200), wire, None);
        None
    }

    pub(super) fn drop_client_transaction(&mut self, branch: &Branch) {
        let Some(transaction) = self.client_transactions.remove(&mut self.timers, branch) else { return };
        self.reachability.leave(transaction.target());
        if let Some(connection) = transaction.hop().connection() {
            if self.flows.carries_no_more(connection, branch) {
                self.emit(Output::Close { connection });
            }
        }
    }

    pub(super) fn transport_failed(&mut self, branch: &Branch, failure: SendFailure) {
        self.step_client_transaction(branch, None, |transaction, now| {
            transaction.transport_failed(now, failure)
        });
    }

    /// CANCELs what a route has pending. The machine waits for a provisional response where it has to.
    pub(super) fn cancel_branch(&mut self, route: RouteId, reasons: Vec<Bytes>) {
        let Some(branch) = self.client_transactions.branch_of(route) else { return };
        self.step_client_transaction(&branch, None, |transaction, now| transaction.cancel(now, reasons));
    }

    /// Ends what a route has pending. False when nothing is.
    pub(super) fn abandon_branch(&mut self, route: RouteId) -> bool {
        let branch = self.client_transactions.branch_of(route);
        let undecided = |branch: &Branch| {
            self.client_transactions.get(branch).is_some_and(ClientTransaction::is_undecided)
        };
        let Some(branch) = branch.filter(undecided) else { return false };
        self.step_client_transaction(&branch, None, ClientTransaction::abandon);
        true
    }
}

/// What a session has to know of a request that could not be sent.
pub(super) fn unsent(failure: SendFailure) -> SessionInput {
    match failure {
        SendFailure::Unreachable => SessionInput::ConnectionError,
        SendFailure::NotAccepted => SessionInput::TlsValidationFailed,
        SendFailure::TooLarge => SessionInput::TooLarge,
        SendFailure::Lost => SessionInput::ConnectionLost,
    }
}
