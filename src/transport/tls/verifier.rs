//! What rustls asks about certificates during a handshake, and the check of a chain.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    verify_tls12_signature, verify_tls13_signature, CryptoProvider, WebPkiSupportedAlgorithms,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use webpki::EndEntityCert;

use super::purpose::SipServer;

/// Whether the certificates lead from the peer's own, the first, to one of the roots at this time.
pub(super) fn verify_chain(
    provider: &CryptoProvider,
    roots: &RootCertStore,
    certificates: &[CertificateDer<'static>],
) -> Result<(), String> {
    let Some((own, intermediates)) = certificates.split_first() else {
        return Err("the peer shows no certificate".to_owned());
    };
    if roots.is_empty() {
        return Err("there are no CA certificates to verify with (tls[ca_dir])".to_owned());
    }
    // What rustls has for this refuses certificates that are for SIP alone (RFC 5924).
    let verified = EndEntityCert::try_from(own).and_then(|own| {
        let algorithms = provider.signature_verification_algorithms.all;
        own.verify_for_usage(algorithms, &roots.roots, intermediates, UnixTime::now(), SipServer, None, None)
            .map(|_| ())
    });
    verified.map_err(|error| format!("invalid peer certificate: {}", explain(error)))
}

/// What is wrong with a chain, for people: with the time where it is about time.
fn explain(error: webpki::Error) -> String {
    match error {
        webpki::Error::CertExpired { time, not_after } => {
            CertificateError::ExpiredContext { time, not_after }.to_string()
        }
        webpki::Error::CertNotValidYet { time, not_before } => {
            CertificateError::NotValidYetContext { time, not_before }.to_string()
        }
        webpki::Error::RequiredEkuNotFoundContext(_) => {
            "it is neither for SIP nor for TLS servers (extended key usage)".to_owned()
        }
        other => other.to_string(),
    }
}

/// Takes every server's certificate; only that the server has its key must be true.
#[derive(Debug)]
pub(super) struct AnyServer(WebPkiSupportedAlgorithms);

impl AnyServer {
    pub fn new(provider: &Arc<CryptoProvider>) -> AnyServer {
        AnyServer(provider.signature_verification_algorithms)
    }
}

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _own: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// Asks clients for a certificate and takes any, or none; only that the client has the key must be true.
#[derive(Debug)]
pub(super) struct AnyClient(WebPkiSupportedAlgorithms);

impl AnyClient {
    pub fn new(provider: &Arc<CryptoProvider>) -> AnyClient {
        AnyClient(provider.signature_verification_algorithms)
    }
}

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _own: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
