//! Chains of `tests/certificates`, judged at times of the test's choice.

use super::*;
use rustls::pki_types::pem::PemObject;

/// 2025-01-01 and 2027-01-01, when the certificates begin and end to be valid.
const FROM: Duration = Duration::from_secs(1_735_689_600);
const UNTIL: Duration = Duration::from_secs(1_798_761_600);

fn der(pem: &[u8]) -> Bytes {
    Bytes::copy_from_slice(&CertificateDer::from_pem_slice(pem).expect("a certificate"))
}

macro_rules! certificate {
    ($name:literal) => {
        der(include_bytes!(concat!("../../../tests/certificates/", $name, ".pem")))
    };
}

fn authorities() -> Authorities {
    Authorities::new(&[certificate!("root")]).0
}

fn domain(name: &str) -> PeerName {
    PeerName::Domain(name.to_owned())
}

fn at(time: Duration) -> SystemTime {
    SystemTime::UNIX_EPOCH + time
}

/// The judgement on this server with the authority below the root, while all are valid.
fn judged(own: Bytes, name: &PeerName) -> Result<(), Distrust> {
    verify_server(&[own, certificate!("between")], name, &authorities(), at(FROM))
}

#[test]
fn a_chain_to_an_authority_speaks_for_the_names_in_it() {
    let own = || certificate!("example");
    assert_eq!(judged(own(), &domain("example.net")), Ok(()));
    assert_eq!(judged(own(), &domain("EXAMPLE.net.")), Ok(()));
    assert_eq!(judged(own(), &PeerName::Ip([192, 0, 2, 1].into())), Ok(()));
    let other = "example.org".to_owned();
    assert_eq!(judged(own(), &domain("example.org")), Err(Distrust::OtherDomain(other)));
    let other = IpAddr::from([192, 0, 2, 2]);
    assert_eq!(judged(own(), &PeerName::Ip(other)), Err(Distrust::OtherAddress(other)));
}

#[test]
fn the_time_decides_and_is_the_callers() {
    let chain = [certificate!("example"), certificate!("between")];
    let judged = |time| verify_server(&chain, &domain("example.net"), &authorities(), at(time));
    let second = Duration::from_secs(1);
    assert!(
        matches!(judged(FROM - second), Err(Distrust::OutOfDate(words)) if words.contains("not valid yet"))
    );
    assert_eq!([judged(FROM), judged(UNTIL)], [Ok(()), Ok(())]);
    assert!(matches!(judged(UNTIL + second), Err(Distrust::OutOfDate(words)) if words.contains("expired")));
    let early = SystemTime::UNIX_EPOCH - second;
    let judged = verify_server(&chain, &domain("example.net"), &authorities(), early);
    assert!(matches!(judged, Err(Distrust::OutOfDate(_))));
}

#[test]
fn a_certificate_is_for_sip_or_for_tls_servers() {
    assert_eq!(judged(certificate!("sip_only"), &domain("example.net")), Ok(()));
    assert_eq!(judged(certificate!("mail_only"), &domain("example.net")), Err(Distrust::OtherPurpose));
}

#[test]
fn what_leads_to_no_authority_is_invalid() {
    let name = domain("example.net");
    let judged = |chain: &[Bytes]| verify_server(chain, &name, &authorities(), at(FROM));
    let unknown = Err(Distrust::Invalid("UnknownIssuer".to_owned()));
    assert_eq!(judged(&[certificate!("example")]), unknown, "the authority in between is missing");
    assert_eq!(judged(&[certificate!("forged"), certificate!("stranger")]), unknown);
    let mut altered = certificate!("example").to_vec();
    *altered.last_mut().unwrap() ^= 1;
    let altered = judged(&[altered.into(), certificate!("between")]);
    assert!(matches!(altered, Err(Distrust::Invalid(_))), "{altered:?}");
    assert!(matches!(judged(&[Bytes::from_static(b"no certificate")]), Err(Distrust::Invalid(_))));
}

#[test]
fn without_certificates_on_either_side_nothing_is_trusted() {
    let name = domain("example.net");
    let nothing: [Bytes; 0] = [];
    assert_eq!(verify_server(&nothing, &name, &authorities(), at(FROM)), Err(Distrust::NoCertificate));
    let (nobody, unusable) = Authorities::new(&[Bytes::from_static(b"no certificate")]);
    assert_eq!(unusable, 1);
    assert_eq!(
        verify_server(&[certificate!("example")], &name, &nobody, at(FROM)),
        Err(Distrust::NoAuthorities)
    );
}
