//! `OverSIP::SIP::Request`.

mod detached;
mod replies;
mod reply;
mod routing;
mod ruri;
mod serialise;
mod variables;

use magnus::{method, prelude::*, Error, RClass, RModule, Ruby, Value};
use oversip::message::Method;

pub use self::{
    routing::routing_facts,
    serialise::{restore_headers, show_cseq, snapshot, snapshot_of},
};
use crate::{
    classes::oversip_module,
    message::{self, RubyRequest},
    text::{self, utf8},
};

fn is_initial(this: RubyRequest) -> bool {
    this.received().to_tag().is_none()
}

fn in_dialog(ruby: &Ruby, this: RubyRequest) -> Value {
    text::utf8_or_nil(ruby, this.received().to_tag())
}

fn log_id(ruby: &Ruby, this: RubyRequest) -> Value {
    let message = this.received();
    // An element of RFC 2543 writes no branch that names the request.
    let name = message.branch_id().or_else(|| message.call_id()).unwrap_or_default();
    utf8(ruby, format!("SIP Request {}", String::from_utf8_lossy(name)).as_bytes()).as_value()
}

fn inspect(ruby: &Ruby, this: RubyRequest) -> String {
    let method = String::from_utf8_lossy(this.received().method().map_or(&b""[..], Method::as_bytes));
    let uri = ruri::ruri_bytes(ruby, this).unwrap_or_default();
    message::describe(
        "OverSIP::SIP::Request",
        this.into(),
        &format!("{method} {}", String::from_utf8_lossy(&uri)),
    )
}

/// Defines `Request`; `Message` comes first.
pub fn define(ruby: &Ruby, sip: RModule, message: RClass) -> Result<(), Error> {
    let class = sip.define_class("Request", message)?;
    let transports = ruby.hash_new();
    for name in ["tls", "wss"] {
        transports.aset(ruby.to_symbol(name), true)?;
    }
    transports.freeze();
    class.const_set("SECURE_TRANSPORTS", transports)?;
    let logger: RModule = oversip_module(ruby)?.const_get("Logger")?;
    class.include_module(logger)?;
    // A module of its own, so that a script can put its own methods before or behind these.
    let core = sip.define_module("Core")?;
    class.include_module(core)?;
    class.define_singleton_method("parse", method!(message::parse_request, 1))?;
    ruri::define(class)?;
    class.define_method("initial?", method!(is_initial, 0))?;
    class.define_method("in_dialog?", method!(in_dialog, 0))?;
    class.define_method("secure?", method!(message::is_secure, 0))?;
    class.define_method("log_id", method!(log_id, 0))?;
    class.define_method("inspect", method!(inspect, 0))?;
    variables::define(class)?;
    replies::define(class, core)?;
    routing::define(class, core)?;
    serialise::define(class)?;
    Ok(())
}
