//! Accepting stream connections, whatever runs on them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tracing::warn;

use super::byte_stream::prepare;
use super::connection::{CloseReason, Connection, Phase};
use super::connections::{Alive, Connections};
use super::framing::SipFraming;
use super::ws::WsFraming;
use super::{stream, Transport};

/// Pause after an error of the listener itself (no file descriptors left): it would only be repeated at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections for as long as the task lives.
pub(super) async fn accept(listener: TcpListener, transport: Transport, connections: Connections) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => match connections.accepted(transport, remote) {
                Some((connection, alive)) => {
                    connections.spawn(serve(connections.clone(), connection, stream, alive));
                }
                None => warn!(target: "oversip::transport", %remote, "connection refused: too many of them"),
            },
            Err(error) if of_one_connection(&error) => {}
            Err(error) => {
                warn!(target: "oversip::transport", %error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Errors that belong to a connection which broke before it could be accepted.
fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

async fn serve(connections: Connections, connection: Arc<Connection>, stream: TcpStream, alive: Alive) {
    let Ok(local) = prepare(&connections, &stream) else {
        connections.end(&connection, Phase::Dead, CloseReason::Peer);
        return;
    };
    if connection.opened(local, connections.now()) {
        let options = connections.shared().options.clone();
        if connection.transport.websocket() {
            let framing = WsFraming::new(options.ws_limits);
            stream::run(connections, connection, local, Box::new(stream), framing, alive).await;
        } else {
            let framing = SipFraming::new(options.max_body_size);
            stream::run(connections, connection, local, Box::new(stream), framing, alive).await;
        }
    }
}
