//! TCP over loopback: what connected peers send and how their connections end.

mod transport_support;

use std::time::Duration;

use bytes::Bytes;
use oversip::transport::{CloseReason, OpeningFailure, Options, Source, Transport, TransportEvent};
use tokio::net::TcpSocket;
use transport_support::{bytes, call_id, opening_limits, options, request, within, Peer, Rig, V4, V6};

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn a_message_in_pieces_arrives_once_it_is_complete() {
    let mut rig = Rig::start();
    let (mut peer, _) = rig.peer().await;
    let text = request("halves", "the body");
    for piece in text.as_bytes().chunks(7) {
        assert!(rig.events.try_recv().is_err());
        peer.write(piece).await;
    }
    let (message, _) = rig.message().await;
    assert_eq!((&*call_id(&message), message.body().as_ref()), ("halves", &b"the body"[..]));
}

#[tokio::test]
async fn pipelined_messages_arrive_in_order() {
    let mut rig = Rig::start();
    let (mut peer, _) = rig.peer().await;
    let text: String = (0..50).map(|number| request(&number.to_string(), "body\r\n\r\n")).collect();
    peer.write(text).await;
    for number in 0..50 {
        assert_eq!(call_id(&rig.message().await.0), number.to_string());
    }
}

#[tokio::test]
async fn both_families_tell_the_source_and_answer_over_the_connection() {
    for ip in [V4, V6] {
        let mut rig = Rig::start();
        let mut peer = rig.dial(ip).await;
        let id = match rig.next().await {
            TransportEvent::ConnectionOpened { id, transport, remote, local, inbound, handshake: None } => {
                assert_eq!((transport, remote, inbound), (Transport::Tcp, peer.local(), true));
                assert_eq!(local, rig.address(ip));
                id
            }
            other => panic!("{other:?}"),
        };
        peer.write(request("a", "")).await;
        let (remote, local) = (peer.local(), rig.address(ip));
        let expected =
            Source { transport: Transport::Tcp, remote, local, connection: Some(id), inbound: true };
        assert_eq!(rig.message().await.1, expected);
        assert!(rig.layer.connections().send(id, bytes("answer 1,")));
        assert!(rig.layer.connections().send(id, bytes("answer 2")));
        peer.expect("answer 1,answer 2").await;
    }
}

#[tokio::test]
async fn keepalives_are_answered_between_messages() {
    let mut rig = Rig::start();
    let (mut peer, _) = rig.peer().await;
    peer.write("\r\n\r\n").await;
    peer.expect("\r\n").await;
    peer.write(format!("\r\n\r\n\r\n\r\n\r\n{}\r\n\r\n", request("a", ""))).await;
    peer.expect("\r\n\r\n\r\n").await;
    assert_eq!(call_id(&rig.message().await.0), "a");
}

#[tokio::test]
async fn the_peer_closing_is_reported_after_its_last_message() {
    let mut rig = Rig::start();
    let (mut peer, id) = rig.peer().await;
    peer.write(request("last", "")).await;
    drop(peer);
    assert_eq!(call_id(&rig.message().await.0), "last");
    assert_eq!(rig.closed(id).await, (CloseReason::Peer, false));
    assert!(rig.layer.connections().is_empty());
    assert!(!rig.layer.connections().send(id, bytes("late")));
    assert!(!rig.layer.connections().close(id));
}

#[tokio::test]
async fn close_sends_queued_messages_first() {
    let mut rig = Rig::start();
    let (mut peer, id) = rig.peer().await;
    let answer = Bytes::from(vec![b'x'; 3_000_000]);
    assert!(rig.layer.connections().send(id, answer.clone()));
    assert!(rig.layer.connections().close(id));
    assert!(!rig.layer.connections().send(id, bytes("late")));
    assert_eq!(peer.rest().await, answer);
    assert_eq!(rig.closed(id).await, (CloseReason::Local, false));
}

