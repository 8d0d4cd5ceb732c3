//! The grammar of messages: tokens, first lines, headers, URIs and name-addrs, each against every byte or every form that it may
//! have.

use bytes::Bytes;
use oversip::message::{HeaderName, HostType, Message, NameAddrRef, ParseError, UriRef};

fn read(text: &[u8]) -> Result<Message, ParseError> {
    Message::parse(Bytes::copy_from_slice(text)).map(|(message, _)| message)
}

/// A request with one more header line.
fn with(line: &[u8]) -> Result<Message, ParseError> {
    read(&[b"OPTIONS sip:a SIP/2.0\r\n", line, b"\r\n\r\n"].concat())
}

fn accepts(line: &str) -> bool {
    with(line.as_bytes()).is_ok()
}

/// The bytes with which a test comes out true.
fn bytes_that(test: impl Fn(u8) -> bool) -> Vec<u8> {
    (0..=255).filter(|byte| test(*byte)).collect()
}

fn alphanumeric_and(others: &[u8]) -> Vec<u8> {
    bytes_that(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
}

const TOKEN: &[u8] = b"-.!%*_+`'~";
const UNRESERVED: &[u8] = b"-_.!~*'()";

#[test]
fn token_in_method_header_name_branch_tag_and_option_tag() {
    let token = alphanumeric_and(TOKEN);
    let wraps: [(&[u8], &[u8]); 5] = [
        (b"OPTIONS sip:a SIP/2.0\r\n", b": x\r\n\r\n"),
        (b"OPTIONS sip:a SIP/2.0\r\nVia: a/b/c d;branch=", b"\r\n\r\n"),
        (b"OPTIONS sip:a SIP/2.0\r\nTo: <sip:a>;tag=", b"\r\n\r\n"),
        (b"OPTIONS sip:a SIP/2.0\r\nRequire: ", b"\r\n\r\n"),
        (b"", b" sip:a SIP/2.0\r\n\r\n"),
    ];
    for (before, after) in wraps {
        let found = bytes_that(|byte| read(&[before, &[b'x', byte, b'x'], after].concat()).is_ok());
        let others = separators_of(before);
        assert_eq!(found, bytes_that(|byte| token.contains(&byte) || others.contains(&byte)), "{before:?}");
    }
}

/// What separates values or parameters where the byte stands.
fn separators_of(before: &[u8]) -> Vec<u8> {
    match before {
        b"OPTIONS sip:a SIP/2.0\r\n" => vec![b':'],
        _ if before.ends_with(b"branch=") || before.ends_with(b"tag=") => vec![b';'],
        _ if before.ends_with(b"Require: ") => vec![b','],
        _ => vec![],
    }
}

#[test]
fn word_of_call_id() {
    let word = alphanumeric_and(&[TOKEN, b"()<>:\\\"/[]?{}@"].concat());
    assert_eq!(bytes_that(|byte| with(&[b"Call-ID: x", &[byte][..], b"x"].concat()).is_ok()), word);
    for (value, valid) in
        [("a@b", true), ("a@", false), ("@a", false), ("a@b@c", false), ("a b", false), ("", false)]
    {
        assert_eq!(accepts(&format!("i: {value}")), valid, "{value}");
    }
}

#[test]
fn text_of_other_headers() {
    let one = bytes_that(|byte| with(&[b"X: a", &[byte][..], b"b"].concat()).is_ok());
    // RFC 3261 16.3: a header that is not parsed need not be well-formed, so its encoding does not matter.
    assert_eq!(one, bytes_that(|byte| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..)));
}

#[test]
fn display_name_without_quotes() {
    let one = bytes_that(|byte| with(&[b"To: a", &[byte][..], b"b <sip:a>"].concat()).is_ok());
    let ascii = alphanumeric_and(&[TOKEN, b"\t <"].concat());
    assert_eq!(one, bytes_that(|byte| (ascii.contains(&byte) && byte != b'<') || byte >= 0x80));
    for (name, text) in [("J\u{f6}rg \u{65e5}", "J\u{f6}rg \u{65e5}".as_bytes()), ("latin", b"J\xf6rg \xff")]
    {
        let message = with(&[b"To: ", text, b" <sip:a>;tag=1"].concat()).expect(name);
        assert_eq!(message.to().and_then(|to| to.display_name()), Some(text), "{name}");
        assert_eq!(message.to_tag(), Some(&b"1"[..]));
    }
    assert!(!accepts("To: sip:j\u{f6}rg@a"));
}

