//! Via values (RFC 3261 20.42) and the view on the topmost one.

use super::host::{self, HostType};
use super::lex::{self, Cursor, Span, TOKEN};
use super::params::{self, HeaderParams, Rule};
use super::transport::Transport;

/// What makes a branch one of RFC 3261, in any letter case (7.3.1).
pub(crate) const MAGIC_COOKIE: &[u8] = b"z9hG4bK";

/// Offsets of a Via value.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ViaParts {
    /// From the protocol name to the end of sent-by.
    pub(crate) core: Span,
    pub(crate) host: Span,
    pub(crate) host_type: HostType,
    pub(crate) port: Option<u16>,
    pub(crate) params: Span,
    pub(crate) branch: Option<Span>,
    pub(crate) branch_repeated: bool,
    pub(crate) received: Option<Span>,
    pub(crate) rport: bool,
    pub(crate) alias: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Branch,
    Received,
    Rport,
    Alias,
}

fn known(key: &[u8]) -> Option<Known> {
    let (name, known) = match key.len() {
        6 => (&b"branch"[..], Known::Branch),
        8 => (&b"received"[..], Known::Received),
        5 if key[0] | 0x20 == b'r' => (&b"rport"[..], Known::Rport),
        5 => (&b"alias"[..], Known::Alias),
        _ => return None,
    };
    lex::same(key, name).then_some(known)
}

fn kind(key: &[u8]) -> (Option<Known>, Rule) {
    let known = known(key);
    let rule = match known {
        Some(Known::Branch) => Rule::Token,
        Some(Known::Received) => Rule::Address,
        Some(Known::Rport) => Rule::OptionalPort,
        Some(Known::Alias) => Rule::OptionalToken,
        None => Rule::Generic,
    };
    (known, rule)
}

/// Reads one Via value.
pub(crate) fn via(c: &mut Cursor<'_>) -> Option<ViaParts> {
    let start = c.pos;
    let (host, host_type) = protocol_and_host(c)?;
    let mut parts = ViaParts { host, host_type, ..ViaParts::default() };
    if c.separator(b':').is_some() {
        parts.port = Some(c.port()?);
    }
    parts.core = Span::new(start, c.pos);
    parts.params = params::params(c, kind, |known, value| match known {
        Some(Known::Branch) => {
            parts.branch_repeated = parts.branch.is_some();
            parts.branch = value;
        }
        Some(Known::Received) => parts.received = value,
        Some(Known::Rport) => parts.rport = true,
        Some(Known::Alias) => parts.alias = true,
        None => {}
    })?;
    Some(parts)
}

/// Sent-protocol and the host of sent-by.
#[inline(always)]
fn protocol_and_host(c: &mut Cursor<'_>) -> Option<(Span, HostType)> {
    for _ in 0..2 {
        c.token()?;
        c.separator(b'/')?;
    }
    c.token()?;
    c.lws()?;
    host::host(c)
}

/// Reads a Via value that breaks the grammar, up to the end of the buffer: as much as tells where an answer goes. `None` if it
/// does not tell.
pub(crate) fn as_far_as_readable(c: &mut Cursor<'_>) -> Option<ViaParts> {
    let start = c.pos;
    let (host, host_type) = protocol_and_host(c)?;
    let mut parts = ViaParts { host, host_type, ..ViaParts::default() };
    let mut has_port = true;
    if c.separator(b':').is_some() {
        parts.port = c.port();
        has_port = parts.port.is_some();
    }
    parts.core = Span::new(start, c.pos);
    parts.params = params::readable_params(c, kind, |known, value| match known {
        Some(Known::Branch) => {
            parts.branch_repeated = parts.branch.is_some();
            parts.branch = value;
        }
        Some(Known::Rport) => parts.rport = true,
        Some(Known::Received) => parts.received = value,
        Some(Known::Alias) => parts.alias = true,
        None => {}
    });
    (has_port || parts.rport).then_some(parts)
}

