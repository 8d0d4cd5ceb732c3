//! What Ruby is told of the listeners: where they are, and the texts by which they name themselves.

use std::net::SocketAddr;

use magnus::{Error, RArray, Ruby};
use oversip::client::ListenerNames;
use oversip::message::Transport;

/// A list of Hashes, one for each listener.
pub fn list<'a>(
    ruby: &Ruby,
    listening: &[(Transport, SocketAddr)],
    names: impl Iterator<Item = &'a ListenerNames>,
) -> Result<RArray, Error> {
    let list = ruby.ary_new_capa(listening.len());
    for ((transport, local), names) in listening.iter().zip(names) {
        let entry = ruby.hash_new();
        for (name, text) in [
            ("via_core", &names.via_core),
            ("record_route", &names.record_route),
            ("outbound_record_route_fragment", &names.outbound_record_route_fragment),
            ("outbound_path_fragment", &names.outbound_path_fragment),
        ] {
            entry.aset(ruby.to_symbol(name), text.as_str())?;
        }
        entry.aset(ruby.to_symbol("transport"), ruby.to_symbol(transport.as_str()))?;
        entry.aset(ruby.to_symbol("ip"), local.ip().to_string())?;
        entry.aset(ruby.to_symbol("port"), local.port())?;
        entry
            .aset(ruby.to_symbol("family"), ruby.to_symbol(if local.is_ipv4() { "ipv4" } else { "ipv6" }))?;
        list.push(entry)?;
    }
    Ok(list)
}
