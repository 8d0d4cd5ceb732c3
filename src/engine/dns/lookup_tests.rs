//! Look-ups against a DNS server on loopback that says what a test tells it to.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use super::*;
use crate::engine::EngineClock;
use crate::resolve::{
    plan, IpFamily, NaptrRecord, Plan, Policy, Query, QueryHost, QueryScheme, RecordKind, Records,
    Resolution, ResolveError, SrvRecord,
};

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const AAAA: u16 = 28;
const SRV: u16 = 33;
const NAPTR: u16 = 35;

/// No test waits longer for what has to come.
const PATIENCE: Duration = Duration::from_secs(8);

/// Asks one question.
async fn put(lookup: &Lookup, question: &Question) -> Answer {
    lookup.ask_until(question.clone(), lookup.clock.now() + lookup.limit).await
}

/// One record: owner, type, time to live, data.
type Rr = (&'static str, u16, u32, Vec<u8>);

#[derive(Default)]
struct Reply {
    rcode: u8,
    truncated: bool,
    answers: Vec<Rr>,
    authorities: Vec<Rr>,
}

fn a(owner: &'static str, ttl: u32, ip: [u8; 4]) -> Rr {
    (owner, A, ttl, ip.to_vec())
}

fn aaaa(owner: &'static str, ttl: u32, ip: &str) -> Rr {
    (owner, AAAA, ttl, ip.parse::<std::net::Ipv6Addr>().unwrap().octets().to_vec())
}

fn cname(owner: &'static str, ttl: u32, target: &str) -> Rr {
    (owner, CNAME, ttl, wire_name(target))
}

fn soa(ttl: u32, minimum: u32) -> Rr {
    let mut data = [wire_name("ns.example.net"), wire_name("admin.example.net")].concat();
    for number in [1, 2, 3, 4, minimum] {
        data.extend_from_slice(&u32::to_be_bytes(number));
    }
    ("example.net", SOA, ttl, data)
}

fn srv(owner: &'static str, numbers: [u16; 3], target: &str) -> Rr {
    let data = numbers.iter().flat_map(|n| n.to_be_bytes()).chain(wire_name(target));
    (owner, SRV, 60, data.collect())
}

fn naptr(owner: &'static str, numbers: [u16; 2], texts: [&str; 3], replacement: &str) -> Rr {
    let mut data: Vec<u8> = numbers.iter().flat_map(|n| n.to_be_bytes()).collect();
    for text in texts {
        data.push(text.len() as u8);
        data.extend_from_slice(text.as_bytes());
    }
    data.extend(wire_name(replacement));
    (owner, NAPTR, 60, data)
}

fn found(answers: Vec<Rr>) -> Option<Reply> {
    Some(Reply { answers, ..Reply::default() })
}

fn nothing(rcode: u8, authorities: Vec<Rr>) -> Option<Reply> {
    Some(Reply { rcode, authorities, ..Reply::default() })
}

fn wire_name(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        wire.push(label.len() as u8);
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}

/// The name and type asked for, and where the question ends.
fn question(query: &[u8]) -> (String, u16, usize) {
    let mut at = 12;
    let mut labels = Vec::new();
    while query[at] != 0 {
        let end = at + 1 + usize::from(query[at]);
        labels.push(String::from_utf8(query[at + 1..end].to_vec()).unwrap());
        at = end;
    }
    (labels.join("."), u16::from_be_bytes([query[at + 1], query[at + 2]]), at + 5)
}

fn wire(query: &[u8], reply: &Reply) -> Vec<u8> {
    let (_, _, end) = question(query);
    let mut out = query[..2].to_vec();
    out.extend_from_slice(&[0x81 | u8::from(reply.truncated) << 1, 0x80 | reply.rcode, 0, 1]);
    for count in [reply.answers.len(), reply.authorities.len(), 0] {
        out.extend_from_slice(&(count as u16).to_be_bytes());
    }
    out.extend_from_slice(&query[12..end]);
    for (owner, kind, ttl, data) in reply.answers.iter().chain(&reply.authorities) {
        out.extend_from_slice(&wire_name(owner));
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 1]);
        out.extend_from_slice(&ttl.to_be_bytes());
        out.extend_from_slice(&(data.len() as u16).to_be_bytes());
        out.extend_from_slice(data);
    }
    out
}

/// A server; `None` from its script is silence.
struct Server {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<(String, u16)>>>,
}

