//! The upgrade request and its answers.

use oversip::transport::ws::{check, switching_protocols, HeadProgress, HeadReader, HttpRequest};
use proptest::prelude::*;

const USUAL: [&str; 7] = [
    "Host: Edge.Example.NET:10080",
    "Upgrade: WebSocket",
    "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: chat, sip",
    "Origin: https://Example.NET",
];

fn head(request_line: &str, lines: &[&str]) -> String {
    format!("{request_line}\r\n{}\r\n\r\n", lines.join("\r\n"))
}

fn read(head: &str) -> HeadProgress {
    HeadReader::new().read(head.as_bytes())
}

fn complete(head: &str) -> HttpRequest {
    match read(head) {
        HeadProgress::Complete(request) => *request,
        other => panic!("{other:?}: {head:?}"),
    }
}

/// The usual request with one line replaced, or left out.
fn with(name: &str, line: Option<&str>) -> HttpRequest {
    let kept = USUAL.iter().copied().filter(|usual| !usual.starts_with(name));
    let lines: Vec<&str> = kept.chain(line).collect();
    complete(&head("GET /chat HTTP/1.1", &lines))
}

fn usual() -> HttpRequest {
    complete(&head("GET /chat HTTP/1.1", &USUAL))
}

fn answer(request: &HttpRequest) -> String {
    let bytes = match check(request) {
        Ok(()) => switching_protocols(request, "OverSIP/3"),
        Err(refusal) => refusal.response(request, "OverSIP/3"),
    };
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

// The head ------------------------------------------------------------------------------------

#[test]
fn the_typed_headers_are_read() {
    let request = usual();
    assert_eq!((request.host.as_deref(), request.port), (Some("edge.example.net"), Some(10080)));
    assert_eq!(request.upgrade.as_deref(), Some("websocket"));
    assert_eq!(request.connection, Some(vec!["keep-alive".into(), "upgrade".into()]));
    assert_eq!(request.websocket_key.as_deref(), Some("dGhlIHNhbXBsZSBub25jZQ=="));
    assert_eq!(request.websocket_version, Some(13));
    assert_eq!(request.websocket_protocols, Some(vec!["chat".into(), "sip".into()]));
    assert_eq!(request.origin.as_deref(), Some("https://example.net"));
    assert_eq!(request.content_length, None);
}

#[test]
fn what_may_repeat_accumulates_and_else_the_last_one_counts() {
    let request = complete(&head(
        "GET / HTTP/1.1",
        &[
            "Host: a",
            "Host: B.",
            "Connection: X",
            "connection: y",
            "Sec-WebSocket-Protocol: sip",
            "Sec-WebSocket-Protocol: MSRP",
            "Origin: http://a",
            "Sec-WebSocket-Origin: http://B",
        ],
    ));
    assert_eq!(request.host.as_deref(), Some("b"));
    assert_eq!(request.connection, Some(vec!["x".into(), "y".into()]));
    assert_eq!(request.websocket_protocols, Some(vec!["sip".into(), "MSRP".into()]));
    assert_eq!(request.origin.as_deref(), Some("http://b"));
}

#[test]
fn names_are_capitalized_and_values_kept_raw() {
    let request = complete(&head(
        "GET / HTTP/1.1",
        &["x_fOO-bar : a \t", "COOKIE:", "Folded: one\r\n\t two  ", "Utf: \u{e9}", "Cookie: last"],
    ));
    let headers: Vec<(&str, &[u8])> =
        request.headers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
    let expected: [(&str, &[u8]); 5] = [
        ("X_Foo-Bar", b"a \t"),
        ("Cookie", b""),
        ("Folded", b"one\r\n\t two  "),
        ("Utf", "\u{e9}".as_bytes()),
        ("Cookie", b"last"),
    ];
    assert_eq!(headers, expected);
}
#[test]
fn a_content_length_is_decimal() {
    assert_eq!(with("-", Some("Content-Length: 010")).content_length, Some(10));
}

#[test]
fn deviations_are_malformed() {
    for wrong in [
        "\r\nGET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\nHost: a\n\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\n\r\n".to_owned(),
        "GET * HTTP/1.1\r\n\r\n".to_owned(),
        head("GET / HTTP/1.1", &["no colon"]),
        head("GET / HTTP/1.1", &["b@d: x"]),
        head("GET / HTTP/1.1", &[" Folded: first"]),
        head("GET / HTTP/1.1", &["Nul: \0"]),
        head("GET / HTTP/1.1", &["Cr: a\rb"]),
        head("GET / HTTP/1.1", &["Host: a:0"]),
        head("GET / HTTP/1.1", &["Host: a "]),
        head("GET / HTTP/1.1", &["Content-Length: 1234567890"]),
        head("GET / HTTP/1.1", &["Connection: a b"]),
        head("GET / HTTP/1.1", &["Connection: Upgrade "]),
        head("GET / HTTP/1.1", &["Upgrade: websocket, x"]),
        head("GET / HTTP/1.1", &["Origin: a b"]),
        head("GET / HTTP/1.1", &["Sec-WebSocket-Version: 1234"]),
        head("GET / HTTP/1.1", &["Sec-WebSocket-Version: 13, 8"]),
        head("GET / HTTP/1.1", &["Sec-WebSocket-Key: "]),
        head("GET / HTTP/1.1", &[&format!("Sec-WebSocket-Key: {}", "k".repeat(51))]),
        head("GET / HTTP/1.1", &["Sec-WebSocket-Protocol: sip;x"]),
    ] {
        assert_eq!(read(&wrong), HeadProgress::Malformed, "{wrong:?}");
    }
}

#[test]
fn data_other_than_http_is_noticed_before_a_line_ends() {
    assert_eq!(read("\x16\x03\x01\x02"), HeadProgress::Malformed);
    assert_eq!(read("GET  "), HeadProgress::Malformed);
    assert_eq!(read("GET / HTTP/1.1\r\nno colon\r\n"), HeadProgress::Malformed);
}
#[test]
fn a_head_may_have_16_kib() {
    let cookie = |bytes: usize| head("GET / HTTP/1.1", &[&format!("Cookie: {}", "c".repeat(bytes))]);
    let rest = cookie(0).len();
    assert!(matches!(read(&cookie(16_384 - rest)), HeadProgress::Complete(_)));
    assert_eq!(read(&cookie(16_385 - rest)), HeadProgress::TooLarge);
    assert_eq!(read(&format!("GET / HTTP/1.1\r\nCookie: {}", "c".repeat(16_384))), HeadProgress::TooLarge);
}

#[test]
fn many_short_headers_are_read() {
    let lines = vec!["a:"; 4000];
    assert_eq!(complete(&head("GET / HTTP/1.1", &lines)).headers.len(), 4000);
}

#[test]
fn what_comes_behind_the_head_is_kept() {
    let mut reader = HeadReader::new();
    let progress = reader.read(format!("{}\u{81}rest", head("GET / HTTP/1.1", &USUAL)).as_bytes());
    assert!(matches!(progress, HeadProgress::Complete(_)));
    assert_eq!(&reader.into_rest()[..], "\u{81}rest".as_bytes());
}

proptest! {
    #[test]
    fn any_chunking_reads_the_same(cuts in proptest::collection::vec(1usize..40, 1..80)) {
        let text = head("GET /a?b HTTP/1.1", &USUAL);
        let mut reader = HeadReader::new();
        let (mut rest, mut cuts) = (text.as_bytes(), cuts.into_iter().cycle());
        let request = loop {
            let (chunk, tail) = rest.split_at(cuts.next().unwrap().min(rest.len()));
            rest = tail;
            match reader.read(chunk) {
                HeadProgress::Incomplete => {}
                HeadProgress::Complete(request) => break *request,
                other => panic!("{other:?}"),
            }
        };
        prop_assert!(rest.is_empty());
        prop_assert_eq!(request, complete(&text));
    }

    #[test]
    fn no_bytes_make_it_panic(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..20)) {
        let mut reader = HeadReader::new();
        for chunk in &chunks {
            if reader.read(chunk) != HeadProgress::Incomplete {
                break;
            }
        }
    }

    #[test]
    fn nothing_that_begins_well_makes_it_panic(tail in "[ -~\r\n\t:]{0,200}") {
        let _ = HeadReader::new().read(format!("GET / HTTP/1.1\r\n{tail}\r\n\r\n").as_bytes());
    }
}

