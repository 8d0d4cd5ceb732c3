//! The header fields as they go out.

use std::{borrow::Cow, collections::HashMap};

use magnus::{prelude::*, Error, RArray, RHash, RString, Ruby, Value};
use oversip::message::{headerize, Folds, HeaderName, Headers};

use super::{
    hash::{as_array, existing_hash, hash},
    wanted::Wanted,
};
use crate::{
    message::RubyMessage,
    text::{self, same_bytes, text_of},
};

/// Header fields ready to be sent, and whether they are still the received bytes.
pub enum Wire {
    /// As received, without what was taken from the top; edits of URIs are not in yet.
    Received(Headers),
    /// In canonical form from the Hash.
    Canonical(Headers),
}

/// What goes out: the received bytes as long as Ruby changed nothing, else the Hash in canonical form.
pub fn wire(ruby: &Ruby, this: RubyMessage) -> Result<Wire, Error> {
    if !this.headers.hash_exists() && handed_out_was_changed(ruby, this)? {
        hash(ruby, this)?;
    }
    if let Some(hash) = existing_hash(ruby, this) {
        return Ok(Wire::Canonical(from_hash(ruby, hash)?));
    }
    let mut headers = Headers::from_message(this.received());
    for name in [HeaderName::Via, HeaderName::Route] {
        for _ in 0..this.headers.removed(name) {
            headers.remove_top_value(name);
        }
    }
    Ok(Wire::Received(headers))
}

/// Whether an Array or String that a reading method handed out differs from what was received.
fn handed_out_was_changed(ruby: &Ruby, this: RubyMessage) -> Result<bool, Error> {
    let Some(touched) = this.headers.touched.get(ruby).and_then(RHash::from_value) else { return Ok(false) };
    let pairs: RArray = touched.funcall("to_a", ())?;
    for index in 0..pairs.len() {
        let pair: RArray = pairs.entry(index as isize)?;
        let wanted = Wanted::new(ruby, pair.entry(0)?)?;
        let array: RArray = pair.entry(1)?;
        let mut position = 0;
        for value in wanted.received(&this) {
            let kept: Value = array.entry(position)?;
            if !RString::from_value(kept).is_some_and(|string| same_bytes(string, value)) {
                return Ok(true);
            }
            position += 1;
        }
        if array.len() != position as usize {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The Hash in canonical form. An entry whose name is no token is left out with an error record.
fn from_hash(ruby: &Ruby, hash: RHash) -> Result<Headers, Error> {
    let mut headers = Headers::new();
    // Copied first: `to_s` of a script's object may change the Hash.
    let pairs: RArray = hash.funcall("to_a", ())?;
    for index in 0..pairs.len() {
        let pair: RArray = pairs.entry(index as isize)?;
        let name: Value = pair.entry(0)?;
        let name_text = text_of(name)?;
        if !oversip::message::is_token(&name_text) {
            text::log_error(ruby, &format!("header with the invalid name {} is left out", name.inspect()));
            continue;
        }
        let entry: Value = pair.entry(1)?;
        if entry.is_nil() {
            continue;
        }
        let values = as_array(ruby, entry);
        let mut position = 0;
        while position < values.len() {
            let value = text_of(values.entry(position as isize)?)?;
            headers.push(&name_text, &text::neutral(ruby, "a header value", value, Folds::Keep));
            position += 1;
        }
    }
    Ok(headers)
}

/// A header name in canonical form with its values.
type Group<'a> = (Cow<'static, [u8]>, Vec<&'a [u8]>);

/// The received header fields in canonical form, without making the Hash.
pub fn canonical(ruby: &Ruby, this: RubyMessage) -> Result<Headers, Error> {
    if let Wire::Canonical(headers) = wire(ruby, this)? {
        return Ok(headers);
    }
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut group_of: HashMap<Cow<'static, [u8]>, usize> = HashMap::new();
    let (mut vias, mut routes) = (this.headers.removed_vias.get(), this.headers.removed_routes.get());
    for (name, raw, value) in this.received().values() {
        let left = match name {
            HeaderName::Via => &mut vias,
            HeaderName::Route => &mut routes,
            _ => &mut 0,
        };
        if *left > 0 {
            *left -= 1;
            continue;
        }
        let canonical = headerize(raw);
        let group = *group_of.entry(canonical).or_insert_with_key(|canonical| {
            groups.push((canonical.clone(), Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(value);
    }
    let mut headers = Headers::new();
    for (name, values) in &groups {
        for value in values {
            headers.push(name, value);
        }
    }
    Ok(headers)
}

/// The header lines and the empty line.
pub fn write(headers: &Headers, out: &mut Vec<u8>) {
    for field in headers.iter() {
        out.extend_from_slice(field.line());
    }
    out.extend_from_slice(b"\r\n");
}
