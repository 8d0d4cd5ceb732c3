//! Early dialogs that are over though the call goes on (RFC 6228).

use crate::message::{Message, Method};

/// Whether the client that sent `request` is told with a 199 that the early dialog of `response` is over: a branch of an INVITE has
/// failed, the proxy does not forward that, and the client understands 199 (RFC 6228 5).
pub fn is_told_of_its_end(request: &Message, response: &Message) -> bool {
    let failed = response.status().is_some_and(|status| status >= 300);
    let invite = request.method() == Some(&Method::Invite);
    failed && invite && request.supported().iter().any(|tag| tag == b"199")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const REST: &str =
        "Via: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: c\r\n";

    fn message(first: &str, method: &str, more: &str) -> Message {
        let text = format!("{first}\r\n{REST}CSeq: 7 {method}\r\n{more}\r\n");
        Message::parse(Bytes::from(text)).expect("a valid message").0
    }

    fn told(method: &str, supported: &str, status: u16) -> bool {
        let request =
            message(&format!("{method} sip:c@d SIP/2.0"), method, &format!("Max-Forwards: 9\r\n{supported}"));
        is_told_of_its_end(&request, &message(&format!("SIP/2.0 {status} X"), method, ""))
    }

    #[test]
    fn a_client_that_supports_199_hears_of_a_failed_branch_of_its_invite() {
        assert!(told("INVITE", "Supported: 100rel, 199\r\n", 486));
        assert!(told("INVITE", "k: 199\r\n", 302));
    }

    #[test]
    fn another_client_another_method_and_a_branch_that_has_not_failed_are_silent() {
        assert!(!told("INVITE", "", 486));
        assert!(!told("INVITE", "Supported: 1990\r\n", 486));
        assert!(!told("SUBSCRIBE", "Supported: 199\r\n", 486));
        for status in [183, 200, 299] {
            assert!(!told("INVITE", "Supported: 199\r\n", status));
        }
    }
}
