//! What those who look on are told: messages that come and leave, and blocks that have run. Views that own nothing.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Instant;

use memchr::{memchr, memmem};

use crate::message::{ConnectionId, Message, Source, Transport};

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It has come.
    In,
    /// It leaves.
    Out,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is here, or on its way.
    Sent,
    /// It has not left.
    Refused,
}

/// A message that has come or that leaves. The same message is told once each time that it does so.
#[derive(Debug, Clone, Copy)]
pub struct ObservedMessage<'a> {
    /// When, by the engine's clock.
    pub at: Instant,
    /// Which way.
    pub direction: Direction,
    /// Its transport.
    pub transport: Transport,
    /// Our address; `None` while its connection is being opened.
    pub local: Option<SocketAddr>,
    /// The peer's address.
    pub remote: SocketAddr,
    /// Its connection; `None` for UDP.
    pub connection: Option<ConnectionId>,
    /// What became of it.
    pub fate: Fate,
    /// The method: of a response that of its CSeq.
    pub method: &'a [u8],
    /// The status of a response; `None` for a request.
    pub status: Option<u16>,
    /// The Call-ID.
    pub call_id: Option<&'a [u8]>,
    /// Its bytes up to the empty line and with it, or all of them.
    pub head: &'a [u8],
    /// The other bytes.
    pub body: &'a [u8],
}

impl<'a> ObservedMessage<'a> {
    /// One that has come.
    pub fn received(at: Instant, message: &'a Message, source: &Source) -> Self {
        ObservedMessage {
            at,
            direction: Direction::In,
            transport: source.transport,
            local: Some(source.local),
            remote: source.remote,
            connection: source.connection,
            fate: Fate::Sent,
            method: message.method().map_or(&b""[..], |method| method.as_bytes()),
            status: message.status(),
            // One that breaks the rules names its call all the same: so does the answer to it.
            call_id: message.call_id().or_else(|| call_id(message.head_bytes())),
            head: message.head_bytes(),
            body: message.body(),
        }
    }

    /// The bytes of one that leaves, or should have.
    pub fn sent(at: Instant, wire: &'a [u8], between: FiveTuple, fate: Fate) -> Self {
        let HeadFields { method, status, call_id } = HeadFields::of(wire);
        let FiveTuple { transport, local, remote, connection } = between;
        ObservedMessage {
            at,
            direction: Direction::Out,
            transport,
            local,
            remote,
            connection,
            fate,
            method,
            status,
            call_id,
            head: wire,
            body: b"",
        }
    }
}

/// Between which addresses a message leaves, by which transport and on which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FiveTuple {
    /// Its transport.
    pub transport: Transport,
    /// Our address, as far as it is known.
    pub local: Option<SocketAddr>,
    /// The peer's address.
    pub remote: SocketAddr,
    /// Its connection; `None` for UDP.
    pub connection: Option<ConnectionId>,
}

/// That of a message which goes back to where another one came from.
impl From<&Source> for FiveTuple {
    fn from(source: &Source) -> FiveTuple {
        let Source { transport, remote, local, connection, .. } = *source;
        FiveTuple { transport, local: Some(local), remote, connection }
    }
}

/// A block or event method of the script that has ended.
#[derive(Debug, Clone, Copy)]
pub struct BlockRun<'a> {
    /// Which event: `on_request` and so on.
    pub event: &'static str,
    /// The method of the request that it was about; empty for none.
    pub method: &'a [u8],
    /// The Call-ID of that request.
    pub call_id: Option<&'a [u8]>,
    /// The file that the block stands in; empty where Ruby does not know.
    pub file: &'a str,
    /// The line of that file.
    pub line: u32,
    /// When it began, by the engine's clock.
    pub began: Instant,
    /// When it ended. The time of a Fiber that was suspended counts.
    pub ended: Instant,
    /// Class and message of the exception that has ended it.
    pub exception: Option<(&'a str, &'a str)>,
}

/// The fields of a head that say what a message of ours is, read from its bytes.
struct HeadFields<'a> {
    method: &'a [u8],
    status: Option<u16>,
    call_id: Option<&'a [u8]>,
}

impl<'a> HeadFields<'a> {
    fn of(wire: &'a [u8]) -> Self {
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
fn call_id(wire: &[u8]) -> Option<&[u8]> {
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

    fn outline(wire: &str) -> (String, Option<u16>, Option<String>) {
        let outline = HeadFields::of(wire.as_bytes());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(outline.method), outline.status, outline.call_id.map(text))
    }

    #[test]
    fn a_request_has_the_method_of_its_first_line() {
        let wire = "BYE sip:bob@example.com SIP/2.0\r\nCSeq: 2 BYE\r\nCall-ID: a b\r\nX: 1\r\n\r\n";
        assert_eq!(outline(wire), ("BYE".into(), None, Some("a b".into())));
    }

    #[test]
    fn a_response_has_the_method_of_its_cseq() {
        let wire = "SIP/2.0 486 Busy Here\r\nContact: <sip:a>\r\ncall-id : x\r\nCSeq:\t7  INVITE\r\n\r\n";
        assert_eq!(outline(wire), ("INVITE".into(), Some(486), Some("x".into())));
        let compact = "SIP/2.0 100 Trying\r\ni:short\r\nCSEQ: 1 OPTIONS\r\n\r\n";
        assert_eq!(outline(compact), ("OPTIONS".into(), Some(100), Some("short".into())));
    }

    #[test]
    fn what_stands_in_the_body_or_is_missing_counts_for_nothing() {
        let body = "SIP/2.0 200 OK\r\nContent-Length: 20\r\n\r\nCall-ID: none\r\nCSeq: 1 ACK\r\n";
        assert_eq!(outline(body), (String::new(), Some(200), None));
        assert_eq!(outline(""), (String::new(), None, None));
    }
}
