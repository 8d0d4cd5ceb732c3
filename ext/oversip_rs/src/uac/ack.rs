//! `Uac#ack`.

use bytes::Bytes;
use magnus::{
    prelude::*,
    scan_args::{get_kwargs, scan_args},
    Error, RHash, Ruby, Value,
};
use oversip::element::Body;
use oversip::host::Clients;

use crate::{client::RubyClient, message::ResponseObject, profile, request, runtime, text};

/// The type of a body that `ack` is given without one.
const OFFER_ANSWER: &[u8] = b"application/sdp";

/// `ack(response, body: nil, content_type: "application/sdp")`: the ACK for a 2xx (RFC 3261 13.2.2.4).
pub(super) fn ack(ruby: &Ruby, this: RubyClient, args: &[Value]) -> Result<bool, Error> {
    let args = scan_args::<(Value,), (), (), (), RHash, ()>(args)?;
    let keywords = get_kwargs::<_, (), (Option<Value>, Option<Value>), ()>(
        args.keywords,
        &[],
        &["body", "content_type"],
    )?;
    let Some(response) = ResponseObject::from_value(args.required.0) else {
        return Err(Error::new(ruby.exception_type_error(), "response must be a OverSIP::SIP::Response"));
    };
    let text = |value: Option<Value>, complaint| {
        let given = value.filter(|value| !value.is_nil());
        given.map(|value| text::string_argument(ruby, value, complaint)).transpose()
    };
    let body = text(keywords.optional.0, "body must be a String")?;
    let content_type = text(keywords.optional.1, "content_type must be a String")?;
    let body = body.map(|bytes| Body {
        bytes,
        content_type: content_type.unwrap_or_else(|| Bytes::from_static(OFFER_ANSWER)),
    });
    let sent: Value = this.funcall("request", ())?;
    let ruri = if sent.is_nil() { Bytes::new() } else { request::snapshot_of(ruby, sent)?.ruri };
    let profile = profile::read(ruby, this.profile_hash(ruby)?)?;
    let host = runtime::host(ruby)?;
    let sent = Clients(&host).acknowledge(this.shared(), &profile, response.received(), &ruri, body);
    sent.map(|()| true).map_err(|error| text::runtime_error(ruby, error.to_string()))
}
