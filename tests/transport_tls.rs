//! TLS over loopback: a client that says that it sends nothing more, and reads on.

mod transport_support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use oversip::transport::{
    ClientCertificates, CloseReason, Tls, TlsIdentity, TlsSettings, Transport, TransportEvent,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::TlsConnector;
use transport_support::{bytes, options, request, within, Rig, V4};

/// Takes any certificate.
#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

fn server() -> Rig {
    let identity = TlsIdentity {
        chain: vec![Bytes::from_static(include_bytes!("transport_support/tls/certificate.der"))],
        key: include_bytes!("transport_support/tls/key.der").to_vec(),
    };
    let settings = TlsSettings { identity: Some(identity), authorities: Vec::new() };
    let mut options = options();
    options.tls = Some(Arc::new(Tls::new(&settings).expect("a certificate and its key")));
    options.client_certificates = ClientCertificates::Ignored;
    Rig::listening(&[Transport::Tls], options, 64)
}

async fn dial(rig: &Rig, version: &'static SupportedProtocolVersion) -> TlsStream<TcpStream> {
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .expect("a version that the provider has")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer))
        .with_no_client_auth();
    let tcp = TcpStream::connect(rig.address(V4)).await.expect("accepted");
    let name = ServerName::try_from("test.example").expect("a name");
    within(TlsConnector::from(Arc::new(config)).connect(name, tcp)).await.expect("a handshake")
}

/// What the client gets that sends a request, closes its side with `close`, and is answered then.
async fn half_closed(
    version: &'static SupportedProtocolVersion,
    close: impl AsyncFnOnce(&mut TlsStream<TcpStream>),
) {
    let mut rig = server();
    let mut client = dial(&rig, version).await;
    let id = rig.opened().await;
    within(client.write_all(request("half", "").as_bytes())).await.expect("written");
    let owed = match rig.next().await {
        TransportEvent::Message { owed, .. } => owed,
        other => panic!("expected a message, got {other:?}"),
    };
    assert!(owed.is_some());
    close(&mut client).await;
    match rig.next().await {
        TransportEvent::PeerFinished { id: finished } => assert_eq!(finished, id),
        other => panic!("expected the end of the client's side, got {other:?}"),
    }
    let connections = rig.layer.connections();
    assert!(!connections.send(id, bytes("a request,")), "it carries answers alone");
    assert!(connections.respond(id, bytes("a provisional answer,"), || Some(rig.address(V4))));
    let mut first = [0; 21];
    within(client.read_exact(&mut first)).await.expect("an answer");
    assert_eq!(&first, b"a provisional answer,");
    assert!(connections.respond(id, bytes("the last one"), || Some(rig.address(V4))));
    drop(owed);
    let mut rest = String::new();
    within(client.read_to_string(&mut rest)).await.expect("an end that TLS announces");
    assert_eq!(rest, "the last one");
    drop(client);
    // The layer looks at the socket again and again, by its clock.
    let looks = async {
        while rig.events.is_empty() {
            rig.advance(Duration::from_millis(2));
            rig.tasks_wait().await;
        }
    };
    within(looks).await;
    assert_eq!(rig.closed(id).await, (CloseReason::Peer, false));
}

#[tokio::test]
async fn a_client_that_closes_its_side_of_tls_gets_its_answers() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        half_closed(version, async |client| {
            client.get_mut().1.send_close_notify();
            within(client.flush()).await.expect("sent");
        })
        .await;
    }
}

#[tokio::test]
async fn a_client_that_closes_its_side_of_tls_and_of_tcp_gets_its_answers() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        half_closed(version, async |client| within(client.shutdown()).await.expect("sent")).await;
    }
}
