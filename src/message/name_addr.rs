//! `name-addr` and `addr-spec` of From, To, Contact and Route (RFC 3261 25.1).

use super::lex::{self, Cursor, Span, NAME};
use super::params::{self, Rule};
use super::uri::UriRef;
use super::uri_syntax::{self, Place, UriParts};

/// Offsets of a name-addr.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct NameAddrParts {
    pub(crate) display: Span,
    pub(crate) uri: UriParts,
}

/// Which forms a header allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Form {
    /// Without angle brackets, too.
    pub(crate) bare: bool,
    /// SIP and SIPS URIs only.
    pub(crate) sip_only: bool,
}

/// From, To.
pub(crate) const ANY: Form = Form { bare: true, sip_only: false };
/// Contact, as far as it is understood.
pub(crate) const CONTACT: Form = Form { bare: true, sip_only: true };
/// Route.
pub(crate) const ROUTE: Form = Form { bare: false, sip_only: true };

/// Reads a name-addr, or an addr-spec where the form allows it; header parameters are left to the caller.
pub(crate) fn name_addr(c: &mut Cursor<'_>, form: Form) -> Option<NameAddrParts> {
    let start = c.pos;
    let uri = |c: &mut Cursor<'_>, place| match form.sip_only {
        true => uri_syntax::sip_uri(c, place),
        false => uri_syntax::uri(c, place),
    };
    if let Some(display) = display_and_bracket(c) {
        let uri = uri(c, Place::Enclosed)?;
        c.byte(b'>')?;
        return Some(NameAddrParts { display, uri });
    }
    if !form.bare {
        return None;
    }
    c.pos = start;
    Some(NameAddrParts { display: Span::default(), uri: uri(c, Place::Bare)? })
}

/// The display name, possibly empty, and the `<` behind it.
fn display_and_bracket(c: &mut Cursor<'_>) -> Option<Span> {
    let start = c.pos;
    let display = match c.peek() {
        Some(b'"') => c.quoted()?,
        _ => {
            let mut end = start;
            while c.skip(NAME) > 0 {
                end = c.pos;
                if c.lws().is_none() {
                    break;
                }
            }
            c.pos = end;
            Span::new(start, end)
        }
    };
    c.sws();
    c.byte(b'<')?;
    Some(display)
}

/// A name-addr (RFC 3261 20.10, 25.1) with valid header parameters around it.
#[derive(Debug, Clone, Copy)]
pub struct NameAddrRef<'a> {
    buf: &'a [u8],
    parts: NameAddrParts,
}

impl<'a> NameAddrRef<'a> {
    /// Reads a name-addr or addr-spec; the complete text must match. Header parameters must be valid and are dropped.
    pub fn parse(text: &'a [u8]) -> Option<NameAddrRef<'a>> {
        u32::try_from(text.len()).ok()?;
        let mut c = Cursor::new(text, 0);
        let parts = name_addr(&mut c, ANY)?;
        params::params(&mut c, tag_or_other, |_, _| ())?;
        c.sws();
        c.at_end().then_some(NameAddrRef { buf: text, parts })
    }

    pub(crate) fn new(buf: &'a [u8], parts: NameAddrParts) -> NameAddrRef<'a> {
        NameAddrRef { buf, parts }
    }

    /// Display name: inside of the quotes with backslashes kept, or the tokens as received. Never empty.
    pub fn display_name(&self) -> Option<&'a [u8]> {
        Some(self.parts.display.of(self.buf)).filter(|text| !text.is_empty())
    }

    /// The URI.
    pub fn uri(&self) -> UriRef<'a> {
        UriRef::new(self.buf, self.parts.uri)
    }
}

/// The `tag` of a From or To value (RFC 3261 19.3). What is no parameter is passed over.
pub(crate) fn tag(value: &[u8]) -> Option<&[u8]> {
    u32::try_from(value.len()).ok()?;
    let mut c = Cursor::new(value, 0);
    name_addr(&mut c, ANY)?;
    let mut tag = None;
    params::readable_params(&mut c, tag_or_other, |is_tag, value| {
        if is_tag {
            tag = value;
        }
    });
    tag.map(|tag| tag.of(value))
}

/// Parameters of From and To: whether it is `tag`, which is a token.
pub(crate) fn tag_or_other(key: &[u8]) -> (bool, Rule) {
    match lex::same(key, b"tag") {
        true => (true, Rule::OptionalToken),
        false => (false, Rule::Generic),
    }
}
