//! The parts of an upgrade request's head that have a grammar of their own: the request line and the typed headers
//! (RFC 9112 section 3, RFC 6455 section 4.1).

use crate::message::{ip_type, is_token, IpType};

/// No rule accepts the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// The request line, in pieces of the line itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RequestLine<'a> {
    pub method: &'a [u8],
    pub uri: &'a [u8],
    pub path: &'a [u8],
    pub query: Option<&'a [u8]>,
    pub fragment: Option<&'a [u8]>,
    pub version: &'a [u8],
}

/// Reads `METHOD SP TARGET SP VERSION` without its line end.
pub(super) fn request_line(line: &[u8]) -> Result<RequestLine<'_>, Malformed> {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let (Some(method), Some(uri), Some(version)) = (words.next(), words.next(), words.next()) else {
        return Err(Malformed);
    };
    let (before_fragment, fragment) = split_at(uri, b'#');
    let (path, query) = split_at(before_fragment, b'?');
    let well_formed = is_token(method)
        && path.starts_with(b"/")
        && all_in(path, is_path_byte)
        && [query, fragment].into_iter().flatten().all(|part| all_in(part, is_query_byte))
        && is_version(version);
    well_formed.then_some(RequestLine { method, uri, path, query, fragment, version }).ok_or(Malformed)
}

/// Whether a request line may begin like this: so that what is no HTTP is noticed before its line ends.
pub(super) fn begins_request_line(line: &[u8]) -> bool {
    let method_end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let target = line.get(method_end + 1..).unwrap_or_default();
    (line.is_empty() || is_token(&line[..method_end])) && (target.is_empty() || target[0] == b'/')
}

