//! TLS in both directions: certificates, which can be replaced, handshakes, and what a server's certificate has to prove.
//!
//! A handshake succeeds with whatever certificate the peer shows: the policy is the script's. Its signatures are
//! checked always. What the library itself is asked to check (RFC 5922) it checks when the handshake is over, with
//! the demands of everything that waits for the connection.

mod identity;
mod pem;
mod purpose;
mod trust;
mod verification;
mod verifier;

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use bytes::Bytes;
use rustls::client::Resumption;
use rustls::crypto::{ring, CryptoProvider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::byte_stream::ByteStream;

pub use identity::sip_identities;
pub use pem::certificate_pem;
pub use trust::{verify_server, Authorities, Distrust};
pub use verification::{PeerName, Verification};

/// What TLS is started with.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// The server's certificate and its intermediates (DER, the server's own first) and its private key (PKCS#8, PKCS#1
    /// or SEC 1 DER); without them nothing can listen. They are shown to servers that ask, too.
    pub identity: Option<TlsIdentity>,
    /// Certificates (DER) of the authorities that vouch for servers.
    pub authorities: Vec<Bytes>,
}

/// A certificate with its key.
#[derive(Clone)]
pub struct TlsIdentity {
    /// DER, the own certificate first.
    pub chain: Vec<Bytes>,
    /// DER.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsIdentity").field("chain", &self.chain.len()).finish_non_exhaustive()
    }
}

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The key is of a kind or size that the library does not do.
    #[error("private key cannot be used: {0}")]
    Key(String),
    /// Certificate and key do not go together, or the certificate is malformed.
    #[error("certificate cannot be used: {0}")]
    Certificate(String),
}

/// What clients that connect to a TLS listener are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Nothing.
    Ignored,
    /// A certificate, of which nobody is told.
    Asked,
    /// Nothing; whether the connection may be used is decided outside all the same. For browsers: Chromium gives a WebSocket up
    /// when the server asks for a certificate.
    Unasked,
    /// A certificate; whether the connection may be used is decided outside ([`super::TransportEvent::TlsHandshake`]).
    Reported,
}

/// Certificates of a peer, its own first.
pub(super) type PeerCertificates = Vec<CertificateDer<'static>>;

/// Everything that handshakes need.
pub struct Tls {
    provider: Arc<CryptoProvider>,
    /// A handshake takes what is there when it begins. Connections that are up do not look at it again.
    credentials: RwLock<Arc<Credentials>>,
}

/// Certificates and key, ready for use.
struct Credentials {
    /// `None` without a certificate of our own.
    acceptors: Option<Acceptors>,
    connector: TlsConnector,
    authorities: Authorities,
    /// Until when the certificate of our own counts.
    valid_until: Option<SystemTime>,
}

struct Acceptors {
    asking: TlsAcceptor,
    silent: TlsAcceptor,
}

impl Tls {
    /// Checks certificate and key.
    pub fn new(settings: &TlsSettings) -> Result<Tls, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let credentials = RwLock::new(Arc::new(Credentials::new(&provider, settings)?));
        Ok(Tls { provider, credentials })
    }

    /// Takes other certificates from the next handshake on, in both directions. On an error the old ones stay.
    pub fn replace(&self, settings: &TlsSettings) -> Result<(), TlsError> {
        let fresh = Arc::new(Credentials::new(&self.provider, settings)?);
        *self.credentials.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Until when the certificate of our own counts; `None` without one.
    pub fn valid_until(&self) -> Option<SystemTime> {
        self.credentials().valid_until
    }

    fn credentials(&self) -> Arc<Credentials> {
        self.credentials.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether listeners can be served.
    pub(super) fn can_accept(&self) -> bool {
        self.credentials().acceptors.is_some()
    }

    /// The server's side of a handshake.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        clients: ClientCertificates,
    ) -> io::Result<(ByteStream, PeerCertificates)> {
        let credentials = self.credentials();
        let acceptors = credentials.acceptors.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let acceptor = match clients {
            ClientCertificates::Ignored | ClientCertificates::Unasked => &acceptors.silent,
            ClientCertificates::Asked | ClientCertificates::Reported => &acceptors.asking,
        };
        let stream = acceptor.accept(stream).await?;
        let certificates = owned(stream.get_ref().1.peer_certificates());
        Ok((Box::new(stream), certificates))
    }

    /// The client's side of a handshake.
    pub(super) async fn connect(
        &self,
        stream: TcpStream,
        name: &PeerName,
    ) -> io::Result<(ByteStream, PeerCertificates)> {
        let remote = stream.peer_addr()?.ip();
        let connector = self.credentials().connector.clone();
        let stream = connector.connect(name.server_name(remote), stream).await?;
        let certificates = owned(stream.get_ref().1.peer_certificates());
        Ok((Box::new(stream), certificates))
    }

    /// As [`verify_server`], with the authorities of now.
    pub(super) fn verify(
        &self,
        certificates: &PeerCertificates,
        name: &PeerName,
        now: SystemTime,
    ) -> Result<(), Distrust> {
        verify_server(certificates, name, &self.credentials().authorities, now)
    }
}

