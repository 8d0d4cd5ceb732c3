//! `OverSIP::SIP::Uac`.

mod ack;
mod call;
mod route;

use magnus::{
    method,
    prelude::*,
    scan_args::{get_kwargs, scan_args},
    Error, RClass, RHash, RModule, Ruby, Value,
};

use crate::{
    client::{self, ClientObject, RubyClient},
    credentials,
};

/// `initialize(profile = :default_proxy, credentials: nil)`.
fn initialize(ruby: &Ruby, this: RubyClient, args: &[Value]) -> Result<(), Error> {
    let args = scan_args::<(), (Option<Value>,), (), (), RHash, ()>(args)?;
    let keywords = get_kwargs::<_, (), (Option<Value>,), ()>(args.keywords, &[], &["credentials"])?;
    client::prepare(ruby, this, args.optional.0)?;
    keywords.optional.0.map_or(Ok(()), |given| set_credentials(ruby, this, given))
}

/// `credentials=`: for requests that bring none of their own; nil leaves it to the profile again.
fn set_credentials(ruby: &Ruby, this: RubyClient, given: Value) -> Result<(), Error> {
    // A mistake shows here and not at the first challenge.
    credentials::read(ruby, Some(given))?;
    ClientObject::set_credentials(this, given);
    Ok(())
}

fn credentials_value(ruby: &Ruby, this: RubyClient) -> Value {
    this.credentials(ruby)
}

/// Defines `Uac`.
pub fn define(_: &Ruby, sip: RModule, client: RClass) -> Result<(), Error> {
    let class = sip.define_class("Uac", client)?;
    class.define_method("initialize", method!(initialize, -1))?;
    class.define_method("credentials", method!(credentials_value, 0))?;
    class.define_method("credentials=", method!(set_credentials, 1))?;
    class.define_method("route", method!(route::route, -1))?;
    class.define_method("call", method!(call::call, -1))?;
    class.define_method("ack", method!(ack::ack, -1))?;
    class.define_method("cancel", method!(client::cancel, 0))
}