// The checks ----------------------------------------------------------------------------------

#[test]
fn an_upgrade_is_accepted() {
    assert_eq!(
        answer(&usual()),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: sip\r\n\
         Server: OverSIP/3\r\n\r\n"
    );
}

#[test]
fn the_subprotocol_is_named_only_where_it_was_offered() {
    let accepted = answer(&with("Sec-WebSocket-Protocol", None));
    assert!(accepted.starts_with("HTTP/1.1 101 "), "{accepted}");
    assert!(!accepted.contains("Sec-WebSocket-Protocol"), "{accepted}");
}
#[test]
fn old_versions_of_both_protocols_pass() {
    for version in ["7", "8", "13", "013"] {
        let request = with("Sec-WebSocket-Version", Some(&format!("Sec-WebSocket-Version: {version}")));
        assert_eq!(check(&request), Ok(()), "{version}");
    }
    let request = complete(&head("GET / http/1.0", &USUAL));
    assert!(answer(&request).starts_with("http/1.0 101 Switching Protocols\r\n"));
}
#[test]
fn host_and_origin_are_not_required() {
    let kept: Vec<&str> =
        USUAL.into_iter().filter(|line| !line.starts_with("Host") && !line.starts_with("Origin")).collect();
    assert_eq!(check(&complete(&head("GET /any/path HTTP/1.1", &kept))), Ok(()));
}

