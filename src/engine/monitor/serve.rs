//! Accepts connections and serves each, within limits: whoever connects, calls go on.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{service_fn, HttpService};
use hyper::{Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

use super::connection_places::{ConnectionPlace, MonitorPeer};
use super::door::Door;
use super::hyper_io::{HyperIo, HyperTimer};
use super::monitor_request::MonitorRequest;
use super::monitor_response::{MonitorResponse, ResponseBody};
use super::refusals::Refusal;
use super::routes;
use super::scene::Scene;
use crate::clock::Clock;
use crate::engine::SystemClock;

/// How long the head of a request may take, also that of a further one on a connection.
const HEAD_LIMIT: Duration = Duration::from_secs(5);

/// How long a connection is used for further requests, unless its answer goes on.
const LIFE_LIMIT: Duration = Duration::from_secs(60);

/// How long the answer may take after that which is under way then.
const LAST_ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;

/// Headers of a request.
const HEADERS: usize = 64;

/// How long the system is left alone that refuses a connection, such as for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What accepts connections.
pub(super) trait Accept: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for one.
    fn next(&self) -> impl Future<Output = io::Result<(Self::Stream, MonitorPeer)>> + Send;
}

impl Accept for TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn next(&self) -> io::Result<(Self::Stream, MonitorPeer)> {
        let (stream, remote) = self.accept().await?;
        // One whose address here cannot be read is gone.
        let local = stream.local_addr().map_or(remote.ip(), |local| local.ip());
        Ok((stream, MonitorPeer::at(remote.ip(), local)))
    }
}

impl Accept for UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn next(&self) -> io::Result<(Self::Stream, MonitorPeer)> {
        self.accept().await.map(|(stream, _)| (stream, MonitorPeer::Control))
    }
}

/// Accepts until the engine ends.
pub(super) async fn accept(listener: impl Accept, door: Arc<Door>, scene: Arc<Scene>) {
    tokio::select! {
        () = accept_all(listener, door, &scene) => {}
        () = scene.ends() => {}
    }
}

