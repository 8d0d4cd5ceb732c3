//! What came over the network, as its receiver goes on with it, whatever the transport.

use std::borrow::Cow;
use std::net::SocketAddr;

use bytes::Bytes;
use smallvec::{smallvec, SmallVec};

use super::admit::{admit, Admission};
use super::check::Defect;
use super::datagram::Datagram;
use super::framing::Frame;
use super::received::Message;
use super::source::Source;
use super::stun::{stun, Stun};
use super::websocket::WebSocketMessage;

/// The answer to a keep-alive (RFC 5626 3.5.1, 4.4.1).
const PONG: Bytes = Bytes::from_static(b"\r\n");

/// Something that has come.
#[derive(Debug, Clone)]
pub enum Arrival {
    /// A message that is fit to be looked at. The Via of a request is stamped.
    Message(Message),
    /// A request to be answered statelessly. Its Via is stamped.
    Refused {
        /// The request.
        request: Message,
        /// Status of the reply.
        status: u16,
        /// Reason phrase of the reply.
        reason: Cow<'static, str>,
        /// Whether the connection is to be closed after the reply: nothing behind it can be read.
        close: bool,
        /// What was wrong.
        defect: Defect,
    },
    /// A keep-alive.
    Keepalive {
        /// What the peer is owed at once.
        answer: Bytes,
        /// Nothing came with it: it is itself the sign of life.
        alone: bool,
    },
    /// To be dropped. What comes next can be read.
    Dropped(Defect),
    /// Nothing more can be read on the connection.
    End(Defect),
}

/// What came at a time, in its order.
pub type Arrivals = SmallVec<[Arrival; 1]>;

impl Datagram {
    /// What the datagram means to its receiver.
    pub fn arrivals(self, source: &Source) -> Arrivals {
        match self {
            Datagram::Message(message) => smallvec![admitted(message, source)],
            Datagram::Keepalive { then } => {
                let mut arrivals = smallvec![Arrival::Keepalive { answer: PONG, alone: then.is_none() }];
                arrivals.extend(then.into_iter().flat_map(|content| content.arrivals(source)));
                arrivals
            }
            Datagram::Refused { request, status, reason, defect } => {
                smallvec![refused(request, source, status, reason, false, defect)]
            }
            Datagram::Failed { defect, .. } => smallvec![Arrival::Dropped(defect)],
            Datagram::Stun(request) => {
                // A socket for both families shows IPv4 peers as mapped addresses, which are of no use to them.
                let seen = SocketAddr::new(source.remote.ip().to_canonical(), source.remote.port());
                smallvec![match stun(&request, seen) {
                    Stun::Request(answer) => Arrival::Keepalive { answer, alone: true },
                    Stun::Invalid | Stun::Foreign => Arrival::Dropped(Defect::Foreign),
                }]
            }
            Datagram::Ignored => SmallVec::new(),
        }
    }
}

impl Frame {
    /// What the frame means to its receiver.
    pub fn arrival(self, source: &Source) -> Arrival {
        match self {
            Frame::Message(message) => admitted(message, source),
            Frame::Keepalive => Arrival::Keepalive { answer: PONG, alone: true },
            Frame::Failed { close_reason: defect, reply_to: Some(request), status, reason } => {
                refused(request, source, status, reason, true, defect)
            }
            Frame::Failed { close_reason, reply_to: None, .. } => Arrival::End(close_reason),
        }
    }
}

impl WebSocketMessage {
    /// What the message means to its receiver.
    pub fn arrivals(self, source: &Source) -> Arrivals {
        match self {
            WebSocketMessage::Message(message) => smallvec![admitted(message, source)],
            WebSocketMessage::Keepalive { then } => {
                let mut arrivals = smallvec![Arrival::Keepalive { answer: PONG, alone: then.is_none() }];
                arrivals.extend(then.into_iter().flat_map(|content| content.arrivals(source)));
                arrivals
            }
            WebSocketMessage::Refused { request, status, reason, defect } => {
                smallvec![refused(request, source, status, reason, false, defect)]
            }
            WebSocketMessage::Nothing => SmallVec::new(),
            WebSocketMessage::Ignored(defect) => smallvec![Arrival::Dropped(defect)],
            WebSocketMessage::Close { defect, .. } => smallvec![Arrival::End(defect)],
        }
    }
}

fn admitted(message: Message, source: &Source) -> Arrival {
    match admit(message, source) {
        Admission::Message(message) => Arrival::Message(message),
        Admission::Refused { request, status, reason, defect } => {
            Arrival::Refused { request, status, reason: reason.into(), close: false, defect }
        }
        Admission::Dropped(defect) => Arrival::Dropped(defect),
    }
}

fn refused(
    mut request: Message,
    source: &Source,
    status: u16,
    reason: Cow<'static, str>,
    close: bool,
    defect: Defect,
) -> Arrival {
    request.stamp(source);
    Arrival::Refused { request, status, reason, close, defect }
}
