//! Answers to a request that did not come from the network: they go to whatever the script has set as its connection,
//! so that a script can be tried without sockets.

use bytes::Bytes;
use magnus::{prelude::*, Error, Ruby, Value};
use oversip::message::{needs_to_tag, ResponseSnapshot, Transport};

use super::reply::Reply;
use crate::{
    classes::oversip_module,
    message::{self, RubyRequest},
    runtime, tags,
    text::{self, utf8},
};

/// Replies as the engine does without a transaction (RFC 3261 8.2.6, 8.2.7). False for an ACK, and where no connection was
/// set.
pub(super) fn reply(ruby: &Ruby, this: RubyRequest, reply: &Reply) -> Result<bool, Error> {
    if is_never_answered(ruby, this, reply.status) {
        return Ok(false);
    }
    let chosen = &this.detached_tag;
    if needs_to_tag(reply.status) {
        chosen.get_or_init(|| tags::totag_for_sl_reply().into());
    }
    let wire = oversip::message::reply(
        this.received(),
        reply.status,
        &reply.reason,
        chosen.get().map(Bytes::as_ref),
        &reply.extra_lines,
        &reply.body,
        &product(ruby)?,
    );
    send(ruby, this, &wire)
}

/// Sends a complete response. False where `reply` says so.
pub(super) fn reply_full(ruby: &Ruby, this: RubyRequest, response: &ResponseSnapshot) -> Result<bool, Error> {
    if is_never_answered(ruby, this, response.status) {
        return Ok(false);
    }
    send(ruby, this, &response.to_bytes())
}

/// Whether this is an ACK; then the log says what was tried.
fn is_never_answered(ruby: &Ruby, this: RubyRequest, status: u16) -> bool {
    let never = this.received().method().is_some_and(|method| !method.is_answered());
    if never {
        text::log_error(ruby, &format!("attempt to reply {status} to an ACK"));
    }
    never
}

/// Hands bytes to the connection, with the address that responses over UDP go to (RFC 3261 18.2.2, RFC 3581 4). False where
/// no connection was set.
pub(super) fn send(ruby: &Ruby, this: RubyRequest, wire: &Bytes) -> Result<bool, Error> {
    let connection = message::connection(ruby, this.into())?;
    if connection.is_nil() {
        return Ok(false);
    }
    let ip: Value = this.funcall("source_ip", ())?;
    let mut port: Value = this.funcall("via_rport", ())?;
    if port.is_nil() {
        port = ruby.into_value(
            this.received().top_via().map_or(Transport::Udp.default_port(), |via| via.response_port()),
        );
    }
    let _: Value = connection.funcall("send_sip_msg", (utf8(ruby, wire), ip, port))?;
    Ok(true)
}

/// What the Server header says.
fn product(ruby: &Ruby) -> Result<Bytes, Error> {
    if let Some(host) = runtime::current_host() {
        return Ok(Bytes::copy_from_slice(host.settings().product.as_bytes()));
    }
    let product: String = oversip_module(ruby)?.funcall("product", ())?;
    Ok(product.into())
}
