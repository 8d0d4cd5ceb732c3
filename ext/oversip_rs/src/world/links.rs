//! The connections of a world's element, for its script.

use std::net::SocketAddr;

use bytes::Bytes;
use magnus::{Ruby, Value};
use oversip::engine::UpgradeRequest;
use oversip::message::{ConnectionId, Source, Transport};

use super::{host::WorldHost, locks::lock};
use crate::{
    anchors::Anchor,
    links::{Link, Links},
};

impl Links for WorldHost {
    fn listening(&self) -> &[(Transport, SocketAddr)] {
        &self.listening
    }

    fn link(&self, connection: ConnectionId) -> Option<Link> {
        let world = self.world();
        let connected = world.is_up(self.element, connection)?;
        let transport = world.source(self.element, connection)?.transport;
        Some(Link { connected, websocket: connected && transport.websocket() })
    }

    fn live(&self) -> Vec<Source> {
        self.world().live_connections(self.element)
    }

    fn send_over(&self, source: &Source, wire: &Bytes, to: SocketAddr) -> bool {
        self.world().send_over(self.element, source, wire.clone(), to)
    }

    fn close(&self, connection: ConnectionId) {
        let mut world = self.world();
        match world.is_up(self.element, connection) {
            Some(false) => world.judge_connection(self.element, connection, false),
            _ => world.close_connection(self.element, connection),
        }
    }

    fn admit(&self, connection: ConnectionId) {
        self.world().judge_connection(self.element, connection, true);
    }

    fn accept_upgrade(&self, _: &UpgradeRequest) {}

    fn refuse_upgrade(&self, _: ConnectionId, _: Bytes) {}

    fn answer_upgrade(&self, _: ConnectionId, _: Bytes) {}

    fn close_websocket(&self, connection: ConnectionId, _: Option<u16>, _: &str) {
        self.close(connection);
    }

    fn object(&self, ruby: &Ruby, connection: ConnectionId) -> Option<Value> {
        let kept = lock(&self.objects);
        kept.get(&connection).and_then(|anchor| anchor.values(ruby)).map(|(object, _)| object)
    }

    fn keep(&self, connection: ConnectionId, object: Anchor) {
        let mut kept = lock(&self.objects);
        // Those of connections that are gone are not asked for again.
        let world = self.world();
        kept.retain(|known, _| world.is_up(self.element, *known).is_some());
        if world.is_up(self.element, connection).is_some() {
            kept.insert(connection, object);
        }
    }

    fn forget(&self, connection: ConnectionId) {
        lock(&self.objects).remove(&connection);
    }
}
