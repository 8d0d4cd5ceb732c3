//! WebSockets: what becomes of a request for one before and after the script has seen it.

use bytes::Bytes;

use super::driver::Driver;
use super::event::{Event, UpgradeRequest};
use crate::element::{ConnectionEnd, Element, Input};
use crate::message::{ConnectionId, Source};
use crate::transport::ws::{check, switching_protocols, HttpRequest, UpgradeRefusal};
use crate::transport::Connections;

/// A client asks for a WebSocket (RFC 6455 section 4.2).
pub(super) fn upgrade_asked(driver: &Driver, source: Source, http: HttpRequest) {
    let (Some(connection), Some(network)) = (source.connection, driver.network.get()) else { return };
    match driver.step(|element, _| upgrade_refusal(element, &http)) {
        None => driver.events.push(Event::Upgrade(Box::new(UpgradeRequest { source, http }))),
        Some(refusal) => {
            tracing::info!(target: "oversip::engine", remote = %source.remote, status = refusal.status,
                "WebSocket refused");
            let response = refusal.response(&http, &driver.settings.product);
            network.connections().refuse_upgrade(connection, response);
        }
    }
}

/// Why a client gets no WebSocket, before the script is asked.
pub fn upgrade_refusal(element: &mut Element, http: &HttpRequest) -> Option<UpgradeRefusal> {
    if let Some(refusal) = element.admit(false) {
        element.count_rejected(refusal.cause);
        return Some(UpgradeRefusal::later(refusal.status, Some(refusal.reason)));
    }
    check(http).err()
}

/// The WebSockets of an engine, and the requests for them.
#[derive(Clone, Copy)]
pub struct WebSockets<'a>(pub(super) &'a Driver);

impl WebSockets<'_> {
    /// Gives a client its WebSocket, unless the connection was closed or the request refused meanwhile.
    pub fn accept(&self, request: &UpgradeRequest) {
        let Source { transport, remote, local, inbound, connection: Some(connection) } = request.source
        else {
            return;
        };
        // Before the client can send anything.
        self.0.step(|element, now| {
            let handshake = None;
            element.handle(
                now,
                Input::ConnectionOpened { connection, transport, remote, local, inbound, handshake },
            );
        });
        let response = switching_protocols(&request.http, &self.0.settings.product);
        let accepted = self.connections().is_some_and(|it| it.accept_upgrade(connection, response));
        if !accepted {
            let end = ConnectionEnd::Broken;
            self.0.step(|element, now| element.handle(now, Input::ConnectionEnded { connection, end }));
        }
    }

    /// Sends an HTTP answer to a client that asks for a WebSocket, and closes. Does nothing once it has got one.
    pub fn refuse(&self, connection: ConnectionId, response: Bytes) {
        if let Some(connections) = self.connections() {
            connections.refuse_upgrade(connection, response);
        }
    }

    /// Sends an HTTP answer to a client that asks for a WebSocket and leaves the rest open. Does nothing once it has got one.
    pub fn answer(&self, connection: ConnectionId, response: Bytes) {
        if let Some(connections) = self.connections() {
            connections.answer_upgrade(connection, response);
        }
    }

    /// Closes a WebSocket with this status and reason after what is queued for it; before its upgrade it closes silently.
    pub fn close(&self, connection: ConnectionId, status: Option<u16>, reason: &str) {
        if let Some(connections) = self.connections() {
            connections.close_with(connection, status, reason);
        }
    }

    fn connections(&self) -> Option<Connections> {
        Some(self.0.network.get()?.connections().clone())
    }
}
