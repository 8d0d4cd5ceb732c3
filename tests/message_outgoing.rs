//! What leaves: stamped Vias, snapshots, header edits, replies, ACK and CANCEL.

use bytes::{Bytes, BytesMut};
use oversip::message::{
    ack_for, cancel_for, reply, HeaderName, Headers, Message, Method, RequestSnapshot, ResponseSnapshot,
};

fn s(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("ASCII in these examples")
}

fn message(text: &str) -> Message {
    Message::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap_or_else(|e| panic!("{text:?}: {e}")).0
}

const INVITE: &str = concat!(
    "INVITE sip:u@d.example SIP/2.0\r\n",
    "v: SIP/2.0/UDP 198.51.100.4:5072;branch=z9hG4bKbr1;rport\r\n",
    "f: \"Fay\" <sip:fay@d.example>;epid=3;tag=F1\r\n",
    "t: <sip:u@d.example>\r\n",
    "i: call-1\r\n",
    "CSeq: 31 INVITE\r\n",
    "m: <sip:fay@198.51.100.4>;expires=9\r\n\r\n",
);

mod stamping {
    use super::*;

    /// The top Via of a request with this Via value, received from 203.0.113.9:40000, and whether it asks for rport.
    fn stamped(via: &str) -> (String, bool) {
        let mut message = message(&format!("OPTIONS sip:a SIP/2.0\r\nVia: {via}\r\n\r\n"));
        let rport = message.stamp_via("203.0.113.9:40000".parse().unwrap());
        let value = s(message.via_values().next().unwrap()).to_owned();
        (value, rport)
    }

    #[test]
    fn sent_by_that_is_the_source_stays_as_it_is() {
        for via in [
            "SIP/2.0/UDP 203.0.113.9:5061;branch=z9hG4bKk",
            "SIP/2.0/UDP  203.0.113.9 ; Q=1 ; branch = z9hG4bKk",
        ] {
            assert_eq!(stamped(via), (via.to_owned(), false));
        }
    }

    #[test]
    fn domain_always_gets_received() {
        let (via, rport) = stamped("SIP/2.0/UDP gw.example;Q=1;branch=z9hG4bKk;alias=yes");
        assert_eq!(via, "SIP/2.0/UDP gw.example;branch=z9hG4bKk;received=203.0.113.9;alias;q=1");
        assert!(!rport);
    }

    #[test]
    fn rport_is_answered_and_what_the_peer_wrote_is_dropped() {
        let (via, rport) = stamped("SIP/2.0/UDP 203.0.113.9 ; rport=7 ; received=1.1.1.1;branch=z9hG4bKk");
        assert_eq!(via, "SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKk;received=203.0.113.9;rport=40000");
        assert!(rport);
    }

    #[test]
    fn missing_branch_does_not_hinder() {
        assert_eq!(stamped("SIP/2.0/UDP 10.9.9.9").0, "SIP/2.0/UDP 10.9.9.9;received=203.0.113.9");
    }

    #[test]
    fn spoofed_received_goes_even_if_the_source_need_not_be_noted() {
        let via = "SIP/2.0/UDP 203.0.113.9;received=1.1.1.1;branch=z9hG4bKk;x=\"a;b\"";
        assert_eq!(stamped(via), ("SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKk;x=\"a;b\"".to_owned(), false));
    }

    #[test]
    fn ipv6_is_compared_by_value_and_written_without_brackets() {
        let source = "[2001:db8::a]:40000".parse().unwrap();
        let mut own =
            message("OPTIONS sip:a SIP/2.0\r\nv: SIP/2.0/UDP [2001:DB8:0::A];branch=z9hG4bKk\r\n\r\n");
        own.stamp_via(source);
        assert_eq!(s(own.via_values().next().unwrap()), "SIP/2.0/UDP [2001:DB8:0::A];branch=z9hG4bKk");
        let mut other = message("OPTIONS sip:a SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bKk\r\n\r\n");
        other.stamp_via(source);
        assert_eq!(
            s(other.via_values().next().unwrap()),
            "SIP/2.0/UDP h;branch=z9hG4bKk;received=2001:db8::a"
        );
    }

