//! What a request asks for.

use hyper::body::Body;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Method, Request};

/// A request, without its body: none has one.
#[derive(Debug)]
pub(super) struct MonitorRequest {
    /// The path, as it came.
    pub(super) path: String,
    method: Method,
    parameters: Vec<(String, String)>,
    has_body: bool,
    host: HostHeader,
    authorization: Option<String>,
}

/// What a request says in Host (RFC 9110 7.2).
#[derive(Debug)]
pub(super) enum HostHeader {
    /// There is no such header.
    Absent,
    /// Its value.
    Is(String),
    /// It stands there several times, or has other bytes than ASCII.
    Unclear,
}

impl MonitorRequest {
    pub(super) fn of(request: Request<impl Body>) -> MonitorRequest {
        let only = |name| {
            let mut values = request.headers().get_all(name).iter();
            let value = values.next().filter(|_| values.next().is_none())?;
            value.to_str().ok().map(str::to_owned)
        };
        let query = request.uri().query().unwrap_or_default();
        MonitorRequest {
            path: request.uri().path().to_owned(),
            method: request.method().clone(),
            parameters: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            has_body: !request.body().is_end_stream(),
            host: match (request.headers().contains_key(HOST), only(HOST)) {
                (false, _) => HostHeader::Absent,
                (true, Some(host)) => HostHeader::Is(host),
                (true, None) => HostHeader::Unclear,
            },
            authorization: only(AUTHORIZATION),
        }
    }

    /// Whether it only asks.
    pub(super) fn only_asks(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    /// Whether the head of the answer is enough.
    pub(super) fn for_head(&self) -> bool {
        self.method == Method::HEAD
    }

    /// Whether it brings something along.
    pub(super) fn has_body(&self) -> bool {
        self.has_body
    }

    /// Whether it is for the page of calls, or for what that page asks.
    pub(super) fn is_about_calls(&self) -> bool {
        self.path == "/calls" || self.path.starts_with("/calls/")
    }

    /// By which name it has come.
    pub(super) fn host(&self) -> &HostHeader {
        &self.host
    }

    /// The token of an Authorization header (RFC 6750 2.1).
    pub(super) fn bearer_token(&self) -> Option<&str> {
        let (scheme, token) = self.authorization.as_deref()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// A parameter of the query; the first one where it stands there several times.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that is a number. `Err`: it is none; this says so.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let parse = |text: &str| text.parse().map_err(|_| format!("{name} has to be a whole number"));
        self.parameter(name).map(parse).transpose()
    }

    /// Whether a parameter is set, and neither `0` nor `no`.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|value| !matches!(value, "0" | "no"))
    }
}
