//! Header lines: which name has which grammar, and what is remembered of its value.

use super::header_name::HeaderName;
use super::lex::{self, Cursor, Span, NAME, TOKEN, WORD};
use super::name_addr::{self, NameAddrParts};
use super::params::{self, Rule};
use super::parsed::{Address, CSeq, Contact, Element, Line, Parsed};
use super::via;

/// Reads one header line into `parsed`. On failure only the lists of `parsed` may have grown.
pub(crate) fn header_line(c: &mut Cursor<'_>, parsed: &mut Parsed) -> Option<()> {
    let name_text = c.token()?;
    while c.peek().is_some_and(lex::is_wsp) {
        c.pos += 1;
    }
    c.byte(b':')?;
    c.sws();
    let name = HeaderName::lookup(name_text.of(c.buf));
    let start = c.pos;
    let end = match name {
        HeaderName::Via => vias(c, parsed),
        HeaderName::From | HeaderName::To => address(c, parsed, name),
        HeaderName::CallId => call_id(c, parsed),
        HeaderName::CSeq => cseq(c, parsed),
        HeaderName::MaxForwards | HeaderName::ContentLength => number(c, parsed, name),
        HeaderName::Route => routes(c, parsed),
        HeaderName::Contact => contacts(c, parsed),
        HeaderName::Require | HeaderName::ProxyRequire => tags(c, true),
        HeaderName::Supported => tags(c, false),
        _ => c.text_line(),
    }?;
    // A second fold before the value is legal in free text but no part of it.
    let start = end - lex::trim_start(&c.buf[start..end]).len();
    parsed.lines.push(Line { name, name_text, value: Span::new(start, end), end: c.pos as u32 });
    Some(())
}

fn element(parsed: &mut Parsed, start: usize, end: usize) {
    parsed.elements.push(Element { line: parsed.lines.len() as u32, text: Span::new(start, end) });
}

/// Skips the empty elements that a comma list begins or goes on with, behind white space: they say nothing.
#[inline]
fn empty_elements(c: &mut Cursor<'_>) {
    while c.peek() == Some(b',') {
        c.pos += 1;
        c.sws();
    }
}

/// Moves from the end of one element of a comma list to the next; false if there is none.
#[inline(always)]
fn next_element(c: &mut Cursor<'_>) -> bool {
    if c.separator(b',').is_none() {
        return false;
    }
    empty_elements(c);
    c.peek() != Some(b'\r')
}

/// Via: RFC 3261 20.42.
fn vias(c: &mut Cursor<'_>, parsed: &mut Parsed) -> Option<usize> {
    let mut first = None;
    let mut count = 0;
    empty_elements(c);
    loop {
        let start = c.pos;
        let value = via::via(c)?;
        first.get_or_insert(value);
        count += 1;
        element(parsed, start, value.params.end as usize);
        if !next_element(c) {
            break;
        }
    }
    let end = c.value_end()?;
    parsed.via = parsed.via.or(first);
    parsed.num_vias += count;
    Some(end)
}

/// From, To: RFC 3261 20.20, 20.39.
fn address(c: &mut Cursor<'_>, parsed: &mut Parsed, name: HeaderName) -> Option<usize> {
    let start = c.pos;
    let name_addr = name_addr::name_addr(c, name_addr::ANY)?;
    let mut tag = None;
    let params = params::params(c, name_addr::tag_or_other, |is_tag, value| {
        if is_tag {
            tag = value;
        }
    })?;
    c.value_end()?;
    // Without a `;` that nothing follows: a reply appends the tag.
    let end = params.end as usize;
    let slot = if name == HeaderName::From { &mut parsed.from } else { &mut parsed.to };
    if slot.is_some() {
        parsed.mark_duplicate(name);
    } else {
        *slot = Some(Address { value: Span::new(start, end), name_addr, params, tag });
    }
    Some(end)
}

/// Call-ID: RFC 3261 20.8.
fn call_id(c: &mut Cursor<'_>, parsed: &mut Parsed) -> Option<usize> {
    let start = c.pos;
    let word = |c: &mut Cursor<'_>| match c.skip(WORD) {
        0 => c.fail(),
        _ => Some(()),
    };
    word(c)?;
    if c.byte(b'@').is_some() {
        word(c)?;
    }
    let value = Span::new(start, c.pos);
    let end = c.value_end()?;
    match parsed.call_id {
        Some(_) => parsed.mark_duplicate(HeaderName::CallId),
        None => parsed.call_id = Some(value),
    }
    Some(end)
}

