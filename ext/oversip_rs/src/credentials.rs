//! `credentials:` of a profile, a `Uac` or a `UacRequest`: user names and passwords for digest authentication.

use magnus::{prelude::*, Error, RArray, RHash, Ruby, Value};
use oversip::client::digest::Credentials;

use crate::text;

/// How credentials are written.
const SHAPE: &str =
    "credentials must be a Hash with :username, :password and perhaps :realm, or an Array of such Hashes";

/// Reads what a script or a profile gives; nil and absence mean none. Raises `ArgumentError` or `TypeError`.
pub fn read(ruby: &Ruby, given: Option<Value>) -> Result<Vec<Credentials>, Error> {
    let Some(given) = given.filter(|given| !given.is_nil()) else { return Ok(Vec::new()) };
    if let Some(one) = RHash::from_value(given) {
        return Ok(vec![entry(ruby, one)?]);
    }
    let Some(list) = RArray::from_value(given) else {
        return Err(Error::new(ruby.exception_type_error(), SHAPE));
    };
    let mut credentials = Vec::with_capacity(list.len());
    for index in 0..list.len() {
        let one: Value = list.entry(index as isize)?;
        let Some(one) = RHash::from_value(one) else {
            return Err(Error::new(ruby.exception_type_error(), SHAPE));
        };
        credentials.push(entry(ruby, one)?);
    }
    Ok(credentials)
}

fn entry(ruby: &Ruby, hash: RHash) -> Result<Credentials, Error> {
    // proxies.conf has Strings for keys.
    let value = |name: &str| {
        hash.get(ruby.to_symbol(name)).or_else(|| hash.get(name)).filter(|value: &Value| !value.is_nil())
    };
    let text = |name: &str| -> Result<Option<String>, Error> {
        let Some(value) = value(name) else { return Ok(None) };
        let bytes = text::string_argument(ruby, value, SHAPE)?;
        let text = String::from_utf8(bytes.to_vec());
        text.map(Some).map_err(|_| argument_error(ruby, format!("credentials: {name} is not valid UTF-8")))
    };
    let (Some(username), Some(password)) = (text("username")?, text("password")?) else {
        return Err(argument_error(ruby, SHAPE.to_owned()));
    };
    Credentials::new(username, password, text("realm")?)
        .map_err(|error| argument_error(ruby, format!("credentials: {error}")))
}

fn argument_error(ruby: &Ruby, message: String) -> Error {
    Error::new(ruby.exception_arg_error(), message)
}
