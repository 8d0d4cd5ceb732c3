//! The head of the HTTP request that asks for a WebSocket (RFC 6455 section 4.1), read as its bytes arrive.
//!
//! The header lines are httparse's work. What it leaves open, and the grammar of the headers that matter here, is
//! checked on top: any deviation ends the connection without an answer.

use bytes::{Buf, Bytes, BytesMut};

use super::grammar::{self, Malformed, RequestLine};

/// Bytes that a head may have, its last line end included.
pub(crate) const MAX_HEAD: usize = 16 * 1024;

/// httparse accepts folded values and blanks before the colon in responses only: the header lines are shown to it behind
/// this line.
const STATUS_LINE: &[u8] = b"HTTP/1.1 200 OK\r\n";

/// An upgrade request. Every text is as it was sent unless its field says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: String,
    /// `HTTP/1.1` or its like; answers repeat it.
    pub version: String,
    /// The whole target.
    pub uri: Bytes,
    /// The target up to its query.
    pub path: Bytes,
    /// What follows the first `?`.
    pub query: Option<Bytes>,
    /// What follows the first `#`.
    pub fragment: Option<Bytes>,
    /// Every header in its order: the name with a capital at each word's beginning, the raw value.
    pub headers: Vec<(String, Bytes)>,
    /// Host, in lower case.
    pub host: Option<String>,
    /// The port that Host names.
    pub port: Option<u16>,
    /// Content-Length.
    pub content_length: Option<u32>,
    /// The tokens of all Connection headers, in lower case.
    pub connection: Option<Vec<String>>,
    /// Upgrade, in lower case.
    pub upgrade: Option<String>,
    /// Origin or Sec-WebSocket-Origin, in lower case.
    pub origin: Option<String>,
    /// Sec-WebSocket-Version.
    pub websocket_version: Option<u32>,
    /// Sec-WebSocket-Key.
    pub websocket_key: Option<String>,
    /// The tokens of all Sec-WebSocket-Protocol headers.
    pub websocket_protocols: Option<Vec<String>>,
}

/// How far [`HeadReader::read`] came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadProgress {
    /// More bytes are needed.
    Incomplete,
    /// The head is complete. Bytes behind it are frames: [`HeadReader::into_rest`].
    Complete(Box<HttpRequest>),
    /// No request will come of this.
    Malformed,
    /// The head is larger than allowed.
    TooLarge,
}

/// Collects the bytes of a head.
#[derive(Debug, Default)]
pub struct HeadReader {
    buf: BytesMut,
    /// Length at which an incomplete line is looked at again: it doubles, so that the work stays linear.
    retry_at: usize,
    /// Where the search for the empty line goes on.
    scanned: usize,
}

impl HeadReader {
    /// A reader that expects a request line.
    pub fn new() -> HeadReader {
        HeadReader::default()
    }

    /// Takes bytes that arrived.
    pub fn read(&mut self, data: &[u8]) -> HeadProgress {
        self.buf.extend_from_slice(data);
        match self.head_end() {
            Some(len) if len > MAX_HEAD => HeadProgress::TooLarge,
            Some(len) => match parse(&self.buf[..len]) {
                Ok(Some(request)) => {
                    self.buf.advance(len);
                    HeadProgress::Complete(Box::new(request))
                }
                _ => HeadProgress::Malformed,
            },
            None if self.buf.len() > MAX_HEAD => HeadProgress::TooLarge,
            None if self.buf.len() < self.retry_at && !data.contains(&b'\n') => HeadProgress::Incomplete,
            None => {
                self.retry_at = self.buf.len() * 2;
                parse(&self.buf).map_or(HeadProgress::Malformed, |_| HeadProgress::Incomplete)
            }
        }
    }

    /// What came behind the head.
    pub fn into_rest(self) -> BytesMut {
        self.buf
    }

    fn head_end(&mut self) -> Option<usize> {
        let from = self.scanned.saturating_sub(3);
        self.scanned = self.buf.len();
        memchr::memmem::find(&self.buf[from..], b"\r\n\r\n").map(|at| from + at + 4)
    }
}

