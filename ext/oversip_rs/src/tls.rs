//! TLS at the boundary: certificates on their way to the engine, handshakes on their way to the script.

use magnus::{
    function, prelude::*, value::Qtrue, Error, RArray, RHash, RModule, RString, Ruby, Symbol, Value,
};
use oversip::engine::{Subject, TlsHandshake};
use oversip::transport::{
    certificate_pem, sip_identities, ClientCertificates, ConnectionId, TlsIdentity, TlsSettings,
};

use crate::{blocks, classes::dispatcher_module, connection, links::Links, observer, runtime, text};

/// `{ chain: [DER, ...], key: DER, authorities: [DER, ...] }`.
pub fn settings(ruby: &Ruby, options: Option<RHash>) -> Result<TlsSettings, Error> {
    let Some(options) = options else { return Ok(TlsSettings::default()) };
    let list = |name: &str| -> Result<Vec<_>, Error> {
        let list: RArray = options.fetch(ruby.to_symbol(name))?;
        (0..list.len()).map(|index| list.entry(index as isize).map(text::bytes_of)).collect()
    };
    let key: Option<RString> = options.fetch(ruby.to_symbol("key"))?;
    let identity = match key {
        Some(key) => Some(TlsIdentity { chain: list("chain")?, key: text::bytes_of(key).to_vec() }),
        None => None,
    };
    Ok(TlsSettings { identity, authorities: list("authorities")? })
}

/// `:ignored`, `:asked`, `:unasked` or `:reported`.
pub fn client_certificates(ruby: &Ruby, value: Symbol) -> Result<ClientCertificates, Error> {
    match &*value.name()? {
        "ignored" => Ok(ClientCertificates::Ignored),
        "asked" => Ok(ClientCertificates::Asked),
        "unasked" => Ok(ClientCertificates::Unasked),
        "reported" => Ok(ClientCertificates::Reported),
        other => Err(Error::new(ruby.exception_arg_error(), format!("unknown kind {other}"))),
    }
}

/// Refuses the peer unless told otherwise, however the callback ends.
struct Verdict<'a> {
    links: &'a dyn Links,
    connection: ConnectionId,
    admitted: bool,
}

impl Drop for Verdict<'_> {
    fn drop(&mut self) {
        if self.admitted {
            self.links.admit(self.connection);
        } else {
            self.links.close(self.connection);
        }
    }
}

/// Runs the script's callback for a handshake.
pub fn run_handshake(ruby: &Ruby, links: &dyn Links, handshake: TlsHandshake) -> Result<(), Error> {
    let source = &handshake.source;
    let Some(connection) = source.connection else { return Ok(()) };
    let mut verdict = Verdict { links, connection, admitted: false };
    let object = connection::of(ruby, source)?;
    let pems = ruby.ary_new();
    // The peer's own certificate comes last.
    for der in handshake.certificates.iter().rev() {
        pems.push(text::utf8(ruby, certificate_pem(der).as_bytes()))?;
    }
    let callback = match (source.inbound, source.transport.websocket()) {
        (false, _) => "on_server_tls_handshake",
        (true, false) => "on_client_tls_handshake",
        (true, true) => "on_websocket_client_tls_handshake",
    };
    let events = if source.transport.websocket() { "WebSocketEvents" } else { "SipEvents" };
    let module: RModule = dispatcher_module(ruby);
    let observer = observer::events(ruby, events)?;
    let event = if source.inbound { "on_client_tls_handshake" } else { "on_server_tls_handshake" };
    let begun = blocks::begin_event(ruby, events, event);
    let mut result: Result<Value, Error> = match observer {
        None => module.funcall(callback, (object, pems)),
        Some(events) => module.funcall(callback, (object, pems, events)),
    };
    if let Some(begun) = begun {
        result = begun.event_ended(&Subject::of_handshake(*source), result);
    }
    verdict.admitted = Qtrue::from_value(result?).is_some();
    Ok(())
}

/// `OverSIP::Engine.replace_certificates(options)`: the same Hash as at the start.
fn replace_certificates(ruby: &Ruby, options: RHash) -> Result<(), Error> {
    let settings = settings(ruby, Some(options))?;
    let engine = runtime::engine(ruby)?;
    engine.replace_certificates(&settings).map_err(|error| text::configuration_error(ruby, error.to_string()))
}

/// `OverSIP::Engine.sip_identities(der)`.
fn identities(ruby: &Ruby, der: RString) -> Result<RArray, Error> {
    let identities = ruby.ary_new();
    for identity in sip_identities(&text::bytes_of(der)) {
        identities.push(text::utf8(ruby, identity.as_bytes()))?;
    }
    Ok(identities)
}

/// Adds the functions to `OverSIP::Engine`.
pub fn define(engine: RModule) -> Result<(), Error> {
    engine.define_singleton_method("replace_certificates", function!(replace_certificates, 1))?;
    engine.define_singleton_method("sip_identities", function!(identities, 1))
}