async fn accept_all(listener: impl Accept, door: Arc<Door>, scene: &Arc<Scene>) {
    let clock: &dyn Clock = &SystemClock;
    loop {
        door.opens().await;
        match listener.next().await {
            // Without a place it is closed.
            Ok((stream, peer)) => {
                if let Some(place) = door.place(peer).await {
                    let (door, scene, place) = (door.clone(), scene.clone(), Arc::new(place));
                    let conversation =
                        Conversation { peer, place, door, scene, goes_on: AtomicBool::new(false) };
                    tokio::spawn(async move { conversation.hold(stream).await });
                }
            }
            Err(_) => clock.sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// A connection, as its answers need it.
struct Conversation {
    peer: MonitorPeer,
    place: Arc<ConnectionPlace>,
    door: Arc<Door>,
    scene: Arc<Scene>,
    /// Whether its last answer has no end of its own.
    goes_on: AtomicBool,
}

impl Conversation {
    /// Answers the requests of the connection, until it has to make room for another one.
    async fn hold(&self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let answer = service_fn(|request| self.respond(request));
        tokio::select! {
            () = serve_until(self.ends(), stream, answer, LAST_ANSWER_LIMIT) => {}
            () = self.place.has_to_leave() => {}
        }
    }

    /// Ends when no further request is answered: the engine ends, or the connection has lasted for long.
    async fn ends(&self) {
        let clock: &dyn Clock = &SystemClock;
        let lifetime = async {
            clock.sleep(LIFE_LIMIT).await;
            while self.goes_on.load(Ordering::Relaxed) {
                clock.sleep(LIFE_LIMIT).await;
            }
        };
        tokio::select! {
            () = lifetime => {}
            () = self.scene.ends() => {}
        }
    }

    async fn respond(&self, request: Request<Incoming>) -> Result<Response<ResponseBody>, Infallible> {
        let asked = MonitorRequest::of(request);
        let admitted = self.scene.hosts.admit(&asked, self.peer);
        self.door.turn(self.peer, admitted.is_ok()).await;
        // Who has waited for its turn until now has made room for others, as who asks nothing.
        let answering = self.place.answering();
        let response = match admitted {
            Ok(()) => self.judge(asked).await,
            Err(reason) => {
                self.door.refusals().count(Refusal::Host);
                MonitorResponse::refusal(StatusCode::FORBIDDEN, reason)
            }
        };
        self.goes_on.store(response.goes_on(), Ordering::Relaxed);
        Ok(response.into_response(answering))
    }

    async fn judge(&self, asked: MonitorRequest) -> MonitorResponse {
        if !asked.only_asks() {
            return MonitorResponse::wrong_method();
        }
        if asked.has_body() {
            return MonitorResponse::refusal(StatusCode::PAYLOAD_TOO_LARGE, "a request here has no body");
        }
        routes::answer(&asked, &self.door, &self.scene).await
    }
}

/// Answers the requests of a connection. After `ends` no further one is answered, and the answer that is under way has `limit` to come to
/// its end.
async fn serve_until<A>(
    ends: impl Future<Output = ()>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: A,
    limit: Duration,
) where
    A: HttpService<Incoming, ResBody = ResponseBody>,
    A::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut conversation = pin!(http1::Builder::new()
        .timer(HyperTimer)
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(HyperIo::new(stream), answer));
    tokio::select! {
        // What a peer does wrong is its own matter.
        _ = &mut conversation => return,
        () = ends => {}
    }
    conversation.as_mut().graceful_shutdown();
    let clock: &dyn Clock = &SystemClock;
    let _ = clock.timeout(limit, conversation).await;
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::sync::oneshot;

    use super::super::connection_places::ConnectionPlaces;
    use super::super::monitor_response::Pieces;
    use super::*;

    /// A connection that ends while its answer is under way: what serves it, its other end, and who sends the answer's pieces.
    fn ending(limit: Duration) -> (impl Future<Output = ()>, DuplexStream, oneshot::Receiver<Pieces>) {
        let (near, far) = tokio::io::duplex(4096);
        let (asked, is_asked) = oneshot::channel();
        let (begun, has_begun) = oneshot::channel();
        let (asked, begun) = (std::cell::Cell::new(Some(asked)), std::cell::Cell::new(Some(begun)));
        let place = Arc::new(Arc::<ConnectionPlaces>::default().take(MonitorPeer::Control).expect("room"));
        let answer = service_fn(move |_: Request<Incoming>| {
            let (response, pieces) = MonitorResponse::in_pieces("text/plain");
            if let (Some(asked), Some(begun)) = (asked.take(), begun.take()) {
                let _ = (asked.send(()), begun.send(pieces));
            }
            std::future::ready(Ok::<_, Infallible>(response.into_response(place.answering())))
        });
        let ends = async {
            let _ = is_asked.await;
        };
        (serve_until(ends, near, answer, limit), far, has_begun)
    }

    #[tokio::test]
    async fn the_answer_that_is_under_way_at_the_end_is_whole_and_the_last_one() {
        let (served, mut peer, pieces) = ending(Duration::from_secs(5));
        let talk = async {
            peer.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
                .await
                .expect("taken");
            let pieces = pieces.await.expect("an answer");
            // The end has come by then.
            tokio::task::yield_now().await;
            for piece in ["one ", "two"] {
                pieces.send(piece.into()).await.expect("taken");
            }
            drop(pieces);
            let mut text = String::new();
            peer.read_to_string(&mut text).await.expect("text");
            text
        };
        let ((), text) = tokio::join!(served, talk);
        assert!(text.ends_with("4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n"), "{text}");
        assert_eq!(text.matches("HTTP/1.1").count(), 1);
    }

    #[tokio::test]
    async fn an_answer_that_takes_longer_is_cut() {
        let (served, mut peer, pieces) = ending(Duration::from_millis(1));
        peer.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("taken");
        let (pieces, ()) = tokio::join!(pieces, served);
        let mut text = String::new();
        peer.read_to_string(&mut text).await.expect("text");
        assert!(text.starts_with("HTTP/1.1 200") && !text.ends_with("0\r\n\r\n"), "{text}");
        assert!(pieces.expect("an answer").is_closed());
    }
}
