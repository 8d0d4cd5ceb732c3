//! The Ruby boundary of oversip-rs: one file for each Ruby class, and what the dispatcher thread calls. No SIP logic
//! lives here, and no socket.

mod anchors;
mod caches;
mod client;
mod destination;
mod dispatcher;
mod engine_module;
mod gvl;
mod headers;
mod logging;
mod name_addr;
mod profile;
mod proxy;
mod request;
mod response;
mod runtime;
mod slot;
mod text;
mod uac;
mod uac_request;
mod uri;

use magnus::{prelude::*, Error, RModule, Ruby};

/// Called by Ruby when the library is required. `OverSIP` and its error classes exist by then (`lib/oversip.rb`).
#[magnus::init]
fn init(ruby: &Ruby) -> Result<(), Error> {
    let oversip: RModule = ruby.class_object().const_get("OverSIP")?;
    let sip = oversip.define_module("SIP")?;
    anchors::define(ruby, oversip)?;
    caches::define(ruby, sip)?;
    let client = client::define(ruby, sip)?;
    proxy::define(ruby, sip, client)?;
    uac::define(ruby, sip, client)?;
    engine_module::define(ruby, oversip)?;
    logging::install();
    Ok(())
}
