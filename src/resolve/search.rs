//! The procedure of RFC 3263 4 for a domain: NAPTR, then SRV, then A and AAAA.
//!
//! It is written as if all answers were known and is run again each time that some have come: what it misses is what
//! has to be asked next.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::error::ResolveError;
use super::facts::Facts;
use super::question::{NaptrRecord, RecordKind, SrvRecord};
use super::resolution::Resolution;
use super::service::{Server, Service};
use super::target::{is_unicast, IpFamily};
use crate::message::Transport;

/// The most services of a domain that are looked at: DNS may say anything.
const MAX_SERVICES: usize = 10;
/// The most servers whose addresses are looked up.
const MAX_SERVERS: usize = 200;
/// The most addresses of one resolution.
const MAX_ADDRESSES: usize = 500;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Search {
    /// The domain.
    pub(super) name: String,
    /// The port, if the destination has one.
    pub(super) port: Option<u16>,
    /// The transports that may be used, the preferred one first.
    pub(super) transports: Vec<Transport>,
    /// The families that may be used.
    pub(super) families: Vec<IpFamily>,
    /// NAPTR records are asked for.
    pub(super) naptr: bool,
    /// SRV records are asked for.
    pub(super) srv: bool,
    /// The order of `transports` outweighs that of NAPTR records.
    pub(super) force_preference: bool,
}

/// What SRV records led to.
struct Servers {
    services: Vec<Service>,
    /// There are SRV records with servers, whether or not these have addresses.
    exist: bool,
    /// The transports by which DNS says that the domain is not to be reached.
    denied: Vec<Transport>,
}

impl Search {
    /// The resolution, or `None` when facts are missing.
    pub(super) fn run(&self, facts: &mut Facts<'_>) -> Option<Resolution> {
        if self.naptr {
            let services = self.services_by_naptr(facts)?;
            let servers = self.servers(facts, &services)?;
            if !servers.services.is_empty() {
                return Some(Resolution::Found(servers.services));
            }
        }
        let mut transports = self.transports.clone();
        if self.srv {
            let servers = self.servers(facts, &self.services_by_preference())?;
            if servers.exist {
                return Some(found(servers.services));
            }
            transports.retain(|transport| !servers.denied.contains(transport));
        }
        self.host(facts, &transports)
    }

    /// RFC 3263 4.1: the services that the domain offers and we can use, best first.
    fn services_by_naptr(&self, facts: &mut Facts<'_>) -> Option<Vec<(Transport, String)>> {
        let records = facts.get(RecordKind::Naptr, &self.name)?.naptr();
        let mut usable: Vec<_> = records
            .iter()
            .filter_map(|record| Some((self.place(naptr_transport(record)?)?, record)))
            .collect();
        // A stable sort: what is equal keeps the order of the answer.
        usable.sort_by_key(|(place, record)| {
            let forced = if self.force_preference { *place } else { 0 };
            (forced, record.order, record.preference)
        });
        let mut services = Vec::new();
        for (place, record) in usable {
            let service = (self.transports[place], record.replacement.to_ascii_lowercase());
            if !services.contains(&service) && services.len() < MAX_SERVICES {
                services.push(service);
            }
        }
        Some(services)
    }

    /// Where a transport stands among those that may be used.
    fn place(&self, transport: Transport) -> Option<usize> {
        self.transports.iter().position(|other| *other == transport)
    }

    /// RFC 3263 4.2: the names of SRV records that follow from the transports alone.
    fn services_by_preference(&self) -> Vec<(Transport, String)> {
        let name = |transport| match transport {
            Transport::Udp => format!("_sip._udp.{}", self.name),
            Transport::Tls => format!("_sips._tcp.{}", self.name),
            _ => format!("_sip._tcp.{}", self.name),
        };
        self.transports.iter().map(|transport| (*transport, name(*transport))).collect()
    }

