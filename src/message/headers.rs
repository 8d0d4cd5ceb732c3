//! Headers that are ready to be sent: whole lines, received ones without a copy.

use std::fmt::Write;

use bytes::{BufMut, Bytes, BytesMut};

use super::header_name::HeaderName;
use super::lex;
use super::neutral::{put_neutral, Folds};
use super::received::Message;
use super::split::CommaList;

/// One header line (RFC 3261 7.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderField {
    /// The known name.
    pub name: HeaderName,
    /// With the CRLF.
    line: Bytes,
    value_at: u32,
    name_len: u32,
}

impl HeaderField {
    /// `None` if the name is no token. Line ends in the value that do not fold it become spaces.
    pub fn new(name: &[u8], value: &[u8]) -> Option<HeaderField> {
        if !lex::is_token(name) {
            return None;
        }
        // A fold right at the start would leave an almost empty line; blanks there mean nothing.
        let value = lex::trim_start(value);
        let mut line = BytesMut::with_capacity(name.len() + value.len() + 4);
        line.put_slice(name);
        line.put_slice(b": ");
        let value_at = line.len();
        put_neutral(&mut line, value, Folds::Keep);
        line.put_slice(b"\r\n");
        Some(HeaderField {
            name: HeaderName::lookup(name),
            line: line.freeze(),
            value_at: u32::try_from(value_at).ok()?,
            name_len: name.len() as u32,
        })
    }

    /// A header of a known name, its value in parts. Line ends in a part that do not fold it become spaces. `None` for
    /// [`HeaderName::Other`], which names no header.
    fn known(name: HeaderName, value: &[&[u8]]) -> Option<HeaderField> {
        let spelled = name.canonical().as_bytes();
        if spelled.is_empty() {
            return None;
        }
        let value_at = spelled.len() + 2;
        let len: usize = value.iter().map(|part| part.len()).sum();
        let mut line = BytesMut::with_capacity(value_at + len + 2);
        line.put_slice(spelled);
        line.put_slice(b": ");
        value.iter().for_each(|part| put_neutral(&mut line, part, Folds::Keep));
        line.put_slice(b"\r\n");
        let (value_at, name_len) = (value_at as u32, spelled.len() as u32);
        Some(HeaderField { name, line: line.freeze(), value_at, name_len })
    }

    /// The name as spelled.
    pub fn name_text(&self) -> &[u8] {
        &self.line[..self.name_len as usize]
    }

    /// The value.
    pub fn value(&self) -> &[u8] {
        let value = &self.line[self.value_at as usize..self.line.len() - 2];
        if self.name.is_structured() {
            lex::trim_end(value)
        } else {
            value
        }
    }

    /// The value, in the memory of its line.
    pub fn shared_value(&self) -> Bytes {
        self.line.slice_ref(self.value())
    }

    /// The whole line with its CRLF.
    pub fn line(&self) -> &Bytes {
        &self.line
    }

    /// The same name with another value, whose parts come from valid lines or are neutral.
    fn with_value(&self, parts: &[&[u8]]) -> HeaderField {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let mut line = BytesMut::with_capacity(self.value_at as usize + len + 2);
        line.put_slice(&self.line[..self.value_at as usize]);
        parts.iter().for_each(|part| line.put_slice(part));
        line.put_slice(b"\r\n");
        HeaderField { line: line.freeze(), ..*self }
    }
}

/// Header lines in the order in which they are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<HeaderField>);

impl Headers {
    /// No headers.
    pub fn new() -> Headers {
        Headers::default()
    }

