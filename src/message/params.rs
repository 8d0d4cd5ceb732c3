//! Parameters of header values: `;name[=value]` (RFC 3261 25.1, `generic-param`).

use super::host;
use super::lex::{self, Cursor, Span};

/// What a parameter may have as value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Nothing, a token, a host or a quoted string.
    Generic,
    /// Nothing or a token.
    OptionalToken,
    /// A token.
    Token,
    /// Nothing, a port, or a `=` with nothing behind it.
    OptionalPort,
    /// An IP address.
    Address,
}

/// Reads a possibly empty parameter list. `kind` says what a key is to the caller and the rule for its value, `found` gets each
/// with its value. A `;` with nothing behind it is skipped: the list ends before it.
pub(crate) fn params<K>(
    c: &mut Cursor<'_>,
    kind: impl Fn(&[u8]) -> (K, Rule),
    mut found: impl FnMut(K, Option<Span>),
) -> Option<Span> {
    let start = c.pos;
    loop {
        let end = c.pos;
        if c.separator(b';').is_none() {
            return Some(Span::new(start, end));
        }
        if matches!(c.peek(), Some(b'\r' | b',')) {
            return Some(Span::new(start, end));
        }
        let (key, value) = param(c, &kind)?;
        found(key, value);
    }
}

/// Reads as [`params`] does, up to the end of the buffer, and leaves out what is no parameter. The list that comes back ends
/// before that.
pub(crate) fn readable_params<K>(
    c: &mut Cursor<'_>,
    kind: impl Fn(&[u8]) -> (K, Rule),
    mut found: impl FnMut(K, Option<Span>),
) -> Span {
    let start = c.pos;
    let mut end = None;
    while !c.at_end() {
        let before = c.pos;
        let param = c.separator(b';').and_then(|()| param(c, &kind));
        if let Some((key, value)) = param {
            found(key, value);
        } else {
            end.get_or_insert(before);
            let rest = &c.buf[before + 1..];
            c.pos = before + 1 + memchr::memchr(b';', rest).unwrap_or(rest.len());
        }
    }
    Span::new(start, end.unwrap_or(c.pos))
}

/// One parameter behind its `;`.
#[inline(always)]
fn param<K>(c: &mut Cursor<'_>, kind: &impl Fn(&[u8]) -> (K, Rule)) -> Option<(K, Option<Span>)> {
    let key = c.token()?;
    let (kind, rule) = kind(key.of(c.buf));
    let value = if c.separator(b'=').is_some() {
        value(c, rule)?
    } else if matches!(rule, Rule::Token | Rule::Address) {
        return c.fail();
    } else {
        None
    };
    Some((kind, value))
}

/// The text behind a `=`; `Some(None)` where it may be missing and is.
fn value(c: &mut Cursor<'_>, rule: Rule) -> Option<Option<Span>> {
    let start = c.pos;
    match rule {
        Rule::Generic => match c.peek() {
            Some(b'"') => {
                c.quoted()?;
            }
            Some(b'[') => host::ipv6_reference(c)?,
            // A domain and an IPv4 address are tokens, too.
            _ => {
                c.token()?;
            }
        },
        Rule::OptionalToken | Rule::Token => {
            c.token()?;
        }
        // `rport=` asks for the same as `rport` (RFC 3581 3).
        Rule::OptionalPort if matches!(c.peek(), Some(b';' | b',' | b'\r')) => {
            // Blanks behind the `=` are no part of it.
            c.pos = lex::trim_end(&c.buf[..start]).len();
            return Some(None);
        }
        Rule::OptionalPort => {
            c.port()?;
        }
        Rule::Address => {
            host::address(c)?;
        }
    }
    Some(Some(Span::new(start, c.pos)))
}

/// The parameters of a list that was found valid (RFC 3261 25.1, `generic-param`), as received: keys in their letter
/// case, values with their quotes.
#[derive(Debug, Clone)]
pub struct HeaderParams<'a> {
    cursor_buf: &'a [u8],
    pos: usize,
}

impl<'a> HeaderParams<'a> {
    pub(crate) fn new(text: &'a [u8]) -> HeaderParams<'a> {
        HeaderParams { cursor_buf: text, pos: 0 }
    }
}

impl<'a> Iterator for HeaderParams<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut c = Cursor::new(self.cursor_buf, self.pos);
        c.separator(b';')?;
        let key = c.token()?;
        let value = match c.separator(b'=') {
            // The list was checked when it was read, so any address or port is a generic value here; an unbracketed
            // IPv6 address is the one exception.
            Some(()) => {
                let start = c.pos;
                match c.peek() {
                    Some(b'"') => {
                        c.quoted()?;
                    }
                    _ => {
                        let rest = &c.buf[start..];
                        let stop = |b: &u8| matches!(b, b';' | b' ' | b'\t' | b'\r' | b'\n');
                        c.pos += rest.iter().position(stop).unwrap_or(rest.len());
                    }
                }
                Some(&self.cursor_buf[start..c.pos])
            }
            None => None,
        };
        self.pos = c.pos;
        Some((key.of(self.cursor_buf), value))
    }
}