#[tokio::test]
async fn the_answer_before_a_close_survives_unread_input() {
    let mut rig = Rig::start();
    // A narrow window keeps the answer here for a while: a reset would take what is left of it along.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(32 * 1024).unwrap();
    let mut peer = Peer(within(socket.connect(rig.address(V4))).await.unwrap());
    let id = rig.opened().await;
    peer.write(request("a", "").replace("branch=", "branch=x;branch=")).await;
    assert!(rig.reply().await.2);
    let answer = Bytes::from(vec![b'x'; 1_000_000]);
    assert!(rig.layer.connections().send(id, answer.clone()));
    rig.layer.connections().close(id);
    peer.write(vec![b'y'; 10_000]).await;
    assert_eq!(rig.closed(id).await, (CloseReason::Local, false));
    assert_eq!(peer.rest().await.len(), answer.len());
}

#[tokio::test]
async fn messages_behind_the_one_that_made_us_close_are_ignored() {
    let mut rig = Rig::with(options(), 1);
    let mut peer = rig.dial(V4).await;
    let id = rig.opened().await;
    let text: String = (0..10).map(|number| request(&number.to_string(), "")).collect();
    peer.write(text).await;
    assert_eq!(call_id(&rig.message().await.0), "0");
    rig.layer.connections().close(id);
    // One may be in the channel and one on its way into it.
    let mut late = 0;
    while let TransportEvent::Message { .. } = rig.next().await {
        late += 1;
    }
    assert!(late <= 2, "{late}");
    assert_eq!(peer.rest().await, b"");
}

#[tokio::test]
async fn what_comes_after_a_rejected_request_is_ignored() {
    let mut rig = Rig::start();
    let (mut peer, id) = rig.peer().await;
    peer.write(format!("{}{}", request("a", "").replace("branch=", "branch=x;branch="), request("b", "")))
        .await;
    let (status, reason, close, source) = rig.reply().await;
    assert_eq!((status, &*reason, close), (400, "Via branch non RFC 3261 compliant", true));
    assert_eq!(source.connection, Some(id));
    rig.layer.connections().close(id);
    assert_eq!(peer.rest().await, b"");
    assert_eq!(rig.closed(id).await, (CloseReason::Local, false));
}

#[tokio::test]
async fn a_rejected_request_that_is_never_answered_does_not_hold_the_connection() {
    let mut rig = Rig::start();
    let (mut peer, id) = rig.peer().await;
    peer.write(request("a", "").replace("branch=", "branch=x;branch=")).await;
    rig.reply().await;
    // Its turn came after the one in which the answer was asked for.
    let _other = rig.peer().await;
    rig.sweep_after(Duration::from_secs(10));
    assert_eq!(peer.rest().await, b"");
    assert_eq!(rig.closed(id).await.0, CloseReason::Stalled);
}

#[tokio::test]
async fn an_ack_without_a_proper_branch_closes_without_an_answer() {
    let mut rig = Rig::start();
    let (mut peer, id) = rig.peer().await;
    peer.write(request("a", "").replace("branch=", "branch=x;branch=").replace("MESSAGE", "ACK")).await;
    assert_eq!(peer.rest().await, b"");
    assert!(matches!(rig.closed(id).await, (CloseReason::Protocol(_), false)));
}

#[tokio::test]
async fn a_cseq_number_out_of_range_is_answered_and_the_connection_goes_on() {
    let mut rig = Rig::start();
    let (mut peer, _) = rig.peer().await;
    let bad = request("a", "").replace("CSeq: 1 ", "CSeq: 2147483648 ");
    peer.write(format!("{bad}{}", request("b", ""))).await;
    let (status, _, close, _) = rig.reply().await;
    assert_eq!((status, close), (400, false));
    assert_eq!(call_id(&rig.message().await.0), "b");
}