    /// The lines of a message as received, the top Via as stamped. Only the line of a stamped Via is copied.
    pub fn from_message(message: &Message) -> Headers {
        let head = message.head_bytes();
        let stamped = message.stamped_via.as_deref();
        let mut fields = Vec::with_capacity(message.parsed.lines.len() + 4);
        let mut top_via = message.parsed.elements.iter().find(|element| {
            message.parsed.lines.get(element.line as usize).is_some_and(|line| line.name == HeaderName::Via)
        });
        for (index, line) in message.parsed.lines.iter().enumerate() {
            let start = line.name_text.start as usize;
            let field = HeaderField {
                name: line.name,
                line: head.slice(start..line.end as usize),
                value_at: line.value.start - line.name_text.start,
                name_len: line.name_text.end - line.name_text.start,
            };
            let element = top_via.take_if(|element| element.line as usize == index);
            fields.push(match (stamped, element) {
                (Some(stamped), Some(element)) => {
                    let rest = &head[element.text.end as usize..line.value.end as usize];
                    field.with_value(&[stamped, rest])
                }
                _ => field,
            });
        }
        Headers(fields)
    }

    /// The same headers, with room for further ones.
    pub(crate) fn with_room(&self, further: usize) -> Headers {
        let mut fields = Vec::with_capacity(self.0.len() + further);
        fields.extend_from_slice(&self.0);
        Headers(fields)
    }

    /// Appends a header; false, and nothing done, if the name is no token.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> bool {
        HeaderField::new(name, value).map(|field| self.0.push(field)).is_some()
    }

    /// Puts a header before all others; false, and nothing done, if the name is no token.
    pub fn push_front(&mut self, name: &[u8], value: &[u8]) -> bool {
        HeaderField::new(name, value).map(|field| self.0.insert(0, field)).is_some()
    }

    /// Puts a header of a known name before all others; the parts of its value follow each other. False, and nothing done, for
    /// [`HeaderName::Other`].
    pub fn push_front_known(&mut self, name: HeaderName, value: &[&[u8]]) -> bool {
        HeaderField::known(name, value).map(|field| self.0.insert(0, field)).is_some()
    }

    /// All lines in order.
    pub fn iter(&self) -> impl Iterator<Item = &HeaderField> {
        self.0.iter()
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are no lines.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Value of the first line of this name.
    pub fn first(&self, name: HeaderName) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// Values of all lines of this name.
    pub fn all(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |field| field.name == name).map(HeaderField::value)
    }

    /// All values of this name, comma lists split (RFC 3261 7.3.1).
    pub fn list(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        self.all(name).flat_map(CommaList::new)
    }

    fn position(&self, name: HeaderName) -> Option<usize> {
        self.0.iter().position(|field| field.name == name)
    }

    /// Gives a header one value: the first line keeps its place, all others go; a new line is the last one.
    /// Nothing is done for [`HeaderName::Other`], which names no header.
    pub fn replace(&mut self, name: HeaderName, value: &[u8]) {
        let Some(field) = HeaderField::known(name, &[lex::trim_start(value)]) else { return };
        match self.position(name) {
            None => self.0.push(field),
            Some(at) => {
                let mut kept = 0;
                self.0.retain(|field| {
                    kept += usize::from(field.name == name);
                    field.name != name || kept == 1
                });
                self.0[at] = field;
            }
        }
    }

    /// Removes all lines of this name; says whether there were any. Nothing is done for [`HeaderName::Other`].
    pub fn remove(&mut self, name: HeaderName) -> bool {
        let before = self.0.len();
        self.0.retain(|field| field.name != name || name == HeaderName::Other);
        self.0.len() != before
    }

    /// Takes the first value off the comma list in the first line of this name; the line goes with its last value.
    pub fn remove_top_value(&mut self, name: HeaderName) -> Option<Bytes> {
        let at = self.position(name)?;
        let field = &self.0[at];
        let mut values = CommaList::new(field.value());
        let top = field.line.slice_ref(values.next()?);
        match values.rest() {
            Some(rest) => self.0[at] = field.with_value(&[rest]),
            None => {
                self.0.remove(at);
            }
        }
        Some(top)
    }

    /// Replaces the first value of the comma list in the first line of this name; appends a line if there is none.
    pub fn replace_top_value(&mut self, name: HeaderName, value: &[u8]) {
        let Some(at) = self.position(name) else {
            self.push(name.canonical().as_bytes(), value);
            return;
        };
        let field = &self.0[at];
        let mut values = CommaList::new(field.value());
        values.next();
        let mut neutral = BytesMut::with_capacity(value.len());
        put_neutral(&mut neutral, value, Folds::Keep);
        self.0[at] = match values.rest() {
            Some(rest) => field.with_value(&[&neutral, b", ", rest]),
            None => field.with_value(&[&neutral]),
        };
    }

    pub(crate) fn wire_len(&self) -> usize {
        self.0.iter().map(|field| field.line.len()).sum()
    }

    /// How many bytes [`write_with_length`](Headers::write_with_length) writes.
    pub(crate) fn wire_len_with_length(&self, body_len: usize) -> usize {
        let others = self.0.iter().filter(|field| field.name != HeaderName::ContentLength);
        others.map(|field| field.line.len()).sum::<usize>() + content_length_len(body_len)
    }

    /// Writes all lines.
    pub fn write_to(&self, out: &mut BytesMut) {
        for field in &self.0 {
            out.put_slice(&field.line);
        }
    }

    /// Writes all lines with a Content-Length of this many bytes: in the place of the first one, else at the end.
    pub(crate) fn write_with_length(&self, out: &mut BytesMut, body_len: usize) {
        let mut written = false;
        for field in &self.0 {
            if field.name != HeaderName::ContentLength {
                out.put_slice(&field.line);
            } else if !written {
                put_content_length(out, body_len);
                written = true;
            }
        }
        if !written {
            put_content_length(out, body_len);
        }
    }
}

