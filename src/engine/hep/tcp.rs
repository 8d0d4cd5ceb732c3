//! Packets over a connection, as many at once as wait.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::TcpStream;

use super::collector::Collector;
use crate::clock::Clock;
use crate::engine::clock::SystemClock;

/// How long a connection may take to come up, and a write to go on.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// Bytes from which on a write begins.
const ENOUGH: usize = 64 * 1024;

/// Sends until the connection is lost. Ends with the reason.
pub(super) async fn send(collector: &Collector) -> io::Error {
    match open(collector).await {
        Ok(mut stream) => {
            let (reader, writer) = stream.split();
            send_by(collector, reader, writer).await
        }
        Err(error) => error,
    }
}

async fn open(collector: &Collector) -> io::Result<TcpStream> {
    let clock: &dyn Clock = &SystemClock;
    let address = collector.address();
    let stream = TcpStream::connect((address.host.as_str(), address.port));
    let stream = clock.timeout(CONNECT_LIMIT, stream).await.map_err(|_| io::ErrorKind::TimedOut)??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn send_by(collector: &Collector, mut reader: ReadHalf<'_>, mut writer: WriteHalf<'_>) -> io::Error {
    let clock: &dyn Clock = &SystemClock;
    collector.is_connected();
    let mut buffer = Vec::new();
    loop {
        let lost = tokio::select! {
            () = collector.has_packets() => None,
            error = end(&mut reader) => Some(error),
        };
        if let Some(error) = lost {
            return error;
        }
        buffer.clear();
        while buffer.len() < ENOUGH {
            let Some(packet) = collector.take() else { break };
            buffer.extend_from_slice(&packet);
        }
        match clock.timeout(WRITE_LIMIT, writer.write_all(&buffer)).await {
            Ok(Ok(())) => collector.are_sent(),
            Ok(Err(error)) => return error,
            Err(_) => return io::Error::new(io::ErrorKind::TimedOut, "it has stopped reading"),
        }
    }
}

/// A collector has nothing to say; it only ends the connection.
async fn end(reader: &mut ReadHalf<'_>) -> io::Error {
    let mut buffer = [0; 64];
    loop {
        match reader.read(&mut buffer).await {
            Ok(0) => return io::Error::new(io::ErrorKind::ConnectionReset, "it has closed the connection"),
            Ok(_) => {}
            Err(error) => return error,
        }
    }
}
