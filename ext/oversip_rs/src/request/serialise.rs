//! A request as it goes out: the received bytes with the edits of the script, or the Hash.

use bytes::Bytes;
use magnus::{method, prelude::*, value::Lazy, Error, RClass, RString, Ruby, Value};
use oversip::client::RestoreHeaders;
use oversip::message::{HeaderName, Message, Method, RequestSnapshot};

use super::ruri::ruri_bytes;
use crate::{
    classes::sip_class,
    headers::{self, Wire},
    message::{body_bytes, RequestObject, RubyRequest},
    name_addr,
    slot::Slot,
    text::{self, true_or_nil, utf8},
    uri::{RubyUri, UriObject},
};

/// The values of the client that go back into responses, where the script changed From or To.
pub fn restore_headers(this: RubyRequest) -> RestoreHeaders {
    RestoreHeaders::of(this.received(), this.from_was_modified.get(), this.to_was_modified.get())
}

/// The edited From, To and Contact values that were not sent yet; takes the edits over.
fn fresh_edits(ruby: &Ruby, this: RubyRequest) -> Result<Vec<(HeaderName, Bytes)>, Error> {
    let received = this.received();
    let mut edits = Vec::new();
    let parts: [(HeaderName, &Slot, &[u8]); 3] = [
        (HeaderName::From, &this.from, received.from_params()),
        (HeaderName::To, &this.to, received.to_params()),
        (HeaderName::Contact, &this.contact, received.contact_params().unwrap_or_default()),
    ];
    for (name, slot, params) in parts {
        let Some(object) = slot.get(ruby).filter(|object| !object.is_nil()) else { continue };
        let Some(text) = edited_text(ruby, object)? else { continue };
        let mut value = text.to_vec();
        value.extend_from_slice(params);
        match name {
            HeaderName::From => this.from_was_modified.set(true),
            HeaderName::To => this.to_was_modified.set(true),
            _ => {}
        }
        edits.push((name, value.into()));
    }
    Ok(edits)
}

/// The text of a From, To or Contact object if it was edited since it was last sent.
fn edited_text(ruby: &Ruby, object: Value) -> Result<Option<Bytes>, Error> {
    let Some(own) = text::object_of::<UriObject>(ruby, object) else {
        // A script may put any object there that answers these two.
        let modified: Value = object.funcall("modified?", ())?;
        return if modified.to_bool() { text::text_of(object).map(Some) } else { Ok(None) };
    };
    if !name_addr::is_modified(own) {
        return Ok(None);
    }
    let text = name_addr::text(ruby, own)?;
    own.edit_was_taken_over();
    Ok(Some(text))
}

/// Puts edits into what goes out: into the Hash where it exists, else remembered and put over the received bytes.
fn take_over_edits(ruby: &Ruby, this: RubyRequest) -> Result<(), Error> {
    let edits = fresh_edits(ruby, this)?;
    if edits.is_empty() {
        return Ok(());
    }
    if this.headers.hash_exists() {
        let hash = headers::hash(ruby, this.into())?;
        for (name, value) in edits {
            headers::set_in_hash(ruby, hash, name, &value)?;
        }
        return Ok(());
    }
    for (name, value) in edits {
        this.headers.remember_sent_edit(name, value);
    }
    Ok(())
}

/// The Request-URI that goes out now; an edit of it is taken over.
fn sent_ruri(ruby: &Ruby, this: RubyRequest) -> Result<Bytes, Error> {
    let text = ruri_bytes(ruby, this)?;
    if let Some(Ok(uri)) = this.ruri.get(ruby).map(RubyUri::try_convert) {
        uri.edit_was_taken_over();
    }
    Ok(text)
}