#[tokio::test]
async fn faulty_streams_are_closed_in_silence() {
    let good = request("a", "");
    let faults = [
        "garbage\r\n\r\n".to_owned(),
        good.replace("Call-ID: a\r\n", ""),
        good.replace("To: ", "To: <sip:x@example.org>\r\nTo: "),
        format!("MESSAGE sip:a@example.org SIP/2.0\r\nSubject: {}\r\n", "x".repeat(17_000)),
        good.replace("MESSAGE", "ACK").replace("Content-Length: 0\r\n", ""),
        good.replace("Call-ID: a\r\n", "").replace("Content-Length: 0\r\n", ""),
    ];
    for fault in faults {
        let mut rig = Rig::start();
        let (mut peer, id) = rig.peer().await;
        peer.write(&fault).await;
        assert_eq!(peer.rest().await, b"", "{fault}");
        assert!(matches!(rig.closed(id).await, (CloseReason::Protocol(_), false)), "{fault}");
        assert_eq!(rig.layer.connections().lookup(Transport::Tcp, peer.local()), None);
    }
}

#[tokio::test]
async fn a_header_section_of_just_the_limit_passes() {
    let mut rig = Rig::start();
    let (mut peer, _) = rig.peer().await;
    let bare = request("a", "");
    let filler = 16_384 - bare.len() - "Subject: \r\n".len();
    let full = bare.replace("To: ", &format!("Subject: {}\r\nTo: ", "x".repeat(filler)));
    assert_eq!(full.len(), 16_384);
    peer.write(full).await;
    assert_eq!(call_id(&rig.message().await.0), "a");
}

#[tokio::test]
async fn a_missing_content_length_is_to_be_answered_400() {
    let mut rig = Rig::start();
    let (mut peer, id) = rig.peer().await;
    peer.write(request("a", "").replace("Content-Length: 0\r\n", "")).await;
    let (status, reason, close, source) = rig.reply().await;
    assert_eq!((status, &*reason, close), (400, "Body size doesn't match Content-Length", true));
    assert_eq!(source.connection, Some(id));
}

#[tokio::test]
async fn a_body_over_the_limit_is_to_be_answered_413_before_it_is_read() {
    let mut rig = Rig::with(Options { max_body_size: 1000, ..options() }, 64);
    let (mut peer, _) = rig.peer().await;
    peer.write(request("fits", &"x".repeat(1000))).await;
    assert_eq!(call_id(&rig.message().await.0), "fits");
    peer.write(request("a", "").replace("Content-Length: 0", "Content-Length: 1001")).await;
    let (status, _, close, _) = rig.reply().await;
    assert_eq!((status, close), (413, true));
}

#[tokio::test]
async fn headers_that_do_not_come_to_an_end_close_the_connection_after_ten_seconds() {
    let mut rig = Rig::start();
    let (mut peer, id) = rig.peer().await;
    // The answered keep-alive shows that the bytes before it were read.
    peer.write("\r\n\r\nMESSAGE sip:a@example.org SIP/2.0\r\n").await;
    peer.expect("\r\n").await;
    rig.sweep_after(Duration::from_millis(9_999));
    assert!(rig.layer.connections().info(id).is_some());
    rig.sweep_after(Duration::from_millis(1));
    assert_eq!(peer.rest().await, b"");
    assert_eq!(rig.closed(id).await, (CloseReason::Stalled, false));
}

#[tokio::test]
async fn a_connection_between_messages_stays_for_two_hours() {
    let mut rig = Rig::start();
    let (mut peer, id) = rig.peer().await;
    rig.sweep_after(Duration::from_secs(7000));
    peer.write(request("a", "")).await;
    rig.message().await;
    rig.sweep_after(Duration::from_secs(7199));
    assert!(rig.layer.connections().info(id).is_some());
    rig.sweep_after(Duration::from_secs(1));
    assert_eq!(rig.closed(id).await, (CloseReason::Idle, false));
    assert_eq!(peer.rest().await, b"");
}

#[tokio::test]
async fn sent_messages_count_as_traffic() {
    let mut rig = Rig::start();
    let (mut peer, id) = rig.peer().await;
    rig.sweep_after(Duration::from_secs(7000));
    rig.layer.connections().send(id, bytes("x"));
    peer.expect("x").await;
    rig.sweep_after(Duration::from_secs(7199));
    assert!(rig.layer.connections().info(id).is_some());
}

