//! Whatever DNS says: a resolution ends, asks nothing twice, and leads nowhere that it must not.

#[path = "support/policy.rs"]
mod policy;

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::Duration;

use oversip::message::Transport;
use oversip::resolve::{
    plan, Answer, InquiryProgress, IpFamily, NaptrRecord, Plan, Policy, Query, QueryHost, QueryScheme,
    QueryTransport, RecordKind, Records, SrvRecord,
};
use proptest::prelude::*;

/// More steps than any resolution takes: NAPTR, SRV, addresses, SRV, addresses, addresses.
const MOST_STEPS: usize = 6;

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "e.net",
        "E.NET",
        "a.net",
        "b.net",
        ".",
        "_sip._udp.e.net",
        "_sip._tcp.e.net",
        "_sips._tcp.e.net",
        "x",
    ])
    .prop_map(str::to_owned)
}

fn addresses() -> impl Strategy<Value = Vec<IpAddr>> {
    prop::collection::vec(
        prop_oneof![
            any::<u8>().prop_map(|n| IpAddr::from([10, 0, 0, n % 4])),
            any::<u16>().prop_map(|n| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n % 4])),
        ],
        0..5,
    )
}

fn srv() -> impl Strategy<Value = SrvRecord> {
    (any::<u16>(), prop_oneof![Just(0), any::<u16>()], any::<u16>(), name()).prop_map(
        |(priority, weight, port, target)| SrvRecord { priority: priority % 3, weight, port, target },
    )
}

fn naptr() -> impl Strategy<Value = NaptrRecord> {
    let services = prop::sample::select(vec!["SIP+D2U", "SIP+D2T", "SIPS+D2T", "sips+d2t", "E2U+sip", ""]);
    (any::<u16>(), any::<u16>(), prop::sample::select(vec!["s", "S", "u", ""]), services, name()).prop_map(
        |(order, preference, flags, services, replacement)| NaptrRecord {
            order,
            preference,
            flags: flags.into(),
            services: services.into(),
            replacement,
        },
    )
}

/// An answer to a question of any kind, which a hostile server may give to another kind.
fn answer() -> impl Strategy<Value = Answer> {
    let records = prop_oneof![
        addresses().prop_map(Records::Addresses),
        prop::collection::vec(srv(), 0..8).prop_map(Records::Srv),
        prop::collection::vec(naptr(), 0..8).prop_map(Records::Naptr),
    ];
    prop_oneof![
        4 => (records, any::<u32>()).prop_map(|(records, ttl)| Answer::Found { records, ttl: Duration::from_secs(ttl.into()) }),
        1 => prop::option::of(any::<u32>()).prop_map(|ttl| Answer::NoSuchRecord { ttl: ttl.map(|s| Duration::from_secs(s.into())) }),
        1 => Just(Answer::Unavailable),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let transports = prop::collection::vec(
        prop::sample::select(vec![Transport::Udp, Transport::Tcp, Transport::Tls]),
        0..4,
    );
    let families = prop::collection::vec(prop::sample::select(vec![IpFamily::V4, IpFamily::V6]), 0..3);
    (transports, families, any::<[bool; 5]>()).prop_map(
        |(transport_preference, ip_type_preference, [naptr, srv, force, tls, ttl])| Policy {
            transport_preference,
            ip_type_preference,
            use_naptr: naptr,
            use_srv: srv,
            force_transport_preference: force,
            has_tls: tls,
            dns_cache_respect_ttl: ttl,
            ..policy::policy()
        },
    )
}

fn query() -> impl Strategy<Value = Query> {
    let transport =
        prop::option::of(prop::sample::select(vec![Transport::Udp, Transport::Tcp, Transport::Tls]));
    (any::<bool>(), prop::option::of(any::<u16>()), transport).prop_map(|(secure, port, transport)| Query {
        scheme: if secure { QueryScheme::Sips } else { QueryScheme::Sip },
        host: QueryHost::Domain("e.net".to_owned()),
        maddr: None,
        port,
        transport: transport.map(QueryTransport::Known),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_resolution_ends_and_keeps_to_what_was_asked_for(
        query in query(),
        policy in policy(),
        answers in prop::collection::vec(answer(), 1..20),
        draws in prop::collection::vec(any::<u32>(), 1..20),
    ) {
        let Plan::Ask(mut inquiry) = plan(&query, &policy) else { return Ok(()) };
        let mut answers = answers.into_iter().cycle();
        let mut asked = HashSet::new();
        let mut steps = 0;
        let resolved = loop {
            steps += 1;
            prop_assert!(steps <= MOST_STEPS && !inquiry.questions().is_empty());
            for question in inquiry.questions() {
                prop_assert!(asked.insert(question.clone()), "asked twice: {question:?}");
                let allowed = match question.kind {
                    RecordKind::A => policy.allows_family(IpFamily::V4),
                    RecordKind::Aaaa => policy.allows_family(IpFamily::V6),
                    RecordKind::Srv => policy.use_srv && query.port.is_none(),
                    RecordKind::Naptr => policy.use_naptr && query.port.is_none() && query.transport.is_none(),
                };
                prop_assert!(allowed, "not to be asked: {question:?}");
            }
            let told = answers.by_ref().take(inquiry.questions().len()).collect();
            match inquiry.told(told) {
                InquiryProgress::Ask(next) => inquiry = next,
                InquiryProgress::Done(resolved) => break resolved,
            }
        };
        prop_assert!(resolved.keep.is_none_or(|keep| !keep.is_zero() && keep <= policy.dns_cache_time));
        let mut draws = draws.into_iter().cycle();
        let mut draw = |most: u32| draws.next().map_or(0, |n| if most == u32::MAX { n } else { n % (most + 1) });
        let Ok(targets) = resolved.resolution.targets(&policy, &mut draw) else { return Ok(()) };
        prop_assert!(!targets.is_empty());
        prop_assert_eq!(targets.iter().collect::<HashSet<_>>().len(), targets.len());
        for target in targets {
            prop_assert!(policy.allows_transport(target.transport) && policy.allows_family(target.family()));
            prop_assert!(query.scheme == QueryScheme::Sip || target.transport == Transport::Tls);
            prop_assert!(query.port.is_none_or(|port| port == target.port()));
        }
    }
}
