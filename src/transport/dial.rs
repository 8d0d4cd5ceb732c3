//! Opening stream connections.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tracing::info;

use super::byte_stream::{prepare, ByteStream};
use super::connection::{CloseReason, Connection, Phase};
use super::connections::{Alive, Connections};
use super::framing::SipFraming;
use super::{stream, TransportEvent};

/// How long a connection may take to come up.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

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
        Ok(((stream, local), alive)) => {
            let framing = SipFraming::new(connections.shared().options.max_body_size);
            stream::run(connections, connection, local, stream, framing, alive).await;
        }
        Err(error) => {
            info!(target: "oversip::transport", connection = %connection.id, remote = %connection.remote, %error,
                "connection failed");
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
) -> Result<(ByteStream, SocketAddr), String> {
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
        Ok((Box::new(stream), local))
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
