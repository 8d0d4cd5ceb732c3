//! The torture messages of RFC 4475 and RFC 5118 against tests/torture/table.txt, and what the RFCs say about single ones.

#[path = "message_support/mod.rs"]
mod message_support;

use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::Bytes;
use message_support::{forward, round_trip, serialise, shown, touch};
use oversip::message::{
    datagram, Datagram, Defect, Frame, HeaderName, Message, Method, ParseError, ParseProgress, Parser,
    Scheme, StreamFramer,
};

struct Row {
    name: String,
    verdict: String,
    rfc_answer: String,
    parse: String,
    receipt: String,
    relay: String,
    deviation: String,
    bytes: Bytes,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture")
}

fn read(name: &str) -> Bytes {
    let path = folder().join(name).with_extension("dat");
    Bytes::from(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn table() -> Vec<Row> {
    let text = std::fs::read_to_string(folder().join("table.txt")).expect("the table");
    let rows = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|line| {
        // Blanks right of the offending byte matter, so columns are not trimmed but cut at " | ".
        let columns: Vec<&str> = line.strip_suffix(" |").unwrap_or(line).split(" | ").collect();
        let column = |at: usize| columns.get(at).copied().unwrap_or_default().to_owned();
        assert!(columns.len() >= 7 && column(1).starts_with(|c: char| c.is_ascii_digit()), "{line}");
        Row {
            name: column(0),
            verdict: column(2),
            rfc_answer: column(3),
            parse: column(4),
            receipt: column(5),
            relay: column(6),
            deviation: column(7),
            bytes: read(&column(0)),
        }
    })
    .collect()
}

fn message(name: &str) -> Message {
    let bytes = read(name);
    let (mut message, len) = Message::parse(bytes.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
    let rest = bytes.slice(len..);
    let body_len = message.content_length().map_or(rest.len(), |len| rest.len().min(len as usize));
    message.set_body(rest.slice(..body_len));
    message
}

/// The name of the header with the byte at this offset.
fn line_at(bytes: &[u8], offset: usize) -> String {
    let Some(before) = bytes[..offset].iter().rposition(|b| *b == b'\n') else {
        return "first line".to_owned();
    };
    let line = &bytes[before + 1..];
    shown(line.split(|b| *b == b':').next().unwrap_or_default())
}

#[test]
fn table_has_each_message_once() {
    let mut names: Vec<String> = table().into_iter().map(|row| row.name).collect();
    names.sort();
    let mut files = Vec::new();
    for rfc in ["rfc4475", "rfc5118"] {
        for entry in std::fs::read_dir(folder().join(rfc)).expect("a folder") {
            let path = entry.expect("a file").path();
            files.push(format!("{rfc}/{}", path.file_stem().expect("a name").to_string_lossy()));
        }
    }
    files.sort();
    assert_eq!(names, files);
    assert_eq!(names.iter().filter(|name| name.starts_with("rfc4475/")).count(), 49);
}

#[test]
fn messages_parse_or_fail_at_the_byte_of_the_table() {
    for row in table() {
        match Message::parse(row.bytes.clone()) {
            Ok(_) => assert_eq!(row.parse, "ok", "{}", row.name),
            Err(ParseError::Syntax(error)) => {
                let (line, text) = row.parse.split_once(": ").unwrap_or_else(|| panic!("{} fails", row.name));
                assert_eq!(line_at(&row.bytes, error.offset), line, "{}", row.name);
                let found = &row.bytes[error.offset..];
                assert!(found.starts_with(text.as_bytes()), "{}: {}", row.name, shown(&found[..20]));
            }
            Err(error) => panic!("{}: {error}", row.name),
        }
    }
}

#[test]
fn datagrams_are_taken_refused_or_dropped_as_the_table_says() {
    for row in table() {
        let (receipt, answer) = match datagram(row.bytes.clone()) {
            Datagram::Message(_) => ("message".to_owned(), None),
            Datagram::Refused { status, reason, .. } => {
                ("refused".to_owned(), Some(format!("{status} {reason}")))
            }
            Datagram::Failed { defect: Defect::Syntax(_), .. } => {
                ("dropped syntax error".to_owned(), Some("none".into()))
            }
            Datagram::Failed { defect, .. } => (format!("dropped {defect}"), Some("none".into())),
            other => panic!("{}: {other:?}", row.name),
        };
        assert_eq!(receipt, row.receipt, "{}", row.name);
        assert_eq!(answer.unwrap_or_else(|| row.relay.clone()), row.relay, "{}", row.name);
    }
}

/// A row is marked exactly when the RFC asks for something else.
#[test]
fn deviations_from_the_rfcs_are_marked_with_both_references() {
    for row in table() {
        let accepted = row.receipt == "message";
        let answered = row.relay.split(' ').next().unwrap_or_default();
        let deviates = match row.verdict.as_str() {
            "valid" => !accepted,
            "invalid" => accepted,
            _ => false,
        } || (row.rfc_answer != "any" && row.rfc_answer != answered);
        assert_eq!(row.deviation.starts_with("deviation: "), deviates, "{}", row.name);
        let rfc = row.name.replacen("rfc", "RFC ", 1);
        let rfc = rfc.split('/').next().unwrap_or_default();
        let references = row.deviation.contains(rfc) && row.deviation.contains("docs/mended.md");
        assert_eq!(references, deviates, "{}", row.name);
    }
}

#[test]
fn what_parses_is_the_same_after_serialising() {
    let mut round_trips = 0;
    for row in table().iter().filter(|row| row.parse == "ok") {
        let message = message(&row.name);
        touch(&message);
        round_trip(&message);
        forward(&message);
        round_trips += 1;
    }
    assert_eq!(round_trips, 48);
}

#[test]
fn messages_parse_the_same_byte_by_byte_and_in_a_stream() {
    for row in table() {
        let expected = Parser::new().feed(&row.bytes);
        let mut parser = Parser::new();
        let mut progress = ParseProgress::Incomplete;
        for end in 1..=row.bytes.len() {
            if progress == ParseProgress::Incomplete {
                progress = parser.feed(&row.bytes[..end]);
            }
        }
        assert_eq!(progress, expected, "{}", row.name);

        let mut framer = StreamFramer::new(10_000);
        framer.push(Instant::now(), &row.bytes);
        match (framer.next(), row.receipt.as_str()) {
            (Some(Frame::Message(_)), "message") => {}
            // Without a Content-Length a body cannot be told from the next message (RFC 3261 18.3).
            (Some(Frame::Failed { status: 400, .. }), "message") => assert_eq!(row.name, "rfc4475/inv2543"),
            // The connection waits for a body or for the end of the head, or is closed after the answer.
            (None, "refused") => {
                let waiting = ["rfc4475/clerr", "rfc5118/ipv6-in-sdp", "rfc4475/baddn"];
                assert!(waiting.contains(&row.name.as_str()), "{}", row.name)
            }
            (Some(Frame::Failed { status: 400, .. }), "refused") => assert!(framer.is_ended()),
            (Some(Frame::Failed { reply_to: None, .. }), dropped) => assert!(dropped.starts_with("dropped")),
            (frame, receipt) => panic!("{}: {frame:?}, {receipt}", row.name),
        }
    }
}

/// What the text of the RFCs says about single messages.
mod in_particular {
    use super::*;

    fn header<'a>(message: &'a Message, name: &str) -> Vec<&'a [u8]> {
        message.header_all_named(name.as_bytes()).collect()
    }

    #[test]
    fn rfc4475_3_1_1_1_wsinv_uses_all_freedom_of_the_grammar() {
        let message = message("rfc4475/wsinv");
        assert_eq!(message.num_vias(), 3);
        assert_eq!(
            (message.to_tag(), message.from_tag()),
            (Some(&b"1918181833n"[..]), Some(&b"98asjd8"[..]))
        );
        assert_eq!((message.cseq(), message.max_forwards()), (Some(9), Some(68)));
        assert_eq!(message.header(HeaderName::Subject), Some(&b""[..]));
        assert_eq!(header(&message, "UnknownHeaderWithUnusualValue"), [b";;,,;;,;"]);
        assert_eq!(
            header(&message, "newfangledheader"),
            [b"newfangled value\r\n continued newfangled value"]
        );
        assert_eq!(message.contact().unwrap().display_name(), Some(&b"Quoted string \\\"\\\""[..]));
        assert_eq!(message.contact_param_list().count(), 3);
        let via = message.top_via().unwrap();
        assert_eq!((via.branch(), via.transport()), (Some(&b"390skdjuw"[..]), &b"UDP"[..]));
        let (value, route) = message.routes().next().unwrap();
        assert_eq!(value, b"<sip:services.example.com;lr;unknownwith=value;unknown-no-value>");
        assert!(route.uri().lr() && route.uri().param(b"unknown-no-value") == Some(None));
    }

    #[test]
    fn rfc4475_3_1_1_2_intmeth_has_all_characters() {
        let message = message("rfc4475/intmeth");
        assert_eq!(message.method().unwrap().as_bytes(), b"!interesting-Method0123456789_*+`.%indeed'~");
        assert_eq!(message.cseq_method(), message.method());
        let uri = message.ruri().unwrap();
        assert_eq!(
            (uri.user(), uri.host()),
            (
                Some(&b"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"[..]),
                Some(&b"example.com"[..])
            )
        );
        assert_eq!(message.to().unwrap().display_name(), Some(&b"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f"[..]));
        assert_eq!(message.from().unwrap().display_name(), Some(&b"token1~` token2'+_ token3*%!.-"[..]));
        assert_eq!(message.from_tag(), Some(&b"_token~1'+`*%!-."[..]));
        assert_eq!(message.top_via().unwrap().branch(), Some(&b"z9hG4bK-.!%66*_+`'~"[..]));
    }

    #[test]
    fn rfc4475_3_1_1_3_and_4_escapes_of_users_are_resolved_zero_bytes_too() {
        let esc01 = message("rfc4475/esc01");
        assert_eq!(&esc01.ruri().unwrap().user_unescaped().unwrap()[..], b"sips:user@example.com");
        assert_eq!(&esc01.to().unwrap().uri().user_unescaped().unwrap()[..], b"user");
        // Escaped characters equal the plain ones in the user alone; a parameter %6C%72 is not lr here.
        assert!(!esc01.contact().unwrap().uri().lr());
        let escnull = message("rfc4475/escnull");
        assert_eq!(&escnull.to().unwrap().uri().user_unescaped().unwrap()[..], b"null-\0-null");
        assert_eq!(escnull.to().unwrap().uri().aor().as_deref(), Some(&b"sip:null-%00-null@example.com"[..]));
        assert_eq!(header(&escnull, "Contact").len(), 2);
    }

    #[test]
    fn rfc4475_3_1_1_5_esc02_percent_is_mostly_no_escape() {
        let message = message("rfc4475/esc02");
        assert_eq!(message.method(), Some(&Method::from_bytes(b"RE%47IST%45R")));
        assert_ne!(message.method(), Some(&Method::Register));
        assert_eq!(message.to().unwrap().display_name(), Some(&b"%Z%45"[..]));
        assert_eq!(header(&message, "Contact").len(), 2);
        assert_eq!(header(&message, "C%6Fntact"), [b"<sip:alias2@host2.example.com>"]);
    }

    #[test]
    fn rfc4475_3_1_1_7_longreq_has_34_vias_and_long_values() {
        let message = message("rfc4475/longreq");
        assert_eq!(message.num_vias(), 34);
        assert_eq!(message.top_via().unwrap().host(), b"sip33.example.com");
        assert_eq!(message.from_tag().unwrap().len(), 155);
        assert_eq!(message.to().unwrap().uri().params().count(), 3);
    }

    #[test]
    fn rfc4475_3_1_1_8_dblreq_loses_what_follows_the_body() {
        let Datagram::Message(message) = datagram(read("rfc4475/dblreq")) else { panic!("a message") };
        assert_eq!(message.method(), Some(&Method::Register));
        assert!(message.body().is_empty());
        assert!(!shown(&serialise(&message)).contains("INVITE"));
    }

    #[test]
    fn rfc4475_3_1_1_9_semiuri_has_the_semicolon_in_the_user() {
        let message = message("rfc4475/semiuri");
        let uri = message.ruri().unwrap();
        assert_eq!(&uri.user_unescaped().unwrap()[..], b"user;par=u@example.net");
        assert_eq!(uri.params().count(), 0);
    }

    #[test]
    fn rfc4475_3_1_1_10_transports_are_any_token() {
        let message = message("rfc4475/transports");
        let transports: Vec<_> = message.via_values().map(|via| shown(&via[8..via.len().min(15)])).collect();
        assert_eq!(transports.len(), 5);
        assert!(transports[3].starts_with("UNKNOWN"));
    }

    #[test]
    fn rfc4475_3_1_1_11_mpart01_keeps_its_binary_body() {
        let message = message("rfc4475/mpart01");
        assert_eq!((message.body().len(), message.content_length()), (553, Some(553)));
        assert!(message.body().contains(&0) && message.body().ends_with(b"--7a9cbec02ceef655--\r\n"));
    }

    #[test]
    fn rfc4475_3_1_1_12_and_13_reason_phrases_are_any_text_and_none() {
        let unreason = message("rfc4475/unreason");
        assert!(std::str::from_utf8(unreason.reason())
            .unwrap()
            .starts_with("= 2**3 * 5**2 но сто девяносто девять"));
        let noreason = message("rfc4475/noreason");
        assert_eq!((noreason.status(), noreason.reason()), (Some(100), &b""[..]));
    }

    #[test]
    fn rfc4475_3_3_2_and_3_other_schemes_are_kept() {
        let unkscm = message("rfc4475/unkscm");
        assert_eq!(unkscm.ruri().unwrap().scheme(), Scheme::Other(b"nobodyKnowsThisScheme"));
        let novelsc = message("rfc4475/novelsc");
        assert_eq!(novelsc.ruri().unwrap().scheme(), Scheme::Other(b"soap.beep"));
        let unksm2 = message("rfc4475/unksm2");
        assert_eq!(unksm2.to().unwrap().uri().scheme(), Scheme::Other(b"isbn"));
        assert_eq!(unksm2.from().unwrap().uri().text, b"http://www.example.com");
        assert!(unksm2.contact().is_none());
        assert_eq!(header(&unksm2, "Contact"), [b"<name:John_Smith>"]);
    }

    #[test]
    fn rfc4475_3_3_5_bext01_lists_its_option_tags() {
        let message = message("rfc4475/bext01");
        assert_eq!(message.require(), [&b"nothingsupportsthis"[..], b"nothingsupportsthiseither"]);
        assert_eq!(message.proxy_require(), [&b"noproxiessupportthis"[..], b"nordoanyproxiessupportthis"]);
    }

    #[test]
    fn rfc4475_3_3_12_to_14_parameters_belong_to_the_contact_or_to_its_uri() {
        let cparam01 = message("rfc4475/cparam01");
        assert_eq!(cparam01.contact().unwrap().uri().params().count(), 0);
        assert_eq!(cparam01.contact_params(), Some(&b";unknownparam"[..]));
        let cparam02 = message("rfc4475/cparam02");
        assert_eq!(cparam02.contact().unwrap().uri().param(b"unknownparam"), Some(None));
        assert_eq!(cparam02.contact_params(), None);
        let regescrt = message("rfc4475/regescrt");
        let contact = regescrt.contact().unwrap().uri();
        assert_eq!(contact.headers(), Some(&b"?Route=%3Csip:sip.example.com%3E"[..]));
        // 3.1.2.13: without brackets it is no contact.
        assert!(message("rfc4475/regbadct").contact().is_none());
    }

    #[test]
    fn rfc4475_3_4_1_inv2543_has_the_rest_of_the_datagram_as_body() {
        let message = message("rfc4475/inv2543");
        assert_eq!((message.content_length(), message.body().len()), (None, 105));
        assert_eq!((message.from_tag(), message.top_via().unwrap().branch()), (None, None));
    }

    #[test]
    fn rfc5118_4_5_received_is_taken_with_and_without_brackets() {
        for (name, received) in [("with", &b"[2001:db8::9:255]"[..]), ("no", b"2001:db8::9:255")] {
            let message = message(&format!("rfc5118/via-received-param-{name}-delim"));
            assert_eq!(message.top_via().unwrap().received(), Some(received));
        }
    }

    #[test]
    fn rfc5118_4_3_and_4_a_port_is_one_outside_of_the_brackets_only() {
        let ambiguous = message("rfc5118/port-ambiguous");
        let uri = ambiguous.ruri().unwrap();
        assert_eq!((uri.host(), uri.port()), (Some(&b"[2001:db8::10:5070]"[..]), None));
        let unambiguous = message("rfc5118/port-unambiguous");
        let uri = unambiguous.ruri().unwrap();
        assert_eq!((uri.host(), uri.port()), (Some(&b"[2001:db8::10]"[..]), Some(5070)));
    }

    #[test]
    fn rfc5118_4_9_and_10_addresses_with_a_dotted_tail_have_one_normal_form() {
        let mapped = message("rfc5118/ipv4-mapped-ipv6");
        let contact = mapped.contact().unwrap().uri();
        assert_eq!(contact.host_normalised().as_deref(), Some("[::ffff:192.0.2.2]"));
        for name in ["bug-abnf-3", "correct-abnf-2"] {
            let message = message(&format!("rfc5118/ipv6-{name}-colons"));
            let host = message.ruri().unwrap().host_normalised();
            assert_eq!(host.as_deref(), Some("[2001:db8::c000:201]"));
        }
    }
}
