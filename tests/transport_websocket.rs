//! WebSocket connections over real sockets.

mod transport_support;

use std::time::Duration;

use oversip::transport::ws::{HttpRequest, Violation};
use oversip::transport::{CloseReason, ConnectionId, Options, Transport, TransportEvent};
use transport_support::{bytes, call_id, options, request, Peer, Rig};

const ASK: &str = "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// A frame with an all-zero mask.
fn frame(first: u8, payload: &str) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload.as_bytes());
    frame
}

fn start(options: Options) -> Rig {
    Rig::listening(&[Transport::Ws], options, 64)
}

async fn asked(rig: &mut Rig) -> HttpRequest {
    match rig.next().await {
        TransportEvent::Upgrade { request, .. } => *request,
        other => panic!("expected an upgrade request, got {other:?}"),
    }
}

/// A client with its WebSocket.
async fn client(rig: &mut Rig) -> (Peer, ConnectionId) {
    let (mut peer, id) = rig.peer().await;
    peer.write(ASK).await;
    asked(rig).await;
    assert!(rig.layer.connections().accept_upgrade(id, bytes("101\r\n\r\n")));
    peer.expect("101\r\n\r\n").await;
    (peer, id)
}

#[tokio::test]
async fn a_message_in_a_frame_arrives_and_a_sent_one_leaves_in_one() {
    let mut rig = start(options());
    let (mut peer, id) = client(&mut rig).await;
    peer.write(frame(0x81, &request("one", "body"))).await;
    let (message, source) = rig.message().await;
    assert_eq!((call_id(&message).as_str(), source.transport), ("one", Transport::Ws));
    // Nothing is written into the Via of a WebSocket client.
    assert_eq!(message.top_via().unwrap().received(), None);
    assert!(rig.layer.connections().send(id, bytes("SIP/2.0 200 OK\r\n\r\n")));
    peer.expect(b"\x81\x12SIP/2.0 200 OK\r\n\r\n").await;
}

#[tokio::test]
async fn what_comes_while_the_upgrade_is_decided_waits() {
    let mut rig = start(options());
    let (mut peer, id) = rig.peer().await;
    peer.write([ASK.as_bytes(), &frame(0x81, &request("early", ""))].concat()).await;
    assert_eq!(&asked(&mut rig).await.path[..], b"/chat");
    peer.write(frame(0x81, &request("second", ""))).await;
    assert!(rig.layer.connections().accept_upgrade(id, bytes("101\r\n\r\n")));
    peer.expect("101\r\n\r\n").await;
    peer.write(frame(0x81, &request("third", ""))).await;
    for expected in ["early", "second", "third"] {
        assert_eq!(call_id(&rig.message().await.0), expected);
    }
}
#[tokio::test]
async fn a_client_that_sends_too_much_before_the_decision_is_not_read() {
    let mut rig = start(options());
    let (mut peer, id) = rig.peer().await;
    peer.write(ASK).await;
    asked(&mut rig).await;
    let message = frame(0x81, &request("many", &"x".repeat(30_000)));
    let flood = async {
        for _ in 0..2000 {
            peer.0.writable().await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut peer.0, &message).await.unwrap();
        }
    };
    // 60 MB: more than the system's buffers and ours hold.
    let stuck = tokio::time::timeout(Duration::from_millis(300), flood).await.is_err();
    assert!(stuck);
    assert!(rig.layer.connections().info(id).is_some());
}

#[tokio::test]
async fn a_client_that_leaves_before_the_decision_is_noticed() {
    let mut rig = start(options());
    let (mut peer, id) = rig.peer().await;
    peer.write(ASK).await;
    asked(&mut rig).await;
    drop(peer);
    match rig.next().await {
        TransportEvent::ConnectionClosed { reason, websocket, .. } => {
            assert_eq!((reason, websocket), (CloseReason::Peer, false));
        }
        other => panic!("{other:?}"),
    }
    assert!(!rig.layer.connections().accept_upgrade(id, bytes("101")));
}
#[tokio::test]
async fn before_the_upgrade_nothing_can_be_sent() {
    let mut rig = start(options());
    let (mut peer, id) = rig.peer().await;
    let connections = rig.layer.connections().clone();
    assert!(!connections.send(id, bytes("SIP/2.0 200 OK\r\n\r\n")));
    peer.write(ASK).await;
    asked(&mut rig).await;
    assert!(connections.accept_upgrade(id, bytes("101")));
    assert!(!connections.accept_upgrade(id, bytes("101 again")));
}

#[tokio::test]
async fn a_refused_upgrade_gets_its_answer_and_the_end() {
    let mut rig = start(options());
    let (mut peer, id) = rig.peer().await;
    peer.write(ASK).await;
    asked(&mut rig).await;
    assert!(rig.layer.connections().refuse_upgrade(id, bytes("HTTP/1.1 403 Forbidden\r\n\r\n")));
    assert_eq!(peer.rest().await, b"HTTP/1.1 403 Forbidden\r\n\r\n");
    assert_eq!(rig.closed(id).await, (CloseReason::Local, false));
}