/// What a branch is to the matching of transactions (RFC 3261 17.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BranchForm<'a> {
    /// It names the transaction: this is what follows the magic cookie.
    Unique(&'a [u8]),
    /// There is none, or one without the magic cookie, which an element of RFC 2543 has written.
    Older,
    /// The magic cookie stands alone, or there are several branches.
    Unusable,
}

/// The topmost Via (RFC 3261 20.42) as it was received.
#[derive(Debug, Clone, Copy)]
pub struct TopVia<'a> {
    buf: &'a [u8],
    parts: ViaParts,
}

impl<'a> TopVia<'a> {
    pub(crate) fn new(buf: &'a [u8], parts: ViaParts) -> TopVia<'a> {
        TopVia { buf, parts }
    }

    /// The whole value as received.
    pub fn text(&self) -> &'a [u8] {
        Span { start: self.parts.core.start, end: self.parts.params.end }.of(self.buf)
    }

    /// Text from the protocol name to the end of sent-by, inner blanks kept.
    pub fn core(&self) -> &'a [u8] {
        self.parts.core.of(self.buf)
    }

    /// Transport token of sent-protocol, for example `UDP`.
    pub fn transport(&self) -> &'a [u8] {
        let before_host = &self.buf[..(self.parts.host.start as usize).min(self.buf.len())];
        let text = lex::trim_end(before_host);
        let start = text.iter().rposition(|b| !lex::is(TOKEN, *b)).map_or(0, |i| i + 1);
        &text[start..]
    }

    /// Host of sent-by as received.
    pub fn host(&self) -> &'a [u8] {
        self.parts.host.of(self.buf)
    }

    /// What the host of sent-by is.
    pub fn host_type(&self) -> HostType {
        self.parts.host_type
    }

    /// Port of sent-by, if written.
    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// The UDP port that responses go to where there is no `rport` (RFC 3261 18.2.2).
    pub fn response_port(&self) -> u16 {
        self.port().unwrap_or(Transport::Udp.default_port())
    }

    /// Port of sent-by; the default one of its transport where none is written (RFC 3261 18.1.2). A transport that is not ours
    /// counts as UDP.
    pub fn port_or_default(&self) -> u16 {
        let default = || Transport::from_via_token(self.transport()).unwrap_or(Transport::Udp).default_port();
        self.port().unwrap_or_else(default)
    }

    /// The branch with its magic cookie (RFC 3261 8.1.1.7); the last one if the parameter is repeated.
    pub fn branch(&self) -> Option<&'a [u8]> {
        Some(self.parts.branch?.of(self.buf))
    }

    /// What the branch is good for.
    pub fn branch_form(&self) -> BranchForm<'a> {
        let Some((cookie, id)) = self.branch().and_then(|branch| branch.split_at_checked(MAGIC_COOKIE.len()))
        else {
            return if self.parts.branch_repeated { BranchForm::Unusable } else { BranchForm::Older };
        };
        match lex::same(cookie, MAGIC_COOKIE) {
            _ if self.parts.branch_repeated => BranchForm::Unusable,
            false => BranchForm::Older,
            true if id.is_empty() => BranchForm::Unusable,
            true => BranchForm::Unique(id),
        }
    }

    /// True if the branch begins with `z9hG4bK`, goes on behind it, and is the only one.
    pub fn branch_rfc3261(&self) -> bool {
        matches!(self.branch_form(), BranchForm::Unique(_))
    }

    /// Parameter `received` (RFC 3261 18.2.1) as the peer wrote it; the last one if repeated.
    pub fn received(&self) -> Option<&'a [u8]> {
        Some(self.parts.received?.of(self.buf))
    }

    /// True if `rport` is there, with or without value (RFC 3581).
    pub fn has_rport(&self) -> bool {
        self.parts.rport
    }

    /// True if `alias` is there, with or without value (RFC 5923).
    pub fn has_alias(&self) -> bool {
        self.parts.alias
    }

    /// The parameters that have no method here, in order, keys and values as received.
    pub fn params(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        HeaderParams::new(self.parts.params.of(self.buf)).filter(|(key, _)| known(key).is_none())
    }
}