    #[test]
    fn only_the_top_value_changes_also_within_a_line() {
        let mut m = message(
            "OPTIONS sip:a SIP/2.0\r\nX-A: 1\r\nv : SIP/2.0/UDP h;branch=z9hG4bKk ,\r\n SIP/2.0/TCP i;branch=b\r\nVia: SIP/2.0/TCP j\r\n\r\n",
        );
        m.stamp_via("1.2.3.4:5".parse().unwrap());
        let values: Vec<_> = m.via_values().map(s).collect();
        let top = "SIP/2.0/UDP h;branch=z9hG4bKk;received=1.2.3.4";
        assert_eq!(values, [top, "SIP/2.0/TCP i;branch=b", "SIP/2.0/TCP j"]);
        let mut out = BytesMut::new();
        Headers::from_message(&m).write_to(&mut out);
        let lines = format!("X-A: 1\r\nv : {top} ,\r\n SIP/2.0/TCP i;branch=b\r\nVia: SIP/2.0/TCP j\r\n");
        assert_eq!(s(&out), lines);
        assert_eq!(m.header(HeaderName::Via), Some(top.as_bytes()));
        assert_eq!(m.branch_id(), Some(&b"k"[..]));
    }

    #[test]
    fn message_without_via_is_left_alone() {
        let mut m = message("OPTIONS sip:a SIP/2.0\r\n\r\n");
        assert!(!m.stamp_via("1.2.3.4:5".parse().unwrap()));
        assert_eq!(m.via_values().count(), 0);
    }
}

mod snapshots {
    use super::*;

    #[test]
    fn tags_are_those_of_the_header_not_of_the_uri_or_of_another_parameter() {
        let texts = [
            ("\"B\" <sip:b@h;tag=no>;x=1; Tag=yes", Some("yes")),
            ("<sip:b@h>;tag=yes;p=\">\"", Some("yes")),
            ("\"<>;tag=no\" <sip:b@h> ; tag = yes", Some("yes")),
            ("sip:b@h;tag=yes", Some("yes")),
            ("<sip:b@h>;p=\";tag=no\"", None),
            ("<sip:b@h>;@;tag=yes", Some("yes")),
            ("<sip:b@h>", None),
            ("", None),
        ];
        for (text, tag) in texts {
            let mut snapshot = RequestSnapshot::from_message(&message(INVITE)).unwrap();
            snapshot.headers.replace(HeaderName::To, text.as_bytes());
            snapshot.headers.replace(HeaderName::From, text.as_bytes());
            assert_eq!([snapshot.to_tag(), snapshot.from_tag()].map(|tag| tag.map(s)), [tag, tag], "{text}");
        }
    }

    #[test]
    fn request_goes_out_with_its_received_lines_and_a_true_length() {
        let snapshot = RequestSnapshot::from_message(&message(INVITE)).unwrap();
        let expected = INVITE.replace("expires=9\r\n", "expires=9\r\nContent-Length: 0\r\n");
        assert_eq!(s(&snapshot.to_bytes()), expected);
        assert_eq!(snapshot.call_id(), Some(&b"call-1"[..]));
        assert_eq!(snapshot.cseq(), Some(31));
        assert_eq!(snapshot.to(), Some(&b"<sip:u@d.example>"[..]));
        assert_eq!(snapshot.from(), Some(&b"\"Fay\" <sip:fay@d.example>;epid=3;tag=F1"[..]));
        assert!(ResponseSnapshot::from_message(&message(INVITE)).is_none());
    }

    #[test]
    fn wrong_or_repeated_content_length_is_corrected_in_its_place() {
        let mut m = message("MESSAGE sip:a SIP/2.0\r\nl: 9\r\nX-A: 1\r\nContent-Length: 7\r\n\r\n");
        m.set_body(Bytes::from("hello"));
        let snapshot = RequestSnapshot::from_message(&m).unwrap();
        assert_eq!(
            s(&snapshot.to_bytes()),
            "MESSAGE sip:a SIP/2.0\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello"
        );
    }

    #[test]
    fn version_on_the_wire_is_always_the_same() {
        let request = RequestSnapshot::from_message(&message("FOO sip:a sip/7.1\r\n\r\n")).unwrap();
        assert_eq!(s(&request.to_bytes()), "FOO sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n");
        let response = ResponseSnapshot::from_message(&message("SIP/3.0 180 \r\n\r\n")).unwrap();
        assert_eq!(s(&response.to_bytes()), "SIP/2.0 180 \r\nContent-Length: 0\r\n\r\n");
    }

