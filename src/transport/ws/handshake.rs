//! What an upgrade request has to bring along, and how it is answered (RFC 6455 section 4.2, RFC 7118 section 4).

use base64::Engine as _;
use bytes::{BufMut, Bytes, BytesMut};
use sha1::{Digest, Sha1};

use super::http::HttpRequest;
use crate::message::{put_neutral, Folds};

/// RFC 6455 section 1.3
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The subprotocol (RFC 7118 section 4.1).
const SUBPROTOCOL: &str = "sip";

/// 7 and 8 are drafts with the same frames.
const VERSIONS: [u32; 3] = [7, 8, 13];

/// The answer to a request that gets no WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeRefusal {
    /// HTTP status.
    pub status: u16,
    /// Reason phrase; the usual one when `None`.
    pub reason: Option<&'static str>,
    /// Whole header lines.
    pub extra_headers: &'static [&'static str],
}

impl UpgradeRefusal {
    /// A refusal without further headers.
    pub fn new(status: u16, reason: Option<&'static str>) -> UpgradeRefusal {
        UpgradeRefusal { status, reason, extra_headers: &[] }
    }

    /// The server cannot serve now, but may soon.
    pub fn later(status: u16, reason: Option<&'static str>) -> UpgradeRefusal {
        UpgradeRefusal { extra_headers: &["Retry-After: 5"], ..UpgradeRefusal::new(status, reason) }
    }

    /// The bytes of the answer.
    pub fn response(&self, request: &HttpRequest, product: &str) -> Bytes {
        let reason = self.reason.map(str::as_bytes);
        response(&request.version, self.status, reason, self.extra_headers, product)
    }
}

/// Whether the request may become a WebSocket; the first thing that is wrong decides the answer.
pub fn check(request: &HttpRequest) -> Result<(), UpgradeRefusal> {
    if request.method != "GET" {
        return Err(UpgradeRefusal::new(405, None));
    }
    if !request.websocket_version.is_some_and(|version| VERSIONS.contains(&version)) {
        let extra_headers = &["X-Supported-WebSocket-Versions: 7, 8, 13", "Sec-WebSocket-Version: 13"];
        return Err(UpgradeRefusal { extra_headers, ..UpgradeRefusal::new(426, None) });
    }
    if !request.connection.iter().flatten().any(|token| token == "upgrade") {
        return Err(UpgradeRefusal::new(400, Some("Connection header must include \"upgrade\"")));
    }
    if request.upgrade.as_deref() != Some("websocket") {
        return Err(UpgradeRefusal::new(400, Some("Upgrade header must be \"websocket\"")));
    }
    if request.websocket_key.is_none() {
        return Err(UpgradeRefusal::new(400, Some("Sec-WebSocket-Key header not present")));
    }
    if request.websocket_protocols.as_ref().is_some_and(|offered| !offers_sip(offered)) {
        return Err(UpgradeRefusal::new(501, Some("No Suitable WebSocket Protocol")));
    }
    Ok(())
}

fn offers_sip(offered: &[String]) -> bool {
    offered.iter().any(|protocol| protocol == SUBPROTOCOL)
}

/// The 101 of a request that passed [`check`] (RFC 6455 section 4.2.2).
pub fn switching_protocols(request: &HttpRequest, product: &str) -> Bytes {
    let key = request.websocket_key.as_deref().unwrap_or_default();
    let accept = format!("Sec-WebSocket-Accept: {}", accept_value(key));
    let mut lines = vec!["Upgrade: websocket", "Connection: Upgrade", &accept];
    if request.websocket_protocols.as_ref().is_some_and(|offered| offers_sip(offered)) {
        lines.push("Sec-WebSocket-Protocol: sip");
    }
    response(&request.version, 101, None, &lines, product)
}

fn accept_value(key: &str) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    base64::engine::general_purpose::STANDARD.encode(digest)
}

/// The bytes of any answer: the version that the request had, the header lines given, our name. Line ends and NUL in the
/// texts become spaces.
pub fn response<L: AsRef<[u8]>>(
    version: &str,
    status: u16,
    reason: Option<&[u8]>,
    lines: &[L],
    product: &str,
) -> Bytes {
    let mut out = BytesMut::with_capacity(256);
    out.put_slice(format!("{version} {status} ").as_bytes());
    put_neutral(&mut out, reason.unwrap_or_else(|| reason_phrase(status).as_bytes()), Folds::Replace);
    for line in lines {
        out.put_slice(b"\r\n");
        put_neutral(&mut out, line.as_ref(), Folds::Keep);
    }
    out.put_slice(b"\r\nServer: ");
    put_neutral(&mut out, product.as_bytes(), Folds::Replace);
    out.put_slice(b"\r\n\r\n");
    out.freeze()
}

/// The usual phrase of an HTTP status (RFC 9110 section 15; 500 as servers have always said it).
fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Large",
        415 => "Unsupported Media Type",
        416 => "Requested Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Entity",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Time-out",
        505 => "HTTP Version Not Supported",
        511 => "Network Authentication Required",
        _ => crate::message::REASON_PHRASE_NOT_SET,
    }
}
