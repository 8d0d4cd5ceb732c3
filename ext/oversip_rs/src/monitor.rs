//! The monitor of the engine as Ruby starts it, and what it asks of Ruby.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use magnus::{function, prelude::*, Error, RArray, RHash, RModule, RString, Ruby, Symbol};
use oversip::engine::monitor::{CallsPage, Identity, MonitorConfig, MonitorError, Topic};

use crate::{gvl::without_gvl, options, runtime, script_metrics, text};

/// `OverSIP::Engine.open_monitor(version:, name:, folder:, control_socket:, listen: [[ip, port], ...], hosts: [...],
/// calls_page:)`: shows what there is to see from now on. Answers with the ports, in the order of `listen:`.
fn open_monitor(ruby: &Ruby, given: RHash) -> Result<Vec<u16>, Error> {
    let engine = runtime::engine(ruby)?;
    let listen: RArray = options::required(ruby, given, "listen")?;
    let control_socket: Option<String> = options::option(ruby, given, "control_socket")?;
    let config = MonitorConfig {
        identity: Identity {
            version: options::required(ruby, given, "version")?,
            name: options::required(ruby, given, "name")?,
            folder: options::option(ruby, given, "folder")?,
        },
        control_socket: control_socket.map(PathBuf::from),
        hosts: options::required(ruby, given, "hosts")?,
        calls_page: options::option(ruby, given, "calls_page")?
            .map(|given| calls_page(ruby, given))
            .transpose()?,
        of_script: script_metrics::of_process(),
        listen: listen.into_iter().map(|entry| address(ruby, entry)).collect::<Result<_, _>>()?,
    };
    // A monitor that was there before takes its time to end.
    let opened = without_gvl(ruby, || engine.open_monitor(&config), || ())?;
    let opened = opened.map_err(|error| match error {
        MonitorError::ControlSocket(_) => text::control_socket_error(ruby, error.to_string()),
        _ => text::runtime_error(ruby, error.to_string()),
    })?;
    Ok(opened.iter().map(SocketAddr::port).collect())
}

/// `{ token: }`
fn calls_page(ruby: &Ruby, given: RHash) -> Result<CallsPage, Error> {
    Ok(CallsPage { token: options::required(ruby, given, "token")? })
}

/// `[ip, port]`
fn address(ruby: &Ruby, entry: magnus::Value) -> Result<SocketAddr, Error> {
    let (ip, port) = <(String, u16)>::try_convert(entry)?;
    let parsed = ip.parse::<IpAddr>();
    parsed
        .map(|ip| SocketAddr::new(ip, port))
        .map_err(|_| text::configuration_error(ruby, format!("metrics cannot be shown on '{ip}'")))
}

/// The topic of a name that the library gives.
fn topic(ruby: &Ruby, name: Symbol) -> Result<Topic, Error> {
    let name = name.name()?;
    Topic::named(&name).ok_or_else(|| text::runtime_error(ruby, format!("nothing is asked on '{name}'")))
}

/// `OverSIP::Engine.next_question(topic)`: waits for a question of the monitor on `:state`, `:ladder` or `:gauges`: its number and what it
/// is about. nil when the engine has ended.
fn next_question(ruby: &Ruby, name: Symbol) -> Result<Option<(u64, RString)>, Error> {
    let topic = topic(ruby, name)?;
    let Some(questions) = runtime::current().map(|engine| engine.questions().clone()) else {
        return Ok(None);
    };
    loop {
        let next = without_gvl(ruby, || questions.next(topic), || questions.interrupt(topic))?;
        if let Some(question) = next {
            return Ok(Some((question.number, text::utf8(ruby, question.about.as_bytes()))));
        }
        if questions.are_over() {
            return Ok(None);
        }
    }
}

/// `OverSIP::Engine.count_reload(complete)`: files were read again: all of them, or not.
fn count_reload(complete: bool) {
    if let Some(engine) = runtime::current() {
        engine.count_reload(complete);
    }
}

/// `OverSIP::Engine.answer(topic, number, text)`: the answer to a question; nil: there is none.
fn answer(ruby: &Ruby, name: Symbol, number: u64, text: Option<RString>) -> Result<(), Error> {
    let topic = topic(ruby, name)?;
    let text = text.map(|text| text::bytes_of(text).to_vec());
    if let Some(engine) = runtime::current() {
        engine.questions().answer(topic, number, text);
    }
    Ok(())
}

/// Adds the functions to `OverSIP::Engine`.
pub fn define(_: &Ruby, oversip: RModule) -> Result<(), Error> {
    let engine = oversip.define_module("Engine")?;
    engine.define_singleton_method("open_monitor", function!(open_monitor, 1))?;
    engine.define_singleton_method("next_question", function!(next_question, 1))?;
    engine.define_singleton_method("count_reload", function!(count_reload, 1))?;
    engine.define_singleton_method("answer", function!(answer, 3))
}
