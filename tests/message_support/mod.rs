//! What the property tests, the torture tests and the fuzz targets ask of every message that parses.

#![allow(dead_code, missing_docs)] // Each binary that includes this file uses a part of it.

use bytes::Bytes;
use oversip::message::{
    passed_on, reply, HeaderName, Headers, Message, NameAddrRef, RequestSnapshot, ResponseSnapshot, UriRef,
};

/// The bytes that a proxy would send if it changed nothing.
pub fn serialise(message: &Message) -> Bytes {
    match RequestSnapshot::from_message(message) {
        Some(request) => request.to_bytes(),
        None => ResponseSnapshot::from_message(message).expect("a request or a response").to_bytes(),
    }
}

/// Reads all that can be read of a URI, so that a bad offset shows.
pub fn touch_uri(uri: &UriRef<'_>) {
    let again = UriRef::parse(uri.text).unwrap_or_else(|| panic!("no URI alone: {}", shown(uri.text)));
    assert_eq!((again.scheme(), again.user(), again.host()), (uri.scheme(), uri.user(), uri.host()));
    assert_eq!((again.host_type(), again.port()), (uri.host_type(), uri.port()));
    for (key, _) in uri.params() {
        assert!(uri.param(key).is_some());
    }
    let flags = (uri.transport(), uri.lr(), uri.ob(), uri.ovid(), uri.phone_context(), uri.headers());
    assert!(uri.is_sip() || !(flags.1 || flags.2));
    assert_eq!(uri.maddr().is_some(), uri.is_sip() && uri.param(b"maddr").is_some());
    let stripped = uri.without_maddr();
    let stripped = UriRef::parse(&stripped).unwrap_or_else(|| panic!("no URI: {}", shown(&stripped)));
    assert_eq!((stripped.maddr(), stripped.user(), stripped.host()), (None, uri.user(), uri.host()));
    assert_eq!((stripped.scheme(), stripped.headers()), (uri.scheme(), uri.headers()));
    if let Some(aor) = uri.aor() {
        let aor = UriRef::parse(&aor).unwrap_or_else(|| panic!("no address of record: {}", shown(&aor)));
        assert_eq!(aor.user_unescaped(), uri.user_unescaped());
        assert_eq!(aor.host_normalised(), uri.host_normalised());
    }
}

/// The same for a name-addr.
pub fn touch_name_addr(name_addr: &NameAddrRef<'_>) {
    assert!(name_addr.display_name().is_none_or(|name| !name.is_empty()));
    touch_uri(&name_addr.uri());
}

/// Reads all that can be read of a message.
pub fn touch(message: &Message) {
    let lines = message.lines().count();
    let values = message.values().count();
    assert!(lines <= values);
    assert_eq!(message.via_values().count(), message.num_vias());
    for uri in [message.ruri(), message.contact().map(|contact| contact.uri())].into_iter().flatten() {
        touch_uri(&uri);
    }
    for name_addr in [message.from(), message.to()].into_iter().flatten() {
        touch_name_addr(&name_addr);
    }
    for (value, route) in message.routes() {
        assert!(route.uri().is_sip() && !value.is_empty());
        touch_name_addr(&route);
    }
    let from = (message.from_value(), message.from_tag(), message.from_params());
    assert_eq!(from.0.is_some(), message.from().is_some());
    let _ = (message.to_value(), message.to_tag(), message.to_params(), message.contact_has_reg_id());
    assert_eq!(message.contact_param_list().count() == 0, message.contact_params().is_none());
    for tag in [message.require(), message.proxy_require(), message.supported()].concat() {
        assert!(oversip::message::is_token(&tag));
    }
    let _ = (message.cseq(), message.cseq_digits(), message.cseq_method(), message.cseq_valid());
    let _ = (message.max_forwards(), message.content_length(), message.head_defect());
    if let Some(via) = message.top_via() {
        assert!(oversip::message::is_token(via.transport()));
        assert!(via.params().all(|(key, _)| oversip::message::is_token(key)));
        assert!(via.core().len() > via.host().len());
    }
}

/// Refuses a request that may be broken: the reply has the lines that it should have, whatever the peer wrote.
pub fn refuse(request: &Message, reason: &str) {
    let mut request = request.clone();
    request.stamp_via("[2001:db8::5]:1234".parse().expect("an address"));
    let sent = reply(&request, 400, reason.as_bytes(), Some(b"t"), &[], b"", b"s");
    let head = sent.strip_suffix(b"\r\n\r\n").unwrap_or_else(|| panic!("no end: {}", shown(&sent)));
    let lines = String::from_utf8_lossy(head);
    let mut names = Vec::new();
    for line in lines.split("\r\n").skip(1) {
        assert!(!line.contains('\n'), "{lines}");
        if !line.starts_with([' ', '\t']) {
            names.push(line.split(':').next().unwrap_or_default());
        }
    }
    let others = names.iter().filter(|name| **name != "Via");
    let expected = ["From", "To", "Call-ID", "CSeq", "Content-Length", "Server"];
    assert!(others.eq(expected.iter()) && names.len() > expected.len(), "{lines}");
    assert!(lines.starts_with(&format!("SIP/2.0 400 {reason}\r\n")), "{lines}");
}

/// Changes a message as a proxy may change it.
pub fn forward(message: &Message) {
    let mut message = message.clone();
    message.stamp_via("[2001:db8::5]:1234".parse().expect("an address"));
    let stamped = serialise(&message);
    if message.is_request() {
        let _ = reply(&message, 400, b"x", Some(b"t"), &[], b"", b"s");
    }
    let (again, _) = Message::parse(stamped).expect("what is sent can be read");
    assert!(again.values().filter(not_length).eq(message.values().filter(not_length)));
    if let Some(mut response) = ResponseSnapshot::from_message(&message) {
        response.headers.remove_top_value(HeaderName::Via);
        assert_eq!(passed_on(&message), response.to_bytes());
    }
    let mut headers = Headers::from_message(&message);
    for name in [HeaderName::Via, HeaderName::Route] {
        for value in message.header_all(name) {
            assert_eq!(headers.remove_top_value(name).as_deref(), Some(value));
        }
        assert_eq!(headers.remove_top_value(name), None);
    }
}

/// A message that is serialised and read again is the same message; so is what that one gives.
pub fn round_trip(message: &Message) {
    let sent = serialise(message);
    let (mut again, len) = Message::parse(sent.clone()).expect("what is sent can be read");
    again.set_body(sent.slice(len..));
    assert_same(&again, message);
    assert_eq!(again.content_length(), Some(message.body().len() as u32));
    assert_eq!(serialise(&again), sent);
}

/// All but Content-Length, which is corrected, and the version, which is always the same.
pub fn assert_same(a: &Message, b: &Message) {
    let uri = |m: &Message| m.ruri().map(|uri| uri.text.to_vec());
    assert_eq!((a.method(), uri(a)), (b.method(), uri(b)));
    // A NUL may be received in a reason phrase, but is not sent.
    let reason = |m: &Message| m.reason().iter().map(|b| if *b == 0 { b' ' } else { *b }).collect::<Vec<_>>();
    assert_eq!((a.status(), reason(a)), (b.status(), reason(b)));
    let values = |m: &Message| -> Vec<_> {
        m.values().filter(not_length).map(|(_, name, value)| (name.to_vec(), value.to_vec())).collect()
    };
    assert_eq!(values(a), values(b));
    assert_eq!(a.body(), b.body());
}

fn not_length((name, _, _): &(HeaderName, &[u8], &[u8])) -> bool {
    *name != HeaderName::ContentLength
}

pub fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
