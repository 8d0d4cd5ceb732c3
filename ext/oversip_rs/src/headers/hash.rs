//! The live Hash, and the live Arrays that are handed out while there is none.

use bytes::Bytes;
use magnus::{prelude::*, Error, RArray, RHash, RString, Ruby, Value};
use oversip::message::HeaderName;

use super::{name::key, wanted::Wanted};
use crate::{
    message::RubyMessage,
    text::{bytes_of, utf8},
};

/// What an entry of the Hash is to the reading methods: an Array, or one value that a script has put there bare.
pub(super) fn as_array(ruby: &Ruby, value: Value) -> RArray {
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
pub(super) fn array(ruby: &Ruby, this: RubyMessage, wanted: &Wanted) -> Result<Option<RArray>, Error> {
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
pub(super) fn show_sent_edit(ruby: &Ruby, this: RubyMessage, name: HeaderName) -> Result<(), Error> {
    if this.headers.has_sent_edit(name) {
        hash(ruby, this)?;
    }
    Ok(())
}

pub(super) fn existing_hash(ruby: &Ruby, this: RubyMessage) -> Option<RHash> {
    this.headers.hash.get(ruby).and_then(RHash::from_value)
}

/// `headers`: the live Hash, which is the truth from now on.
pub fn hash(ruby: &Ruby, this: RubyMessage) -> Result<RHash, Error> {
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
fn adopt(ruby: &Ruby, this: RubyMessage, hash: RHash) -> Result<(), Error> {
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
    reapply_sent_edits(ruby, this, hash)
}

/// The Hash is made after edits went out without it: it has to show them.
fn reapply_sent_edits(ruby: &Ruby, this: RubyMessage, hash: RHash) -> Result<(), Error> {
    for (name, value) in this.headers.sent_edits.take() {
        set_in_hash(ruby, hash, name, &value)?;
    }
    Ok(())
}

/// Takes the first `count` Route values away; an emptied Route entry stays.
pub fn remove_top_routes(ruby: &Ruby, this: RubyMessage, count: usize) -> Result<(), Error> {
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
pub fn has_routes(ruby: &Ruby, this: RubyMessage) -> Result<bool, Error> {
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

/// The first value of a header, read without leaving a trace.
pub fn peek(ruby: &Ruby, this: RubyMessage, name: HeaderName) -> Result<Option<Bytes>, Error> {
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
