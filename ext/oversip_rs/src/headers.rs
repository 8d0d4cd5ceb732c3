//! The header fields of a message as Ruby sees them: a live Hash, made when somebody asks for it.
//!
//! Three stages. Nothing read: the received bytes are the truth and go out as they are. Single headers read: their
//! Arrays are handed out and remembered, for a script may change them in place. The Hash asked for: from then on it
//! is the truth, and the message goes out in canonical form.

use std::{borrow::Cow, cell::Cell, collections::HashMap};

use bytes::Bytes;
use magnus::{gc::Marker, prelude::*, value::Lazy, Error, RArray, RHash, RString, Ruby, Value};
use oversip::message::{headerize, Folds, HeaderName, Headers};

use crate::{
    message::This,
    slot::Slot,
    text::{self, binary, bytes_of, same_bytes, text_of, utf8},
};

/// What Ruby has seen of the header fields of one message.
#[derive(Default)]
pub struct HeaderState {
    hash: Slot,
    /// Arrays handed out while there is no Hash, keyed by canonical name.
    touched: Slot,
    /// `hdr_via` and its like: what the Hash held when it was made.
    via: Slot,
    route: Slot,
    from: Slot,
    to: Slot,
    /// Leading values of the received message that were taken away.
    removed_vias: Cell<usize>,
    removed_routes: Cell<usize>,
}

impl HeaderState {
    /// Tells the GC about the values.
    pub fn mark(&self, marker: &Marker) {
        for slot in [&self.hash, &self.touched, &self.via, &self.route, &self.from, &self.to] {
            slot.mark(marker);
        }
    }

    /// Whether the Hash was made and is the truth.
    pub fn hash_exists(&self) -> bool {
        self.hash.is_set()
    }

    /// Route values taken from the top so far.
    pub fn removed_routes(&self) -> usize {
        self.removed_routes.get()
    }

    fn removed(&self, name: HeaderName) -> usize {
        match name {
            HeaderName::Via => self.removed_vias.get(),
            HeaderName::Route => self.removed_routes.get(),
            _ => 0,
        }
    }
}

/// A header name in canonical form, as the Hash has its keys: frozen and BINARY.
pub fn key(ruby: &Ruby, name: HeaderName, raw: &[u8]) -> Result<RString, Error> {
    if name == HeaderName::Other {
        let key = binary(ruby, &headerize(raw));
        key.freeze();
        return Ok(key);
    }
    static KNOWN: Lazy<RArray> = Lazy::new(|ruby| ruby.ary_new());
    let known = ruby.get_inner(&KNOWN);
    let index = name as isize;
    if let Some(key) = RString::from_value(known.entry(index)?) {
        return Ok(key);
    }
    let key = binary(ruby, name.canonical().as_bytes());
    key.freeze();
    known.store(index, key)?;
    Ok(key)
}

/// A name given by a script.
struct Wanted {
    name: HeaderName,
    text: Bytes,
}

impl Wanted {
    fn new(ruby: &Ruby, name: Value) -> Result<Self, Error> {
        let text = text::string_argument(ruby, name, "Argument must be a String")?;
        Ok(Self { name: HeaderName::lookup(&text), text })
    }

    /// The name of a header that is about to be written.
    fn writable(ruby: &Ruby, name: Value) -> Result<Self, Error> {
        let text = text::named_string_argument(ruby, name, "header name")?;
        let wanted = Self { name: HeaderName::lookup(&text), text };
        if !oversip::message::is_token(&wanted.text) {
            return Err(text::runtime_error(ruby, format!("invalid header name {}", name.inspect())));
        }
        Ok(wanted)
    }

    fn known(name: HeaderName) -> Self {
        Self { name, text: Bytes::from_static(name.canonical().as_bytes()) }
    }

    fn key(&self, ruby: &Ruby) -> Result<RString, Error> {
        key(ruby, self.name, &self.text)
    }

    fn is(&self, name: HeaderName, raw: &[u8]) -> bool {
        self.name == name && (name != HeaderName::Other || raw.eq_ignore_ascii_case(&self.text))
    }

    /// The values of the received message under this name, without those taken away.
    fn received<'a>(&'a self, this: &'a This) -> impl Iterator<Item = &'a [u8]> + 'a {
        let all = this.received().values().filter(|(name, raw, _)| self.is(*name, raw));
        all.map(|(_, _, value)| value).skip(this.headers.removed(self.name))
    }

    /// An emptied Route stays as an empty entry; an emptied Via is gone.
    fn is_received(&self, this: &This) -> bool {
        match self.name {
            HeaderName::Via => self.received(this).next().is_some(),
            _ => this.received().values().any(|(name, raw, _)| self.is(name, raw)),
        }
    }
}

