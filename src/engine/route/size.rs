//! Whether a request is too large for UDP (RFC 3261 18.1.1).

use super::{outgoing, Route, Shared};
use crate::client::{Target, Transport};
use crate::engine::outgoing::Leaving;
use crate::message::Method;

/// As long as our branches are.
const SOME_BRANCH: &[u8] = &[b'0'; 55];

impl Route {
    /// Measures the request as it would leave by UDP, once. An ACK stays on UDP: it has no transaction that could notice that
    /// TCP was refused.
    pub(super) fn measure(&mut self, shared: &Shared, targets: &[Target]) {
        let profile = self.profile();
        let Some(limit) = profile.udp_mtu.filter(|_| profile.resolve.allows_transport(Transport::Tcp)) else {
            return;
        };
        if self.insists_on_udp || self.request.method == Method::Ack {
            return;
        }
        let Some(udp) = targets.iter().find(|target| target.transport == Transport::Udp) else { return };
        if outgoing::at_most(shared, self) <= limit {
            return;
        }
        let leaving = Leaving::presumably(shared, self.kind, udp.transport, udp.addr);
        let wire = outgoing::request(shared, self, &leaving, SOME_BRANCH).to_bytes();
        if wire.len() > limit {
            self.session.set_oversize();
        }
    }
}
