//! Header lines and their values.

use super::*;

fn error_at(lines: &str) -> usize {
    match options(lines) {
        Err(error) => error.offset,
        Ok(message) => panic!("{lines:?} gave {message:?}"),
    }
}

#[test]
fn generic_values_are_kept_as_they_are() {
    assert_eq!(headers(&ok("x-fOO_bAR : u ,v ")), [header("X-Foo_Bar", &["u ,v "])]);
    let expected = [header("X-Q", &["1", "2"]), header("Event", &["presence"])];
    assert_eq!(headers(&ok("X-Q: 1\r\nO: presence\r\nx-q: 2")), expected);
    assert_eq!(headers(&ok("X-F: a\r\n\tb")), [header("X-F", &["a\r\n\tb"])]);
    assert_eq!(headers(&ok("w: 1\r\nSIP-ETag: 2")), [header("w", &["1"]), header("Sip-Etag", &["2"])]);
    assert_eq!(headers(&ok("X:")), [header("Session-Expires", &[""])]);
}

#[test]
fn generic_values_are_text() {
    for good in [
        &b"X-A: \xc3\xa4"[..],
        b"X-A: \x80",
        b"X-A: \xfd\x80\x80\x80\x80\x80",
        b"X-A:\r\n \r\n b",
        b"X-A: a\tb",
    ] {
        let text = [b"OPTIONS sip:a@b SIP/2.0\r\n", good, b"\r\n\r\n"].concat();
        assert!(Message::parse(Bytes::from(text)).is_ok(), "{good:?}");
    }
    for (bad, at) in [
        (&b"X-A: \x01"[..], 5),
        (b"X-A: \x7f", 5),
        (b"X-A: a\nb", 6),
        (b"X-A: a\rb", 7),
        (b"X A: a", 2),
        (b": a", 0),
        (b"X-A", 3),
        (b"X-\xc3\xa4: a", 2),
    ] {
        let text = [b"OPTIONS sip:a@b SIP/2.0\r\n", bad, b"\r\n\r\n"].concat();
        match Message::parse(Bytes::from(text)) {
            Err(oversip::message::ParseError::Syntax(error)) => {
                assert_eq!(error.offset, 25 + at, "{bad:?}")
            }
            other => panic!("{bad:?}: {other:?}"),
        }
    }
}

#[test]
fn via_is_taken_apart() {
    let message = ok("v: SIP/2.0/UDP Gw1.example:5090;Branch=z9hG4bKaa;RPORT;Foo=\"x;y\";bar");
    let via = message.top_via().unwrap();
    assert_eq!(s(via.host()), "Gw1.example");
    assert_eq!(via.port(), Some(5090));
    assert_eq!(via.branch(), Some(&b"z9hG4bKaa"[..]));
    assert!(via.branch_rfc3261());
    assert!(via.has_rport());
    assert!(!via.has_alias());
    let params: Vec<_> = via.params().map(|(key, value)| (s(key), value.map(s))).collect();
    assert_eq!(params, [("Foo", Some("\"x;y\"")), ("bar", None)]);
    assert_eq!(s(via.core()), "SIP/2.0/UDP Gw1.example:5090");
    assert_eq!(s(via.transport()), "UDP");
    assert_eq!(message.branch_id(), Some(&b"aa"[..]));
}

#[test]
fn via_values_are_split() {
    let message = ok("Via: SIP/2.0/TCP p;branch=z9hG4bK1 , SIP/2.0/UDP q\r\nv: SIP / 2.0 / TLS [::1] : 5061");
    let values: Vec<_> = message.via_values().map(s).collect();
    let expected = ["SIP/2.0/TCP p;branch=z9hG4bK1", "SIP/2.0/UDP q", "SIP / 2.0 / TLS [::1] : 5061"];
    assert_eq!(values, expected);
    assert_eq!(message.num_vias(), 3);
}