/// What an entry of the Hash is to the reading methods: an Array, or one value that a script has put there bare.
fn as_array(ruby: &Ruby, value: Value) -> RArray {
    match RArray::from_value(value) {
        Some(array) => array,
        None => {
            let array = ruby.ary_new();
            // Pushing onto a fresh Array cannot fail.
            let _ = array.push(value);
            array
        }
    }
}

/// The live Array of a header; nothing when the message has no such header.
fn array(ruby: &Ruby, this: This, wanted: &Wanted) -> Result<Option<RArray>, Error> {
    show_sent_edit(ruby, this, wanted.name)?;
    let key = wanted.key(ruby)?;
    if let Some(hash) = existing_hash(ruby, this) {
        let entry = hash.get(key).filter(|value| !value.is_nil());
        return Ok(entry.map(|value| as_array(ruby, value)));
    }
    let touched = this.headers.touched.get(ruby).and_then(RHash::from_value);
    if let Some(array) = touched.and_then(|touched| touched.get(key)).and_then(RArray::from_value) {
        return Ok(Some(array));
    }
    if !wanted.is_received(&this) {
        return Ok(None);
    }
    let array = ruby.ary_new();
    for value in wanted.received(&this) {
        array.push(utf8(ruby, value))?;
    }
    let touched = touched.unwrap_or_else(|| {
        let touched = ruby.hash_new();
        this.headers.touched.set(this, touched);
        touched
    });
    touched.aset(key, array)?;
    Ok(Some(array))
}

/// A header that was edited and sent is no longer what was received: only the Hash can show that.
fn show_sent_edit(ruby: &Ruby, this: This, name: HeaderName) -> Result<(), Error> {
    if crate::request::has_sent_edit(this, name) {
        hash(ruby, this)?;
    }
    Ok(())
}

fn existing_hash(ruby: &Ruby, this: This) -> Option<RHash> {
    this.headers.hash.get(ruby).and_then(RHash::from_value)
}

/// `headers`: the live Hash, which is the truth from now on.
pub fn hash(ruby: &Ruby, this: This) -> Result<RHash, Error> {
    if let Some(hash) = existing_hash(ruby, this) {
        return Ok(hash);
    }
    let hash = ruby.hash_new();
    let touched = this.headers.touched.get(ruby).and_then(RHash::from_value);
    let (mut vias, mut routes) = (0, 0);
    for (name, raw, value) in this.received().values() {
        let gone = match name {
            HeaderName::Via => {
                vias += 1;
                if vias <= this.headers.removed_vias.get() {
                    continue;
                }
                false
            }
            HeaderName::Route => {
                routes += 1;
                routes <= this.headers.removed_routes.get()
            }
            _ => false,
        };
        let key = key(ruby, name, raw)?;
        if let Some(handed_out) = touched.and_then(|touched| touched.get(key)) {
            hash.aset(key, handed_out)?;
            continue;
        }
        let array = match hash.get(key).and_then(RArray::from_value) {
            Some(array) => array,
            None => {
                let array = ruby.ary_new();
                hash.aset(key, array)?;
                array
            }
        };
        if !gone {
            array.push(utf8(ruby, value))?;
        }
    }
    adopt(ruby, this, hash)?;
    Ok(hash)
}

/// Makes `hash` the truth and ties the `hdr_` attributes to what it holds now.
fn adopt(ruby: &Ruby, this: This, hash: RHash) -> Result<(), Error> {
    let state = &this.headers;
    for (slot, name) in [(&state.via, HeaderName::Via), (&state.route, HeaderName::Route)] {
        if let Some(array) = hash.get(key(ruby, name, b"")?) {
            slot.set(this, array);
        }
    }
    for (slot, name) in [(&state.from, HeaderName::From), (&state.to, HeaderName::To)] {
        if let Some(array) = hash.get(key(ruby, name, b"")?).and_then(RArray::from_value) {
            slot.set(this, array.entry::<Value>(0)?);
        }
    }
    state.hash.set(this, hash);
    state.touched.clear();
    crate::request::reapply_sent_edits(ruby, this, hash)
}

/// `hdr_via` and `hdr_route`.
fn hdr_array(ruby: &Ruby, this: This, name: HeaderName, slot: &Slot) -> Result<Value, Error> {
    if this.headers.hash_exists() {
        return Ok(slot.get_or_nil(ruby));
    }
    Ok(array(ruby, this, &Wanted::known(name))?
        .map_or_else(|| ruby.qnil().as_value(), |array| array.as_value()))
}

/// `hdr_via`.
pub fn hdr_via(ruby: &Ruby, this: This) -> Result<Value, Error> {
    hdr_array(ruby, this, HeaderName::Via, &this.headers.via)
}

/// `hdr_route`.
pub fn hdr_route(ruby: &Ruby, this: This) -> Result<Value, Error> {
    hdr_array(ruby, this, HeaderName::Route, &this.headers.route)
}