    #[test]
    fn line_ends_in_first_lines_become_spaces() {
        let mut request = RequestSnapshot::from_message(&message(INVITE)).unwrap();
        request.ruri = Bytes::from("sip:a\r\nX: y");
        request.method = Method::from_bytes(b"A\nB");
        request.headers = Headers::new();
        assert_eq!(s(&request.to_bytes()), "A B sip:a  X: y SIP/2.0\r\nContent-Length: 0\r\n\r\n");
        let response = ResponseSnapshot {
            status: 200,
            reason: Bytes::from("a\r\n b\0"),
            headers: Headers::new(),
            body: Bytes::new(),
        };
        assert_eq!(s(&response.to_bytes()), "SIP/2.0 200 a   b \r\nContent-Length: 0\r\n\r\n");
    }
}

mod header_edits {
    use super::*;

    fn headers(lines: &str) -> Headers {
        Headers::from_message(&message(&format!("OPTIONS sip:a SIP/2.0\r\n{lines}\r\n")))
    }

    fn text(headers: &Headers) -> String {
        let mut out = BytesMut::new();
        headers.write_to(&mut out);
        s(&out).to_owned()
    }

    #[test]
    fn replaced_header_keeps_its_place_and_loses_its_repetitions() {
        let mut h = headers("A: 1\r\nMax-forwards: 9\r\nB: 2\r\nAllow: x\r\nAllow: y\r\n");
        h.replace(HeaderName::MaxForwards, b"8");
        h.replace(HeaderName::Allow, b"z");
        h.replace(HeaderName::Reason, b"new");
        h.replace(HeaderName::Other, b"nothing");
        assert_eq!(text(&h), "A: 1\r\nMax-Forwards: 8\r\nB: 2\r\nAllow: z\r\nReason: new\r\n");
    }

    #[test]
    fn removed_header_is_gone_and_unknown_ones_stay() {
        let mut h = headers("Z-A: 1\r\nAllow: x\r\nZ-B: 2\r\nAllow: y\r\n");
        assert!(h.remove(HeaderName::Allow));
        assert!(!h.remove(HeaderName::Allow));
        assert!(!h.remove(HeaderName::Other));
        assert_eq!(text(&h), "Z-A: 1\r\nZ-B: 2\r\n");
        assert_eq!(h.len(), 2);
    }

    #[test]
    fn first_value_is_taken_from_its_line_only() {
        let mut h =
            headers("v: SIP/2.0/UDP a;x=\"1,2\" ,\r\n SIP/2.0/UDP b\r\nA: 1\r\nVia: SIP/2.0/UDP c\r\n");
        let mut taken = Vec::new();
        while let Some(value) = h.remove_top_value(HeaderName::Via) {
            taken.push((s(&value).to_owned(), text(&h)));
        }
        let rest = [
            "v: SIP/2.0/UDP b\r\nA: 1\r\nVia: SIP/2.0/UDP c\r\n",
            "A: 1\r\nVia: SIP/2.0/UDP c\r\n",
            "A: 1\r\n",
        ];
        let values = ["SIP/2.0/UDP a;x=\"1,2\"", "SIP/2.0/UDP b", "SIP/2.0/UDP c"];
        let expected: Vec<_> =
            values.iter().zip(rest).map(|(v, r)| ((*v).to_owned(), r.to_owned())).collect();
        assert_eq!(taken, expected);
    }

    #[test]
    fn first_value_is_replaced_in_its_line() {
        let mut h = headers("Route: <sip:a>, <sip:b,c@h>\r\nA: 1\r\n");
        h.replace_top_value(HeaderName::Route, b"<sip:x>");
        assert_eq!(text(&h), "Route: <sip:x>, <sip:b,c@h>\r\nA: 1\r\n");
        h.replace_top_value(HeaderName::Path, b"<sip:p>");
        assert_eq!(text(&h), "Route: <sip:x>, <sip:b,c@h>\r\nA: 1\r\nPath: <sip:p>\r\n");
        assert_eq!(h.list(HeaderName::Route).map(s).collect::<Vec<_>>(), ["<sip:x>", "<sip:b,c@h>"]);
    }

    #[test]
    fn pushed_headers_cannot_smuggle_lines() {
        let mut h = Headers::new();
        assert!(h.push(b"X-A", b"1\r\nEvil: 2\r\n"));
        assert!(h.push_front(b"X-B", b"\r\n folded\r\n on"));
        for name in [&b""[..], b"a b", b"a:", b"a\r\n", b"\xff"] {
            assert!(!h.push(name, b"v"));
            assert!(!h.push_front(name, b"v"));
        }
        assert_eq!(text(&h), "X-B: folded\r\n on\r\nX-A: 1  Evil: 2  \r\n");
    }