impl Server {
    async fn start(script: impl Fn(&str, u16) -> Option<Reply> + Send + 'static) -> Server {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let addr = socket.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
                let (name, kind, _) = question(&buffer[..length]);
                log.lock().unwrap().push((name.clone(), kind));
                if let Some(reply) = script(&name, kind) {
                    let _ = socket.send_to(&wire(&buffer[..length], &reply), peer).await;
                }
            }
        });
        Server { addr, asked }
    }

    fn asked(&self) -> Vec<(String, u16)> {
        self.asked.lock().unwrap().clone()
    }

    fn lookup(&self) -> Lookup {
        lookup(&[self.addr])
    }
}

fn lookup(servers: &[SocketAddr]) -> Lookup {
    let servers: Vec<_> = servers.iter().map(|addr| NameServer(*addr)).collect();
    Lookup::with_name_servers(&servers, Arc::new(EngineClock::default())).unwrap()
}

async fn ask(lookup: &Lookup, family: IpFamily, name: &str) -> Answer {
    let question = Question::new(family, name);
    tokio::time::timeout(PATIENCE, put(lookup, &question)).await.expect("an answer in time")
}

/// Asks for addresses alone.
fn profile() -> Policy {
    Policy { use_srv: false, ..Policy::default() }
}

fn targets(resolved: &Resolved) -> Vec<String> {
    let targets = resolved.resolution.targets(&profile(), &mut |_| 0).unwrap_or_default();
    targets.iter().map(|target| target.to_string()).collect()
}

fn inquiry(name: &str) -> Inquiry {
    let query = Query {
        scheme: QueryScheme::Sip,
        host: QueryHost::Domain(name.to_owned()),
        maddr: None,
        port: None,
        transport: None,
    };
    match plan(&query, &profile()) {
        Plan::Ask(inquiry) => inquiry,
        other => panic!("{other:?}"),
    }
}

fn answer(addrs: &[&str], ttl: u64) -> Answer {
    let addrs = addrs.iter().map(|ip| ip.parse().unwrap()).collect();
    Answer::Found { records: Records::Addresses(addrs), ttl: Duration::from_secs(ttl) }
}

#[tokio::test]
async fn addresses_come_with_the_smallest_ttl() {
    let server = Server::start(|_, kind| match kind {
        A => found(vec![a("h.example.net", 90, [10, 0, 0, 1]), a("h.example.net", 60, [10, 0, 0, 2])]),
        _ => found(vec![aaaa("h.example.net", 70, "2001:db8::1")]),
    })
    .await;
    let lookup = server.lookup();
    assert_eq!(ask(&lookup, IpFamily::V4, "h.example.net").await, answer(&["10.0.0.1", "10.0.0.2"], 60));
    assert_eq!(ask(&lookup, IpFamily::V6, "h.example.net").await, answer(&["2001:db8::1"], 70));
}

#[tokio::test]
async fn both_families_are_asked_at_the_same_time() {
    // Says nothing to a question before the other one came; each is asked again when nothing comes.
    let seen = Mutex::new([false; 2]);
    let server = Server::start(move |_, kind| {
        let mut seen = seen.lock().unwrap();
        seen[usize::from(kind == A)] = true;
        match (kind, *seen) {
            (A, [true, true]) => found(vec![a("h.example.net", 60, [10, 0, 0, 1])]),
            (AAAA, [true, true]) => found(vec![aaaa("h.example.net", 60, "::5")]),
            _ => None,
        }
    })
    .await;
    let resolve = server.lookup();
    let resolved = tokio::time::timeout(PATIENCE, resolve.resolve(inquiry("h.example.net"))).await.unwrap();
    assert_eq!(resolved.keep, Some(Duration::from_secs(60)));
    assert_eq!(targets(&resolved), ["udp:[::5]:5060", "udp:10.0.0.1:5060"]);
}

