//! The Ruby boundary of oversip-rs: one file for each Ruby class, and what the dispatcher thread calls. No SIP logic
//! lives here, and no socket.

mod anchors;
mod blocks;
mod caches;
mod call;
mod capture;
mod classes;
mod client;
mod connection;
mod credentials;
mod descriptors;
mod destination;
mod dispatcher;
mod dispatcher_thread;
mod engine_module;
mod gvl;
mod happenings;
mod headers;
mod links;
mod listeners;
mod logging;
mod message;
mod message_parser;
mod monitor;
mod name_addr;
mod nudge;
mod observer;
mod options;
mod process;
mod profile;
mod proxy;
mod request;
mod response;
mod running_event;
mod runtime;
mod schedule;
mod script_metrics;
mod server_transaction;
mod slot;
mod stun;
mod tags;
mod text;
mod tls;
mod trace;
mod uac;
mod uri;
mod utils;
mod watch;
mod websocket;
mod world;

use magnus::{prelude::*, Error, RModule, RString, Ruby};
use oversip::message::{REASON_PHRASES, REASON_PHRASE_NOT_SET};

/// Called by Ruby when the library is required. `OverSIP` and its error classes exist by then (`lib/oversip.rb`).
#[magnus::init]
fn init(ruby: &Ruby) -> Result<(), Error> {
    let oversip: RModule = ruby.class_object().const_get("OverSIP")?;
    let sip = oversip.define_module("SIP")?;
    process::watch();
    anchors::define(ruby);
    caches::define(ruby, sip)?;
    uri::define(ruby, sip)?;
    name_addr::define(ruby, sip)?;
    define_reason_phrases(ruby, sip)?;
    tags::define(ruby, sip)?;
    connection::define(ruby, sip)?;
    websocket::define(ruby, oversip)?;
    server_transaction::define(ruby, sip)?;
    let message = message::define(ruby, sip)?;
    request::define(ruby, sip, message)?;
    response::define(ruby, sip, message)?;
    message_parser::define(ruby, sip)?;
    let client = client::define(ruby, sip)?;
    proxy::define(ruby, sip, client)?;
    uac::define(ruby, sip, client)?;
    utils::define(ruby, oversip)?;
    stun::define(ruby, oversip)?;
    engine_module::define(ruby, oversip)?;
    running_event::define(ruby, oversip)?;
    observer::define(ruby, oversip)?;
    trace::define(ruby, oversip)?;
    nudge::define(ruby, oversip)?;
    monitor::define(ruby, oversip)?;
    script_metrics::define(ruby, oversip)?;
    world::define(ruby, oversip)?;
    logging::install();
    Ok(())
}

/// `REASON_PHRASE`, by status code, and what stands for a code that is not in it.
fn define_reason_phrases(ruby: &Ruby, sip: RModule) -> Result<(), Error> {
    let frozen = |text: &str| -> RString {
        let text = text::utf8(ruby, text.as_bytes());
        text.freeze();
        text
    };
    let phrases = ruby.hash_new();
    for (status, phrase) in REASON_PHRASES {
        phrases.aset(status, frozen(phrase))?;
    }
    phrases.freeze();
    sip.const_set("REASON_PHRASE", phrases)?;
    sip.const_set("REASON_PHRASE_NOT_SET", frozen(REASON_PHRASE_NOT_SET))
}
