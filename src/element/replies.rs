//! Responses to the client of a request: those that the script makes, and our own.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::beneficiary::Beneficiary;
use super::happening::Responder;
use super::ids::RequestId;
use super::output::Output;
use super::received_request::{ReceivedRequest, WayBack};
use super::reply::{Reply, ReplyError};
use super::server_request::Creation;
use super::server_stage::{Responded, ServerState};
use super::Element;
use crate::client::{random_hex, Recorded};
use crate::message::{self, Message, Method, ResponseSnapshot, Source};
use crate::transaction::ServerEffects;

/// What the script asks of a request's server transaction.
impl Element {
    /// Replies to a request. A final reply cancels what is pending downstream.
    pub fn reply(
        &mut self,
        now: Instant,
        request: &Arc<ReceivedRequest>,
        reply: Reply<'_>,
    ) -> Result<(), ReplyError> {
        self.begin(now);
        self.attempt_for(Beneficiary::Request(request.id), |element| {
            element.reply_to(request, reply, Responder::Script)?;
            element.decide_by_script(request.id, reply.status);
            Ok(())
        })
        .unwrap_or(Err(ReplyError::Defect))
    }

    /// Sends a complete response.
    pub fn reply_full(
        &mut self,
        now: Instant,
        request: &Arc<ReceivedRequest>,
        response: &ResponseSnapshot,
    ) -> Result<(), ReplyError> {
        self.begin(now);
        self.attempt_for(Beneficiary::Request(request.id), |element| {
            element.may_reply(request, response.status)?;
            element.send_response(
                request.id,
                response.status,
                response.to_bytes(),
                Some(Responder::Script),
            )?;
            element.decide_by_script(request.id, response.status);
            Ok(())
        })
        .unwrap_or(Err(ReplyError::Defect))
    }

    /// Tells the client that one early dialog is over (RFC 6228), with the To tag of `response`.
    pub fn reply_199(&mut self, now: Instant, request: &Arc<ReceivedRequest>, response: &Message) {
        self.begin(now);
        self.attempt_for(Beneficiary::Request(request.id), |element| {
            let status = response.status().unwrap_or(500);
            let mut line = format!("Reason: SIP ;cause={status} ;text=\"").into_bytes();
            for &byte in response.reason() {
                if matches!(byte, b'"' | b'\\') {
                    line.push(b'\\');
                }
                line.push(byte);
            }
            line.push(b'"');
            let tag = match response.to_tag() {
                Some(tag) => Bytes::copy_from_slice(tag),
                None => Bytes::from(random_hex::<6>(&mut element.random)),
            };
            let product = element.settings.product.as_bytes();
            let reason = b"Early Dialog Terminated";
            let lines = [Bytes::from(line)];
            let wire = message::reply(&request.message, 199, reason, Some(&tag), &lines, b"", product);
            // What the transaction takes no longer is logged there.
            let _ = element.send_response(request.id, 199, wire, Some(Responder::Script));
        });
    }

    /// Makes the server transaction of a request.
    pub fn create_transaction(&mut self, now: Instant, request: &ReceivedRequest) -> Creation {
        if matches!(request.message.method(), None | Some(Method::Ack | Method::Cancel)) {
            return Creation::Impossible;
        }
        self.begin(now);
        match self
            .attempt_for(Beneficiary::Request(request.id), |element| element.make_transaction(request.id))
        {
            Some(true) => Creation::Created,
            Some(false) => Creation::Present,
            // The step has met a defect, which has ended the request.
            None => Creation::Impossible,
        }
    }

    /// Steps the transaction for a response of this status that the caller sends.
    pub fn receive_response(&mut self, now: Instant, id: RequestId, status: u16) -> Result<(), ReplyError> {
        self.begin(now);
        self.attempt_for(Beneficiary::Request(id), |element| {
            let request = element.server_transactions.get_mut(id);
            let effects = request.and_then(|request| request.advance(element.now, status));
            let effects = effects.ok_or_else(|| element.refusal(id, status))?;
            element.after_response(id, status, Some(Responder::Script), effects);
            element.decide_by_script(id, status);
            Ok(())
        })
        .unwrap_or(Err(ReplyError::Defect))
    }