/// Reads what there is of a head; `None` while it may still become one.
fn parse(head: &[u8]) -> Result<Option<HttpRequest>, Malformed> {
    // httparse takes a bare LF for a line end.
    let bare_lf = memchr::memchr_iter(b'\n', head).any(|at| at == 0 || head[at - 1] != b'\r');
    if bare_lf {
        return Err(Malformed);
    }
    let Some(line_end) = memchr::memmem::find(head, b"\r\n") else {
        let line = head.strip_suffix(b"\r").unwrap_or(head);
        return if grammar::begins_request_line(line) { Ok(None) } else { Err(Malformed) };
    };
    let line = grammar::request_line(&head[..line_end])?;
    let lines = [STATUS_LINE, &head[line_end + 2..]].concat();
    let mut headers = vec![httparse::EMPTY_HEADER; memchr::memchr_iter(b'\n', &lines).count()];
    let mut parsed = httparse::Response::new(&mut headers);
    let status = httparse::ParserConfig::default()
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .parse_response(&mut parsed, &lines)
        .map_err(|_| Malformed)?;
    if status.is_partial() {
        return Ok(None);
    }
    let mut request = HttpRequest::new(&line);
    for header in parsed.headers.iter() {
        request.add(header.name, whole_value(&lines, header.value))?;
    }
    Ok(Some(request))
}

/// A value up to its line's end: httparse leaves the blanks at its end out.
fn whole_value<'a>(lines: &'a [u8], value: &'a [u8]) -> &'a [u8] {
    let start = value.as_ptr() as usize - lines.as_ptr() as usize;
    let blanks = lines[start + value.len()..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &lines[start..start + value.len() + blanks]
}

impl HttpRequest {
    /// About how many bytes of memory it takes, for bounds.
    pub fn footprint(&self) -> usize {
        const STRUCTURE: usize = 1024;
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        self.uri.len() + headers.sum::<usize>() + STRUCTURE
    }

    fn new(line: &RequestLine<'_>) -> HttpRequest {
        HttpRequest {
            method: String::from_utf8_lossy(line.method).into_owned(),
            version: String::from_utf8_lossy(line.version).into_owned(),
            uri: Bytes::copy_from_slice(line.uri),
            path: Bytes::copy_from_slice(line.path),
            query: line.query.map(Bytes::copy_from_slice),
            fragment: line.fragment.map(Bytes::copy_from_slice),
            ..HttpRequest::default()
        }
    }

    fn add(&mut self, name: &str, value: &[u8]) -> Result<(), Malformed> {
        match name.to_ascii_lowercase().as_str() {
            "host" => {
                let (host, port) = grammar::host(value)?;
                (self.host, self.port) = (Some(host), port);
            }
            "content-length" => self.content_length = Some(grammar::number(value, 9)?),
            "connection" => {
                let tokens = grammar::tokens(value)?;
                let lower = tokens.iter().map(|token| token.to_ascii_lowercase());
                self.connection.get_or_insert_default().extend(lower);
            }
            "upgrade" => self.upgrade = Some(grammar::token(value)?.to_ascii_lowercase()),
            "origin" | "sec-websocket-origin" => {
                self.origin = Some(grammar::visible(value)?.to_ascii_lowercase());
            }
            "sec-websocket-version" => self.websocket_version = Some(grammar::number(value, 3)?),
            "sec-websocket-key" => {
                let key = grammar::visible(value)?;
                self.websocket_key = Some(key).filter(|key| key.len() <= 50).ok_or(Malformed)?.into();
            }
            "sec-websocket-protocol" => {
                self.websocket_protocols.get_or_insert_default().extend(grammar::tokens(value)?);
            }
            _ => {}
        }
        self.headers.push((capitalized(name), Bytes::copy_from_slice(value)));
        Ok(())
    }
}

/// A capital at the beginning and behind each `-` and `_`, small letters elsewhere.
fn capitalized(name: &str) -> String {
    let mut first = true;
    let letter = |c: char| {
        let letter = if first { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        first = matches!(c, '-' | '_');
        letter
    };
    name.chars().map(letter).collect()
}
