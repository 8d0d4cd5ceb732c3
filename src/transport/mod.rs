//! Sockets, stream framing and the connection table.
//!
//! [`TransportLayer::start`] takes the sockets of [`bind_all`] and from then on reports what arrives as
//! [`TransportEvent`]s over one bounded channel. Everything that is sent goes through [`UdpSocket::try_send`] or
//! [`Connections::send`]; neither ever waits. The layer knows how messages are framed and which of them are fit to
//! be looked at (RFC 3261 section 18); of transactions it knows nothing.

mod accept;
mod admit;
mod answers;
mod bind;
mod byte_stream;
mod close_reason;
mod connection;
mod connections;
mod datagrams;
mod dial;
mod framing;
mod handshake;
mod icmp;
mod layer;
mod malformed;
mod memory;
mod options;
mod outgoing_queue;
mod proxied;
mod sending;
mod stream;
mod table;
mod tls;
mod udp;
mod unconfirmed;
mod writing;
pub mod ws;

use std::borrow::Cow;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use self::ws::HttpRequest;
use crate::message::Message;

pub use crate::message::{ConnectionId, Source, Transport};

pub use bind::{address_available, bind_all, error_text, BindError, Bound, ListenSpec};
pub use close_reason::CloseReason;
pub use connection::{ConnectionInfo, Owed};
pub use connections::{Connections, SWEEP_INTERVAL};
pub use layer::TransportLayer;
pub use malformed::Malformed;
pub use memory::{Pause, Room};
pub use options::{OpeningLimits, Options};
pub use outgoing_queue::MAX_MESSAGE;
pub use sending::{source_for, SendingSockets, MAX_SENDING_SOCKETS};
pub use tls::{
    certificate_pem, sip_identities, verify_server, Authorities, ClientCertificates, Distrust, PeerName, Tls,
    TlsError, TlsIdentity, TlsSettings, Verification,
};
pub use udp::UdpSocket;

/// Why a connection opened from here did not come up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpeningFailure {
    /// The peer refused it, or was not reached in time.
    Unreachable,
    /// The peer was there but was not accepted, or ended the connection while that was decided.
    NotAccepted,
    /// The reason lies on this side: the peer may be well.
    Own,
}

