//! `WWW-Authenticate` and `Proxy-Authenticate` (RFC 3261 20.44, RFC 7616 3.3).

use super::Algorithm;

/// The protection that an answer gives (RFC 7616 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qop {
    /// The request line.
    Auth,
    /// Request line and body.
    AuthInt,
}

impl Qop {
    /// As it stands in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Qop::Auth => "auth",
            Qop::AuthInt => "auth-int",
        }
    }
}

/// A challenge that can be answered. Texts are what stood between the quotation marks, escapes untouched: that is what is
/// hashed and what goes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// The protection domain.
    pub realm: &'a [u8],
    /// The server's nonce.
    pub nonce: &'a [u8],
    /// To be returned unchanged.
    pub opaque: Option<&'a [u8]>,
    /// The algorithm as the challenge spelt it, if it did.
    pub algorithm_name: Option<&'a [u8]>,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The protection to use; `None` where the server speaks the older scheme of RFC 2069.
    pub qop: Option<Qop>,
    /// The credentials were right, only the nonce was too old.
    pub stale: bool,
}

impl<'a> Challenge<'a> {
    /// Reads a header value. `None`: another scheme, no realm or nonce, or nothing in it that is supported.
    pub fn parse(value: &'a [u8]) -> Option<Challenge<'a>> {
        let value = value.trim_ascii();
        let (scheme, rest) = value.split_at_checked(6)?;
        if !scheme.eq_ignore_ascii_case(b"Digest") || !rest.first().is_some_and(u8::is_ascii_whitespace) {
            return None;
        }
        let (mut realm, mut nonce, mut opaque, mut algorithm_name, mut qops) = (None, None, None, None, None);
        let mut stale = false;
        for (name, text) in Params(rest) {
            let place = match name.to_ascii_lowercase().as_slice() {
                b"realm" => &mut realm,
                b"nonce" => &mut nonce,
                b"opaque" => &mut opaque,
                b"algorithm" => &mut algorithm_name,
                b"qop" => &mut qops,
                b"stale" => {
                    stale = text.eq_ignore_ascii_case(b"true");
                    continue;
                }
                _ => continue,
            };
            place.get_or_insert(text);
        }
        Some(Challenge {
            realm: realm?,
            nonce: nonce?,
            opaque,
            algorithm_name,
            algorithm: algorithm_name.map_or(Some(Algorithm::MD5), Algorithm::named)?,
            qop: match qops {
                Some(list) => Some(choose_qop(list)?),
                None => None,
            },
            stale,
        })
    }
}

/// `auth` where it is offered. `None`: nothing known is.
fn choose_qop(list: &[u8]) -> Option<Qop> {
    let offers = |name: &str| {
        list.split(|byte| *byte == b',').any(|one| one.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
    };
    [Qop::Auth, Qop::AuthInt].into_iter().find(|qop| offers(qop.as_str()))
}

/// `name=token` and `name="quoted string"`, separated by commas. What is neither ends the list.
struct Params<'a>(&'a [u8]);

impl<'a> Iterator for Params<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.0.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != b',')?;
        let rest = &self.0[start..];
        let equals = rest.iter().position(|byte| *byte == b'=')?;
        let name = rest[..equals].trim_ascii();
        let rest = rest[equals + 1..].trim_ascii_start();
        let (text, rest) = match rest.strip_prefix(b"\"") {
            Some(quoted) => {
                let end = end_of_quoted(quoted)?;
                (&quoted[..end], &quoted[end + 1..])
            }
            None => {
                let end = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
                let token = rest[..end].trim_ascii();
                // It may go back between quotation marks.
                if token.iter().any(|byte| matches!(byte, b'"' | b'\\') || byte.is_ascii_whitespace()) {
                    return None;
                }
                (token, &rest[end..])
            }
        };
        self.0 = rest;
        Some((name, text))
    }
}

fn end_of_quoted(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| {
        let end = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        end
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_parameters_are_read_in_any_order_and_case() {
        let value = b"digest nonce=\"n,1\" , REALM = \"a \\\"b\\\"\",qop=\"auth-int, auth\",\r\n Algorithm=sha-256, stale=TRUE,\
                      opaque=\"\", domain=\"sip:x\"";
        let challenge = Challenge::parse(value).expect("a challenge");
        assert_eq!((challenge.nonce, challenge.realm), (&b"n,1"[..], &b"a \\\"b\\\""[..]));
        assert_eq!(
            (challenge.qop, challenge.stale, challenge.opaque),
            (Some(Qop::Auth), true, Some(&b""[..]))
        );
        assert_eq!(challenge.algorithm_name, Some(&b"sha-256"[..]));
    }

    #[test]
    fn a_bare_challenge_is_md5_without_qop() {
        let challenge = Challenge::parse(b"Digest realm=\"r\", nonce=\"n\"").expect("a challenge");
        assert_eq!((challenge.algorithm, challenge.qop, challenge.stale), (Algorithm::MD5, None, false));
    }

    #[test]
    fn what_cannot_be_answered_is_none() {
        for value in [
            &b"Basic realm=\"r\""[..],
            b"Digest",
            b"DigestX realm=\"r\", nonce=\"n\"",
            b"Digest realm=\"r\"",
            b"Digest nonce=\"n\"",
            b"Digest realm=\"r, nonce=\"n",
            b"Digest realm=r\"s, nonce=n",
            b"Digest realm=r\\, nonce=n",
            b"Digest realm=\"r\", nonce=\"n\", algorithm=AKAv1-MD5",
            b"Digest realm=\"r\", nonce=\"n\", qop=\"token\"",
            b"Digest realm=\"r\", nonce=\"n\", qop=\"\"",
            b"Digest ,,,= ,==\"",
            b"",
        ] {
            assert_eq!(Challenge::parse(value), None, "{}", String::from_utf8_lossy(value));
        }
    }

    #[test]
    fn integrity_is_used_where_nothing_else_is_offered() {
        let challenge =
            Challenge::parse(b"Digest realm=\"r\", nonce=\"n\", qop=auth-int").expect("a challenge");
        assert_eq!(challenge.qop, Some(Qop::AuthInt));
    }
}
