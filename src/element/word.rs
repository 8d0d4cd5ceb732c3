//! A short text of a message, such as a branch or a Call-ID: kept in its place, without memory of its own.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

/// A text of so many bytes needs no other memory.
const ROOM: usize = 62;

/// A short text.
#[derive(Clone)]
pub struct Word(Kept);

#[derive(Clone)]
enum Kept {
    Here { length: u8, bytes: [u8; ROOM] },
    There(Arc<[u8]>),
}

impl Word {
    /// Two texts as one.
    pub fn of(first: &[u8], second: &[u8]) -> Word {
        let length = first.len() + second.len();
        if length > ROOM {
            return Word(Kept::There([first, second].concat().into()));
        }
        let mut bytes = [0; ROOM];
        bytes[..first.len()].copy_from_slice(first);
        bytes[first.len()..length].copy_from_slice(second);
        Word(Kept::Here { length: length as u8, bytes })
    }
}

impl From<&[u8]> for Word {
    fn from(text: &[u8]) -> Word {
        Word::of(text, b"")
    }
}

impl Default for Word {
    fn default() -> Word {
        Word::of(b"", b"")
    }
}

impl Deref for Word {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Kept::Here { length, bytes } => &bytes[..usize::from(*length)],
            Kept::There(bytes) => bytes,
        }
    }
}

impl Borrow<[u8]> for Word {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl Hash for Word {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Word) -> bool {
        **self == **other
    }
}

impl Eq for Word {}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_its_text_however_long_that_is() {
        for length in [0, 1, 61, 62, 63, 1000] {
            let text: Vec<u8> = (0..length).map(|number| number as u8).collect();
            for cut in [0, length / 2, length] {
                let word = Word::of(&text[..cut], &text[cut..]);
                assert_eq!(&*word, &text[..]);
                assert_eq!(word, Word::from(&text[..]));
            }
        }
        assert_ne!(Word::from(&b"a"[..]), Word::default());
        assert_eq!(format!("{:?}", Word::from(&b"z9\xff"[..])), "\"z9\u{fffd}\"");
    }
}