#[test]
fn only_one_true_branch_is_one_of_rfc_3261() {
    for via in [
        "p;branch=z9hG4bK",
        "p;branch=z9hG4bK1;branch=k",
        "p;branch=k;branch=z9hG4bK1",
        "p;branch=z9hG4bK1;branch=z9hG4bK1",
        "p;branch=z9hG4b",
        "p",
    ] {
        let message = ok(&format!("Via: SIP/2.0/UDP {via}"));
        assert!(!message.top_via().unwrap().branch_rfc3261(), "{via}");
        assert_eq!(message.branch_id(), None);
    }
    let message = ok("Via: SIP/2.0/UDP p;branch=z9hG4bK1;branch=k");
    assert_eq!(message.top_via().unwrap().branch(), Some(&b"k"[..]));
    // RFC 3261 7.3.1
    let message = ok("Via: SIP/2.0/UDP p;branch=Z9hg4BkX");
    assert!(message.top_via().unwrap().branch_rfc3261());
    assert_eq!(message.branch_id(), Some(&b"X"[..]));
}

#[test]
fn via_parameters_have_their_own_grammar() {
    for good in [
        ";received=10.0.0.1",
        ";received=::1",
        ";received=[::1]",
        ";rport=5060",
        ";rport=",
        ";rport=;alias",
        ";",
        ";alias=x",
        ";ttl=1;maddr=h.example",
        " ; rport ; received = 1.1.1.1",
    ] {
        ok(&format!("Via: SIP/2.0/UDP p{good}"));
    }
    for bad in
        [";branch", ";branch=", ";branch=\"x\"", ";received", ";received=h", ";rport=0", ";x=a/b", ";;"]
    {
        assert!(options(&format!("Via: SIP/2.0/UDP p{bad}")).is_err(), "{bad}");
    }
}

#[test]
fn from_and_its_tag() {
    let message = ok("From: Eve <sip:e@h;u=1>;x=\"1\";tag=T-9");
    let from = message.from().unwrap();
    assert_eq!(s(from.display_name().unwrap()), "Eve");
    assert_eq!(from.uri().param(b"u"), Some(Some(&b"1"[..])));
    assert_eq!(message.from_tag(), Some(&b"T-9"[..]));
    assert_eq!(s(message.from_value().unwrap()), "Eve <sip:e@h;u=1>;x=\"1\";tag=T-9");
    assert_eq!(s(message.from_params()), ";x=\"1\";tag=T-9");
    let message = ok("f: sip:e@h;u=1;tag=T");
    assert_eq!(message.from().unwrap().uri().params().count(), 0);
    assert_eq!(message.from_tag(), Some(&b"T"[..]));
}

#[test]
fn tag_without_its_value_is_an_error_after_the_fold_that_does_not_come() {
    assert_eq!(error_at("To: <sip:e@h>;tag="), 45);
    assert_eq!(ok("To: <sip:e@h>;tag").to_tag(), None);
    assert_eq!(ok("To: <sip:e@h> ; tag =\r\n a").to_tag(), Some(&b"a"[..]));
    assert_eq!(ok("To: tel:+1;tag=a").to_tag(), Some(&b"a"[..]));
}

#[test]
fn contacts() {
    let message = ok("Contact: <sip:e@h;ob>;Reg-Id=2;q=1");
    assert!(message.contact().unwrap().uri().ob());
    assert_eq!(message.contact_params(), Some(&b";Reg-Id=2;q=1"[..]));
    assert!(message.contact_has_reg_id());

    let message = ok("Contact: <sip:e@h>, <tel:5>, <sip:f@h>");
    assert_eq!(headers(&message), [header("Contact", &["<sip:e@h>", "<tel:5>, <sip:f@h>"])]);
    assert!(message.contact().is_none());
    assert_eq!(message.contact_params(), None);

    let message = ok("Contact: *");
    assert_eq!(headers(&message), [header("Contact", &["*"])]);
    assert!(message.contact().is_none());
}