#[test]
fn quoted_string() {
    let inside = bytes_that(|byte| with(&[b"To: \"a", &[byte][..], b"b\" <sip:a>"].concat()).is_ok());
    // A backslash escapes the byte behind it.
    assert_eq!(inside, bytes_that(|byte| matches!(byte, b'\t' | 0x20 | 0x21 | 0x23..=0x7e | 0x80..)));
    let escaped = bytes_that(|byte| with(&[b"To: \"a\\", &[byte][..], b"b\" <sip:a>"].concat()).is_ok());
    assert_eq!(escaped, bytes_that(|byte| byte < 0x80 && byte != b'\r' && byte != b'\n'));
    assert!(accepts("To: \"a\r\n b\u{e4}\" <sip:a>"));
    assert!(!accepts("To: \"a\r\n\r\n b\" <sip:a>"));
}

#[test]
fn linear_white_space_has_one_fold() {
    for (value, valid) in [
        (" <sip:a>", true),
        ("\t \r\n\t <sip:a>", true),
        ("\r\n <sip:a> \r\n ; \r\n tag \r\n = \r\n x", true),
        ("\r\n \r\n sip:a", false),
        // White space may also stand before a bracket.
        ("\r\n \r\n <sip:a>", true),
        ("<sip:a> \n ;tag=x", false),
        ("<sip:a>\r ;tag=x", false),
    ] {
        assert_eq!(accepts(&format!("To:{value}")), valid, "{value:?}");
    }
    for (line, valid) in [
        ("To : <sip:a>", true),
        ("To\t \t: <sip:a>", true),
        ("To\r\n : <sip:a>", false),
        (" To: <sip:a>", false),
    ] {
        assert_eq!(accepts(line), valid, "{line:?}");
    }
}

#[test]
fn generic_parameter_values() {
    for (value, valid) in [
        ("=a", true),
        ("", true),
        ("=\"a/b\"", true),
        ("=[::1]", true),
        ("=10.0.0.1", true),
        (" = a", true),
        ("=", false),
        ("=a/b", false),
        ("=[x]", false),
        ("=\"a", false),
        ("=a b", false),
    ] {
        for line in ["To: <sip:a>;x", "Via: a/b/c d;x", "Route: <sip:a>;x"] {
            assert_eq!(accepts(&format!("{line}{value}")), valid, "{line}{value}");
        }
    }
}

#[test]
fn hosts_and_ports() {
    use HostType::{Domain, Ipv4, Ipv6Reference};
    for (host, host_type) in [
        ("a", Some(Domain)),
        ("a.", Some(Domain)),
        ("1.a", Some(Domain)),
        ("a_b.c-d", Some(Domain)),
        ("a-1.b2", Some(Domain)),
        ("0.255.10.1", Some(Ipv4)),
        ("[::]", Some(Ipv6Reference)),
        ("[1:2:3:4:5:6:7:8]", Some(Ipv6Reference)),
        ("[::ffff:10.0.0.1]", Some(Ipv6Reference)),
        ("[1::8]", Some(Ipv6Reference)),
        ("a..b", None),
        ("a.1", Some(Domain)),
        ("019f9ae299f5", Some(Domain)),
        ("12345", Some(Domain)),
        ("a.1b.", Some(Domain)),
        ("1.1.1.1x", Some(Domain)),
        ("300.1.1.1", None),
        ("1.2.3.4.5", None),
        ("1.2.3", None),
        ("1.1.1.1.", None),
        ("-a", None),
        ("a-", None),
        ("a_", None),
        (".a", None),
        ("256.1.1.1", None),
        ("01.1.1.1", None),
        ("1.1.1", None),
        ("[::1%1]", None),
        ("[1:2]", None),
        ("::1", None),
        ("[::1", None),
        ("a\u{e4}", None),
    ] {
        assert_eq!(
            UriRef::parse(format!("sip:x@{host}").as_bytes()).and_then(|uri| uri.host_type()),
            host_type,
            "{host}"
        );
        assert_eq!(accepts(&format!("Via: SIP/2.0/UDP {host}")), host_type.is_some(), "{host}");
    }
    for (port, value) in [
        ("1", Some(1)),
        ("65535", Some(65535)),
        ("0070", Some(70)),
        ("9999", Some(9999)),
        ("10000", Some(10000)),
        ("0", None),
        ("0000", None),
        ("00000", None),
        ("05060", None),
        ("65536", None),
        ("100000", None),
        ("", None),
        ("-1", None),
    ] {
        assert_eq!(
            UriRef::parse(format!("sip:a:{port}").as_bytes()).and_then(|uri| uri.port()),
            value,
            "{port}"
        );
        assert_eq!(accepts(&format!("Via: SIP/2.0/UDP a:{port}")), value.is_some(), "{port}");
    }
}

