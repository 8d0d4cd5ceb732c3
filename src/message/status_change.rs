//! Which status a script may give a response: what it means for the transaction and the dialog at the other end stays.

use thiserror::Error;

use super::{Message, Method};

/// Why a response cannot get a status.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StatusChangeError {
    /// Upstream nothing would end the transaction any more (RFC 3261 16.7).
    #[error("a final response stays one, from 200 to 699")]
    StaysFinal,
    /// The callee has not answered yet: its answer would find no transaction upstream.
    #[error("a provisional response stays one, from 101 to 199")]
    StaysProvisional,
    /// The client would have a dialog (RFC 3261 12.1) of which the callee knows nothing.
    #[error("the {0} was refused, and a refusal stays one, from 300 to 699")]
    StaysRefusal(String),
}

/// Whether a response that has come from downstream may go upstream with this status.
///
/// A 2xx may become a refusal: the call that it has begun can be ended.
pub fn check_status_change(response: &Message, status: u16) -> Result<(), StatusChangeError> {
    // What was not read to the end has none.
    let Some(received) = response.status().filter(|status| *status >= 100) else { return Ok(()) };
    let method = response.cseq_method().filter(|method| method.forms_dialog());
    match (received, status) {
        (..=199, 101..=199) | (200.., 300..) | (200..=299, 200..) => Ok(()),
        (..=199, _) => Err(StatusChangeError::StaysProvisional),
        (200.., ..=199) => Err(StatusChangeError::StaysFinal),
        (300.., _) => match method {
            Some(method) => Err(StatusChangeError::StaysRefusal(in_words(method))),
            None => Ok(()),
        },
    }
}

fn in_words(method: &Method) -> String {
    String::from_utf8_lossy(method.as_bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn change(method: &str, received: u16, status: u16) -> Result<(), String> {
        let text = format!("SIP/2.0 {received} X\r\nCSeq: 1 {method}\r\n\r\n");
        let (response, _) = Message::parse(Bytes::from(text)).expect("a response");
        check_status_change(&response, status).map_err(|error| error.to_string())
    }

    #[test]
    fn a_provisional_response_stays_one() {
        for status in [101, 180, 199] {
            assert_eq!(change("INVITE", 180, status), Ok(()));
        }
        for status in [100, 200, 486] {
            let error = "a provisional response stays one, from 101 to 199";
            assert_eq!(change("INVITE", 180, status), Err(error.into()));
        }
    }

    #[test]
    fn a_final_response_stays_one() {
        for received in [200, 302, 486, 603] {
            let error = "a final response stays one, from 200 to 699";
            assert_eq!(change("OPTIONS", received, 199), Err(error.into()));
            assert_eq!(change("INVITE", received, 480), Ok(()));
        }
    }

    #[test]
    fn a_refusal_begins_no_dialog() {
        for method in ["INVITE", "SUBSCRIBE", "REFER"] {
            let error = format!("the {method} was refused, and a refusal stays one, from 300 to 699");
            assert_eq!(change(method, 486, 200), Err(error));
            assert_eq!(change(method, 486, 302), Ok(()));
            assert_eq!(change(method, 200, 202), Ok(()));
        }
        assert_eq!(change("BYE", 481, 200), Ok(()));
    }
}
