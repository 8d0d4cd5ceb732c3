//! The judgement on the certificates of a server (RFC 5922), by whoever has them: it needs no connection and reads no clock.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::{CertificateError, RootCertStore};
use webpki::EndEntityCert;

use super::identity::{speaks_for_domain, speaks_for_ip};
use super::purpose::SipServer;
use super::verification::PeerName;

/// The authorities whose word is taken.
#[derive(Debug, Clone)]
pub struct Authorities(RootCertStore);

impl Authorities {
    /// Those with these certificates (DER). Also says how many of them cannot be used, and so are left out.
    pub fn new(certificates: &[Bytes]) -> (Authorities, usize) {
        let mut roots = RootCertStore::empty();
        let certificates = certificates.iter().map(|der| CertificateDer::from(&der[..]));
        let (_, unusable) = roots.add_parsable_certificates(certificates);
        (Authorities(roots), unusable)
    }
}

/// Why a server is not trusted. The words are for logs and scripts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It shows nothing.
    #[error("the peer shows no certificate")]
    NoCertificate,
    /// Nobody's word is taken.
    #[error("there are no CA certificates to verify with (tls[ca_dir])")]
    NoAuthorities,
    /// The time of a certificate has not come yet, or is over; the words say by how much.
    #[error("invalid peer certificate: {0}")]
    OutOfDate(String),
    /// Its certificate, or that of an authority in between, is for something else.
    #[error("invalid peer certificate: it is neither for SIP nor for TLS servers (extended key usage)")]
    OtherPurpose,
    /// The certificates are malformed, forged, or lead to no authority that is known.
    #[error("invalid peer certificate: {0}")]
    Invalid(String),
    /// The certificate is that of somebody else.
    #[error("the certificate is not for the domain {0}")]
    OtherDomain(String),
    /// Likewise, where an address is wanted.
    #[error("the certificate is not for the address {0}")]
    OtherAddress(IpAddr),
}

/// RFC 5922: whether the certificates of a server prove at this time that it may speak SIP for `name`. `chain` has them in DER,
/// the server's own first.
///
/// # Errors
///
/// [`Distrust`] if they do not.
pub fn verify_server<C: AsRef<[u8]>>(
    chain: &[C],
    name: &PeerName,
    authorities: &Authorities,
    now: SystemTime,
) -> Result<(), Distrust> {
    let (own, intermediates) = chain.split_first().ok_or(Distrust::NoCertificate)?;
    if authorities.0.is_empty() {
        return Err(Distrust::NoAuthorities);
    }
    // A time before that of the first computers is as good as their first day.
    let now =
        UnixTime::since_unix_epoch(now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO));
    let own = own.as_ref();
    let der = CertificateDer::from(own);
    let intermediates: Vec<_> = intermediates.iter().map(|it| CertificateDer::from(it.as_ref())).collect();
    let algorithms = ring::default_provider().signature_verification_algorithms.all;
    // What rustls has for this refuses certificates that are for SIP alone (RFC 5924).
    EndEntityCert::try_from(&der)
        .and_then(|server| {
            let roots = &authorities.0.roots;
            server.verify_for_usage(algorithms, roots, &intermediates, now, SipServer, None, None).map(|_| ())
        })
        .map_err(distrust)?;
    match name {
        PeerName::Domain(domain) if speaks_for_domain(own, domain) => Ok(()),
        PeerName::Ip(ip) if speaks_for_ip(own, *ip) => Ok(()),
        PeerName::Domain(domain) => Err(Distrust::OtherDomain(domain.clone())),
        PeerName::Ip(ip) => Err(Distrust::OtherAddress(*ip)),
    }
}

fn distrust(error: webpki::Error) -> Distrust {
    let out_of_date = |context: CertificateError| Distrust::OutOfDate(context.to_string());
    match error {
        webpki::Error::CertExpired { time, not_after } => {
            out_of_date(CertificateError::ExpiredContext { time, not_after })
        }
        webpki::Error::CertNotValidYet { time, not_before } => {
            out_of_date(CertificateError::NotValidYetContext { time, not_before })
        }
        webpki::Error::RequiredEkuNotFoundContext(_) => Distrust::OtherPurpose,
        other => Distrust::Invalid(other.to_string()),
    }
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
