//! Requests that break the grammar and can be answered all the same: what is read of them is what a 400 repeats
//! (RFC 3261 8.2.6.2).

use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem;

use super::header_name::HeaderName;
use super::header_syntax::header_line;
use super::lex::{self, Cursor, Span};
use super::parsed::{Element, FirstLine, Line, Parsed};
use super::parser::{first_word, SyntaxError, Word};
use super::received::Message;
use super::split::CommaList;
use super::via;

/// What a 400 has to repeat, apart from Via.
const REPEATED: [HeaderName; 4] = [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq];

/// A header name longer than this is not quoted in a reason phrase.
const LONGEST_NAME: usize = 40;

/// Whether it is worth while to wait for the rest of a head that has this error. A path where a URI belongs is HTTP; and where the
/// request line ends in LF alone, nothing behind it is a line of its own.
pub(crate) fn may_become_refusable(data: &[u8], error: SyntaxError) -> bool {
    method(data).is_some_and(|method| {
        let wrong = data.get(error.offset).copied();
        let http = error.offset == method.end as usize + 1 && wrong == Some(b'/');
        let lone_lf = wrong == Some(b'\n')
            && memchr::memchr(b'\n', &data[method.end as usize..])
                == error.offset.checked_sub(method.end as usize);
        !http && !lone_lf
    })
}

/// The method of a request that may be answered.
fn method(data: &[u8]) -> Option<Span> {
    let start = if data.starts_with(b"\r\n") { 2 } else { 0 };
    match first_word(&mut Cursor::new(data, start))? {
        Word::Method(method) if answerable(method.of(data)) => Some(method),
        _ => None,
    }
}

/// The request that begins `data` and has this error, and the reason phrase of its 400. `None` if it is not to be answered: it
/// may be an ACK or a response, its last line does not end, its top Via says not where it comes from, or a core header is missing.
pub(crate) fn refusable(data: &Bytes, error: SyntaxError) -> Option<(Message, String)> {
    let method = method(data)?;
    let start = method.start as usize;
    let len = match memmem::find(&data[start..], b"\r\n\r\n") {
        Some(found) => start + found + 4,
        // In a datagram that lacks no more than the empty line.
        None if data.ends_with(b"\r\n") => data.len(),
        None => return None,
    };
    let head = data.slice(..len);
    let mut parsed =
        Parsed { first: FirstLine::Request { method, uri: None }, unreadable: true, ..Parsed::default() };
    let mut at = line_end(&head, start) + 2;
    while at + 2 < len {
        let end = line_end(&head, at);
        header(&head, at, end, &mut parsed)?;
        at = end + 2;
    }
    parsed.via?;
    if !REPEATED.iter().all(|name| parsed.lines.iter().any(|line| line.name == *name)) {
        return None;
    }
    let reason = reason(&head, start, error);
    Some((Message::new(head, Arc::new(parsed)), reason))
}

/// Whether a request of this method may get an answer. Method names have a letter case, but what is broken may be broken there,
/// and a broken response must not begin a war of answers.
fn answerable(method: &[u8]) -> bool {
    let response = method.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP"));
    !response && !method.eq_ignore_ascii_case(b"ACK")
}

/// Where the line that begins at `at` ends: at a CRLF that no blank follows.
fn line_end(head: &[u8], at: usize) -> usize {
    let mut from = at;
    while let Some(found) = memmem::find(&head[from..], b"\r\n") {
        let end = from + found;
        if !head.get(end + 2).copied().is_some_and(lex::is_wsp) {
            return end;
        }
        from = end + 2;
    }
    head.len() - 2
}

/// The name of a header line and where its value begins.
fn name(head: &[u8], at: usize, end: usize) -> Option<(Span, usize)> {
    let mut c = Cursor::new(&head[..end], at);
    let name = c.token()?;
    c.separator(b':')?;
    Some((name, c.pos))
}

/// Notes a line that a 400 repeats. `None` if it is the top Via and cannot be read.
fn header(head: &[u8], at: usize, end: usize, parsed: &mut Parsed) -> Option<()> {
    let Some((name_text, value_at)) = name(head, at, end) else { return Some(()) };
    let name = HeaderName::lookup(name_text.of(head));
    if name != HeaderName::Via && !REPEATED.contains(&name) {
        return Some(());
    }
    let elements = parsed.elements.len();
    if header_line(&mut Cursor::new(head, at), parsed).is_some() {
        return Some(());
    }
    parsed.elements.truncate(elements);
    let value = Span::new(value_at, value_at + lex::trim_end(&head[value_at..end]).len());
    if name == HeaderName::Via {
        vias(head, value, parsed)?;
    }
    parsed.lines.push(Line { name, name_text, value, end: (end + 2) as u32 });
    Some(())
}