#[tokio::test]
async fn services_and_servers_are_read_as_they_are() {
    let server = Server::start(|name, kind| match (name, kind) {
        ("example.net", NAPTR) => found(vec![
            naptr("example.net", [65_535, 10], ["s", "SIP+D2T", ""], "_sip._tcp.example.org"),
            naptr("example.net", [0, 1], ["u", "E2U+sip", "!^.*$!sip:x@y!"], "."),
        ]),
        ("_sip._udp.example.net", SRV) => found(vec![
            srv("_sip._udp.example.net", [65_535, 0, 5060], "A.example.net"),
            srv("_sip._udp.example.net", [0, 65_535, 0], "."),
        ]),
        ("alias.example.net", SRV) => found(vec![
            cname("alias.example.net", 20, "real.example.net"),
            srv("real.example.net", [1, 2, 3], "h"),
        ]),
        _ => nothing(3, vec![soa(60, 30)]),
    })
    .await;
    let lookup = server.lookup();
    let ask = |kind: RecordKind, name: &str| {
        let (lookup, question) = (lookup.clone(), Question::new(kind, name));
        async move { tokio::time::timeout(PATIENCE, put(&lookup, &question)).await.expect("an answer in time") }
    };
    let naptr = |order, preference, flags: &str, services: &str, replacement: &str| NaptrRecord {
        order,
        preference,
        flags: flags.into(),
        services: services.into(),
        replacement: replacement.to_owned(),
    };
    let srv = |priority, weight, port, target: &str| SrvRecord {
        priority,
        weight,
        port,
        target: target.to_owned(),
    };
    let minute = Duration::from_secs(60);
    let expected =
        vec![naptr(65_535, 10, "s", "SIP+D2T", "_sip._tcp.example.org."), naptr(0, 1, "u", "E2U+sip", ".")];
    assert_eq!(
        ask(RecordKind::Naptr, "Example.NET").await,
        Answer::Found { records: Records::Naptr(expected), ttl: minute }
    );
    let expected = vec![srv(65_535, 0, 5060, "A.example.net."), srv(0, 65_535, 0, ".")];
    assert_eq!(
        ask(RecordKind::Srv, "_sip._udp.example.net").await,
        Answer::Found { records: Records::Srv(expected), ttl: minute }
    );
    let expected = Records::Srv(vec![srv(1, 2, 3, "h.")]);
    assert_eq!(
        ask(RecordKind::Srv, "alias.example.net").await,
        Answer::Found { records: expected, ttl: Duration::from_secs(20) }
    );
    assert!(matches!(
        ask(RecordKind::Srv, "_sip._tcp.example.net").await,
        Answer::NoSuchRecord { ttl: Some(_) }
    ));
}

#[tokio::test]
async fn a_record_type_that_is_never_answered_leaves_time_for_the_others() {
    let server = Server::start(|name, kind| match kind {
        NAPTR => None,
        A if name == "example.net" => found(vec![a("example.net", 60, [10, 0, 0, 1])]),
        _ => nothing(3, vec![soa(60, 30)]),
    })
    .await;
    let lookup = Lookup { limit: Duration::from_secs(2), ..server.lookup() };
    let open = QueryHost::Domain("example.net".to_owned());
    let query = Query { scheme: QueryScheme::Sip, host: open, maddr: None, port: None, transport: None };
    let Plan::Ask(inquiry) = plan(&query, &Policy::default()) else { panic!("no question") };
    let resolved = tokio::time::timeout(PATIENCE, lookup.resolve(inquiry)).await.unwrap();
    assert_eq!(targets(&resolved), ["udp:10.0.0.1:5060"]);
    assert_eq!(resolved.keep, None);
}

#[tokio::test]
async fn no_such_name_is_told_with_the_ttl_of_the_soa() {
    let server = Server::start(|name, _| match name {
        "gone.example.net" => nothing(3, vec![soa(60, 30)]),
        "short.example.net" => nothing(3, vec![soa(20, 30)]),
        "empty.example.net" => nothing(0, vec![soa(60, 30)]),
        _ => nothing(3, Vec::new()),
    })
    .await;
    let lookup = server.lookup();
    let denied = |ttl: Option<u64>| Answer::NoSuchRecord { ttl: ttl.map(Duration::from_secs) };
    assert_eq!(ask(&lookup, IpFamily::V4, "gone.example.net").await, denied(Some(30)));
    assert_eq!(ask(&lookup, IpFamily::V4, "short.example.net").await, denied(Some(20)));
    assert_eq!(ask(&lookup, IpFamily::V6, "empty.example.net").await, denied(Some(30)));
    assert_eq!(ask(&lookup, IpFamily::V4, "nosoa.example.net").await, denied(None));
    let resolved = lookup.resolve(inquiry("gone.example.net")).await;
    assert_eq!(*resolved.resolution, Resolution::Failed(ResolveError::NoDnsResolution));
    assert_eq!(resolved.keep, Some(Duration::from_secs(30)));
}

