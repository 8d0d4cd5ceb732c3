//! Texts of peers as a list of calls can show them: what would turn the direction of writing, join with what stands beside it or
//! show as nothing is shown by its number.

use std::fmt::Write;

/// Characters that are shown; the rest is cut off.
const MOST: usize = 200;

/// The text with nothing hidden in it. Bytes that are no UTF-8 show as such.
pub(super) fn visible(bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut room = MOST;
    for chunk in bytes.utf8_chunks() {
        let invalid = chunk.invalid().iter().map(|byte| Err(*byte));
        for piece in chunk.valid().chars().map(Ok).chain(invalid) {
            if room == 0 {
                text.push_str("..");
                return text;
            }
            room -= 1;
            // Writing to memory does not fail.
            let _ = match piece {
                Ok(char) if is_plain(char) => write!(text, "{char}"),
                Ok(char) if u32::from(char) >= 0x100 => write!(text, "\\u{{{:X}}}", u32::from(char)),
                Ok(char) => write!(text, "\\x{:02X}", u32::from(char)),
                Err(byte) => write!(text, "\\x{byte:02X}"),
            };
        }
    }
    text
}

/// Letters and signs that everybody sees, from left to right: of Latin, Greek and Cyrillic, and those of East Asia.
fn is_plain(char: char) -> bool {
    match char {
        ' '..='~' | '¡'..='¬' | '®'..='ÿ' | '–' | '—' | '‘' | '’' | '“' | '”' | '•' | '…' | '€' => {
            true
        }
        '\u{100}'..='\u{24f}' | '\u{1e00}'..='\u{1fff}' | '\u{370}'..='\u{52f}' => char.is_alphabetic(),
        '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' => char.is_alphabetic(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stay() {
        for text in ["sip:alice@example.com", "Zoë Ωμέγα Привет", "山田 かな 한글", "<b>&\"'"]
        {
            assert_eq!(visible(text.as_bytes()), text);
        }
    }

    #[test]
    fn what_hides_or_turns_something_is_shown_by_its_number() {
        assert_eq!(visible("a\u{202e}b\u{2066}c".as_bytes()), "a\\u{202E}b\\u{2066}c");
        assert_eq!(visible(b"\x1b[31m\r\n\0\x7f"), "\\x1B[31m\\x0D\\x0A\\x00\\x7F");
        assert_eq!(
            visible("e\u{301} \u{200b}\u{ad} שלום".as_bytes()),
            "e\\u{301} \\u{200B}\\xAD \\u{5E9}\\u{5DC}\\u{5D5}\\u{5DD}"
        );
        assert_eq!(visible(b"a\xffb\xc3"), "a\\xFFb\\xC3");
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(visible("ü".repeat(300).as_bytes()), format!("{}..", "ü".repeat(200)));
        assert_eq!(visible("x".repeat(200).as_bytes()), "x".repeat(200));
    }
}
