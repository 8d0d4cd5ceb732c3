//! DNS in a simulation: what the name servers know, and how they behave.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::resolve::{Answer, NaptrRecord, Question, RecordKind, Records, SrvRecord};

/// How many names that are aliases of each other are followed.
const MAX_ALIASES: usize = 8;

/// How a name is answered for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The name servers say SERVFAIL.
    ServerFailure,
    /// The name servers stay silent.
    Silence,
}

/// What a name server says at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    Answer(Answer),
    Silence,
}

/// All that DNS knows. A name without records does not exist (NXDOMAIN).
#[derive(Debug)]
pub struct Zone {
    records: BTreeMap<(String, u8), (Records, Duration)>,
    aliases: BTreeMap<String, (String, Duration)>,
    trouble: BTreeMap<String, Trouble>,
    ttl: Duration,
    negative_ttl: Option<Duration>,
    delay: Duration,
}

impl Default for Zone {
    fn default() -> Zone {
        Zone {
            records: BTreeMap::new(),
            aliases: BTreeMap::new(),
            trouble: BTreeMap::new(),
            ttl: Duration::from_secs(60),
            negative_ttl: None,
            delay: Duration::from_millis(20),
        }
    }
}

impl Zone {
    /// The time to live of the records that are added from now on; 60 s at first.
    pub fn set_ttl(&mut self, ttl: Duration) -> &mut Zone {
        self.ttl = ttl;
        self
    }

    /// How long it may be remembered that a name or record does not exist (RFC 2308 5); at first not at all.
    pub fn set_negative_ttl(&mut self, ttl: Option<Duration>) -> &mut Zone {
        self.negative_ttl = ttl;
        self
    }

    /// How long a name server takes to answer; 20 ms at first.
    pub fn set_delay(&mut self, delay: Duration) -> &mut Zone {
        self.delay = delay;
        self
    }

    /// Adds an A or AAAA record.
    pub fn address(&mut self, name: &str, ip: impl Into<IpAddr>) -> &mut Zone {
        let ip = ip.into();
        let kind = if ip.is_ipv4() { RecordKind::A } else { RecordKind::Aaaa };
        self.add(name, kind, Records::Addresses(vec![ip]))
    }

    /// Adds an SRV record (RFC 2782), such as for `_sip._udp.example.com`.
    pub fn srv(&mut self, name: &str, priority: u16, weight: u16, port: u16, target: &str) -> &mut Zone {
        let target = target.to_ascii_lowercase();
        self.add(name, RecordKind::Srv, Records::Srv(vec![SrvRecord { priority, weight, port, target }]))
    }

    /// Adds a NAPTR record (RFC 3263 4.1) with the flag `s`, such as for the service `SIP+D2U`.
    pub fn naptr(
        &mut self,
        name: &str,
        order: u16,
        preference: u16,
        service: &str,
        replacement: &str,
    ) -> &mut Zone {
        let record = NaptrRecord {
            order,
            preference,
            flags: b"s".to_vec(),
            services: service.as_bytes().to_vec(),
            replacement: replacement.to_ascii_lowercase(),
        };
        self.add(name, RecordKind::Naptr, Records::Naptr(vec![record]))
    }

    /// Makes a name an alias of another one (CNAME).
    pub fn alias(&mut self, name: &str, of: &str) -> &mut Zone {
        self.aliases.insert(name.to_ascii_lowercase(), (of.to_ascii_lowercase(), self.ttl));
        self
    }

    /// From now on questions about a name meet trouble.
    pub fn trouble(&mut self, name: &str, trouble: Trouble) -> &mut Zone {
        self.set_trouble(name, Some(trouble))
    }

    /// From now on questions about a name meet this trouble, or none.
    pub fn set_trouble(&mut self, name: &str, trouble: Option<Trouble>) -> &mut Zone {
        let name = name.to_ascii_lowercase();
        match trouble {
            Some(trouble) => self.trouble.insert(name, trouble),
            None => self.trouble.remove(&name),
        };
        self
    }

    /// Takes everything away that is known of a name, trouble included.
    pub fn forget(&mut self, name: &str) -> &mut Zone {
        let name = name.to_ascii_lowercase();
        self.records.retain(|(known, _), _| *known != name);
        self.aliases.remove(&name);
        self.trouble.remove(&name);
        self
    }

    fn add(&mut self, name: &str, kind: RecordKind, records: Records) -> &mut Zone {
        let key = (name.to_ascii_lowercase(), kind as u8);
        match (self.records.get_mut(&key), records) {
            (Some((Records::Addresses(known), _)), Records::Addresses(more)) => known.extend(more),
            (Some((Records::Srv(known), _)), Records::Srv(more)) => known.extend(more),
            (Some((Records::Naptr(known), _)), Records::Naptr(more)) => known.extend(more),
            (_, records) => {
                self.records.insert(key, (records, self.ttl));
            }
        }
        self
    }

    /// How long a name server takes.
    pub(super) fn delay(&self) -> Duration {
        self.delay
    }

    /// What a name server says to a question.
    pub(super) fn reply(&self, question: &Question) -> Reply {
        let mut name = &question.name;
        let mut ttl = Duration::MAX;
        for _ in 0..=MAX_ALIASES {
            match self.trouble.get(name) {
                Some(Trouble::Silence) => return Reply::Silence,
                Some(Trouble::ServerFailure) => return Reply::Answer(Answer::Unavailable),
                None => {}
            }
            if let Some((records, own)) = self.records.get(&(name.clone(), question.kind as u8)) {
                return Reply::Answer(Answer::Found { records: records.clone(), ttl: ttl.min(*own) });
            }
            let Some((next, own)) = self.aliases.get(name) else {
                let none = self.negative_ttl.map(|negative| negative.min(ttl));
                return Reply::Answer(Answer::NoSuchRecord { ttl: none });
            };
            (name, ttl) = (next, ttl.min(*own));
        }
        Reply::Answer(Answer::Unavailable)
    }
}
