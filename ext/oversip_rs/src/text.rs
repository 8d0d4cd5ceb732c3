//! Bytes and Ruby Strings: what the wire knows as bytes becomes a String here, and the other way round.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use magnus::{
    kwargs, prelude::*, typed_data::Obj, Error, ExceptionClass, Integer, RString, Ruby, Symbol, TypedData,
    Value,
};
use oversip::message::{put_neutral, Folds};

use crate::classes::oversip_module;

/// A String tagged UTF-8, valid or not: the tag of everything that comes from the network.
pub fn utf8(ruby: &Ruby, bytes: &[u8]) -> RString {
    ruby.enc_str_new(bytes, ruby.utf8_encindex())
}

/// A String tagged BINARY (ASCII-8BIT).
pub fn binary(ruby: &Ruby, bytes: &[u8]) -> RString {
    ruby.str_from_slice(bytes)
}

/// UTF-8 String, or nil.
pub fn utf8_or_nil(ruby: &Ruby, bytes: Option<&[u8]>) -> Value {
    match bytes {
        Some(bytes) => utf8(ruby, bytes).as_value(),
        None => ruby.qnil().as_value(),
    }
}

/// `true`, or nil: the form of the attributes that only a present thing sets.
pub fn true_or_nil(ruby: &Ruby, flag: bool) -> Value {
    if flag {
        ruby.qtrue().as_value()
    } else {
        ruby.qnil().as_value()
    }
}

/// An Integer.
pub fn integer(ruby: &Ruby, number: u32) -> Value {
    ruby.integer_from_i64(i64::from(number)).as_value()
}

/// An Integer, or nil.
pub fn integer_or_nil(ruby: &Ruby, number: Option<u32>) -> Value {
    number.map_or_else(|| ruby.qnil().as_value(), |number| integer(ruby, number))
}

/// A copy of a String's bytes, whatever its encoding says.
pub fn bytes_of(string: RString) -> Bytes {
    // SAFETY: the slice is copied before any Ruby code can run and change or free the String.
    Bytes::copy_from_slice(unsafe { string.as_slice() })
}

/// Whether a String consists of exactly these bytes.
pub fn same_bytes(string: RString, bytes: &[u8]) -> bool {
    // SAFETY: only compared; no Ruby code runs meanwhile.
    unsafe { string.as_slice() == bytes }
}

/// Whether a String begins with these bytes.
pub fn begins_with(string: RString, bytes: &[u8]) -> bool {
    // SAFETY: only compared; no Ruby code runs meanwhile.
    unsafe { string.as_slice().starts_with(bytes) }
}

/// The object of a class of ours that a value is, if it is one.
///
/// `try_convert` would make an error for any other value, and its text by calling Ruby: a Thread#kill that arrives there
/// is lost with the error.
pub fn object_of<T: TypedData>(ruby: &Ruby, value: Value) -> Option<Obj<T>> {
    if value.is_kind_of(T::class(ruby)) {
        Obj::try_convert(value).ok()
    } else {
        None
    }
}

/// The text of any object: a String's bytes, or what its `to_s` answers (Ruby code may run).
pub fn text_of(value: Value) -> Result<Bytes, Error> {
    if let Some(string) = RString::from_value(value) {
        return Ok(bytes_of(string));
    }
    let string: RString = value.funcall("to_s", ())?;
    Ok(bytes_of(string))
}

/// The bytes of an argument that has to be a String; `TypeError` with this text otherwise.
pub fn string_argument(ruby: &Ruby, value: Value, complaint: &'static str) -> Result<Bytes, Error> {
    match RString::from_value(value) {
        Some(string) => Ok(bytes_of(string)),
        None => Err(Error::new(ruby.exception_type_error(), complaint)),
    }
}

/// `TypeError` or another error for an argument: its name, the rule and what was given instead.
pub fn unfit(class: ExceptionClass, name: &str, rule: &str, given: Value) -> Error {
    Error::new(class, format!("{name} must be {rule}, not {}", given.inspect()))
}

/// An argument that has to be an Integer, or something that can become one; `TypeError` otherwise. A number that is too large
/// becomes the largest there is, for the caller's rule to refuse.
pub fn integer_argument(ruby: &Ruby, value: Value, name: &str) -> Result<i64, Error> {
    let number = Integer::try_convert(value)
        .map_err(|_| unfit(ruby.exception_type_error(), name, "an Integer", value))?;
    Ok(number.to_i64().unwrap_or(i64::MAX))
}

/// The longest time that a script can ask for, seconds: no clock goes beyond it.
const MOST_SECONDS: f64 = 1e9;

