//! The one place that keeps line ends out of what others want written into a message.

use bytes::{BufMut, BytesMut};

/// What may survive in a text that is written into a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folds {
    /// `CR LF` followed by a blank, as header values may have it.
    Keep,
    /// No line end at all.
    Replace,
}

/// Writes a text and replaces each CR, LF and NUL by a space; folds stay where they are allowed.
pub fn put_neutral(out: &mut BytesMut, text: &[u8], folds: Folds) {
    let mut rest = text;
    while let Some(at) = memchr::memchr3(b'\r', b'\n', 0, rest) {
        out.put_slice(&rest[..at]);
        rest = match &rest[at..] {
            [b'\r', b'\n', blank @ (b' ' | b'\t'), tail @ ..] if folds == Folds::Keep => {
                out.put_slice(&[b'\r', b'\n', *blank]);
                tail
            }
            tail => {
                out.put_u8(b' ');
                &tail[1..]
            }
        };
    }
    out.put_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn neutral(text: &[u8], folds: Folds) -> Vec<u8> {
        let mut out = BytesMut::new();
        put_neutral(&mut out, text, folds);
        out.to_vec()
    }

    #[test]
    fn only_a_fold_in_a_value_survives() {
        assert_eq!(neutral(b"a\r\n b\r\n\tc", Folds::Keep), b"a\r\n b\r\n\tc");
        assert_eq!(neutral(b"a\r\n b", Folds::Replace), b"a   b");
        assert_eq!(neutral(b"a\r\nX: y\rz\nq\0\r\n", Folds::Keep), b"a  X: y z q   ");
        assert_eq!(neutral(b"a\n b\r b", Folds::Keep), b"a  b  b");
    }
}