#[tokio::test]
async fn a_server_that_fails_knows_nothing() {
    let server =
        Server::start(|name, _| nothing(if name.starts_with("refused") { 5 } else { 2 }, Vec::new())).await;
    let lookup = server.lookup();
    assert_eq!(ask(&lookup, IpFamily::V4, "servfail.example.net").await, Answer::Unavailable);
    assert_eq!(ask(&lookup, IpFamily::V4, "refused.example.net").await, Answer::Unavailable);
    let resolved = lookup.resolve(inquiry("servfail.example.net")).await;
    assert_eq!(*resolved.resolution, Resolution::Failed(ResolveError::NoDnsResolution));
    assert_eq!(resolved.keep, None);
}

#[tokio::test]
async fn a_server_that_only_refers_to_others_knows_nothing() {
    let server =
        Server::start(|_, _| nothing(0, vec![("example.net", NS, 60, wire_name("ns.example.net"))])).await;
    assert_eq!(ask(&server.lookup(), IpFamily::V4, "h.example.net").await, Answer::Unavailable);
}

#[tokio::test]
async fn a_lost_datagram_is_repeated() {
    let lost = Mutex::new(true);
    let server = Server::start(move |_, _| {
        if std::mem::replace(&mut *lost.lock().unwrap(), false) {
            return None;
        }
        found(vec![a("h.example.net", 60, [10, 0, 0, 1])])
    })
    .await;
    assert_eq!(ask(&server.lookup(), IpFamily::V4, "h.example.net").await, answer(&["10.0.0.1"], 60));
}

/// Carries a future to its end by a clock that goes from one wait to the next once everybody has acted.
async fn by_moving<F: Future>(clock: &EngineClock, future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    loop {
        for _ in 0..3 {
            tokio::select! {
                biased;
                output = &mut future => return output,
                _ = tokio::spawn(async {}) => {}
            }
        }
        clock.move_to(clock.next_sleeper().expect("somebody waits"));
    }
}

#[tokio::test]
async fn silence_ends_after_ten_seconds_whatever_is_asked() {
    let silent = [Server::start(|_, _| None).await, Server::start(|_, _| None).await];
    let open = QueryHost::Domain("h.example.net".to_owned());
    let query = Query { scheme: QueryScheme::Sip, host: open, maddr: None, port: None, transport: None };
    let Plan::Ask(all) = plan(&query, &Policy::default()) else { panic!("no question") };
    for inquiry in [inquiry("h.example.net"), all] {
        let clock = Arc::new(EngineClock::default());
        clock.freeze();
        let start = clock.now();
        let lookup = Lookup { clock: clock.clone(), ..lookup(&[silent[0].addr, silent[1].addr]) };
        let resolved = by_moving(&clock, lookup.resolve(inquiry)).await;
        assert_eq!(*resolved.resolution, Resolution::Failed(ResolveError::NoDnsResolution));
        assert_eq!(resolved.keep, None);
        assert_eq!(clock.now() - start, RESOLUTION_LIMIT);
    }
    assert_eq!(RESOLUTION_LIMIT, Duration::from_secs(10));
}

#[tokio::test]
async fn one_silent_family_leaves_the_other_usable_but_nothing_to_keep() {
    let server = Server::start(|_, kind| match kind {
        A => found(vec![a("h.example.net", 60, [10, 0, 0, 1])]),
        _ => None,
    })
    .await;
    let lookup = Lookup { limit: Duration::from_millis(500), ..server.lookup() };
    let resolved = tokio::time::timeout(PATIENCE, lookup.resolve(inquiry("h.example.net"))).await.unwrap();
    assert_eq!(targets(&resolved).len(), 1);
    assert_eq!(resolved.keep, None);
}

#[tokio::test]
async fn cnames_are_followed_and_count_for_the_ttl() {
    let server = Server::start(|name, _| match name {
        "whole.example.net" => found(vec![
            cname("whole.example.net", 40, "x.example.org"),
            a("x.example.org", 90, [10, 0, 0, 1]),
        ]),
        "hop.example.net" => found(vec![cname("hop.example.net", 50, "y.example.org")]),
        "y.example.org" => found(vec![a("y.example.org", 80, [10, 0, 0, 2])]),
        "dead.example.net" => found(vec![cname("dead.example.net", 50, "z.example.org")]),
        _ => nothing(3, vec![soa(60, 30)]),
    })
    .await;
    let lookup = server.lookup();
    assert_eq!(ask(&lookup, IpFamily::V4, "whole.example.net").await, answer(&["10.0.0.1"], 40));
    assert_eq!(ask(&lookup, IpFamily::V4, "hop.example.net").await, answer(&["10.0.0.2"], 50));
    let gone = Answer::NoSuchRecord { ttl: Some(Duration::from_secs(30)) };
    assert_eq!(ask(&lookup, IpFamily::V4, "dead.example.net").await, gone);
}

