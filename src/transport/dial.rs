//! Opening stream connections.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpSocket, TcpStream};
use tracing::info;

use super::close_reason::CloseReason;
use super::connection::{Connection, Phase};
use super::connections::Connections;
use super::handshake::{self, failed, HandshakeFailure, Up};
use super::options::OpeningLimits;
use super::table::Alive;
use super::tls::Verification;
use super::{stream, ConnectionId, OpeningFailure, Transport, TransportEvent};

/// Our end of a connection that is to be opened.
enum Start {
    /// At this address, or wherever the route leads.
    At(Option<IpAddr>),
    /// At a socket that is bound already.
    With(TcpSocket),
}

impl Connections {
    /// Opens a TCP connection from `local_ip`, or from wherever the route leads. Messages may be sent on it at once:
    /// they wait until it is up. Within the limit there is a [`TransportEvent::ConnectionOpened`] or
    /// [`TransportEvent::ConnectionFailed`].
    pub fn connect(
        &self,
        remote: SocketAddr,
        local_ip: Option<IpAddr>,
        limits: OpeningLimits,
    ) -> ConnectionId {
        let id = self.next_id();
        self.connect_as(id, remote, local_ip, limits, None);
        id
    }

    /// Opens a TLS connection likewise. The handshake has a limit of its own; then the server is verified, and messages
    /// wait for that too.
    pub fn connect_tls(
        &self,
        remote: SocketAddr,
        local_ip: Option<IpAddr>,
        limits: OpeningLimits,
        verification: Verification,
    ) -> ConnectionId {
        let id = self.next_id();
        self.connect_as(id, remote, local_ip, limits, Some(verification));
        id
    }

    /// Opens a connection by a name that its opener has chosen, an odd number. With a verification it is TLS.
    pub fn connect_as(
        &self,
        id: ConnectionId,
        remote: SocketAddr,
        local_ip: Option<IpAddr>,
        limits: OpeningLimits,
        verification: Option<Verification>,
    ) {
        self.open(id, remote, Start::At(local_ip), limits, verification);
    }

    /// As [`Connections::connect_as`], from a socket that is bound to `ip` now: where the connection begins is known at once.
    ///
    /// # Errors
    ///
    /// The system has no socket, or no such address.
    pub fn connect_from(
        &self,
        id: ConnectionId,
        ip: IpAddr,
        remote: SocketAddr,
        limits: OpeningLimits,
        verification: Option<Verification>,
    ) -> io::Result<SocketAddr> {
        let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind(SocketAddr::new(ip, 0))?;
        let local = socket.local_addr()?;
        self.open(id, remote, Start::With(socket), limits, verification);
        Ok(local)
    }

    fn open(
        &self,
        id: ConnectionId,
        remote: SocketAddr,
        start: Start,
        limits: OpeningLimits,
        verification: Option<Verification>,
    ) {
        let transport = if verification.is_some() { Transport::Tls } else { Transport::Tcp };
        let (connection, alive) = self.insert(id, transport, remote, false, verification);
        if let Start::With(socket) = &start {
            if let Ok(local) = socket.local_addr() {
                connection.begins_at(local);
            }
        }
        self.spawn(run(self.clone(), connection, start, limits, alive));
    }
}

/// Opens the connection and serves it; reports when it does not come up. `alive` is missing if the table had no
/// room for it.
async fn run(
    connections: Connections,
    connection: Arc<Connection>,
    start: Start,
    limits: OpeningLimits,
    alive: Option<Alive>,
) {
    let opened = match alive {
        Some(alive) => establish(&connections, &connection, start, limits).await.map(|up| (up, alive)),
        None => Err(own("no more connections possible")),
    };
    let (reason, cause) = match opened {
        Ok((up, alive)) => return stream::serve(connections, connection, up, alive).await,
        // Closed from here meanwhile. A peer that is not there yet is not to blame for what waits for it.
        Err(HandshakeFailure::Failed(reason)) if reason.local() || reason == CloseReason::Overflow => {
            (reason, OpeningFailure::Own)
        }
        Err(HandshakeFailure::Failed(reason)) => (reason, OpeningFailure::Unreachable),
        Err(HandshakeFailure::Own(reason)) => (reason, OpeningFailure::Own),
        Err(HandshakeFailure::Refused(reason)) => (reason, OpeningFailure::NotAccepted),
    };
    let (id, transport, remote) = (connection.id, connection.transport, connection.remote);
    info!(target: "oversip::transport", connection = %id, %transport, %remote, %reason, ?cause, "connection failed");
    connections.end(&connection, Phase::Dead, reason.clone());
    connections.discard(&connection);
    let failed = TransportEvent::ConnectionFailed { id, transport, remote, error: reason.to_string(), cause };
    let _ = connections.shared().events.send(failed).await;
}

/// The connection as it may be used, or why there is none.
async fn establish(
    connections: &Connections,
    connection: &Arc<Connection>,
    start: Start,
    limits: OpeningLimits,
) -> Result<Up, HandshakeFailure> {
    let stream = tokio::select! {
        biased;
        () = connection.reached(Phase::Closing) => return Err(HandshakeFailure::Failed(connection.reason())),
        result = connections.clock().timeout(limits.connect, dial(connection.remote, start)) => match result {
            Ok(dialled) => dialled?,
            Err(_) => return Err(failed(format!("no answer within {} s", limits.connect.as_secs()))),
        },
    };
    handshake::connect(connections, connection, stream, limits.handshake).await
}

async fn dial(remote: SocketAddr, start: Start) -> Result<TcpStream, HandshakeFailure> {
    let socket = match start {
        Start::With(socket) => socket,
        Start::At(ip) => {
            let socket = if remote.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
            let socket = socket.map_err(own)?;
            if let Some(ip) = ip {
                socket.bind(SocketAddr::new(ip, 0)).map_err(own)?;
            }
            socket
        }
    };
    let refused = |error| if super::is_of_peer(&error) { failed(error) } else { own(error) };
    let stream = socket.connect(remote).await.map_err(refused)?;
    // Nobody listened, and the system gave our end the very port that was dialled: TCP then meets itself.
    if stream.local_addr().map_err(failed)? == remote {
        return Err(failed(io::Error::from(io::ErrorKind::ConnectionRefused)));
    }
    Ok(stream)
}

fn own(error: impl std::fmt::Display) -> HandshakeFailure {
    HandshakeFailure::Own(CloseReason::error(error))
}