    #[test]
    fn fields_show_name_and_value_as_received() {
        let h = headers("x-a  : 1 , 2 \r\nt: <sip:a> \r\nE:\r\n");
        let fields: Vec<_> = h.iter().map(|f| (s(f.name_text()), s(f.value()))).collect();
        assert_eq!(fields, [("x-a", "1 , 2 "), ("t", "<sip:a>"), ("E", "")]);
        assert_eq!(h.first(HeaderName::To), Some(&b"<sip:a>"[..]));
        assert!(Headers::new().is_empty());
    }
}

mod replies {
    use super::*;

    #[test]
    fn reply_has_its_lines_in_order() {
        let extra = [Bytes::from("X-A: 1"), Bytes::from("Retry-After:5")];
        let bytes = reply(&message(INVITE), 404, b"Not Found", Some(b"T"), &extra, b"body", b"OverSIP/2.0.4");
        let expected = concat!(
            "SIP/2.0 404 Not Found\r\n",
            "Via: SIP/2.0/UDP 198.51.100.4:5072;branch=z9hG4bKbr1;rport\r\n",
            "From: \"Fay\" <sip:fay@d.example>;epid=3;tag=F1\r\n",
            "To: <sip:u@d.example>;tag=T\r\n",
            "Call-ID: call-1\r\n",
            "CSeq: 31 INVITE\r\n",
            "Content-Length: 4\r\n",
            "X-A: 1\r\n",
            "Retry-After:5\r\n",
            "Server: OverSIP/2.0.4\r\n\r\nbody",
        );
        assert_eq!(s(&bytes), expected);
    }

    #[test]
    fn stamped_via_and_all_others_are_copied() {
        let mut request =
            message(&INVITE.replace("rport\r\n", "rport, SIP/2.0/TCP b\r\nVia: SIP/2.0/WS c\r\n"));
        request.stamp_via("203.0.113.9:40000".parse().unwrap());
        let bytes = reply(&request, 100, b"Trying", None, &[], b"", b"");
        let response = message(s(&bytes));
        let vias: Vec<_> = response.via_values().map(s).collect();
        let top = "SIP/2.0/UDP 198.51.100.4:5072;branch=z9hG4bKbr1;received=203.0.113.9;rport=40000";
        assert_eq!(vias, [top, "SIP/2.0/TCP b", "SIP/2.0/WS c"]);
        assert_eq!(response.to_tag(), None);
        assert_eq!(response.header(HeaderName::Server), None);
    }

    #[test]
    fn in_dialog_request_gets_no_second_tag() {
        let request = message(&INVITE.replace("t: <sip:u@d.example>", "t: <sip:u@d.example>;tag=tt"));
        let response = message(s(&reply(&request, 200, b"OK", Some(b"tt"), &[], b"", b"x")));
        assert_eq!(response.to_value(), Some(&b"<sip:u@d.example>;tag=tt"[..]));
    }

    #[test]
    fn foreign_text_cannot_end_the_head() {
        let extra =
            ["X: a\r\n\r\nb", "\r\nY: 1", " Z: 1", "no colon", "F: a\r\n b\0", "W : x"].map(Bytes::from);
        let bytes = reply(&message(INVITE), 500, b"x\r\n\r\ny", Some(b"T\r\n"), &extra, b"", b"p\r\nq");
        let text = s(&bytes);
        assert!(text.starts_with("SIP/2.0 500 x    y\r\n"));
        assert!(text.contains("To: <sip:u@d.example>;tag=T  \r\n"));
        assert!(
            text.ends_with("Content-Length: 0\r\nX: a    b\r\nF: a\r\n b \r\nW: x\r\nServer: p  q\r\n\r\n")
        );
    }

