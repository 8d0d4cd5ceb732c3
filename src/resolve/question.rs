//! Questions to DNS and the answers to them.

use std::net::IpAddr;
use std::time::Duration;

use super::target::IpFamily;

/// The types of records that RFC 3263 asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordKind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// The servers of a service (RFC 2782).
    Srv,
    /// The services of a domain (RFC 3403).
    Naptr,
}

impl From<IpFamily> for RecordKind {
    fn from(family: IpFamily) -> RecordKind {
        match family {
            IpFamily::V4 => RecordKind::A,
            IpFamily::V6 => RecordKind::Aaaa,
        }
    }
}

/// The records of one type of a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Question {
    /// The type.
    pub kind: RecordKind,
    /// The name in lower case, always taken as fully qualified.
    pub name: String,
}

impl Question {
    /// A question; the name may be in any case.
    pub fn new(kind: impl Into<RecordKind>, name: &str) -> Question {
        Question { kind: kind.into(), name: name.to_ascii_lowercase() }
    }
}

/// One server of a service (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SrvRecord {
    /// Servers with a lower number are tried first.
    pub priority: u16,
    /// The share of requests among servers of equal priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host's name; `.` when there is decidedly no such service.
    pub target: String,
}

/// One service of a domain (RFC 3403).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NaptrRecord {
    /// Records with a lower number come first.
    pub order: u16,
    /// The same among records of equal order.
    pub preference: u16,
    /// `s`: the replacement is the name of SRV records.
    pub flags: Vec<u8>,
    /// Such as `SIP+D2U`.
    pub services: Vec<u8>,
    /// The name to go on with.
    pub replacement: String,
}

/// What DNS said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// There are such records.
    Found {
        /// The records in the order of the answer.
        records: Records,
        /// The smallest time to live of the records used, the CNAMEs on the way included.
        ttl: Duration,
    },
    /// DNS said with authority that there are none: no such name, or no such record.
    NoSuchRecord {
        /// How long that may be remembered (RFC 2308 5); `None`: not at all.
        ttl: Option<Duration>,
    },
    /// Nothing is known: no answer in time, or a server that failed.
    Unavailable,
}

/// The records of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Records {
    /// Of A and AAAA, each address once.
    Addresses(Vec<IpAddr>),
    /// Of SRV.
    Srv(Vec<SrvRecord>),
    /// Of NAPTR.
    Naptr(Vec<NaptrRecord>),
}

impl Answer {
    /// The same, but for no longer than `limit`.
    pub(crate) fn holding_for(self, limit: Duration) -> Answer {
        match self {
            Answer::Found { records, ttl } => Answer::Found { records, ttl: ttl.min(limit) },
            Answer::NoSuchRecord { ttl } => Answer::NoSuchRecord { ttl: ttl.map(|ttl| ttl.min(limit)) },
            Answer::Unavailable => Answer::Unavailable,
        }
    }

    /// The addresses in it.
    pub(super) fn addresses(&self) -> &[IpAddr] {
        match self {
            Answer::Found { records: Records::Addresses(addrs), .. } => addrs,
            _ => &[],
        }
    }

    /// The servers in it.
    pub(super) fn srv(&self) -> &[SrvRecord] {
        match self {
            Answer::Found { records: Records::Srv(records), .. } => records,
            _ => &[],
        }
    }

    /// The services in it.
    pub(super) fn naptr(&self) -> &[NaptrRecord] {
        match self {
            Answer::Found { records: Records::Naptr(records), .. } => records,
            _ => &[],
        }
    }
}
