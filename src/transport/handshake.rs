//! From a TCP connection to one that may be used: TLS where the transport has it, and the verdict on the peer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::byte_stream::{prepare, ByteStream};
use super::close_reason::CloseReason;
use super::connection::{Connection, Phase};
use super::connections::Connections;
use super::tls::{ClientCertificates, PeerCertificates, Tls};
use super::{Transport, TransportEvent};

/// How long the TLS handshake of a client may take, from the moment its TCP connection is there.
const ACCEPT_LIMIT: Duration = Duration::from_secs(4);

/// How long the end of a refused connection may take.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);

/// A connection that may be used.
pub(super) struct Up {
    pub stream: ByteStream,
    pub local: SocketAddr,
    /// What arrived before the verdict.
    pub held: Vec<u8>,
    /// How long the TLS handshake took.
    pub handshake: Option<Duration>,
}

/// Why a connection did not come to be used.
pub(super) enum HandshakeFailure {
    /// It did not come up.
    Failed(CloseReason),
    /// It did not come up for a reason on this side.
    Own(CloseReason),
    /// The peer was not accepted, or ended the connection before the verdict.
    Refused(CloseReason),
}

/// Server's side. The bytes are those of TLS only if they are `encrypted`.
pub(super) async fn accept(
    connections: &Connections,
    connection: &Arc<Connection>,
    stream: TcpStream,
    encrypted: bool,
) -> Result<Up, HandshakeFailure> {
    let local =
        prepare(connections.shared().options.tcp_keepalive, connection.transport, &stream).map_err(failed)?;
    if !encrypted {
        return open(connections, connection, Box::new(stream), local, None);
    }
    let options = &connections.shared().options;
    let clients = match connection.transport {
        Transport::Wss => options.websocket_client_certificates,
        _ => options.client_certificates,
    };
    let tls = tls(connections)?;
    let handshake = tls.accept(stream, clients);
    let ((stream, certificates), took) = within(ACCEPT_LIMIT, connections, connection, handshake).await?;
    match clients {
        ClientCertificates::Reported | ClientCertificates::Unasked => {
            await_verdict(connections, connection, stream, local, (certificates, took)).await
        }
        ClientCertificates::Asked | ClientCertificates::Ignored => {
            open(connections, connection, stream, local, Some(took))
        }
    }
}

/// Client's side.
pub(super) async fn connect(
    connections: &Connections,
    connection: &Arc<Connection>,
    stream: TcpStream,
    limit: Duration,
) -> Result<Up, HandshakeFailure> {
    let local =
        prepare(connections.shared().options.tcp_keepalive, connection.transport, &stream).map_err(failed)?;
    let Some(name) = connection.peer_name() else {
        return open(connections, connection, Box::new(stream), local, None);
    };
    let tls = tls(connections)?;
    let handshake = tls.connect(stream, &name);
    let ((stream, certificates), took) = within(limit, connections, connection, handshake).await?;
    let demands = connection.settle_verification();
    if demands.as_ref().is_some_and(|demands| demands.by_library) {
        if let Err(distrust) = tls.verify(&certificates, &name, connections.clock().date()) {
            say_goodbye(connections, stream).await;
            return Err(HandshakeFailure::Refused(CloseReason::Certificate(distrust.to_string())));
        }
    }
    if demands.is_some_and(|demands| demands.by_callback) {
        return await_verdict(connections, connection, stream, local, (certificates, took)).await;
    }
    open(connections, connection, stream, local, Some(took))
}

fn tls(connections: &Connections) -> Result<Arc<Tls>, HandshakeFailure> {
    let tls = connections.shared().options.tls.clone();
    tls.ok_or_else(|| HandshakeFailure::Own(CloseReason::Error("TLS is not set up".to_owned())))
}

pub(super) fn failed(error: impl std::fmt::Display) -> HandshakeFailure {
    HandshakeFailure::Failed(CloseReason::error(error))
}

fn open(
    connections: &Connections,
    connection: &Connection,
    stream: ByteStream,
    local: SocketAddr,
    handshake: Option<Duration>,
) -> Result<Up, HandshakeFailure> {
    if connection.opened(local, connections.now()) {
        Ok(Up { stream, local, held: Vec::new(), handshake })
    } else {
        Err(HandshakeFailure::Failed(connection.reason()))
    }
}

/// The result of a TLS handshake and how long it took, or why there is none: the connection was closed meanwhile, or the peer
/// was too slow.
async fn within<T>(
    limit: Duration,
    connections: &Connections,
    connection: &Connection,
    handshake: impl std::future::Future<Output = std::io::Result<T>>,
) -> Result<(T, Duration), HandshakeFailure> {
    let began = connections.clock().now();
    tokio::select! {
        biased;
        () = connection.reached(Phase::Closing) => Err(HandshakeFailure::Failed(connection.reason())),
        result = connections.clock().timeout(limit, handshake) => match result {
            Ok(result) => {
                let took = connections.clock().now().saturating_duration_since(began);
                result.map(|result| (result, took)).map_err(failed)
            }
            Err(_) => Err(failed(format!("TLS handshake not completed within {} s", limit.as_secs()))),
        },
    }
}

/// Reports the certificates and waits until the connection is admitted or closed. What arrives meanwhile is kept, so that
/// the end of the peer is seen.
async fn await_verdict(
    connections: &Connections,
    connection: &Arc<Connection>,
    mut stream: ByteStream,
    local: SocketAddr,
    (certificates, took): (PeerCertificates, Duration),
) -> Result<Up, HandshakeFailure> {
    connection.shaken(local, connections.now());
    let certificates = certificates.into_iter().map(|der| Bytes::from(der.to_vec())).collect();
    let event = TransportEvent::TlsHandshake { source: connection.source(local), certificates };
    if connections.shared().events.send(event).await.is_err() {
        return Err(HandshakeFailure::Failed(CloseReason::Shutdown));
    }
    let mut held = connections.hold();
    let mut read = Vec::new();
    let reason = loop {
        held.push(&read);
        read.clear();
        let room = held.room();
        tokio::select! {
            biased;
            () = connection.reached(Phase::Open) => {
                if connection.phase() == Phase::Open {
                    return Ok(Up { stream, local, held: held.take(), handshake: Some(took) });
                }
                break connection.reason();
            }
            count = read_some(&mut stream, &mut read, room), if room > 0 => match count {
                Ok(1..) => connection.active(connections.now()),
                Ok(0) => break CloseReason::Peer,
                Err(error) => break CloseReason::error(error),
            },
        }
    };
    say_goodbye(connections, stream).await;
    Err(HandshakeFailure::Refused(reason))
}

/// Tells the peer that the end is meant.
async fn say_goodbye(connections: &Connections, mut stream: ByteStream) {
    let _ = connections.clock().timeout(GOODBYE_LIMIT, stream.shutdown()).await;
}

async fn read_some(stream: &mut ByteStream, held: &mut Vec<u8>, room: usize) -> std::io::Result<usize> {
    stream.take(room as u64).read_buf(held).await
}