#[tokio::test]
async fn a_peer_that_does_not_read_loses_its_connection() {
    let mut rig = Rig::start();
    let (_peer, id) = rig.peer().await;
    let chunk = Bytes::from(vec![b'x'; 65_536]);
    // Far more than the queue and the system's buffers hold.
    let mut sent = 0;
    while rig.layer.connections().send(id, chunk.clone()) {
        sent += 1;
        assert!(sent < 10_000);
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.closed(id).await, (CloseReason::Overflow, true));
    assert!(rig.layer.connections().info(id).is_none());
}

#[tokio::test]
async fn many_small_messages_to_a_peer_that_does_not_read_are_bounded_too() {
    let mut rig = Rig::start();
    let (_peer, id) = rig.peer().await;
    // Without a pause the writer does not run: every message stays in the queue.
    let sent = (0..10_000).take_while(|_| rig.layer.connections().send(id, bytes("x"))).count();
    assert_eq!(sent, 4096);
    assert_eq!(rig.closed(id).await, (CloseReason::Overflow, true));
}

#[tokio::test]
async fn few_large_messages_are_bounded_by_their_bytes() {
    let mut rig = Rig::start();
    let (_peer, id) = rig.peer().await;
    let chunk = Bytes::from(vec![b'x'; 1024 * 1024]);
    let sent = (0..10).take_while(|_| rig.layer.connections().send(id, chunk.clone())).count();
    assert_eq!(sent, 4);
    assert_eq!(rig.closed(id).await, (CloseReason::Overflow, true));
}

#[tokio::test]
async fn connections_that_close_make_room_before_any_other() {
    let mut rig = Rig::with(Options { max_outgoing_bytes: 8 * MIB, ..options() }, 64);
    let mut closing = Vec::new();
    for _ in 0..2 {
        closing.push(rig.peer().await);
    }
    let (mut slow, slow_id) = rig.peer().await;
    let (mut idle, idle_id) = rig.peer().await;
    let connections = rig.layer.connections().clone();
    // Without a pause the writers do not run: every message stays in its queue.
    let chunk = Bytes::from(vec![b'x'; MIB]);
    for (_, id) in &closing {
        assert!((0..3).all(|_| connections.send(*id, chunk.clone())));
        assert!(connections.close(*id));
    }
    assert!((0..3).all(|_| connections.send(slow_id, chunk.clone())));
    assert_eq!((connections.outgoing_bytes(), connections.overflows()), (6 * MIB, 1));
    assert!(connections.send(idle_id, bytes("still here")));
    idle.expect("still here").await;
    slow.expect(vec![b'x'; 3 * MIB]).await;
    let ends = [rig.next().await, rig.next().await];
    let unsent =
        ends.iter().filter(|end| matches!(end, TransportEvent::ConnectionClosed { unsent: true, .. }));
    assert_eq!(unsent.count(), 1);
    assert!([slow_id, idle_id].iter().all(|id| connections.info(*id).is_some()));
}

#[tokio::test]
async fn a_message_that_costs_its_own_connection_was_not_taken() {
    let mut rig = Rig::with(Options { max_outgoing_bytes: 2 * MIB, ..options() }, 64);
    let (_peer, id) = rig.peer().await;
    let (_other, idle) = rig.peer().await;
    let chunk = Bytes::from(vec![b'x'; MIB]);
    let taken: Vec<_> = (0..3).map(|_| rig.layer.connections().send(id, chunk.clone())).collect();
    assert_eq!(taken, [true, true, false]);
    assert_eq!((rig.layer.connections().outgoing_bytes(), rig.layer.connections().overflows()), (0, 1));
    assert_eq!(rig.closed(id).await, (CloseReason::Overflow, true));
    assert!(rig.layer.connections().info(idle).is_some());
}

