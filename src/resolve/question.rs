//! Questions to DNS and the answers to them.

use std::net::IpAddr;
use std::time::Duration;

use crate::client::IpFamily;

/// The addresses of one family of a name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// `V4` asks for A records, `V6` for AAAA records.
    pub family: IpFamily,
    /// The name, always taken as fully qualified.
    pub name: String,
}

/// What DNS said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// There are such records.
    Addresses {
        /// The addresses in the order of the answer, each once.
        addrs: Vec<IpAddr>,
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
