//! Worked examples of URIs, first lines and headers: each row is an input and its result.

use bytes::Bytes;
use oversip::message::{
    compare_ips, compare_pure_ips, headerize, ip_type, normalize_ipv6, parse_haproxy, parse_udp_flow,
    HeaderName, HostType, IpType, Message, Method, NameAddrRef, ParseProgress, Parser, Scheme, Started,
    SyntaxError, TransportParam, UriRef,
};

fn s(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("ASCII in these examples")
}

fn uri(text: &str) -> UriRef<'_> {
    UriRef::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} must parse"))
}

fn uri_params(text: &str) -> Vec<(String, Option<String>)> {
    let own = |b: &[u8]| s(b).to_owned();
    uri(text).params().map(|(key, value)| (own(key), value.map(own))).collect()
}

/// A message of the first line `OPTIONS sip:a@b SIP/2.0` and these header lines.
fn options(lines: &str) -> Result<Message, SyntaxError> {
    let lines = if lines.is_empty() { String::new() } else { format!("{lines}\r\n") };
    let text = format!("OPTIONS sip:a@b SIP/2.0\r\n{lines}\r\n");
    let mut parser = Parser::new();
    match parser.feed(text.as_bytes()) {
        ParseProgress::Head { len } => {
            assert_eq!(len, text.len());
            Ok(parser.take(Bytes::from(text)).expect("a complete head"))
        }
        ParseProgress::Error(error) => Err(error),
        other => panic!("{lines:?}: {other:?}"),
    }
}

fn ok(lines: &str) -> Message {
    options(lines).unwrap_or_else(|error| panic!("{lines:?}: {error}"))
}

/// Values grouped by canonical name in order of first appearance, as the Ruby Hash has them.
fn headers(message: &Message) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for (_, name, value) in message.values() {
        let name = s(&headerize(name)).to_owned();
        let value = s(value).to_owned();
        match groups.iter_mut().find(|(n, _)| *n == name) {
            Some((_, values)) => values.push(value),
            None => groups.push((name, vec![value])),
        }
    }
    groups
}

fn header(name: &str, values: &[&str]) -> (String, Vec<String>) {
    (name.to_owned(), values.iter().map(|v| (*v).to_owned()).collect())
}

mod uris {
    use super::*;

    #[test]
    fn e1_e2_scheme_and_host_are_case_insensitive_and_the_text_is_kept() {
        let u = uri("SIP:Carol@PBX.Example.ORG.");
        assert_eq!(u.scheme(), Scheme::Sip);
        assert_eq!(s(u.user().unwrap()), "Carol");
        assert_eq!(u.host_normalised().as_deref(), Some("pbx.example.org"));
        assert_eq!(s(u.host().unwrap()), "PBX.Example.ORG.");
        assert_eq!(u.host_type(), Some(HostType::Domain));
        assert_eq!(s(u.text), "SIP:Carol@PBX.Example.ORG.");
        assert_eq!(s(&u.aor().unwrap()), "sip:Carol@pbx.example.org");
    }

    #[test]
    fn e4_ipv6_reference_is_normalised() {
        let text = "sips:[2001:DB8:0:0::00A]:6061;MAddr=X";
        let u = uri(text);
        assert_eq!(u.scheme(), Scheme::Sips);
        assert_eq!(u.host_normalised().as_deref(), Some("[2001:db8::a]"));
        assert_eq!(u.host_type(), Some(HostType::Ipv6Reference));
        assert_eq!(u.port(), Some(6061));
        assert_eq!(uri_params(text), [("MAddr".into(), Some("X".into()))]);
        assert_eq!(u.param(b"maddr"), Some(Some(&b"X"[..])));
    }

    #[test]
    fn e5_e7_user_is_unescaped_and_includes_the_password() {
        assert_eq!(s(&uri("sip:d%40q%20r@h.example").user_unescaped().unwrap()), "d@q r");
        assert_eq!(s(uri("sip:d:secret@h.example").user().unwrap()), "d:secret");
        assert_eq!(uri("sip:h.example").user(), None);
    }

