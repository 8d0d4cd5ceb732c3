//! What a request asks for.

use hyper::body::{Body, Incoming};
use hyper::{Method, Request};

/// A request, without its body: none has one.
#[derive(Debug)]
pub(super) struct Asked {
    /// The path, as it came.
    pub(super) path: String,
    method: Method,
    has_body: bool,
}

impl Asked {
    pub(super) fn of(request: Request<Incoming>) -> Asked {
        Asked {
            path: request.uri().path().to_owned(),
            method: request.method().clone(),
            has_body: !request.body().is_end_stream(),
        }
    }

    /// Whether it only asks.
    pub(super) fn only_asks(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    /// Whether it brings something along.
    pub(super) fn has_body(&self) -> bool {
        self.has_body
    }
}