#[tokio::test]
async fn a_cname_that_leads_to_itself_ends() {
    let server = Server::start(|name, _| match name {
        "a.example.net" => found(vec![cname("a.example.net", 50, "b.example.net")]),
        _ => found(vec![cname("b.example.net", 50, "a.example.net")]),
    })
    .await;
    let answer = ask(&server.lookup(), IpFamily::V4, "a.example.net").await;
    assert!(matches!(answer, Answer::Unavailable | Answer::NoSuchRecord { ttl: None }), "{answer:?}");
}

#[tokio::test]
async fn records_of_other_names_are_not_taken() {
    let server = Server::start(|_, _| {
        found(vec![a("evil.example.org", 60, [6, 6, 6, 6]), a("h.example.net", 60, [10, 0, 0, 1])])
    })
    .await;
    assert_eq!(ask(&server.lookup(), IpFamily::V4, "H.Example.net").await, answer(&["10.0.0.1"], 60));
}

#[tokio::test]
async fn names_are_complete_and_nothing_is_remembered() {
    let server = Server::start(|_, _| nothing(3, vec![soa(60, 30)])).await;
    let lookup = server.lookup();
    for name in ["intranet", "h.example.net", "h.example.net."] {
        assert!(matches!(ask(&lookup, IpFamily::V4, name).await, Answer::NoSuchRecord { .. }));
    }
    let asked: Vec<_> = server.asked().into_iter().map(|(name, _)| name).collect();
    assert_eq!(asked, ["intranet", "h.example.net", "h.example.net"]);
}

#[tokio::test]
async fn text_that_is_no_name_is_not_asked_for() {
    let server = Server::start(|_, _| None).await;
    let long = "a".repeat(64);
    for name in ["", ".", "a..b", long.as_str(), "ex ample\u{fc}.net"] {
        assert_eq!(ask(&server.lookup(), IpFamily::V4, name).await, Answer::Unavailable, "{name:?}");
    }
    assert_eq!(server.asked(), []);
}

#[tokio::test]
async fn the_next_server_is_asked_at_once_when_one_fails() {
    let failing = Server::start(|_, _| nothing(2, Vec::new())).await;
    let good = Server::start(|_, _| found(vec![a("h.example.net", 60, [10, 0, 0, 1])])).await;
    let lookup = Lookup { next_after: Duration::from_secs(3600), ..lookup(&[failing.addr, good.addr]) };
    assert_eq!(ask(&lookup, IpFamily::V4, "h.example.net").await, answer(&["10.0.0.1"], 60));
    assert_eq!((failing.asked().len(), good.asked().len()), (1, 1));
}

#[tokio::test]
async fn the_next_server_is_asked_too_when_one_is_silent() {
    let silent = Server::start(|_, _| None).await;
    let good = Server::start(|_, _| found(vec![a("h.example.net", 60, [10, 0, 0, 1])])).await;
    let lookup = Lookup { next_after: Duration::from_millis(50), ..lookup(&[silent.addr, good.addr]) };
    assert_eq!(ask(&lookup, IpFamily::V4, "h.example.net").await, answer(&["10.0.0.1"], 60));
    assert!(!silent.asked().is_empty());
}

/// An address where nobody listens.
async fn closed_port() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_server_whose_port_is_closed_costs_no_time() {
    let good = Server::start(|_, _| found(vec![a("h.example.net", 60, [10, 0, 0, 1])])).await;
    let next_after = Duration::from_secs(3600);
    let both = Lookup { next_after, ..lookup(&[closed_port().await, good.addr]) };
    assert_eq!(ask(&both, IpFamily::V4, "h.example.net").await, answer(&["10.0.0.1"], 60));
    // Alone it ends the look-up at once: a repeated datagram would meet the same.
    let alone = Lookup { limit: Duration::from_secs(3600), ..lookup(&[closed_port().await]) };
    assert_eq!(ask(&alone, IpFamily::V4, "h.example.net").await, Answer::Unavailable);
}

