//! WebSockets asked for and ended: what becomes of an upgrade request before and after the script has seen it.

use super::core::Core;
use super::{Event, Shared};
use crate::transport::ws::{check, switching_protocols, HttpRequest, Refusal};
use crate::transport::{ConnectionId, Source};
use bytes::Bytes;

/// A request for a WebSocket that the script has to decide on.
#[derive(Debug)]
pub struct UpgradeRequest {
    /// Where it came from.
    pub source: Source,
    /// The HTTP request.
    pub http: HttpRequest,
}

/// What is to be done about a request for a WebSocket.
#[derive(Debug)]
pub(super) enum Upgrade {
    /// The connection becomes a WebSocket.
    Accept(Bytes),
    /// An answer that does not decide.
    Answer(Bytes),
    /// An answer, and the end.
    Refuse(Bytes),
}

impl UpgradeRequest {
    /// The answer that accepts it.
    pub(super) fn accepted(&self, shared: &Shared) -> Bytes {
        switching_protocols(&self.http, &shared.product)
    }
}

impl Core {
    /// A client asks for a WebSocket (RFC 6455 section 4.2).
    pub(super) fn upgrade_asked(&mut self, source: Source, http: HttpRequest) {
        let Some(connection) = source.connection else { return };
        let unavailable = self.refusal(false).map(|refusal| {
            self.shared.counts.count_rejected(refusal.cause);
            Refusal::later(refusal.status, Some(refusal.reason))
        });
        match unavailable.map_or_else(|| check(&http), Err) {
            Ok(()) => self.shared.events.push(Event::Upgrade(Box::new(UpgradeRequest { source, http }))),
            Err(refusal) => {
                tracing::info!(target: "oversip::engine", remote = %source.remote, status = refusal.status,
                    "WebSocket refused");
                let response = refusal.response(&http, &self.shared.product);
                self.network.connections().refuse_upgrade(connection, response);
            }
        }
    }

    pub(super) fn upgrade(&mut self, connection: ConnectionId, upgrade: Upgrade) {
        let connections = self.network.connections();
        match upgrade {
            Upgrade::Accept(response) => connections.accept_upgrade(connection, response),
            Upgrade::Answer(response) => connections.answer_upgrade(connection, response),
            Upgrade::Refuse(response) => connections.refuse_upgrade(connection, response),
        };
    }
}
