//! First lines, and what stands before them.

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
fn two_line_ends_are_a_keepalive() {
    let (progress, parser) = feed("\r\n\r\n");
    assert_eq!(progress, ParseProgress::Keepalive { len: 4 });
    assert!(parser.is_finished());
    assert_eq!(parser.started(b"\r\n\r\n"), Started::Keepalive);
    assert_eq!(feed("\r\n\r\nOPTIONS sip:a SIP/2.0\r\n\r\n").0, ParseProgress::Keepalive { len: 4 });
}

#[test]
fn one_line_end_before_a_message_is_skipped() {
    let text = "\r\nBYE sip:a@b SIP/2.0\r\n\r\nZZ";
    let (progress, mut parser) = feed(text);
    assert_eq!(progress, ParseProgress::Head { len: 25 });
    let message = parser.take(Bytes::from(text)).unwrap();
    assert_eq!(message.method(), Some(&Method::Bye));
    assert_eq!(message.head_bytes().len(), 25);
}

#[test]
fn incomplete_is_no_error() {
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
fn offending_bytes_are_found() {
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
fn unknown_methods_and_odd_versions_pass() {
    let text = "bye sip:a@b sip/2.10\r\n\r\n";
    let (message, len) = Message::parse(Bytes::from(text)).unwrap();
    assert_eq!(len, text.len());
    assert_eq!(message.method(), Some(&Method::from_bytes(b"bye")));
    assert!(!message.method().unwrap().is_known());
    assert_eq!(s(message.version()), "sip/2.10");
    assert!(Message::parse(Bytes::from("SIP sip:a@b SIP/7.0\r\n\r\n")).unwrap().0.is_request());
}

#[test]
fn reason_phrase_may_be_empty() {
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
fn misuse_is_an_error_and_no_panic() {
    let mut parser = Parser::new();
    assert_eq!(parser.feed(b"BYE sip:a@b SIP/2.0\r\n"), ParseProgress::Incomplete);
    assert!(matches!(parser.feed(b"BYE"), ParseProgress::Error(_)));
    let (_, mut parser) = feed("\r\n\r\n");
    assert!(matches!(parser.feed(b"\r\n\r\n"), ParseProgress::Error(_)));
    assert!(parser.take(Bytes::new()).is_none());
    parser.reset();
    assert_eq!((parser.nread(), parser.is_finished(), parser.is_failed()), (0, false, false));
}
