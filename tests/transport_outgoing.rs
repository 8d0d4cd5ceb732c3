//! TCP connections opened from here, and the table's view of those from both sides.

mod transport_support;

use std::time::Duration;

use oversip::transport::{CloseReason, OpeningFailure, Transport, TransportEvent};
use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;
use transport_support::{bytes, call_id, opening_limits, request, within, Peer, Rig, V4, V6};

async fn accept(listener: &TcpListener) -> Peer {
    Peer(within(listener.accept()).await.unwrap().0)
}

/// A listener whose queue is full: further connections get no answer. Everything returned must be kept.
fn silent_listener() -> (Socket, Vec<Socket>) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&std::net::SocketAddr::new(V4, 0).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let fillers = (0..4).map(|_| {
        let filler = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        filler.set_nonblocking(true).unwrap();
        let _ = filler.connect(&address);
        filler
    });
    let fillers = fillers.collect();
    (listener, fillers)
}

#[tokio::test]
async fn messages_wait_for_the_connection_in_both_families() {
    let mut rig = Rig::start();
    for ip in [V4, V6] {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let remote = listener.local_addr().unwrap();
        let id = rig.layer.tcp_to(remote, opening_limits());
        assert!(rig.layer.connections().send(id, bytes("one,")));
        assert!(rig.layer.connections().send(id, bytes("two")));
        assert!(!rig.layer.connections().info(id).unwrap().connected);
        let mut peer = accept(&listener).await;
        peer.expect("one,two").await;
        match rig.next().await {
            TransportEvent::ConnectionOpened {
                id: opened, transport, remote: to, local, inbound, ..
            } => {
                assert_eq!((opened, transport, to, inbound), (id, Transport::Tcp, remote, false));
                assert_eq!(local, peer.0.peer_addr().unwrap());
                assert_eq!(local.ip(), ip);
            }
            other => panic!("{other:?}"),
        }
        let info = rig.layer.connections().info(id).unwrap();
        assert!(info.connected && !info.inbound);
        assert_eq!(info.remote, remote);
    }
}

#[tokio::test]
async fn requests_come_in_over_connections_opened_from_here() {
    let mut rig = Rig::start();
    let listener = TcpListener::bind((V4, 0)).await.unwrap();
    let id = rig.layer.tcp_to(listener.local_addr().unwrap(), opening_limits());
    let mut peer = accept(&listener).await;
    assert_eq!(rig.opened().await, id);
    peer.write(request("back", "")).await;
    let (message, source) = rig.message().await;
    assert_eq!(call_id(&message), "back");
    assert_eq!((source.connection, source.inbound), (Some(id), false));
    assert_eq!(source.local, peer.0.peer_addr().unwrap());
}

#[tokio::test]
async fn a_connection_is_reused_for_either_opener() {
    let mut rig = Rig::start();
    let (peer, inbound) = rig.peer().await;
    assert_eq!(rig.layer.tcp_to(peer.local(), opening_limits()), inbound);

    let listener = TcpListener::bind((V4, 0)).await.unwrap();
    let remote = listener.local_addr().unwrap();
    let id = rig.layer.tcp_to(remote, opening_limits());
    assert_eq!(rig.layer.tcp_to(remote, opening_limits()), id, "while connecting");
    rig.opened().await;
    assert_eq!(rig.layer.tcp_to(remote, opening_limits()), id, "when up");
    assert_eq!(rig.layer.connections().lookup(Transport::Tls, remote), None);
    assert_eq!(rig.layer.connections().len(), 2);
}

#[tokio::test]
async fn a_refused_connection_is_reported_once_and_forgotten() {
    let mut rig = Rig::start();
    let remote = TcpListener::bind((V4, 0)).await.unwrap().local_addr().unwrap();
    let id = rig.layer.tcp_to(remote, opening_limits());
    rig.layer.connections().send(id, bytes("x"));
    let (words, cause) = rig.failure(id).await;
    assert!(words.contains("refused") && cause == OpeningFailure::Unreachable);
    assert!(!rig.layer.connections().send(id, bytes("x")));
    let again = rig.layer.tcp_to(remote, opening_limits());
    assert_ne!(again, id);
    assert!(rig.failed(again).await.contains("refused"));
    // Nothing more came of the first.
    let (_peer, _) = rig.peer().await;
}

