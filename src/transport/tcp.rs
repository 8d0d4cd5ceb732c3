//! Accepting and opening TCP connections.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tracing::{info, warn};

use super::connection::{CloseReason, Connection, Phase};
use super::connections::{Alive, Connections};
use super::{stream, Transport, TransportEvent};

/// How long a connection may take to come up.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// Pause after an error of the listener itself (no file descriptors left): it would only be repeated at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections for as long as the task lives.
pub(super) async fn accept(listener: TcpListener, connections: Connections) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => match connections.accepted(Transport::Tcp, remote) {
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

async fn serve(connections: Connections, connection: Arc<Connection>, mut stream: TcpStream, alive: Alive) {
    let Ok(local) = prepare(&connections, &stream) else {
        connections.end(&connection, Phase::Dead, CloseReason::Peer);
        return;
    };
    if connection.opened(local, connections.now()) {
        let (reader, writer) = stream.split();
        stream::run(connections, connection, local, reader, writer, alive).await;
    }
}

/// Opens the connection and serves it; reports when it does not come up. `alive` is missing if the table had no
/// room for it.
pub(super) async fn open(
    connections: Connections,
    connection: Arc<Connection>,
    local_ip: Option<IpAddr>,
    alive: Option<Alive>,
) {
    let opened = match alive {
        Some(alive) => establish(&connections, &connection, local_ip).await.map(|up| (up, alive)),
        None => Err("no more connections possible".to_owned()),
    };
    match opened {
        Ok(((mut stream, local), alive)) => {
            let (reader, writer) = stream.split();
            stream::run(connections, connection, local, reader, writer, alive).await;
        }
        Err(error) => {
            info!(target: "oversip::transport", connection = %connection.id, remote = %connection.remote, %error,
                "TCP connection failed");
            connections.end(&connection, Phase::Dead, CloseReason::Error(error.clone()));
            connection.discard();
            let (id, transport, remote) = (connection.id, connection.transport, connection.remote);
            let _ = connections
                .shared()
                .events
                .send(TransportEvent::ConnectionFailed { id, transport, remote, error })
                .await;
        }
    }
}

/// The stream and its local address, or why there is none.
async fn establish(
    connections: &Connections,
    connection: &Connection,
    local_ip: Option<IpAddr>,
) -> Result<(TcpStream, SocketAddr), String> {
    let stream = tokio::select! {
        biased;
        () = connection.reached(Phase::Closing) => return Err(connection.reason().to_string()),
        result = tokio::time::timeout(CONNECT_LIMIT, dial(connection.remote, local_ip)) => match result {
            Ok(dialled) => dialled.map_err(|error| error.to_string())?,
            Err(_) => return Err(format!("no answer within {} s", CONNECT_LIMIT.as_secs())),
        },
    };
    let local = prepare(connections, &stream).map_err(|error| error.to_string())?;
    if connection.opened(local, connections.now()) {
        Ok((stream, local))
    } else {
        Err(connection.reason().to_string())
    }
}

async fn dial(remote: SocketAddr, local_ip: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(ip) = local_ip {
        socket.bind(SocketAddr::new(ip, 0))?;
    }
    let stream = socket.connect(remote).await?;
    // Nobody listened, and the system gave our end the very port that was dialled: TCP then meets itself.
    if stream.local_addr()? == remote {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

fn prepare(connections: &Connections, stream: &TcpStream) -> io::Result<SocketAddr> {
    // Messages are written whole; waiting for more to fill a segment only delays them.
    stream.set_nodelay(true)?;
    if let Some(interval) = connections.shared().options.tcp_keepalive {
        let keepalive = TcpKeepalive::new().with_time(interval).with_interval(interval);
        SockRef::from(stream).set_tcp_keepalive(&keepalive)?;
    }
    stream.local_addr()
}