pub(crate) fn put_content_length(out: &mut BytesMut, len: usize) {
    out.put_slice(HeaderName::ContentLength.canonical().as_bytes());
    out.put_slice(b": ");
    put_decimal(out, len);
    out.put_slice(b"\r\n");
}

/// How many bytes [`put_content_length`] writes.
pub(crate) fn content_length_len(len: usize) -> usize {
    let digits = len.checked_ilog10().unwrap_or(0) as usize + 1;
    HeaderName::ContentLength.canonical().len() + 2 + digits + 2
}

/// Writes a number in decimal.
pub(crate) fn put_decimal(out: &mut BytesMut, number: usize) {
    // Writing into memory that grows cannot fail.
    let _ = write!(out, "{number}");
}

/// Writes a header line with the canonical spelling of a known name.
pub(crate) fn put_line(out: &mut BytesMut, name: HeaderName, value: &[u8]) {
    out.put_slice(name.canonical().as_bytes());
    out.put_slice(b": ");
    put_neutral(out, value, Folds::Keep);
    out.put_slice(b"\r\n");
}

/// The same with a value that comes from a valid line and goes out as it is: a quoted zero byte of a peer is its own.
pub(crate) fn put_valid_line(out: &mut BytesMut, name: HeaderName, value: &[u8]) {
    put_valid_parts(out, name, &[value]);
}

/// The same with a value in parts.
pub(crate) fn put_valid_parts(out: &mut BytesMut, name: HeaderName, value: &[&[u8]]) {
    out.put_slice(name.canonical().as_bytes());
    out.put_slice(b": ");
    value.iter().for_each(|part| out.put_slice(part));
    out.put_slice(b"\r\n");
}

/// Writes a complete header line that others made, without CRLF at its end. False, and nothing written, unless it
/// is a token, a colon and a value: anything else would run into its neighbours.
pub(crate) fn put_foreign_line(out: &mut BytesMut, line: &[u8]) -> bool {
    let Some((name, value)) = split_line(line) else { return false };
    out.put_slice(name);
    out.put_slice(b":");
    put_neutral(out, value, Folds::Keep);
    out.put_slice(b"\r\n");
    true
}

/// Name and value of a header line; `None` if the name is no token. Blanks before the colon are no part of the name.
pub fn split_line(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    let end = line[..colon].iter().rposition(|b| !lex::is_wsp(*b))? + 1;
    lex::is_token(&line[..end]).then(|| (&line[..end], &line[colon + 1..]))
}