#[test]
fn contact_lists_are_cut_as_far_as_they_are_understood() {
    for (value, values) in [
        ("<sip:a@b>, <sip:c@d>", &["<sip:a@b>", "<sip:c@d>"][..]),
        ("sip:a@b;q=1,\r\n \"N, n\" <sips:c@d>", &["sip:a@b;q=1", "\"N, n\" <sips:c@d>"]),
        ("<sip:a@b>, @x", &["<sip:a@b>, @x"]),
        ("<sip:a@b>,", &["<sip:a@b>"]),
        (",, <sip:a@b>; ,,\r\n <sip:c@d>,", &["<sip:a@b>", "<sip:c@d>"]),
        (",", &[","]),
        ("<sip:a@b>, *", &["<sip:a@b>", "*"]),
        ("<tel:1>, <sip:a@b>", &["<tel:1>, <sip:a@b>"]),
        ("<sip:a@b>;x=a/b", &["<sip:a@b>;x=a/b"]),
        ("", &[""]),
        ("free text", &["free text"]),
    ] {
        assert_eq!(headers(&ok(&format!("Contact: {value}"))), [header("Contact", values)], "{value}");
    }
    assert!(ok("Contact: <sip:a@b>\r\nm: <sip:a@b>").contact().is_none());
    assert_eq!(ok("Contact: ,<sip:a@b>;q=1;,").contact_params(), Some(&b";q=1"[..]));
    assert!(ok("Contact: <sip:a@b>,").contact().is_some());
    assert_eq!(ok("Contact: <sip:a@b> ;x ").contact_params(), Some(&b" ;x"[..]));
    assert!(ok("Contact: <sip:a@b> ").contact().is_some());
    assert_eq!(error_at("Contact: *\u{1}"), 35);
}

#[test]
fn routes_need_brackets() {
    let message = ok("Route: <sip:r1;lr>,\r\n \"N\" <sips:r2:5061>;p");
    let routes: Vec<_> = message.routes().map(|(value, route)| (s(value), s(route.uri().text))).collect();
    assert_eq!(routes, [("<sip:r1;lr>", "sip:r1;lr"), ("\"N\" <sips:r2:5061>;p", "sips:r2:5061")]);
    assert_eq!(error_at("Route: sip:r1"), 35);
    assert!(options("Route: <tel:1>").is_err());
    assert!(options("Route: ").is_err());
    assert!(options("Route: ,").is_err());
    assert_eq!(
        ok("Route: ,<sip:a>, ,<sip:b>;").header_all(HeaderName::Route).map(s).collect::<Vec<_>>(),
        ["<sip:a>", "<sip:b>"]
    );
}

#[test]
fn option_tags() {
    let message = ok("Supported: Path , GRUU\r\nk: \r\nSupported: 100rel");
    assert_eq!(message.supported(), [&b"path"[..], b"gruu", b"100rel"]);
    assert_eq!(headers(&message), [header("Supported", &["Path , GRUU", "", "100rel"])]);
    assert_eq!(error_at("Require: "), 36);
    assert_eq!(ok("Supported: ,outbound").supported(), [b"outbound"]);
    assert_eq!(ok("Require: a\r\nProxy-Require: B").proxy_require(), [b"b"]);
    assert!(ok("X-A: 1").require().is_empty());
}

#[test]
fn numbers_are_decimal_and_blanks_behind_them_do_not_matter() {
    assert_eq!(ok("CSeq: 012 OPTIONS").cseq(), Some(12));
    assert_eq!(ok("CSeq: 09 OPTIONS").cseq_digits(), Some(&b"9"[..]));
    assert_eq!(ok("CSeq: 000 OPTIONS").cseq_digits(), Some(&b"0"[..]));
    assert_eq!(ok("Content-Length: 0100").content_length(), Some(100));
    assert_eq!(ok("Max-Forwards: 0068").max_forwards(), Some(68));
    assert_eq!(ok("Max-Forwards: 70 ").max_forwards(), Some(70));
    assert_eq!(ok("l: 5\r\n ").content_length(), Some(5));
    for bad in [
        "Max-Forwards: 70x",
        "Max-Forwards: 12345",
        "Max-Forwards:",
        "Content-Length: 1234567890",
        "Content-Length: +1",
        "CSeq: 12345678901 A",
        "CSeq: 1",
        "CSeq: 1 ",
    ] {
        assert!(options(bad).is_err(), "{bad}");
    }
}

