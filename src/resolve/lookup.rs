//! Asks DNS, through hickory-resolver.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::{system_conf, TokioResolver};
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::{timeout_at, Instant};

use super::plan::{Inquiry, Progress};
use super::question::{Answer, Question};
use super::resolution::{Resolution, Resolved};
use crate::client::{IpFamily, RouteError};

/// The time a whole resolution may take, all its questions together.
pub const RESOLUTION_LIMIT: Duration = Duration::from_secs(10);

/// How long one name server may stay silent before the next one is asked as well.
const NEXT_SERVER_AFTER: Duration = Duration::from_secs(1);

/// The port of DNS.
const DNS_PORT: u16 = 53;

/// A name server's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameServer(pub SocketAddr);

impl From<IpAddr> for NameServer {
    fn from(ip: IpAddr) -> Self {
        NameServer(SocketAddr::new(ip, DNS_PORT))
    }
}

/// The resolver cannot be set up.
#[derive(Debug, Error)]
pub enum LookupError {
    /// There is no name server to ask.
    #[error("no name server is configured")]
    NoNameServer,
    /// The library refuses the configuration.
    #[error("the resolver cannot be set up: {0}")]
    Setup(String),
}

/// Name servers in their order. Cheap to clone; has to be used inside a tokio runtime.
///
/// The servers are asked in order: the next one at once when one fails, and beside it when it stays silent for a
/// second. Nothing is remembered here: the DNS cache is the profile's.
#[derive(Clone)]
pub struct Lookup {
    servers: Arc<[TokioResolver]>,
    limit: Duration,
    next_after: Duration,
}

impl std::fmt::Debug for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lookup").field("servers", &self.servers.len()).finish_non_exhaustive()
    }
}

impl Lookup {
    /// The name servers of `/etc/resolv.conf`. Its search list is not used: SIP domains are complete names. Where it names
    /// none or cannot be read, the local machine is asked, as resolv.conf(5) says.
    pub fn system() -> Result<Lookup, LookupError> {
        match system_conf::read_system_conf() {
            Ok((config, _)) => Lookup::from_configs(config.name_servers().to_vec()),
            Err(error) => {
                tracing::warn!(%error, "no name server in the system's configuration, asking 127.0.0.1");
                Lookup::with_name_servers(&[NameServer::from(IpAddr::V4(Ipv4Addr::LOCALHOST))])
            }
        }
    }

