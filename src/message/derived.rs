//! Messages that follow from another message: replies, ACK and CANCEL.

use bytes::{BufMut, Bytes, BytesMut};

use super::header_name::HeaderName;
use super::headers::{
    content_length_len, put_content_length, put_decimal, put_foreign_line, put_line, put_valid_line,
    put_valid_parts,
};
use super::lex;
use super::neutral::{put_neutral, Folds};
use super::outgoing::{put_request_line, put_status_line, status_line_len, RequestSnapshot};
use super::parsed::Line;
use super::received::Message;
use super::split::CommaList;

/// Whether a response needs a To tag: only a 100 may go without one (RFC 3261 8.2.6.2).
pub fn needs_to_tag(status: u16) -> bool {
    status > 100
}

/// A response to a request, made from what was received of it (RFC 3261 8.2.6): status line, Via values, From, To,
/// Call-ID, CSeq, Content-Length, the extra lines, Server, body.
///
/// `to_tag` is added unless the request's To has a tag already. An extra line is a whole header line without CRLF;
/// one that does not begin with a header name and a colon is left out. Without `server` there is no Server header.
pub fn reply(
    request: &Message,
    status: u16,
    reason: &[u8],
    to_tag: Option<&[u8]>,
    extra_lines: &[Bytes],
    body: &[u8],
    server: &[u8],
) -> Bytes {
    let extra: usize = extra_lines.iter().map(|line| line.len() + 2).sum();
    let capacity = request.head_bytes().len() + reason.len() + extra + body.len() + server.len() + 192;
    let mut out = BytesMut::with_capacity(capacity);
    put_status_line(&mut out, status, reason);
    // What breaks the grammar is repeated as far as it cannot break the reply.
    let put_received = if request.is_readable() { put_valid_line } else { put_line };
    for via in request.via_values() {
        put_received(&mut out, HeaderName::Via, via);
    }
    if let Some(from) = request.from_value().or_else(|| request.header(HeaderName::From)) {
        put_received(&mut out, HeaderName::From, from);
    }
    if let Some(to) = request.to_value() {
        match to_tag.filter(|_| request.to_tag().is_none()) {
            Some(tag) => {
                out.put_slice(HeaderName::To.canonical().as_bytes());
                out.put_slice(b": ");
                out.put_slice(to);
                out.put_slice(b";tag=");
                put_neutral(&mut out, tag, Folds::Replace);
                out.put_slice(b"\r\n");
            }
            None => put_valid_line(&mut out, HeaderName::To, to),
        }
    } else if let Some(to) = request.header(HeaderName::To) {
        put_received(&mut out, HeaderName::To, to);
    }
    if let Some(call_id) = request.call_id().or_else(|| request.header(HeaderName::CallId)) {
        put_received(&mut out, HeaderName::CallId, call_id);
    }
    if let (Some(number), Some(method)) = (request.cseq_digits(), request.method()) {
        put_valid_parts(&mut out, HeaderName::CSeq, &[number, b" ", method.as_bytes()]);
    } else if let Some(cseq) = request.header(HeaderName::CSeq) {
        put_received(&mut out, HeaderName::CSeq, cseq);
    }
    put_content_length(&mut out, body.len());
    for line in extra_lines {
        put_foreign_line(&mut out, line);
    }
    if !server.is_empty() {
        put_line(&mut out, HeaderName::Server, server);
    }
    out.put_slice(b"\r\n");
    out.put_slice(body);
    out.freeze()
}

