//! The peers of a world: what they send, and their connections.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use magnus::{prelude::*, scan_args::scan_args, Error, RArray, RString, Ruby, Symbol, Value};
use oversip::simulation::{PartyId, World};

use super::{arguments, locks::lock, object::RubyWorld};
use crate::text;

/// `add_peer(name, transport, address)`: its number.
pub(super) fn add_peer(
    ruby: &Ruby,
    this: RubyWorld,
    name: String,
    transport: Symbol,
    at: String,
) -> Result<usize, Error> {
    let host = this.host(ruby)?;
    let (transport, at) = (arguments::transport(ruby, transport)?, arguments::address(ruby, &at)?);
    let taken = host.world().is_taken(transport, at);
    arguments::usable(ruby, transport, at, taken)?;
    let peer = host.world().add_peer_driven_outside(&name, transport, at);
    let mut peers = lock(&host.peers);
    peers.push(peer);
    Ok(peers.len() - 1)
}

/// `send_bytes(peer, bytes, address)`: a datagram, or over the connection with that address, opened where there is none.
pub(super) fn send_bytes(
    ruby: &Ruby,
    this: RubyWorld,
    number: usize,
    bytes: RString,
    to: String,
) -> Result<(), Error> {
    let wire = text::bytes_of(bytes);
    let sent = act(ruby, this, number, &to, |world, peer, to| {
        let asked = !world.transport(peer).websocket() || world.is_connected(peer, to);
        asked.then(|| world.send_from(peer, wire, to))
    })?;
    sent.ok_or_else(|| arguments::error(ruby, "a WebSocket has to be asked for with upgrade first".into()))
}

/// `connect(peer, remote, certificates = [])`: opens a connection; by TLS the peer shows these certificates (PEM), its own first.
pub(super) fn connect(ruby: &Ruby, this: RubyWorld, args: &[Value]) -> Result<(), Error> {
    let args = scan_args::<(usize, String), (Option<RArray>,), (), (), (), ()>(args)?;
    let ((number, remote), shown) = (args.required, certificates(ruby, args.optional.0)?);
    act(ruby, this, number, &remote, |world, peer, remote| world.connect_from(peer, remote, shown, None))
}

/// `upgrade(peer, remote, head, certificates = [])`: opens a connection and asks for a WebSocket with the head of an HTTP
/// request. `step` tells of the answer.
pub(super) fn upgrade(ruby: &Ruby, this: RubyWorld, args: &[Value]) -> Result<(), Error> {
    let args = scan_args::<(usize, String, RString), (Option<RArray>,), (), (), (), ()>(args)?;
    let ((number, remote, head), shown) = (args.required, certificates(ruby, args.optional.0)?);
    let head = Some(text::bytes_of(head));
    act(ruby, this, number, &remote, |world, peer, remote| world.connect_from(peer, remote, shown, head))
}

/// `show_certificates(address, certificates)`: the server at an address shows these (PEM), its own first.
pub(super) fn show_certificates(ruby: &Ruby, this: RubyWorld, at: String, list: RArray) -> Result<(), Error> {
    let (at, shown) = (arguments::address(ruby, &at)?, certificates(ruby, Some(list))?);
    this.host(ruby)?.world().show_certificates(at, shown);
    Ok(())
}

/// `date=`: the date of the beginning, in seconds since 1970; at first that of the system. Servers are judged by it.
pub(super) fn set_date(ruby: &Ruby, this: RubyWorld, seconds: f64) -> Result<(), Error> {
    let since = Duration::try_from_secs_f64(seconds);
    let since = since.map_err(|error| arguments::error(ruby, error.to_string()))?;
    this.host(ruby)?.world().set_date(SystemTime::UNIX_EPOCH + since);
    Ok(())
}

/// Certificates in DER.
fn certificates(ruby: &Ruby, pems: Option<RArray>) -> Result<Vec<Bytes>, Error> {
    let Some(pems) = pems else { return Ok(Vec::new()) };
    let der = |index| -> Result<Bytes, Error> {
        let pem: String = pems.entry(index as isize)?;
        let lines = pem.lines().skip_while(|line| !line.starts_with("-----BEGIN CERTIFICATE")).skip(1);
        let body: String = lines.take_while(|line| !line.starts_with("-----END")).collect();
        let der: RString = ruby.str_new(&body).funcall("unpack1", ("m",))?;
        match der.is_empty() {
            true => Err(arguments::error(ruby, "a certificate has to be in PEM".into())),
            false => Ok(text::bytes_of(der)),
        }
    };
    (0..pems.len()).map(der).collect()
}

/// `disconnect(peer, remote)`: resets the connection; false without one.
pub(super) fn disconnect(ruby: &Ruby, this: RubyWorld, number: usize, remote: String) -> Result<bool, Error> {
    act(ruby, this, number, &remote, |world, peer, remote| world.disconnect_from(peer, remote))
}

/// `finish(peer, remote)`: sends nothing more over the connection; false without one.
pub(super) fn finish(ruby: &Ruby, this: RubyWorld, number: usize, remote: String) -> Result<bool, Error> {
    act(ruby, this, number, &remote, |world, peer, remote| world.finish_from(peer, remote))
}

/// `stall(peer, remote)`: nothing of what is sent over the connection arrives; false without one.
pub(super) fn stall(ruby: &Ruby, this: RubyWorld, number: usize, remote: String) -> Result<bool, Error> {
    act(ruby, this, number, &remote, |world, peer, remote| world.stall(peer, remote, true))
}

/// `unstall(peer, remote)`: it arrives again, what has waited within a second.
pub(super) fn unstall(ruby: &Ruby, this: RubyWorld, number: usize, remote: String) -> Result<bool, Error> {
    act(ruby, this, number, &remote, |world, peer, remote| world.stall(peer, remote, false))
}

fn act<R>(
    ruby: &Ruby,
    this: RubyWorld,
    number: usize,
    remote: &str,
    act: impl FnOnce(&mut World, PartyId, SocketAddr) -> R,
) -> Result<R, Error> {
    let host = this.host(ruby)?;
    let remote = arguments::address(ruby, remote)?;
    let (peer, count) = {
        let peers = lock(&host.peers);
        (peers.get(number).copied(), peers.len())
    };
    let complaint = || format!("there is no peer {number}: there are {count}");
    let peer = peer.ok_or_else(|| arguments::error(ruby, complaint()))?;
    let result = act(&mut host.world(), peer, remote);
    Ok(result)
}
