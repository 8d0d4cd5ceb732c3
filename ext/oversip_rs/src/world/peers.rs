//! The peers of a world: what they send, and their connections.

use std::net::SocketAddr;

use magnus::{Error, RString, Ruby, Symbol};
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
    act(ruby, this, number, &to, |world, peer, to| world.send_from(peer, wire, to))
}

/// `connect(peer, remote)`: opens a connection.
pub(super) fn connect(ruby: &Ruby, this: RubyWorld, number: usize, remote: String) -> Result<(), Error> {
    act(ruby, this, number, &remote, |world, peer, remote| world.connect_from(peer, remote))
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
