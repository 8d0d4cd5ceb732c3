//! The method, the status and the Call-ID of a message, read from its bytes: of one that leaves, and of one that no parser has read.

use std::sync::LazyLock;

use memchr::{memchr, memmem};

/// The fields of a head that say what a message is.
pub(super) struct HeadFields<'a> {
    pub(super) method: &'a [u8],
    pub(super) status: Option<u16>,
    pub(super) call_id: Option<&'a [u8]>,
}

impl<'a> HeadFields<'a> {
    pub(super) fn of(wire: &'a [u8]) -> Self {
        let first = Lines(wire).next().unwrap_or_default();
        let (method, status) = match first.strip_prefix(b"SIP/2.0 ") {
            Some(rest) => {
                let digits = rest.iter().take(3).map(|digit| u16::from(digit.wrapping_sub(b'0')));
                let status = digits.fold(0, |number, digit| number * 10 + digit);
                let cseq = CSEQ.value(wire, &[b"cseq"]);
                let method = cseq.and_then(|value| value.rsplit(|byte| matches!(byte, b' ' | b'\t')).next());
                (method, Some(status))
            }
            None => (first.split(|byte| *byte == b' ').next(), None),
        };
        let call_id = call_id(wire);
        HeadFields { method: method.unwrap_or_default(), status, call_id }
    }
}

static CALL_ID: Usual = Usual(LazyLock::new(|| memmem::Finder::new(b"\nCall-ID: ")));
static CSEQ: Usual = Usual(LazyLock::new(|| memmem::Finder::new(b"\nCSeq: ")));

static END: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\r\n\r\n"));

/// The Call-ID of these bytes.
pub(super) fn call_id(wire: &[u8]) -> Option<&[u8]> {
    CALL_ID.value(wire, &[b"call-id", b"i"])
}

/// Finds a header by its usual spelling, else line by line.
struct Usual(LazyLock<memmem::Finder<'static>>);

impl Usual {
    /// The value. The names are in small letters.
    fn value<'a>(&self, wire: &'a [u8], names: &[&[u8]]) -> Option<&'a [u8]> {
        let usual = self.0.find(wire);
        // One in the body is none.
        if let Some(at) = usual.filter(|at| END.find(&wire[..=*at]).is_none()) {
            let value = Lines(&wire[at + self.0.needle().len()..]).next();
            return value.map(<[u8]>::trim_ascii);
        }
        let lines = Lines(wire).take_while(|line| !line.is_empty());
        lines.flat_map(|line| names.iter().filter_map(move |name| value_of(line, name))).next()
    }
}

/// The value of a header line, if it has this name, which is in small letters.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    let value = rest.trim_ascii_start().strip_prefix(b":")?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

/// The lines of a head, without their ends.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = memchr(b'\n', self.0)?;
        let (line, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(wire: &str) -> (String, Option<u16>, Option<String>) {
        let fields = HeadFields::of(wire.as_bytes());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(fields.method), fields.status, fields.call_id.map(text))
    }

    #[test]
    fn a_request_has_the_method_of_its_first_line() {
        let wire = "BYE sip:bob@example.com SIP/2.0\r\nCSeq: 2 BYE\r\nCall-ID: a b\r\nX: 1\r\n\r\n";
        assert_eq!(fields(wire), ("BYE".into(), None, Some("a b".into())));
    }

    #[test]
    fn a_response_has_the_method_of_its_cseq() {
        let wire = "SIP/2.0 486 Busy Here\r\nContact: <sip:a>\r\ncall-id : x\r\nCSeq:\t7  INVITE\r\n\r\n";
        assert_eq!(fields(wire), ("INVITE".into(), Some(486), Some("x".into())));
        let compact = "SIP/2.0 100 Trying\r\ni:short\r\nCSEQ: 1 OPTIONS\r\n\r\n";
        assert_eq!(fields(compact), ("OPTIONS".into(), Some(100), Some("short".into())));
    }

    #[test]
    fn what_stands_in_the_body_or_is_missing_counts_for_nothing() {
        let body = "SIP/2.0 200 OK\r\nContent-Length: 20\r\n\r\nCall-ID: none\r\nCSeq: 1 ACK\r\n";
        assert_eq!(fields(body), (String::new(), Some(200), None));
        assert_eq!(fields(""), (String::new(), None, None));
    }
}