#[tokio::test]
async fn a_local_address_that_cannot_reach_the_peer_is_a_failure_too() {
    let mut rig = Rig::start();
    let remote = TcpListener::bind((V4, 0)).await.unwrap().local_addr().unwrap();
    let foreign = "192.0.2.1".parse().unwrap();
    let id = rig.layer.connections().connect(remote, Some(foreign), opening_limits());
    assert!(rig.failed(id).await.contains("Cannot assign requested address"));
}

#[tokio::test]
async fn two_seconds_without_an_answer_are_a_failure() {
    let mut rig = Rig::start();
    let (listener, _fillers) = silent_listener();
    let remote = listener.local_addr().unwrap().as_socket().unwrap();
    let id = rig.layer.tcp_to(remote, opening_limits());
    rig.tasks_wait().await;
    rig.advance(Duration::from_millis(1_999));
    rig.tasks_wait().await;
    assert!(rig.layer.connections().info(id).is_some());
    rig.advance(Duration::from_millis(1));
    assert_eq!(rig.failed(id).await, "no answer within 2 s");
}

#[tokio::test]
async fn closing_while_connecting_is_a_failure() {
    let mut rig = Rig::start();
    let (listener, _fillers) = silent_listener();
    let remote = listener.local_addr().unwrap().as_socket().unwrap();
    let id = rig.layer.tcp_to(remote, opening_limits());
    rig.layer.connections().send(id, bytes("x"));
    assert!(rig.layer.connections().close(id));
    assert_eq!(rig.failed(id).await, "closed locally");
    assert!(rig.layer.connections().is_empty());
}

#[tokio::test]
async fn of_two_connections_to_one_address_each_survives_the_other() {
    let mut rig = Rig::start();
    let listener = TcpListener::bind((V4, 0)).await.unwrap();
    let remote = listener.local_addr().unwrap();
    let connections = rig.layer.connections().clone();
    let mut ids = Vec::new();
    let mut peers = Vec::new();
    for _ in 0..3 {
        ids.push(connections.connect(remote, None, opening_limits()));
        peers.push(accept(&listener).await);
        rig.opened().await;
    }
    assert_eq!(connections.lookup(Transport::Tcp, remote), Some(ids[2]));
    drop(peers.remove(0));
    rig.closed(ids[0]).await;
    assert_eq!(connections.lookup(Transport::Tcp, remote), Some(ids[2]), "the older one closed");
    drop(peers.remove(1));
    rig.closed(ids[2]).await;
    assert_eq!(connections.lookup(Transport::Tcp, remote), Some(ids[1]), "the newer one closed");
    assert!(connections.send(ids[1], bytes("x")));
    peers[0].expect("x").await;
}

#[tokio::test]
async fn a_connection_lost_later_is_reported_with_its_unsent_messages() {
    let mut rig = Rig::start();
    let listener = TcpListener::bind((V4, 0)).await.unwrap();
    let id = rig.layer.tcp_to(listener.local_addr().unwrap(), opening_limits());
    let mut peer = accept(&listener).await;
    rig.opened().await;
    rig.layer.connections().send(id, bytes("x"));
    peer.expect("x").await;
    // A peer that is killed with data unread resets the connection.
    rig.layer.connections().send(id, bytes("unread"));
    within(peer.0.peek(&mut [0])).await.unwrap();
    drop(peer);
    let (reason, unsent) = rig.closed(id).await;
    assert!(matches!(reason, CloseReason::Error(_)), "{reason:?}");
    assert!(!unsent);
}

#[tokio::test]
async fn handles_work_from_a_thread_outside_the_runtime() {
    let mut rig = Rig::start();
    let listener = TcpListener::bind((V4, 0)).await.unwrap();
    let remote = listener.local_addr().unwrap();
    let udp_peer = tokio::net::UdpSocket::bind((V4, 0)).await.unwrap();
    let udp_remote = udp_peer.local_addr().unwrap();
    let connections = rig.layer.connections().clone();
    let udp = rig.layer.udp(udp_remote).unwrap().clone();
    let id = std::thread::spawn(move || {
        udp.try_send(&bytes("datagram"), udp_remote).unwrap();
        let id = connections.connect(remote, None, opening_limits());
        assert!(connections.send(id, bytes("stream")));
        id
    })
    .join()
    .unwrap();
    accept(&listener).await.expect("stream").await;
    assert_eq!(rig.opened().await, id);
    let mut buffer = [0; 20];
    let (length, _) = within(udp_peer.recv_from(&mut buffer)).await.unwrap();
    assert_eq!(&buffer[..length], b"datagram");
}
