//! Messages on their way to HEP3 collectors: collectors that read, and those that are dead, slow, refuse or come back.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use oversip::engine::{CollectorState, Collectors, HepSettings};
use oversip::hep::Agent;
use oversip::message::Transport;
use oversip::observed::{Direction, Fate, ObservedMessage};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// What a busy machine may take.
const LIMIT: Duration = Duration::from_secs(30);

/// The collectors of a test, which send until they are stopped.
struct Rig {
    collectors: Arc<Collectors>,
    stop: oneshot::Sender<()>,
    sending: JoinHandle<()>,
}

impl Rig {
    fn new(addresses: &[String]) -> Rig {
        let collectors = addresses.iter().map(|address| address.parse().unwrap()).collect();
        let agent = Agent { id: 7, password: None };
        let collectors = Arc::new(Collectors::new(&HepSettings { agent, collectors }));
        let (stop, stopped) = oneshot::channel::<()>();
        let sending = tokio::spawn({
            let collectors = collectors.clone();
            async move { collectors.run(async { drop(stopped.await) }).await }
        });
        Rig { collectors, stop, sending }
    }

    fn hand(&self, text: &str) {
        self.hand_bytes(text.as_bytes());
    }

    fn hand_bytes(&self, bytes: &[u8]) {
        let message = ObservedMessage {
            at: Instant::now(),
            direction: Direction::In,
            transport: Transport::Udp,
            local: Some("192.0.2.2:5060".parse().unwrap()),
            remote: "192.0.2.1:5060".parse().unwrap(),
            connection: None,
            fate: Fate::Sent,
            method: b"INVITE",
            status: None,
            call_id: Some(b"call"),
            head: bytes,
            body: b"",
        };
        self.collectors.hand(&ObservedMessage { fate: Fate::Refused, ..message }, SystemTime::UNIX_EPOCH);
        self.collectors.hand(&message, SystemTime::UNIX_EPOCH);
    }

    fn state(&self, number: usize) -> CollectorState {
        self.collectors.states().remove(number)
    }