    #[test]
    fn e8_known_parameters_are_found_in_any_case() {
        let text = "sip:h.example;Transport=WsS;LR;OB=1;OvId=Q9";
        let u = uri(text);
        assert_eq!(u.transport(), Some(TransportParam::Wss));
        assert!(u.lr());
        assert!(u.ob());
        assert_eq!(u.ovid(), Some(&b"Q9"[..]));
        let keys: Vec<_> = uri_params(text).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["Transport", "LR", "OB", "OvId"]);
        assert_eq!(u.param(b"lr"), Some(None));
        assert!(!uri("sip:h.example").lr());
        assert!(uri("sip:h;lr=").lr());
    }

    #[test]
    fn e9_other_transports_are_handed_on() {
        assert_eq!(uri("sip:h.example;transport=QUIC").transport(), Some(TransportParam::Other(b"QUIC")));
        assert_eq!(uri("sip:h.example;transport").transport(), None);
        assert_eq!(uri("sip:h.example;transport=a/b").transport(), None);
    }

    #[test]
    fn e10_a_key_with_nothing_behind_its_equals_sign_has_an_empty_value() {
        let expected = [("k".to_owned(), Some(String::new())), ("K".to_owned(), Some("2".to_owned()))];
        assert_eq!(uri_params("sip:h.example;k=;K=2"), expected);
        assert_eq!(uri("sip:h;a=1;A=2").param(b"a"), Some(Some(&b"2"[..])));
    }

    #[test]
    fn e11_e12_headers_need_an_equals_sign() {
        assert_eq!(uri("sip:h.example?Subject=hi&X=").headers(), Some(&b"?Subject=hi&X="[..]));
        assert_eq!(uri("sip:h.example").headers(), None);
        assert!(UriRef::parse(b"sip:h.example?Subject").is_none());
    }

    #[test]
    fn e13_e14_ports_are_bounded() {
        for bad in ["65536", "0", "00000", "00080", "99999", "123456", ""] {
            assert!(UriRef::parse(format!("sip:h.example:{bad}").as_bytes()).is_none(), "{bad}");
        }
        assert_eq!(uri("sip:h.example:0070").port(), Some(70));
        assert_eq!(uri("sip:h.example:65535").port(), Some(65535));
        assert_eq!(uri("sip:h.example").port(), None);
    }

    #[test]
    fn e15_e19_hosts_that_are_none_fail() {
        for bad in
            ["sip:x@10.1.2", "sip:a@b\0", "sip:", "sip:@h", "sip:a@", " sip:h", "sip:h ", "<sip:h>", "h", ""]
        {
            assert!(UriRef::parse(bad.as_bytes()).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn e16_e17_telephone_numbers_lose_their_separators() {
        let text = "TEL:+1(555)-01.00;Phone-Context=Ex.ORG.;Ext=7";
        let u = uri(text);
        assert_eq!(u.scheme(), Scheme::Tel);
        assert_eq!(s(&u.number().unwrap()), "+15550100");
        assert_eq!(s(&u.phone_context().unwrap()), "ex.org");
        let expected = [
            ("Phone-Context".to_owned(), Some("Ex.ORG.".to_owned())),
            ("Ext".to_owned(), Some("7".to_owned())),
        ];
        assert_eq!(uri_params(text), expected);
        assert_eq!(s(&u.aor().unwrap()), "tel:+15550100");
        assert_eq!(u.user(), None);
        assert_eq!(s(&uri("tel:7-AbC#*").number().unwrap()), "7abc#*");
        assert_eq!(s(&uri("tel:7;phone-context=+1-2").phone_context().unwrap()), "+1-2");
        assert_eq!(uri("tel:7;phone-context=12").phone_context(), None);
        for bad in ["tel:", "tel:+", "tel:-", "tel:+1a", "tel:1;x=", "tel:1;a_b", "tel:1;"] {
            assert!(UriRef::parse(bad.as_bytes()).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn e18_other_schemes_are_opaque() {
        let u = uri("URN:Service:SOS");
        assert_eq!(u.scheme(), Scheme::Other(b"URN"));
        assert_eq!(s(u.text), "URN:Service:SOS");
        assert_eq!(u.aor(), None);
        assert_eq!(u.param(b"x"), None);
        assert_eq!((u.user(), u.host(), u.port()), (None, None, None));
        for good in ["foo:", "http://u@[::1]:80/x?y", "http://[2001:db8::1]", "mailto:a@b", "x+y-z.1:/"] {
            assert!(UriRef::parse(good.as_bytes()).is_some(), "{good:?}");
        }
        for bad in
            ["foo:a#b", "http://[::x]/", "http:/[::1]", "http://[::1]x", "1a:b", "a b:c", "http://a/[::1]"]
        {
            assert!(UriRef::parse(bad.as_bytes()).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn user_part_may_hold_what_looks_like_parameters() {
        assert_eq!(s(uri("sip:+1;x=y?z#/@h").user().unwrap()), "+1;x=y?z#/");
        assert!(UriRef::parse(b"sip:a%4@h").is_none());
        assert!(UriRef::parse(b"sip:a@b@h").is_none());
    }
}

mod name_addrs {
    use super::*;

    fn name_addr(text: &str) -> NameAddrRef<'_> {
        NameAddrRef::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} must parse"))
    }

    #[test]
    fn e25_display_name_of_tokens_keeps_its_blanks() {
        let n = name_addr("Dan  Roe <sip:d@h>");
        assert_eq!(s(n.display_name().unwrap()), "Dan  Roe");
        assert_eq!(s(n.uri().text), "sip:d@h");
    }

    #[test]
    fn e26_quoted_display_name_keeps_its_backslashes() {
        let n = name_addr(r#""A \"q\" B"<sips:d@h;x=1>;tag=z"#);
        assert_eq!(s(n.display_name().unwrap()), r#"A \"q\" B"#);
        assert_eq!(s(n.uri().text), "sips:d@h;x=1");
        assert_eq!(name_addr("\"\" <sip:d@h>").display_name(), None);
        assert_eq!(name_addr("<sip:d@h>").display_name(), None);
    }

    #[test]
    fn e27_without_brackets_parameters_belong_to_the_header() {
        let n = name_addr("sip:d@h;x=1");
        assert_eq!(n.uri().params().count(), 0);
        assert_eq!(s(n.uri().text), "sip:d@h");
    }

    #[test]
    fn e28_and_others_that_are_no_name_addr() {
        for bad in [
            "<sip:d@h>,<sip:e@h>",
            "\"x\\",
            "\"x\\\" <sip:d@h>",
            "<sip:d@h",
            "a<b<sip:h>",
            "",
            "x",
            "sip:d@h?a=b",
            "sip:d,e@h",
            "<sip:d@h>;a=b/c",
            "<sip:d@h>;a=",
            "<sip:d@h>;tag=\"x\"",
            "<>",
            "\u{e4}",
            "\"\"x\"\" <sip:d@h>",
        ] {
            assert!(NameAddrRef::parse(bad.as_bytes()).is_none(), "{bad:?}");
        }
    }
}

mod first_lines {
    use super::*;

    fn feed(text: &str) -> (ParseProgress, Parser) {
        let mut parser = Parser::new();
        (parser.feed(text.as_bytes()), parser)
    }

    fn error_at(text: &str) -> usize {
        match feed(text).0 {
            ParseProgress::Error(error) => error.offset,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn e30_two_line_ends_are_a_keepalive() {
        let (progress, parser) = feed("\r\n\r\n");
        assert_eq!(progress, ParseProgress::Keepalive { len: 4 });
        assert!(parser.is_finished());
        assert_eq!(parser.started(b"\r\n\r\n"), Started::Keepalive);
        assert_eq!(feed("\r\n\r\nOPTIONS sip:a SIP/2.0\r\n\r\n").0, ParseProgress::Keepalive { len: 4 });
    }

    #[test]
    fn e31_one_line_end_before_a_message_is_skipped() {
        let text = "\r\nBYE sip:a@b SIP/2.0\r\n\r\nZZ";
        let (progress, mut parser) = feed(text);
        assert_eq!(progress, ParseProgress::Head { len: 25 });
        let message = parser.take(Bytes::from(text)).unwrap();
        assert_eq!(message.method(), Some(&Method::Bye));
        assert_eq!(message.head_bytes().len(), 25);
    }

    #[test]
    fn e32_incomplete_is_no_error() {
        let text = "BYE sip:a@b SIP/2";
        let (progress, parser) = feed(text);
        assert_eq!(progress, ParseProgress::Incomplete);
        assert_eq!(parser.nread(), 17);
        assert_eq!(parser.started(text.as_bytes()), Started::Request);
        let partial = parser.partial(&Bytes::from(text)).unwrap();
        assert_eq!(partial.method(), Some(&Method::Bye));
        assert!(partial.ruri().is_none());
        for (text, started) in [
            ("", Started::Nothing),
            ("\r\n", Started::Nothing),
            ("INVITE", Started::Nothing),
            ("SIP/2.0", Started::Nothing),
            ("SIP/2.0 ", Started::Response),
            ("SIP ", Started::Request),
        ] {
            let (progress, parser) = feed(text);
            assert_eq!(progress, ParseProgress::Incomplete, "{text:?}");
            assert_eq!(parser.started(text.as_bytes()), started, "{text:?}");
        }
    }

    #[test]
    fn e33_e36_offending_bytes_are_found() {
        assert_eq!(error_at("BYE <sip:a@b> SIP/2.0\r\n\r\n"), 4);
        assert_eq!(error_at("SIP/2.0 200x\r\n\r\n"), 11);
        assert_eq!(error_at("BYE  sip:a@b SIP/2.0\r\n\r\n"), 4);
        assert_eq!(error_at("BYE sip:a@b HTTP/1.1\r\n\r\n"), 12);
        assert_eq!(error_at("HTTP/1.1 200 OK\r\n\r\n"), 4);
        assert_eq!(error_at("SIP/2.0 099 x\r\n\r\n"), 8);
        assert_eq!(error_at("SIP/2.0 700 x\r\n\r\n"), 8);
        assert_eq!(error_at("BYE sip:a@b SIP/2.0 \r\n\r\n"), 19);
        assert_eq!(error_at("BYE sip:a@b SIP/2.0\n\n"), 19);
        assert_eq!(error_at("SIP/2.0 200 a\nb\r\n\r\n"), 13);
        assert_eq!(error_at("\r\n\rx"), 3);
        assert_eq!(error_at("\rx"), 1);
        assert_eq!(error_at("\u{1}"), 0);
    }

    #[test]
    fn error_shows_before_the_line_ends_and_keeps_the_partial_message() {
        let text = "BYE <sip";
        let (progress, parser) = feed(text);
        assert_eq!(progress, ParseProgress::Error(SyntaxError { offset: 4, line: 1 }));
        assert_eq!(parser.nread(), 4);
        assert!(parser.is_failed());
        assert_eq!(parser.started(text.as_bytes()), Started::Request);
    }

    #[test]
    fn e34_unknown_methods_and_odd_versions_pass() {
        let text = "bye sip:a@b sip/2.10\r\n\r\n";
        let (message, len) = Message::parse(Bytes::from(text)).unwrap();
        assert_eq!(len, text.len());
        assert_eq!(message.method(), Some(&Method::from_bytes(b"bye")));
        assert!(!message.method().unwrap().is_known());
        assert_eq!(s(message.version()), "sip/2.10");
        assert!(Message::parse(Bytes::from("SIP sip:a@b SIP/7.0\r\n\r\n")).unwrap().0.is_request());
    }

    #[test]
    fn e35_reason_phrase_may_be_empty() {
        let (message, _) = Message::parse(Bytes::from("SIP/2.0 200 \r\n\r\n")).unwrap();
        assert_eq!(message.status(), Some(200));
        assert_eq!(message.reason(), b"");
        assert!(!message.is_request());
        assert_eq!(message.method(), None);
        let (message, _) =
            Message::parse(Bytes::from(&b"SIP/2.0 699 a \0\xff\r\nCSeq: 1 FOO\r\n\r\n"[..])).unwrap();
        assert_eq!(message.reason(), b"a \0\xff");
        assert_eq!(message.method().unwrap().as_bytes(), b"FOO");
    }

    #[test]
    fn e37_misuse_is_an_error_and_no_panic() {
        let mut parser = Parser::new();
        assert_eq!(parser.feed(b"BYE sip:a@b SIP/2.0\r\n"), ParseProgress::Incomplete);
        assert!(matches!(parser.feed(b"BYE"), ParseProgress::Error(_)));
        let (_, mut parser) = feed("\r\n\r\n");
        assert!(matches!(parser.feed(b"\r\n\r\n"), ParseProgress::Error(_)));
        assert!(parser.take(Bytes::new()).is_none());
        parser.reset();
        assert_eq!((parser.nread(), parser.is_finished(), parser.is_failed()), (0, false, false));
    }
}

mod header_lines {
    use super::*;

    fn error_at(lines: &str) -> usize {
        match options(lines) {
            Err(error) => error.offset,
            Ok(message) => panic!("{lines:?} gave {message:?}"),
        }
    }

    #[test]
    fn e38_to_e41_generic_values_are_kept_as_they_are() {
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
    fn e42_via_is_taken_apart() {
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
    fn e43_via_values_are_split() {
        let message =
            ok("Via: SIP/2.0/TCP p;branch=z9hG4bK1 , SIP/2.0/UDP q\r\nv: SIP / 2.0 / TLS [::1] : 5061");
        let values: Vec<_> = message.via_values().map(s).collect();
        let expected = ["SIP/2.0/TCP p;branch=z9hG4bK1", "SIP/2.0/UDP q", "SIP / 2.0 / TLS [::1] : 5061"];
        assert_eq!(values, expected);
        assert_eq!(message.num_vias(), 3);
    }

    #[test]
    fn e44_e45_only_one_true_branch_is_one_of_rfc_3261() {
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
    fn e46_e47_from_and_its_tag() {
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
    fn e48_tag_without_its_value_is_an_error_after_the_fold_that_does_not_come() {
        assert_eq!(error_at("To: <sip:e@h>;tag="), 45);
        assert_eq!(ok("To: <sip:e@h>;tag").to_tag(), None);
        assert_eq!(ok("To: <sip:e@h> ; tag =\r\n a").to_tag(), Some(&b"a"[..]));
        assert_eq!(ok("To: tel:+1;tag=a").to_tag(), Some(&b"a"[..]));
    }

    #[test]
    fn e49_to_e51_contacts() {
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
    fn e52_e53_routes_need_brackets() {
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
    fn e54_e55_option_tags() {
        let message = ok("Supported: Path , GRUU\r\nk: \r\nSupported: 100rel");
        assert_eq!(message.supported(), [&b"path"[..], b"gruu", b"100rel"]);
        assert_eq!(headers(&message), [header("Supported", &["Path , GRUU", "", "100rel"])]);
        assert_eq!(error_at("Require: "), 36);
        assert_eq!(ok("Supported: ,outbound").supported(), [b"outbound"]);
        assert_eq!(ok("Require: a\r\nProxy-Require: B").proxy_require(), [b"b"]);
        assert!(ok("X-A: 1").require().is_empty());
    }

    #[test]
    fn e56_to_e59_numbers_are_decimal_and_blanks_behind_them_do_not_matter() {
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
    fn e60_e61_a_quoted_contact_does_not_touch_the_next_display_name() {
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
}

mod names_and_addresses {
    use super::*;

    #[test]
    fn e76_to_e82_canonical_names() {
        for (name, canonical) in [
            ("p-foo_BAR", "P-Foo_Bar"),
            ("i", "Call-ID"),
            ("I", "Call-ID"),
            ("z", "z"),
            ("Z", "z"),
            ("www-AUTHENTICATE", "WWW-Authenticate"),
            ("rSEQ", "Rseq"),
        ] {
            assert_eq!(s(&headerize(name.as_bytes())), canonical);
        }
    }

    #[test]
    fn e83_to_e87_addresses_and_what_carries_them() {
        assert_eq!(ip_type(b"::FFFF:10.0.0.1"), Some(IpType::Ipv6));
        assert_eq!(ip_type(b"[::2]"), Some(IpType::Ipv6Reference));
        assert_eq!(ip_type(b"10.0.0.256"), None);
        assert_eq!(compare_ips(b"[fd00::0:5]", b"FD00::5"), Some(true));
        assert_eq!(compare_pure_ips(b"[fd00::0:5]", b"FD00::5"), None);
        assert_eq!(compare_ips(b"h", b"10.0.0.1"), None);
        assert_eq!(normalize_ipv6(b"[FD00:0::05]", false).as_deref(), Some("[fd00::5]"));
        assert_eq!(normalize_ipv6(b"[FD00:0::05]", true).as_deref(), Some("fd00::5"));
        assert_eq!(normalize_ipv6(b"10.0.0.1", false), None);
        assert_eq!(parse_udp_flow(b"fd00::5_5070"), Some(("fd00::5".parse().unwrap(), 5070)));
        assert_eq!(parse_udp_flow(b"10.0.0.1_0"), None);
        assert_eq!(parse_udp_flow(b"10.0.0.1_0070"), Some(("10.0.0.1".parse().unwrap(), 70)));
        let line = b"PROXY TCP4 10.0.0.1 10.0.0.2 4000 5061\r\nREGI";
        assert_eq!(parse_haproxy(line), Some((40, "10.0.0.1".parse().unwrap(), 4000)));
    }
}
