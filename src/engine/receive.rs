//! What the transport layer reports, sorted to where it belongs.

use bytes::Bytes;

use super::core::Core;
use super::{Class, Event, Rejected, TlsHandshake};
use crate::transport::TransportEvent;

impl Core {
    pub(super) fn event(&mut self, event: TransportEvent) {
        match event {
            TransportEvent::Message { message, source } if message.is_request() => {
                self.request(message, source)
            }
            TransportEvent::Message { message, source } => self.response(message, &source),
            TransportEvent::Reply { to, source, status, reason, close } => {
                self.shared.counts.count_rejected(Rejected::Malformed);
                self.reply_statelessly(to, source, status, reason, &[] as &[Bytes]);
                if let (true, Some(connection)) = (close, source.connection) {
                    self.network.close(connection);
                }
            }
            TransportEvent::Upgrade { source, request } => self.upgrade_asked(source, *request),
            TransportEvent::ConnectionOpened { .. } => {}
            // The transport layer has said why.
            TransportEvent::ConnectionClosed { id, reason, websocket: true, .. } => {
                self.connection_lost(id, false);
                // Its companion stays until the script has heard of it.
                let closed = Event::WebSocketClosed { connection: id, by_client: reason.by_peer() };
                self.shared.events.push(closed);
            }
            TransportEvent::ConnectionFailed { id, refused, .. } => {
                self.shared.companions().remove(&id);
                self.connection_lost(id, refused);
            }
            TransportEvent::ConnectionClosed { id, .. } => {
                self.shared.companions().remove(&id);
                self.connection_lost(id, false);
            }
            TransportEvent::TlsHandshake { source, certificates } => {
                self.shaken(TlsHandshake { source, certificates });
            }
            TransportEvent::UdpError { remote, quoted, .. } => self.udp_error(remote, &quoted),
        }
    }

    /// A peer is to be judged by the script. When too many wait for that, a client is sent away; what we send to servers is
    /// bounded elsewhere.
    fn shaken(&mut self, handshake: TlsHandshake) {
        let limits = &self.shared.limits;
        let (queued, bytes) = self.shared.events.queued(Class::Handshakes);
        let full = queued >= limits.queued_requests || bytes >= limits.queued_bytes;
        match handshake.source.connection.filter(|_| full && handshake.source.inbound) {
            Some(connection) => {
                self.shared.counts.count_rejected(Rejected::Handshakes);
                self.network.close(connection);
            }
            None => self.shared.events.push(Event::TlsHandshake(handshake)),
        }
    }
}
