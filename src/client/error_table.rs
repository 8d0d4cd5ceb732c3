//! The failures that the client side itself produces: what `on_error` is told and what goes upstream.

use std::borrow::Cow;

use super::hop_count::TOO_MANY_HOPS;
use crate::message::reason_phrase;
use crate::resolve::ResolveError;

/// Why a request could not be routed, or why its current target gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RouteError {
    /// Timer B or F fired (RFC 3261 17.1.1.2, 17.1.2.2).
    ClientTimeout,
    /// The TCP or TLS connection failed, or UDP refused the datagram.
    ConnectionError,
    /// The certificate of the TLS server was not accepted.
    TlsValidationFailed,
    /// The request is larger than the transport can carry (RFC 3261 21.5.7).
    MessageTooLarge,
    /// The flow that the request asks for is gone (RFC 5626 5.3).
    FlowFailed,
    /// RFC 3263 led nowhere.
    Resolve(ResolveError),
    /// The script called `abort_routing`.
    DestinationAborted,
}

impl RouteError {
    /// Every error, in the order of the documentation's table.
    pub const ALL: [RouteError; 14] = [
        RouteError::ClientTimeout,
        RouteError::ConnectionError,
        RouteError::TlsValidationFailed,
        RouteError::MessageTooLarge,
        RouteError::FlowFailed,
        RouteError::Resolve(ResolveError::NoDnsResolution),
        RouteError::Resolve(ResolveError::UnsupportedUriScheme),
        RouteError::Resolve(ResolveError::UnsupportedTransport),
        RouteError::Resolve(ResolveError::NoIpv4),
        RouteError::Resolve(ResolveError::NoIpv6),
        RouteError::Resolve(ResolveError::NoDns),
        RouteError::Resolve(ResolveError::InvalidMaddr),
        RouteError::Resolve(ResolveError::NoUnicast),
        RouteError::DestinationAborted,
    ];

    /// The status code of the reply upstream.
    pub fn status(self) -> u16 {
        self.row().0
    }

    /// The reason phrase, letter by letter as documented.
    pub fn reason(self) -> &'static str {
        self.row().1
    }

    /// The name that `on_error` is given.
    pub fn code(self) -> &'static str {
        self.row().2
    }

    /// Whether the target is to blame for it, and is put on the blacklist (when the profile has one).
    pub fn blacklists(self) -> bool {
        matches!(
            self,
            RouteError::ClientTimeout | RouteError::ConnectionError | RouteError::TlsValidationFailed
        )
    }

    fn row(self) -> (u16, &'static str, &'static str) {
        match self {
            RouteError::ClientTimeout => (408, "Client Timeout", "client_timeout"),
            RouteError::ConnectionError => (500, "Connection Error", "connection_error"),
            RouteError::TlsValidationFailed => (500, "TLS Validation Failed", "tls_validation_failed"),
            RouteError::MessageTooLarge => (513, "Message Too Large", "message_too_large"),
            RouteError::FlowFailed => (430, "Flow Failed", "flow_failed"),
            RouteError::Resolve(error) => resolve_row(error),
            RouteError::DestinationAborted => (403, "Destination Aborted", "destination_aborted"),
        }
    }
}

fn resolve_row(error: ResolveError) -> (u16, &'static str, &'static str) {
    let (status, reason) = match error {
        ResolveError::NoDnsResolution => (404, "No DNS Resolution"),
        ResolveError::UnsupportedUriScheme => (416, "Unsupported URI scheme"),
        ResolveError::UnsupportedTransport => (478, "Unsupported transport"),
        ResolveError::NoIpv4 => (478, "Destination Requires Unsupported IPv4"),
        ResolveError::NoIpv6 => (478, "Destination Requires Unsupported IPv6"),
        ResolveError::NoDns => (478, "Destination Requires Unsupported DNS Resolution"),
        ResolveError::InvalidMaddr => (400, "Destination Has Invalid maddr"),
        ResolveError::NoUnicast => (478, "Destination Is No Unicast Address"),
    };
    (status, reason, error.code())
}