#[test]
fn first_lines() {
    for (line, valid) in [
        ("OPTIONS sip:a SIP/2.0", true),
        ("OPTIONS sip:a sIp/12.34", true),
        ("SIP sip:a SIP/2.0", true),
        ("OPTIONS tel:1 SIP/7.0", true),
        ("OPTIONS foo: SIP/2.0", true),
        ("OPTIONS  sip:a SIP/2.0", false),
        ("OPTIONS sip:a  SIP/2.0", false),
        ("OPTIONS sip:a SIP/2.0 ", false),
        (" OPTIONS sip:a SIP/2.0", false),
        ("OPTIONS sip:a SIP/2", false),
        ("OPTIONS sip:a SIP/123.0", false),
        ("OPTIONS sip:a SIP/2.000", false),
        ("OPTIONS a SIP/2.0", false),
        ("OPTIONS\tsip:a SIP/2.0", false),
        ("SIP/2.0 100 ", true),
        ("SIP/2.0 699 a\0b\u{e4}", true),
        ("SIP/2.0 099 a", false),
        ("SIP/2.0 700 a", false),
        ("SIP/2.0 20 a", false),
        ("SIP/2.0 2000 a", false),
        ("SIP/2.0 200", true),
        ("SIP/2.0 200OK", false),
        ("SIP/2.0  200 a", false),
        ("SIP/2.0 200 a\nb", false),
        ("SIP/2.0 200 a\rb", false),
    ] {
        assert_eq!(read(format!("{line}\r\n\r\n").as_bytes()).is_ok(), valid, "{line:?}");
    }
    let reason = bytes_that(|byte| read(&[b"SIP/2.0 200 a", &[byte][..], b"b\r\n\r\n"].concat()).is_ok());
    assert_eq!(reason, bytes_that(|byte| byte != b'\r' && byte != b'\n'));
}