    /// Sends the last response of the transaction again; false when there is none.
    pub fn retransmit_last_response(&mut self, id: RequestId) -> bool {
        let last = self.last_response(id);
        last.map(|wire| self.respond(id, wire)).is_some()
    }

    /// Sends bytes to where responses to a request go, whatever its transaction says.
    pub fn send_bytes(&mut self, request: &ReceivedRequest, wire: Bytes) {
        match self.server_transactions.get(request.id) {
            Some(_) => self.respond(request.id, wire),
            None => {
                let way_back = WayBack::of(&request.message, request.source);
                self.emit(Output::Respond { way_back, wire, hold: None });
            }
        }
    }

    /// Ends the transaction: what is repeated of the request from now on is new.
    pub fn terminate_transaction(&mut self, id: RequestId) {
        if self.server_request(id).is_some_and(|request| !request.is_pending()) {
            self.end_server(id);
        }
    }

    /// The state of the server transaction, `None` when there is none.
    pub fn transaction_state(&self, id: RequestId) -> Option<ServerState> {
        self.server_request(id)?.state()
    }

    /// The last response that the server transaction sent.
    pub fn last_response(&self, id: RequestId) -> Option<Bytes> {
        self.server_request(id)?.last_response().cloned()
    }

    /// What the server transaction sends again from now on; nothing is done without one.
    pub fn set_last_response(&mut self, id: RequestId, wire: Bytes) {
        if let Some(request) = self.server_transactions.get_mut(id) {
            request.set_last_response(wire);
        }
    }

    /// Whether the server transaction would take a response of this status now.
    pub fn accepts_response(&self, id: RequestId, status: u16) -> bool {
        self.server_request(id).is_some_and(|request| request.accepts(status))
    }

    /// True once a CANCEL for it was answered.
    pub fn is_canceled(&self, id: RequestId) -> bool {
        self.server_request(id).is_some_and(|request| request.is_canceled())
    }

    /// Whether a proxy has sent the request, and the Record-Route or Path that was added.
    pub fn proxied(&self, id: RequestId) -> Option<Option<Recorded>> {
        self.server_request(id)?.proxied()
    }

    /// The UDP port that responses go to (RFC 3261 18.2.2, RFC 3581).
    pub fn reply_port(&self, request: &ReceivedRequest) -> u16 {
        match self.server_request(request.id) {
            Some(record) => record.way_back.udp_port,
            None => WayBack::of(&request.message, request.source).udp_port,
        }
    }

    /// Sends responses to the port the request came from, as if the client had asked for it with `rport`.
    pub fn reply_to_source_port(&mut self, id: RequestId) {
        if let Some(request) = self.server_transactions.get_mut(id) {
            request.reply_to_source_port();
        }
    }

    /// The script failed over a request that it may have routed: what is pending downstream is cancelled.
    pub fn abandon_request(&mut self, now: Instant, id: RequestId) {
        self.begin(now);
        self.attempt_for(Beneficiary::Request(id), |element| element.abandon(id));
    }

    /// A final reply of the script's cancels what is pending downstream.
    fn decide_by_script(&mut self, id: RequestId, status: u16) {
        if status >= 200 {
            if let Some(request) = self.server_transactions.get_mut(id) {
                request.context.decide();
            }
            self.abandon_branches(id, None);
        }
    }
}

impl Element {
    pub(super) fn reply_to(
        &mut self,
        request: &Arc<ReceivedRequest>,
        reply: Reply<'_>,
        by: Responder,
    ) -> Result<(), ReplyError> {
        let Reply { status, reason, lines, body } = reply;
        // A refused reply must not choose a tag.
        self.may_reply(request, status)?;
        let tag = self.local_tag(request, status);
        let product = self.settings.product.as_bytes();
        let wire = message::reply(&request.message, status, reason, tag.as_deref(), lines, body, product);
        self.send_response(request.id, status, wire, Some(by))
    }

