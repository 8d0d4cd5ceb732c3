//! The connections of a world's element, for its script.

use std::net::SocketAddr;

use bytes::Bytes;
use magnus::{Ruby, Value};
use oversip::engine::UpgradeRequest;
use oversip::host::Host;
use oversip::message::{ConnectionId, Source, Transport};
use oversip::simulation::LinkState;
use oversip::transport::ws::switching_protocols;

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
        let state = world.link(self.element, connection)?;
        let transport = world.source(self.element, connection)?.transport;
        let websocket = state == LinkState::Up && transport.websocket();
        Some(Link { connected: state != LinkState::Opening, websocket })
    }

    fn live(&self) -> Vec<Source> {
        self.world().live_connections(self.element)
    }

    fn send_over(&self, source: &Source, wire: &Bytes, to: SocketAddr) -> bool {
        self.world().send_over(self.element, source, wire.clone(), to)
    }

    fn close(&self, connection: ConnectionId) {
        self.world().close_connection(self.element, connection);
    }

    fn admit(&self, connection: ConnectionId) {
        self.world().judge_connection(self.element, connection, true);
    }

    fn accept_upgrade(&self, request: &UpgradeRequest) {
        let Some(connection) = request.source.connection else { return };
        let response = switching_protocols(&request.http, &self.settings().product);
        self.world().answer_upgrade(self.element, connection, response, Some(true));
    }

    fn refuse_upgrade(&self, connection: ConnectionId, response: Bytes) {
        self.world().answer_upgrade(self.element, connection, response, Some(false));
    }

    fn answer_upgrade(&self, connection: ConnectionId, response: Bytes) {
        self.world().answer_upgrade(self.element, connection, response, None);
    }

    fn close_websocket(&self, connection: ConnectionId, _: Option<u16>, _: &str) {
        self.close(connection);
    }

    fn object(&self, ruby: &Ruby, connection: ConnectionId) -> Option<Value> {
        let kept = lock(&self.objects);
        kept.get(&connection).and_then(|(anchor, _)| anchor.values(ruby)).map(|(object, _)| object)
    }

    fn keep(&self, connection: ConnectionId, object: Anchor) {
        let mut kept = lock(&self.objects);
        let world = self.world();
        // That of a WebSocket stays until the script has heard of its end.
        kept.retain(|known, (_, websocket)| *websocket || world.link(self.element, *known).is_some());
        if let Some(source) = world.source(self.element, connection) {
            kept.insert(connection, (object, source.transport.websocket()));
        }
    }

    fn forget(&self, connection: ConnectionId) {
        lock(&self.objects).remove(&connection);
    }
}
