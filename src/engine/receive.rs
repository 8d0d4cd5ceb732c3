//! What the transport layer reports, sorted to where it belongs.

use bytes::Bytes;

use super::core::Core;
use super::network::SendFailure;
use super::peers::target_of;
use super::waiting::HeldResponse;
use super::{Class, Event, Rejected, TlsHandshake};
use crate::transport::{CloseReason, OpeningFailure, TransportEvent};

impl Core {
    pub(super) fn event(&mut self, event: TransportEvent) {
        match event {
            TransportEvent::Message { message, source, room: _room, owed } if message.is_request() => {
                self.heard(target_of(&source), true);
                self.request(message, source, owed)
            }
            TransportEvent::Message { message, source, room: _room, .. } => self.response(message, &source),
            TransportEvent::HeldResponse { message, source, pause } => {
                self.held_response(HeldResponse { message, source, pause });
            }
            TransportEvent::Keepalive { source } => self.heard(target_of(&source), true),
            TransportEvent::Reply { to, source, status, reason, close, owed: _owed } => {
                self.heard(target_of(&source), true);
                self.shared.counts.count_rejected(Rejected::Malformed);
                self.reply_statelessly(to, source, status, &reason, &[] as &[Bytes]);
                if let (true, Some(connection)) = (close, source.connection) {
                    self.network.close(connection);
                }
            }
            TransportEvent::Upgrade { source, request } => self.upgrade_asked(source, *request),
            TransportEvent::ConnectionOpened { .. } => {}
            // No answer can come any more to what was sent.
            TransportEvent::PeerFinished { id } => self.connection_broke(id),
            TransportEvent::AnswersLost { transport, answers } => {
                for (remote, wire) in answers {
                    self.network.respond_anew(transport, remote, &wire);
                }
            }
            // The transport layer has said why.
            TransportEvent::ConnectionClosed { id, reason, websocket: true, .. } => {
                self.connection_lost(id, SendFailure::Lost);
                // Its companion stays until the script has heard of it.
                let closed = Event::WebSocketClosed { connection: id, by_client: reason.by_peer() };
                self.shared.events.push(closed);
            }
            TransportEvent::ConnectionFailed { id, cause, .. } => {
                self.shared.companions().remove(&id);
                let failure = match cause {
                    OpeningFailure::Unreachable => SendFailure::Unreachable,
                    OpeningFailure::NotAccepted => SendFailure::NotAccepted,
                    OpeningFailure::Own => SendFailure::Lost,
                };
                self.connection_lost(id, failure);
            }
            TransportEvent::ConnectionClosed { id, reason, .. } => {
                self.shared.companions().remove(&id);
                if reason.by_peer() || reason == CloseReason::Idle {
                    self.connection_broke(id);
                } else {
                    self.connection_lost(id, SendFailure::Lost);
                }
            }
            TransportEvent::TlsHandshake { source, certificates } => {
                self.shaken(TlsHandshake { source, certificates });
            }
            TransportEvent::UdpError { remote, quoted, error, .. } => self.udp_error(remote, &quoted, &error),
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
