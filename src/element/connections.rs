//! Connections that come and go, and the requests that were sent on them.

use super::input::ConnectionEnd;
use super::next_hop::SendFailure;
use super::Element;
use crate::message::ConnectionId;

impl Element {
    /// The peer has closed its side: no answer can come any more to what was sent.
    pub(super) fn peer_finished(&mut self, connection: ConnectionId) {
        for branch in self.flows.finished(connection) {
            // Each of them is a call of its own.
            self.attempt(|element| {
                if !element.send_anew(&branch) {
                    element.transport_failed(&branch, SendFailure::Lost);
                }
            });
        }
    }

    /// A connection is gone, or did not come up. What was sent on one that the peer ended and that had served before gets one
    /// other connection: the peer may have ended the old one long ago. The rest fails.
    pub(super) fn connection_ended(&mut self, connection: ConnectionId, end: ConnectionEnd) {
        let failure = match end {
            ConnectionEnd::Unreachable => SendFailure::Unreachable,
            ConnectionEnd::NotAccepted => SendFailure::NotAccepted,
            ConnectionEnd::NotOpened | ConnectionEnd::Closed | ConnectionEnd::Broken => SendFailure::Lost,
        };
        for branch in self.flows.ended(connection) {
            self.attempt(|element| {
                let anew = match end {
                    ConnectionEnd::Closed => element.send_anew(&branch),
                    ConnectionEnd::Unreachable | ConnectionEnd::NotOpened => {
                        element.uses_other_connection(&branch)
                    }
                    ConnectionEnd::NotAccepted | ConnectionEnd::Broken => false,
                };
                if !anew {
                    element.transport_failed(&branch, failure);
                }
            });
        }
    }
}
