//! Answers to the client of a request: replies of our own and responses relayed from downstream.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::incoming::IncomingRequest;
use super::Shared;
use crate::client::random_hex;
use crate::message::{self, Message, ResponseSnapshot};

/// Replies to a request (RFC 3261 8.2.6). False: the request is an ACK, or its transaction refuses the status.
pub(super) fn reply(
    shared: &Shared,
    now: Instant,
    request: &Arc<IncomingRequest>,
    status: u16,
    reason: &[u8],
    extra_lines: &[Bytes],
    body: &[u8],
) -> bool {
    if request.is_ack() {
        tracing::error!(target: "oversip::request", "attempt to reply {status} to an ACK");
        return false;
    }
    // A refused reply must not choose a tag.
    if !request.valid_response(status) {
        log_refusal(request, status);
        return false;
    }
    let tag =
        message::needs_to_tag(status).then(|| local_tag(shared, request)).or_else(|| request.chosen_tag());
    let wire = message::reply(
        &request.message,
        status,
        reason,
        tag.as_deref(),
        extra_lines,
        body,
        shared.product.as_bytes(),
    );
    send(shared, now, request, status, wire)
}

/// Sends a response that a script made through the server transaction.
pub(super) fn forward(
    shared: &Shared,
    now: Instant,
    request: &Arc<IncomingRequest>,
    response: &ResponseSnapshot,
) -> bool {
    send(shared, now, request, response.status, response.to_bytes())
}

/// Tells the client that one early dialog is over (RFC 6228), with the To tag of `response`.
pub(super) fn reply_199(shared: &Shared, now: Instant, request: &Arc<IncomingRequest>, response: &Message) {
    let status = response.status().unwrap_or(500);
    let mut line = format!("Reason: SIP ;cause={status} ;text=\"").into_bytes();
    for &byte in response.reason() {
        if matches!(byte, b'"' | b'\\') {
            line.push(b'\\');
        }
        line.push(byte);
    }
    line.push(b'"');
    let tag = response
        .to_tag()
        .map_or_else(|| Bytes::from(shared.random.draw(random_hex::<6>)), Bytes::copy_from_slice);
    let wire = message::reply(
        &request.message,
        199,
        b"Early Dialog Terminated",
        Some(&tag),
        &[line.into()],
        b"",
        shared.product.as_bytes(),
    );
    send(shared, now, request, 199, wire);
}

fn local_tag(shared: &Shared, request: &IncomingRequest) -> Bytes {
    request.local_tag(|with_transaction| match request.message.to_tag() {
        Some(tag) => Bytes::copy_from_slice(tag),
        None if with_transaction => Bytes::from(shared.random.draw(random_hex::<6>)),
        None => Bytes::from(shared.totag_for_sl_reply()),
    })
}

/// Sends the bytes of a response through the server transaction. False: it refuses the status.
pub(super) fn send(
    shared: &Shared,
    now: Instant,
    request: &Arc<IncomingRequest>,
    status: u16,
    wire: Bytes,
) -> bool {
    let accepted = request.respond(now, status, wire.clone(), |effects| match effects {
        Some(effects) => shared.carry_out(request, effects),
        None => shared.deliver(request, &wire),
    });
    if !accepted {
        log_refusal(request, status);
    }
    accepted
}

/// A final response was sent before, or the transaction is over.
pub(super) fn log_refusal(request: &IncomingRequest, status: u16) {
    if request.is_answered_statelessly() {
        return tracing::info!(
            target: "oversip::transaction",
            "response {status} refused: the request has its final response"
        );
    }
    let state = request.transaction_state().unwrap_or("none");
    tracing::info!(target: "oversip::transaction", "response {status} refused: the transaction is in state {state}");
}