/// A Via line that breaks the grammar: its first value, and all others as one.
fn vias(head: &[u8], value: Span, parsed: &mut Parsed) -> Option<()> {
    let mut values = CommaList::new(value.of(head));
    let span = |text: &[u8]| {
        let start = text.as_ptr() as usize - head.as_ptr() as usize;
        Span::new(start, start + text.len())
    };
    let first = span(values.next()?);
    if parsed.via.is_none() {
        let mut c = Cursor::new(&head[..first.end as usize], first.start as usize);
        parsed.via = Some(via::as_far_as_readable(&mut c)?);
    }
    let line = parsed.lines.len() as u32;
    for text in std::iter::once(first).chain(values.rest().map(span)) {
        parsed.elements.push(Element { line, text });
        parsed.num_vias += 1;
    }
    Some(())
}

/// Where the error is, for whoever looks at the peer that made it. The position counts from the message's first byte, which is 0.
fn reason(head: &[u8], start: usize, error: SyntaxError) -> String {
    let wrong = error.line_start(head);
    let (mut place, mut at) = ("in request line".to_owned(), start);
    let mut end = line_end(head, at);
    while end < wrong && end + 4 < head.len() {
        at = end + 2;
        end = line_end(head, at);
        place = match name(head, at, end) {
            Some((name, _)) => format!("in {} header", spelled(name.of(head))),
            // A line that has no name is most often meant as the rest of the one before.
            None => place.replacen("in ", "after ", 1),
        };
    }
    // What is read ahead to see whether a line goes on is no part of it.
    format!("Syntax error {place} at byte {}", error.offset.min(end))
}

