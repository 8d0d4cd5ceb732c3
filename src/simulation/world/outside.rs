//! Peers that are run outside: who steps the world gets what comes for them, and says what they send.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use super::{Event, Member, Step, World};
use crate::message::{Source, Transport};
use crate::simulation::party::PartyId;
use crate::simulation::stream::{EndId, Opening};

/// How long it may take until a peer's connection is up, and then until its handshake is over.
pub(super) const PEER_LIMIT: Duration = Duration::from_secs(4);

/// Something for a peer that is run outside.
#[derive(Debug)]
pub enum News {
    /// Bytes have come, as they were sent: a datagram, or what was written to a connection at a time.
    Bytes {
        /// The peer.
        peer: PartyId,
        /// Where they come from.
        source: Source,
        /// What has come.
        wire: Bytes,
    },
    /// A connection carries messages from now on.
    ConnectionUp {
        /// The peer.
        peer: PartyId,
        /// The other end.
        remote: SocketAddr,
    },
    /// A connection is gone, or did not come up.
    ConnectionEnded {
        /// The peer.
        peer: PartyId,
        /// The other end.
        remote: SocketAddr,
    },
    /// The request for a WebSocket was answered.
    UpgradeAnswered {
        /// The peer.
        peer: PartyId,
        /// Who has answered.
        remote: SocketAddr,
        /// The HTTP answer.
        response: Bytes,
    },
    /// The time of [`World::start_timer`] has come.
    Timer(u64),
}

impl World {
    /// Adds a peer that is run by who steps the world.
    ///
    /// # Panics
    ///
    /// When the address is taken ([`World::is_taken`]).
    pub fn add_peer_driven_outside(
        &mut self,
        name: &str,
        transport: Transport,
        address: SocketAddr,
    ) -> PartyId {
        PartyId(self.join(name, &[(transport, address)], Member::Outside))
    }

    /// Such a peer sends bytes to an address: as one datagram, or over the connection with it, which is opened where there is none.
    pub fn send_from(&mut self, peer: PartyId, wire: impl Into<Bytes>, to: SocketAddr) {
        let (transport, own) = self.parties[peer.0].addresses[0];
        match transport {
            Transport::Udp => self.send_datagram(peer.0, own, to, wire.into()),
            _ => self.send_on_stream(peer.0, (transport, own), to, wire.into()),
        }
    }

    /// Such a peer opens a connection. By TLS it shows these certificates (DER), its own first; with the head of an HTTP request
    /// it asks for a WebSocket.
    pub fn connect_from(
        &mut self,
        peer: PartyId,
        to: SocketAddr,
        certificates: Vec<Bytes>,
        upgrade: Option<Bytes>,
    ) {
        let (transport, own) = self.parties[peer.0].addresses[0];
        let end = self.open_for_peer(peer.0, (transport, own), to);
        if let Some(stream) = self.streams.get_mut(end.stream) {
            (stream.shows, stream.upgrade) = (certificates, upgrade);
        }
    }

    /// The transport of such a peer.
    pub fn transport(&self, peer: PartyId) -> Transport {
        self.parties[peer.0].addresses[0].0
    }

    /// Whether such a peer has a connection with an address, be it up or being opened.
    pub fn is_connected(&self, peer: PartyId, to: SocketAddr) -> bool {
        self.streams.with(peer.0, to).is_some()
    }

    pub(super) fn open_for_peer(
        &mut self,
        party: usize,
        (transport, own): (Transport, SocketAddr),
        to: SocketAddr,
    ) -> EndId {
        let opening =
            Opening { party, id: None, transport, from: own.ip(), to, proof: None, handshake: PEER_LIMIT };
        self.open_stream(opening, PEER_LIMIT)
    }

    /// Such a peer sends nothing more over its connection with an address, but takes what comes. False: there is none.
    pub fn finish_from(&mut self, peer: PartyId, remote: SocketAddr) -> bool {
        let end = self.streams.with(peer.0, remote);
        end.map(|end| self.finish_end(end)).is_some()
    }

    /// The connection of a peer with an address breaks: both sides find it reset. False: there is none.
    pub fn disconnect_from(&mut self, peer: PartyId, remote: SocketAddr) -> bool {
        let Some(end) = self.streams.with(peer.0, remote) else { return false };
        self.reset(vec![end]);
        true
    }

    /// From now on nothing of what is sent over a peer's connection with an address arrives, either way; or it does again, with
    /// what has waited. False: there is no such connection.
    pub fn stall(&mut self, peer: PartyId, remote: SocketAddr, stalled: bool) -> bool {
        let end = self.streams.with(peer.0, remote);
        let Some(stream) = end.and_then(|end| self.streams.get_mut(end.stream)) else { return false };
        stream.stalled = stalled;
        true
    }

    /// Hands out [`News::Timer`] after some time.
    pub fn start_timer(&mut self, after: Duration, key: u64) {
        self.schedule.put(self.now + after, Event::Outside(News::Timer(key)));
    }

    /// Lets the next thing happen, if it does until a time counted from the beginning. Else the clock moves on to that time.
    pub fn step_until(&mut self, at: Duration) -> Step {
        let until = self.start + at;
        let step = self.step(Some(until));
        if matches!(step, Step::Nothing) {
            self.now = self.now.max(until);
        }
        step
    }

    /// The next thing in the present step of the world's user.
    pub(super) fn news(&mut self) -> Option<Step> {
        self.news.pop_front().map(Step::Outside)
    }

    /// Bytes for a peer that is run outside need no framing: each write of an element is a whole message.
    pub(super) fn arrived_outside(&mut self, id: EndId, wire: &Bytes) -> bool {
        let Some(end) = self.streams.end(id).filter(|end| end.is_there) else { return false };
        let (peer, source) = (end.party, end.source);
        if !self.is_outside(peer) {
            return false;
        }
        self.news.push_back(News::Bytes { peer: PartyId(peer), source, wire: wire.clone() });
        true
    }

    pub(super) fn is_outside(&self, number: usize) -> bool {
        matches!(self.parties[number].member, Member::Outside)
    }
}