#[tokio::test]
async fn data_other_than_http_is_closed_without_an_answer() {
    let mut rig = start(options());
    for wrong in ["\r\n\r\n", "OPTIONS sip:a@b SIP/2.0\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n"] {
        let (mut peer, id) = rig.peer().await;
        peer.write(wrong).await;
        assert_eq!(peer.rest().await, b"", "{wrong:?}");
        assert_eq!(rig.closed(id).await.0, CloseReason::HttpSyntax);
    }
}

#[tokio::test]
async fn a_head_has_ten_seconds_from_its_first_byte() {
    let mut rig = start(options());
    let (mut peer, id) = rig.peer().await;
    rig.sweep_after(Duration::from_secs(60));
    peer.write("GET /").await;
    let connections = rig.layer.connections().clone();
    // The byte is on its way: swept until it was seen.
    let closed = async {
        loop {
            rig.sweep_after(Duration::from_secs(11));
            if connections.info(id).is_none() {
                break;
            }
            rig.tasks_wait().await;
        }
    };
    transport_support::within(closed).await;
    assert_eq!(rig.closed(id).await.0, CloseReason::Stalled);
}

#[tokio::test]
async fn pings_and_keepalives_are_answered() {
    let mut rig = start(options());
    let (mut peer, _) = client(&mut rig).await;
    peer.write([frame(0x89, "p"), frame(0x89, ""), frame(0x81, "\r\n\r\n"), frame(0x8a, "x")].concat()).await;
    peer.expect(b"\x8a\x01p\x8a\x00\x81\x02\r\n").await;
}

#[tokio::test]
async fn a_close_frame_is_echoed_with_its_status() {
    let mut rig = start(options());
    let (mut peer, id) = client(&mut rig).await;
    peer.write([frame(0x88, "\u{3}\u{0}bye"), frame(0x81, &request("late", ""))].concat()).await;
    // 0x0300 is no status that may be sent.
    assert_eq!(peer.rest().await, b"\x88\x20\x03\xeaclose frame status not allowed");
    assert!(matches!(rig.closed(id).await.0, CloseReason::WebSocket(Violation { code: 1002, .. })));

    let (mut peer, id) = client(&mut rig).await;
    peer.write([&[0x88, 0x85, 0, 0, 0, 0, 0x03, 0xe8][..], b"bye"].concat()).await;
    assert_eq!(peer.rest().await, b"\x88\x02\x03\xe8");
    let reason = CloseReason::CloseFrame { status: Some(1000), reason: "bye".into() };
    assert_eq!(rig.closed(id).await.0, reason);
}

#[tokio::test]
async fn a_websocket_is_closed_with_status_and_reason() {
    let mut rig = start(options());
    let (mut peer, id) = client(&mut rig).await;
    assert!(rig.layer.connections().close_with(id, Some(4003), "enough"));
    assert_eq!(peer.rest().await, b"\x88\x08\x0f\xa3enough");
    match rig.next().await {
        TransportEvent::ConnectionClosed { reason, websocket, .. } => {
            assert_eq!((reason, websocket), (CloseReason::Local, true));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn data_other_than_sip_closes_with_its_status() {
    let mut rig = start(options());
    let (mut peer, id) = client(&mut rig).await;
    peer.write(frame(0x81, "hello")).await;
    assert_eq!(peer.rest().await, b"\x88\x18\x0f\xa1SIP message incomplete");
    assert!(matches!(rig.closed(id).await.0, CloseReason::WebSocket(Violation { code: 4001, .. })));
}

#[tokio::test]
async fn a_bad_branch_is_answered_and_the_connection_stays() {
    let mut rig = start(options());
    let (mut peer, _) = client(&mut rig).await;
    let bad = request("bad", "").replace("branch=", "branch=x;branch=");
    peer.write([frame(0x81, &bad), frame(0x81, &request("good", ""))].concat()).await;
    let (status, reason, close, _) = rig.reply().await;
    assert_eq!((status, reason.as_str(), close), (400, "Via branch non RFC 3261 compliant", false));
    assert_eq!(call_id(&rig.message().await.0), "good");
}

#[tokio::test]
async fn a_ping_goes_out_every_interval() {
    let options = Options { ws_keepalive: Some(Duration::from_secs(300)), ..options() };
    let mut rig = start(options);
    let (mut peer, _) = client(&mut rig).await;
    rig.sweep_after(Duration::from_secs(299));
    rig.sweep_after(Duration::from_secs(1));
    peer.expect(b"\x89\x0akeep-alive").await;
    rig.sweep_after(Duration::from_secs(299));
    rig.sweep_after(Duration::from_secs(1));
    // Exactly one more, or these bytes would be others.
    peer.write(frame(0x89, "now")).await;
    peer.expect(b"\x89\x0akeep-alive\x8a\x03now").await;
}
#[tokio::test]
async fn clients_are_told_when_the_server_ends() {
    let mut rig = start(options());
    let (mut peer, _) = client(&mut rig).await;
    rig.layer.shutdown(std::future::pending()).await;
    assert_eq!(peer.rest().await, b"\x88\x02\x03\xe9");
}

#[tokio::test]
async fn an_idle_websocket_is_closed() {
    let mut rig = start(options());
    let (mut peer, id) = client(&mut rig).await;
    rig.sweep_after(Duration::from_secs(7200));
    assert_eq!(peer.rest().await, b"");
    assert_eq!(rig.closed(id).await.0, CloseReason::Idle);
}