/// The request as it goes out now.
pub fn snapshot(ruby: &Ruby, this: RubyRequest) -> Result<RequestSnapshot, Error> {
    take_over_edits(ruby, this)?;
    let headers = match headers::wire(ruby, this.into())? {
        Wire::Received(headers) => this.headers.with_sent_edits(headers),
        Wire::Canonical(headers) => headers,
    };
    let method = this.received().method().cloned().unwrap_or(Method::Other(Bytes::new()));
    Ok(RequestSnapshot {
        method,
        ruri: sent_ruri(ruby, this)?,
        headers,
        body: body_bytes(ruby, this.into())?,
    })
}

fn is_uac_request(ruby: &Ruby, value: Value) -> bool {
    static UAC_REQUEST: Lazy<RClass> = Lazy::new(|ruby| sip_class(ruby, "UacRequest"));
    value.is_kind_of(ruby.get_inner(&UAC_REQUEST))
}

/// Shows in a request of a `Uac` the CSeq number that it was sent with after it answered a challenge. That of a UacRequest is its
/// own and stays; that of a Request belongs to the client it came from, to whom it is answered with the number received.
pub fn show_cseq(ruby: &Ruby, value: Value, cseq: u32) -> Result<(), Error> {
    if let Some(this) = RequestObject::from_value(value) {
        this.sent_cseq.set(Some(cseq));
    } else if is_uac_request(ruby, value) {
        let _: Value = value.funcall("sent_with_cseq", (cseq,))?;
    }
    Ok(())
}

/// What a `Uac` sends: a Request or a UacRequest.
pub fn snapshot_of(ruby: &Ruby, value: Value) -> Result<RequestSnapshot, Error> {
    if let Some(this) = RequestObject::from_value(value) {
        return snapshot(ruby, this);
    }
    if !is_uac_request(ruby, value) {
        let message = "request must be a OverSIP::SIP::UacRequest or OverSIP::SIP::Request instance";
        return Err(text::runtime_error(ruby, message));
    }
    let wire = text::text_of(value.funcall("to_s", ())?)?;
    let invalid = |why: String| {
        text::runtime_error(ruby, format!("the request is not valid SIP: {why} ({})", value.inspect()))
    };
    let (mut message, head) = Message::parse(wire.clone()).map_err(|error| invalid(error.describe(&wire)))?;
    message.set_body(wire.slice(head..));
    RequestSnapshot::from_message(&message).ok_or_else(|| invalid("line 1 is no request line".to_owned()))
}

/// `to_s`: canonical, whatever goes over the wire.
fn to_s(ruby: &Ruby, this: RubyRequest) -> Result<RString, Error> {
    take_over_edits(ruby, this)?;
    let headers = this.headers.with_sent_edits(headers::canonical(ruby, this.into())?);
    let mut out = Vec::new();
    out.extend_from_slice(this.received().method().map_or(&b""[..], Method::as_bytes));
    out.push(b' ');
    let ruri = sent_ruri(ruby, this)?;
    out.extend_from_slice(&ruri);
    out.extend_from_slice(b" SIP/2.0\r\n");
    headers::write(&headers, &mut out);
    out.extend_from_slice(&body_bytes(ruby, this.into())?);
    Ok(utf8(ruby, &out))
}

fn was_modified(this: RubyRequest, name: HeaderName) -> bool {
    match name {
        HeaderName::From => this.from_was_modified.get(),
        _ => this.to_was_modified.get(),
    }
}

fn from_was_modified(ruby: &Ruby, this: RubyRequest) -> Value {
    true_or_nil(ruby, was_modified(this, HeaderName::From))
}

fn to_was_modified(ruby: &Ruby, this: RubyRequest) -> Value {
    true_or_nil(ruby, was_modified(this, HeaderName::To))
}

/// Defines the methods of this file.
pub(super) fn define(class: RClass) -> Result<(), Error> {
    class.define_method("from_was_modified", method!(from_was_modified, 0))?;
    class.define_method("to_was_modified", method!(to_was_modified, 0))?;
    class.define_method("to_s", method!(to_s, 0))?;
    Ok(())
}