#[test]
fn http_is_no_version() {
    assert!(read(b"OPTIONS sip:a HTTP/1.1\r\n\r\n").is_err());
    assert!(read(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
}

#[test]
fn one_line_end_before_a_message_and_two_are_a_keepalive() {
    assert!(read(b"\r\nOPTIONS sip:a SIP/2.0\r\n\r\n").is_ok());
    assert_eq!(read(b"\r\n\r\nOPTIONS sip:a SIP/2.0\r\n\r\n").err(), Some(ParseError::Keepalive));
}

#[test]
fn empty_values() {
    for (name, valid) in [
        ("X", true),
        ("Subject", true),
        ("Supported", true),
        ("k", true),
        ("Contact", true),
        ("Via", false),
        ("From", false),
        ("To", false),
        ("Call-ID", false),
        ("CSeq", false),
        ("Max-Forwards", false),
        ("Content-Length", false),
        ("Route", false),
        ("Require", false),
        ("Proxy-Require", false),
    ] {
        assert_eq!(accepts(&format!("{name}:")), valid, "{name}");
        assert_eq!(accepts(&format!("{name}: \r\n ")), valid, "{name} with a fold");
    }
}

#[test]
fn lists_are_split_and_texts_are_kept() {
    let values = |line: &str, name| -> Vec<String> {
        let message = with(line.as_bytes()).expect("valid");
        message.header_all(name).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    };
    assert_eq!(
        values("Via: a/b/c d \r\n , a/b/c e;x=\"1,2\"", HeaderName::Via),
        ["a/b/c d", "a/b/c e;x=\"1,2\""]
    );
    assert_eq!(values("Route: <sip:a,b@c>\t,<sip:d>", HeaderName::Route), ["<sip:a,b@c>", "<sip:d>"]);
    for (line, name) in [
        ("Record-Route: <sip:a> , <sip:b> ", HeaderName::RecordRoute),
        ("Allow: A,B  ", HeaderName::Allow),
        ("P-Asserted-Identity: <sip:a>, <tel:1>\r\n ", HeaderName::PAssertedIdentity),
    ] {
        assert_eq!(values(line, name), [line.split_once(": ").expect("a value").1]);
    }
    assert_eq!(values("Require: a , B", HeaderName::Require), ["a , B"]);
}

#[test]
fn structured_headers() {
    for (line, valid) in [
        ("CSeq: 1 A", true),
        ("CSeq: 0123456789\r\n A", true),
        ("CSeq: 12345678901 A", false),
        ("CSeq: 1", false),
        ("CSeq: 1A", false),
        ("CSeq: -1 A", false),
        ("CSeq: 1 A B", false),
        ("Max-Forwards: 0", true),
        ("Max-Forwards: 9999", true),
        ("Max-Forwards: 10000", false),
        ("Max-Forwards: x", false),
        ("l: 999999999", true),
        ("l: 1000000000", false),
        ("l: -1", false),
        ("l: +1", false),
        ("l: 1.0", false),
        ("From: sip:a@b;tag=1", true),
        ("From: A B <tel:1>;x", true),
        ("From: isbn:1", true),
        ("From: <a>", false),
        ("From: sip:a?b=c", false),
        ("From: sip:a,sip:b", false),
        ("From: <sip:a>;tag", true),
        ("From: <sip:a>;tag=\"x\"", false),
        ("To: A, B <sip:a>", false),
        ("To: <sip:a> <sip:b>", false),
        ("To: \"A\" B <sip:a>", false),
        ("To: <sip:a", false),
        ("To: A<sip:a>", true),
        ("To: < sip:a>", false),
        ("To: <sip:a >", false),
        ("Via: SIP / 2.0 / UDP \t a : 1 ; x", true),
        ("Via: SIP/2.0/UDP", false),
        ("Via: SIP/2.0 a", false),
        ("Via: SIP/2.0/UDPa", false),
        ("Via: a/b/c d,", true),
        ("Via: , \r\n ,a/b/c d,,a/b/c e , ", true),
        ("Via: ,", false),
        ("Via: a/b/c d;", true),
        ("Via: a/b/c d;x ; , a/b/c e;\t", true),
        ("Via: a/b/c d;;x", false),
        ("Via: a/b/c d;=x", false),
        ("Via: a/b/c d;branch", false),
        ("Via: a/b/c d;branch=\"x\"", false),
        ("Via: a/b/c d;rport=x", false),
        ("Via: a/b/c d;rport=", true),
        ("Via: a/b/c d;rport=;x", true),
        ("Via: a/b/c d;rport= , a/b/c e", true),
        ("Via: a/b/c d;x=", false),
        ("Via: a/b/c d;rport=1;RPORT", true),
        ("Via: a/b/c d;alias=\"x\"", false),
        ("Via: a/b/c d;received=x", false),
        ("Via: a/b/c d;received", false),
        ("Via: a/b/c d;received=::1", true),
        ("Route: sip:a", false),
        ("Route: <tel:1>", false),
        ("Route: A <sips:a>;x=y, <sip:b>", true),
        ("Route: <sip:a>,", true),
        ("Route: ,<sip:a>;x; , ,<sip:b>", true),
        ("Route: ,", false),
        ("From: <sip:a>;tag=1;", true),
        ("From: sip:a;", true),
        ("From: <sip:a>;;tag=1", false),
        ("From: <sip:a;>", false),
        ("From: <sip:a>,", false),
        ("Require: a", true),
        ("Require: a,b", true),
        ("Require: a,", true),
        ("Require: ,a,,b", true),
        ("Require: ,", false),
        ("Require: a b", false),
        ("Proxy-Require: a;b", false),
        ("Supported: a, b", true),
        ("Supported: ,", true),
        ("Supported: ,outbound", true),
        ("Supported: a/b", false),
        ("Contact: *", true),
        ("Contact: anything, at <all", true),
        ("Contact: a\0b", false),
    ] {
        assert_eq!(accepts(line), valid, "{line:?}");
    }
}

#[test]
fn blanks_behind_structured_values_are_no_part_of_them() {
    for line in [
        "Via: a/b/c d",
        "From: <sip:a>",
        "To: sip:a;x",
        "Call-ID: a",
        "CSeq: 1 A",
        "Max-Forwards: 7",
        "Content-Length: 0",
        "Route: <sip:a>",
        "Require: a",
        "Proxy-Require: a",
        "Supported: a",
        "Contact: <sip:a>",
    ] {
        for blank in [" ", "\t ", " \r\n "] {
            let message = with(format!("{line}{blank}").as_bytes()).expect("tolerated");
            let (_, _, value) = message.values().next().expect("a header");
            assert_eq!(value, line.split_once(": ").expect("a value").1.as_bytes());
        }
    }
}

#[test]
fn received_may_have_brackets() {
    assert!(accepts("Via: a/b/c d;received=[::1]"));
    assert!(!accepts("Via: a/b/c d;received=[10.0.0.1]"));
}

fn uri_accepts(before: &str, after: &str) -> Vec<u8> {
    bytes_that(|byte| UriRef::parse(&[before.as_bytes(), &[byte], after.as_bytes()].concat()).is_some())
}

#[test]
fn bytes_of_sip_uris() {
    let with_unreserved = |others: &[u8]| alphanumeric_and(&[UNRESERVED, others].concat());
    // `@` ends the user; the rest must be a host, which `x@` is not.
    assert_eq!(uri_accepts("sip:x", "x@h"), with_unreserved(b"&=+$,;?/#:"));
    assert_eq!(uri_accepts("sip:u:x", "x@h"), with_unreserved(b"&=+$,"));
    // Between key and value of a parameter stands `=`, between two parameters `;`; headers begin with `?`.
    assert_eq!(uri_accepts("sip:u@h;x", "x"), with_unreserved(b"[]/:&+$=;"));
    assert_eq!(uri_accepts("sip:u@h;k=x", "x"), with_unreserved(b"[]/:&+$;"));
    assert_eq!(uri_accepts("sip:u@h?x", "x=1"), with_unreserved(b"[]/?:+$"));
    assert_eq!(uri_accepts("sip:u@h?k=x", "x"), with_unreserved(b"[]/?:+$"));
    for (uri, valid) in [
        ("sip:%41%fF@h", true),
        ("sip:%4@h", false),
        ("sip:%gg@h", false),
        ("sip:@h", false),
        ("sip:u:@h", true),
        ("sip:u:p:q@h", false),
        ("sip:h;", false),
        ("sip:h;=", false),
        ("sip:h;k=", true),
        ("sip:h;k=v=w", false),
        ("sip:h?k", false),
        ("sip:h?k=", true),
        ("sip:h?k=v&l=w", true),
        ("sip:h?k=v&", false),
        ("sip:", false),
        ("sip", false),
        ("SiPs:h", true),
        (" sip:h", false),
        ("<sip:h>", false),
    ] {
        assert_eq!(UriRef::parse(uri.as_bytes()).is_some(), valid, "{uri}");
    }
}

#[test]
fn tel_and_other_uris() {
    let digit = bytes_that(|byte| byte.is_ascii_digit() || b"-.()".contains(&byte));
    assert_eq!(uri_accepts("tel:+1", "1"), bytes_that(|byte| digit.contains(&byte) || byte == b';'));
    let local =
        bytes_that(|byte| digit.contains(&byte) || byte.is_ascii_hexdigit() || b"*#;".contains(&byte));
    assert_eq!(uri_accepts("tel:1", "1"), local);
    for (uri, valid) in [
        ("tel:+", false),
        ("tel:+-", false),
        ("tel:-", false),
        ("tel:#", true),
        ("TEL:1;a", true),
        ("tel:1;a=", false),
        ("tel:1;a_b", false),
        ("tel:1;a-B2=%41[/]", true),
        ("tel:+a", false),
        ("foo:", true),
        ("f1+-.:x", true),
        ("1f:x", false),
        ("foo", false),
        ("foo:a#b", false),
        ("foo:%41", true),
        ("foo:%4", false),
        ("http://u@[::1]:80/a?b", true),
        ("http://[::1]x", false),
        ("http:[::1]", false),
        ("http://a/[::1]", false),
        ("foo:a b", false),
    ] {
        assert_eq!(UriRef::parse(uri.as_bytes()).is_some(), valid, "{uri}");
    }
    let opaque = alphanumeric_and(&[UNRESERVED, b";/?:@&=+$,"].concat());
    assert_eq!(uri_accepts("foo:x", "x"), opaque);
}

#[test]
fn name_addrs() {
    for (text, display) in [
        ("<sip:a>", Some(None)),
        ("sip:a", Some(None)),
        ("\"\" <sip:a>", Some(None)),
        ("A  b <sip:a>", Some(Some("A  b"))),
        ("\"A \\\" b\"<sip:a>;x;tag=y", Some(Some("A \\\" b"))),
        ("A<sip:a>", Some(Some("A"))),
        ("\"A\" b <sip:a>", None),
        ("A, b <sip:a>", None),
        ("sip:a,b", None),
        ("sip:a?b=c", None),
        ("<sip:a>x", None),
        ("<sip:a>;", None),
        ("<>", None),
        ("", None),
        ("A", None),
        ("<sip:a> ", Some(None)),
    ] {
        let found = NameAddrRef::parse(text.as_bytes())
            .map(|name_addr| name_addr.display_name().map(|name| String::from_utf8_lossy(name).into_owned()));
        assert_eq!(found, display.map(|name| name.map(str::to_owned)), "{text}");
    }
}

#[test]
fn name_addr_that_ends_in_a_backslash_is_none() {
    assert!(NameAddrRef::parse(b"\"x\\").is_none());
    assert!(NameAddrRef::parse(b"\"x\\\"").is_none());
}
