//! What the transport layer reports, sorted to where it belongs.

use bytes::Bytes;

use super::core::Core;
use crate::transport::TransportEvent;

impl Core {
    pub(super) fn event(&mut self, event: TransportEvent) {
        match event {
            TransportEvent::Message { message, source } if message.is_request() => {
                self.request(message, source)
            }
            TransportEvent::Message { message, source } => self.response(message, &source),
            TransportEvent::Reply { to, source, status, reason, close } => {
                self.reply_statelessly(to, source, status, reason, &[] as &[Bytes]);
                if let (true, Some(connection)) = (close, source.connection) {
                    self.network.close(connection);
                }
            }
            TransportEvent::ConnectionOpened { .. } => {}
            // The transport layer has said why.
            TransportEvent::ConnectionFailed { id, .. } | TransportEvent::ConnectionClosed { id, .. } => {
                self.shared.companions().remove(&id);
                self.connection_lost(id);
            }
            TransportEvent::UdpError { remote, quoted, .. } => self.udp_error(remote, &quoted),
        }
    }
}
