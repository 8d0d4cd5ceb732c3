//! The incremental parser: one pass over the head of a message, line by line.

use std::sync::Arc;

use bytes::Bytes;

use super::header_syntax;
use super::lex::{Cursor, Span};
use super::parsed::{FirstLine, Parsed};
use super::received::Message;
use super::uri_syntax::{self, Place};

/// The bytes are no SIP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in line {line}, at byte {offset}")]
pub struct SyntaxError {
    /// Index of the first byte that no rule accepts.
    pub offset: usize,
    /// The number of the line that it stands in; the first line has number 1.
    pub line: usize,
}

/// Longer texts are cut where an error quotes them.
const QUOTED: usize = 80;

impl SyntaxError {
    /// The error at `offset` while the line that begins at `line_start` is read. What stands where a folded line would go on
    /// is the fault of the line before.
    fn at(offset: usize, line_start: usize, buf: &[u8]) -> SyntaxError {
        let offset = offset.min(buf.len());
        let early_end = offset > line_start && buf[offset - 1] == b'\n';
        let before = &buf[..offset - usize::from(early_end)];
        SyntaxError { offset, line: 1 + memchr::memchr_iter(b'\n', before).count() }
    }

    /// Where its line begins in `buf`, the bytes that were parsed.
    pub(crate) fn line_start(&self, buf: &[u8]) -> usize {
        memchr::memchr_iter(b'\n', buf).nth(self.line.wrapping_sub(2)).map_or(0, |end| end + 1)
    }

    /// The error with the line of `buf`, the bytes that were parsed, and the text in it that no rule accepts.
    pub fn describe(&self, buf: &[u8]) -> String {
        let start = self.line_start(buf);
        let end = memchr::memchr2(b'\r', b'\n', &buf[start..]).map_or(buf.len(), |length| start + length);
        let quote = |text: &[u8]| {
            let more = if text.len() > QUOTED { "…" } else { "" };
            format!("{:?}{more}", String::from_utf8_lossy(&text[..text.len().min(QUOTED)]))
        };
        let place = if self.offset < end { quote(&buf[self.offset..end]) } else { "its end".to_owned() };
        format!("syntax error in line {}, {}, at {place}", self.line, quote(&buf[start..end]))
    }
}

/// How far [`Parser::feed`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParseProgress {
    /// All bytes were accepted, more are needed.
    Incomplete,
    /// `CR LF CR LF` stood where a message would begin (RFC 5626 3.5.1).
    Keepalive {
        /// Bytes consumed.
        len: usize,
    },
    /// The head is complete.
    Head {
        /// Bytes up to and with the empty line.
        len: usize,
    },
    /// No message will come of this.
    Error(SyntaxError),
}

/// What a parser has begun to read, for those who log failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// Nothing that tells.
    Nothing,
    /// A method and the space behind it.
    Request,
    /// A version and the space behind it.
    Response,
    /// A keepalive.
    Keepalive,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    FirstLine,
    Headers,
    Head,
    Keepalive,
    Failed(SyntaxError),
}

/// Reads one head (RFC 3261 7). The buffer handed to each [`feed`](Parser::feed) holds the message from its first
/// byte; reading goes on at the line where it stopped, and the total work is linear in the bytes however they arrive.
#[derive(Debug, Default)]
pub struct Parser {
    state: State,
    parsed: Parsed,
    /// Where the line that is being read begins.
    line: usize,
    /// Where the search for the end of that line goes on.
    scan: usize,
    /// An incomplete line was looked at up to here and nothing was wrong.
    looked: usize,
    /// Bytes accepted.
    nread: usize,
}

/// Most lines are not longer; a power of two.
const USUAL_LINE_LENGTH: usize = 128;

impl Parser {
    /// A parser that expects a message.
    pub fn new() -> Parser {
        Parser::default()
    }

    /// Forgets everything read.
    pub fn reset(&mut self) {
        *self = Parser::default();
    }

    /// Bytes accepted since the start; after an error the index of the offending byte.
    pub fn nread(&self) -> usize {
        self.nread
    }

