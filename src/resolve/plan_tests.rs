//! The checks, and destinations that need addresses alone.

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::message::UriRef;
use crate::resolve::{Answer, InquiryProgress, RecordKind, Records, Resolved};

fn query(scheme: QueryScheme, host: &str, port: Option<u16>, transport: Option<Transport>) -> Query {
    Query {
        scheme,
        host: QueryHost::parse(host.as_bytes()),
        maddr: None,
        port,
        transport: transport.map(QueryTransport::Known),
    }
}

fn sip(host: &str, port: Option<u16>, transport: Option<Transport>) -> Query {
    query(QueryScheme::Sip, host, port, transport)
}

fn without(transport: Transport) -> Policy {
    let mut profile = Policy::default();
    profile.transport_preference.retain(|t| *t != transport);
    profile
}

fn target_text(query: &Query, profile: &Policy) -> String {
    match plan(query, profile) {
        Plan::Target(target) => target.to_string(),
        Plan::Failed(error) => error.code().to_owned(),
        Plan::Ask(_) => "ask".to_owned(),
    }
}

fn inquiry(query: &Query, profile: &Policy) -> Inquiry {
    match plan(query, profile) {
        Plan::Ask(inquiry) => inquiry,
        other => panic!("no question: {other:?}"),
    }
}

fn resolved(query: &Query, profile: &Policy, answers: Vec<Answer>) -> Resolved {
    match inquiry(query, profile).told(answers) {
        InquiryProgress::Done(resolved) => resolved,
        InquiryProgress::Ask(more) => panic!("more questions: {more:?}"),
    }
}

fn addresses(list: &[&str], ttl: u64) -> Answer {
    let addrs = list.iter().map(|a| a.parse().unwrap()).collect();
    Answer::Found { records: Records::Addresses(addrs), ttl: Duration::from_secs(ttl) }
}

/// A profile that asks for nothing but addresses.
fn addresses_only() -> Policy {
    Policy { use_srv: false, ..Policy::default() }
}

fn targets(resolved: &Resolved, profile: &Policy) -> Result<Vec<String>, ResolveError> {
    let targets = resolved.resolution.targets(profile, &mut |_| 0)?;
    Ok(targets.iter().map(Target::to_string).collect())
}

fn denied(ttl: u64) -> Answer {
    Answer::NoSuchRecord { ttl: Some(Duration::from_secs(ttl)) }
}

#[test]
fn address_literals_need_no_dns() {
    use Transport::*;
    let p = Policy { use_dns: false, ..Policy::default() };
    let rows = [
        (sip("1.2.3.4", None, None), "udp:1.2.3.4:5060"),
        (sip("1.2.3.4", Some(5070), None), "udp:1.2.3.4:5070"),
        (sip("1.2.3.4", None, Some(Tcp)), "tcp:1.2.3.4:5060"),
        (sip("1.2.3.4", None, Some(Tls)), "tls:1.2.3.4:5061"),
        (sip("1.2.3.4", Some(5060), Some(Tls)), "tls:1.2.3.4:5060"),
        (sip("[2001:DB8:0::1]", None, None), "udp:[2001:db8::1]:5060"),
        (sip("2001:DB8:0::1", None, Some(Tcp)), "tcp:[2001:db8::1]:5060"),
        (query(QueryScheme::Sips, "1.2.3.4", None, None), "tls:1.2.3.4:5061"),
        (query(QueryScheme::Sips, "1.2.3.4", Some(5070), Some(Tcp)), "tls:1.2.3.4:5070"),
        (query(QueryScheme::Sips, "1.2.3.4", None, Some(Tls)), "tls:1.2.3.4:5061"),
    ];
    for (query, expected) in rows {
        assert_eq!(target_text(&query, &p), expected, "{query:?}");
    }
}

#[test]
fn without_a_transport_sip_goes_by_udp_else_by_tcp() {
    assert_eq!(target_text(&sip("1.2.3.4", None, None), &without(Transport::Udp)), "tcp:1.2.3.4:5060");
    let tls_only = Policy { transport_preference: vec![Transport::Tls], ..Policy::default() };
    assert_eq!(target_text(&sip("1.2.3.4", None, None), &tls_only), "unsupported_transport");
    assert_eq!(target_text(&sip("1.2.3.4", None, Some(Transport::Tls)), &tls_only), "tls:1.2.3.4:5061");
}

