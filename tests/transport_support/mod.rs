//! A transport layer on loopback with its events, and a clock that the test moves.
#![allow(dead_code)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use oversip::clock::Clock;
use oversip::engine::EngineClock;
use oversip::message::Message;
use oversip::transport::{
    bind_all, ws, ClientCertificates, CloseReason, ConnectionId, ListenSpec, OpeningFailure, OpeningLimits,
    Options, Source, Transport, TransportEvent, TransportLayer,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

pub const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Nothing in these tests takes this long unless it fails.
const LIMIT: Duration = Duration::from_secs(20);

pub struct Rig {
    pub layer: TransportLayer,
    pub events: mpsc::Receiver<TransportEvent>,
    /// Stands still until moved.
    pub clock: Arc<EngineClock>,
}

impl Rig {
    /// UDP and TCP on both loopback addresses, all on one free port.
    pub fn start() -> Rig {
        Rig::with(options(), 64)
    }

    pub fn with(options: Options, channel: usize) -> Rig {
        Rig::listening(&[Transport::Udp, Transport::Tcp], options, channel)
    }

    pub fn listening(transports: &[Transport], options: Options, channel: usize) -> Rig {
        let specs: Vec<ListenSpec> = [V4, V6]
            .into_iter()
            .flat_map(|ip| transports.iter().map(move |&transport| ListenSpec { transport, ip, port: 0 }))
            .collect();
        let bound = bind_all(&specs).expect("loopback can be bound");
        let clock = Arc::new(EngineClock::default());
        clock.freeze();
        let (sender, events) = mpsc::channel(channel);
        let layer = TransportLayer::start(bound, options, clock.clone(), sender).expect("starts");
        Rig { layer, events, clock }
    }

    pub fn address(&self, ip: IpAddr) -> SocketAddr {
        SocketAddr::new(ip, self.layer.listening()[0].1.port())
    }

    pub async fn dial(&self, ip: IpAddr) -> Peer {
        Peer(TcpStream::connect(self.address(ip)).await.expect("accepted"))
    }

    /// A TCP peer, and the event of its connection taken off the queue.
    pub async fn peer(&mut self) -> (Peer, ConnectionId) {
        let peer = self.dial(V4).await;
        let id = self.opened().await;
        (peer, id)
    }

    pub async fn next(&mut self) -> TransportEvent {
        within(self.events.recv()).await.expect("the layer is alive")
    }

    pub async fn opened(&mut self) -> ConnectionId {
        match self.next().await {
            TransportEvent::ConnectionOpened { id, .. } => id,
            other => panic!("expected a new connection, got {other:?}"),
        }
    }

    pub async fn message(&mut self) -> (Message, Source) {
        match self.next().await {
            TransportEvent::Message { message, source, .. } => (message, source),
            other => panic!("expected a message, got {other:?}"),
        }
    }

    /// Status, reason and whether to close, of the answer that the layer asks for.
    pub async fn reply(&mut self) -> (u16, String, bool, Source) {
        match self.next().await {
            TransportEvent::Reply { status, reason, close, source, .. } => {
                (status, reason.to_string(), close, source)
            }
            other => panic!("expected a request for an answer, got {other:?}"),
        }
    }

    pub async fn closed(&mut self, wanted: ConnectionId) -> (CloseReason, bool) {
        loop {
            match self.next().await {
                // The request in front of it may be answered still.
                TransportEvent::PeerFinished { id } if id == wanted => {}
                TransportEvent::ConnectionClosed { id, reason, unsent, .. } if id == wanted => {
                    return (reason, unsent)
                }
                other => panic!("expected the end of connection {wanted}, got {other:?}"),
            }
        }
    }

    pub async fn failed(&mut self, wanted: ConnectionId) -> String {
        self.failure(wanted).await.0
    }

    /// The words, and whose fault it is.
    pub async fn failure(&mut self, wanted: ConnectionId) -> (String, OpeningFailure) {
        match self.next().await {
            TransportEvent::ConnectionFailed { id, error, cause, .. } if id == wanted => (error, cause),
            other => panic!("expected the failure of connection {wanted}, got {other:?}"),
        }
    }

    /// Lets every task of this thread act that has something to do.
    pub async fn tasks_wait(&self) {
        for _ in 0..3 {
            tokio::spawn(async {}).await.expect("a task that does nothing");
            tokio::task::yield_now().await;
        }
    }

    pub fn advance(&self, time: Duration) {
        self.clock.move_to(self.clock.now() + time);
    }

    /// The sweep that the engine does as its clock goes.
    pub fn sweep_after(&self, time: Duration) {
        self.advance(time);
        self.layer.connections().sweep(self.clock.now());
    }
}

/// Bounds that no test reaches by chance.
pub fn options() -> Options {
    Options {
        max_body_size: 1 << 20,
        max_outgoing_bytes: 1 << 28,
        max_connections: 10_000,
        tcp_keepalive: None,
        ws_limits: ws::FrameLimits { max_frame_size: 65_536, max_message_size: 65_536 },
        ws_keepalive: None,
        tls: None,
        client_certificates: ClientCertificates::Ignored,
        websocket_client_certificates: ClientCertificates::Ignored,
        malformed: Arc::default(),
    }
}

pub fn opening_limits() -> OpeningLimits {
    OpeningLimits { connect: Duration::from_secs(2), handshake: Duration::from_secs(4) }
}

/// The other end of a stream.
pub struct Peer(pub TcpStream);

impl Peer {
    pub fn local(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.0.write_all(bytes.as_ref())).await.expect("written");
    }

    /// Reads exactly as many bytes as are expected.
    pub async fn expect(&mut self, bytes: impl AsRef<[u8]>) {
        let mut read = vec![0; bytes.as_ref().len()];
        within(self.0.read_exact(&mut read)).await.expect("enough bytes");
        assert_eq!(String::from_utf8_lossy(&read), String::from_utf8_lossy(bytes.as_ref()));
    }

    /// Everything up to the end of the stream.
    pub async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        within(self.0.read_to_end(&mut rest)).await.expect("an orderly end");
        rest
    }
}

/// Fails the test instead of waiting for ever.
pub async fn within<T>(future: impl std::future::Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.expect("in time")
}

/// A request with the given lines after the core headers, and a body of which Content-Length tells the truth.
pub fn request(call_id: &str, body: &str) -> String {
    format!(
        "MESSAGE sip:a@example.org SIP/2.0\r\n\
         Via: SIP/2.0/TCP client.example.org:5060;branch=z9hG4bK{call_id}\r\n\
         From: <sip:b@example.org>;tag=1\r\nTo: <sip:a@example.org>\r\n\
         Call-ID: {call_id}\r\nCSeq: 1 MESSAGE\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub fn call_id(message: &Message) -> String {
    String::from_utf8_lossy(message.call_id().unwrap_or_default()).into_owned()
}

pub fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}
