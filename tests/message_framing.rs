//! Streams and datagrams: the bounds of messages, and which of them are answered or dropped, or close the connection.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oversip::message::{
    datagram, Datagram, Defect, Frame, HeaderName, Message, StreamFramer, StreamLimits, SyntaxError,
};

/// A request with all core headers; `extra` are whole lines.
fn request(method: &str, extra: &str) -> String {
    format!(
        "{method} sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP p;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 {method}\r\n{extra}\r\n"
    )
}

fn response(extra: &str) -> String {
    request("OPTIONS", extra).replace("OPTIONS sip:a@b SIP/2.0", "SIP/2.0 200 OK")
}

mod streams {
    use super::*;

    struct Stream {
        framer: StreamFramer,
        now: Instant,
    }

    impl Stream {
        fn new() -> Stream {
            Stream { framer: StreamFramer::new(1 << 20), now: Instant::now() }
        }

        fn push(&mut self, data: &str) -> Vec<Frame> {
            self.framer.push(self.now, data.as_bytes());
            std::iter::from_fn(|| self.framer.next()).collect()
        }

        fn advance(&mut self, seconds: u64) -> Option<Frame> {
            self.now += Duration::from_secs(seconds);
            self.framer.expire(self.now)
        }
    }

    /// A short name for each frame.
    fn names(frames: &[Frame]) -> Vec<String> {
        let name = |frame: &Frame| match frame {
            Frame::Message(message) => format!("message {}", String::from_utf8_lossy(message.body())),
            Frame::Keepalive => "keepalive".to_owned(),
            Frame::Failed { reply_to, status, reason, .. } => match reply_to {
                Some(_) => format!("{status} {reason}"),
                None => "close".to_owned(),
            },
        };
        frames.iter().map(name).collect()
    }

    fn once(data: &str) -> Vec<String> {
        names(&Stream::new().push(data))
    }

    fn defect(data: &str) -> Defect {
        match Stream::new().push(data).pop() {
            Some(Frame::Failed { close_reason, .. }) => close_reason,
            other => panic!("{data:?}: {other:?}"),
        }
    }

    #[test]
    fn line_ends_between_messages() {
        let message = request("OPTIONS", "Content-Length: 0\r\n");
        assert_eq!(once("\r\n\r\n"), ["keepalive"]);
        assert_eq!(once("\r\n"), [""; 0]);
        assert_eq!(once("\r\n\r\n\r\n\r\n"), ["keepalive", "keepalive"]);
        assert_eq!(once(&format!("\r\n{message}")), ["message "]);
        assert_eq!(once(&format!("\r\n\r\n\r\n{message}")), ["keepalive", "message "]);
    }

    #[test]
    fn pipelined_and_split_messages_come_out_in_order() {
        let two = [
            request("OPTIONS", "Content-Length: 3\r\n"),
            "abc".into(),
            request("BYE", "l: 02\r\n"),
            "de".into(),
        ];
        let text = format!("{}\r\n\r\n", two.concat());
        let expected = ["message abc", "message de", "keepalive"];
        assert_eq!(once(&text), expected);
        let mut stream = Stream::new();
        let mut frames = Vec::new();
        for at in 0..text.len() {
            frames.extend(stream.push(&text[at..=at]));
        }
        assert_eq!(names(&frames), expected);
        assert_eq!(stream.framer.deadline(), None);
    }

    #[test]
    fn syntax_error_closes_at_once_and_what_follows_is_ignored() {
        let mut stream = Stream::new();
        assert_eq!(names(&stream.push("GET / HTTP")), ["close"]);
        assert!(stream.framer.is_ended());
        assert_eq!(names(&stream.push(&request("OPTIONS", "l: 0\r\n"))), [""; 0]);
        assert_eq!(defect("GET / HTTP"), Defect::Syntax(SyntaxError { offset: 4, line: 1 }));
        let bare = request("OPTIONS", "l: 0\r\n").replace("\r\n", "\n");
        assert_eq!(names(&Stream::new().push(&bare)), ["close"]);
        // Neither a response nor an ACK is answered, so there is nothing to wait for.
        for (text, at) in [("SIP/2.0 2x", 9), ("ACK sip:@", 8), ("\x16\x03\x01", 0)] {
            assert_eq!(names(&Stream::new().push(text)), ["close"], "{text:?}");
            assert_eq!(defect(text), Defect::Syntax(SyntaxError { offset: at, line: 1 }));
        }
    }

