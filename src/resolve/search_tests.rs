//! Every branch of RFC 3263 4 for a domain, against zones written down as records.

use std::time::Duration;

use super::*;
use crate::resolve::{
    plan, Answer, Inquiry, InquiryProgress, Plan, Policy, Query, QueryHost, QueryScheme, QueryTransport,
    Records, Resolved, Target,
};

/// Records in zone file form, one a line, all with a time to live of 60 s but for what a line says itself. Names that do
/// not stand there are denied for 30 s; a line `name TYPE ?` makes that answer unavailable.
struct Zone(Vec<Vec<&'static str>>);

impl Zone {
    fn new(text: &'static str) -> Zone {
        let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        Zone(lines.filter(|line| !line.is_empty()).collect())
    }

    fn answer(&self, kind: RecordKind, name: &str) -> Answer {
        let type_name = match kind {
            RecordKind::A => "A",
            RecordKind::Aaaa => "AAAA",
            RecordKind::Srv => "SRV",
            RecordKind::Naptr => "NAPTR",
        };
        let lines: Vec<_> = self.0.iter().filter(|line| line[0] == name && line[1] == type_name).collect();
        if lines.iter().any(|line| line[2] == "?") {
            return Answer::Unavailable;
        }
        if lines.is_empty() {
            return Answer::NoSuchRecord { ttl: Some(Duration::from_secs(30)) };
        }
        let number = |line: &[&str], at: usize| line[at].parse::<u16>().unwrap();
        let records = match kind {
            RecordKind::A | RecordKind::Aaaa => {
                Records::Addresses(lines.iter().map(|line| line[2].parse().unwrap()).collect())
            }
            RecordKind::Srv => Records::Srv(
                lines
                    .iter()
                    .map(|line| SrvRecord {
                        priority: number(line, 2),
                        weight: number(line, 3),
                        port: number(line, 4),
                        target: line[5].to_owned(),
                    })
                    .collect(),
            ),
            RecordKind::Naptr => Records::Naptr(
                lines
                    .iter()
                    .map(|line| NaptrRecord {
                        order: number(line, 2),
                        preference: number(line, 3),
                        flags: line[4].as_bytes().to_vec(),
                        services: line[5].as_bytes().to_vec(),
                        replacement: line[6].to_owned(),
                    })
                    .collect(),
            ),
        };
        let ttl = lines.iter().filter_map(|line| line.last()?.strip_prefix("ttl=")?.parse().ok()).min();
        Answer::Found { records, ttl: Duration::from_secs(ttl.unwrap_or(60)) }
    }

    /// Resolves to the end: the outcome, and the questions of each step.
    fn resolve(&self, query: &Query, profile: &Policy) -> (Resolved, Vec<Vec<String>>) {
        let mut inquiry = match plan(query, profile) {
            Plan::Ask(inquiry) => inquiry,
            other => panic!("no question: {other:?}"),
        };
        let mut steps = Vec::new();
        loop {
            steps.push(questions(&inquiry));
            assert!(!inquiry.questions().is_empty() && steps.len() < 8, "{steps:?}");
            let answers = inquiry.questions().iter().map(|q| self.answer(q.kind, &q.name)).collect();
            match inquiry.told(answers) {
                InquiryProgress::Done(resolved) => return (resolved, steps),
                InquiryProgress::Ask(next) => inquiry = next,
            }
        }
    }

    /// The targets, drawn as ever the first one, or the code of the error.
    fn targets(&self, query: &Query, profile: &Policy) -> String {
        match self.resolve(query, profile).0.resolution.targets(profile, &mut |_| 0) {
            Ok(targets) => targets.iter().map(Target::to_string).collect::<Vec<_>>().join(" "),
            Err(error) => error.code().to_owned(),
        }
    }

    fn steps(&self, query: &Query, profile: &Policy) -> Vec<Vec<String>> {
        self.resolve(query, profile).1
    }

    fn kept(&self, query: &Query, profile: &Policy) -> Option<u64> {
        self.resolve(query, profile).0.keep.map(|time| time.as_secs())
    }
}

fn questions(inquiry: &Inquiry) -> Vec<String> {
    inquiry.questions().iter().map(|q| format!("{:?} {}", q.kind, q.name)).collect()
}

fn query(scheme: QueryScheme, port: Option<u16>, transport: Option<Transport>) -> Query {
    Query {
        scheme,
        host: QueryHost::Domain("e.net".to_owned()),
        maddr: None,
        port,
        transport: transport.map(QueryTransport::Known),
    }
}

fn sip() -> Query {
    query(QueryScheme::Sip, None, None)
}

fn sips() -> Query {
    query(QueryScheme::Sips, None, None)
}

fn by(transport: Transport) -> Query {
    query(QueryScheme::Sip, None, Some(transport))
}

/// IPv4 alone keeps the tables short.
fn profile() -> Policy {
    Policy { has_ipv6: false, ..Policy::default() }
}

const ALL: &str = "
    e.net NAPTR 50 50 s SIPS+D2T _sips._tcp.e.net
    e.net NAPTR 90 50 s SIP+D2T _sip._tcp.e.net
    e.net NAPTR 100 50 s SIP+D2U _sip._udp.e.net
    _sips._tcp.e.net SRV 0 0 5061 tls.e.net
    _sip._tcp.e.net SRV 0 0 5070 tcp.e.net
    _sip._udp.e.net SRV 0 0 5080 udp.e.net
    tls.e.net A 10.0.0.1
    tcp.e.net A 10.0.0.2
    udp.e.net A 10.0.0.3
    e.net A 10.0.0.9";

#[test]
fn naptr_leads_to_srv_and_srv_to_addresses_each_step_asked_at_once() {
    let zone = Zone::new(ALL);
    assert_eq!(zone.targets(&sip(), &profile()), "tls:10.0.0.1:5061 tcp:10.0.0.2:5070 udp:10.0.0.3:5080");
    assert_eq!(
        zone.steps(&sip(), &profile()),
        [
            vec!["Naptr e.net"],
            vec!["Srv _sips._tcp.e.net", "Srv _sip._tcp.e.net", "Srv _sip._udp.e.net"],
            vec!["A tls.e.net", "A tcp.e.net", "A udp.e.net"],
        ]
    );
}

/// The original sorted the preference descending.
#[test]
fn naptr_comes_by_order_then_by_preference_both_ascending() {
    let zone = Zone::new(
        "e.net NAPTR 20 10 s SIPS+D2T tls
         e.net NAPTR 10 20 s SIP+D2T tcp
         e.net NAPTR 10 10 s SIP+D2U udp
         tls SRV 0 0 1 h
         tcp SRV 0 0 2 h
         udp SRV 0 0 3 h
         h A 10.0.0.1",
    );
    assert_eq!(zone.targets(&sip(), &profile()), "udp:10.0.0.1:3 tcp:10.0.0.1:2 tls:10.0.0.1:1");
}

#[test]
fn force_transport_preference_outweighs_the_order_of_naptr() {
    use Transport::*;
    let forced =
        Policy { force_transport_preference: true, transport_preference: vec![Udp, Tcp, Tls], ..profile() };
    assert_eq!(
        Zone::new(ALL).targets(&sip(), &forced),
        "udp:10.0.0.3:5080 tcp:10.0.0.2:5070 tls:10.0.0.1:5061"
    );
    let unforced = Policy { force_transport_preference: false, ..forced.clone() };
    assert!(Zone::new(ALL).targets(&sip(), &unforced).starts_with("tls:"));
    // Among records of one transport their own order still counts.
    let zone = Zone::new(
        "e.net NAPTR 2 1 s SIP+D2U late
         e.net NAPTR 1 1 s SIP+D2T tcp
         e.net NAPTR 1 2 s SIP+D2U soon
         late SRV 0 0 1 h
         soon SRV 0 0 2 h
         tcp SRV 0 0 3 h
         h A 10.0.0.1",
    );
    assert_eq!(zone.targets(&sip(), &forced), "udp:10.0.0.1:2 udp:10.0.0.1:1 tcp:10.0.0.1:3");
}

#[test]
fn naptr_records_that_lead_nowhere_for_sip_are_passed_over() {
    let zone = Zone::new(
        "e.net NAPTR 1 1 u E2U+sip .
         e.net NAPTR 2 1 a SIP+D2T tcp
         e.net NAPTR 3 1 s SIP+D2S sctp
         e.net NAPTR 4 1 s SIP+D2T .
         e.net NAPTR 5 1 S sip+d2u udp
         e.net NAPTR 6 1 s SIP+D2U udp
         udp SRV 0 0 5 h
         h A 10.0.0.1",
    );
    assert_eq!(zone.targets(&sip(), &profile()), "udp:10.0.0.1:5");
    assert_eq!(zone.steps(&sip(), &profile())[1], ["Srv udp"]);
}

#[test]
fn naptr_records_of_transports_that_the_profile_lacks_are_passed_over() {
    let udp_only = Policy { transport_preference: vec![Transport::Udp], ..profile() };
    assert_eq!(Zone::new(ALL).targets(&sip(), &udp_only), "udp:10.0.0.3:5080");
    let no_tls = Policy { has_tls: false, ..profile() };
    assert_eq!(Zone::new(ALL).targets(&sip(), &no_tls), "tcp:10.0.0.2:5070 udp:10.0.0.3:5080");
}

#[test]
fn sips_takes_sips_alone() {
    let zone = Zone::new(ALL);
    assert_eq!(zone.targets(&sips(), &profile()), "tls:10.0.0.1:5061");
    assert_eq!(zone.steps(&sips(), &profile())[1], ["Srv _sips._tcp.e.net"]);
    let without = Zone::new(
        "e.net NAPTR 1 1 s SIP+D2T _sip._tcp.e.net
         e.net A 10.0.0.9",
    );
    assert_eq!(without.targets(&sips(), &profile()), "tls:10.0.0.9:5061");
    assert_eq!(without.steps(&sips(), &profile()), [["Naptr e.net"], ["Srv _sips._tcp.e.net"], ["A e.net"]]);
}

#[test]
fn without_usable_naptr_srv_is_asked_by_transport_preference() {
    let zone = Zone::new(
        "_sip._tcp.e.net SRV 0 0 5070 tcp.e.net
         _sip._udp.e.net SRV 0 0 5080 udp.e.net
         tcp.e.net A 10.0.0.2
         udp.e.net A 10.0.0.3
         e.net A 10.0.0.9",
    );
    assert_eq!(zone.targets(&sip(), &profile()), "tcp:10.0.0.2:5070 udp:10.0.0.3:5080");
    assert_eq!(
        zone.steps(&sip(), &profile())[1],
        ["Srv _sips._tcp.e.net", "Srv _sip._tcp.e.net", "Srv _sip._udp.e.net"]
    );
    let udp_first = Policy { transport_preference: vec![Transport::Udp, Transport::Tcp], ..profile() };
    assert_eq!(zone.targets(&sip(), &udp_first), "udp:10.0.0.3:5080 tcp:10.0.0.2:5070");
}

#[test]
fn naptr_whose_servers_all_fail_goes_on_to_srv_and_then_to_addresses() {
    let dead = "e.net NAPTR 1 1 s SIP+D2U gone
         e.net NAPTR 2 1 s SIP+D2T nohost
         nohost SRV 0 0 1 nowhere";
    let to_srv = Zone::new(
        "e.net NAPTR 1 1 s SIP+D2U gone
         e.net NAPTR 2 1 s SIP+D2T nohost
         nohost SRV 0 0 1 nowhere
         _sip._udp.e.net SRV 0 0 5080 udp.e.net
         udp.e.net A 10.0.0.3",
    );
    assert_eq!(to_srv.targets(&sip(), &profile()), "udp:10.0.0.3:5080");
    assert_eq!(Zone::new(dead).targets(&sip(), &profile()), "no_dns_resolution");
    let steps = Zone::new(dead).steps(&sip(), &profile());
    assert_eq!(steps.last().unwrap(), &["A e.net"]);
}

#[test]
fn what_is_known_already_is_not_asked_again() {
    let zone = Zone::new(
        "e.net NAPTR 1 1 s SIP+D2U _sip._udp.e.net
         e.net A 10.0.0.9",
    );
    assert_eq!(
        zone.steps(&sip(), &profile()),
        [
            vec!["Naptr e.net"],
            vec!["Srv _sip._udp.e.net"],
            vec!["Srv _sips._tcp.e.net", "Srv _sip._tcp.e.net"],
            vec!["A e.net"],
        ]
    );
}

#[test]
fn one_live_service_of_naptr_is_enough() {
    let zone = Zone::new(
        "e.net NAPTR 1 1 s SIPS+D2T gone
         e.net NAPTR 2 1 s SIP+D2U udp
         udp SRV 0 0 1 h
         h A 10.0.0.1
         _sip._tcp.e.net SRV 0 0 5070 h",
    );
    assert_eq!(zone.targets(&sip(), &profile()), "udp:10.0.0.1:1");
}

#[test]
fn without_any_srv_the_domain_itself_is_the_host() {
    let zone = Zone::new("e.net A 10.0.0.9");
    assert_eq!(zone.targets(&sip(), &profile()), "udp:10.0.0.9:5060");
    assert_eq!(zone.targets(&sips(), &profile()), "tls:10.0.0.9:5061");
    let preferring = |list: &[Transport]| Policy { transport_preference: list.to_vec(), ..profile() };
    assert_eq!(zone.targets(&sip(), &preferring(&[Transport::Tls, Transport::Tcp])), "tcp:10.0.0.9:5060");
    assert_eq!(zone.targets(&sip(), &preferring(&[Transport::Tls])), "tls:10.0.0.9:5061");
}

#[test]
fn an_explicit_port_asks_for_addresses_alone() {
    let zone = Zone::new(ALL);
    for scheme in [QueryScheme::Sip, QueryScheme::Sips] {
        assert_eq!(zone.steps(&query(scheme, Some(5070), None), &profile()), [["A e.net"]]);
    }
    let udp = query(QueryScheme::Sip, Some(5070), Some(Transport::Udp));
    assert_eq!(zone.targets(&udp, &profile()), "udp:10.0.0.9:5070");
}

#[test]
fn an_explicit_transport_asks_for_its_srv_then_for_addresses() {
    use Transport::*;
    let zone = Zone::new(ALL);
    let rows = [
        (by(Udp), "Srv _sip._udp.e.net", "udp:10.0.0.3:5080", "udp:10.0.0.9:5060"),
        (by(Tcp), "Srv _sip._tcp.e.net", "tcp:10.0.0.2:5070", "tcp:10.0.0.9:5060"),
        (by(Tls), "Srv _sips._tcp.e.net", "tls:10.0.0.1:5061", "tls:10.0.0.9:5061"),
        (
            query(QueryScheme::Sips, None, Some(Tls)),
            "Srv _sips._tcp.e.net",
            "tls:10.0.0.1:5061",
            "tls:10.0.0.9:5061",
        ),
        (
            query(QueryScheme::Sips, None, Some(Tcp)),
            "Srv _sips._tcp.e.net",
            "tls:10.0.0.1:5061",
            "tls:10.0.0.9:5061",
        ),
    ];
    let bare = Zone::new("e.net A 10.0.0.9");
    let no_srv = Policy { use_srv: false, ..profile() };
    for (query, question, by_srv, by_address) in rows {
        assert_eq!(zone.steps(&query, &profile())[0], [question]);
        assert_eq!(zone.targets(&query, &profile()), by_srv);
        assert_eq!(bare.targets(&query, &profile()), by_address);
        assert_eq!(zone.targets(&query, &no_srv), by_address);
        assert_eq!(zone.steps(&query, &no_srv), [["A e.net"]]);
    }
}

#[test]
fn use_naptr_off_starts_at_srv_and_use_srv_off_at_addresses() {
    let zone = Zone::new(ALL);
    let no_naptr = Policy { use_naptr: false, ..profile() };
    assert_eq!(zone.steps(&sip(), &no_naptr)[0].len(), 3);
    assert!(zone.steps(&sip(), &no_naptr)[0].iter().all(|question| question.starts_with("Srv ")));
    for use_naptr in [true, false] {
        let no_srv = Policy { use_naptr, use_srv: false, ..profile() };
        assert_eq!(zone.steps(&sip(), &no_srv), [["A e.net"]]);
        assert_eq!(zone.targets(&sip(), &no_srv), "udp:10.0.0.9:5060");
    }
}

#[test]
fn priorities_of_any_size_are_ascending() {
    let zone = Zone::new(
        "_sip._udp.e.net SRV 65535 0 4 h
         _sip._udp.e.net SRV 0 0 1 h
         _sip._udp.e.net SRV 1000 0 3 h
         _sip._udp.e.net SRV 99 0 2 h
         h A 10.0.0.1",
    );
    assert_eq!(
        zone.targets(&by(Transport::Udp), &profile()),
        "udp:10.0.0.1:1 udp:10.0.0.1:2 udp:10.0.0.1:3 udp:10.0.0.1:4"
    );
}

/// The original broke on a single group of priority and on weights of zero.
#[test]
fn any_shape_of_srv_records_gives_a_flat_list() {
    for records in
        ["0 0 1 h", "7 5 1 h", "7 0 1 h\n_sip._udp.e.net SRV 7 0 2 h", "7 0 1 h\n_sip._udp.e.net SRV 7 9 2 h"]
    {
        let text: &'static str = format!("_sip._udp.e.net SRV {records}\n h A 10.0.0.1").leak();
        let count = records.lines().count();
        let targets = Zone::new(text).targets(&by(Transport::Udp), &profile());
        assert_eq!(targets.split(' ').count(), count, "{targets}");
    }
}

#[test]
fn a_point_in_srv_means_not_available_by_this_transport() {
    let udp_refused = Zone::new(
        "_sip._udp.e.net SRV 0 0 0 .
         e.net A 10.0.0.9",
    );
    assert_eq!(udp_refused.targets(&by(Transport::Udp), &profile()), "no_dns_resolution");
    assert_eq!(udp_refused.targets(&sip(), &profile()), "tcp:10.0.0.9:5060");
    let beside = Zone::new(
        "_sip._udp.e.net SRV 0 0 0 .
         _sip._udp.e.net SRV 1 0 5 h
         h A 10.0.0.1",
    );
    assert_eq!(beside.targets(&by(Transport::Udp), &profile()), "udp:10.0.0.1:5");
    let all_refused = Zone::new(
        "_sip._udp.e.net SRV 0 0 0 .
         _sip._tcp.e.net SRV 0 0 0 .
         _sips._tcp.e.net SRV 0 0 0 .
         e.net A 10.0.0.9",
    );
    assert_eq!(all_refused.targets(&sip(), &profile()), "no_dns_resolution");
    assert_eq!(all_refused.kept(&sip(), &profile()), Some(30));
}

#[test]
fn srv_records_whose_hosts_have_no_address_do_not_lead_back_to_the_domain() {
    let zone = Zone::new(
        "_sip._udp.e.net SRV 0 0 5 nowhere
         e.net A 10.0.0.9",
    );
    assert_eq!(zone.targets(&by(Transport::Udp), &profile()), "no_dns_resolution");
}

#[test]
fn a_server_without_address_leaves_the_others() {
    let zone = Zone::new(
        "_sip._udp.e.net SRV 0 0 5 nowhere
         _sip._udp.e.net SRV 1 0 6 h
         h A 10.0.0.1",
    );
    assert_eq!(zone.targets(&by(Transport::Udp), &profile()), "udp:10.0.0.1:6");
}

#[test]
fn both_families_of_every_server_are_asked_at_once_and_ordered_by_preference() {
    let zone = Zone::new(
        "_sip._udp.e.net SRV 1 0 5 a.e.net
         _sip._udp.e.net SRV 2 0 6 b.e.net
         a.e.net A 10.0.0.1
         a.e.net AAAA 2001:db8::1
         b.e.net AAAA 2001:db8::2
         b.e.net A 10.0.0.2",
    );
    let preferring = |list: &[IpFamily]| Policy { ip_type_preference: list.to_vec(), ..Policy::default() };
    let v6_first = preferring(&[IpFamily::V6, IpFamily::V4]);
    assert_eq!(
        zone.targets(&by(Transport::Udp), &v6_first),
        "udp:[2001:db8::1]:5 udp:10.0.0.1:5 udp:[2001:db8::2]:6 udp:10.0.0.2:6"
    );
    assert_eq!(
        zone.steps(&by(Transport::Udp), &v6_first)[1],
        ["Aaaa a.e.net", "A a.e.net", "Aaaa b.e.net", "A b.e.net"]
    );
    let v4_only = preferring(&[IpFamily::V4]);
    assert_eq!(zone.targets(&by(Transport::Udp), &v4_only), "udp:10.0.0.1:5 udp:10.0.0.2:6");
    assert_eq!(zone.steps(&by(Transport::Udp), &v4_only)[1], ["A a.e.net", "A b.e.net"]);
}

#[test]
fn a_host_named_by_several_servers_is_asked_once_in_any_case() {
    let zone = Zone::new(
        "_sip._udp.e.net SRV 1 0 5 H.e.net
         _sip._udp.e.net SRV 2 0 6 h.E.net
         h.e.net A 10.0.0.1",
    );
    assert_eq!(zone.steps(&by(Transport::Udp), &profile())[1], ["A h.e.net"]);
    assert_eq!(zone.targets(&by(Transport::Udp), &profile()), "udp:10.0.0.1:5 udp:10.0.0.1:6");
}

#[test]
fn a_kind_of_record_that_dns_fails_for_counts_as_absent_but_nothing_is_kept() {
    let no_naptr = Zone::new(
        "e.net NAPTR ?
         _sip._udp.e.net SRV 0 0 5 h
         h A 10.0.0.1",
    );
    assert_eq!(no_naptr.targets(&sip(), &profile()), "udp:10.0.0.1:5");
    assert_eq!(no_naptr.kept(&sip(), &profile()), None);
    let no_srv = Zone::new(
        "_sip._udp.e.net SRV ?
         e.net A 10.0.0.9",
    );
    assert_eq!(no_srv.targets(&by(Transport::Udp), &profile()), "udp:10.0.0.9:5060");
    assert_eq!(no_srv.kept(&by(Transport::Udp), &profile()), None);
}

#[test]
fn the_shortest_of_all_records_used_limits_the_cache() {
    let zone = Zone::new(
        "e.net NAPTR 1 1 s SIP+D2U udp ttl=120
         udp SRV 0 0 5 h ttl=110
         udp SRV 0 0 6 h ttl=100
         h A 10.0.0.1 ttl=90",
    );
    assert_eq!(zone.kept(&sip(), &profile()), Some(90));
    let zone = Zone::new(
        "e.net NAPTR 1 1 s SIP+D2U udp ttl=20
         udp SRV 0 0 5 h ttl=110
         h A 10.0.0.1 ttl=90",
    );
    assert_eq!(zone.kept(&sip(), &profile()), Some(20));
    let fixed = Policy { dns_cache_respect_ttl: false, ..profile() };
    assert_eq!(zone.kept(&sip(), &fixed), Some(300));
}

#[test]
fn one_record_without_time_to_live_keeps_the_whole_from_the_cache() {
    let zone = Zone::new(
        "e.net NAPTR 1 1 s SIP+D2U udp ttl=120
         udp SRV 0 0 5 h ttl=110
         h A 10.0.0.1 ttl=0",
    );
    assert_eq!(zone.targets(&sip(), &profile()), "udp:10.0.0.1:5");
    assert_eq!(zone.kept(&sip(), &profile()), None);
    let fixed = Policy { dns_cache_respect_ttl: false, ..profile() };
    assert_eq!(zone.kept(&sip(), &fixed), Some(300));
}

#[test]
fn a_wholly_denied_domain_is_kept_as_long_as_the_denials_hold() {
    assert_eq!(Zone::new("").kept(&sip(), &profile()), Some(30));
    assert_eq!(Zone::new("e.net NAPTR ?").kept(&sip(), &profile()), None);
}

#[test]
fn only_the_last_step_has_all_the_time() {
    let zone = Zone::new("e.net A 10.0.0.9");
    let Plan::Ask(mut inquiry) = plan(&sip(), &profile()) else { panic!() };
    let mut last = Vec::new();
    loop {
        last.push(inquiry.is_last());
        let answers = inquiry.questions().iter().map(|q| zone.answer(q.kind, &q.name)).collect();
        match inquiry.told(answers) {
            InquiryProgress::Ask(next) => inquiry = next,
            InquiryProgress::Done(_) => break,
        }
    }
    assert_eq!(last, [false, false, true]);
}

#[test]
fn what_dns_may_say_is_bounded() {
    let mut text = String::new();
    for naptr in 0..30 {
        text += &format!("e.net NAPTR {naptr} 0 s SIP+D2U s{naptr}\n");
        for server in 0..40 {
            text += &format!("s{naptr} SRV {} 0 1 h{naptr}x{server}\n", 40 - server);
        }
    }
    let zone = Zone::new(text.leak());
    let steps = zone.steps(&sip(), &profile());
    assert_eq!(steps[1].len(), MAX_SERVICES);
    assert_eq!(steps[2].len(), MAX_SERVERS);
    // The best ones are kept.
    assert_eq!(steps[2][0], "A h0x39");

    let text: String = (0..2000).map(|n| format!("e.net A 10.1.{}.{}\n", n / 250, n % 250)).collect();
    let (resolved, _) = Zone::new(text.leak()).resolve(&sip(), &profile());
    assert_eq!(resolved.resolution.stored_targets().unwrap().len(), MAX_ADDRESSES);
}
