//! Grammar of URIs: SIP and SIPS (RFC 3261 19.1), TEL (RFC 3966), and the outer shape of all others.

use super::host::{self, HostType};
use super::lex::{
    self, Cursor, Span, BARE_PASSWORD, BARE_URIC, BARE_USER, PARAM, PASSWORD, URIC, URI_HEADER, USER,
};

/// Which grammar a URI followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SchemeKind {
    Sip,
    Sips,
    Tel,
    #[default]
    Other,
}

/// Where the parts of a URI lie in the buffer that it was read from.
#[derive(Debug, Clone, Copy, Default)]
pub struct UriParts {
    pub(crate) text: Span,
    pub(crate) kind: SchemeKind,
    /// SIP: the user information without `@`; TEL: the number. Empty if there is none.
    pub(crate) user: Span,
    /// Empty unless it is a SIP URI.
    pub(crate) host: Span,
    pub(crate) host_type: HostType,
    pub(crate) port: Option<u16>,
    /// From the first `;` to the end of the last parameter; empty if there are none.
    pub(crate) params: Span,
    /// From the `?`; empty if there are none.
    pub(crate) headers: Span,
}

/// Where a URI stands decides which bytes it may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In angle brackets, in a request line, or alone: all of it.
    Enclosed,
    /// In a header without angle brackets: `,` `;` and `?` end it (RFC 3261 20).
    Bare,
}

/// Any URI.
pub(crate) fn uri(c: &mut Cursor<'_>, place: Place) -> Option<UriParts> {
    match scheme(c)? {
        SchemeKind::Tel => tel(c, place),
        SchemeKind::Other => other(c, place),
        kind => sip(c, place, kind),
    }
}

/// A SIP or SIPS URI only.
pub(crate) fn sip_uri(c: &mut Cursor<'_>, place: Place) -> Option<UriParts> {
    for (i, letter) in b"sip".iter().enumerate() {
        match c.buf.get(c.pos + i) {
            Some(b) if b.eq_ignore_ascii_case(letter) => {}
            _ => return c.fail_at(c.pos + i),
        }
    }
    match c.buf.get(c.pos + 3) {
        Some(b':') => sip(c, place, SchemeKind::Sip),
        Some(b's' | b'S') if c.buf.get(c.pos + 4) == Some(&b':') => sip(c, place, SchemeKind::Sips),
        Some(b's' | b'S') => c.fail_at(c.pos + 4),
        _ => c.fail_at(c.pos + 3),
    }
}

/// Looks at the scheme and the colon behind it without moving.
fn scheme(c: &mut Cursor<'_>) -> Option<SchemeKind> {
    let rest = &c.buf[c.pos..];
    // Nearly all are SIP URIs.
    if rest.starts_with(b"sip:") {
        return Some(SchemeKind::Sip);
    }
    if !rest.first().is_some_and(u8::is_ascii_alphabetic) {
        return c.fail();
    }
    let len =
        rest.iter().position(|b| !b.is_ascii_alphanumeric() && !b"+-.".contains(b)).unwrap_or(rest.len());
    if rest.get(len) != Some(&b':') {
        return c.fail_at(c.pos + len);
    }
    let name = &rest[..len];
    Some(if name.eq_ignore_ascii_case(b"sip") {
        SchemeKind::Sip
    } else if name.eq_ignore_ascii_case(b"sips") {
        SchemeKind::Sips
    } else if name.eq_ignore_ascii_case(b"tel") {
        SchemeKind::Tel
    } else {
        SchemeKind::Other
    })
}

fn sip(c: &mut Cursor<'_>, place: Place, kind: SchemeKind) -> Option<UriParts> {
    let start = c.pos;
    c.pos += if kind == SchemeKind::Sip { 4 } else { 5 };
    let user = user_info(c, place).unwrap_or_default();
    let (host, host_type) = host::host(c)?;
    let mut parts = UriParts {
        kind,
        user,
        host,
        host_type,
        params: Span::new(c.pos, c.pos),
        headers: Span::new(c.pos, c.pos),
        ..UriParts::default()
    };
    if c.byte(b':').is_some() {
        parts.port = Some(c.port()?);
    }
    if place == Place::Enclosed {
        parts.params = params(c, kind)?;
        parts.headers = headers(c)?;
    }
    parts.text = Span::new(start, c.pos);
    Some(parts)
}