    /// Waits until a collector is in a state.
    async fn until(&self, number: usize, wanted: impl Fn(&CollectorState) -> bool) -> CollectorState {
        within(async {
            while !wanted(&self.state(number)) {
                sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
        self.state(number)
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        within(self.sending).await.unwrap();
    }
}

async fn within<F: Future>(future: F) -> F::Output {
    timeout(LIMIT, future).await.expect("in time")
}

async fn udp() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = format!("udp:{}", socket.local_addr().unwrap());
    (socket, address)
}

async fn tcp() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tcp:{}", listener.local_addr().unwrap());
    (listener, address)
}

/// The message in a packet: its last chunk.
fn payload(packet: &[u8]) -> String {
    let mut rest = &packet[6..];
    loop {
        let length = usize::from(u16::from_be_bytes([rest[4], rest[5]]));
        if length == rest.len() {
            return String::from_utf8(rest[6..].to_vec()).unwrap();
        }
        rest = &rest[length..];
    }
}

async fn datagram(socket: &UdpSocket) -> String {
    let mut buffer = vec![0; 70_000];
    let length = within(socket.recv(&mut buffer)).await.unwrap();
    payload(&buffer[..length])
}

async fn packet(stream: &mut TcpStream) -> String {
    let mut head = [0; 6];
    within(stream.read_exact(&mut head)).await.unwrap();
    assert_eq!(&head[..4], b"HEP3");
    let mut packet = vec![0; usize::from(u16::from_be_bytes([head[4], head[5]]))];
    packet[..6].copy_from_slice(&head);
    within(stream.read_exact(&mut packet[6..])).await.unwrap();
    payload(&packet)
}

#[tokio::test]
async fn each_collector_gets_each_message_in_order() {
    let ((socket, by_udp), (listener, by_tcp)) = (udp().await, tcp().await);
    let rig = Rig::new(&[by_udp.clone(), by_tcp]);
    ["one", "two", "three"].into_iter().for_each(|text| rig.hand(text));
    let mut stream = within(listener.accept()).await.unwrap().0;
    for text in ["one", "two", "three"] {
        assert_eq!((datagram(&socket).await, packet(&mut stream).await), (text.to_owned(), text.to_owned()));
    }
    let state = rig.until(0, |state| state.sent == 3).await;
    let expected =
        CollectorState { address: by_udp, sent: 3, dropped: 0, queued: 0, queued_bytes: 0, connected: true };
    assert_eq!(state, expected);
    rig.until(1, |state| (state.sent, state.dropped, state.connected) == (3, 0, true)).await;
}

#[tokio::test]
async fn what_waits_at_the_end_still_leaves() {
    let ((socket, by_udp), (listener, by_tcp)) = (udp().await, tcp().await);
    let rig = Rig::new(&[by_udp, by_tcp]);
    let mut stream = within(listener.accept()).await.unwrap().0;
    rig.until(0, |state| state.connected).await;
    rig.until(1, |state| state.connected).await;
    rig.hand("last");
    rig.stop().await;
    assert_eq!((datagram(&socket).await, packet(&mut stream).await), ("last".to_owned(), "last".to_owned()));
}

#[tokio::test]
async fn a_collector_that_refuses_datagrams_gets_those_that_wait_once_it_is_back() {
    let (socket, address) = udp().await;
    let local: SocketAddr = socket.local_addr().unwrap();
    drop(socket);
    let rig = Rig::new(&[address]);
    rig.hand("lost");
    rig.until(0, |state| !state.connected && state.sent + state.dropped > 0).await;
    rig.hand("tries");
    let socket = UdpSocket::bind(local).await.unwrap();
    let mut heard = Vec::new();
    rig.hand("kept");
    while heard.last().map(String::as_str) != Some("kept") {
        heard.push(datagram(&socket).await);
    }
    assert!(rig.until(0, |state| state.connected).await.queued == 0);
}

#[tokio::test]
async fn a_collector_that_does_not_read_costs_a_bounded_queue_and_no_other_collector_anything() {
    let ((listener, by_tcp), (socket, by_udp)) = (tcp().await, udp().await);
    let rig = Rig::new(&[by_tcp, by_udp]);
    let _unread = within(listener.accept()).await.unwrap();
    let message = "x".repeat(60_000);
    // The system's buffers take some of them.
    for _ in 0..400 {
        rig.hand(&message);
        assert_eq!(datagram(&socket).await, message);
    }
    let state = rig.state(0);
    assert!(state.dropped > 50, "{state:?}");
    assert!(state.queued_bytes <= 8 << 20 && state.queued <= 10_000, "{state:?}");
    assert_eq!((rig.state(1).dropped, rig.state(0).connected), (0, true));
}

#[tokio::test]
async fn a_collector_that_is_dead_costs_a_bounded_queue() {
    let (listener, by_tcp) = tcp().await;
    drop(listener);
    let rig = Rig::new(&[by_tcp]);
    (0..30_000).for_each(|number| rig.hand(&format!("{number}")));
    let state = rig.state(0);
    assert_eq!((state.sent, state.dropped, state.queued, state.connected), (0, 20_000, 10_000, false));
}

#[tokio::test]
async fn a_collector_that_is_restarted_gets_the_latest_messages() {
    let (listener, address) = tcp().await;
    let local = listener.local_addr().unwrap();
    let rig = Rig::new(&[address]);
    let mut stream = within(listener.accept()).await.unwrap().0;
    rig.hand("before");
    assert_eq!(packet(&mut stream).await, "before");
    drop((stream, listener));
    rig.until(0, |state| !state.connected).await;
    rig.hand("meanwhile");
    let listener = TcpListener::bind(local).await.unwrap();
    let mut stream = within(listener.accept()).await.unwrap().0;
    assert_eq!(packet(&mut stream).await, "meanwhile");
    rig.hand("after");
    assert_eq!(packet(&mut stream).await, "after");
}

#[tokio::test]
async fn a_message_that_no_packet_can_hold_is_counted() {
    let (socket, address) = udp().await;
    let rig = Rig::new(&[address]);
    rig.hand_bytes(&vec![b'x'; 65_535]);
    // Longer than a datagram, though not than a packet.
    rig.hand_bytes(&vec![b'x'; 65_410]);
    rig.hand("short");
    assert_eq!(datagram(&socket).await, "short");
    rig.until(0, |state| (state.sent, state.dropped) == (1, 2)).await;
}
