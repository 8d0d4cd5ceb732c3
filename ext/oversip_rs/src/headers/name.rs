//! Header names as Ruby has them.

use magnus::{prelude::*, value::Lazy, Error, RArray, RString, Ruby, Value};
use oversip::message::HeaderName;

use crate::text::{self, binary};

/// A header name in canonical form, as the Hash has its keys: frozen and BINARY.
pub fn key(ruby: &Ruby, name: HeaderName, raw: &[u8]) -> Result<RString, Error> {
    if name == HeaderName::Other {
        let key = binary(ruby, &oversip::message::headerize(raw));
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

/// `headerize(name)` of `Message` and `MessageParser`.
pub fn headerize(ruby: &Ruby, name: Value) -> Result<RString, Error> {
    let name = text::string_argument(ruby, name, "Argument must be a String")?;
    match HeaderName::lookup(&name) {
        HeaderName::Other => Ok(binary(ruby, &oversip::message::headerize(&name))),
        known => key(ruby, known, b""),
    }
}
