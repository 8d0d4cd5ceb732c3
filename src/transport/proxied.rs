//! The first line of a connection that comes through a proxy (PROXY protocol version 1).

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::clock::Clock;
use crate::message::proxied_client;

/// The longest line that the protocol allows, with its CRLF.
const LONGEST_LINE: usize = 107;

/// How long the line may take: the proxy writes it at once.
const LINE_LIMIT: Duration = Duration::from_secs(4);

/// Reads the line, and nothing behind it; answers with the address of the client, which is `peer` itself where the line does not
/// tell.
pub(super) async fn client(
    clock: &dyn Clock,
    stream: &mut TcpStream,
    peer: SocketAddr,
) -> io::Result<SocketAddr> {
    let late = |_| io::Error::new(ErrorKind::TimedOut, "no PROXY line in time");
    let line = clock.timeout(LINE_LIMIT, line(stream)).await.map_err(late)??;
    let named =
        proxied_client(&line).ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "no valid PROXY line"))?;
    Ok(named.unwrap_or(peer))
}

async fn line(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(LONGEST_LINE);
    // Byte by byte: it is one short line in the life of a connection, and what follows is not for this reader.
    while line.last() != Some(&b'\n') {
        if line.len() == LONGEST_LINE {
            return Err(io::Error::new(ErrorKind::InvalidData, "PROXY line too long"));
        }
        line.push(stream.read_u8().await?);
    }
    Ok(line)
}
