//! What those who look on are told: messages that come and leave, and blocks that have run. Views that own nothing.

mod head_fields;

use std::net::SocketAddr;
use std::time::Instant;

use crate::message::{ConnectionId, Message, Source, Transport};
use head_fields::{call_id, HeadFields};

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// It has come.
    In,
    /// It leaves.
    Out,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is here, or on its way.
    Sent,
    /// It has not left.
    Refused,
}

/// A message that has come or that leaves. The same message is told once each time that it does so.
#[derive(Debug, Clone, Copy)]
pub struct ObservedMessage<'a> {
    /// When, by the engine's clock.
    pub at: Instant,
    /// Which way.
    pub direction: Direction,
    /// Its transport.
    pub transport: Transport,
    /// Our address; `None` while its connection is being opened.
    pub local: Option<SocketAddr>,
    /// The peer's address.
    pub remote: SocketAddr,
    /// Its connection; `None` for UDP.
    pub connection: Option<ConnectionId>,
    /// What became of it.
    pub fate: Fate,
    /// The method: of a response that of its CSeq.
    pub method: &'a [u8],
    /// The status of a response; `None` for a request.
    pub status: Option<u16>,
    /// The Call-ID.
    pub call_id: Option<&'a [u8]>,
    /// Its bytes up to the empty line and with it, or all of them.
    pub head: &'a [u8],
    /// The other bytes.
    pub body: &'a [u8],
}

impl<'a> ObservedMessage<'a> {
    /// One that has come.
    pub fn received(at: Instant, message: &'a Message, source: &Source) -> Self {
        ObservedMessage {
            at,
            direction: Direction::In,
            transport: source.transport,
            local: Some(source.local),
            remote: source.remote,
            connection: source.connection,
            fate: Fate::Sent,
            method: message.method().map_or(&b""[..], |method| method.as_bytes()),
            status: message.status(),
            // One that breaks the rules names its call all the same: so does the answer to it.
            call_id: message.call_id().or_else(|| call_id(message.head_bytes())),
            head: message.head_bytes(),
            body: message.body(),
        }
    }

    /// The bytes of one that leaves, or should have.
    pub fn sent(at: Instant, wire: &'a [u8], between: FiveTuple, fate: Fate) -> Self {
        let HeadFields { method, status, call_id } = HeadFields::of(wire);
        let FiveTuple { transport, local, remote, connection } = between;
        ObservedMessage {
            at,
            direction: Direction::Out,
            transport,
            local,
            remote,
            connection,
            fate,
            method,
            status,
            call_id,
            head: wire,
            body: b"",
        }
    }
}

/// Between which addresses a message leaves, by which transport and on which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FiveTuple {
    /// Its transport.
    pub transport: Transport,
    /// Our address, as far as it is known.
    pub local: Option<SocketAddr>,
    /// The peer's address.
    pub remote: SocketAddr,
    /// Its connection; `None` for UDP.
    pub connection: Option<ConnectionId>,
}

/// That of a message which goes back to where another one came from.
impl From<&Source> for FiveTuple {
    fn from(source: &Source) -> FiveTuple {
        let Source { transport, remote, local, connection, .. } = *source;
        FiveTuple { transport, local: Some(local), remote, connection }
    }
}

/// A block or event method of the script that has ended.
#[derive(Debug, Clone, Copy)]
pub struct BlockRun<'a> {
    /// Which event: `on_request` and so on.
    pub event: &'static str,
    /// The method of the request that it was about; empty for none.
    pub method: &'a [u8],
    /// The Call-ID of that request.
    pub call_id: Option<&'a [u8]>,
    /// The file that the block stands in; empty where Ruby does not know.
    pub file: &'a str,
    /// The line of that file.
    pub line: u32,
    /// When it began, by the engine's clock.
    pub began: Instant,
    /// When it ended. The time of a Fiber that was suspended counts.
    pub ended: Instant,
    /// Class and message of the exception that has ended it.
    pub exception: Option<(&'a str, &'a str)>,
}
