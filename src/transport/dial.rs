//! Opening stream connections.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpSocket, TcpStream};
use tracing::info;

use super::connection::{Connection, Phase};
use super::connections::{Alive, Connections, OpeningLimits};
use super::handshake::{self, failed, Failure, Up};
use super::{stream, TransportEvent};

/// Opens the connection and serves it; reports when it does not come up. `alive` is missing if the table had no
/// room for it.
pub(super) async fn open(
    connections: Connections,
    connection: Arc<Connection>,
    local_ip: Option<IpAddr>,
    limits: OpeningLimits,
    alive: Option<Alive>,
) {
    let opened = match alive {
        Some(alive) => establish(&connections, &connection, local_ip, limits).await.map(|up| (up, alive)),
        None => Err(failed("no more connections possible")),
    };
    let (reason, refused) = match opened {
        Ok((up, alive)) => return stream::serve(connections, connection, up, alive).await,
        Err(Failure::Failed(reason)) => (reason, false),
        Err(Failure::Refused(reason)) => (reason, true),
    };
    let (id, transport, remote) = (connection.id, connection.transport, connection.remote);
    info!(target: "oversip::transport", connection = %id, %transport, %remote, %reason, refused, "connection failed");
    connections.end(&connection, Phase::Dead, reason.clone());
    connection.discard();
    let failed =
        TransportEvent::ConnectionFailed { id, transport, remote, error: reason.to_string(), refused };
    let _ = connections.shared().events.send(failed).await;
}

/// The connection as it may be used, or why there is none.
async fn establish(
    connections: &Connections,
    connection: &Arc<Connection>,
    local_ip: Option<IpAddr>,
    limits: OpeningLimits,
) -> Result<Up, Failure> {
    let stream = tokio::select! {
        biased;
        () = connection.reached(Phase::Closing) => return Err(Failure::Failed(connection.reason())),
        result = tokio::time::timeout(limits.connect, dial(connection.remote, local_ip)) => match result {
            Ok(dialled) => dialled.map_err(failed)?,
            Err(_) => return Err(failed(format!("no answer within {} s", limits.connect.as_secs()))),
        },
    };
    handshake::connect(connections, connection, stream, limits.handshake).await
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