    /// The servers of services, with their addresses. All services are asked for at once, and then all servers.
    fn servers(&self, facts: &mut Facts<'_>, services: &[(Transport, String)]) -> Option<Servers> {
        let answers: Vec<_> = services.iter().map(|(_, name)| facts.get(RecordKind::Srv, name)).collect();
        let answers = answers.into_iter().collect::<Option<Vec<_>>>()?;
        let mut result = Servers { services: Vec::new(), exist: false, denied: Vec::new() };
        let mut room = MAX_SERVERS;
        let mut complete = true;
        let mut addresses = Addresses::new(self);
        for ((transport, _), answer) in services.iter().zip(answers) {
            let mut records: Vec<&SrvRecord> =
                answer.srv().iter().filter(|record| record.target != ".").collect();
            if records.is_empty() && !answer.srv().is_empty() {
                result.denied.push(*transport);
            }
            records.sort_by_key(|record| record.priority);
            records.truncate(room);
            room -= records.len();
            result.exist |= !records.is_empty();
            let mut servers = Vec::with_capacity(records.len());
            for record in records {
                match addresses.of(facts, &record.target) {
                    Some(addrs) if !addrs.is_empty() => servers.push(Server {
                        priority: record.priority,
                        weight: record.weight,
                        port: record.port,
                        addrs,
                    }),
                    Some(_) => {}
                    None => complete = false,
                }
            }
            if !servers.is_empty() {
                result.services.push(Service { transport: *transport, servers });
            }
        }
        complete.then_some(result)
    }

    /// RFC 3263 4.2, the end: the addresses of the domain itself.
    fn host(&self, facts: &mut Facts<'_>, transports: &[Transport]) -> Option<Resolution> {
        let in_order = [Transport::Udp, Transport::Tcp, Transport::Tls];
        let Some(transport) = in_order.into_iter().find(|transport| transports.contains(transport)) else {
            return Some(Resolution::Failed(ResolveError::NoDnsResolution));
        };
        facts.ask_last();
        let addrs = Addresses::new(self).of(facts, &self.name)?;
        let port = self.port.unwrap_or(transport.default_port());
        Some(found(match addrs.is_empty() {
            true => Vec::new(),
            false => {
                vec![Service { transport, servers: vec![Server { priority: 0, weight: 0, port, addrs }] }]
            }
        }))
    }
}

fn found(services: Vec<Service>) -> Resolution {
    match services.is_empty() {
        true => Resolution::Failed(ResolveError::NoDnsResolution),
        false => Resolution::Found(services),
    }
}

/// The transport of a NAPTR record that leads to SRV records of SIP (RFC 3263 4.1).
fn naptr_transport(record: &NaptrRecord) -> Option<Transport> {
    if !record.flags.eq_ignore_ascii_case(b"s") || record.replacement == "." {
        return None;
    }
    let services: [(&[u8], Transport); 3] =
        [(b"SIPS+D2T", Transport::Tls), (b"SIP+D2T", Transport::Tcp), (b"SIP+D2U", Transport::Udp)];
    let known = services.into_iter().find(|(name, _)| record.services.eq_ignore_ascii_case(name))?;
    Some(known.1)
}

/// Looks the addresses of hosts up, no more than a bounded number of them.
struct Addresses<'s> {
    families: &'s [IpFamily],
    room: usize,
}

impl<'s> Addresses<'s> {
    fn new(search: &'s Search) -> Self {
        Addresses { families: &search.families, room: MAX_ADDRESSES }
    }

    /// The addresses of a host in all families, as far as they are those of one host, or `None` when an answer is missing.
    fn of(&mut self, facts: &mut Facts<'_>, host: &str) -> Option<Vec<IpAddr>> {
        let answers: Vec<_> = self.families.iter().map(|family| facts.get(*family, host)).collect();
        let answers = answers.into_iter().collect::<Option<Vec<_>>>()?;
        let mut seen = BTreeSet::new();
        let addrs = answers.into_iter().flat_map(|answer| answer.addresses()).copied();
        let addrs: Vec<_> = addrs.filter(|ip| is_unicast(*ip) && seen.insert(*ip)).take(self.room).collect();
        self.room -= addrs.len();
        Some(addrs)
    }
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
