//! What was sent in a run, and what became of it.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::party::PartyId;
use crate::message::{Message, Transport};

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is on its way.
    Sent,
    /// It is on its way twice.
    Repeated,
    /// It never arrives.
    Lost,
    /// The other end refuses it.
    Refused,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fate::Sent => "sent",
            Fate::Repeated => "repeated",
            Fate::Lost => "lost",
            Fate::Refused => "refused",
        })
    }
}

/// A message that was sent.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When, from the beginning of the run.
    pub at: Duration,
    /// The name of the element or peer that sent it.
    pub party: String,
    /// Who gets it, if it arrives; `None`: nobody listens there.
    pub receiver: Option<PartyId>,
    /// Its transport.
    pub transport: Transport,
    /// From where.
    pub from: SocketAddr,
    /// Where to.
    pub to: SocketAddr,
    /// What became of it.
    pub fate: Fate,
    /// Its bytes.
    pub wire: Bytes,
}

impl Entry {
    /// The message; `None` for a keep-alive and what else is none.
    pub fn message(&self) -> Option<Message> {
        Message::parse(self.wire.clone()).ok().map(|(message, _)| message)
    }

    /// The transaction that the message belongs to: the branch of its top Via and the method (RFC 3261 17.2.3).
    pub fn transaction(&self) -> String {
        let Some(message) = self.message() else { return String::new() };
        let branch = message.top_via().and_then(|via| via.branch().map(<[u8]>::to_vec)).unwrap_or_default();
        let method = message.cseq_method().map(|method| method.as_bytes().to_vec()).unwrap_or_default();
        String::from_utf8_lossy(&[&branch[..], b" ", &method].concat()).into_owned()
    }

    /// The first line of the message.
    pub fn first_line(&self) -> String {
        let line = self.wire.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        String::from_utf8_lossy(line).into_owned()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { at, party, transport, from, to, fate, .. } = self;
        let micros = at.as_micros();
        let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
        write!(f, "{seconds}.{micros:06} {party} {transport} {from} -> {to} {fate}: ")?;
        write!(f, "{} [{}]", self.first_line(), self.transaction())
    }
}

/// What comes of a connection that an element opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionOutcome {
    /// It is not known yet.
    Opening,
    /// It carries messages.
    Up,
    /// The other end refuses it.
    Refused,
    /// It has not come up in time.
    TimedOut,
    /// The certificates of the other end are not accepted.
    NotAccepted,
}

/// A connection that an element opens.
#[derive(Debug, Clone)]
pub struct TriedConnection {
    /// When, from the beginning of the run.
    pub at: Duration,
    /// The element.
    pub party: PartyId,
    /// Who listens at the address, if anybody does.
    pub receiver: Option<PartyId>,
    /// Its transport.
    pub transport: Transport,
    /// Where to.
    pub to: SocketAddr,
    /// What came of it.
    pub outcome: ConnectionOutcome,
}

/// The messages of a run, and the connections that elements have opened.
#[derive(Default)]
pub struct Record {
    digest: Sha256,
    entries: Vec<Entry>,
    connections: Vec<TriedConnection>,
    sent: u64,
    digest_only: bool,
    watch: Option<Watch>,
}

/// Looks at each message that is sent.
type Watch = Box<dyn FnMut(&Entry) + Send>;

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("sent", &self.sent).finish_non_exhaustive()
    }
}

impl Record {
    /// From now on messages and connections are not kept: only their number and the digest grow. For long runs.
    pub fn keep_digest_only(&mut self) {
        self.digest_only = true;
        self.entries = Vec::new();
        self.connections = Vec::new();
    }

    /// From now on each message is shown to this as it is sent.
    pub fn watch(&mut self, watch: impl FnMut(&Entry) + Send + 'static) {
        self.watch = Some(Box::new(watch));
    }

    /// How many messages were sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// The messages in the order they were sent; empty if only the digest is kept.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The connections that elements have opened, in the order they were begun.
    pub fn connections(&self) -> &[TriedConnection] {
        &self.connections
    }

    /// A connection is opened; its place among them, if they are kept.
    pub(super) fn tried(&mut self, connection: TriedConnection) -> Option<usize> {
        if self.digest_only {
            return None;
        }
        self.connections.push(connection);
        Some(self.connections.len() - 1)
    }

    /// It is known what comes of it.
    pub(super) fn settle(&mut self, place: usize, outcome: ConnectionOutcome) {
        if let Some(connection) = self.connections.get_mut(place) {
            connection.outcome = outcome;
        }
    }

    /// A digest (SHA-256, in hexadecimal digits) of all messages so far: time, way, fate and bytes of each.
    pub fn digest(&self) -> String {
        self.digest.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn note(&mut self, entry: Entry) {
        let Entry { at, party, transport, from, to, fate, wire, .. } = &entry;
        let micros = at.as_micros();
        let head = format!("{micros} {party} {transport} {from} {to} {fate} {}\n", wire.len());
        self.digest.update(head.as_bytes());
        self.digest.update(wire);
        self.sent += 1;
        if let Some(watch) = &mut self.watch {
            watch(&entry);
        }
        if !self.digest_only {
            self.entries.push(entry);
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.iter().try_for_each(|entry| writeln!(f, "{entry}"))
    }
}
