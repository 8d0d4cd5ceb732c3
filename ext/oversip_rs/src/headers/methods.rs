//! The methods of `Message` that read and edit header fields.

use magnus::{function, method, prelude::*, value::Lazy, Error, RArray, RClass, RHash, RString, Ruby, Value};
use oversip::message::HeaderName;

use super::{
    hash::{array, as_array, existing_hash, hash, show_sent_edit},
    name::headerize,
    wanted::Wanted,
};
use crate::{message::RubyMessage, slot::Slot, text};

/// `hdr_via` and `hdr_route`.
fn hdr_array(ruby: &Ruby, this: RubyMessage, name: HeaderName, slot: &Slot) -> Result<Value, Error> {
    if this.headers.hash_exists() {
        return Ok(slot.get_or_nil(ruby));
    }
    Ok(array(ruby, this, &Wanted::known(name))?
        .map_or_else(|| ruby.qnil().as_value(), |array| array.as_value()))
}

/// `hdr_via`.
pub fn hdr_via(ruby: &Ruby, this: RubyMessage) -> Result<Value, Error> {
    hdr_array(ruby, this, HeaderName::Via, &this.headers.via)
}

/// `hdr_route`.
pub fn hdr_route(ruby: &Ruby, this: RubyMessage) -> Result<Value, Error> {
    hdr_array(ruby, this, HeaderName::Route, &this.headers.route)
}

/// `hdr_from` and `hdr_to`: the first value, the same String as in the Array.
fn hdr_first(ruby: &Ruby, this: RubyMessage, name: HeaderName, slot: &Slot) -> Result<Value, Error> {
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
pub fn hdr_from(ruby: &Ruby, this: RubyMessage) -> Result<Value, Error> {
    hdr_first(ruby, this, HeaderName::From, &this.headers.from)
}

/// `hdr_to`.
pub fn hdr_to(ruby: &Ruby, this: RubyMessage) -> Result<Value, Error> {
    hdr_first(ruby, this, HeaderName::To, &this.headers.to)
}

/// `has_header?(name)`: true or nil.
pub fn has_header(ruby: &Ruby, this: RubyMessage, name: Value) -> Result<Value, Error> {
    let wanted = Wanted::new(ruby, name)?;
    let present = match existing_hash(ruby, this) {
        Some(hash) => hash.get(wanted.key(ruby)?).is_some(),
        None => wanted.is_received(&this),
    };
    Ok(text::true_or_nil(ruby, present))
}

/// `header(name)` and `header_top(name)`: the first value or nil.
pub fn header(ruby: &Ruby, this: RubyMessage, name: Value) -> Result<Value, Error> {
    match array(ruby, this, &Wanted::new(ruby, name)?)? {
        Some(array) => array.entry(0),
        None => Ok(ruby.qnil().as_value()),
    }
}

/// `header_all(name)`: the live Array, or the shared frozen empty one.
pub fn header_all(ruby: &Ruby, this: RubyMessage, name: Value) -> Result<RArray, Error> {
    static EMPTY: Lazy<RArray> = Lazy::new(|ruby| {
        let array = ruby.ary_new();
        array.freeze();
        array
    });
    Ok(array(ruby, this, &Wanted::new(ruby, name)?)?.unwrap_or_else(|| ruby.get_inner(&EMPTY)))
}

/// `set_header(name, value)`: an Array is stored as it is, anything else as one value.
pub fn set_header(ruby: &Ruby, this: RubyMessage, name: Value, value: Value) -> Result<RArray, Error> {
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
pub fn delete_header(ruby: &Ruby, this: RubyMessage, name: Value) -> Result<Value, Error> {
    let key = Wanted::new(ruby, name)?.key(ruby)?;
    hash(ruby, this)?.delete(key)
}

/// `delete_header_top(name)`: the removed first value or nil.
pub fn delete_header_top(ruby: &Ruby, this: RubyMessage, name: Value) -> Result<Value, Error> {
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
pub fn insert_header(ruby: &Ruby, this: RubyMessage, name: Value, value: Value) -> Result<Value, Error> {
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
pub fn append_header(ruby: &Ruby, this: RubyMessage, name: Value, value: Value) -> Result<RArray, Error> {
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
pub fn replace_header_top(ruby: &Ruby, this: RubyMessage, name: Value, value: Value) -> Result<Value, Error> {
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

/// Defines the methods.
pub fn define(class: RClass) -> Result<(), Error> {
    class.define_singleton_method("headerize", function!(headerize, 1))?;
    class.define_method("headers", method!(hash, 0))?;
    class.define_method("hdr_via", method!(hdr_via, 0))?;
    class.define_method("hdr_route", method!(hdr_route, 0))?;
    class.define_method("hdr_from", method!(hdr_from, 0))?;
    class.define_method("hdr_to", method!(hdr_to, 0))?;
    class.define_method("has_header?", method!(has_header, 1))?;
    class.define_method("header", method!(header, 1))?;
    class.define_method("header_top", method!(header, 1))?;
    class.define_method("header_all", method!(header_all, 1))?;
    class.define_method("set_header", method!(set_header, 2))?;
    class.define_method("delete_header", method!(delete_header, 1))?;
    class.define_method("delete_header_top", method!(delete_header_top, 1))?;
    class.define_method("insert_header", method!(insert_header, 2))?;
    class.define_method("append_header", method!(append_header, 2))?;
    class.define_method("replace_header_top", method!(replace_header_top, 2))?;
    Ok(())
}
