//! The name servers that are asked, and what is known of how they fare.
//!
//! Of hickory-resolver this uses the exchange with a name server: encoding, repetition, TCP after truncation. Its own
//! resolver and its cache stay out: order, failover, aliases and memory are decided here and in `lookup`.

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverOpts};
use hickory_resolver::net::runtime::{
    DnsUdpSocket, RuntimeProvider, TokioHandle, TokioRuntimeProvider, TokioTime,
};
use hickory_resolver::net::xfer::{DnsHandle, FirstAnswer};
use hickory_resolver::net::NetError;
use hickory_resolver::proto::op::{DnsRequestOptions, DnsResponse, Query};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{system_conf, NameServerPool, PoolContext, TlsConfig};
use tokio::io::{Interest, ReadBuf};
use tokio::net::UdpSocket;

use super::error::LookupError;

/// How long a name server that did not answer is asked after the others.
const SHUNNED_FOR: Duration = Duration::from_secs(30);

/// How long the library waits for one name server, by tokio's own timers: this is of the exchange on the socket, and the limits
/// of a resolution do not depend on it. A datagram that stays unanswered is sent three times in the first second.
const EXCHANGE_LIMIT: Duration = Duration::from_secs(3);

/// The port of DNS.
const DNS_PORT: u16 = 53;

/// A name server's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameServer(pub SocketAddr);

impl From<IpAddr> for NameServer {
    fn from(ip: IpAddr) -> Self {
        NameServer(SocketAddr::new(ip, DNS_PORT))
    }
}

/// One name server.
pub(super) struct KnownServer {
    ip: IpAddr,
    pool: NameServerPool<Sockets>,
    shunned_until: Mutex<Option<Instant>>,
}

impl KnownServer {
    fn new(config: NameServerConfig) -> Result<KnownServer, LookupError> {
        let tls = TlsConfig::new().map_err(|error| LookupError::Setup(error.to_string()))?;
        let context = Arc::new(PoolContext::new(options(), tls));
        let ip = config.ip;
        let pool = NameServerPool::from_config([config], context, Sockets::default());
        Ok(KnownServer { ip, pool, shunned_until: Mutex::new(None) })
    }

    /// Asks it one question: by UDP, and by TCP if the answer does not fit into a datagram.
    pub(super) async fn ask(&self, name: Name, kind: RecordType) -> Result<DnsResponse, NetError> {
        self.pool.lookup(Query::query(name, kind), DnsRequestOptions::default()).first_answer().await
    }

    /// It answered.
    pub(super) fn trust(&self) {
        if self.shunned_until().take().is_some() {
            tracing::info!(target: "oversip::dns", server = %self.ip, "the name server answers again");
        }
    }

    /// It kept silent, or nobody listens there: for a while the others are asked first.
    pub(super) fn shun(&self, now: Instant) {
        let until = now + SHUNNED_FOR;
        if self.shunned_until().replace(until).is_none() {
            tracing::info!(target: "oversip::dns", server = %self.ip, "the name server does not answer");
        }
    }

    pub(super) fn is_shunned(&self, now: Instant) -> bool {
        self.shunned_until().is_some_and(|until| now < until)
    }

    fn shunned_until(&self) -> MutexGuard<'_, Option<Instant>> {
        self.shunned_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The given name servers.
pub(super) fn given(servers: &[NameServer]) -> Result<Vec<KnownServer>, LookupError> {
    let configs = servers.iter().map(|NameServer(addr)| {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = addr.port();
            connection
        });
        NameServerConfig::new(addr.ip(), true, connections.to_vec())
    });
    configs.map(KnownServer::new).collect()
}

/// The name servers of `/etc/resolv.conf`. Where it names none or cannot be read, the local machine is asked, as
/// resolv.conf(5) says.
pub(super) fn of_the_system() -> Result<Vec<KnownServer>, LookupError> {
    match system_conf::read_system_conf() {
        Ok((config, _)) => config.name_servers().iter().cloned().map(KnownServer::new).collect(),
        Err(error) => {
            tracing::warn!(%error, "no name server in the system's configuration, asking 127.0.0.1");
            given(&[NameServer::from(IpAddr::V4(Ipv4Addr::LOCALHOST))])
        }
    }
}

fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = EXCHANGE_LIMIT;
    options
}

/// The library's sockets, but for UDP ones that belong to one name server: only they hear that nobody listens there, and
/// they take datagrams from nobody else.
#[derive(Clone, Default)]
pub(super) struct Sockets(TokioRuntimeProvider);

type Opening<T> = Pin<Box<dyn Send + Future<Output = io::Result<T>>>>;

impl RuntimeProvider for Sockets {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = ConnectedSocket;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.0.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        local: Option<SocketAddr>,
        limit: Option<Duration>,
    ) -> Opening<Self::Tcp> {
        self.0.connect_tcp(server, local, limit)
    }

    fn bind_udp(&self, local: SocketAddr, server: SocketAddr) -> Opening<Self::Udp> {
        Box::pin(async move {
            let socket = UdpSocket::bind(local).await?;
            socket.connect(server).await?;
            Ok(ConnectedSocket { socket, server })
        })
    }
}

/// A socket that exchanges datagrams with one name server.
pub(super) struct ConnectedSocket {
    socket: UdpSocket,
    server: SocketAddr,
}

#[async_trait]
impl DnsUdpSocket for ConnectedSocket {
    type Time = TokioTime;

    fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        let mut buffer = ReadBuf::new(buffer);
        self.socket.poll_recv(cx, &mut buffer).map_ok(|()| (buffer.filled().len(), self.server))
    }

    // An error wakes only who asks for errors.
    async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        loop {
            let ready = self.socket.ready(Interest::READABLE | Interest::ERROR).await?;
            if ready.is_error() {
                unless_would_block(self.socket.try_io(Interest::ERROR, || pending_error(&self.socket)))?;
            }
            if let Some(length) = unless_would_block(self.socket.try_recv(buffer))? {
                return Ok((length, self.server));
            }
        }
    }

    fn poll_send_to(&self, cx: &mut Context<'_>, bytes: &[u8], _: SocketAddr) -> Poll<io::Result<usize>> {
        self.socket.poll_send(cx, bytes)
    }
}

/// The error that the socket has noted. That there is none is said as "would block": then the socket waits for the next.
fn pending_error(socket: &UdpSocket) -> io::Result<()> {
    match socket.take_error()? {
        Some(error) => Err(error),
        None => Err(io::ErrorKind::WouldBlock.into()),
    }
}

fn unless_would_block<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        other => other.map(Some),
    }
}