/// What `on_error` is called with, and what a blacklist entry stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The status code.
    pub status: u16,
    /// The reason phrase.
    pub reason: Cow<'static, str>,
    /// Its name for a script.
    pub code: &'static str,
}

impl Failure {
    /// A target that a script put on the blacklist.
    pub fn destination_blacklisted(status: u16, reason: impl Into<Cow<'static, str>>) -> Failure {
        Failure { status, reason: reason.into(), code: "destination_blacklisted" }
    }

    /// Timer C fired: how a thread that waits for an INVITE hears of what `on_invite_timeout` tells blocks.
    pub fn invite_timeout() -> Failure {
        Failure { status: 408, reason: Cow::Borrowed("INVITE Timeout"), code: "invite_timeout" }
    }

    /// The request was cancelled before it had a final response.
    pub fn canceled() -> Failure {
        Failure { status: 487, reason: Cow::Borrowed("Request Terminated"), code: "canceled" }
    }

    /// The request has passed too many proxies (RFC 3261 16.3 step 3).
    pub fn too_many_hops() -> Failure {
        let reason = Cow::Borrowed(reason_phrase(TOO_MANY_HOPS));
        Failure { status: TOO_MANY_HOPS, reason, code: "too_many_hops" }
    }

    /// A defect of this server ended the routing.
    pub fn internal_error() -> Failure {
        Failure { status: 500, reason: Cow::Borrowed("Internal Error"), code: "internal_error" }
    }

    /// A thread has waited for the final response as long as it wanted to.
    pub fn call_timeout() -> Failure {
        Failure { status: 408, reason: Cow::Borrowed("Call Timeout"), code: "call_timeout" }
    }

    /// A target that answered 503 with Retry-After (RFC 3261 21.5.4).
    pub fn service_unavailable() -> Failure {
        Failure { status: 503, reason: Cow::Borrowed("Service Unavailable"), code: "service_unavailable" }
    }
}

impl From<ResolveError> for RouteError {
    fn from(error: ResolveError) -> RouteError {
        RouteError::Resolve(error)
    }
}

impl From<RouteError> for Failure {
    fn from(error: RouteError) -> Failure {
        Failure { status: error.status(), reason: Cow::Borrowed(error.reason()), code: error.code() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_reads_as_documented() {
        let rows = RouteError::ALL.map(|e| (e.status(), e.reason(), e.code(), e.blacklists()));
        assert_eq!(
            rows,
            [
                (408, "Client Timeout", "client_timeout", true),
                (500, "Connection Error", "connection_error", true),
                (500, "TLS Validation Failed", "tls_validation_failed", true),
                (513, "Message Too Large", "message_too_large", false),
                (430, "Flow Failed", "flow_failed", false),
                (404, "No DNS Resolution", "no_dns_resolution", false),
                (416, "Unsupported URI scheme", "unsupported_uri_scheme", false),
                (478, "Unsupported transport", "unsupported_transport", false),
                (478, "Destination Requires Unsupported IPv4", "no_ipv4", false),
                (478, "Destination Requires Unsupported IPv6", "no_ipv6", false),
                (478, "Destination Requires Unsupported DNS Resolution", "no_dns", false),
                (400, "Destination Has Invalid maddr", "invalid_maddr", false),
                (478, "Destination Is No Unicast Address", "no_unicast", false),
                (403, "Destination Aborted", "destination_aborted", false),
            ]
        );
    }

    #[test]
    fn a_failure_carries_the_row() {
        let failure = Failure::from(RouteError::FlowFailed);
        assert_eq!(
            (failure.status, failure.reason.as_ref(), failure.code),
            (430, "Flow Failed", "flow_failed")
        );
    }

    #[test]
    fn a_manual_entry_carries_the_scripts_words() {
        let failure = Failure::destination_blacklisted(403, String::from("Never here!"));
        assert_eq!(
            (failure.status, failure.reason.as_ref(), failure.code),
            (403, "Never here!", "destination_blacklisted")
        );
    }
}
