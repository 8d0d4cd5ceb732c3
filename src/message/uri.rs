//! URIs as they were received: views on the text, no copies.

use std::borrow::Cow;

use super::escape;
use super::host::{self, HostType};
use super::lex::{self, Cursor};
use super::uri_syntax::{self, is_visual_separator, Place, SchemeKind, UriParts};

/// Scheme of a URI (RFC 3261 19.1.1, RFC 3966, RFC 2396).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme<'a> {
    /// `sip`
    Sip,
    /// `sips`
    Sips,
    /// `tel`
    Tel,
    /// Any other, in the letter case of the text.
    Other(&'a [u8]),
}

/// Value of the `transport` parameter (RFC 3261 19.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransportParam<'a> {
    /// `udp`
    Udp,
    /// `tcp`
    Tcp,
    /// `tls`
    Tls,
    /// `sctp`
    Sctp,
    /// `ws`
    Ws,
    /// `wss`
    Wss,
    /// Any other token, in the letter case of the text.
    Other(&'a [u8]),
}

/// A valid URI (RFC 3261 19.1, RFC 3966 3).
#[derive(Debug, Clone, Copy)]
pub struct UriRef<'a> {
    /// The text as received, without angle brackets.
    pub text: &'a [u8],
    buf: &'a [u8],
    parts: UriParts,
}

impl<'a> UriRef<'a> {
    /// Reads a URI; the complete text must match.
    pub fn parse(text: &'a [u8]) -> Option<UriRef<'a>> {
        u32::try_from(text.len()).ok()?;
        let mut c = Cursor::new(text, 0);
        let parts = uri_syntax::uri(&mut c, Place::Enclosed)?;
        c.at_end().then(|| UriRef::new(text, parts))
    }

    pub(crate) fn new(buf: &'a [u8], parts: UriParts) -> UriRef<'a> {
        UriRef { text: parts.text.of(buf), buf, parts }
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme<'a> {
        match self.parts.kind {
            SchemeKind::Sip => Scheme::Sip,
            SchemeKind::Sips => Scheme::Sips,
            SchemeKind::Tel => Scheme::Tel,
            SchemeKind::Other => {
                Scheme::Other(&self.text[..memchr::memchr(b':', self.text).unwrap_or_default()])
            }
        }
    }

    /// True for `sip` and `sips`.
    pub fn is_sip(&self) -> bool {
        matches!(self.parts.kind, SchemeKind::Sip | SchemeKind::Sips)
    }

    /// User of a SIP URI (RFC 3261 19.1.1), still escaped, with `:password` if there is one.
    pub fn user(&self) -> Option<&'a [u8]> {
        Some(self.parts.user.of(self.buf)).filter(|user| self.is_sip() && !user.is_empty())
    }

    /// The same with escapes resolved (RFC 3261 19.1.2).
    pub fn user_unescaped(&self) -> Option<Cow<'a, [u8]>> {
        self.user().map(escape::unescape)
    }

    /// Number of a TEL URI (RFC 3966 5.1) without visual separators, hexadecimal digits in lower case.
    pub fn number(&self) -> Option<Vec<u8>> {
        if self.parts.kind != SchemeKind::Tel {
            return None;
        }
        let text = self.parts.user.of(self.buf);
        Some(text.iter().filter(|b| !is_visual_separator(**b)).map(u8::to_ascii_lowercase).collect())
    }

