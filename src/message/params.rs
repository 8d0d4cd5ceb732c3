//! Parameters of header values: `;name[=value]` (RFC 3261 25.1, `generic-param`).

use super::host;
use super::lex::{Cursor, Span};

/// What a parameter may have as value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Nothing, a token, a host or a quoted string.
    Generic,
    /// Nothing or a token.
    OptionalToken,
    /// A token.
    Token,
    /// Nothing or a port.
    OptionalPort,
    /// An IP address.
    Address,
}

/// Reads a possibly empty parameter list. `rule` names the rule for a parameter, `found` gets each with its value.
pub(crate) fn params(
    c: &mut Cursor<'_>,
    rule: impl Fn(&[u8]) -> Rule,
    mut found: impl FnMut(Span, Option<Span>),
) -> Option<Span> {
    let start = c.pos;
    loop {
        let end = c.pos;
        if c.separator(b';').is_none() {
            return Some(Span::new(start, end));
        }
        let key = c.token()?;
        let rule = rule(key.of(c.buf));
        let value = if c.separator(b'=').is_some() {
            Some(value(c, rule)?)
        } else if matches!(rule, Rule::Token | Rule::Address) {
            return c.fail();
        } else {
            None
        };
        found(key, value);
    }
}

fn value(c: &mut Cursor<'_>, rule: Rule) -> Option<Span> {
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
        Rule::OptionalPort => {
            c.port()?;
        }
        Rule::Address => {
            host::address(c)?;
        }
    }
    Some(Span::new(start, c.pos))
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
