//! Byte classes and the cursor that all grammars of this layer are written with.

/// A half-open range of the head buffer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    pub(crate) fn of(self, buf: &[u8]) -> &[u8] {
        buf.get(self.start as usize..self.end as usize).unwrap_or(&[])
    }
}

/// `token` (RFC 3261 25.1).
pub(crate) const TOKEN: u16 = 1;
/// `word`, the building block of Call-ID.
pub(crate) const WORD: u16 = 1 << 1;
/// Bytes of the user part, escapes apart.
pub(crate) const USER: u16 = 1 << 2;
/// Bytes of the user part of a URI that stands without angle brackets.
pub(crate) const BARE_USER: u16 = 1 << 3;
/// Bytes of the password, escapes apart.
pub(crate) const PASSWORD: u16 = 1 << 4;
/// The same without angle brackets.
pub(crate) const BARE_PASSWORD: u16 = 1 << 5;
/// Bytes of keys and values of URI parameters, escapes apart.
pub(crate) const PARAM: u16 = 1 << 6;
/// Bytes of names and values of URI headers, escapes apart.
pub(crate) const URI_HEADER: u16 = 1 << 7;
/// Reserved and unreserved bytes (RFC 2396), for URIs of other schemes.
pub(crate) const URIC: u16 = 1 << 8;
/// The same without angle brackets.
pub(crate) const BARE_URIC: u16 = 1 << 9;
/// Letters and digits.
pub(crate) const ALNUM: u16 = 1 << 10;
/// Letters, digits, `-` and `_`: the inside of a domain label.
pub(crate) const LABEL: u16 = 1 << 11;
/// Visible ASCII and blanks: the common bytes of a header value.
pub(crate) const TEXT: u16 = 1 << 12;
/// Hexadecimal digits, `:` and `.`: what an IP address is made of.
pub(crate) const IP: u16 = 1 << 13;
/// Bytes of the words of a display name without quotes: those of a token and, in whatever encoding, those beyond ASCII.
pub(crate) const NAME: u16 = 1 << 14;

static CLASS: [u16; 256] = classes();

const fn contains(set: &[u8], byte: u8) -> bool {
    let mut i = 0;
    while i < set.len() {
        if set[i] == byte {
            return true;
        }
        i += 1;
    }
    false
}

const fn classes() -> [u16; 256] {
    let mut table = [0u16; 256];
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        let alnum = b.is_ascii_alphanumeric();
        let unreserved = alnum || contains(b"-_.!~*'()", b);
        let mut class = 0;
        if alnum || contains(b"-.!%*_+`'~", b) {
            class |= TOKEN | WORD | NAME;
        }
        if b >= 0x80 {
            class |= NAME;
        }
        if contains(b"()<>:\\\"/[]?{}", b) {
            class |= WORD;
        }
        if unreserved || contains(b"&=+$,;?/#", b) {
            class |= USER;
        }
        if unreserved || contains(b"&=+$/#", b) {
            class |= BARE_USER;
        }
        if unreserved || contains(b"&=+$,", b) {
            class |= PASSWORD;
        }
        if unreserved || contains(b"&=+$", b) {
            class |= BARE_PASSWORD;
        }
        if unreserved || contains(b"[]/:&+$", b) {
            class |= PARAM;
        }
        if unreserved || contains(b"[]/?:+$", b) {
            class |= URI_HEADER;
        }
        if unreserved || contains(b";/?:@&=+$,", b) {
            class |= URIC;
        }
        if unreserved || contains(b"/:@&=+$", b) {
            class |= BARE_URIC;
        }
        if alnum {
            class |= ALNUM;
        }
        if alnum || b == b'-' || b == b'_' {
            class |= LABEL;
        }
        if (b >= 0x20 && b <= 0x7e) || b == b'\t' {
            class |= TEXT;
        }
        if b.is_ascii_hexdigit() || b == b':' || b == b'.' {
            class |= IP;
        }
        table[i] = class;
        i += 1;
    }
    table
}

