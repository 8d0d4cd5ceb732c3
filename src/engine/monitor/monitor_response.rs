//! The response to a request: a whole text, or one that goes on.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{HeaderName, HeaderValue, ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};
use tokio::sync::mpsc;

use super::connection_places::Answering;

/// Pieces of a text that goes on which may wait until the peer takes them; who makes them waits then.
const MOST_PIECES: usize = 4;

/// The response to a request.
#[derive(Debug)]
pub(super) struct MonitorResponse {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Text,
    /// Whether it has no end of its own.
    lasts: bool,
}

/// Its text.
#[derive(Debug)]
enum Text {
    /// All of it.
    Whole(Bytes),
    /// It goes on until its sender is dropped.
    GoesOn(mpsc::Receiver<Bytes>),
}

/// The text, as it goes to hyper: its connection is not idle until it has left.
#[derive(Debug)]
pub(super) struct ResponseBody {
    text: Text,
    _answering: Answering,
}

/// Sends the pieces of an answer that goes on. An error: the peer is gone, or the engine ends.
pub(super) type Pieces = mpsc::Sender<Bytes>;

impl MonitorResponse {
    /// A text of a type.
    pub(super) fn new(kind: &'static str, text: impl Into<Bytes>) -> MonitorResponse {
        MonitorResponse::with_text(kind, Text::Whole(text.into()))
    }

    /// Plain text.
    pub(super) fn plain(text: impl Into<Bytes>) -> MonitorResponse {
        MonitorResponse::new("text/plain; charset=utf-8", text)
    }

    /// JSON.
    pub(super) fn json(value: &serde_json::Value) -> MonitorResponse {
        MonitorResponse::new("application/json", format!("{value}\n"))
    }

    /// A text of a type that goes on, and who sends its pieces.
    pub(super) fn going_on(kind: &'static str) -> (MonitorResponse, Pieces) {
        let (answer, pieces) = MonitorResponse::in_pieces(kind);
        (MonitorResponse { lasts: true, ..answer }, pieces)
    }

    /// A text of a type that is made piece by piece, and who sends them.
    pub(super) fn in_pieces(kind: &'static str) -> (MonitorResponse, Pieces) {
        let (pieces, taken) = mpsc::channel(MOST_PIECES);
        (MonitorResponse::with_text(kind, Text::GoesOn(taken)), pieces)
    }

    /// The request is refused, for a reason in words.
    pub(super) fn refusal(status: StatusCode, reason: &str) -> MonitorResponse {
        MonitorResponse { status, ..MonitorResponse::plain(format!("{reason}\n")) }
    }

    /// The method is none of those that are served.
    pub(super) fn wrong_method() -> MonitorResponse {
        MonitorResponse::refusal(
            StatusCode::METHOD_NOT_ALLOWED,
            "GET and HEAD only: nothing can be changed here",
        )
        .header(ALLOW, HeaderValue::from_static("GET, HEAD"))
    }

    /// One more header.
    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> MonitorResponse {
        self.headers.push((name, value));
        self
    }

    /// Whether it goes on until somebody ends it.
    pub(super) fn goes_on(&self) -> bool {
        self.lasts
    }

    pub(super) fn into_response(self, answering: Answering) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody { text: self.body, _answering: answering });
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response
    }

    fn with_text(kind: &'static str, body: Text) -> MonitorResponse {
        let headers = vec![
            (CONTENT_TYPE, HeaderValue::from_static(kind)),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        MonitorResponse { status: StatusCode::OK, headers, body, lasts: false }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.text {
            Text::Whole(text) => {
                let text = std::mem::take(text);
                Poll::Ready((!text.is_empty()).then(|| Ok(Frame::data(text))))
            }
            Text::GoesOn(pieces) => {
                pieces.poll_recv(context).map(|piece| piece.map(|it| Ok(Frame::data(it))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.text, Text::Whole(text) if text.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.text {
            Text::Whole(text) => SizeHint::with_exact(text.len() as u64),
            Text::GoesOn(_) => SizeHint::default(),
        }
    }
}