/// `hdr_from` and `hdr_to`: the first value, the same String as in the Array.
fn hdr_first(ruby: &Ruby, this: This, name: HeaderName, slot: &Slot) -> Result<Value, Error> {
    show_sent_edit(ruby, this, name)?;
    if this.headers.hash_exists() {
        return Ok(slot.get_or_nil(ruby));
    }
    match array(ruby, this, &Wanted::known(name))? {
        Some(array) => array.entry(0),
        None => Ok(ruby.qnil().as_value()),
    }
}

/// `hdr_from`.
pub fn hdr_from(ruby: &Ruby, this: This) -> Result<Value, Error> {
    hdr_first(ruby, this, HeaderName::From, &this.headers.from)
}

/// `hdr_to`.
pub fn hdr_to(ruby: &Ruby, this: This) -> Result<Value, Error> {
    hdr_first(ruby, this, HeaderName::To, &this.headers.to)
}

/// `has_header?(name)`: true or nil.
pub fn has_header(ruby: &Ruby, this: This, name: Value) -> Result<Value, Error> {
    let wanted = Wanted::new(ruby, name)?;
    let present = match existing_hash(ruby, this) {
        Some(hash) => hash.get(wanted.key(ruby)?).is_some(),
        None => wanted.is_received(&this),
    };
    Ok(text::true_or_nil(ruby, present))
}

/// `header(name)` and `header_top(name)`: the first value or nil.
pub fn header(ruby: &Ruby, this: This, name: Value) -> Result<Value, Error> {
    match array(ruby, this, &Wanted::new(ruby, name)?)? {
        Some(array) => array.entry(0),
        None => Ok(ruby.qnil().as_value()),
    }
}

/// `header_all(name)`: the live Array, or the shared frozen empty one.
pub fn header_all(ruby: &Ruby, this: This, name: Value) -> Result<RArray, Error> {
    static EMPTY: Lazy<RArray> = Lazy::new(|ruby| {
        let array = ruby.ary_new();
        array.freeze();
        array
    });
    Ok(array(ruby, this, &Wanted::new(ruby, name)?)?.unwrap_or_else(|| ruby.get_inner(&EMPTY)))
}

/// `set_header(name, value)`: an Array is stored as it is, anything else as one value.
pub fn set_header(ruby: &Ruby, this: This, name: Value, value: Value) -> Result<RArray, Error> {
    let key = Wanted::writable(ruby, name)?.key(ruby)?;
    let array = match RArray::from_value(value) {
        Some(array) => array,
        None => one_value(ruby, value)?,
    };
    hash(ruby, this)?.aset(key, array)?;
    Ok(array)
}

fn one_value(ruby: &Ruby, value: Value) -> Result<RArray, Error> {
    let array = ruby.ary_new();
    array.push(to_s(value)?)?;
    Ok(array)
}

fn to_s(value: Value) -> Result<RString, Error> {
    match RString::from_value(value) {
        Some(string) => Ok(string),
        None => value.funcall("to_s", ()),
    }
}

/// `delete_header(name)`: the removed Array or nil.
pub fn delete_header(ruby: &Ruby, this: This, name: Value) -> Result<Value, Error> {
    let key = Wanted::new(ruby, name)?.key(ruby)?;
    hash(ruby, this)?.delete(key)
}

/// `delete_header_top(name)`: the removed first value or nil.
pub fn delete_header_top(ruby: &Ruby, this: This, name: Value) -> Result<Value, Error> {
    let key = Wanted::new(ruby, name)?.key(ruby)?;
    let hash = hash(ruby, this)?;
    let Some(entry) = hash.get(key) else { return Ok(ruby.qnil().as_value()) };
    let array = as_array(ruby, entry);
    // The Array of a removed entry keeps its value, since `hdr_via` may be that Array.
    if array.len() <= 1 {
        let _: Value = hash.delete(key)?;
        return array.entry(0);
    }
    array.shift()
}

/// `insert_header(name, value)`: on top of its header; a new header goes on top of the message.
pub fn insert_header(ruby: &Ruby, this: This, name: Value, value: Value) -> Result<Value, Error> {
    let key = Wanted::writable(ruby, name)?.key(ruby)?;
    let value = to_s(value)?;
    let hash = hash(ruby, this)?;
    if let Some(array) = entry_to_change(ruby, hash, key)? {
        array.unshift(value)?;
        return Ok(array.as_value());
    }
    // Reordered in place, so that a Hash that a script holds stays the message's.
    let others: RArray = hash.funcall("to_a", ())?;
    hash.clear()?;
    hash.aset(key, one_value(ruby, value.as_value())?)?;
    for index in 0..others.len() {
        let pair: RArray = others.entry(index as isize)?;
        hash.aset(pair.entry::<Value>(0)?, pair.entry::<Value>(1)?)?;
    }
    Ok(hash.as_value())
}

