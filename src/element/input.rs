//! What goes into an element.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;

use super::hold::Hold;
use super::ids::ResolutionId;
use super::next_hop::{NextHop, SendFailure};
use super::no_way::NoWay;
use super::output::{Sender, ServerProof};
use crate::message::{ConnectionId, Message, Source, Transport};
use crate::resolve::{Resolved, Target};

/// Why a connection did not come up, or is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// It did not come up: the peer refused it, or was not reached in time.
    Unreachable,
    /// It did not come up: the peer was there but was not accepted, or ended it while that was decided.
    NotAccepted,
    /// It did not come up, and the reason lies on this side.
    NotOpened,
    /// It was up and the peer ended it, or it was idle for too long: what was sent on it lately may not have been read.
    Closed,
    /// It was up and was ended from here, or broke.
    Broken,
}

/// Something happened outside.
#[derive(Debug)]
pub enum Input {
    /// A message has come that passed every check common to all of them: core headers present once, `received` and `rport`
    /// written into the top Via of a request, body attached.
    Message {
        /// The message.
        message: Message,
        /// Where it came from.
        source: Source,
        /// Of a request on a connection: kept until its final answer is on its way, or none will come.
        hold: Option<Hold>,
    },
    /// A response has come on a connection that is not read on while `pause` lives
    /// ([`Output::HoldResponses`](super::Output::HoldResponses)).
    HeldResponse {
        /// The response.
        message: Message,
        /// Where it came from.
        source: Source,
        /// What keeps its connection from being read.
        pause: Hold,
    },
    /// A request has come that is not to be processed but to be answered statelessly. Never an ACK.
    Refused {
        /// The request; its top Via is stamped.
        request: Message,
        /// Where it came from.
        source: Source,
        /// The status to answer with.
        status: u16,
        /// The reason phrase to answer with.
        reason: Cow<'static, str>,
        /// Whether the connection is to be closed after the answer.
        close: bool,
    },
    /// A peer has given a sign of life that is no message.
    Keepalive {
        /// Where it came from.
        source: Source,
    },
    /// A connection is up and carries messages.
    ConnectionOpened {
        /// The connection.
        connection: ConnectionId,
        /// Its transport.
        transport: Transport,
        /// The peer's address.
        remote: SocketAddr,
        /// Our end.
        local: SocketAddr,
        /// Whether a listener accepted it.
        inbound: bool,
        /// How long its TLS handshake took.
        handshake: Option<Duration>,
    },
    /// The peer has closed its side of a connection: nothing more comes over it and no request can be sent on it. It takes the
    /// answers that it waits for.
    PeerFinished {
        /// The connection.
        connection: ConnectionId,
    },
    /// A connection is gone, or did not come up.
    ConnectionEnded {
        /// The connection.
        connection: ConnectionId,
        /// Why.
        end: ConnectionEnd,
    },
    /// The address that [`Output::FindAddress`](super::Output::FindAddress) asked for.
    AddressFound {
        /// The target that it leads to.
        target: Target,
        /// The address; `None` where the listeners reach the target after all; or why it cannot be reached.
        address: Result<Option<IpAddr>, NoWay>,
    },
    /// Where the socket begins that [`Output::OpenSocket`](super::Output::OpenSocket) asked for.
    SocketOpened {
        /// The target that it is for.
        target: Target,
        /// The connection that it is to be, if any.
        connection: Option<ConnectionId>,
        /// Its address, or why there is none.
        local: Result<SocketAddr, NoWay>,
    },
    /// What came of an [`Output::Tighten`](super::Output::Tighten).
    Tightened {
        /// The connection.
        connection: ConnectionId,
        /// The target that it leads to.
        target: Target,
        /// What the server has to prove as well.
        proof: ServerProof,
        /// Whether it has to: its handshake was not over yet.
        in_time: bool,
    },
    /// What an [`Output::Send`](super::Output::Send) was to send has not left.
    NotSent {
        /// Who sent it.
        sender: Sender,
        /// Which way it was to go: the request may have gone another way meanwhile.
        hop: NextHop,
        /// Why.
        failure: SendFailure,
    },
    /// A datagram did not arrive, says the network (RFC 3261 18.4).
    UdpError {
        /// The destination that it was sent to.
        remote: SocketAddr,
        /// The beginning of that datagram; may be empty.
        quoted: Bytes,
        /// What it means.
        failure: SendFailure,
    },
    /// A resolution ended that [`Output::Resolve`](super::Output::Resolve) asked for.
    Resolved {
        /// Which one.
        resolution: ResolutionId,
        /// What it led to.
        resolved: Resolved,
    },
    /// The time of [`Element::next_timeout`](super::Element::next_timeout) has come: the first timer that is due fires.
    Timeout,
}
