//! What a peer that has closed its side of a connection still gets, and what becomes of it when the peer has closed both: the end
//! of a stream looks the same for either, and only the system's reply to an answer tells.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::TcpStream;

use super::byte_stream::ByteStream;
use super::close_reason::CloseReason;
use super::connection::{Connection, Phase};
use super::connections::Connections;
use super::outgoing_queue::UNCERTAIN_FOR;
use super::table::Alive;
use super::writing::{give_up, write_batch};
use super::TransportEvent;
use crate::clock::Clock;

/// The first time between two looks at a connection whose last answer was written; each one is twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(2);

/// Writes the answers until none is owed any more, and closes. Whether the peer has taken them.
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

/// Reports the answers that the peer may not have taken.
pub(super) async fn hand_on(connections: &Connections, connection: &Connection) {
    let uncertain = connection.take_uncertain(connections.now());
    if uncertain.is_empty() || connection.reason() == CloseReason::Shutdown {
        return;
    }
    let answers = uncertain.into_iter().map(|answer| (answer.to, answer.wire)).collect();
    let event = TransportEvent::AnswersLost { transport: connection.transport, answers };
    // The engine that takes none has stopped.
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
    // Who stops does not wait for a peer.
    alive.take();
    !connection.is_uncertain() || is_taken(connections.clock(), stream.socket()).await
}

/// Whether the peer's system has taken what was written and the end behind it; that of a peer that is gone refuses it.
async fn is_taken(clock: &dyn Clock, socket: &TcpStream) -> bool {
    let mut pause = FIRST_LOOK;
    let limit = Duration::from_millis(UNCERTAIN_FOR);
    while pause < limit {
        // Without a peer the connection has ended in both directions, in peace or by an error.
        let ended = socket.peer_addr().is_err();
        match socket.take_error() {
            Ok(None) if ended => return true,
            Ok(None) => clock.sleep(pause).await,
            _ => return false,
        }
        pause *= 2;
    }
    true
}