/// `append_header(name, value)`: below the last value; a new header goes last.
pub fn append_header(ruby: &Ruby, this: This, name: Value, value: Value) -> Result<RArray, Error> {
    let key = Wanted::writable(ruby, name)?.key(ruby)?;
    let value = to_s(value)?;
    let hash = hash(ruby, this)?;
    if let Some(array) = entry_to_change(ruby, hash, key)? {
        array.push(value)?;
        return Ok(array);
    }
    let array = one_value(ruby, value.as_value())?;
    hash.aset(key, array)?;
    Ok(array)
}

/// `replace_header_top(name, value)`: the String when there was such a header, else the new Array.
pub fn replace_header_top(ruby: &Ruby, this: This, name: Value, value: Value) -> Result<Value, Error> {
    let key = Wanted::writable(ruby, name)?.key(ruby)?;
    let value = to_s(value)?;
    let hash = hash(ruby, this)?;
    if let Some(array) = entry_to_change(ruby, hash, key)? {
        array.store(0, value)?;
        return Ok(value.as_value());
    }
    let array = one_value(ruby, value.as_value())?;
    hash.aset(key, array)?;
    Ok(array.as_value())
}

/// The Array of an entry that is there, also if the script had put a bare value.
fn entry_to_change(ruby: &Ruby, hash: RHash, key: RString) -> Result<Option<RArray>, Error> {
    let Some(entry) = hash.get(key) else { return Ok(None) };
    let array = as_array(ruby, entry);
    if RArray::from_value(entry).is_none() {
        hash.aset(key, array)?;
    }
    Ok(Some(array))
}

/// Takes the first Via value away, as the receiver of a response does with its own.
pub fn remove_top_via(this: This) {
    this.headers.removed_vias.set(this.headers.removed_vias.get() + 1);
}

/// Takes the first `count` Route values away; an emptied Route entry stays.
pub fn remove_top_routes(ruby: &Ruby, this: This, count: usize) -> Result<(), Error> {
    let state = &this.headers;
    let wanted = Wanted::known(HeaderName::Route);
    let key = wanted.key(ruby)?;
    let holder = existing_hash(ruby, this).or_else(|| state.touched.get(ruby).and_then(RHash::from_value));
    if let Some(array) = holder.and_then(|hash| hash.get(key)).and_then(RArray::from_value) {
        for _ in 0..count.min(array.len()) {
            let _: Value = array.shift()?;
        }
    }
    state.removed_routes.set(state.removed_routes.get() + count);
    Ok(())
}

/// Whether there is a Route header at all as far as the script has left it.
pub fn has_routes(ruby: &Ruby, this: This) -> Result<bool, Error> {
    let wanted = Wanted::known(HeaderName::Route);
    Ok(match existing_hash(ruby, this) {
        Some(hash) => hash.get(wanted.key(ruby)?).is_some_and(|entry| !entry.is_nil()),
        None => wanted.is_received(&this),
    })
}

/// Sets a header in the Hash to one value.
pub fn set_in_hash(ruby: &Ruby, hash: RHash, name: HeaderName, value: &[u8]) -> Result<(), Error> {
    let array = ruby.ary_new();
    array.push(utf8(ruby, value))?;
    hash.aset(key(ruby, name, b"")?, array)
}

/// Header fields ready to be sent, and whether they are still the received bytes.
pub enum Wire {
    /// As received, without what was taken from the top; edits of URIs are not in yet.
    Received(Headers),
    /// In canonical form from the Hash.
    Canonical(Headers),
}

/// What goes out: the received bytes as long as Ruby changed nothing, else the Hash in canonical form.
pub fn wire(ruby: &Ruby, this: This) -> Result<Wire, Error> {
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
fn handed_out_was_changed(ruby: &Ruby, this: This) -> Result<bool, Error> {
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
pub fn canonical(ruby: &Ruby, this: This) -> Result<Headers, Error> {
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

/// The first value of a header, read without leaving a trace.
pub fn peek(ruby: &Ruby, this: This, name: HeaderName) -> Result<Option<Bytes>, Error> {
    let wanted = Wanted::known(name);
    let holder =
        existing_hash(ruby, this).or_else(|| this.headers.touched.get(ruby).and_then(RHash::from_value));
    if let Some(entry) = holder.and_then(|hash| hash.get(wanted.key(ruby).ok()?)) {
        let first: Value = as_array(ruby, entry).entry(0)?;
        return Ok(RString::from_value(first).map(bytes_of));
    }
    if this.headers.hash_exists() {
        return Ok(None);
    }
    let first = wanted.received(&this).next().map(Bytes::copy_from_slice);
    Ok(first)
}
