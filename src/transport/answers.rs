//! The responses to a peer that has closed its side of a connection. The end of a stream does not show whether the peer has
//! closed the other side as well. The reply of the peer's system to a response shows it: a reset.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;

use super::byte_stream::ByteStream;
use super::close_reason::CloseReason;
use super::connection::{Connection, Phase};
use super::connections::Connections;
use super::table::Alive;
use super::unconfirmed::REFUSED_WITHIN;
use super::writing::{give_up, write_batch};
use super::TransportEvent;
use crate::clock::Clock;

/// The time between the first two looks at a connection whose last response was written; each further one is twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(2);

/// Writes responses until none is owed any more, and closes. Says whether the peer has taken them.
pub(super) async fn give_out(
    connections: &Connections,
    connection: &Arc<Connection>,
    mut stream: ByteStream,
    mut alive: Option<Alive>,
) -> bool {
    tokio::select! {
        biased;
        () = give_up(connections, connection) => false,
        taken = write(connections, connection, &mut stream, &mut alive) => taken,
    }
}

/// Reports the responses that the peer may not have taken.
pub(super) async fn hand_on(connections: &Connections, connection: &Connection) {
    let unconfirmed = connection.take_unconfirmed(connections.now());
    if unconfirmed.is_empty() || connection.reason() == CloseReason::Shutdown {
        return;
    }
    let answers = unconfirmed.into_iter().map(|response| (response.to, response.wire)).collect();
    let event = TransportEvent::AnswersLost { transport: connection.transport, answers };
    // This fails only when the engine has stopped.
    let _ = connections.shared().events.send(event).await;
}

/// Whether the peer has taken everything.
async fn write(
    connections: &Connections,
    connection: &Arc<Connection>,
    stream: &mut ByteStream,
    alive: &mut Option<Alive>,
) -> bool {
    let written = async {
        loop {
            let batch = tokio::select! {
                biased;
                broken = stream.socket().ready(Interest::ERROR) => {
                    broken?;
                    return Err(stream.socket().take_error()?.unwrap_or_else(|| std::io::ErrorKind::BrokenPipe.into()));
                }
                batch = connection.next_batch(false) => batch,
            };
            let Some(batch) = batch else { break };
            write_batch(connections, connection, stream, batch).await?;
        }
        stream.shutdown().await
    };
    if let Err(error) = written.await {
        connections.end(connection, Phase::Dead, CloseReason::error(error));
        return false;
    }
    // The end of the server does not wait for the peer.
    alive.take();
    !connection.has_unconfirmed() || is_taken(connections.clock(), stream.socket()).await
}

/// Whether the peer's system has taken the responses and the end of the stream behind them. It refuses them when the peer is gone.
async fn is_taken(clock: &dyn Clock, socket: &TcpStream) -> bool {
    let mut pause = FIRST_LOOK;
    let mut reset_seen = false;
    while pause < Duration::from_millis(REFUSED_WITHIN) {
        // Without a peer the connection has ended in both directions, in peace or by an error.
        let ended = socket.peer_addr().is_err();
        match socket.take_error() {
            Ok(None) if ended => return true,
            Ok(None) => tokio::select! {
                biased;
                _ = socket.ready(Interest::ERROR), if !reset_seen => reset_seen = true,
                () = clock.sleep(pause) => pause *= 2,
            },
            _ => return false,
        }
    }
    true
}