#[tokio::test]
async fn a_silent_server_is_asked_last_until_it_answers_again() {
    let silent = Server::start(|_, _| None).await;
    let good = Server::start(|_, _| found(vec![a("h.example.net", 60, [10, 0, 0, 1])])).await;
    let lookup = Lookup { next_after: Duration::from_millis(50), ..lookup(&[silent.addr, good.addr]) };
    ask(&lookup, IpFamily::V4, "h.example.net").await;
    let now = lookup.clock.now();
    assert!(lookup.servers[0].is_shunned(now) && !lookup.servers[1].is_shunned(now));
    assert_eq!(lookup.in_order(), [1, 0]);
    let patient = Lookup { next_after: Duration::from_secs(3600), ..lookup.clone() };
    assert_eq!(ask(&patient, IpFamily::V4, "h.example.net").await, answer(&["10.0.0.1"], 60));
    lookup.servers[0].trust();
    assert_eq!(lookup.in_order(), [0, 1]);
}

#[tokio::test]
async fn questions_beyond_the_bound_wait_for_their_turn() {
    let server = Server::start(|_, _| found(vec![a("h.example.net", 60, [10, 0, 0, 1])])).await;
    let lookup = Lookup { turns: Arc::new(Semaphore::new(1)), ..server.lookup() };
    let questions = vec![Question::new(IpFamily::V4, "h.example.net"); 50];
    let deadline = lookup.clock.now() + PATIENCE;
    let answers = lookup.ask_all(&questions, deadline).await;
    assert_eq!(answers, vec![answer(&["10.0.0.1"], 60); 50]);
    let _all = lookup.turns.acquire().await.unwrap();
    let soon = lookup.clock.now() + Duration::from_millis(50);
    assert_eq!(lookup.ask_all(&questions[..1], soon).await, [Answer::Unavailable]);
}

/// Longer than the library goes on for one question.
#[tokio::test]
async fn a_single_server_that_loses_the_first_questions_is_asked_again() {
    let start = std::time::Instant::now();
    let server = Server::start(move |_, _| {
        let lost = start.elapsed() < Duration::from_secs(2);
        if lost {
            None
        } else {
            found(vec![a("h.example.net", 60, [10, 0, 0, 1])])
        }
    })
    .await;
    assert_eq!(ask(&server.lookup(), IpFamily::V4, "h.example.net").await, answer(&["10.0.0.1"], 60));
}

#[tokio::test]
async fn the_first_server_decides_while_it_answers() {
    let first = Server::start(|_, _| nothing(3, vec![soa(60, 30)])).await;
    let second = Server::start(|_, _| found(vec![a("h.example.net", 60, [10, 0, 0, 1])])).await;
    let lookup = Lookup { next_after: PATIENCE, ..lookup(&[first.addr, second.addr]) };
    assert!(matches!(ask(&lookup, IpFamily::V4, "h.example.net").await, Answer::NoSuchRecord { .. }));
    assert_eq!(second.asked(), []);
}

#[tokio::test]
async fn a_truncated_answer_is_asked_for_again_over_tcp() {
    let server = Server::start(|_, _| Some(Reply { truncated: true, ..Reply::default() })).await;
    let listener = TcpListener::bind(server.addr).await.unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            while let Ok(length) = stream.read_u16().await {
                let mut query = vec![0; usize::from(length)];
                stream.read_exact(&mut query).await.unwrap();
                let reply =
                    Reply { answers: vec![a("h.example.net", 60, [10, 0, 0, 1])], ..Reply::default() };
                let reply = wire(&query, &reply);
                stream.write_u16(reply.len() as u16).await.unwrap();
                stream.write_all(&reply).await.unwrap();
            }
        }
    });
    assert_eq!(ask(&server.lookup(), IpFamily::V4, "h.example.net").await, answer(&["10.0.0.1"], 60));
}

#[test]
fn without_a_name_server_there_is_no_resolver() {
    assert!(matches!(
        Lookup::with_name_servers(&[], Arc::new(EngineClock::default())),
        Err(LookupError::NoNameServer)
    ));
}

#[test]
fn a_name_server_without_a_port_listens_on_53() {
    let ip: IpAddr = "2001:db8::53".parse().unwrap();
    assert_eq!(NameServer::from(ip).0, "[2001:db8::53]:53".parse().unwrap());
}
