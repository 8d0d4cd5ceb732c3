//! The writing half of a connection: what is queued goes out, several messages at a time.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::close_reason::CloseReason;
use super::connection::{Connection, Phase};
use super::connections::Connections;
use super::outgoing_queue::{Batch, BATCH};

/// How long a connection that is closed from here may take to write what is queued.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// Resolves when what a connection still has to write is to be given up.
pub(super) async fn give_up(connections: &Connections, connection: &Connection) {
    connection.reached(Phase::Closing).await;
    let _ = connections.clock().timeout(FLUSH_LIMIT, connection.reached(Phase::Dead)).await;
}

/// Writes what is queued until the connection closes, and says so to the peer then, or until the peer has closed its side.
pub(super) async fn write<W: AsyncWrite + Unpin>(
    connections: &Connections,
    connection: &Arc<Connection>,
    writer: &mut W,
) {
    let written = async {
        while let Some(batch) = connection.next_batch(true).await {
            write_batch(connections, connection, writer, batch).await?;
        }
        if connection.is_finished() {
            return Ok(());
        }
        writer.shutdown().await
    };
    if let Err(error) = written.await {
        connections.end(connection, Phase::Dead, CloseReason::error(error));
    }
}

pub(super) async fn write_batch<W: AsyncWrite + Unpin>(
    connections: &Connections,
    connection: &Connection,
    writer: &mut W,
    mut batch: Batch,
) -> io::Result<()> {
    while !batch.is_empty() {
        let mut slices = [IoSlice::new(&[]); BATCH];
        for (slice, bytes) in slices.iter_mut().zip(&batch) {
            *slice = IoSlice::new(bytes);
        }
        let count = writer.write_vectored(&slices[..batch.len()]).await?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        connection.written(count);
        connection.active(connections.now());
        skip(&mut batch, count);
    }
    writer.flush().await
}

/// Drops `count` bytes off the front.
fn skip(batch: &mut Batch, mut count: usize) {
    let whole = batch
        .iter()
        .take_while(|bytes| {
            let written = bytes.len() <= count;
            if written {
                count -= bytes.len();
            }
            written
        })
        .count();
    batch.drain(..whole);
    if let Some(first) = batch.first_mut() {
        first.advance(count);
    }
}
