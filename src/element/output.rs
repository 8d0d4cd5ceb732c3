//! What an element asks of its driver.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::hold::Hold;
use super::ids::{AnchorId, CallId, ClientId, ResolutionId, RouteId};
use super::next_hop::NextHop;
use super::received_request::{ReceivedRequest, WayBack};
use crate::client::session::{Callback, Role};
use crate::client::{Branch, Failure, IncomingResponse};
use crate::message::{ConnectionId, Method, Transport};
use crate::resolve::{Inquiry, Target};

/// Something for the driver to do. Outputs are carried out in their order.
#[derive(Debug)]
pub enum Output {
    /// Send the bytes of a request. Where they certainly do not leave, an [`Input::NotSent`](super::Input::NotSent) is due.
    Send {
        /// Who wants to hear of a failure.
        sender: Sender,
        /// Where to.
        hop: NextHop,
        /// The bytes.
        wire: Bytes,
    },
    /// Send the bytes of a response to where its request came from (RFC 3261 18.2.2). Where the connection is gone, one attempt
    /// is due to reach the sender by another one.
    Respond {
        /// Where to.
        way_back: WayBack,
        /// The bytes.
        wire: Bytes,
        /// Of a final response: what kept the connection open for it.
        hold: Option<Hold>,
    },
    /// Open a connection. What is sent on it waits until it is up.
    Connect {
        /// The name that it gets.
        connection: ConnectionId,
        /// TCP or TLS.
        transport: Transport,
        /// The address.
        remote: SocketAddr,
        /// How long that may take.
        limits: OpeningLimits,
        /// What a TLS server has to prove.
        proof: Option<ServerProof>,
    },
    /// A target lies where the listeners do not reach: say from which of our addresses it is reached
    /// ([`Input::AddressFound`](super::Input::AddressFound)).
    FindAddress {
        /// The target.
        target: Target,
        /// Whether the request may leave from there.
        allowed: OwnAddress,
    },
    /// Open a socket at an address, if need be, and say where it begins
    /// ([`Input::SocketOpened`](super::Input::SocketOpened)). For a connection, open that as well, as for [`Output::Connect`].
    OpenSocket {
        /// The address.
        ip: IpAddr,
        /// The target.
        target: Target,
        /// The connection's name and what is asked of it.
        connection: Option<(ConnectionId, OpeningLimits, Option<ServerProof>)>,
    },
    /// Ask more of the server of a TLS connection that is being opened, and say whether its handshake was not over yet
    /// ([`Input::Tightened`](super::Input::Tightened)).
    Tighten {
        /// The connection.
        connection: ConnectionId,
        /// The target that it leads to.
        target: Target,
        /// What the server has to prove as well.
        proof: ServerProof,
    },
    /// Close a connection after what is queued for it.
    Close {
        /// The connection.
        connection: ConnectionId,
    },
    /// Look names up and end with an [`Input::Resolved`](super::Input::Resolved).
    Resolve {
        /// The name of the resolution.
        resolution: ResolutionId,
        /// What to ask.
        inquiry: Inquiry,
    },
    /// Something for the script.
    Script(ScriptEvent),
    /// A route has ended that somebody waits for.
    CallEnded {
        /// Who waits.
        call: CallId,
        /// How it ended.
        outcome: Outcome,
    },
    /// The request of a route went out again with another CSeq number.
    CallRenumbered {
        /// Who waits for its end.
        call: CallId,
        /// The number.
        cseq: u32,
    },
    /// The script's objects of a route are needed no longer.
    Released(AnchorId),
    /// Look for connections that are idle or late. Comes each second.
    SweepConnections,
    /// From now on report keep-alives, or do not.
    HeedKeepalives(bool),
    /// From now on hand over the responses of connections as [`Input::HeldResponse`](super::Input::HeldResponse), or do not.
    HoldResponses(bool),
}

/// Who sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// A client transaction, by its branch.
    Transaction(Branch),
    /// An ACK, which has no transaction.
    Ack {
        /// The Client.
        client: ClientId,
        /// Its route.
        route: RouteId,
    },
    /// Nobody: it is sent again if it is lost.
    Nobody,
}

/// From which of our addresses a request may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnAddress {
    /// A proxy's listeners have to be reachable from both sides: it leaves from nowhere else.
    pub role: Role,
    /// The loopback address that the listeners are on.
    pub loopback: IpAddr,
}

/// How long it may take to open a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpeningLimits {
    /// Until TCP is up.
    pub connect: Duration,
    /// From then until the TLS handshake is over.
    pub handshake: Duration,
}

/// Whom a TLS connection is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerName {
    /// A domain, in lower case (RFC 5922).
    Domain(String),
    /// An address.
    Ip(IpAddr),
}

/// What a server has to prove before anything is sent to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerProof {
    /// Whom the connection is for.
    pub name: ServerName,
    /// The library checks chain and identity (RFC 5922).
    pub by_library: bool,
    /// The script is asked.
    pub by_callback: bool,
}

impl ServerProof {
    /// Whether a connection that was verified like this is good enough for `wanted`.
    pub(super) fn covers(&self, wanted: &ServerProof) -> bool {
        self.name == wanted.name
            && (self.by_library || !wanted.by_library)
            && (self.by_callback || !wanted.by_callback)
    }

    /// Takes over what `other` demands beyond this.
    pub fn tighten(&mut self, other: &ServerProof) {
        self.by_library |= other.by_library;
        self.by_callback |= other.by_callback;
    }
}

/// Something that the script has to run.
#[derive(Debug)]
pub enum ScriptEvent {
    /// A new request: `on_request`. [`Element::request_done`](super::Element::request_done) is due when it ended, and
    /// [`Element::release_request`](super::Element::release_request) when the script has let go of it.
    Request(Arc<ReceivedRequest>),
    /// A round of a Client's blocks. [`Element::round_done`](super::Element::round_done) is due when it ended.
    Round(Box<Round>),
    /// The time has come that [`Element::schedule`](super::Element::schedule) was asked for.
    Scheduled(u64),
}

/// A round of a Client's blocks.
#[derive(Debug, Clone)]
pub struct Round {
    /// The Client.
    pub client: ClientId,
    /// The route whose event it is.
    pub route: RouteId,
    /// Proxy or Uac.
    pub role: Role,
    /// What keeps the script's objects alive.
    pub anchor: AnchorId,
    /// The blocks and their arguments.
    pub callback: Callback,
    /// The target in use.
    pub target: Option<Target>,
    /// Whether the event ends in a response upstream, which `drop_response` may keep back.
    pub answers: bool,
    /// The CSeq number of a request that went out again with another one than the script gave it.
    pub changed_cseq: Option<u32>,
    /// The request from the network that is routed.
    pub upstream: Option<Arc<ReceivedRequest>>,
    /// Else, what there is to say of a request of the script's own.
    pub own: Option<OwnRequest>,
}

/// What tells a request of the script's own from others, for people.
#[derive(Debug, Clone)]
pub struct OwnRequest {
    /// Its method.
    pub method: Method,
    /// Its Request-URI.
    pub ruri: Bytes,
    /// Its Call-ID, while it is known.
    pub call_id: Option<Bytes>,
}

/// How a route ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// With a final response, and with the status of it that the script sees.
    Response(Arc<IncomingResponse>, u16),
    /// Without one.
    Failed(Failure),
    /// The element ended before.
    Stopped,
}