    /// True once a head or a keepalive was read completely.
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Head | State::Keepalive)
    }

    /// True after a syntax error.
    pub fn is_failed(&self) -> bool {
        matches!(self.state, State::Failed(_))
    }

    /// Reads on. A further call after the end of a head is an error, as is a buffer that shrank.
    pub fn feed(&mut self, buf: &[u8]) -> ParseProgress {
        if let State::Failed(error) = self.state {
            return ParseProgress::Error(error);
        }
        if self.is_finished() || buf.len() < self.nread || u32::try_from(buf.len()).is_err() {
            return self.fail(self.nread.min(buf.len()), buf);
        }
        loop {
            let step = match self.state {
                State::Start => self.start(buf),
                State::FirstLine => self.next_line(buf, first_line),
                _ => match &buf[self.line..] {
                    [b'\r'] => Some(ParseProgress::Incomplete),
                    [b'\r', b'\n', ..] => {
                        self.state = State::Head;
                        Some(ParseProgress::Head { len: self.line + 2 })
                    }
                    [b'\r', ..] => return self.fail(self.line + 1, buf),
                    _ => self.next_line(buf, header_syntax::header_line),
                },
            };
            match step {
                None => {}
                Some(ParseProgress::Error(error)) => return ParseProgress::Error(error),
                Some(progress) => {
                    self.nread = match progress {
                        ParseProgress::Head { len } | ParseProgress::Keepalive { len } => len,
                        _ => buf.len(),
                    };
                    return progress;
                }
            }
        }
    }

    #[cold]
    fn fail(&mut self, offset: usize, buf: &[u8]) -> ParseProgress {
        let error = SyntaxError::at(offset, self.line, buf);
        self.state = State::Failed(error);
        self.nread = offset;
        ParseProgress::Error(error)
    }

    /// One CRLF before the message is skipped, two are a keepalive.
    fn start(&mut self, buf: &[u8]) -> Option<ParseProgress> {
        for (i, expected) in b"\r\n\r\n".iter().enumerate() {
            match buf.get(i) {
                Some(byte) if byte == expected => {}
                None => return Some(ParseProgress::Incomplete),
                Some(_) if i % 2 == 0 => {
                    self.state = State::FirstLine;
                    self.begin_line(i);
                    return None;
                }
                Some(_) => return Some(self.fail(i, buf)),
            }
        }
        self.state = State::Keepalive;
        Some(ParseProgress::Keepalive { len: 4 })
    }

    fn begin_line(&mut self, at: usize) {
        self.line = at;
        self.scan = at;
        self.looked = at;
    }

    /// Reads a line by `grammar`, if there is a chance that it is complete or wrong.
    #[inline(always)] // Else each line's outcome goes through memory.
    fn next_line(
        &mut self,
        buf: &[u8],
        grammar: fn(&mut Cursor<'_>, &mut Parsed) -> Option<()>,
    ) -> Option<ParseProgress> {
        let first_look = self.looked == self.line;
        if !first_look && self.looked == self.look_up_to(buf) {
            return Some(ParseProgress::Incomplete);
        }
        let before = (self.parsed.elements.len(), self.parsed.routes.len());
        let mut c = Cursor::new(buf, self.line);
        if grammar(&mut c, &mut self.parsed).is_some() {
            self.begin_line(c.pos);
            if self.state == State::FirstLine {
                self.state = State::Headers;
            }
            return None;
        }
        let limit = self.look_up_to(buf);
        if c.furthest < limit {
            let offset = c.furthest;
            return Some(self.fail(offset, buf));
        }
        self.parsed.elements.truncate(before.0);
        self.parsed.routes.truncate(before.1);
        self.looked = limit;
        Some(ParseProgress::Incomplete)
    }

    /// How far the present line may be judged. An error shows before a line ends, but in a long line only at each
    /// doubling of its length: so a line is not read once per byte, and the verdict on the bytes that have arrived
    /// does not depend on how they arrived.
    fn look_up_to(&mut self, buf: &[u8]) -> usize {
        let len = buf.len() - self.line;
        if len <= USUAL_LINE_LENGTH || self.line_is_complete(buf) {
            buf.len()
        } else {
            self.line + (1 << len.ilog2())
        }
    }

    /// Searches on for the line's end. A header line ends only before a byte that is no blank.
    fn line_is_complete(&mut self, buf: &[u8]) -> bool {
        while let Some(found) = memchr::memchr(b'\n', &buf[self.scan..]) {
            let lf = self.scan + found;
            match buf.get(lf + 1) {
                _ if self.state == State::FirstLine => return true,
                None => {
                    self.scan = lf;
                    return false;
                }
                Some(b' ' | b'\t') => self.scan = lf + 1,
                Some(_) => return true,
            }
        }
        self.scan = buf.len();
        false
    }

    /// After [`ParseProgress::Head`]: the message, and a parser that expects the next one. `buf` holds the same bytes as
    /// the last feed, or just the head; the message keeps a slice of it and has no body yet. `None` in any other
    /// state.
    pub fn take(&mut self, buf: Bytes) -> Option<Message> {
        if self.state != State::Head || buf.len() < self.nread {
            return None;
        }
        let mut head = buf;
        head.truncate(self.nread);
        // Moved once, to where the message keeps it.
        let parsed = Arc::new(std::mem::take(&mut self.parsed));
        (self.state, self.line, self.scan, self.looked, self.nread) = (State::Start, 0, 0, 0, 0);
        Some(Message::new(head, parsed))
    }

    /// What the bytes fed so far have begun.
    pub fn started(&self, buf: &[u8]) -> Started {
        match (self.state, &self.parsed.first) {
            (State::Keepalive, _) => Started::Keepalive,
            (State::Start, _) => Started::Nothing,
            (_, FirstLine::Request { .. }) => Started::Request,
            (_, FirstLine::Response { .. }) => Started::Response,
            (_, FirstLine::Unknown) => {
                let mut c = Cursor::new(buf.get(..self.nread).unwrap_or(buf), self.line);
                match first_word(&mut c) {
                    Some(Word::Method(_)) => Started::Request,
                    Some(Word::Version(_)) => Started::Response,
                    None => Started::Nothing,
                }
            }
        }
    }

    /// The message as far as its lines were read, in any state; `None` unless a request or response has begun. Such
    /// a message is good for logging only.
    pub fn partial(&self, buf: &Bytes) -> Option<Message> {
        let mut parsed = self.parsed.clone();
        if let FirstLine::Unknown = parsed.first {
            let mut c = Cursor::new(buf.get(..self.nread)?, self.line);
            match first_word(&mut c).filter(|_| self.state != State::Start)? {
                Word::Method(method) => parsed.first = FirstLine::Request { method, uri: None },
                Word::Version(version) => {
                    parsed.first = FirstLine::Response { status: 0, reason: Span::default() };
                    parsed.version = version;
                }
            }
        }
        Some(Message::new(buf.slice(..self.nread.min(buf.len())), Arc::new(parsed)))
    }
}

