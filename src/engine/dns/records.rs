//! From the library's answers to ours.

use std::net::IpAddr;
use std::time::Duration;

use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{DnsResponse, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use crate::resolve::{Answer, NaptrRecord, Question, RecordKind, Records, SrvRecord};

/// A server that gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It said that it cannot tell.
    Failed,
    /// It cannot be reached.
    Unreachable,
    /// It did not say anything in time.
    Silent,
}

/// The name asked for, as one that no search list is applied to; `None` if it cannot be a name.
pub(super) fn absolute_name(question: &Question) -> Option<Name> {
    let mut name = Name::from_ascii(&question.name).ok()?;
    name.set_fqdn(true);
    (!name.is_root()).then_some(name)
}

pub(super) fn record_type(kind: RecordKind) -> RecordType {
    match kind {
        RecordKind::A => RecordType::A,
        RecordKind::Aaaa => RecordType::AAAA,
        RecordKind::Srv => RecordType::SRV,
        RecordKind::Naptr => RecordType::NAPTR,
    }
}

/// What a response says.
#[derive(Debug)]
pub(super) enum RecordReading {
    /// The records, or that there are none.
    Answer(Answer),
    /// The name is an alias, and of what it leads to the response says nothing.
    Alias {
        /// The name to ask for.
        name: Name,
        /// How long the alias holds.
        ttl: Duration,
    },
}

pub(super) fn read(
    name: &Name,
    kind: RecordKind,
    result: Result<DnsResponse, NetError>,
) -> Result<RecordReading, Fault> {
    match result {
        Ok(response) => read_response(name, kind, &response),
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => match (&none.ns, &none.soa) {
            // A referral: this server does not resolve for us, so it does not know.
            (Some(_), None) => Err(Fault::Failed),
            _ => Ok(RecordReading::Answer(Answer::NoSuchRecord { ttl: none.negative_ttl.map(seconds) })),
        },
        Err(NetError::Timeout) => Err(Fault::Silent),
        Err(NetError::Io(_)) => Err(Fault::Unreachable),
        Err(_) => Err(Fault::Failed),
    }
}

/// The records of `name` in an answer section: its own, or those of the name that its CNAMEs lead to.
fn read_response(name: &Name, kind: RecordKind, response: &DnsResponse) -> Result<RecordReading, Fault> {
    let section = &response.answers;
    let mut owner = name.clone();
    let mut ttl = u32::MAX;
    // A CNAME chain visits each record once at most.
    for _ in 0..=section.len() {
        let own: Vec<&Record> = section.iter().filter(|record| record.name == owner).collect();
        let wanted: Vec<&Record> =
            own.iter().copied().filter(|record| record.record_type() == record_type(kind)).collect();
        if !wanted.is_empty() {
            let ttl = wanted.iter().fold(ttl, |ttl, record| ttl.min(record.ttl));
            let records = records(kind, &wanted);
            return Ok(RecordReading::Answer(Answer::Found { records, ttl: seconds(ttl) }));
        }
        let next = own.iter().find_map(|record| match &record.data {
            RData::CNAME(target) => Some((target.0.clone(), record.ttl)),
            _ => None,
        });
        let Some((next, next_ttl)) = next else { break };
        ttl = ttl.min(next_ttl);
        owner = next;
    }
    match response.negative_ttl() {
        // Records, but none that answers: not a denial.
        _ if owner == *name => Err(Fault::Failed),
        Some(denied) => {
            Ok(RecordReading::Answer(Answer::NoSuchRecord { ttl: Some(seconds(ttl.min(denied))) }))
        }
        None if response.response_code == ResponseCode::NXDomain => {
            Ok(RecordReading::Answer(Answer::NoSuchRecord { ttl: None }))
        }
        None => Ok(RecordReading::Alias { name: owner, ttl: seconds(ttl) }),
    }
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}

fn records(kind: RecordKind, wanted: &[&Record]) -> Records {
    let data = wanted.iter().map(|record| &record.data);
    match kind {
        RecordKind::A | RecordKind::Aaaa => {
            let mut addrs: Vec<IpAddr> = Vec::new();
            for data in data {
                match data {
                    RData::A(a) => addrs.push(IpAddr::V4(a.0)),
                    RData::AAAA(aaaa) => addrs.push(IpAddr::V6(aaaa.0)),
                    _ => {}
                }
            }
            Records::Addresses(addrs)
        }
        RecordKind::Srv => Records::Srv(data.filter_map(srv).collect()),
        RecordKind::Naptr => Records::Naptr(data.filter_map(naptr).collect()),
    }
}

fn srv(data: &RData) -> Option<SrvRecord> {
    let RData::SRV(srv) = data else { return None };
    Some(SrvRecord {
        priority: srv.priority,
        weight: srv.weight,
        port: srv.port,
        target: srv.target.to_ascii(),
    })
}

fn naptr(data: &RData) -> Option<NaptrRecord> {
    let RData::NAPTR(naptr) = data else { return None };
    Some(NaptrRecord {
        order: naptr.order,
        preference: naptr.preference,
        flags: naptr.flags.to_vec(),
        services: naptr.services.to_vec(),
        replacement: naptr.replacement.to_ascii(),
    })
}