#[test]
fn transports_the_profile_lacks_and_unknown_ones_are_unsupported() {
    use Transport::*;
    for transport in [Udp, Tcp, Tls] {
        let query = sip("1.2.3.4", None, Some(transport));
        assert_eq!(target_text(&query, &without(transport)), "unsupported_transport");
    }
    for transport in [Ws, Wss] {
        let query = sip("1.2.3.4", None, Some(transport));
        assert_eq!(target_text(&query, &Policy::default()), "unsupported_transport");
    }
    let sctp = Query { transport: Some(QueryTransport::Unknown), ..sip("1.2.3.4", None, None) };
    assert_eq!(target_text(&sctp, &Policy::default()), "unsupported_transport");
    let sips_udp = query(QueryScheme::Sips, "1.2.3.4", None, Some(Udp));
    assert_eq!(target_text(&sips_udp, &Policy::default()), "unsupported_transport");
}

#[test]
fn only_sip_and_sips_are_supported_and_sips_needs_tls() {
    for host in ["1.2.3.4", "example.net"] {
        let other = query(QueryScheme::Other, host, None, None);
        assert_eq!(target_text(&other, &Policy::default()), "unsupported_uri_scheme");
        let sips = query(QueryScheme::Sips, host, None, None);
        assert_eq!(target_text(&sips, &without(Transport::Tls)), "unsupported_uri_scheme");
    }
}

#[test]
fn a_family_that_is_not_allowed_is_named() {
    let no_v4 = Policy { has_ipv4: false, ..Policy::default() };
    let no_v6 = Policy { ip_type_preference: vec![IpFamily::V4], ..Policy::default() };
    assert_eq!(target_text(&sip("1.2.3.4", None, None), &no_v4), "no_ipv4");
    assert_eq!(target_text(&sip("[::1]", None, None), &no_v6), "no_ipv6");
    assert_eq!(target_text(&sip("[::1]", None, None), &no_v4), "udp:[::1]:5060");
}

#[test]
fn checks_come_in_the_documented_order() {
    let p = Policy { use_dns: false, has_tls: false, has_ipv4: false, has_udp: false, ..Policy::default() };
    assert_eq!(target_text(&query(QueryScheme::Sips, "example.net", None, None), &p), "no_dns");
    assert_eq!(target_text(&sip("example.net", None, Some(Transport::Udp)), &p), "no_dns");
    let sips = query(QueryScheme::Sips, "1.2.3.4", None, Some(Transport::Udp));
    assert_eq!(target_text(&sips, &p), "unsupported_uri_scheme");
    assert_eq!(target_text(&sip("1.2.3.4", None, Some(Transport::Udp)), &p), "unsupported_transport");
    assert_eq!(target_text(&sip("1.2.3.4", None, None), &p), "no_ipv4");
}

#[test]
fn a_domain_is_asked_for_in_the_allowed_families_only() {
    let kinds = |profile: &Policy| -> Vec<RecordKind> {
        let inquiry = inquiry(&sip("Example.NET.", Some(5070), None), profile);
        assert!(inquiry.questions().iter().all(|q| q.name == "example.net"));
        assert!(inquiry.is_last());
        inquiry.questions().iter().map(|q| q.kind).collect()
    };
    assert_eq!(kinds(&Policy::default()), [RecordKind::Aaaa, RecordKind::A]);
    let v4 = Policy { has_ipv6: false, ..Policy::default() };
    assert_eq!(kinds(&v4), [RecordKind::A]);
    let none = Policy { ip_type_preference: Vec::new(), ..Policy::default() };
    assert_eq!(target_text(&sip("example.net", None, None), &none), "no_dns_resolution");
}

#[test]
fn a_domain_gets_transport_and_port_by_the_same_rules_as_an_address() {
    let text = |query: &Query| {
        let p = addresses_only();
        targets(&resolved(query, &p, vec![denied(60), addresses(&["10.0.0.1"], 60)]), &p).unwrap()[0].clone()
    };
    assert_eq!(text(&sip("example.net", None, None)), "udp:10.0.0.1:5060");
    assert_eq!(text(&sip("example.net", Some(5070), Some(Transport::Tcp))), "tcp:10.0.0.1:5070");
    assert_eq!(text(&sip("example.net", None, Some(Transport::Tls))), "tls:10.0.0.1:5061");
    assert_eq!(text(&sip("example.net", Some(5070), Some(Transport::Tls))), "tls:10.0.0.1:5070");
    assert_eq!(text(&query(QueryScheme::Sips, "example.net", None, None)), "tls:10.0.0.1:5061");
    assert_eq!(
        text(&query(QueryScheme::Sips, "example.net", Some(5070), Some(Transport::Tcp))),
        "tls:10.0.0.1:5070"
    );
}

