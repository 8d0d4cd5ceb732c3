//! What stream connections are made of.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::{client, server};

use super::Transport;

/// The bytes of a connection in both directions, whatever encrypts them.
pub(super) type ByteStream = Box<dyn Duplex>;

/// A stream to read from and write to.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin {
    /// What its bytes travel over.
    fn socket(&self) -> &TcpStream;
}

impl Duplex for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Duplex for server::TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

impl Duplex for client::TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Sets what all connections have in common, and after which idle time TCP probes them; answers with our end's address.
pub(super) fn prepare(
    keepalive: Option<Duration>,
    transport: Transport,
    stream: &TcpStream,
) -> io::Result<SocketAddr> {
    // Messages are written whole; waiting for more to fill a segment only delays them.
    stream.set_nodelay(true)?;
    // WebSocket has pings of its own.
    if let Some(interval) = keepalive.filter(|_| !transport.websocket()) {
        let keepalive = TcpKeepalive::new().with_time(interval).with_interval(interval);
        SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
    }
    stream.local_addr()
}
