//! Requests for SIPS resources: by which transports and flows they may leave (RFC 3261 8.1.2, 16.6 step 7; RFC 5630).

use super::{Destination, Route, RouteRequest, Shared};
use crate::client::Transport;
use crate::message::is_sips;

impl Route {
    /// Whether the request is for a SIPS resource. The Request-URI as it is now counts, before a strict router's takes its place.
    pub(in crate::engine) fn is_sips(&self) -> bool {
        self.sips || is_sips(&self.request.ruri)
    }

    /// Whether it leaves by TLS, whichever URI names the next hop. A script that names a transport takes that on itself.
    pub(super) fn is_bound_to_tls(&self) -> bool {
        self.is_sips() && !self.transport_named
    }

    /// Whether the request may leave by this transport.
    pub(in crate::engine) fn may_leave_by(&self, transport: Transport) -> bool {
        transport.secure() || !self.is_bound_to_tls()
    }
}

impl RouteRequest {
    /// A request of a dialog for a SIPS resource leaves a flow in the clear alone: like one whose flow is gone, it goes where its
    /// Route or Request-URI says.
    pub(super) fn leave_open_flow(&mut self, shared: &Shared) {
        let Destination::Flow(Some(token)) = &self.destination else { return };
        let Some(headers) = self.proxy_headers.as_mut().filter(|headers| !headers.initial) else { return };
        if is_sips(&self.request.ruri) && shared.is_flow_in_the_clear(token) {
            headers.incoming_outbound = None;
            self.destination = Destination::of_request(&self.request, true);
        }
    }
}