impl Credentials {
    /// Checks certificate and key.
    fn new(provider: &Arc<CryptoProvider>, settings: &TlsSettings) -> Result<Credentials, TlsError> {
        let (authorities, unusable) = Authorities::new(&settings.authorities);
        if unusable > 0 {
            tracing::warn!(target: "oversip::tls", unusable, "CA certificates that verify_server cannot use");
        }
        let valid_until =
            settings.identity.as_ref().and_then(|own| identity::valid_until(own.chain.first()?));
        let identity =
            settings.identity.as_ref().map(|identity| certified_key(provider, identity)).transpose()?;
        Ok(Credentials {
            acceptors: identity.clone().map(|identity| Acceptors::new(provider, identity)),
            connector: connector(provider, identity),
            authorities,
            valid_until,
        })
    }
}

impl Acceptors {
    fn new(provider: &Arc<CryptoProvider>, identity: Arc<CertifiedKey>) -> Acceptors {
        let resolver = Arc::new(rustls::sign::SingleCertAndKey::from(identity));
        let base = || {
            ServerConfig::builder_with_provider(provider.clone())
                .with_safe_default_protocol_versions()
                .expect("the provider has suites for TLS 1.2 and 1.3")
        };
        let asking = base()
            .with_client_cert_verifier(Arc::new(verifier::AnyClient::new(provider)))
            .with_cert_resolver(resolver.clone());
        let silent = base().with_no_client_auth().with_cert_resolver(resolver);
        Acceptors { asking: Arc::new(asking).into(), silent: Arc::new(silent).into() }
    }
}

fn connector(provider: &Arc<CryptoProvider>, identity: Option<Arc<CertifiedKey>>) -> TlsConnector {
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier::AnyServer::new(provider)));
    let mut config = match identity {
        Some(identity) => {
            builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(identity)))
        }
        None => builder.with_no_client_auth(),
    };
    // Every connection shows its certificates anew.
    config.resumption = Resumption::disabled();
    Arc::new(config).into()
}

fn certified_key(provider: &CryptoProvider, identity: &TlsIdentity) -> Result<Arc<CertifiedKey>, TlsError> {
    let key =
        PrivateKeyDer::try_from(identity.key.clone()).map_err(|error| TlsError::Key(error.to_owned()))?;
    let key =
        provider.key_provider.load_private_key(key).map_err(|error| TlsError::Key(error.to_string()))?;
    let chain = identity.chain.iter().map(|der| CertificateDer::from(der.to_vec())).collect();
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        // The library cannot tell for every kind of key.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(Arc::new(certified))
        }
        Err(error) => Err(TlsError::Certificate(error.to_string())),
    }
}

/// Consecutive equal certificates count once.
fn owned(certificates: Option<&[CertificateDer<'_>]>) -> PeerCertificates {
    let mut owned: PeerCertificates =
        certificates.unwrap_or_default().iter().map(|der| der.clone().into_owned()).collect();
    owned.dedup();
    owned
}
