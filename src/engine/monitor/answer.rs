//! What a handler answers: a whole text, or one that goes on.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{HeaderName, HeaderValue, ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};

/// The answer to a request.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Text,
}

/// The text of an answer.
#[derive(Debug)]
pub(super) struct Text(Bytes);

impl Answer {
    /// A text of a type.
    pub(super) fn new(kind: &'static str, text: impl Into<Bytes>) -> Answer {
        Answer::with_text(kind, Text(text.into()))
    }

    /// Plain text.
    pub(super) fn plain(text: impl Into<Bytes>) -> Answer {
        Answer::new("text/plain; charset=utf-8", text)
    }

    /// JSON.
    pub(super) fn json(value: &serde_json::Value) -> Answer {
        Answer::new("application/json", format!("{value}\n"))
    }

    /// The request is refused, for a reason in words.
    pub(super) fn refusal(status: StatusCode, reason: &str) -> Answer {
        Answer { status, ..Answer::plain(format!("{reason}\n")) }
    }

    /// The method is none of those that are served.
    pub(super) fn wrong_method() -> Answer {
        Answer::refusal(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only: nothing can be changed here")
            .header(ALLOW, HeaderValue::from_static("GET, HEAD"))
    }

    /// One more header.
    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Answer {
        self.headers.push((name, value));
        self
    }

    pub(super) fn into_response(self) -> Response<Text> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response
    }

    fn with_text(kind: &'static str, body: Text) -> Answer {
        let headers = vec![
            (CONTENT_TYPE, HeaderValue::from_static(kind)),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        ];
        Answer { status: StatusCode::OK, headers, body }
    }
}

impl Body for Text {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let text = std::mem::take(&mut self.0);
        Poll::Ready((!text.is_empty()).then(|| Ok(Frame::data(text))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}