#[test]
fn a_domain_with_a_port_goes_by_udp_else_by_tcp_never_by_tls() {
    let query = sip("example.net", Some(5070), None);
    let text = |profile: &Policy| {
        targets(&resolved(&query, profile, vec![addresses(&["10.0.0.1"], 60); 2]), profile).unwrap()[0]
            .clone()
    };
    assert_eq!(text(&Policy::default()), "udp:10.0.0.1:5070");
    assert_eq!(text(&without(Transport::Udp)), "tcp:10.0.0.1:5070");
    let tls_only = Policy { transport_preference: vec![Transport::Tls], ..Policy::default() };
    assert_eq!(target_text(&query, &tls_only), "unsupported_transport");
}

#[test]
fn a_domain_needs_one_transport_at_least() {
    let none = Policy { transport_preference: Vec::new(), ..Policy::default() };
    assert_eq!(target_text(&sip("example.net", None, None), &none), "unsupported_transport");
}

#[test]
fn both_families_are_used_in_the_preferred_order() {
    let p = Policy { ip_type_preference: vec![IpFamily::V4, IpFamily::V6], ..addresses_only() };
    let answers = vec![addresses(&["10.0.0.1", "10.0.0.2"], 60), addresses(&["2001:db8::1"], 60)];
    let texts = targets(&resolved(&sip("example.net", None, None), &p, answers), &p).unwrap();
    assert_eq!(texts, ["udp:10.0.0.1:5060", "udp:10.0.0.2:5060", "udp:[2001:db8::1]:5060"]);
}

#[test]
fn the_cache_key_tells_apart_what_resolves_differently() {
    let key = |query: &Query| inquiry(query, &Policy::default()).cache_key().to_owned();
    assert_eq!(key(&sip("Example.NET", None, None)), "sip|example.net||");
    assert_eq!(key(&sip("example.net.", None, None)), "sip|example.net||");
    assert_eq!(key(&sip("example.net", Some(5070), Some(Transport::Tcp))), "sip|example.net|5070|tcp");
    assert_eq!(key(&query(QueryScheme::Sips, "example.net", None, None)), "sips|example.net||");
}

fn kept(profile: &Policy, answers: Vec<Answer>) -> Option<u64> {
    resolved(&sip("example.net", None, None), profile, answers).keep.map(|d| d.as_secs())
}

#[test]
fn a_good_resolution_is_kept_for_the_shortest_ttl_within_the_limits() {
    let p = addresses_only();
    let found = |ttl6, ttl4| vec![addresses(&["::1"], ttl6), addresses(&["10.0.0.1"], ttl4)];
    assert_eq!(kept(&p, found(60, 90)), Some(60));
    assert_eq!(kept(&p, found(86_400, 90_000)), Some(300));
    assert_eq!(kept(&p, found(0, 90)), None);
    // A denial of the other family is no record used.
    assert_eq!(kept(&p, vec![denied(5), addresses(&["10.0.0.1"], 90)]), Some(90));
    let fixed = Policy { dns_cache_respect_ttl: false, ..addresses_only() };
    assert_eq!(kept(&fixed, found(60, 90)), Some(300));
}

#[test]
fn a_denial_is_kept_no_longer_than_its_soa_and_the_profile_say() {
    let p = addresses_only();
    assert_eq!(kept(&p, vec![denied(60), denied(30)]), Some(30));
    assert_eq!(kept(&p, vec![denied(3600), denied(7200)]), Some(300));
    assert_eq!(kept(&p, vec![denied(0), denied(60)]), None);
    let fixed = Policy { dns_cache_respect_ttl: false, ..addresses_only() };
    assert_eq!(kept(&fixed, vec![denied(60), denied(30)]), Some(30));
}

#[test]
fn what_dns_did_not_deny_with_authority_is_never_kept() {
    let p = addresses_only();
    assert_eq!(kept(&p, vec![Answer::NoSuchRecord { ttl: None }, denied(60)]), None);
    assert_eq!(kept(&p, vec![Answer::Unavailable, Answer::Unavailable]), None);
    assert_eq!(kept(&p, vec![denied(60), Answer::Unavailable]), None);
    assert_eq!(kept(&p, vec![denied(60)]), None);
    assert_eq!(kept(&p, vec![Answer::Unavailable, addresses(&["10.0.0.1"], 60)]), None);
}