/// A response as a proxy passes it on (RFC 3261 16.7 steps 3 and 9): without its top Via, and as it was received otherwise.
/// Content-Length is always there and true. Empty for a request.
pub fn passed_on(response: &Message) -> Bytes {
    let (head, body, lines) = (response.head_bytes(), response.body(), &response.parsed.lines);
    let Some(status) = response.status() else { return Bytes::new() };
    let via = lines.iter().position(|line| line.name == HeaderName::Via);
    // The further values of the line in which the top Via stands, and what stands before them.
    let rest = via.map(|at| &lines[at]).and_then(|line| {
        let mut values = CommaList::new(lex::trim_end(line.value.of(head)));
        values.next();
        Some((&head[line.name_text.start as usize..line.value.start as usize], values.rest()?))
    });
    let len = |line: &Line| (line.end - line.name_text.start) as usize;
    let others = lines.iter().enumerate().filter(|(at, _)| Some(*at) != via);
    let others = others.filter(|(_, line)| line.name != HeaderName::ContentLength);
    let headers = others.map(|(_, line)| len(line)).sum::<usize>() + content_length_len(body.len());
    let via_len = rest.map_or(0, |(name, rest)| name.len() + rest.len() + 2);
    let status_line = status_line_len(response.reason());
    let mut out = BytesMut::with_capacity(status_line + headers + via_len + 2 + body.len());
    put_status_line(&mut out, status, response.reason());
    let mut has_length = false;
    for (at, line) in lines.iter().enumerate() {
        if Some(at) == via {
            if let Some((name, rest)) = rest {
                [name, rest, b"\r\n"].into_iter().for_each(|part| out.put_slice(part));
            }
        } else if line.name != HeaderName::ContentLength {
            out.put_slice(&head[line.name_text.start as usize..line.end as usize]);
        } else if !std::mem::replace(&mut has_length, true) {
            put_content_length(&mut out, body.len());
        }
    }
    if !has_length {
        put_content_length(&mut out, body.len());
    }
    out.put_slice(b"\r\n");
    out.put_slice(body);
    out.freeze()
}

/// Writes what ACK and CANCEL share with the INVITE as it was sent; `to` is the To of the new request.
fn put_like(out: &mut BytesMut, sent: &RequestSnapshot, method: &[u8], to: Option<&[u8]>) {
    put_request_line(out, method, &sent.ruri);
    if let Some(via) = sent.headers.list(HeaderName::Via).next() {
        put_valid_line(out, HeaderName::Via, via);
    }
    for route in sent.headers.all(HeaderName::Route) {
        put_valid_line(out, HeaderName::Route, route);
    }
    let carried = [
        (HeaderName::MaxForwards, sent.headers.first(HeaderName::MaxForwards)),
        (HeaderName::From, sent.from()),
        (HeaderName::To, to),
        (HeaderName::CallId, sent.call_id()),
    ];
    for (name, value) in carried {
        if let Some(value) = value {
            put_valid_line(out, name, value);
        }
    }
    if let Some(number) = sent.cseq() {
        out.put_slice(HeaderName::CSeq.canonical().as_bytes());
        out.put_slice(b": ");
        put_decimal(out, number as usize);
        out.put_u8(b' ');
        out.put_slice(method);
        out.put_slice(b"\r\n");
    }
}

fn finish(mut out: BytesMut) -> Bytes {
    put_content_length(&mut out, 0);
    out.put_slice(b"\r\n");
    out.freeze()
}

/// The ACK for a response of 300 to 699 (RFC 3261 17.1.1.3). `sent` is the INVITE with its top Via; only the To is
/// that of the response.
pub fn ack_for(sent: &RequestSnapshot, response: &Message) -> Bytes {
    let mut out = BytesMut::with_capacity(sent.headers.wire_len() + sent.ruri.len() + 64);
    put_like(&mut out, sent, b"ACK", response.to_value().or(sent.to()));
    finish(out)
}

/// The CANCEL of an INVITE that was sent (RFC 3261 9.1), with Reason headers (RFC 3326).
pub fn cancel_for(sent: &RequestSnapshot, reason_values: &[Bytes]) -> Bytes {
    let reasons: usize = reason_values.iter().map(|value| value.len() + 10).sum();
    let mut out = BytesMut::with_capacity(sent.headers.wire_len() + sent.ruri.len() + reasons + 64);
    put_like(&mut out, sent, b"CANCEL", sent.to());
    for reason in reason_values {
        put_line(&mut out, HeaderName::Reason, reason);
    }
    finish(out)
}