    #[test]
    fn a_request_with_a_syntax_error_is_answered_when_its_head_has_ended() {
        let bad = request("OPTIONS", "l: 0\r\n").replace("sip:a@b SIP", "sip:@b SIP");
        let answer = ["400 Syntax error in request line at byte 12"];
        assert_eq!(once(&format!("{bad}{}", request("OPTIONS", "l: 0\r\n"))), answer);
        let mut stream = Stream::new();
        let mut frames = Vec::new();
        for at in 0..bad.len() {
            assert!(frames.is_empty(), "{frames:?} before the end");
            frames.extend(stream.push(&bad[at..=at]));
        }
        assert_eq!(names(&frames), answer);
        assert!(stream.framer.is_ended());
        assert_eq!(once(&bad.replace("Via: ", "Vla: ")), ["close"]);
        assert_eq!(once(&bad.replace("\r\n", "\n").replacen('\n', "\r\n", 1)), [""; 0]);
    }

    #[test]
    fn a_request_with_a_syntax_error_has_the_same_bounds_as_others() {
        let bad = "OPTIONS sip:@b SIP/2.0\r\n";
        let filler = format!("X: {}\r\n", "x".repeat(1000)).repeat(17);
        assert_eq!(defect(&format!("{bad}{filler}")), Defect::HeadTooLarge);
        assert_eq!(defect(&format!("{bad}{filler}\r\n")), Defect::HeadTooLarge);
        let mut stream = Stream::new();
        assert_eq!(names(&stream.push(bad)), [""; 0]);
        let deadline = stream.framer.deadline().expect("a deadline");
        match stream.framer.expire(deadline) {
            Some(Frame::Failed {
                close_reason: Defect::Syntax(SyntaxError { offset: 12, line: 1 }),
                reply_to: None,
                ..
            }) => {}
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn core_headers_are_demanded_without_an_answer() {
        let message = request("OPTIONS", "l: 0\r\n").replace("Call-ID: x\r\n", "");
        assert_eq!(once(&message), ["close"]);
        assert_eq!(defect(&message), Defect::MissingHeader(HeaderName::CallId));
        let message = request("OPTIONS", "l: 0\r\nl: 0\r\n");
        assert_eq!(once(&message), ["close"]);
        assert_eq!(defect(&message), Defect::DuplicatedHeader(HeaderName::ContentLength));
    }

    #[test]
    fn bad_branch_is_answered_before_the_body_comes() {
        let bad = |text: String| text.replace("z9hG4bK1", "z9hG4bK1;branch=z9hG4bK2");
        let refusal = "400 Via branch non RFC 3261 compliant";
        assert_eq!(once(&bad(request("OPTIONS", "l: 9\r\n"))), [refusal]);
        assert_eq!(once(&request("OPTIONS", "l: 9\r\n").replace("z9hG4bK1", "z9hG4bK")), [refusal]);
        assert_eq!(once(&bad(request("ACK", "l: 0\r\n"))), ["close"]);
        assert_eq!(once(&bad(response("l: 0\r\n"))), ["close"]);
    }

    /// RFC 3261 17.2.3
    #[test]
    fn branches_of_rfc_2543_are_those_of_requests() {
        for branch in ["", ";branch=k1"] {
            let older = |text: String| text.replace(";branch=z9hG4bK1", branch);
            assert_eq!(once(&older(request("OPTIONS", "l: 0\r\n"))), ["message "]);
            assert_eq!(once(&older(request("ACK", "l: 0\r\n"))), ["message "]);
            assert_eq!(defect(&older(response("l: 0\r\n"))), Defect::Branch);
        }
    }

    #[test]
    fn content_length_is_mandatory() {
        assert_eq!(once(&request("OPTIONS", "")), ["400 Body size doesn't match Content-Length"]);
        assert_eq!(once(&request("ACK", "")), ["close"]);
        assert_eq!(once(&response("")), ["close"]);
        assert_eq!(defect(&response("")), Defect::BodySize);
    }

    #[test]
    fn body_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
        let limit = |len| request("OPTIONS", &format!("Content-Length: {len}\r\n"));
        assert_eq!(once(&limit(1_048_577)), ["413 Request Entity Too Large"]);
        assert_eq!(once(&limit(1_048_576)), [""; 0]);
        let mut stream = Stream::new();
        let body = "x".repeat(1_048_576);
        assert!(stream.push(&limit(1_048_576)).is_empty());
        match &stream.push(&body)[..] {
            [Frame::Message(message)] => assert_eq!(message.body().len(), body.len()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn error_behind_the_limit_of_a_head_is_too_much_however_the_bytes_arrive() {
        let text = format!("OPTIONS sip:a SIP/2.0\r\n{}\x01", "X: y\r\n".repeat(2800));
        assert_eq!(defect(&text), Defect::HeadTooLarge);
        let mut stream = Stream::new();
        let found = text.as_bytes().chunks(1000).map(|chunk| std::str::from_utf8(chunk).expect("ASCII"));
        let found: Vec<_> = found.flat_map(|chunk| stream.push(chunk)).collect();
        assert!(
            matches!(found[..], [Frame::Failed { close_reason: Defect::HeadTooLarge, reply_to: None, .. }]),
            "{found:?}"
        );
    }

    #[test]
    fn head_over_16384_bytes_closes_complete_or_not() {
        let base = request("OPTIONS", "l: 0\r\nX: \r\n").len();
        let sized = |len: usize| request("OPTIONS", &format!("l: 0\r\nX: {}\r\n", "x".repeat(len - base)));
        assert_eq!(once(&sized(16384)), ["message "]);
        assert_eq!(once(&sized(16385)), ["close"]);
        assert_eq!(defect(&sized(16385)), Defect::HeadTooLarge);
        assert_eq!(once(&sized(17000)[..16385]), ["close"]);
        assert_eq!(once(&sized(17000)[..16384]), [""; 0]);
    }

    #[test]
    fn head_must_end_ten_seconds_after_its_first_byte() {
        let mut stream = Stream::new();
        stream.push("\r\n");
        assert_eq!(stream.framer.deadline(), None, "a lone CRLF may answer a keepalive");
        stream.push("OPTIONS");
        let started = stream.now;
        assert_eq!(stream.framer.deadline(), Some(started + Duration::from_secs(10)));
        assert!(stream.advance(9).is_none());
        stream.push(" sip:a");
        match stream.advance(1) {
            Some(Frame::Failed { close_reason: Defect::HeadTimeout, reply_to: None, .. }) => {}
            other => panic!("{other:?}"),
        }
        assert!(stream.framer.is_ended());
    }

    #[test]
    fn next_head_has_its_own_deadline() {
        let mut stream = Stream::new();
        let message = request("OPTIONS", "l: 0\r\n");
        stream.push(&message[..20]);
        stream.advance(9);
        stream.push(&format!("{}OPT", &message[20..]));
        assert_eq!(stream.framer.deadline(), Some(stream.now + Duration::from_secs(10)));
    }

    #[test]
    fn body_must_gain_a_byte_every_ten_seconds() {
        let mut stream = Stream::new();
        stream.push(&request("OPTIONS", "l: 100\r\n"));
        for _ in 0..5 {
            assert!(stream.advance(9).is_none());
            stream.push("x");
        }
        match stream.advance(10) {
            Some(Frame::Failed { close_reason: Defect::BodyTimeout, .. }) => {}
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn body_must_end_within_sixty_seconds() {
        let mut stream = Stream::new();
        stream.push(&request("OPTIONS", "l: 100\r\n"));
        for _ in 0..6 {
            assert!(stream.advance(9).is_none());
            stream.push("x");
        }
        assert!(stream.advance(5).is_none());
        stream.push("x");
        assert!(stream.advance(1).is_some());
    }

    #[test]
    fn limits_can_be_chosen() {
        let limits = StreamLimits { max_head: 10, ..StreamLimits::with_body(1 << 20) };
        let mut framer = StreamFramer::with_limits(limits);
        framer.push(Instant::now(), b"OPTIONS sip:a");
        assert!(matches!(framer.next(), Some(Frame::Failed { close_reason: Defect::HeadTooLarge, .. })));
    }
}

mod datagrams {
    use super::*;

    fn read(data: &str) -> Datagram {
        datagram(Bytes::copy_from_slice(data.as_bytes()))
    }

    fn body(data: &str) -> String {
        match read(data) {
            Datagram::Message(message) => String::from_utf8_lossy(message.body()).into_owned(),
            other => panic!("{data:?}: {other:?}"),
        }
    }

    fn dropped(data: &str) -> Defect {
        match read(data) {
            Datagram::Failed { defect, .. } => defect,
            other => panic!("{data:?}: {other:?}"),
        }
    }

    fn refused(data: &str) -> (u16, Cow<'static, str>) {
        match read(data) {
            Datagram::Refused { status, reason, .. } => (status, reason),
            other => panic!("{data:?}: {other:?}"),
        }
    }

    #[test]
    fn nothing_and_one_line_end_are_ignored() {
        assert!(matches!(read(""), Datagram::Ignored));
        assert!(matches!(read("\r\n"), Datagram::Ignored));
    }

    #[test]
    fn keepalive_is_answered_and_the_message_behind_it_is_read() {
        assert!(matches!(read("\r\n\r\n"), Datagram::Keepalive { then: None }));
        assert!(matches!(read("\r\n\r\n\r\n"), Datagram::Keepalive { then: None }));
        match read(&format!("\r\n\r\n\r\n{}", request("OPTIONS", ""))) {
            Datagram::Keepalive { then: Some(then) } => assert!(matches!(*then, Datagram::Message(_))),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn zero_byte_is_stun() {
        match datagram(Bytes::from_static(b"\0\x01rest")) {
            Datagram::Stun(data) => assert_eq!(&data[..], b"\0\x01rest"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_incomplete_message_is_dropped() {
        assert_eq!(dropped("GET / HTTP/1.1\r\n\r\n"), Defect::Syntax(SyntaxError { offset: 4, line: 1 }));
        assert_eq!(dropped("OPTIONS sip:a SIP/2.0\r\n"), Defect::Incomplete);
        let message = request("OPTIONS", "").replace("To: ", "X-To: ");
        assert_eq!(dropped(&message), Defect::MissingHeader(HeaderName::To));
        let message = request("OPTIONS", "i: y\r\n");
        assert_eq!(dropped(&message), Defect::DuplicatedHeader(HeaderName::CallId));
    }

    #[test]
    fn bad_branch_refuses_requests_only() {
        let bad = |text: String| text.replace("branch=z9hG4bK1", "branch=z9hG4bK1;branch=x");
        assert_eq!(refused(&bad(request("OPTIONS", ""))), (400, "Via branch non RFC 3261 compliant".into()));
        assert_eq!(dropped(&bad(request("ACK", ""))), Defect::Branch);
        assert_eq!(dropped(&bad(response(""))), Defect::Branch);
    }

    #[test]
    fn body_is_what_content_length_says_or_the_rest() {
        assert_eq!(body(&format!("{}abc", request("OPTIONS", "l: 3\r\n"))), "abc");
        assert_eq!(body(&format!("{}abc", request("OPTIONS", "l: 2\r\n"))), "ab");
        assert_eq!(body(&format!("{}abc", request("OPTIONS", "l: 0\r\n"))), "");
        assert_eq!(body(&format!("{}abc", request("OPTIONS", ""))), "abc");
        assert_eq!(body(&request("OPTIONS", "")), "");
        let short = |text: String| format!("{text}ab");
        let refusal = (400, "Body size doesn't match Content-Length".into());
        assert_eq!(refused(&short(request("OPTIONS", "l: 3\r\n"))), refusal);
        assert_eq!(dropped(&short(request("ACK", "l: 3\r\n"))), Defect::BodySize);
        assert_eq!(dropped(&short(response("l: 3\r\n"))), Defect::BodySize);
    }

    #[test]
    fn message_shares_the_datagram() {
        let data = Bytes::from(format!("{}abc", request("OPTIONS", "")));
        let Datagram::Message(message) = datagram(data.clone()) else { panic!("a message") };
        assert_eq!(message.head_bytes().as_ptr(), data.as_ptr());
        assert_eq!(message.body().as_ptr(), data[data.len() - 3..].as_ptr());
    }
}

/// Found by fuzzing: whether the error showed depended on how the bytes had come.
#[test]
fn error_in_an_unfinished_line_shows_the_same_however_the_bytes_arrive() {
    let long = "a".repeat(300);
    for (text, offset) in [
        ("REGIST%45R sip:registrar.\x04R".to_owned(), Some(25)),
        ("OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP \x04".to_owned(), Some(40)),
        // In a line of over 128 bytes it shows when the length has doubled, or with the line's end.
        (format!("OPTIONS sip:{long} SIP/2.0\r\nX: {long}\x04"), None),
        (format!("OPTIONS sip:{long} SIP/2.0\r\nX: {long}\x04{long}"), Some(625)),
        (format!("OPTIONS sip:{long} SIP/2.0\r\nX: {long}\x04\r\nY"), Some(625)),
    ] {
        let bytes = text.as_bytes();
        let whole = oversip::message::Parser::new().feed(bytes);
        let mut parser = oversip::message::Parser::new();
        let mut bytewise = oversip::message::ParseProgress::Incomplete;
        for end in 1..=bytes.len() {
            if bytewise == oversip::message::ParseProgress::Incomplete {
                bytewise = parser.feed(&bytes[..end]);
            }
        }
        assert_eq!(bytewise, whole, "{text:?}");
        let found = match whole {
            oversip::message::ParseProgress::Error(error) => Some(error.offset),
            _ => None,
        };
        assert_eq!(found, offset, "{text:?}");
    }
}

#[test]
fn reading_is_linear_however_the_bytes_arrive() {
    // One byte at a time through the widest shapes; a quadratic reader would take minutes for this.
    let folded = format!("X: a{}\r\n", "\r\n b".repeat(8000));
    let contacts = format!("Contact: {}<tel:1>\r\n", "<sip:a@b>;x, ".repeat(4000));
    let vias = format!("Via: {}SIP/2.0/UDP q\r\n", "SIP/2.0/UDP p;x=\"y\", ".repeat(2000));
    let blanks = format!("From: {}<sip:a>\r\n", "a ".repeat(16000));
    let many = "a:\r\n".repeat(8000);
    for lines in [folded, contacts, vias, blanks, many] {
        let text = format!("OPTIONS sip:a SIP/2.0\r\n{lines}\r\n");
        let (whole, len) = Message::parse(Bytes::from(text.clone())).expect("valid");
        assert_eq!(len, text.len());
        let mut parser = oversip::message::Parser::new();
        let mut progress = parser.feed(b"");
        for end in 1..=text.len() {
            progress = parser.feed(&text.as_bytes()[..end]);
        }
        assert_eq!(progress, oversip::message::ParseProgress::Head { len });
        let bytewise = parser.take(Bytes::from(text)).expect("complete");
        assert!(bytewise.values().eq(whole.values()));
    }
}