#[test]
fn no_address_at_all_is_no_dns_resolution() {
    let p = addresses_only();
    for answers in [vec![denied(60), denied(60)], vec![Answer::Unavailable, Answer::Unavailable], vec![]] {
        let resolved = resolved(&sip("example.net", None, None), &p, answers);
        assert_eq!(targets(&resolved, &p), Err(ResolveError::NoDnsResolution));
    }
}

#[test]
fn one_family_is_enough_when_the_other_is_not_known() {
    let p = addresses_only();
    let answers = vec![Answer::Unavailable, addresses(&["10.0.0.1"], 60)];
    let resolved = resolved(&sip("example.net", None, None), &p, answers);
    assert_eq!(targets(&resolved, &p).unwrap().len(), 1);
}

#[test]
fn a_uri_names_scheme_host_port_and_transport() {
    let text = |uri: &str| {
        let query = Query::from_uri(&UriRef::parse(uri.as_bytes()).unwrap());
        target_text(&query, &Policy::default())
    };
    assert_eq!(text("sip:u@1.2.3.4"), "udp:1.2.3.4:5060");
    assert_eq!(text("sip:u@1.2.3.4:5070;transport=TCP"), "tcp:1.2.3.4:5070");
    assert_eq!(text("sips:u@[2001:DB8:0::1]"), "tls:[2001:db8::1]:5061");
    assert_eq!(text("sip:1.2.3.4;transport=sctp"), "unsupported_transport");
    assert_eq!(text("sip:1.2.3.4;transport=foo"), "unsupported_transport");
    assert_eq!(text("sip:1.2.3.4;transport=ws"), "unsupported_transport");
    assert_eq!(text("tel:+34600000000"), "unsupported_uri_scheme");
    assert_eq!(text("http://example.net"), "unsupported_uri_scheme");
    assert_eq!(text("sip:example.net"), "ask");
    let query = Query::from_uri(&UriRef::parse(b"sip:u@Example.NET.;transport=tls").unwrap());
    assert_eq!(inquiry(&query, &Policy::default()).cache_key(), "sip|example.net||tls");
}

#[test]
fn other_schemes_are_refused_as_such_even_without_dns() {
    let p = Policy { use_dns: false, ..Policy::default() };
    let query = Query::from_uri(&UriRef::parse(b"tel:+34600000000").unwrap());
    assert_eq!(target_text(&query, &p), "unsupported_uri_scheme");
}

#[test]
fn a_destination_of_a_script_is_sip() {
    let p = Policy::default();
    let text =
        |host: &[u8], port, transport| target_text(&Query::from_destination(host, port, transport), &p);
    assert_eq!(text(b"[::1]", None, None), "udp:[::1]:5060");
    assert_eq!(text(b"1.2.3.4", Some(9), Some(QueryTransport::Known(Transport::Tls))), "tls:1.2.3.4:9");
    assert_eq!(text(b"1.2.3.4", None, Some(QueryTransport::Unknown)), "unsupported_transport");
    assert_eq!(text(b"\xff\xfe", None, None), "ask");
}

fn of_uri(uri: &str) -> Query {
    Query::from_uri(&UriRef::parse(uri.as_bytes()).expect(uri))
}

#[test]
fn maddr_stands_in_place_of_the_host_and_keeps_port_and_transport() {
    let p = Policy::default();
    let rows = [
        ("sip:b@b.invalid:5070;maddr=1.2.3.4", "udp:1.2.3.4:5070"),
        ("sip:b@b.invalid;maddr=1.2.3.4", "udp:1.2.3.4:5060"),
        ("sip:b@b.invalid;transport=tcp;maddr=[2001:db8::1]", "tcp:[2001:db8::1]:5060"),
        ("sip:b@b.invalid;maddr=2001:db8::1", "udp:[2001:db8::1]:5060"),
        ("sips:b@b.invalid;maddr=1.2.3.4", "tls:1.2.3.4:5061"),
        ("sip:b@9.9.9.9:5070;maddr=1.2.3.4", "udp:1.2.3.4:5070"),
        ("sip:b@9.9.9.9;maddr=relay.example", "ask"),
        ("sip:b@9.9.9.9;maddr=", "invalid_maddr"),
        ("sip:b@9.9.9.9;maddr", "invalid_maddr"),
        ("sip:b@9.9.9.9;maddr=1.2.3", "invalid_maddr"),
        ("tel:+1;maddr=1.2.3.4", "unsupported_uri_scheme"),
    ];
    for (uri, expected) in rows {
        assert_eq!(target_text(&of_uri(uri), &p), expected, "{uri}");
    }
    let without_dns = Policy { use_dns: false, ..Policy::default() };
    assert_eq!(target_text(&of_uri("sip:b@b.invalid;maddr=1.2.3.4"), &without_dns), "udp:1.2.3.4:5060");
    assert_eq!(target_text(&of_uri("sip:b@9.9.9.9;maddr=relay.example"), &without_dns), "no_dns");
}

