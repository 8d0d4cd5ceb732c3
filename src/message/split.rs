//! Comma lists of header values whose grammar need not be known.

use super::lex;

/// The values of a comma list (RFC 3261 7.3.1). Commas in quoted strings and angle brackets do not count; blanks and
/// folds around a value are no part of it, nor is a `;` at its end; an empty element is no value.
#[derive(Debug, Clone)]
pub struct CommaList<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> CommaList<'a> {
    /// Splits a value.
    pub fn new(value: &'a [u8]) -> CommaList<'a> {
        CommaList { rest: Some(value) }
    }

    /// What was not split yet, from the next value on; `None` if there is none.
    pub(crate) fn rest(&self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let start = rest.iter().position(|b| !matches!(b, b',' | b' ' | b'\t' | b'\r' | b'\n'))?;
        Some(&rest[start..])
    }
}

impl<'a> Iterator for CommaList<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let text = self.rest?;
            let comma = top_level_comma(text);
            self.rest = comma.map(|at| &text[at + 1..]);
            let value = lex::trim(&text[..comma.unwrap_or(text.len())]);
            let value = value.strip_suffix(b";").map_or(value, lex::trim_end);
            if !value.is_empty() {
                return Some(value);
            }
        }
    }
}

fn top_level_comma(text: &[u8]) -> Option<usize> {
    let mut quoted = false;
    let mut bracketed = false;
    let mut escaped = false;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' if !bracketed => quoted = !quoted,
            _ if quoted => {}
            b'<' => bracketed = true,
            b'>' => bracketed = false,
            b',' if !bracketed => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        CommaList::new(text.as_bytes()).map(|v| std::str::from_utf8(v).unwrap()).collect()
    }

    #[test]
    fn commas_inside_quotes_and_brackets_do_not_split() {
        assert_eq!(
            split(r#""a, \"b" <sip:x,y@h>;p="1,2" ,  <sip:c>"#),
            [r#""a, \"b" <sip:x,y@h>;p="1,2""#, "<sip:c>"]
        );
        assert_eq!(split("a,\r\n b"), ["a", "b"]);
        assert_eq!(split("a"), ["a"]);
    }

    #[test]
    fn an_empty_element_is_no_value() {
        let none: [&str; 0] = [];
        assert_eq!(split("a,"), ["a"]);
        assert_eq!(split("a;b ;, c;"), ["a;b", "c"]);
        assert_eq!(split(" , a,, \r\n ,b ,"), ["a", "b"]);
        assert_eq!(split(""), none);
        assert_eq!(split(",\t,"), none);
        let mut values = CommaList::new(b"a , ,b,");
        values.next();
        assert_eq!(values.rest(), Some(&b"b,"[..]));
        values.next();
        assert_eq!(values.rest(), None);
    }
}