#[test]
fn cseq_numbers_over_31_bits_are_known_to_be_invalid() {
    assert!(ok("CSeq: 2147483647 A").cseq_valid());
    let message = ok("CSeq: 2147483648 A");
    assert_eq!(message.cseq(), Some(2_147_483_648));
    assert!(!message.cseq_valid());
    let message = ok("CSeq: 9999999999 A");
    assert!(!message.cseq_valid());
    assert_eq!(message.cseq_digits(), Some(&b"9999999999"[..]));
}

#[test]
fn a_quoted_contact_does_not_touch_the_next_display_name() {
    for (contact, display) in [("\"x\" <tel:1>", "Alice"), ("\"x\" *", "A")] {
        let message = ok(&format!("Contact: {contact}\r\nFrom: {display} <sip:a@b>"));
        assert_eq!(s(message.from().unwrap().display_name().unwrap()), display);
    }
}

#[test]
fn call_id_is_one_word_or_two() {
    for good in ["a", "a@b", "word%ZK-!.*_+'@word`~)(><:\\/\"][?}{", "a@b  "] {
        assert_eq!(s(ok(&format!("i: {good}")).call_id().unwrap()), good.trim_end());
    }
    for bad in ["", "a b", "a@b@c", "a;b", "a,b", "a=b", "@a", "a@"] {
        assert!(options(&format!("Call-ID: {bad}")).is_err(), "{bad}");
    }
}

#[test]
fn missing_and_repeated_core_headers_are_named_in_order() {
    let all = [
        "Via: SIP/2.0/UDP p;branch=z9hG4bK1",
        "From: <sip:a@b>;tag=1",
        "To: <sip:a@b>",
        "CSeq: 1 OPTIONS",
        "Call-ID: x",
        "Max-Forwards: 1",
        "Content-Length: 0",
    ];
    let names = ["Via", "From", "To", "CSeq", "Call-ID", "Max-Forwards", "Content-Length"];
    assert_eq!(ok(&all.join("\r\n")).missing_core_header(), None);
    assert_eq!(ok(&all.join("\r\n")).duplicated_core_header(), None);
    for i in 0..5 {
        let first = ok(&all[..i].join("\r\n")).missing_core_header();
        assert_eq!(first, Some(HeaderName::lookup(names[i].as_bytes())), "{}", names[i]);
    }
    for i in 1..all.len() {
        let lines = [&all[..], &all[i..]].concat();
        let first = ok(&lines.join("\r\n")).duplicated_core_header();
        assert_eq!(first, Some(HeaderName::lookup(names[i].as_bytes())), "{}", names[i]);
    }
    let repeated = ok("CSeq: 1 A\r\nCSeq: 2 B\r\nTo: <sip:x>;tag=1\r\nt: <sip:y>;tag=2");
    assert_eq!((repeated.cseq(), repeated.to_tag()), (Some(1), Some(&b"1"[..])));
}

#[test]
fn header_is_found_by_any_spelling() {
    let message = ok("X-Foo: 1\r\ni: c\r\nx-foo: 2\r\nz: 3");
    assert_eq!(message.header_named(b"x-FOO"), Some(&b"1"[..]));
    assert_eq!(message.header_all_named(b"X-Foo").count(), 2);
    assert_eq!(message.header_named(b"call-id"), Some(&b"c"[..]));
    assert_eq!(message.header(HeaderName::CallId), Some(&b"c"[..]));
    assert_eq!(message.header_named(b"Z"), Some(&b"3"[..]));
    assert_eq!(message.header_named(b"nope"), None);
    assert_eq!(message.header(HeaderName::Other), None);
}