#[test]
fn a_maddr_that_is_a_name_is_what_dns_is_asked_for_and_what_the_cache_keeps() {
    let p = addresses_only();
    let query = of_uri("sip:b@b.invalid:5070;maddr=Relay.Example.");
    let inquiry = inquiry(&query, &p);
    assert_eq!(inquiry.cache_key(), "sip|relay.example|5070|");
    assert!(inquiry.questions().iter().all(|question| question.name == "relay.example"));
}

#[test]
fn a_tls_server_has_to_speak_for_the_host_and_not_for_maddr() {
    let server = |uri| of_uri(uri).server();
    assert_eq!(server("sips:b@b.example;maddr=1.2.3.4").as_deref(), Some("b.example"));
    assert_eq!(server("sips:b@b.example;maddr=relay.example").as_deref(), Some("b.example"));
    assert_eq!(server("sips:b@9.9.9.9;maddr=relay.example").as_deref(), Some("9.9.9.9"));
    assert_eq!(server("sips:b@9.9.9.9"), None);
}

#[test]
fn only_addresses_of_one_host_are_targets() {
    let p = Policy::default();
    for uri in
        ["sip:b@h;maddr=224.0.1.75", "sip:b@h;maddr=255.255.255.255", "sip:b@[ff02::1]", "sip:b@0.0.0.0"]
    {
        assert_eq!(target_text(&of_uri(uri), &p), "no_unicast", "{uri}");
    }
    let p = Policy { ip_type_preference: vec![IpFamily::V4], ..addresses_only() };
    let many =
        resolved(&sip("example.net", Some(9), None), &p, vec![addresses(&["224.0.0.1", "1.2.3.4"], 60)]);
    assert_eq!(targets(&many, &p), Ok(vec!["udp:1.2.3.4:9".to_owned()]));
    let none = resolved(&sip("example.net", Some(9), None), &p, vec![addresses(&["0.0.0.0"], 60)]);
    assert_eq!(targets(&none, &p), Err(ResolveError::NoDnsResolution));
}

#[test]
fn hosts_are_told_apart_by_their_text() {
    assert!(matches!(QueryHost::parse(b"1.2.3.4"), QueryHost::Ip(IpAddr::V4(_))));
    assert!(matches!(QueryHost::parse(b"::1"), QueryHost::Ip(IpAddr::V6(_))));
    assert!(matches!(QueryHost::parse(b"[::1]"), QueryHost::Ip(IpAddr::V6(_))));
    for name in ["example.net", "1.2.3", "[1.2.3.4]", "[::1", "::1]", "01.2.3.4", "fe80::1%eth0", ""] {
        assert_eq!(QueryHost::parse(name.as_bytes()), QueryHost::Domain(name.to_owned()));
    }
}

#[test]
fn a_sip_destination_of_a_sips_request_is_planned_as_sips() {
    let uri = |text: &str| Query::from_uri(&UriRef::parse(text.as_bytes()).expect("a URI")).as_sips();
    let text = |text: &str| target_text(&uri(text), &Policy::default());
    assert_eq!(text("sip:1.2.3.4;lr"), "tls:1.2.3.4:5061");
    assert_eq!(text("sip:1.2.3.4:5060;transport=tcp"), "tls:1.2.3.4:5060");
    assert_eq!(text("sip:1.2.3.4;transport=udp"), "unsupported_transport");
    assert_eq!(text("tel:+123"), "unsupported_uri_scheme");
    assert_eq!(target_text(&uri("sip:1.2.3.4"), &without(Transport::Tls)), "unsupported_uri_scheme");
}
