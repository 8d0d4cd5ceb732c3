//! Properties that hold for any message, any bytes and any way in which they arrive.

#[path = "message_support/mod.rs"]
mod message_support;

use std::time::Instant;

use bytes::Bytes;
use message_support::{forward, refuse, round_trip, serialise, touch, touch_uri};
use oversip::message::{
    datagram, escape_user, headerize, put_neutral, unescape, CommaList, Datagram, Folds, Frame, HeaderName,
    Headers, Message, NameAddrRef, ParseProgress, Parser, RequestSnapshot, ResponseSnapshot, StreamFramer,
    UriRef,
};
use proptest::prelude::*;

fn token() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9.!%*_+`'~-]{1,12}"
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9]{0,8}(\\.[a-z]{1,5}){0,2}",
        "[0-9]{1,3}[a-f][0-9a-f]{0,5}",
        "10\\.0\\.[0-9]\\.1[0-9]",
        Just("[2001:db8::1]".to_owned())
    ]
}

fn sip_uri() -> impl Strategy<Value = String> {
    let user = prop::option::of("[a-z0-9.;?/,&=+$-]{1,8}(:[a-z0-9,]{0,4})?@");
    let port = prop::option::of(1u16..);
    let params = prop::collection::vec(("[a-z]{1,6}", prop::option::of("[a-zA-Z0-9/]{1,6}")), 0..3);
    (prop_oneof![Just("sip:"), Just("SIPS:")], user, host(), port, params).prop_map(
        |(scheme, user, host, port, params)| {
            let mut uri = format!("{scheme}{}{host}", user.unwrap_or_default());
            if let Some(port) = port {
                uri += &format!(":{port}");
            }
            for (key, value) in params {
                uri += &value.map_or(format!(";{key}"), |value| format!(";{key}={value}"));
            }
            uri
        },
    )
}

fn name_addr() -> impl Strategy<Value = String> {
    let display =
        prop_oneof![Just(String::new()), "[a-zäöü]{1,5}( [a-zé]{1,5})? ", "\"[ a-z,<>;]{0,9}(\\\\\")?\" ?"];
    (display, sip_uri()).prop_map(|(display, uri)| format!("{display}<{uri}>"))
}

fn header_params() -> impl Strategy<Value = String> {
    let param = (token(), prop::option::of(prop_oneof![token(), Just("\"a;,\\\"b\"".to_owned())]));
    prop::collection::vec(param, 0..3).prop_map(|params| {
        let text = |(key, value): (String, Option<String>)| match value {
            Some(value) => format!(" ;x-{key}={value}"),
            None => format!(";x-{key}"),
        };
        params.into_iter().map(text).collect()
    })
}

fn via() -> impl Strategy<Value = String> {
    let end = prop::sample::select(&["", ";", " ; ", ";rport", ";rport= ", ";rport=;"][..]);
    (host(), prop::option::of(1u16..), token(), header_params(), end).prop_map(
        |(host, port, branch, params, end)| {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("SIP/2.0/UDP {host}{port};branch=z9hG4bK{branch}{params}{end}")
        },
    )
}

/// What may stand between the elements of a list.
fn comma() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&[",", ", ", ",\r\n  ", " ,, ", ",\t, ,"][..])
}

/// A header line that is no core header.
fn extra_line() -> impl Strategy<Value = String> {
    prop_oneof![
        ("[a-zA-Z_-]{2,10}", "([!-~]{1,9}(\r\n )?){0,3}")
            .prop_map(|(name, value)| format!("X-{name}: {value}")),
        (prop::collection::vec(name_addr(), 1..3), comma())
            .prop_map(|(values, comma)| format!("Route: {}", values.join(comma))),
        (name_addr(), header_params()).prop_map(|(contact, params)| format!("m: {contact}{params}")),
        (name_addr(), comma()).prop_map(|(contact, comma)| format!("m: ,{contact};{comma}")),
        Just("Route: , <sip:a;lr>;x ;, <sip:b>,".to_owned()),
        Just("Require: , a ,,b,".to_owned()),
        Just("Contact: *".to_owned()),
        Just("Supported: path, outbound".to_owned()),
        Just("Max-Forwards : 70".to_owned()),
        "[a-z]{1,9}".prop_map(|text| format!("Subject: \u{e4}{text}")),
    ]
}

#[derive(Debug, Clone)]
struct Generated {
    text: String,
    body: Vec<u8>,
}

fn message_with_body() -> impl Strategy<Value = Generated> {
    let first = prop_oneof![
        (token(), sip_uri()).prop_map(|(method, uri)| format!("{method} {uri} SIP/2.0")),
        (100u16..700, "[ -~]{0,12}").prop_map(|(status, reason)| format!("SIP/2.0 {status} {reason}")),
    ];
    let vias = (prop::collection::vec(via(), 1..4), comma()).prop_map(|(vias, comma)| vias.join(comma));
    let core = (vias, name_addr(), name_addr(), header_params(), any::<u32>());
    let extra = prop::collection::vec(extra_line(), 0..6);
    (first, core, extra, prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(first, core, extra, body)| {
        let (vias, from, to, params, cseq) = core;
        let mut extra: Vec<_> = extra;
        extra.sort();
        extra.dedup_by_key(|line| line.starts_with("Max-F"));
        let lines = [
            vec![first, format!("Via: {vias}")],
            extra,
            vec![format!("f: {from}{params};tag=a"), format!("To: {to}"), "i: id@host".to_owned()],
            vec![format!("CSeq: {cseq} INVITE"), format!("Content-Length: {}", body.len())],
        ];
        Generated { text: format!("{}\r\n\r\n", lines.concat().join("\r\n")), body }
    })
}

fn parse(text: &[u8]) -> Message {
    let (message, len) = Message::parse(Bytes::copy_from_slice(text)).expect("generated messages are valid");
    assert_eq!(len, text.len());
    message
}

/// Bytes that look like a message with something wrong in them.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0u8..4, any::<u8>()), 1..6);
    let bytes = prop::sample::select(b"\r\n \t<>;,:=@\"\\%[]*?\0\x80\xc3\xffz09/.".to_vec());
    (message_with_body(), edits, bytes).prop_map(|(generated, edits, special)| {
        let mut bytes = [generated.text.into_bytes(), generated.body].concat();
        for (index, kind, random) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = special,
                1 => bytes.insert(at, special),
                2 => bytes[at] = random,
                _ => {
                    bytes.remove(at);
                }
            }
        }
        bytes
    })
}

fn summary(frames: Vec<Frame>) -> Vec<String> {
    let text = |frame: Frame| match frame {
        Frame::Message(message) => format!("{:?} {:?}", message.head_bytes(), message.body()),
        Frame::Keepalive => "keepalive".to_owned(),
        Frame::Failed { close_reason, reply_to, status, .. } => {
            format!("{close_reason:?} {status} {:?}", reply_to.map(|message| message.head_bytes().clone()))
        }
    };
    frames.into_iter().map(text).collect()
}

fn frames(chunks: &[&[u8]]) -> Vec<String> {
    let now = Instant::now();
    let mut framer = StreamFramer::new(1000);
    let mut frames = Vec::new();
    for chunk in chunks {
        framer.push(now, chunk);
        frames.extend(std::iter::from_fn(|| framer.next()));
    }
    summary(frames)
}

fn cut<'a>(bytes: &'a [u8], at: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = at.iter().map(|index| index.index(bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn sent_message_parses_to_the_received_one(generated in message_with_body()) {
        let mut message = parse(generated.text.as_bytes());
        message.set_body(Bytes::from(generated.body.clone()));
        // Received lines go out as they came, and the generated Content-Length is true.
        let sent = serialise(&message);
        prop_assert_eq!(&sent[..], &[generated.text.as_bytes(), &generated.body[..]].concat()[..]);
        let Datagram::Message(again) = datagram(sent) else { return Err(TestCaseError::fail("no message")) };
        prop_assert!(again.values().eq(message.values()));
        prop_assert_eq!(again.body(), message.body());
        touch(&again);
        round_trip(&again);
        forward(&again);
    }

    #[test]
    fn rebuilt_message_has_the_same_values(generated in message_with_body()) {
        let message = parse(generated.text.as_bytes());
        let mut headers = Headers::new();
        for (_, name, value) in message.values() {
            prop_assert!(headers.push(&headerize(name), value));
        }
        let rebuilt = match message.status() {
            Some(status) => {
                let reason = Bytes::copy_from_slice(message.reason());
                ResponseSnapshot { status, reason, headers, body: Bytes::new() }.to_bytes()
            }
            None => {
                let mut request = RequestSnapshot::from_message(&message).expect("a request");
                request.headers = headers;
                request.to_bytes()
            }
        };
        let again = parse(&rebuilt);
        let values = |m: &Message| -> Vec<_> {
            m.values()
                .filter(|(name, ..)| *name != HeaderName::ContentLength)
                .map(|(_, name, value)| (headerize(name).into_owned(), value.to_vec()))
                .collect()
        };
        prop_assert_eq!(values(&again), values(&message));
        prop_assert_eq!(again.content_length(), Some(0));
        prop_assert_eq!(again.from_tag(), message.from_tag());
        prop_assert_eq!(again.contact_params(), message.contact_params());
        prop_assert_eq!(again.routes().count(), message.routes().count());
    }

    #[test]
    fn stream_gives_the_same_however_it_is_cut(
        messages in prop::collection::vec(message_with_body(), 1..3),
        spoiled in mutated(),
        at in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut bytes = Vec::new();
        for generated in messages {
            bytes.extend_from_slice(generated.text.as_bytes());
            bytes.extend_from_slice(&generated.body);
            bytes.extend_from_slice(b"\r\n\r\n");
        }
        bytes.extend_from_slice(&spoiled);
        let whole = frames(&[&bytes]);
        prop_assert_eq!(&frames(&cut(&bytes, &at)), &whole);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(&frames(&single), &whole);
        // Also where the stream ends in the midst of a line with an error in it.
        let begun = &bytes[..at.first().map_or(bytes.len(), |index| index.index(bytes.len() + 1))];
        let single: Vec<&[u8]> = begun.chunks(1).collect();
        prop_assert_eq!(&frames(&single), &frames(&[begun]));
    }

    #[test]
    fn error_is_at_the_same_byte_however_it_is_fed(bytes in mutated(), at in any::<prop::sample::Index>()) {
        let mut whole = Parser::new();
        let expected = whole.feed(&bytes);
        let mut halves = Parser::new();
        let first = halves.feed(&bytes[..at.index(bytes.len() + 1)]);
        let halved = if first == ParseProgress::Incomplete { halves.feed(&bytes) } else { first };
        prop_assert_eq!(halved, expected);
        prop_assert_eq!(halves.nread(), whole.nread());
        prop_assert_eq!(halves.started(&bytes), whole.started(&bytes));
        let mut bytewise = Parser::new();
        let mut progress = ParseProgress::Incomplete;
        for end in 0..=bytes.len() {
            if progress == ParseProgress::Incomplete {
                progress = bytewise.feed(&bytes[..end]);
            }
        }
        prop_assert_eq!(progress, expected);
    }

    #[test]
    fn nothing_that_is_fed_panics(bytes in prop_oneof![mutated(), prop::collection::vec(any::<u8>(), 0..200)]) {
        let mut parser = Parser::new();
        let progress = parser.feed(&bytes);
        let buf = Bytes::from(bytes);
        if let Some(partial) = parser.partial(&buf) {
            let _ = (partial.lines().count(), partial.values().count(), partial.missing_core_header());
        }
        if let ParseProgress::Head { len } = progress {
            prop_assert!(len <= buf.len());
            let message = parser.take(buf.clone()).expect("complete");
            touch(&message);
            round_trip(&message);
            forward(&message);
        } else {
            prop_assert!(parser.take(buf.clone()).is_none());
        }
        match datagram(buf) {
            Datagram::Message(message) => round_trip(&message),
            Datagram::Refused { request, reason, .. } => {
                touch(&request);
                refuse(&request, &reason);
            }
            _ => {}
        }
    }

    #[test]
    fn truncated_message_is_incomplete_and_no_error(generated in message_with_body(), at in any::<prop::sample::Index>()) {
        let bytes = generated.text.as_bytes();
        let mut parser = Parser::new();
        let end = at.index(bytes.len());
        prop_assert_eq!(parser.feed(&bytes[..end]), ParseProgress::Incomplete);
        prop_assert_eq!(parser.nread(), end);
    }

    #[test]
    fn stamped_via_parses_and_says_where_the_message_came_from(generated in message_with_body(), port in 1u16..) {
        let mut message = parse(generated.text.as_bytes());
        message.stamp_via(([203, 0, 113, 9], port).into());
        let again = parse(&serialise(&message));
        prop_assert!(again.via_values().eq(message.via_values()));
        prop_assert_eq!(again.branch_id(), message.branch_id());
        prop_assert_eq!(again.top_via().and_then(|via| via.received()), Some(&b"203.0.113.9"[..]));
    }

    #[test]
    fn canonical_name_is_its_own_canonical_name(name in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        "[a-zA-Z_-]{0,20}".prop_map(String::into_bytes),
    ]) {
        let once = headerize(&name);
        prop_assert_eq!(&headerize(&once), &once);
        prop_assert_eq!(HeaderName::lookup(&once), HeaderName::lookup(&name));
    }

    #[test]
    fn escaped_user_is_a_user_and_comes_back(user in prop_oneof![
        prop::collection::vec(any::<u8>(), 1..20),
        "[a-c:;@/?%\\[-]{1,12}".prop_map(String::into_bytes),
    ]) {
        let escaped = escape_user(&user);
        prop_assert_eq!(&unescape(&escaped)[..], &user[..]);
        prop_assert_eq!(escape_user(&unescape(&escaped)).into_owned(), escaped.clone().into_owned());
        let text = [b"sip:", &escaped[..], b"@h"].concat();
        let uri = UriRef::parse(&text).expect("escaped");
        prop_assert_eq!(&uri.user_unescaped().expect("a user")[..], &user[..]);
        touch_uri(&uri);
    }

    #[test]
    fn generated_uris_and_name_addrs_match_completely(uri in sip_uri(), name_addr in name_addr()) {
        let parsed = UriRef::parse(uri.as_bytes()).expect("valid");
        prop_assert_eq!(parsed.text, uri.as_bytes());
        let parsed = NameAddrRef::parse(name_addr.as_bytes()).expect("valid");
        prop_assert!(name_addr.contains(std::str::from_utf8(parsed.uri().text).expect("ASCII")));
        prop_assert_eq!(CommaList::new(name_addr.as_bytes()).count(), 1);
    }

    #[test]
    fn neutral_text_never_ends_a_line(text in "[a\r\n\0 \t]{0,30}") {
        for folds in [Folds::Keep, Folds::Replace] {
            let mut out = bytes::BytesMut::new();
            put_neutral(&mut out, text.as_bytes(), folds);
            prop_assert_eq!(out.len(), text.len());
            out.extend_from_slice(b"\r\nY");
            let lines: Vec<_> = out[..].split(|b| *b == b'\n').collect();
            prop_assert!(!out.contains(&0));
            for (i, line) in lines.iter().enumerate() {
                let last = i + 1 == lines.len();
                prop_assert_eq!(line.contains(&b'\r'), !last);
                if i > 0 && !last {
                    prop_assert!(line.starts_with(b" ") || line.starts_with(b"\t"));
                }
            }
        }
    }
}
