//! What the ring keeps of one thing that has happened.

use std::net::SocketAddr;
use std::time::Duration;

use crate::element::{AttemptEnd, Responder};
use crate::message::{ConnectionId, Transport};
use crate::observed::{Direction, Fate};
use crate::resolve::Target;
use crate::transaction::Timer;

/// What has happened. Texts are of type `T`: where they stand in the ring, or the bytes themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What<T> {
    /// A message has come or has left.
    Message {
        /// Which way.
        direction: Direction,
        /// Its transport.
        transport: Transport,
        /// Our address.
        local: Option<SocketAddr>,
        /// The peer's address.
        remote: SocketAddr,
        /// Its connection.
        connection: Option<ConnectionId>,
        /// What became of it.
        fate: Fate,
        /// Its bytes.
        wire: T,
    },
    /// A block of the script has run, for so long from that time on.
    Block {
        /// The event.
        event: &'static str,
        /// The method of its request.
        method: T,
        /// Its file.
        file: T,
        /// Its line.
        line: u32,
        /// How long it took.
        duration: Duration,
        /// Class and message of the exception that has ended it.
        exception: Option<(T, T)>,
    },
    /// A request goes to the script.
    Received(Of<T>),
    /// The first provisional response to it other than 100 leaves.
    Progress(Of<T>, SentResponse),
    /// A final response to it leaves.
    Answered(Of<T>, SentResponse),
    /// It is over without a final response.
    Unanswered(Of<T>),
    /// A block has kept back a response of this status.
    DroppedResponse(Of<T>, u16),
    /// A timer has fired.
    Timer(Of<T>, Timer),
    /// A request is sent to a target.
    Attempt(Of<T>, Target),
    /// What came of that.
    AttemptEnded(Of<T>, Target, AttemptEnd),
    /// Names were looked up.
    Resolved {
        /// The destination, as a SIP URI.
        question: T,
        /// Where it leads: targets with spaces between them.
        targets: T,
        /// How long that took.
        took: Duration,
    },
    /// A target was not tried since it is on a blacklist.
    PassedOver(Target),
    /// A target is on a blacklist from now on.
    Blacklisted(Target),
    /// A connection carries messages from now on.
    FlowOpened {
        /// The other end.
        peer: Target,
        /// Our end.
        local: SocketAddr,
        /// Whether the peer has opened it.
        inbound: bool,
        /// How long its TLS handshake took.
        handshake: Option<Duration>,
    },
    /// A connection is gone.
    FlowClosed(Target),
}

/// A response to the client of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentResponse {
    /// Its status.
    pub status: u16,
    /// Who has made it.
    pub by: Responder,
    /// How long after the request it leaves.
    pub after: Option<Duration>,
}

/// The transaction that something is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Of<T> {
    /// The method of its request.
    pub method: T,
    /// Its branch.
    pub branch: T,
}

impl<T: Copy> Of<T> {
    #[inline]
    fn map<U>(&self, texts: &mut impl FnMut(T) -> U) -> Of<U> {
        Of { method: texts(self.method), branch: texts(self.branch) }
    }
}

impl<T: Copy> What<T> {
    /// The same with other texts.
    #[inline]
    pub(super) fn map<U>(&self, texts: &mut impl FnMut(T) -> U) -> What<U> {
        match *self {
            What::Message { direction, transport, local, remote, connection, fate, wire } => {
                What::Message { direction, transport, local, remote, connection, fate, wire: texts(wire) }
            }
            What::Block { event, method, file, line, duration, exception } => What::Block {
                event,
                method: texts(method),
                file: texts(file),
                line,
                duration,
                exception: exception.map(|(class, message)| (texts(class), texts(message))),
            },
            What::Received(of) => What::Received(of.map(texts)),
            What::Progress(of, answer) => What::Progress(of.map(texts), answer),
            What::Answered(of, answer) => What::Answered(of.map(texts), answer),
            What::Unanswered(of) => What::Unanswered(of.map(texts)),
            What::DroppedResponse(of, status) => What::DroppedResponse(of.map(texts), status),
            What::Timer(of, timer) => What::Timer(of.map(texts), timer),
            What::Attempt(of, target) => What::Attempt(of.map(texts), target),
            What::AttemptEnded(of, target, end) => What::AttemptEnded(of.map(texts), target, end),
            What::Resolved { question, targets, took } => {
                What::Resolved { question: texts(question), targets: texts(targets), took }
            }
            What::PassedOver(target) => What::PassedOver(target),
            What::Blacklisted(target) => What::Blacklisted(target),
            What::FlowOpened { peer, local, inbound, handshake } => {
                What::FlowOpened { peer, local, inbound, handshake }
            }
            What::FlowClosed(peer) => What::FlowClosed(peer),
        }
    }
}
