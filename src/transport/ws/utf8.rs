//! UTF-8 across the fragments of a message.

/// What a piece of text did to the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Utf8 {
    /// Valid up to its end.
    Complete,
    /// Valid, but the last character is not complete.
    Truncated,
    /// No text begins like this.
    Invalid,
}

/// The bytes of a character whose rest has not come; a character has four at most.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Utf8Check {
    pending: [u8; 4],
    len: usize,
}

impl Utf8Check {
    /// Reads the next piece.
    pub fn push(&mut self, mut piece: &[u8]) -> Utf8 {
        while self.len > 0 {
            let Some((byte, rest)) = piece.split_first() else { return Utf8::Truncated };
            self.pending[self.len] = *byte;
            self.len += 1;
            piece = rest;
            match std::str::from_utf8(&self.pending[..self.len]) {
                Ok(_) => self.len = 0,
                Err(error) if error.error_len().is_some() => return Utf8::Invalid,
                Err(_) => {}
            }
        }
        let Err(error) = std::str::from_utf8(piece) else { return Utf8::Complete };
        if error.error_len().is_some() {
            return Utf8::Invalid;
        }
        let tail = &piece[error.valid_up_to()..];
        self.pending[..tail.len()].copy_from_slice(tail);
        self.len = tail.len();
        Utf8::Truncated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_may_lie_across_pieces() {
        let text = "a\u{e9}\u{20ac}\u{1f600}z".as_bytes();
        for cut in 0..=text.len() {
            let mut check = Utf8Check::default();
            let first = check.push(&text[..cut]);
            assert_eq!(first == Utf8::Complete, std::str::from_utf8(&text[..cut]).is_ok(), "cut at {cut}");
            assert_eq!(check.push(&text[cut..]), Utf8::Complete, "cut at {cut}");
        }
    }

    #[test]
    fn what_no_text_begins_with_is_invalid_at_once() {
        assert_eq!(Utf8Check::default().push(b"a\xff"), Utf8::Invalid);
        assert_eq!(Utf8Check::default().push(b"\xed\xa0\x80"), Utf8::Invalid);
        let mut check = Utf8Check::default();
        assert_eq!(check.push(b"\xf0\x9f"), Utf8::Truncated);
        assert_eq!(check.push(b""), Utf8::Truncated);
        assert_eq!(check.push(b"a"), Utf8::Invalid);
    }
}