/// CSeq: RFC 3261 20.16.
fn cseq(c: &mut Cursor<'_>, parsed: &mut Parsed) -> Option<usize> {
    let digits = c.digits(1, 10)?;
    c.lws()?;
    let method = c.token()?;
    let end = c.value_end()?;
    if parsed.cseq.is_some() {
        parsed.mark_duplicate(HeaderName::CSeq);
    } else {
        let number = u32::try_from(decimal(digits.of(c.buf))).unwrap_or(u32::MAX);
        parsed.cseq = Some(CSeq { number, digits, method });
    }
    Some(end)
}

fn decimal(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |n, d| n * 10 + u64::from(d - b'0'))
}

/// Max-Forwards, Content-Length: RFC 3261 20.22, 20.14. Leading zeros do not make a number octal.
fn number(c: &mut Cursor<'_>, parsed: &mut Parsed, name: HeaderName) -> Option<usize> {
    let max_digits = if name == HeaderName::MaxForwards { 4 } else { 9 };
    let digits = c.digits(1, max_digits)?;
    let end = c.value_end()?;
    let value = decimal(digits.of(c.buf));
    let known = match name {
        HeaderName::MaxForwards => parsed.max_forwards.is_some(),
        _ => parsed.content_length.is_some(),
    };
    match name {
        _ if known => parsed.mark_duplicate(name),
        HeaderName::MaxForwards => parsed.max_forwards = Some(value as u16),
        _ => parsed.content_length = Some(value as u32),
    }
    Some(end)
}

/// Route: RFC 3261 20.34; SIP and SIPS URIs in angle brackets only.
fn routes(c: &mut Cursor<'_>, parsed: &mut Parsed) -> Option<usize> {
    empty_elements(c);
    loop {
        let start = c.pos;
        let route = name_addr::name_addr(c, name_addr::ROUTE)?;
        let params = params::params(c, |_| ((), Rule::Generic), |(), _| ())?;
        parsed.routes.push(route);
        element(parsed, start, params.end as usize);
        if !next_element(c) {
            return c.value_end();
        }
    }
}

/// Require, Proxy-Require, Supported: RFC 3261 20.32, 20.29, 20.37. Only Supported may be empty.
fn tags(c: &mut Cursor<'_>, mandatory: bool) -> Option<usize> {
    empty_elements(c);
    if !mandatory && !c.peek().is_some_and(|b| lex::is(TOKEN, b)) {
        return c.value_end();
    }
    loop {
        c.token()?;
        if !next_element(c) {
            return c.value_end();
        }
    }
}

/// Contact: RFC 3261 20.10, but never an error by its grammar. As many SIP contacts as follow each other are
/// values of their own; from the first other element on the line is one value. Empty elements around SIP contacts are none.
fn contacts(c: &mut Cursor<'_>, parsed: &mut Parsed) -> Option<usize> {
    let mut count = 0;
    let mut first = None;
    let before = c.pos;
    empty_elements(c);
    if !c.peek().is_some_and(starts_contact) {
        c.pos = before;
    }
    let end = loop {
        let start = c.pos;
        count += 1;
        if let Some(contact) = contact(c) {
            let end = contact.params.end as usize;
            let after = c.pos;
            if c.value_end().is_some() {
                first.get_or_insert(contact);
                element(parsed, start, end);
                break end;
            }
            c.pos = after;
            if next_element(c) {
                if c.peek().is_some_and(starts_contact) {
                    first.get_or_insert(contact);
                    element(parsed, start, end);
                    continue;
                }
            } else if c.value_end().is_some() {
                first.get_or_insert(contact);
                element(parsed, start, end);
                break end;
            }
        }
        c.pos = start;
        let end = c.text_line()?;
        element(parsed, start, end);
        break end;
    };
    if parsed.num_contacts == 0 {
        parsed.contact = first;
    }
    parsed.num_contacts += count;
    Some(end)
}

/// Whether a contact may begin with this byte.
fn starts_contact(byte: u8) -> bool {
    b"\"<".contains(&byte) || lex::is(NAME, byte)
}

/// One SIP contact with its parameters.
fn contact(c: &mut Cursor<'_>) -> Option<Contact> {
    let name_addr: NameAddrParts = name_addr::name_addr(c, name_addr::CONTACT)?;
    let mut reg_id = false;
    let kind = |key: &[u8]| (key.eq_ignore_ascii_case(b"reg-id"), Rule::Generic);
    let params = params::params(c, kind, |is_reg_id, _| reg_id |= is_reg_id)?;
    Some(Contact { name_addr, params, reg_id })
}