#[test]
fn each_check_has_its_answer() {
    let server = "Server: OverSIP/3\r\n\r\n";
    let post = complete(&head("POST / HTTP/1.1", &USUAL));
    assert_eq!(answer(&post), format!("HTTP/1.1 405 Method Not Allowed\r\n{server}"));
    let lower = complete(&head("get / HTTP/1.1", &USUAL));
    assert_eq!(answer(&lower), format!("HTTP/1.1 405 Method Not Allowed\r\n{server}"));
    for version in [None, Some("Sec-WebSocket-Version: 9")] {
        assert_eq!(
            answer(&with("Sec-WebSocket-Version", version)),
            format!(
                "HTTP/1.1 426 Upgrade Required\r\nX-Supported-WebSocket-Versions: 7, 8, 13\r\n\
                 Sec-WebSocket-Version: 13\r\n{server}"
            )
        );
    }
    for line in [None, Some("Connection: close")] {
        assert_eq!(
            answer(&with("Connection", line)),
            format!("HTTP/1.1 400 Connection header must include \"upgrade\"\r\n{server}")
        );
    }
    for line in [None, Some("Upgrade: h2c")] {
        assert_eq!(
            answer(&with("Upgrade", line)),
            format!("HTTP/1.1 400 Upgrade header must be \"websocket\"\r\n{server}")
        );
    }
    assert_eq!(
        answer(&with("Sec-WebSocket-Key", None)),
        format!("HTTP/1.1 400 Sec-WebSocket-Key header not present\r\n{server}")
    );
    for offered in ["chat", "SIP"] {
        assert_eq!(
            answer(&with("Sec-WebSocket-Protocol", Some(&format!("Sec-WebSocket-Protocol: {offered}")))),
            format!("HTTP/1.1 501 No Suitable WebSocket Protocol\r\n{server}")
        );
    }
}

#[test]
fn the_first_check_that_fails_decides() {
    let bare = complete("POST / HTTP/1.1\r\n\r\n");
    assert_eq!(check(&bare).unwrap_err().status, 405);
    let bare = complete("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(check(&bare).unwrap_err().status, 426);
    let versioned = complete("GET / HTTP/1.1\r\nSec-WebSocket-Version: 8\r\n\r\n");
    assert!(check(&versioned).unwrap_err().reason.unwrap().starts_with("Connection"));
}