fn spelled(name: &[u8]) -> String {
    match HeaderName::lookup(name) {
        HeaderName::Other if name.len() > LONGEST_NAME => "a".to_owned(),
        HeaderName::Other => String::from_utf8_lossy(name).into_owned(),
        known => known.canonical().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{datagram, reply, Datagram};
    use super::*;

    const VIA: &str = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa";

    /// Reason phrase and wire text of the answer to a request that has this first line, Via and other lines.
    fn answer(first: &str, via: &str, lines: &str) -> Option<(String, String)> {
        let text = format!(
            "{first}\r\n{via}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: i\r\nCSeq: 1 OPTIONS\r\n{lines}\r\n"
        );
        answer_to(text)
    }

    fn answer_to(text: impl Into<Vec<u8>>) -> Option<(String, String)> {
        match datagram(Bytes::from(text.into())) {
            Datagram::Refused { mut request, status: 400, reason, .. } => {
                request.stamp_via("192.0.2.9:5070".parse().unwrap());
                let wire = reply(&request, 400, reason.as_bytes(), Some(b"t"), &[], b"", b"");
                Some((reason.into_owned(), String::from_utf8_lossy(&wire).into_owned()))
            }
            Datagram::Failed { .. } => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_reason_names_the_header_and_the_byte() {
        let first = "OPTIONS sip:c@d SIP/2.0";
        let (reason, wire) = answer(first, VIA, "Route: sip:r1\r\n").unwrap();
        let text = format!("{first}\r\n{VIA}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: i\r\nCSeq: 1 OPTIONS\r\nRoute: sip");
        assert_eq!(reason, format!("Syntax error in Route header at byte {}", text.len()));
        assert_eq!(
            wire,
            format!(
                "SIP/2.0 400 {reason}\r\n{VIA};received=192.0.2.9\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=t\r\n\
                 Call-ID: i\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
            )
        );
        let before = text.len() - "Route: sip".len();
        for (lines, place, offset) in [
            ("m: \x01\r\n", "in Contact header", 3),
            ("X-Odd: a\x01\r\n", "in X-Odd header", 8),
            ("Max-Forwards: \r\n", "in Max-Forwards header", 14),
            ("Contact: <sip:a@b\r\n>;expires=5\r\n", "after Contact header", 19),
            ("Subject: a\nX: b\r\n", "in Subject header", 10),
            ("\x01\r\n", "after CSeq header", 0),
            ("Supported: a b\r\n", "in Supported header", 13),
            (&format!("{}: \x01\r\n", "X".repeat(50)), "in a header", 52),
        ] {
            let reason = format!("Syntax error {place} at byte {}", before + offset);
            assert_eq!(answer(first, VIA, lines).unwrap().0, reason, "{lines:?}");
        }
        for (first, reason) in [
            ("OPTIONS sip:@d SIP/2.0", "in request line at byte 12"),
            ("OPTIONS sip:d:0 SIP/2.0", "in request line at byte 15"),
            ("OPTIONS <sip:d> SIP/2.0", "in request line at byte 8"),
            ("OPTIONS sip:d SIP/2.0 ", "in request line at byte 21"),
        ] {
            assert_eq!(answer(first, VIA, "").unwrap().0, format!("Syntax error {reason}"), "{first}");
        }
    }

    #[test]
    fn an_unreadable_value_comes_back_as_it_was_but_for_line_ends() {
        let text = format!(
            "OPTIONS sip:c@d SIP/2.0\r\n{VIA}\r\nFrom: sip:a,x@b;tag=1\r\nTo: \"\"x\"\" <sip:c@d>\nX: 1\r\n\
             Call-ID: a b\r\nCSeq: x\r\n\r\n"
        );
        let (reason, wire) = answer_to(text).unwrap();
        assert!(reason.starts_with("Syntax error in From header"), "{reason}");
        for line in ["From: sip:a,x@b;tag=1", "To: \"\"x\"\" <sip:c@d> X: 1", "Call-ID: a b", "CSeq: x"] {
            assert!(wire.contains(&format!("\r\n{line}\r\n")), "{wire}");
        }
    }

    #[test]
    fn a_top_via_is_read_as_far_as_it_can_be() {
        let first = "OPTIONS sip:c@d SIP/2.0";
        for (via, stamped) in [
            (
                "SIP/2.0/UDP h;received=name;branch=z9hG4bKa",
                "SIP/2.0/UDP h;branch=z9hG4bKa;received=192.0.2.9",
            ),
            (
                "SIP/2.0/UDP h;x=1;;branch=z9hG4bKa;rport;y=2",
                "SIP/2.0/UDP h;branch=z9hG4bKa;received=192.0.2.9;rport=5070;x=1",
            ),
            ("SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa;=", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa;="),
            (
                "SIP/2.0/UDP h:0;rport;branch=z9hG4bKa",
                "SIP/2.0/UDP h:0;branch=z9hG4bKa;received=192.0.2.9;rport=5070",
            ),
            (
                "SIP/2.0/UDP h;;,;,, SIP/2.0/UDP i;branch=z9hG4bKb",
                "SIP/2.0/UDP h;received=192.0.2.9\r\nVia: ;,, SIP/2.0/UDP i;branch=z9hG4bKb",
            ),
        ] {
            let (reason, wire) = answer(first, &format!("Via: {via}\r\nv: SIP/2.0/TCP next"), "").unwrap();
            assert!(reason.starts_with("Syntax error in Via header at byte "), "{reason}");
            assert!(wire.contains(&format!("\r\nVia: {stamped}\r\nVia: SIP/2.0/TCP next\r\n")), "{wire}");
        }
        let (_, wire) = answer(first, &format!("{VIA}\r\nVia: what\x01"), "").unwrap();
        assert!(wire.contains("\r\nVia: what\x01\r\nFrom"), "{wire}");
    }

    #[test]
    fn what_cannot_or_must_not_be_answered_is_dropped() {
        let bad = "Route: sip:r1\r\n";
        let options = "OPTIONS sip:c@d SIP/2.0";
        assert!(answer(options, VIA, bad).is_some());
        for first in [
            "ACK sip:c@d SIP/2.0",
            "ack sip:c@d SIP/2.0",
            "SIP/2.0 200 OK",
            "SIP/2.0 20 OK",
            "SIP /2.0 200 OK",
            "sip2.0 200 OK",
            "\x01",
            "OPTIONS",
        ] {
            assert_eq!(answer(first, VIA, bad), None, "{first}");
        }
        for via in [
            "Via: nobody",
            "Via: SIP/2.0/UDP",
            "Via: SIP/2.0/UDP h:0;branch=z9hG4bKa",
            "X: y",
            "Via: nobody\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa",
        ] {
            assert_eq!(answer(options, via, bad), None, "{via}");
        }
        let whole = format!(
            "{options}\r\n{VIA}\r\nFrom: <sip:a@b>\r\nTo: <sip:c@d>\r\nCall-ID: i\r\nCSeq: 1 OPTIONS\r\n{bad}\r\n"
        );
        assert!(answer_to(whole.clone()).is_some());
        for header in ["From", "To", "Call-ID", "CSeq"] {
            assert_eq!(answer_to(whole.replace(&format!("\r\n{header}:"), "\r\nX:")), None, "{header}");
        }
        assert_eq!(answer_to(whole.replace("\r\n", "\n")), None);
        assert!(answer_to(&whole.as_bytes()[..whole.len() - 2]).is_some());
        assert_eq!(answer_to(&whole.as_bytes()[..whole.len() - 3]), None);
    }
}
