//! What a WebSocket message may hold.

use bytes::Bytes;
use oversip::message::{websocket_message, Defect, HeaderName, WebSocketMessage};

const HEAD: &str = "MESSAGE sip:a@example.org SIP/2.0\r\n\
    Via: SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bKa\r\n\
    From: <sip:b@example.org>;tag=1\r\nTo: <sip:a@example.org>\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n";

fn read(text: &str) -> WebSocketMessage {
    websocket_message(Bytes::copy_from_slice(text.as_bytes()))
}

#[track_caller]
fn body(text: &str) -> String {
    match read(text) {
        WebSocketMessage::Message(message) => String::from_utf8(message.body().to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_closed(text: &str, expected: (u16, &str)) {
    match read(text) {
        WebSocketMessage::Close { status, reason, .. } => assert_eq!((status, reason), expected, "{text:?}"),
        other => panic!("{text:?}: {other:?}"),
    }
}

#[test]
fn a_double_line_end_is_a_keepalive() {
    assert!(matches!(read("\r\n\r\n"), WebSocketMessage::Keepalive { then: None }));
    let with_message = read(&format!("\r\n\r\n{HEAD}\r\n"));
    let WebSocketMessage::Keepalive { then: Some(then) } = with_message else { panic!("{with_message:?}") };
    assert!(matches!(*then, WebSocketMessage::Message(_)));
}

#[test]
fn data_other_than_sip_closes_with_4000() {
    let bare = format!("{HEAD}\r\n").replace("\r\n", "\n");
    let ack = format!("{HEAD}bad line\r\n\r\n").replace("MESSAGE", "ACK");
    for text in ["hello world\r\n\r\n", "@", "SIP/2.0 2 x\r\n\r\n", &bare, &ack] {
        assert_closed(text, (4000, "SIP message parsing error"));
    }
}

#[test]
fn a_request_with_a_syntax_error_is_refused() {
    let text = format!("{HEAD}bad line\r\n\r\n");
    let WebSocketMessage::Refused { request, status, reason, defect } = read(&text) else { panic!() };
    let at = HEAD.len() + "bad ".len();
    assert_eq!((status, reason.into_owned()), (400, format!("Syntax error after CSeq header at byte {at}")));
    assert_eq!(request.call_id(), Some(&b"c"[..]));
    assert!(matches!(defect, Defect::Syntax(error) if error.offset == at), "{defect}");
}

#[test]
fn a_line_end_alone_is_ignored() {
    assert!(matches!(read("\r\n"), WebSocketMessage::Nothing));
    let WebSocketMessage::Keepalive { then: Some(then) } = read("\r\n\r\n\r\n") else { panic!() };
    assert!(matches!(*then, WebSocketMessage::Nothing));
}

#[test]
fn a_head_without_end_closes_with_4001() {
    for text in ["", "\r", "hello", HEAD] {
        assert_closed(text, (4001, "SIP message incomplete"));
    }
}

#[test]
fn a_body_of_another_length_closes_with_4002() {
    for text in ["Content-Length: 3\r\n\r\nab", "Content-Length: 0\r\n\r\nab", "Content-Length: 1\r\n\r\nab"]
    {
        assert_closed(
            &format!("{HEAD}{text}"),
            (4002, "SIP message body size does not match Content-Length"),
        );
    }
}
#[test]
fn a_body_that_is_announced_and_missing_closes_too() {
    let text = format!("{HEAD}Content-Length: 3\r\n\r\n");
    assert_closed(&text, (4002, "SIP message body size does not match Content-Length"));
}

#[test]
fn without_content_length_the_rest_is_the_body() {
    assert_eq!(body(&format!("{HEAD}\r\nab")), "ab");
    assert_eq!(body(&format!("{HEAD}\r\n")), "");
    assert_eq!(body(&format!("{HEAD}Content-Length: 2\r\n\r\nab")), "ab");
}

#[test]
fn core_headers_missing_or_repeated_are_ignored() {
    let missing = HEAD.replace("Call-ID: c\r\n", "");
    assert!(matches!(
        read(&format!("{missing}\r\n")),
        WebSocketMessage::Ignored(Defect::MissingHeader(HeaderName::CallId))
    ));
    let repeated = read(&format!("{HEAD}Call-ID: d\r\n\r\n"));
    assert!(matches!(repeated, WebSocketMessage::Ignored(Defect::DuplicatedHeader(HeaderName::CallId))));
}

#[test]
fn a_bad_branch_is_refused_and_no_ack_or_response_is() {
    let bad = HEAD.replace("z9hG4bKa", "z9hG4bK");
    let WebSocketMessage::Refused { status, reason, .. } = read(&format!("{bad}\r\n")) else { panic!() };
    assert_eq!((status, &*reason), (400, "Via branch non RFC 3261 compliant"));
    let ack = bad.replace("MESSAGE", "ACK");
    assert!(matches!(read(&format!("{ack}\r\n")), WebSocketMessage::Ignored(Defect::Branch)));
}
