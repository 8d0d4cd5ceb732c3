//! The transport layer as a whole.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::accept::{self, Accepting};
use super::options::{OpeningLimits, Options};
use super::tls::Verification;
use super::{
    Bound, ConnectionId, Connections, Malformed, SendingSockets, Transport, TransportEvent, UdpSocket,
};
use crate::clock::Clock;

/// Every socket of an engine.
pub struct TransportLayer {
    udp: Vec<UdpSocket>,
    sending: SendingSockets,
    malformed: Arc<Malformed>,
    events: mpsc::Sender<TransportEvent>,
    connections: Connections,
    listening: Vec<(Transport, SocketAddr)>,
    listeners: Mutex<Vec<AbortHandle>>,
}

impl TransportLayer {
    /// Serves the bound sockets. Must be called within the runtime. Events come over `events` until
    /// [`TransportLayer::shutdown`] or until its receiver is dropped; while the channel is full nothing is read.
    pub fn start(
        bound: Vec<Bound>,
        options: Options,
        clock: Arc<dyn Clock>,
        events: mpsc::Sender<TransportEvent>,
    ) -> io::Result<TransportLayer> {
        let can_accept_tls = options.tls.as_ref().is_some_and(|tls| tls.can_accept());
        let malformed = options.malformed.clone();
        let mut layer = TransportLayer {
            udp: Vec::new(),
            sending: SendingSockets::default(),
            malformed: malformed.clone(),
            events: events.clone(),
            connections: Connections::new(options, clock, events.clone()),
            listening: bound
                .iter()
                .filter(|socket| !socket.proxied)
                .map(|socket| (socket.transport, socket.local))
                .collect(),
            listeners: Mutex::default(),
        };
        let mut listeners = Vec::new();
        for socket in bound {
            match socket.transport {
                Transport::Udp => {
                    layer.udp.push(UdpSocket::start(socket, events.clone(), malformed.clone())?)
                }
                Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
                    let accepting = Accepting { transport: socket.transport, proxied: socket.proxied };
                    if accepting.transport.secure() && !accepting.proxied && !can_accept_tls {
                        let message = format!("no certificate for a {} listener", accepting.transport);
                        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
                    }
                    let listener = TcpListener::from_std(socket.socket.into())?;
                    let task = accept::accept(listener, accepting, layer.connections.clone());
                    listeners.push(tokio::spawn(task).abort_handle());
                }
            }
        }
        *layer.listeners.lock().unwrap_or_else(PoisonError::into_inner) = listeners;
        Ok(layer)
    }

    /// Transport and address of every listening socket that clients reach, in the order they were bound.
    pub fn listening(&self) -> &[(Transport, SocketAddr)] {
        &self.listening
    }

    /// The stream connections.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// The UDP sockets, in the order they were bound.
    pub fn udp_sockets(&self) -> &[UdpSocket] {
        &self.udp
    }

    /// The UDP socket bound to this address, else the first of its family.
    pub fn udp(&self, local: SocketAddr) -> Option<&UdpSocket> {
        self.udp
            .iter()
            .find(|socket| socket.local() == local)
            .or_else(|| self.udp.iter().find(|socket| socket.local().is_ipv4() == local.is_ipv4()))
    }

    /// Sends a datagram from the first UDP socket of the destination's family; see [`UdpSocket::try_send`].
    pub fn send_udp(&self, datagram: &Bytes, remote: SocketAddr) -> io::Result<()> {
        match self.udp(remote) {
            Some(socket) => socket.try_send(datagram, remote),
            None => Err(io::Error::new(io::ErrorKind::Unsupported, "no UDP socket of that family")),
        }
    }

    /// Whether keep-alives are reported as [`TransportEvent::Keepalive`]; at first they are not.
    pub fn heed_keepalives(&self, on: bool) {
        self.udp.iter().for_each(|socket| socket.heed_keepalives(on));
        self.sending.heed_keepalives(on);
        self.connections.heed_keepalives(on);
    }

    /// The sockets for requests to other hosts.
    pub fn sending(&self) -> &SendingSockets {
        &self.sending
    }

    /// The address and port of the sending socket at `ip`, which is opened if need be. Must be called within the runtime.
    ///
    /// # Errors
    ///
    /// As [`SendingSockets::at`].
    pub fn sending_from(&self, ip: IpAddr) -> io::Result<SocketAddr> {
        Ok(self.sending.at(ip, &self.events, &self.malformed)?.local())
    }

    /// Sends a datagram from the sending socket with this address and port.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::try_send`], and if there is no such socket any more.
    pub fn send_udp_from(&self, local: SocketAddr, datagram: &Bytes, remote: SocketAddr) -> io::Result<()> {
        match self.sending.find(local) {
            Some(socket) => socket.try_send(datagram, remote),
            None => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    /// A TCP connection to this address: the newest there is, whoever opened it, else one that is opened now from
    /// the listening address of the family.
    pub fn tcp_to(&self, remote: SocketAddr, limits: OpeningLimits) -> ConnectionId {
        match self.connections.lookup(Transport::Tcp, remote) {
            Some(id) => id,
            None => self.connections.connect(remote, self.local_ip(remote), limits),
        }
    }

    /// A TLS connection to this address that serves what is wanted, see [`Connections::lookup_tls`], else one that is
    /// opened now.
    pub fn tls_to(&self, remote: SocketAddr, limits: OpeningLimits, wanted: Verification) -> ConnectionId {
        match self.connections.lookup_tls(remote, &wanted) {
            Some(id) => id,
            None => self.connections.connect_tls(remote, self.local_ip(remote), limits, wanted),
        }
    }

    /// Opens a connection by this name, from the listening address of the family ([`Connections::connect_as`]).
    pub fn connect_as(
        &self,
        id: ConnectionId,
        remote: SocketAddr,
        limits: OpeningLimits,
        wanted: Option<Verification>,
    ) {
        self.connections.connect_as(id, remote, self.local_ip(remote), limits, wanted);
    }

    /// The address that outgoing connections to `remote` start from.
    fn local_ip(&self, remote: SocketAddr) -> Option<IpAddr> {
        self.listening
            .iter()
            .find(|(transport, local)| transport.reliable() && local.is_ipv4() == remote.is_ipv4())
            .map(|(_, local)| local.ip())
    }

    /// Accepts no more connections and frees the ports. Existing connections and UDP go on.
    pub fn close_listeners(&self) {
        for listener in self.listeners.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            listener.abort();
        }
    }

    /// Ends everything: listeners first; connections may write what is queued until `end` comes.
    pub async fn shutdown(&self, end: impl Future<Output = ()>) {
        self.close_listeners();
        self.connections.shutdown(end).await;
        for socket in &self.udp {
            socket.stop();
        }
        self.sending.stop();
    }
}

impl Drop for TransportLayer {
    fn drop(&mut self) {
        self.close_listeners();
        for socket in &self.udp {
            socket.stop();
        }
        self.sending.stop();
    }
}
