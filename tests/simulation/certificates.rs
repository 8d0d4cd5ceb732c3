//! Certificates of TLS on the simulated network.

use std::time::SystemTime;

use bytes::Bytes;
use oversip::client::{RouteError, VerifyServer};
use oversip::element::ServerName;
use oversip::message::Transport;

use crate::call_to;
use crate::element_support::*;

const SIP_TLS: &str = "10.0.2.1:5061";

/// The certificates in PEM files of `tests/certificates`, as DER.
fn certificates(pems: &[&[u8]]) -> Vec<Bytes> {
    use rustls::pki_types::{pem::PemObject, CertificateDer};
    let der = |pem: &&[u8]| CertificateDer::from_pem_slice(pem).expect("a certificate").to_vec().into();
    pems.iter().map(der).collect()
}

/// What becomes of a call by TLS to a server that speaks for `example.net` from 2025 to 2026.
fn call_by_tls(host: &str, date: SystemTime) -> CallState {
    let mut world = world(1);
    world.zone().address("example.net", address(SIP_TLS).ip());
    world.zone().address("example.org", address(SIP_TLS).ip());
    let chain = certificates(&[
        include_bytes!("../certificates/example.pem"),
        include_bytes!("../certificates/between.pem"),
    ]);
    world.show_certificates(address(SIP_TLS), chain);
    world.set_date(date);
    let (authorities, _) =
        oversip::transport::Authorities::new(&certificates(&[include_bytes!("../certificates/root.pem")]));
    world.set_judge(move |chain, name, now| {
        use oversip::transport::PeerName;
        let name = match name {
            ServerName::Domain(domain) => PeerName::Domain(domain.clone()),
            ServerName::Ip(ip) => PeerName::Ip(*ip),
        };
        oversip::transport::verify_server(chain, &name, &authorities, now).map_err(|why| why.to_string())
    });
    add_callee_by(&mut world, Transport::Tls, SIP_TLS, Uas::answering(486, millis(10)));
    let mut profile = profile();
    profile.verify_server = VerifyServer::Library;
    let to = by_dns(&format!("sips:{host}"));
    call_to(&mut world, Blocks::relay_to(profile, to)).0
}

fn in_year(year: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + seconds((year - 1970) * 31_557_600)
}

#[test]
fn a_server_is_judged_by_its_certificates_with_the_date_of_the_world() {
    assert_eq!(call_by_tls("example.net", in_year(2026)), CallState::Refused(486));
    let refused = CallState::Refused(RouteError::TlsValidationFailed.status());
    assert_eq!(call_by_tls("example.net", in_year(2030)), refused);
    assert_eq!(call_by_tls("example.org", in_year(2026)), refused);
}

#[test]
fn a_script_judges_the_certificates_of_a_server_where_the_profile_says_so() {
    for (certificates, outcome) in [(vec![Bytes::from_static(b"mine")], 486), (Vec::new(), 500)] {
        let mut world = world(1);
        world.show_certificates(address(SIP_TLS), certificates);
        let script = Blocks::relay_to(profile(), tls(SIP_TLS)).on_tls_handshake(|shown| !shown.is_empty());
        let relay = add_relay(&mut world, RELAY, script);
        let alice = add_caller(&mut world, ALICE, RELAY);
        add_callee_by(&mut world, Transport::Tls, SIP_TLS, Uas::answering(486, millis(10)));
        call(&mut world, alice, CallPlan::default());
        world.run_until_idle();
        assert_eq!(world.peer(alice).calls()[0].state(), CallState::Refused(outcome), "{}", world.record());
        assert_all_quiet(&world, relay);
    }
}