/// What the transport layer tells the engine.
#[derive(Debug)]
pub enum TransportEvent {
    /// A message that passed every check common to all of them: core headers present once, `received` and `rport`
    /// written into the top Via of a request, branch in RFC 3261 form, body attached.
    Message {
        /// The message.
        message: Message,
        /// Where it came from.
        source: Source,
        /// The place that a large one has taken until it is dealt with.
        room: Option<Room>,
        /// Of a request on a TCP or TLS connection: to be kept until its final answer is queued, or none will come.
        owed: Option<Owed>,
    },
    /// A response on a stream, fit as a [`TransportEvent::Message`], while [`Connections::hold_responses`] asks for a verdict
    /// on each.
    HeldResponse {
        /// The response.
        message: Message,
        /// Where it came from.
        source: Source,
        /// Its connection is not read on while this lives.
        pause: Pause,
    },
    /// A keep-alive without a message, answered already. Only while [`TransportLayer::heed_keepalives`] asks for it.
    Keepalive {
        /// Where it came from.
        source: Source,
    },
    /// A request that is not to be processed but to be answered statelessly. Never an ACK.
    Reply {
        /// The request; its top Via is stamped.
        to: Message,
        /// Where it came from.
        source: Source,
        /// The status to answer with.
        status: u16,
        /// The reason phrase to answer with.
        reason: Cow<'static, str>,
        /// Whether [`Connections::close`] is due after the answer. The connection reads nothing more by then.
        close: bool,
        /// As in [`TransportEvent::Message`].
        owed: Option<Owed>,
    },
    /// The TLS handshake of a connection is over, and its peer is to be judged: [`Connections::admit`] or
    /// [`Connections::close`] is due. Until then nothing is read and nothing sent. It is followed by
    /// `ConnectionOpened`, or else by `ConnectionFailed` (opened from here) or `ConnectionClosed` (accepted).
    TlsHandshake {
        /// The connection.
        source: Source,
        /// What the peer showed (DER), its own certificate first; a client need not show any.
        certificates: Vec<Bytes>,
    },
    /// A connection is up. For one opened from here, what was queued is on its way.
    ConnectionOpened {
        /// The connection.
        id: ConnectionId,
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
    /// A client asks for a WebSocket. [`Connections::accept_upgrade`], [`Connections::refuse_upgrade`] or
    /// [`Connections::close`] is due; nothing that it sends is processed before.
    Upgrade {
        /// Where the request came from.
        source: Source,
        /// The request.
        request: Box<HttpRequest>,
    },
    /// A connection opened from here never came up. Sent once; nothing that was queued on it has left.
    ConnectionFailed {
        /// The connection.
        id: ConnectionId,
        /// Its transport.
        transport: Transport,
        /// The address that was tried.
        remote: SocketAddr,
        /// Why, in words.
        error: String,
        /// Whose fault it is.
        cause: OpeningFailure,
    },
    /// The peer has closed its side of a TCP or TLS connection: nothing more comes over it, no request can be sent on it, and
    /// it takes the answers that are owed ([`Connections::respond`]) before it closes.
    PeerFinished {
        /// The connection.
        id: ConnectionId,
    },
    /// A peer that had closed its side has closed the other side too, and these responses with it. They may go to the addresses
    /// that [`Connections::respond`] was given for them (RFC 3261 section 18.2.2).
    AnswersLost {
        /// The connection that they were queued on.
        transport: Transport,
        /// Where each goes to, and its bytes, in the order they were queued in.
        answers: Vec<(SocketAddr, Bytes)>,
    },
    /// A connection that was up is gone. Sent once, after the last message that came over it.
    ConnectionClosed {
        /// The connection.
        id: ConnectionId,
        /// Its transport.
        transport: Transport,
        /// The peer's address.
        remote: SocketAddr,
        /// Who ended it and why.
        reason: CloseReason,
        /// Whether it was a WebSocket: its upgrade had been accepted.
        websocket: bool,
        /// Whether something accepted by [`Connections::send`] was not handed to the system any more.
        unsent: bool,
    },
    /// A datagram did not arrive, says the network (RFC 3261 section 18.4), or could not be sent late.
    UdpError {
        /// The socket it was sent from.
        local: SocketAddr,
        /// The destination it was sent to.
        remote: SocketAddr,
        /// The beginning of that datagram, as the router or host quoted it; may be empty.
        quoted: Bytes,
        /// The error it stands for.
        error: io::Error,
    },
}

/// Whether a datagram was not sent since no datagram is that large, or none on this way.
pub fn is_too_large(error: &io::Error) -> bool {
    error.raw_os_error() == Some(nix::libc::EMSGSIZE)
}

/// Whether a failure to send or to connect says that the peer refuses or cannot be reached. Other errors lie on this side.
pub fn is_of_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionRefused
            | ConnectionReset
            | ConnectionAborted
            | HostUnreachable
            | NetworkUnreachable
            | TimedOut
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_by_whose_fault_they_are() {
        use nix::libc::{
            EADDRNOTAVAIL, ECONNREFUSED, EHOSTUNREACH, EINVAL, EMFILE, EMSGSIZE, ENETUNREACH, EPERM,
        };
        let of_peer = |code| is_of_peer(&io::Error::from_raw_os_error(code));
        assert_eq!([ECONNREFUSED, EHOSTUNREACH, ENETUNREACH].map(of_peer), [true; 3]);
        assert_eq!([EADDRNOTAVAIL, EINVAL, EMFILE, EMSGSIZE, EPERM].map(of_peer), [false; 5]);
        assert!(is_too_large(&io::Error::from_raw_os_error(EMSGSIZE)));
        assert!(!is_too_large(&io::ErrorKind::WouldBlock.into()));
    }
}