    /// Host of a SIP URI as received.
    pub fn host(&self) -> Option<&'a [u8]> {
        self.is_sip().then(|| self.parts.host.of(self.buf))
    }

    /// Host in the form in which hosts are compared: lower case, no final dot, IPv6 in brackets and in normal form.
    pub fn host_normalised(&self) -> Option<String> {
        Some(host::normalize(self.host()?, self.parts.host_type))
    }

    /// What the host of a SIP URI is.
    pub fn host_type(&self) -> Option<HostType> {
        self.is_sip().then_some(self.parts.host_type)
    }

    /// Port of a SIP URI, if written.
    pub fn port(&self) -> Option<u16> {
        self.parts.port
    }

    /// All parameters (RFC 3261 19.1.1) in order, neither unescaped nor changed in case. A key with `=` and nothing behind it
    /// has an empty value.
    pub fn params(&self) -> UriParams<'a> {
        UriParams { rest: self.parts.params.of(self.buf) }
    }

    /// Value of a parameter, named in any case: `None` if absent, `Some(None)` if it has no value. The last of
    /// equal keys counts.
    pub fn param(&self, key: &[u8]) -> Option<Option<&'a [u8]>> {
        self.params().filter(|(k, _)| k.eq_ignore_ascii_case(key)).last().map(|(_, value)| value)
    }

    fn has_flag(&self, key: &[u8]) -> bool {
        self.params().any(|(k, _)| k.eq_ignore_ascii_case(key))
    }

    fn token_param(&self, key: &[u8]) -> Option<&'a [u8]> {
        if !self.is_sip() {
            return None;
        }
        self.param(key)?.filter(|value| lex::is_token(value))
    }

    /// The `transport` parameter of a SIP URI, if it is a token.
    pub fn transport(&self) -> Option<TransportParam<'a>> {
        let value = self.token_param(b"transport")?;
        let known = [
            (&b"udp"[..], TransportParam::Udp),
            (b"tcp", TransportParam::Tcp),
            (b"tls", TransportParam::Tls),
            (b"sctp", TransportParam::Sctp),
            (b"ws", TransportParam::Ws),
            (b"wss", TransportParam::Wss),
        ];
        let found = known.into_iter().find(|(name, _)| value.eq_ignore_ascii_case(name));
        Some(found.map_or(TransportParam::Other(value), |(_, transport)| transport))
    }

    /// True if a SIP URI has the parameter `lr` (RFC 3261 16.4), with or without value.
    pub fn lr(&self) -> bool {
        self.is_sip() && self.has_flag(b"lr")
    }

    /// True if a SIP URI has the parameter `ob` (RFC 5626), with or without value.
    pub fn ob(&self) -> bool {
        self.is_sip() && self.has_flag(b"ob")
    }

    /// The parameter `ovid` of a SIP URI, by which a process knows its own Record-Route entries again.
    pub fn ovid(&self) -> Option<&'a [u8]> {
        self.token_param(b"ovid")
    }

    /// The parameter `ovcode` of a SIP URI, by which a Record-Route entry shows which dialog it was made for.
    pub fn dialog_code(&self) -> Option<&'a [u8]> {
        self.token_param(b"ovcode")
    }

    /// `phone-context` of a TEL URI when it is a domain or a global number: lower case, no final dot (RFC 3966 5.1.5).
    pub fn phone_context(&self) -> Option<Vec<u8>> {
        if self.parts.kind != SchemeKind::Tel {
            return None;
        }
        let value = self.param(b"phone-context")??;
        let mut c = Cursor::new(value, 0);
        // RFC 3966 3 wants a letter at the head of the last label, which tells a domain from a number.
        let last_label = value.strip_suffix(b".").unwrap_or(value).rsplit(|b| *b == b'.').next();
        let domain = last_label.and_then(<[u8]>::first).is_some_and(u8::is_ascii_alphabetic)
            && matches!(host::host(&mut c), Some((_, HostType::Domain)))
            && c.at_end();
        let global = value.strip_prefix(b"+").is_some_and(|digits| {
            digits.iter().all(|b| b.is_ascii_digit() || is_visual_separator(*b))
                && digits.iter().any(u8::is_ascii_digit)
        });
        if !domain && !global {
            return None;
        }
        Some(value.strip_suffix(b".").unwrap_or(value).to_ascii_lowercase())
    }

    /// Headers of a SIP URI (RFC 3261 19.1.1) with the leading `?`.
    pub fn headers(&self) -> Option<&'a [u8]> {
        Some(self.parts.headers.of(self.buf)).filter(|text| !text.is_empty())
    }

    /// The text as a Request-URI: without headers and without the parameter `method`, which may not stand there (RFC 3261
    /// 19.1.1).
    pub fn as_request_uri(&self) -> Cow<'a, [u8]> {
        let headers = self.headers().map_or(0, <[u8]>::len);
        let text = &self.text[..self.text.len() - headers];
        if !self.is_sip() || self.param(b"method").is_none() {
            return Cow::Borrowed(text);
        }
        let mut kept = text[..text.len() - self.params().rest.len()].to_vec();
        for (key, value) in self.params().filter(|(key, _)| !key.eq_ignore_ascii_case(b"method")) {
            kept.push(b';');
            kept.extend_from_slice(key);
            if let Some(value) = value {
                kept.push(b'=');
                kept.extend_from_slice(value);
            }
        }
        Cow::Owned(kept)
    }

    /// Address of record (RFC 3261 6): `sip:` user and host for SIP and SIPS, `tel:` and number for TEL, nothing for
    /// others.
    pub fn aor(&self) -> Option<Vec<u8>> {
        if let Some(number) = self.number() {
            return Some([b"tel:", &number[..]].concat());
        }
        let host = self.host_normalised()?;
        Some(match self.user_unescaped() {
            Some(user) => [b"sip:", &escape::escape_user(&user)[..], b"@", host.as_bytes()].concat(),
            None => [b"sip:", host.as_bytes()].concat(),
        })
    }
}

/// Parameters of a URI, see [`UriRef::params`].
#[derive(Debug, Clone)]
pub struct UriParams<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for UriParams<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.rest.strip_prefix(b";")?;
        let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
        let (param, rest) = rest.split_at(end);
        self.rest = rest;
        Some(match memchr::memchr(b'=', param) {
            Some(at) => (&param[..at], Some(&param[at + 1..])),
            None => (param, None),
        })
    }
}

/// Whether the text of a URI names a resource that is reached by TLS alone: its scheme is `sips` (RFC 3261 19.1, 26.2.2).
pub fn is_sips(uri: &[u8]) -> bool {
    uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"sips:"))
}
