//! Options that Ruby hands over in a Hash.

use magnus::{prelude::*, Error, RHash, Ruby, TryConvert, Value};

/// An option; `None` where it is absent or nil.
pub fn option<T: TryConvert>(ruby: &Ruby, options: RHash, name: &str) -> Result<Option<T>, Error> {
    match options.get(ruby.to_symbol(name)).filter(|value: &Value| !value.is_nil()) {
        Some(value) => T::try_convert(value).map(Some),
        None => Ok(None),
    }
}

/// An option that Ruby's table of parameters always gives: there are no other defaults here.
pub fn required<T: TryConvert>(ruby: &Ruby, options: RHash, name: &str) -> Result<T, Error> {
    option(ruby, options, name)?
        .ok_or_else(|| Error::new(ruby.exception_arg_error(), format!("the engine needs the option {name}")))
}