/// A number of seconds; `None` if it is negative, none, or beyond [`MOST_SECONDS`].
pub fn duration(seconds: f64) -> Option<Duration> {
    (0.0..=MOST_SECONDS).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

/// An argument in seconds; `ArgumentError` if no clock can wait so long.
pub fn seconds_argument(ruby: &Ruby, seconds: f64) -> Result<Duration, Error> {
    duration(seconds).ok_or_else(|| {
        let message = format!("seconds must be from 0 to {MOST_SECONDS}, not {seconds}");
        Error::new(ruby.exception_arg_error(), message)
    })
}

/// An argument that has to be a String; `TypeError` with its name otherwise.
pub fn named_string_argument(ruby: &Ruby, value: Value, name: &str) -> Result<Bytes, Error> {
    match RString::from_value(value) {
        Some(string) => Ok(bytes_of(string)),
        None => Err(unfit(ruby.exception_type_error(), name, "a String", value)),
    }
}

/// An argument that has to be a Symbol, or a String that can become one; `TypeError` with this text otherwise.
pub fn symbol_argument(ruby: &Ruby, value: Value, complaint: &'static str) -> Result<Value, Error> {
    let wrong = || Error::new(ruby.exception_type_error(), complaint);
    match RString::from_value(value) {
        Some(string) => string.funcall("to_sym", ()).map_err(|_| wrong()),
        None if Symbol::from_value(value).is_some() => Ok(value),
        None => Err(wrong()),
    }
}

/// The bytes of a text to be parsed as URI or name-addr; the errors are those of Ruby's `StringValueCStr`.
pub fn parse_argument(ruby: &Ruby, value: Value) -> Result<Bytes, Error> {
    let text = string_argument(ruby, value, "Wrong argument type for string required T_STRING")?;
    refuse_nul(ruby, &text)?;
    Ok(text)
}

/// `ArgumentError` for a text that contains NUL.
pub fn refuse_nul(ruby: &Ruby, text: &[u8]) -> Result<(), Error> {
    if text.contains(&0) {
        return Err(Error::new(ruby.exception_arg_error(), "string contains null byte"));
    }
    Ok(())
}

/// The Symbol of a word that this library knows. No String is made on the way, and the Symbol is never collected: what comes from
/// outside must not become one this way.
pub fn symbol(ruby: &Ruby, name: &'static str) -> Value {
    ruby.sym_new(name).as_value()
}

/// An `OverSIP::ConfigurationError`.
pub fn configuration_error(ruby: &Ruby, message: String) -> Error {
    oversip_error(ruby, "ConfigurationError", message)
}

/// `OverSIP::RuntimeError` with this message.
pub fn runtime_error(ruby: &Ruby, message: impl Into<String>) -> Error {
    oversip_error(ruby, "RuntimeError", message.into())
}

/// `OverSIP::ControlSocketError` with this message.
pub fn control_socket_error(ruby: &Ruby, message: impl Into<String>) -> Error {
    oversip_error(ruby, "ControlSocketError", message.into())
}

/// The class `OverSIP::RuntimeError`.
pub fn runtime_error_class(ruby: &Ruby) -> Result<ExceptionClass, Error> {
    oversip_module(ruby)?.const_get("RuntimeError")
}

/// `OverSIP::ParsingError` with this message.
pub fn parsing_error(ruby: &Ruby, message: impl Into<String>) -> Error {
    oversip_error(ruby, "ParsingError", message.into())
}

fn oversip_error(ruby: &Ruby, name: &str, message: String) -> Error {
    // Looked up each time: the classes are defined in Ruby, and an error is rare enough.
    match oversip_module(ruby).and_then(|module| module.const_get::<_, ExceptionClass>(name)) {
        Ok(class) => Error::new(class, message),
        Err(_) => Error::new(ruby.exception_runtime_error(), message),
    }
}

/// Writes an error record through `OverSIP::Logger`, which is loaded before this library and never raises.
pub fn log_error(ruby: &Ruby, record: &str) {
    let logger = oversip_module(ruby).and_then(|module| module.const_get::<_, Value>("Logger"));
    let options = kwargs!(ruby, "system" => true);
    let arguments = (symbol(ruby, "error"), "SIP", utf8(ruby, record.as_bytes()), options);
    let written = logger.and_then(|logger| logger.funcall::<_, _, Value>("write", arguments));
    if let Err(error) = written {
        ruby.warning(&format!("{record} (and the logger failed: {error})"));
    }
}

/// Logs a mistake of a script that was mended, once for each line of the script.
pub fn report_mistake(ruby: &Ruby, mistake: &str) {
    let reporter = oversip_module(ruby).and_then(|module| module.const_get::<_, Value>("ScriptMistakes"));
    let text = utf8(ruby, mistake.as_bytes());
    let reported = reporter.and_then(|reporter| reporter.funcall::<_, _, Value>("report", (text,)));
    if let Err(error) = reported {
        ruby.warning(&format!("{mistake} (and the logger failed: {error})"));
    }
}

/// Replaces what would end a line by a blank: CR, LF and NUL. Where something was replaced the log says so.
pub fn neutral(ruby: &Ruby, what: &'static str, text: Bytes, folds: Folds) -> Bytes {
    if !text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return text;
    }
    let mut clean = BytesMut::with_capacity(text.len());
    put_neutral(&mut clean, &text, folds);
    if clean != text {
        let reporter = oversip_module(ruby).and_then(|module| module.const_get::<_, Value>("LineEnds"));
        let reported = reporter.and_then(|reporter| reporter.funcall::<_, _, Value>("report", (what,)));
        if let Err(error) = reported {
            ruby.warning(&format!("a line end in {what} was replaced (and the logger failed: {error})"));
        }
    }
    clean.freeze()
}
