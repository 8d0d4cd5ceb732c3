//! Percent-escapes of the user part of a URI.

use std::borrow::Cow;

/// Replaces each `%XX` by its byte (RFC 3261 19.1.2); anything else stays.
pub fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        match (byte, tail) {
            (b'%', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(nibble(*high) << 4 | nibble(*low));
                rest = tail;
            }
            _ => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    Cow::Owned(out)
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// Escapes a user part (RFC 3261 25.1: `user [":" password]`). The first `:` stays, because the password is part of
/// it; `@`, `[` and `]` do not, since they would make another URI of it. Behind the `:` fewer bytes may stand bare.
pub fn escape_user(user: &[u8]) -> Cow<'_, [u8]> {
    let colon = user.iter().position(|b| *b == b':').filter(|at| *at > 0).unwrap_or(user.len());
    let plain = |at: usize, byte: u8| {
        byte.is_ascii_alphanumeric()
            || b"!$&'()*+,-.=_~".contains(&byte)
            || (at < colon && b"/;?".contains(&byte))
            || at == colon
    };
    if user.iter().enumerate().all(|(at, byte)| plain(at, *byte)) {
        return Cow::Borrowed(user);
    }
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = Vec::with_capacity(user.len() + 12);
    for (at, byte) in user.iter().enumerate() {
        if plain(at, *byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_that_looks_like_a_host_is_escaped() {
        assert_eq!(&escape_user(b"d@q r")[..], b"d%40q%20r");
        assert_eq!(&escape_user(b"d:secret")[..], b"d:secret");
        assert_eq!(&escape_user(b"[x]#\xc3\xa4\r\n")[..], b"%5Bx%5D%23%C3%A4%0D%0A");
    }

    #[test]
    fn user_with_a_colon_stays_a_user_and_a_password() {
        assert_eq!(&escape_user(b"a;b/c?d:e;f/g?h:i,j")[..], b"a;b/c?d:e%3Bf%2Fg%3Fh%3Ai,j");
        assert_eq!(&escape_user(b":a")[..], b"%3Aa");
    }

    #[test]
    fn incomplete_escapes_stay() {
        assert_eq!(&unescape(b"a%4")[..], b"a%4");
        assert_eq!(&unescape(b"%zz%41%")[..], b"%zzA%");
    }
}