    /// Whether a response of this status would be taken.
    fn may_reply(&self, request: &ReceivedRequest, status: u16) -> Result<(), ReplyError> {
        if request.is_ack() {
            tracing::error!(target: "oversip::request", "attempt to reply {status} to an ACK");
            return Err(ReplyError::Ack);
        }
        match self.accepts_response(request.id, status) {
            true => Ok(()),
            false => Err(self.refusal(request.id, status)),
        }
    }

    /// A reply that nobody but the element asks for. Where the request is not to be answered any more, that is logged.
    pub(super) fn reply_by_itself(&mut self, id: RequestId, status: u16, reason: &[u8]) {
        let request = self.server_request(id).and_then(|request| request.request.clone());
        if let Some(request) = request {
            let _ = self.reply_to(&request, Reply::new(status, reason), Responder::Element);
        }
    }

    fn local_tag(&mut self, request: &Arc<ReceivedRequest>, status: u16) -> Option<Bytes> {
        let (settings, random) = (&self.settings, &mut self.random);
        let record = self.server_transactions.get_mut(request.id)?;
        if status <= 100 {
            return record.chosen_tag();
        }
        Some(record.local_tag(|with_transaction| match request.message.to_tag() {
            Some(tag) => Bytes::copy_from_slice(tag),
            None if with_transaction => Bytes::from(random_hex::<6>(random)),
            None => Bytes::from(settings.tags.totag_for_sl_reply(random)),
        }))
    }

    /// Sends the bytes of a response through the server transaction. `by` says who has made it; `None`: it has left before.
    pub(super) fn send_response(
        &mut self,
        id: RequestId,
        status: u16,
        wire: Bytes,
        by: Option<Responder>,
    ) -> Result<(), ReplyError> {
        let now = self.now;
        let responded = match self.server_transactions.get_mut(id) {
            Some(request) => request.respond(now, status, wire.clone()),
            None => Responded::Refused,
        };
        match responded {
            Responded::Refused => return Err(self.refusal(id, status)),
            Responded::Stateless => {
                self.note_response_to_client(id, status, by);
                self.respond(id, wire);
            }
            Responded::Stepped(effects) => self.after_response(id, status, by, effects),
        }
        Ok(())
    }

    fn after_response(&mut self, id: RequestId, status: u16, by: Option<Responder>, effects: ServerEffects) {
        self.note_response_to_client(id, status, by);
        self.server_effects(id, effects);
        if let Some(request) = self.server_transactions.get_mut(id).filter(|_| status >= 200) {
            request.slim_down();
        }
    }

    /// Sends bytes to where responses to a request go.
    pub(super) fn respond(&mut self, id: RequestId, wire: Bytes) {
        let Some(request) = self.server_transactions.get_mut(id) else { return };
        let way_back = request.way_back;
        // What keeps the connection is given back with the final response.
        let hold = if request.is_undecided() { None } else { request.take_hold() };
        self.emit(Output::Respond { way_back, wire, hold });
    }

    /// Replies without a transaction, and says with what; an ACK is never answered.
    pub(super) fn reply_statelessly(
        &mut self,
        message: &Message,
        source: Source,
        status: u16,
        reason: &str,
        lines: &[Bytes],
    ) -> Option<Bytes> {
        if message.method() == Some(&Method::Ack) {
            return None;
        }
        let tag = match message.to_tag() {
            Some(tag) => tag.to_vec(),
            None => self.settings.tags.totag_for_sl_reply(&mut self.random).into_bytes(),
        };
        let product = self.settings.product.as_bytes();
        let wire = message::reply(message, status, reason.as_bytes(), Some(&tag), lines, b"", product);
        self.emit(Output::Respond { way_back: WayBack::of(message, source), wire: wire.clone(), hold: None });
        Some(wire)
    }

    /// Why a response of this status is not taken; the log says so too.
    fn refusal(&self, id: RequestId, status: u16) -> ReplyError {
        let error = match self.server_request(id) {
            None => ReplyError::Over,
            Some(request) if request.is_answered_statelessly() => ReplyError::Answered,
            Some(request) => request.state().map_or(ReplyError::NoTransaction, ReplyError::Refused),
        };
        tracing::info!(target: "oversip::transaction", "response {status} refused: {error}");
        error
    }
}
