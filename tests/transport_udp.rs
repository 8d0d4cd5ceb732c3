//! UDP over loopback.

mod transport_support;

use std::net::SocketAddr;

use bytes::Bytes;
use oversip::message::HeaderName;
use oversip::transport::{Source, Transport, TransportEvent};
use tokio::net::UdpSocket;
use transport_support::{bytes, call_id, options, request, within, Rig, V4, V6};

async fn client(rig: &Rig, v6: bool) -> (UdpSocket, SocketAddr) {
    let ip = if v6 { V6 } else { V4 };
    (UdpSocket::bind((ip, 0)).await.unwrap(), rig.address(ip))
}

async fn receive(socket: &UdpSocket) -> String {
    let mut buffer = vec![0; 65_536];
    let (length, _) = within(socket.recv_from(&mut buffer)).await.unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

/// An address of the given family without a listener.
async fn dead(v6: bool) -> SocketAddr {
    UdpSocket::bind((if v6 { V6 } else { V4 }, 0)).await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn both_families_receive_and_send_from_the_listening_address() {
    let mut rig = Rig::start();
    for v6 in [false, true] {
        let (socket, server) = client(&rig, v6).await;
        socket.send_to(request("hello", "body").as_bytes(), server).await.unwrap();
        let (message, source) = rig.message().await;
        assert_eq!(call_id(&message), "hello");
        assert_eq!(message.body().as_ref(), b"body");
        let remote = socket.local_addr().unwrap();
        let expected =
            Source { transport: Transport::Udp, remote, local: server, connection: None, inbound: true };
        assert_eq!(source, expected);

        rig.layer.send_udp(&bytes("answer"), remote).unwrap();
        let mut buffer = [0; 100];
        let (length, from) = within(socket.recv_from(&mut buffer)).await.unwrap();
        assert_eq!((&buffer[..length], from), (&b"answer"[..], server));
    }
}

#[tokio::test]
async fn requests_carry_the_source_in_their_top_via() {
    let mut rig = Rig::start();
    let (socket, server) = client(&rig, false).await;
    socket.send_to(request("a", "").replace(";branch", ";rport;branch").as_bytes(), server).await.unwrap();
    let (message, _) = rig.message().await;
    let via = String::from_utf8_lossy(message.header(HeaderName::Via).unwrap()).into_owned();
    let port = socket.local_addr().unwrap().port();
    assert_eq!(
        via,
        format!("SIP/2.0/TCP client.example.org:5060;branch=z9hG4bKa;received=127.0.0.1;rport={port}")
    );
}

#[tokio::test]
async fn a_keepalive_is_answered_and_what_follows_it_processed() {
    let mut rig = Rig::start();
    let (socket, server) = client(&rig, false).await;
    socket.send_to(b"\r\n\r\n", server).await.unwrap();
    assert_eq!(receive(&socket).await, "\r\n");
    socket.send_to(format!("\r\n\r\n{}", request("a", "")).as_bytes(), server).await.unwrap();
    assert_eq!(receive(&socket).await, "\r\n");
    assert_eq!(call_id(&rig.message().await.0), "a");
}

#[tokio::test]
async fn an_improper_message_is_dropped_and_the_next_one_processed() {
    let mut rig = Rig::start();
    let (socket, server) = client(&rig, false).await;
    let good = request("good", "");
    let stun = [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    let bad: [&[u8]; 8] = [
        b"",
        b"\r\n",
        b"\xff\xfe garbage",
        b"OPTIONS sip:a SIP/2.0\r\nVia: ",
        &stun,
        &good.as_bytes()[..good.len() - 2],
        &good.replace("Call-ID: good\r\n", "").into_bytes(),
        &good.replace("Call-ID: good\r\n", "Call-ID: good\r\nCall-ID: again\r\n").into_bytes(),
    ];
    for datagram in bad {
        socket.send_to(datagram, server).await.unwrap();
    }
    socket.send_to(good.as_bytes(), server).await.unwrap();
    assert_eq!(call_id(&rig.message().await.0), "good");
}

#[tokio::test]
async fn a_request_without_a_proper_branch_is_to_be_answered_400_unless_it_is_an_ack() {
    let mut rig = Rig::start();
    let (socket, server) = client(&rig, false).await;
    for via in [";branch=z9hG4bK", ";branch=z9hG4bKa;branch=other"] {
        let request = request("a", "").replace(";branch=z9hG4bKa", via);
        socket.send_to(request.replace("MESSAGE", "ACK").as_bytes(), server).await.unwrap();
        socket.send_to(request.as_bytes(), server).await.unwrap();
        let (status, reason, _, source) = rig.reply().await;
        assert_eq!((status, &*reason), (400, "Via branch non RFC 3261 compliant"), "{via}");
        assert_eq!(source.remote, socket.local_addr().unwrap());
    }
}

/// RFC 3261 17.2.3
#[tokio::test]
async fn a_request_with_a_branch_of_rfc_2543_or_none_is_taken() {
    let mut rig = Rig::start();
    let (socket, server) = client(&rig, false).await;
    for via in [";branch=old", "", ";rport"] {
        socket.send_to(request("a", "").replace(";branch=z9hG4bKa", via).as_bytes(), server).await.unwrap();
        assert_eq!(call_id(&rig.message().await.0), "a", "{via}");
    }
}

#[tokio::test]
async fn a_cseq_number_out_of_range_is_to_be_answered_400() {
    let mut rig = Rig::start();
    let (socket, server) = client(&rig, false).await;
    for number in ["2147483648", "4294967295", "9999999999"] {
        let request = request("a", "").replace("CSeq: 1 ", &format!("CSeq: {number} "));
        socket.send_to(request.as_bytes(), server).await.unwrap();
        assert_eq!(rig.reply().await.0, 400, "{number}");
    }
    let request = request("a", "").replace("CSeq: 1 ", "CSeq: 2147483647 ");
    socket.send_to(request.as_bytes(), server).await.unwrap();
    assert_eq!(rig.message().await.0.cseq(), Some(2_147_483_647));
}

#[tokio::test]
async fn a_body_shorter_than_announced_is_to_be_answered_400_and_surplus_bytes_are_discarded() {
    let mut rig = Rig::start();
    let (socket, server) = client(&rig, false).await;
    socket.send_to(request("a", "12345").trim_end_matches('5').as_bytes(), server).await.unwrap();
    let (status, reason, ..) = rig.reply().await;
    assert_eq!((status, &*reason), (400, "Body size doesn't match Content-Length"));
    socket.send_to(format!("{}surplus", request("b", "12345")).as_bytes(), server).await.unwrap();
    assert_eq!(rig.message().await.0.body().as_ref(), b"12345");
    let open = request("c", "to the end").replace("Content-Length: 10\r\n", "");
    socket.send_to(open.as_bytes(), server).await.unwrap();
    assert_eq!(rig.message().await.0.body().as_ref(), b"to the end");
}

#[tokio::test]
async fn the_largest_datagram_arrives_whole() {
    let mut rig = Rig::start();
    let (socket, server) = client(&rig, false).await;
    let overhead = request("a", &"x".repeat(65_000)).len() - 65_000;
    let body = "x".repeat(65_507 - overhead);
    let datagram = request("a", &body);
    assert_eq!(datagram.len(), 65_507);
    socket.send_to(datagram.as_bytes(), server).await.unwrap();
    assert_eq!(rig.message().await.0.body().len(), body.len());
}

#[tokio::test]
async fn many_datagrams_in_a_row_all_arrive_in_order() {
    let mut rig = Rig::with(options(), 1);
    let (socket, server) = client(&rig, false).await;
    for number in 0..300 {
        socket.send_to(request(&format!("{number}"), "").as_bytes(), server).await.unwrap();
    }
    for number in 0..300 {
        assert_eq!(call_id(&rig.message().await.0), number.to_string());
    }
}

#[tokio::test]
async fn an_unreachable_port_is_reported_with_the_datagram() {
    for v6 in [false, true] {
        let mut rig = Rig::start();
        let dead = dead(v6).await;
        let datagram = bytes(&request("lost", ""));
        rig.layer.send_udp(&datagram, dead).unwrap();
        match rig.next().await {
            TransportEvent::UdpError { local, remote, quoted, error } => {
                assert_eq!(remote, dead);
                assert_eq!(local, rig.address(dead.ip()));
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
                assert_eq!(quoted, datagram);
            }
            other => panic!("expected an error, got {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_error_of_one_datagram_does_not_fail_the_next() {
    let mut rig = Rig::start();
    let (socket, server) = client(&rig, false).await;
    let remote = socket.local_addr().unwrap();
    for _ in 0..3 {
        let dead = dead(false).await;
        // On loopback the ICMP error is there before the call returns: it waits for the next one.
        rig.layer.send_udp(&bytes("x"), dead).unwrap();
        rig.layer.send_udp(&bytes("answer"), remote).unwrap();
        assert_eq!(receive(&socket).await, "answer");
    }
    for _ in 0..3 {
        assert!(matches!(rig.next().await, TransportEvent::UdpError { .. }));
    }
    socket.send_to(request("a", "").as_bytes(), server).await.unwrap();
    assert_eq!(call_id(&rig.message().await.0), "a");
}

#[tokio::test]
async fn an_error_of_the_datagram_itself_is_returned() {
    let rig = Rig::start();
    let error = rig.layer.send_udp(&Bytes::from(vec![b'x'; 70_000]), dead(false).await).unwrap_err();
    assert!(error.to_string().contains("Message too long"), "{error}");
}

#[tokio::test]
async fn shutdown_frees_the_port() {
    let rig = Rig::start();
    let address = rig.address(V4);
    rig.layer.shutdown(std::future::pending()).await;
    drop(rig);
    within(async {
        // The tasks are dropped by the runtime at its next turn.
        while UdpSocket::bind(address).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