/// What a first line begins with.
pub(crate) enum Word {
    Method(Span),
    Version(Span),
}

/// The method or the version at the start of a first line, and the space behind it.
pub(crate) fn first_word(c: &mut Cursor<'_>) -> Option<Word> {
    let start = c.pos;
    let method = c.token()?;
    let word = if c.peek() == Some(b'/') && method.of(c.buf).eq_ignore_ascii_case(b"SIP") {
        c.pos = start;
        Word::Version(version(c)?)
    } else {
        Word::Method(method)
    };
    c.byte(b' ')?;
    Some(word)
}

/// `SIP/n.m` in any letter case, one or two digits each.
fn version(c: &mut Cursor<'_>) -> Option<Span> {
    let start = c.pos;
    for letter in b"sip" {
        if !c.peek().is_some_and(|b| b.eq_ignore_ascii_case(letter)) {
            return c.fail();
        }
        c.pos += 1;
    }
    c.byte(b'/')?;
    c.digits(1, 2)?;
    c.byte(b'.')?;
    c.digits(1, 2)?;
    Some(Span::new(start, c.pos))
}

/// Request line (RFC 3261 7.1) or status line (7.2).
fn first_line(c: &mut Cursor<'_>, parsed: &mut Parsed) -> Option<()> {
    match first_word(c)? {
        Word::Method(method) => {
            let uri = uri_syntax::uri(c, Place::Enclosed)?;
            c.byte(b' ')?;
            let version = version(c)?;
            crlf(c)?;
            parsed.first = FirstLine::Request { method, uri: Some(uri) };
            parsed.version = version;
        }
        Word::Version(version) => {
            if !matches!(c.peek(), Some(b'1'..=b'6')) {
                return c.fail();
            }
            let digits = c.digits(3, 3)?;
            let status = digits.of(c.buf).iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
            // Without a reason phrase some leave out the space before it as well.
            if c.peek() != Some(b'\r') {
                c.byte(b' ')?;
            }
            let start = c.pos;
            let rest = &c.buf[start..];
            c.pos += memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            let reason = Span::new(start, c.pos);
            crlf(c)?;
            parsed.first = FirstLine::Response { status, reason };
            parsed.version = version;
        }
    }
    Some(())
}

fn crlf(c: &mut Cursor<'_>) -> Option<()> {
    c.byte(b'\r')?;
    c.byte(b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(text: &str) -> String {
        match Parser::new().feed(text.as_bytes()) {
            ParseProgress::Error(error) => error.describe(text.as_bytes()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_error_names_the_line_and_what_is_wrong_in_it() {
        let rest = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCSeq: 1 INVITE\r\n\r\n";
        for (wrong, error) in [
            ("INVITE sip:a@b SIP/x\r\n", r#"line 1, "INVITE sip:a@b SIP/x", at "x""#),
            ("INVITE sip:a@b SIP/2.0\r\nForm x\r\n", r#"line 2, "Form x", at "x""#),
            ("INVITE sip:a@b SIP/2.0\r\nTo: <sip:b@b>\r\nCSeq: 1\r\n", r#"line 3, "CSeq: 1", at its end"#),
            ("INVITE sip:a@b SIP/2.0\r\nCSeq: 1\r\n x INVITE\r\n", r#"line 3, " x INVITE", at "INVITE""#),
        ] {
            assert_eq!(described(&format!("{wrong}{rest}")), format!("syntax error in {error}"));
        }
    }

    #[test]
    fn long_lines_are_cut_where_an_error_quotes_them() {
        let error = described(&format!("INVITE sip:a@b SIP/2.0\r\nForm {}\r\n\r\n", "x".repeat(500)));
        assert_eq!(
            error,
            format!("syntax error in line 2, \"Form {}\"…, at \"{}\"…", "x".repeat(75), "x".repeat(80))
        );
    }
}
