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
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::OwnedSemaphorePermit;

use super::answer::{Answer, Text};
use super::door::Door;
use super::http_request::HttpRequest;
use super::hyper_io::{HyperIo, HyperTimer};
use super::routes;
use super::scene::Scene;
use crate::clock::Clock;
use crate::engine::SystemClock;

/// How long the head of a request may take, also that of a further one on a connection.
const HEAD_LIMIT: Duration = Duration::from_secs(5);

/// How long a connection may last unless its answer goes on.
const LIFE_LIMIT: Duration = Duration::from_secs(60);

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
    fn next(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Accept for TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn next(&self) -> io::Result<Self::Stream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

impl Accept for UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn next(&self) -> io::Result<Self::Stream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

/// Accepts until the engine ends.
pub(super) async fn accept(listener: impl Accept, door: Arc<Door>, scene: Arc<Scene>) {
    let clock: &dyn Clock = &SystemClock;
    let mut ends = pin!(scene.ends());
    loop {
        door.turn().await;
        let Some(place) = door.place().await else { return };
        let accepted = tokio::select! {
            accepted = listener.next() => accepted,
            () = &mut ends => return,
        };
        match accepted {
            Ok(stream) => drop(tokio::spawn(converse(stream, place, door.clone(), scene.clone()))),
            Err(_) => clock.sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Answers the requests of one connection.
async fn converse<S>(stream: S, _place: OwnedSemaphorePermit, door: Arc<Door>, scene: Arc<Scene>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let goes_on = AtomicBool::new(false);
    let answer = service_fn(|request| respond(request, &door, &scene, &goes_on));
    let mut conversation = pin!(http1::Builder::new()
        .timer(HyperTimer)
        .header_read_timeout(HEAD_LIMIT)
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEADERS)
        .serve_connection(HyperIo::new(stream), answer));
    let clock: &dyn Clock = &SystemClock;
    let mut life = clock.sleep(LIFE_LIMIT);
    let mut ends = pin!(scene.ends());
    let mut ending = false;
    loop {
        tokio::select! {
            // What a peer does wrong is its own matter.
            _ = &mut conversation => return,
            () = &mut life => match goes_on.load(Ordering::Relaxed) {
                true => life = clock.sleep(LIFE_LIMIT),
                false => return,
            },
            () = &mut ends, if !ending => {
                ending = true;
                conversation.as_mut().graceful_shutdown();
            }
        }
    }
}

async fn respond(
    request: Request<Incoming>,
    door: &Arc<Door>,
    scene: &Arc<Scene>,
    goes_on: &AtomicBool,
) -> Result<Response<Text>, Infallible> {
    door.turn().await;
    let answer = judge(HttpRequest::of(request), door, scene).await;
    goes_on.store(answer.goes_on(), Ordering::Relaxed);
    Ok(answer.into_response())
}

async fn judge(asked: HttpRequest, door: &Arc<Door>, scene: &Arc<Scene>) -> Answer {
    if !asked.only_asks() {
        return Answer::wrong_method();
    }
    if asked.has_body() {
        return Answer::refusal(StatusCode::PAYLOAD_TOO_LARGE, "a request here has no body");
    }
    routes::answer(&asked, door, scene).await
}