    /// The given name servers.
    pub fn with_name_servers(servers: &[NameServer]) -> Result<Lookup, LookupError> {
        let configs = servers.iter().map(|NameServer(addr)| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = addr.port();
                connection
            });
            NameServerConfig::new(addr.ip(), true, connections.to_vec())
        });
        Lookup::from_configs(configs.collect())
    }

    fn from_configs(configs: Vec<NameServerConfig>) -> Result<Lookup, LookupError> {
        if configs.is_empty() {
            return Err(LookupError::NoNameServer);
        }
        // One resolver for each server: the order and the moment of going on to the next are ours.
        let servers = configs.into_iter().map(|config| {
            let config = ResolverConfig::from_parts(None, Vec::new(), vec![config]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
                .with_options(options())
                .build()
                .map_err(|error| LookupError::Setup(error.to_string()))
        });
        let servers = servers.collect::<Result<Vec<_>, _>>()?;
        Ok(Lookup { servers: servers.into(), limit: RESOLUTION_LIMIT, next_after: NEXT_SERVER_AFTER })
    }

    /// Carries an inquiry to its end: asks, tells, asks again. Takes 10 seconds at most; what is not known by then counts
    /// as unavailable.
    pub async fn resolve(&self, mut inquiry: Inquiry) -> Resolved {
        let deadline = Instant::now() + self.limit;
        loop {
            let answers = self.ask_all(inquiry.questions(), deadline).await;
            match inquiry.told(answers) {
                Progress::Done(resolved) => return resolved,
                Progress::Ask(_) if Instant::now() >= deadline => {
                    let failed = Resolution::Failed(RouteError::NoDnsResolution);
                    return Resolved { resolution: Arc::new(failed), keep: None };
                }
                Progress::Ask(next) => inquiry = next,
            }
        }
    }

    /// Asks one question; takes 10 seconds at most.
    pub async fn ask(&self, question: &Question) -> Answer {
        self.clone().ask_until(question.clone(), Instant::now() + self.limit).await
    }

    /// Asks all questions at the same time; the answers stand in the order of the questions.
    async fn ask_all(&self, questions: &[Question], deadline: Instant) -> Vec<Answer> {
        let mut tasks = JoinSet::new();
        for (at, question) in questions.iter().enumerate() {
            let (lookup, question) = (self.clone(), question.clone());
            tasks.spawn(async move { (at, lookup.ask_until(question, deadline).await) });
        }
        let mut answers = vec![Answer::Unavailable; questions.len()];
        while let Some(done) = tasks.join_next().await {
            if let Ok((at, answer)) = done {
                answers[at] = answer;
            }
        }
        answers
    }

    async fn ask_until(self, question: Question, deadline: Instant) -> Answer {
        let Some(name) = absolute_name(&question.name) else {
            return Answer::Unavailable;
        };
        let kind = match question.family {
            IpFamily::V4 => RecordType::A,
            IpFamily::V6 => RecordType::AAAA,
        };
        // Dropped at the deadline together with what is still being asked.
        let mut asked = JoinSet::new();
        let mut waiting = self.servers.iter();
        while let Some(server) = waiting.next() {
            let (server, query) = (server.clone(), name.clone());
            asked.spawn(async move { read(&query, server.lookup(query.clone(), kind).await) });
            let last = waiting.len() == 0;
            let patience = match last {
                true => deadline,
                false => deadline.min(Instant::now() + self.next_after),
            };
            // An error of one server leaves the others that are being asked the rest of the time.
            while let Ok(Some(done)) = timeout_at(patience, asked.join_next()).await {
                match done {
                    Ok(Answer::Unavailable) | Err(_) if !last => break,
                    Ok(Answer::Unavailable) | Err(_) => {}
                    Ok(answer) => return answer,
                }
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        Answer::Unavailable
    }
}

fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.ndots = 0;
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    // The library repeats a datagram that stays unanswered; a server that answered with a failure is not asked again.
    options.timeout = RESOLUTION_LIMIT;
    options.attempts = 0;
    // CNAMEs count for the time to live.
    options.preserve_intermediates = true;
    options
}

/// The name as one that no search list is applied to; `None` if it cannot be a name.
fn absolute_name(text: &str) -> Option<Name> {
    let mut name = Name::from_ascii(text).ok()?;
    name.set_fqdn(true);
    (!name.is_root()).then_some(name)
}

fn read(name: &Name, result: Result<hickory_resolver::lookup::Lookup, NetError>) -> Answer {
    match result {
        Ok(lookup) => addresses(name, lookup.answers()),
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => match (&none.ns, &none.soa) {
            // A referral: this server does not resolve for us, so it does not know.
            (Some(_), None) => Answer::Unavailable,
            _ => Answer::NoSuchRecord { ttl: none.negative_ttl.map(|s| Duration::from_secs(s.into())) },
        },
        Err(_) => Answer::Unavailable,
    }
}

/// The addresses of `name` in an answer section: its own, and those of the names its CNAMEs lead to.
fn addresses(name: &Name, records: &[Record]) -> Answer {
    let mut owner = name.clone();
    let mut ttl = u32::MAX;
    // A CNAME chain visits each record once at most.
    for _ in 0..=records.len() {
        let own = || records.iter().filter(|record| record.name == owner);
        let mut addrs: Vec<IpAddr> = Vec::new();
        for record in own() {
            let ip = match &record.data {
                RData::A(a) => IpAddr::V4(a.0),
                RData::AAAA(aaaa) => IpAddr::V6(aaaa.0),
                _ => continue,
            };
            ttl = ttl.min(record.ttl);
            if !addrs.contains(&ip) {
                addrs.push(ip);
            }
        }
        if !addrs.is_empty() {
            return Answer::Addresses { addrs, ttl: Duration::from_secs(ttl.into()) };
        }
        let next = own().find_map(|record| match &record.data {
            RData::CNAME(target) => Some((target.0.clone(), record.ttl)),
            _ => None,
        });
        match next {
            Some((target, cname_ttl)) => {
                ttl = ttl.min(cname_ttl);
                owner = target;
            }
            None => break,
        }
    }
    // Records, but none that answers: not a denial.
    Answer::Unavailable
}

#[cfg(test)]
#[path = "lookup_tests.rs"]
mod tests;