pub(crate) fn is(class: u16, byte: u8) -> bool {
    CLASS[byte as usize] & class != 0
}

pub(crate) fn all(class: u16, text: &[u8]) -> bool {
    text.iter().all(|b| is(class, *b))
}

/// True for a non-empty `token` (RFC 3261 25.1), which is what a header name must be.
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && all(TOKEN, text)
}

/// Equality in any letter case. Most senders write a name as it is listed, which is the quicker comparison.
#[inline]
pub(crate) fn same(text: &[u8], listed: &[u8]) -> bool {
    text == listed || text.eq_ignore_ascii_case(listed)
}

pub(crate) fn is_wsp(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Cuts blanks and folds off the end of a value.
pub(crate) fn trim_end(text: &[u8]) -> &[u8] {
    let len = text.iter().rposition(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n')).map_or(0, |i| i + 1);
    &text[..len]
}

/// Cuts blanks and folds off the start of a value.
pub(crate) fn trim_start(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|b| !matches!(b, b' ' | b'\t' | b'\r' | b'\n')).unwrap_or(text.len());
    &text[start..]
}

/// Cuts blanks and folds off both ends of a value.
pub(crate) fn trim(text: &[u8]) -> &[u8] {
    trim_start(trim_end(text))
}

/// Reads a buffer from left to right. A grammar returns `None` when the bytes do not match; the position of the
/// first byte that no alternative accepted is then `furthest`. When it equals the buffer's length nothing was wrong
/// but the bytes ran out.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    pub(crate) buf: &'a [u8],
    pub(crate) pos: usize,
    pub(crate) furthest: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(buf: &'a [u8], pos: usize) -> Cursor<'a> {
        Cursor { buf, pos, furthest: pos }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.buf.get(self.pos).copied()
    }

    pub(crate) fn at_end(&self) -> bool {
        self.pos == self.buf.len()
    }

    pub(crate) fn fail<T>(&mut self) -> Option<T> {
        self.fail_at(self.pos)
    }

    pub(crate) fn fail_at<T>(&mut self, pos: usize) -> Option<T> {
        self.furthest = self.furthest.max(pos.min(self.buf.len()));
        None
    }

    pub(crate) fn byte(&mut self, byte: u8) -> Option<()> {
        if self.peek() == Some(byte) {
            self.pos += 1;
            Some(())
        } else {
            self.fail()
        }
    }

    /// Skips bytes of a class; says how many.
    pub(crate) fn skip(&mut self, class: u16) -> usize {
        let rest = &self.buf[self.pos..];
        let len = rest.iter().position(|b| !is(class, *b)).unwrap_or(rest.len());
        self.pos += len;
        len
    }

    /// Skips bytes of a class and `%XX` escapes; says how many bytes.
    pub(crate) fn skip_escaped(&mut self, class: u16) -> usize {
        let start = self.pos;
        loop {
            self.skip(class);
            if self.peek() != Some(b'%') {
                return self.pos - start;
            }
            for i in 1..3 {
                match self.buf.get(self.pos + i) {
                    Some(b) if b.is_ascii_hexdigit() => {}
                    _ => {
                        self.fail_at::<()>(self.pos + i);
                        return self.pos - start;
                    }
                }
            }
            self.pos += 3;
        }
    }

    pub(crate) fn token(&mut self) -> Option<Span> {
        let start = self.pos;
        if self.skip(TOKEN) == 0 {
            return self.fail();
        }
        Some(Span::new(start, self.pos))
    }

    /// Between `min` and `max` decimal digits. A digit too many is left for the caller to stumble over.
    pub(crate) fn digits(&mut self, min: usize, max: usize) -> Option<Span> {
        let start = self.pos;
        while self.pos - start < max && self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.pos += 1;
        }
        if self.pos - start < min {
            return self.fail();
        }
        Some(Span::new(start, self.pos))
    }

    /// Port: 1 to 65535; only up to four digits may carry leading zeros.
    pub(crate) fn port(&mut self) -> Option<u16> {
        let span = self.digits(1, 5)?;
        let text = span.of(self.buf);
        let value = text.iter().fold(0u32, |n, d| n * 10 + u32::from(d - b'0'));
        if value == 0 || value > 65535 || (text.len() == 5 && value < 10000) {
            return self.fail();
        }
        Some(value as u16)
    }

    /// Optional LWS: at most one fold. A CRLF that starts no fold is left where it is, but the byte after it counts
    /// as looked at.
    #[inline]
    pub(crate) fn sws(&mut self) {
        // Most often there is none.
        if self.peek().is_none_or(|byte| byte <= b' ') {
            self.blanks();
        }
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(is_wsp) {
            self.pos += 1;
        }
        if let Some(after) = self.fold() {
            self.pos = after;
            while self.peek().is_some_and(is_wsp) {
                self.pos += 1;
            }
        } else if self.at_end() {
            self.fail::<()>();
        }
    }

    /// LWS, mandatory.
    pub(crate) fn lws(&mut self) -> Option<()> {
        let start = self.pos;
        self.sws();
        if self.pos == start {
            return self.fail();
        }
        Some(())
    }

    /// The position after `CR LF WSP`, when it stands here.
    fn fold(&mut self) -> Option<usize> {
        for (i, expected) in [b'\r', b'\n'].into_iter().enumerate() {
            if self.buf.get(self.pos + i) != Some(&expected) {
                return if i == 0 { None } else { self.fail_at(self.pos + i) };
            }
        }
        if self.buf.get(self.pos + 2).copied().is_some_and(is_wsp) {
            Some(self.pos + 3)
        } else {
            self.fail_at(self.pos + 2)
        }
    }

    /// A separator with optional LWS on both sides. Without it the position is unchanged.
    #[inline(always)]
    pub(crate) fn separator(&mut self, byte: u8) -> Option<()> {
        // Most often there are no blanks.
        match self.peek() {
            Some(found) if found == byte => {
                self.pos += 1;
                self.sws();
                Some(())
            }
            Some(found) if found > b' ' => self.fail(),
            _ => self.separator_behind_blanks(byte),
        }
    }

    fn separator_behind_blanks(&mut self, byte: u8) -> Option<()> {
        let start = self.pos;
        self.sws();
        if self.byte(byte).is_none() {
            self.pos = start;
            return None;
        }
        self.sws();
        Some(())
    }

    /// A quoted string; the span is its inside, backslashes kept. Bytes beyond ASCII are text, be it UTF-8 as RFC 3261 25.1
    /// has it or Latin-1: none of them can be taken for a quote or a backslash.
    pub(crate) fn quoted(&mut self) -> Option<Span> {
        self.byte(b'"')?;
        let start = self.pos;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.pos += 1;
                    return Some(Span::new(start, self.pos - 1));
                }
                Some(b'\\') => match self.buf.get(self.pos + 1) {
                    Some(b'\r' | b'\n' | 0x80..) | None => return self.fail_at(self.pos + 1),
                    Some(_) => self.pos += 2,
                },
                Some(b' ' | b'\t' | 0x21..=0x7e | 0x80..) => self.pos += 1,
                Some(b'\r') => self.pos = self.fold()?,
                _ => return self.fail(),
            }
        }
    }

    /// Free text up to the CRLF that no blank follows; returns where the text ends and moves behind the CRLF. Bytes beyond
    /// ASCII are text in whatever encoding.
    pub(crate) fn text_line(&mut self) -> Option<usize> {
        loop {
            self.skip_text();
            match self.peek() {
                Some(b'\r') => {
                    let end = self.pos;
                    if let Some(after) = self.fold() {
                        self.pos = after;
                    } else {
                        self.line_end()?;
                        return Some(end);
                    }
                }
                Some(0x80..) => self.pos += 1,
                _ => return self.fail(),
            }
        }
    }

    /// Skips visible ASCII and blanks, eight bytes at a step.
    fn skip_text(&mut self) {
        const ONES: u64 = u64::MAX / 255;
        const TOPS: u64 = ONES << 7;
        let mut chunks = self.buf[self.pos..].chunks_exact(8);
        for chunk in chunks.by_ref() {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            let word = u64::from_le_bytes(word);
            // A top bit is set here for a byte below 0x20, above 0x7e, or behind one of those.
            let below = word.wrapping_sub(ONES * 0x20) & !word;
            let above = word.wrapping_add(ONES) | word;
            if (below | above) & TOPS != 0 {
                break;
            }
            self.pos += 8;
        }
        self.skip(TEXT);
    }

    /// Moves behind the CRLF that ends a header line, where one stands and nothing is wrong with it.
    #[inline]
    fn ended_line(&mut self) -> bool {
        let ends = matches!(self.buf[self.pos..], [b'\r', b'\n', next, ..] if !is_wsp(next));
        self.pos += if ends { 2 } else { 0 };
        ends
    }

    /// The CRLF that ends a header line, and behind it a byte that does not fold it.
    pub(crate) fn line_end(&mut self) -> Option<()> {
        if self.ended_line() {
            return Some(());
        }
        for (i, expected) in [b'\r', b'\n'].into_iter().enumerate() {
            if self.buf.get(self.pos + i) != Some(&expected) {
                return self.fail_at(self.pos + i);
            }
        }
        match self.buf.get(self.pos + 2) {
            Some(b) if !is_wsp(*b) => {
                self.pos += 2;
                Some(())
            }
            Some(_) => self.fail(),
            None => self.fail_at(self.pos + 2),
        }
    }

    /// End of a structured value. Blanks and a fold before the CRLF are tolerated and not part of the value.
    pub(crate) fn value_end(&mut self) -> Option<usize> {
        let end = self.pos;
        if self.ended_line() {
            return Some(end);
        }
        self.sws();
        self.line_end()?;
        Some(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fast_path_of_text_stops_at_the_same_byte_as_the_table() {
        for special in 0..=255u8 {
            for at in 0..20 {
                let mut text = [b'a'; 24];
                text[at] = special;
                let mut c = Cursor::new(&text, 0);
                c.skip_text();
                assert_eq!(c.pos, if is(TEXT, special) { text.len() } else { at }, "{special:#x} at {at}");
            }
        }
    }

    #[test]
    fn one_fold_is_a_blank_and_a_line_end_is_none() {
        for (text, end, furthest) in [
            (&b"x"[..], 0, 0),
            (b" \tx", 2, 0),
            (b"  \r\n\t x", 6, 0),
            (b" \r\n x", 4, 0),
            (b" \r\nx", 1, 3),
            (b" \rx", 1, 2),
            (b"\r\n \r\n x", 3, 0),
            (b"  ", 2, 2),
            (b" \r\n", 1, 3),
        ] {
            let mut c = Cursor::new(text, 0);
            c.sws();
            assert_eq!((c.pos, c.furthest), (end, furthest), "{text:?}");
        }
    }

    #[test]
    fn quoted_strings_end_at_the_first_bare_quote() {
        for (text, inside) in [
            (&b"\"a\\\"b\" c\""[..], Some(&b"a\\\"b"[..])),
            (b"\"\"", Some(b"")),
            (b"\"a\r\n b\"", Some(b"a\r\n b")),
            (b"\"\xc3\xa4\\\x01\"", Some(b"\xc3\xa4\\\x01")),
            (b"\"\xe4\"", Some(b"\xe4")),
            (b"\"\xff\x80\"", Some(b"\xff\x80")),
            (b"\"a\r\nb\"", None),
            (b"\"\\\n\"", None),
            (b"\"\x01\"", None),
            (b"\"a\\\"", None),
            (b"a", None),
        ] {
            let mut c = Cursor::new(text, 0);
            assert_eq!(c.quoted().map(|span| span.of(text)), inside, "{text:?}");
        }
    }

    #[test]
    fn trimming_leaves_inner_blanks() {
        assert_eq!(trim(b" \r\n a b\t\r\n "), b"a b");
        assert_eq!(trim(b" \t"), b"");
        assert_eq!(trim_end(b" a "), b" a");
    }
}
