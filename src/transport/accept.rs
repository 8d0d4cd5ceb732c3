//! Accepting stream connections, whatever runs on them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tracing::{info, warn};

use super::connection::{Connection, Phase};
use super::connections::Connections;
use super::handshake::{self, HandshakeFailure};
use super::table::Alive;
use super::{proxied, stream, Transport, TransportEvent};

/// Pause after an error of the listener itself (no file descriptors left): it would only be repeated at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a listener accepts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Accepting {
    pub transport: Transport,
    /// Connections come from a proxy that decrypted them and says in a first line whose they are.
    pub proxied: bool,
}

/// Accepts connections for as long as the task lives.
pub(super) async fn accept(listener: TcpListener, accepting: Accepting, connections: Connections) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) if accepting.proxied => {
                connections.spawn(serve_proxied(connections.clone(), accepting, stream, remote));
            }
            Ok((stream, remote)) => enter(&connections, accepting, stream, remote),
            Err(error) if of_one_connection(&error) => {}
            Err(error) => {
                warn!(target: "oversip::transport", %error, "cannot accept connections");
                connections.clock().sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Errors that belong to a connection which broke before it could be accepted.
fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// The connection of a client behind a proxy counts from the proxy's line on.
async fn serve_proxied(
    connections: Connections,
    accepting: Accepting,
    mut stream: TcpStream,
    proxy: SocketAddr,
) {
    match proxied::client(connections.clock(), &mut stream, proxy).await {
        Ok(remote) => enter(&connections, accepting, stream, remote),
        Err(error) => info!(target: "oversip::transport", %proxy, %error, "proxied connection refused"),
    }
}

fn enter(connections: &Connections, accepting: Accepting, stream: TcpStream, remote: SocketAddr) {
    match connections.accepted(accepting.transport, remote) {
        Some((connection, alive)) => {
            let encrypted = accepting.transport.secure() && !accepting.proxied;
            connections.spawn(serve(connections.clone(), connection, stream, encrypted, alive));
        }
        None => warn!(target: "oversip::transport", %remote, "connection refused: too many of them"),
    }
}

async fn serve(
    connections: Connections,
    connection: Arc<Connection>,
    stream: TcpStream,
    encrypted: bool,
    alive: Alive,
) {
    match handshake::accept(&connections, &connection, stream, encrypted).await {
        Ok(up) => stream::serve(connections, connection, up, alive).await,
        Err(failure) => {
            let (reason, reported) = match failure {
                HandshakeFailure::Failed(reason) | HandshakeFailure::Own(reason) => (reason, false),
                HandshakeFailure::Refused(reason) => (reason, true),
            };
            let (id, transport, remote) = (connection.id, connection.transport, connection.remote);
            info!(target: "oversip::transport", connection = %id, %transport, %remote, %reason,
                "connection not accepted");
            connections.end(&connection, Phase::Dead, reason);
            let unsent = connections.discard(&connection);
            if reported {
                let reason = connection.reason();
                let closed = TransportEvent::ConnectionClosed {
                    id,
                    transport,
                    remote,
                    reason,
                    websocket: false,
                    unsent,
                };
                let _ = connections.shared().events.send(closed).await;
            }
        }
    }
}