#[tokio::test]
async fn a_response_that_is_held_holds_its_connection_and_no_other() {
    let mut rig = Rig::start();
    let connections = rig.layer.connections().clone();
    connections.hold_responses(true);
    let (mut peer, id) = rig.peer().await;
    peer.write(request("before", "") + &response("held") + &request("behind", "")).await;
    assert_eq!(call_id(&rig.message().await.0), "before");
    let TransportEvent::HeldResponse { message, pause, .. } = rig.next().await else { panic!("not held") };
    assert_eq!((call_id(&message).as_str(), connections.paused()), ("held", 1));
    let (mut other, _) = rig.peer().await;
    other.write(request("other", "")).await;
    assert_eq!(call_id(&rig.message().await.0), "other");
    drop(pause);
    assert_eq!((call_id(&rig.message().await.0).as_str(), connections.paused()), ("behind", 0));

    peer.write(response("last")).await;
    let TransportEvent::HeldResponse { pause: _pause, .. } = rig.next().await else { panic!("not held") };
    connections.close(id);
    assert_eq!(rig.closed(id).await, (CloseReason::Local, false));
}

#[tokio::test]
async fn nothing_is_lost_while_the_engine_is_slow() {
    let mut rig = Rig::with(options(), 1);
    let (mut peer, _) = rig.peer().await;
    let sender = tokio::spawn(async move {
        for number in 0..2000 {
            peer.write(request(&number.to_string(), &"x".repeat(2000))).await;
        }
        peer
    });
    for number in 0..2000 {
        assert_eq!(call_id(&rig.message().await.0), number.to_string());
    }
    within(sender).await.unwrap();
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once() {
    let mut rig = Rig::with(Options { max_connections: 1, ..options() }, 64);
    let (mut first, id) = rig.peer().await;
    let mut second = rig.dial(V4).await;
    assert_eq!(second.rest().await, b"");
    first.write(request("a", "")).await;
    assert_eq!(rig.message().await.1.connection, Some(id));
    let refused = rig.layer.connections().connect(rig.address(V4), None, opening_limits());
    let no_room = ("no more connections possible".to_owned(), OpeningFailure::Own);
    assert_eq!(rig.failure(refused).await, no_room);
}

#[tokio::test]
async fn shutdown_writes_queued_messages_and_closes_everything() {
    let mut rig = Rig::start();
    let (mut peer, id) = rig.peer().await;
    let answer = Bytes::from(vec![b'x'; 2_000_000]);
    rig.layer.connections().send(id, answer.clone());
    let reader = tokio::spawn(async move { peer.rest().await });
    within(rig.layer.shutdown(std::future::pending())).await;
    assert_eq!(rig.closed(id).await, (CloseReason::Shutdown, false));
    assert_eq!(within(reader).await.unwrap(), answer);
    assert!(tokio::net::TcpStream::connect(rig.address(V4)).await.is_err());
}

#[tokio::test]
async fn shutdown_drops_a_peer_that_does_not_read() {
    let mut rig = Rig::start();
    let (_peer, id) = rig.peer().await;
    // More than the system's buffers hold, less than the queue: the writer is stuck.
    while rig.layer.connections().info(id).is_some() && !stuck(&rig, id).await {}
    rig.layer.shutdown(std::future::ready(())).await;
    assert_eq!(rig.closed(id).await, (CloseReason::Shutdown, true));
}

#[tokio::test]
async fn a_connection_that_closes_has_five_seconds_to_write_what_is_queued() {
    let mut rig = Rig::start();
    let (_peer, id) = rig.peer().await;
    while rig.layer.connections().info(id).is_some() && !stuck(&rig, id).await {}
    assert!(rig.layer.connections().close(id));
    rig.tasks_wait().await;
    rig.advance(Duration::from_millis(4_999));
    rig.tasks_wait().await;
    assert!(rig.events.try_recv().is_err());
    rig.advance(Duration::from_millis(1));
    assert_eq!(rig.closed(id).await, (CloseReason::Local, true));
}

/// Queues one more message; whether the writer is stuck.
async fn stuck(rig: &Rig, id: oversip::transport::ConnectionId) -> bool {
    rig.layer.connections().send(id, Bytes::from(vec![b'x'; 1_000_000]));
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    rig.layer.connections().info(id).is_some_and(|info| info.queued > 2_000_000)
}

/// A response as it comes back to a request from here.
fn response(call_id: &str) -> String {
    request(call_id, "").replace("MESSAGE sip:a@example.org SIP/2.0", "SIP/2.0 200 OK")
}