fn split_at(text: &[u8], separator: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(separator, text) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// Every byte fits, and each `%` begins an escape.
fn all_in(text: &[u8], fits: fn(u8) -> bool) -> bool {
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        rest = match (byte, tail) {
            (b'%', [a, b, tail @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => tail,
            (byte, tail) if fits(*byte) => tail,
            _ => return false,
        };
    }
    true
}

/// Wider than RFC 3986: browsers send these unescaped. No parameters (`;`) in a path.
fn is_path_byte(byte: u8) -> bool {
    is_query_byte(byte) && !matches!(byte, b';' | b'?')
}

fn is_query_byte(byte: u8) -> bool {
    !byte.is_ascii_control() && !matches!(byte, b' ' | b'"' | b'#' | b'%' | b'<' | b'>')
}

/// `HTTP/d[d].d[d]`, the name in any letter case.
fn is_version(text: &[u8]) -> bool {
    let Some((name, numbers)) = text.split_at_checked(5) else { return false };
    let (major, minor) = split_at(numbers, b'.');
    name.eq_ignore_ascii_case(b"HTTP/")
        && is_number(major, 2)
        && minor.is_some_and(|minor| is_number(minor, 2))
}

fn is_number(text: &[u8], max_digits: usize) -> bool {
    (1..=max_digits).contains(&text.len()) && text.iter().all(u8::is_ascii_digit)
}

/// A decimal number; leading zeros mean nothing.
pub(super) fn number(text: &[u8], max_digits: usize) -> Result<u32, Malformed> {
    let digits = is_number(text, max_digits).then(|| std::str::from_utf8(text).ok()).flatten();
    digits.and_then(|digits| digits.parse().ok()).ok_or(Malformed)
}

/// One token.
pub(super) fn token(text: &[u8]) -> Result<String, Malformed> {
    if is_token(text) {
        Ok(ascii(text))
    } else {
        Err(Malformed)
    }
}

/// One or more tokens with commas between them.
pub(super) fn tokens(text: &[u8]) -> Result<Vec<String>, Malformed> {
    if text.ends_with(b" ") || text.ends_with(b"\t") {
        return Err(Malformed);
    }
    text.split(|byte| *byte == b',').map(|item| token(item.trim_ascii())).collect()
}

/// Printable ASCII without a blank.
pub(super) fn visible(text: &[u8]) -> Result<String, Malformed> {
    if !text.is_empty() && text.iter().all(u8::is_ascii_graphic) {
        Ok(ascii(text))
    } else {
        Err(Malformed)
    }
}

/// `host[:port]`: the host in lower case without a dot at its end, IPv6 in its brackets.
pub(super) fn host(text: &[u8]) -> Result<(String, Option<u16>), Malformed> {
    let port_at = match text.iter().rposition(|byte| matches!(byte, b':' | b']')) {
        Some(at) if text[at] == b':' => Some(at),
        _ => None,
    };
    let (name, port) = match port_at {
        Some(at) => (&text[..at], Some(port(&text[at + 1..])?)),
        None => (text, None),
    };
    let name = match ip_type(name) {
        Some(IpType::Ipv6) => return Err(Malformed),
        Some(_) => name,
        None => domain(name)?,
    };
    Ok((ascii(name).to_ascii_lowercase(), port))
}

fn port(text: &[u8]) -> Result<u16, Malformed> {
    let number = number(text, 5)?;
    u16::try_from(number).ok().filter(|port| *port > 0).ok_or(Malformed)
}

/// Labels with dots between them.
fn domain(text: &[u8]) -> Result<&[u8], Malformed> {
    let name = text.strip_suffix(b".").unwrap_or(text);
    let is_label = |label: &[u8]| {
        !label.is_empty()
            && label.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.split(|byte| *byte == b'.').all(is_label).then_some(name).ok_or(Malformed)
}

fn ascii(text: &[u8]) -> String {
    // Every caller has seen to it that the text is ASCII.
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_line_comes_apart() {
        let line = request_line(b"GET //chat/x?a=1;b?#top HTTP/1.1").expect("well-formed");
        assert_eq!(line.method, b"GET");
        assert_eq!(line.uri, b"//chat/x?a=1;b?#top");
        assert_eq!(line.path, b"//chat/x");
        assert_eq!(line.query, Some(&b"a=1;b?"[..]));
        assert_eq!(line.fragment, Some(&b"top"[..]));
        assert_eq!(line.version, b"HTTP/1.1");
    }

    #[test]
    fn targets_that_browsers_send_are_taken() {
        for target in ["/", "/a%20b", "/[x]|y", "/\u{e9}", "/a?", "/a?x;y", "/a#", "/a?b#c/d"] {
            assert!(request_line(format!("GET {target} HTTP/1.0").as_bytes()).is_ok(), "{target}");
        }
    }

    #[test]
    fn other_request_lines_are_refused() {
        for line in [
            "",
            "GET",
            "GET /",
            "GET  / HTTP/1.1",
            "GET /  HTTP/1.1",
            " GET / HTTP/1.1",
            "GET / HTTP/1.1 ",
            "G@T / HTTP/1.1",
            "GET * HTTP/1.1",
            "GET http://a/ HTTP/1.1",
            "GET a HTTP/1.1",
            "GET /a;b HTTP/1.1",
            "GET /a%2 HTTP/1.1",
            "GET /a%zz HTTP/1.1",
            "GET /<a> HTTP/1.1",
            "GET /a#b#c HTTP/1.1",
            "GET /\u{7f} HTTP/1.1",
            "GET / HTTP/1",
            "GET / HTTP/1.",
            "GET / HTTP/111.1",
            "GET / HTTP/1.1.1",
            "GET / SIP/2.0",
        ] {
            assert_eq!(request_line(line.as_bytes()), Err(Malformed), "{line:?}");
        }
    }

    #[test]
    fn the_version_is_any_with_one_or_two_digits_in_any_letter_case() {
        for version in ["HTTP/1.0", "HTTP/1.1", "http/2.0", "HtTp/12.34"] {
            assert!(request_line(format!("GET / {version}").as_bytes()).is_ok(), "{version}");
        }
    }

    #[test]
    fn the_beginning_of_a_request_line_is_recognised() {
        for begin in ["", "G", "GET", "GET ", "GET /", "GET /a b"] {
            assert!(begins_request_line(begin.as_bytes()), "{begin:?}");
        }
        for begin in [" ", "\x16\x03\x01", "G@", "GET *", "GET  "] {
            assert!(!begins_request_line(begin.as_bytes()), "{begin:?}");
        }
    }

    #[test]
    fn a_host_is_kept_in_lower_case_without_its_last_dot() {
        let text = |name: &str, port| Ok((name.to_owned(), port));
        assert_eq!(host(b"Edge.Example.NET."), text("edge.example.net", None));
        assert_eq!(host(b"a_b-c:8080"), text("a_b-c", Some(8080)));
        assert_eq!(host(b"192.0.2.1:1"), text("192.0.2.1", Some(1)));
        assert_eq!(host(b"[2001:DB8::1]"), text("[2001:db8::1]", None));
        assert_eq!(host(b"[::1]:65535"), text("[::1]", Some(65535)));
        for wrong in
            ["", ":80", "a:", "a:0", "a:65536", "a:x", "a b", "::1", "[::1", "[x]", "a..b", ".", "a/b"]
        {
            assert_eq!(host(wrong.as_bytes()), Err(Malformed), "{wrong:?}");
        }
    }

    #[test]
    fn numbers_are_decimal_whatever_they_begin_with() {
        assert_eq!(number(b"010", 9), Ok(10));
        assert_eq!(number(b"999999999", 9), Ok(999_999_999));
        for wrong in ["", "1234567890", "1 ", "-1", "0x1"] {
            assert_eq!(number(wrong.as_bytes(), 9), Err(Malformed), "{wrong:?}");
        }
    }

    #[test]
    fn token_lists_have_tokens_between_their_commas() {
        assert_eq!(
            tokens(b"keep-alive, Upgrade,x"),
            Ok(vec!["keep-alive".into(), "Upgrade".into(), "x".into()])
        );
        for wrong in ["", ",", "a,", "a b", "a, ", "a;b", "a "] {
            assert_eq!(tokens(wrong.as_bytes()), Err(Malformed), "{wrong:?}");
        }
    }
}
