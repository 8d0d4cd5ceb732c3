//! Scripted parties on the network: values that get messages and timers, and send bytes.

use std::any::Any;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::message::{Message, Source, Transport};
use crate::random::Random;

/// A scripted party at one address.
pub trait Peer: Any + Send {
    /// A message has come. The Via of a request is stamped, as every server does (RFC 3261 18.2.1).
    fn receive(&mut self, api: &mut PeerApi<'_>, message: Message, source: Source);

    /// The connection with an address is gone, or did not come up.
    fn connection_ended(&mut self, api: &mut PeerApi<'_>, remote: SocketAddr) {
        let _ = (api, remote);
    }

    /// A timer of [`PeerApi::after`] fires.
    fn timer(&mut self, api: &mut PeerApi<'_>, key: u64) {
        let _ = (api, key);
    }
}

/// Names a peer of a world.
#[derive(Debug)]
pub struct PeerId<P> {
    pub(super) number: usize,
    kind: PhantomData<fn() -> P>,
}

impl<P> Clone for PeerId<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for PeerId<P> {}

impl<P> PeerId<P> {
    pub(super) fn of(number: usize) -> PeerId<P> {
        PeerId { number, kind: PhantomData }
    }
}

/// What a peer has asked for.
#[derive(Debug)]
pub(super) enum Effect {
    Send { wire: Bytes, to: SocketAddr },
    Timer { after: Duration, key: u64 },
    Finish { remote: SocketAddr },
    Close { remote: SocketAddr },
}

/// What a peer may do.
#[derive(Debug)]
pub struct PeerApi<'w> {
    pub(super) now: Duration,
    pub(super) transport: Transport,
    pub(super) address: SocketAddr,
    pub(super) random: &'w mut Random,
    pub(super) effects: Vec<Effect>,
}

impl PeerApi<'_> {
    /// The time since the beginning of the run.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The peer's transport.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The peer's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The world's chance.
    pub fn random(&mut self) -> &mut Random {
        self.random
    }

    /// Sends bytes to an address: as one datagram, or over the connection with it, which is opened where there is none.
    pub fn send(&mut self, wire: Bytes, to: SocketAddr) {
        self.effects.push(Effect::Send { wire, to });
    }

    /// Closes this side of the connection with an address: nothing more is sent over it, but what comes is read.
    pub fn finish(&mut self, remote: SocketAddr) {
        self.effects.push(Effect::Finish { remote });
    }

    /// Closes the connection with an address.
    pub fn close(&mut self, remote: SocketAddr) {
        self.effects.push(Effect::Close { remote });
    }

    /// Lets [`Peer::timer`] be called after some time.
    pub fn after(&mut self, time: Duration, key: u64) {
        self.effects.push(Effect::Timer { after: time, key });
    }
}

/// A peer that only collects what comes: the test sends in its place ([`World::send`](super::World::send)).
#[derive(Debug, Default)]
pub struct Inbox {
    messages: Vec<Message>,
    read: usize,
}

impl Inbox {
    /// All messages that have come.
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The messages that have come since the last call.
    pub fn news(&mut self) -> Vec<Message> {
        let news = self.messages[self.read..].to_vec();
        self.read = self.messages.len();
        news
    }
}

impl Peer for Inbox {
    fn receive(&mut self, _: &mut PeerApi<'_>, message: Message, _: Source) {
        self.messages.push(message);
    }
}
