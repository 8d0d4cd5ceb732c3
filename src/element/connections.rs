//! Connections that come and go, and the requests that were sent on them.

use super::consequences::Consequence;
use super::input::ConnectionEnd;
use super::next_hop::SendFailure;
use super::Element;
use crate::client::Branch;
use crate::message::ConnectionId;

impl Element {
    /// The peer has closed its side: no answer can come any more to what was sent.
    pub(super) fn peer_finished(&mut self, connection: ConnectionId) {
        let branches = self.flows.finished(connection);
        self.lose_connection(branches, ConnectionEnd::Closed);
    }

    /// A connection is gone, or did not come up.
    pub(super) fn connection_ended(&mut self, connection: ConnectionId, end: ConnectionEnd) {
        self.note_flow_closed(connection);
        let branches = self.flows.ended(connection);
        self.lose_connection(branches, end);
    }

    /// Each request that was sent on a connection is a call of its own.
    fn lose_connection(&mut self, branches: Vec<Branch>, end: ConnectionEnd) {
        for branch in branches {
            self.consequences.add(Consequence::ConnectionLost { branch, end });
        }
    }

    /// A request was sent on a connection that has ended. Where the peer has ended it and it had served before, the request gets
    /// one other connection: the peer may have ended the old one long ago. Elsewhere it fails.
    pub(super) fn connection_lost(&mut self, branch: &Branch, end: ConnectionEnd) {
        let failure = match end {
            ConnectionEnd::Unreachable => SendFailure::Unreachable,
            ConnectionEnd::NotAccepted => SendFailure::NotAccepted,
            ConnectionEnd::NotOpened | ConnectionEnd::Closed | ConnectionEnd::Broken => SendFailure::Lost,
        };
        let anew = match end {
            ConnectionEnd::Closed => self.send_anew(branch),
            ConnectionEnd::Unreachable | ConnectionEnd::NotOpened => self.uses_other_connection(branch),
            ConnectionEnd::NotAccepted | ConnectionEnd::Broken => false,
        };
        if !anew {
            self.transport_failed(branch, failure);
        }
    }
}