    /// Found by fuzzing: a quoted zero byte came back as a blank (RFC 3261 8.2.6.2: the values are those of the request).
    #[test]
    fn quoted_zero_bytes_are_copied() {
        let text = INVITE.replace("rport", "rport;x=\"\\\0\"").replace("\"Fay\"", "\"F\\\0\"");
        let mut request = message(&text);
        request.stamp_via("203.0.113.9:40000".parse().unwrap());
        let bytes = reply(&request, 404, b"", Some(b"T"), &[], b"", b"");
        let response = message(s(&bytes));
        assert!(response.via_values().eq(request.via_values()));
        assert_eq!(response.from_value(), request.from_value());
        let mut forwarded = Headers::from_message(&request);
        assert!(forwarded.list(HeaderName::Via).eq(request.via_values()));
        forwarded.push_front(b"Via", b"SIP/2.0/UDP me;branch=z9hG4bKme");
        assert_eq!(
            forwarded.remove_top_value(HeaderName::Via).as_deref(),
            Some(&b"SIP/2.0/UDP me;branch=z9hG4bKme"[..])
        );
        assert!(forwarded.list(HeaderName::Via).eq(request.via_values()));
    }

    #[test]
    fn cseq_that_is_too_large_is_still_copied() {
        let request = message(&INVITE.replace("CSeq: 31", "CSeq: 09999999999").replace("099999", "99999"));
        assert!(s(&reply(&request, 400, b"", None, &[], b"", b"")).contains("CSeq: 9999999999 INVITE\r\n"));
    }
}

mod ack_and_cancel {
    use super::*;

    const SENT: &str = concat!(
        "INVITE sip:u@d.example;x SIP/2.0\r\n",
        "Via: SIP/2.0/TCP me.example;branch=z9hG4bKmine, SIP/2.0/UDP 198.51.100.4;branch=z9hG4bKup\r\n",
        "Via: SIP/2.0/UDP other;branch=z9hG4bKo\r\n",
        "Record-Route: <sip:me.example;lr>\r\n",
        "Route: <sip:r1;lr>, <sip:r2;lr>\r\n",
        "Route: <sip:r3;lr>\r\n",
        "Max-Forwards: 69\r\n",
        "From: <sip:f@d.example>;tag=F1\r\n",
        "To: <sip:u@d.example>\r\n",
        "Call-ID: call-1\r\n",
        "CSeq: 0031 INVITE\r\n",
        "Contact: <sip:f@h>\r\n",
        "Content-Length: 4\r\n\r\n",
    );

    fn sent() -> RequestSnapshot {
        let mut request = message(SENT);
        request.set_body(Bytes::from("body"));
        RequestSnapshot::from_message(&request).unwrap()
    }

    #[test]
    fn ack_is_the_invite_as_sent_with_the_to_of_the_response() {
        let response = message("SIP/2.0 486 Busy\r\nTo: <sip:u@d.example>;tag=R\r\nCSeq: 31 INVITE\r\n\r\n");
        let expected = concat!(
            "ACK sip:u@d.example;x SIP/2.0\r\n",
            "Via: SIP/2.0/TCP me.example;branch=z9hG4bKmine\r\n",
            "Route: <sip:r1;lr>, <sip:r2;lr>\r\n",
            "Route: <sip:r3;lr>\r\n",
            "Max-Forwards: 69\r\n",
            "From: <sip:f@d.example>;tag=F1\r\n",
            "To: <sip:u@d.example>;tag=R\r\n",
            "Call-ID: call-1\r\n",
            "CSeq: 31 ACK\r\n",
            "Content-Length: 0\r\n\r\n",
        );
        assert_eq!(s(&ack_for(&sent(), &response)), expected);
    }

    #[test]
    fn cancel_has_the_to_of_the_invite_and_the_reasons() {
        let reasons = [Bytes::from("SIP;cause=200"), Bytes::from("Q.850;cause=16\r\nX: y")];
        let expected = concat!(
            "CANCEL sip:u@d.example;x SIP/2.0\r\n",
            "Via: SIP/2.0/TCP me.example;branch=z9hG4bKmine\r\n",
            "Route: <sip:r1;lr>, <sip:r2;lr>\r\n",
            "Route: <sip:r3;lr>\r\n",
            "Max-Forwards: 69\r\n",
            "From: <sip:f@d.example>;tag=F1\r\n",
            "To: <sip:u@d.example>\r\n",
            "Call-ID: call-1\r\n",
            "CSeq: 31 CANCEL\r\n",
            "Reason: SIP;cause=200\r\n",
            "Reason: Q.850;cause=16  X: y\r\n",
            "Content-Length: 0\r\n\r\n",
        );
        assert_eq!(s(&cancel_for(&sent(), &reasons)), expected);
    }
}