/// `user[:password]@`. Without it the position is unchanged: only the `@` tells a user from a host.
fn user_info(c: &mut Cursor<'_>, place: Place) -> Option<Span> {
    let (user, password) = match place {
        Place::Enclosed => (USER, PASSWORD),
        Place::Bare => (BARE_USER, BARE_PASSWORD),
    };
    let start = c.pos;
    if c.skip_escaped(user) == 0 {
        return c.fail();
    }
    if c.peek() == Some(b':') {
        c.pos += 1;
        c.skip_escaped(password);
    }
    let end = c.pos;
    if c.byte(b'@').is_none() {
        c.pos = start;
        return None;
    }
    Some(Span::new(start, end))
}

/// `;key[=value]`, any number. A SIP key may be followed by an empty value, a TEL key may not.
fn params(c: &mut Cursor<'_>, kind: SchemeKind) -> Option<Span> {
    let start = c.pos;
    while c.byte(b';').is_some() {
        if kind == SchemeKind::Tel {
            let key = c.pos;
            while c.peek().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'-') {
                c.pos += 1;
            }
            if c.pos == key {
                return c.fail();
            }
        } else if c.skip_escaped(PARAM) == 0 {
            return c.fail();
        }
        if c.byte(b'=').is_some() && c.skip_escaped(PARAM) == 0 && kind == SchemeKind::Tel {
            return c.fail();
        }
    }
    Some(Span::new(start, c.pos))
}

/// `?name=value[&name=value]…`, optional.
fn headers(c: &mut Cursor<'_>) -> Option<Span> {
    let start = c.pos;
    if c.byte(b'?').is_some() {
        loop {
            if c.skip_escaped(URI_HEADER) == 0 {
                return c.fail();
            }
            c.byte(b'=')?;
            c.skip_escaped(URI_HEADER);
            if c.byte(b'&').is_none() {
                break;
            }
        }
    }
    Some(Span::new(start, c.pos))
}

pub(crate) fn is_visual_separator(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b'(' | b')')
}

/// RFC 3966 3. Whether a number is global or local shows at its first byte.
fn tel(c: &mut Cursor<'_>, place: Place) -> Option<UriParts> {
    let start = c.pos;
    c.pos += 4;
    let number = c.pos;
    let global = c.peek() == Some(b'+');
    if global {
        c.pos += 1;
    }
    let mut digits = 0;
    while let Some(byte) = c.peek() {
        let digit =
            if global { byte.is_ascii_digit() } else { byte.is_ascii_hexdigit() || b"*#".contains(&byte) };
        if !digit && !is_visual_separator(byte) {
            break;
        }
        digits += usize::from(digit);
        c.pos += 1;
    }
    if digits == 0 {
        return c.fail();
    }
    let user = Span::new(number, c.pos);
    let params = match place {
        Place::Enclosed => params(c, SchemeKind::Tel)?,
        Place::Bare => Span::new(c.pos, c.pos),
    };
    let text = Span::new(start, c.pos);
    Some(UriParts { text, kind: SchemeKind::Tel, user, params, ..UriParts::default() })
}

/// Any other absolute URI: hierarchical or opaque text without a fragment.
fn other(c: &mut Cursor<'_>, place: Place) -> Option<UriParts> {
    let start = c.pos;
    while c.peek() != Some(b':') {
        c.pos += 1;
    }
    c.pos += 1;
    let class = if place == Place::Enclosed { URIC } else { BARE_URIC };
    let rest = c.pos;
    c.skip_escaped(class);
    if c.peek() == Some(b'[') {
        // An IPv6 reference may only be the host: right after `//`, or after the user information behind it.
        let before = &c.buf[rest..c.pos];
        let authority = before.strip_prefix(b"//").is_some_and(|authority| {
            !authority.contains(&b'/')
                && !authority.contains(&b'?')
                && matches!(authority.last(), None | Some(b'@'))
        });
        if !authority {
            return c.fail();
        }
        host::ipv6_reference(c)?;
        if c.peek().is_some_and(|b| lex::is(class, b) && !b":/?".contains(&b)) {
            return c.fail();
        }
        c.skip_escaped(class);
    }
    Some(UriParts { text: Span::new(start, c.pos), kind: SchemeKind::Other, ..UriParts::default() })
}
