//! What was recorded in a request that a proxy has sent: which header, and for which flows.

/// The header a value is added to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoutingHeader {
    /// `Record-Route`.
    RecordRoute,
    /// `Path`.
    Path,
}

impl RoutingHeader {
    /// The header's name.
    pub fn as_str(self) -> &'static str {
        match self {
            RoutingHeader::RecordRoute => "Record-Route",
            RoutingHeader::Path => "Path",
        }
    }
}

/// Which values were added: to which header, and for which sides with a flow (RFC 5626).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// The header.
    pub header: RoutingHeader,
    /// A value leads to the flow that the request came by.
    pub incoming_outbound: bool,
    /// A value leads to the flow that the request leaves by.
    pub outgoing_outbound: bool,
}

impl Recorded {
    /// The name that scripts know it by: without a flow the header's alone.
    pub fn as_str(self) -> &'static str {
        match (self.header, self.outgoing_outbound, self.incoming_outbound) {
            (RoutingHeader::RecordRoute, false, false) => "rr",
            (RoutingHeader::RecordRoute, true, false) => "outgoing_outbound_rr",
            (RoutingHeader::RecordRoute, false, true) => "incoming_outbound_rr",
            (RoutingHeader::RecordRoute, true, true) => "both_outbound_rr",
            (RoutingHeader::Path, false, false) => "path",
            (RoutingHeader::Path, true, false) => "outgoing_outbound_path",
            (RoutingHeader::Path, false, true) => "incoming_outbound_path",
            (RoutingHeader::Path, true, true) => "both_outbound_path",
        }
    }
}
