//! Keyed codes in our Record-Route values, by which a request of a dialog shows that the dialog came by here.
//!
//! A Record-Route value comes back in the Route of every request of its dialog, from either side. Without a code anybody
//! can write such a Route, add a To tag and so have the server send a request to any address. The code is made from what
//! all requests of the dialog have in common: the Call-ID, and the tag of the party whose request got the value. That tag
//! is the From tag of this party's requests and the To tag of the other party's.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::flow_token::{KeyTooShort, MIN_KEY_BYTES};
use super::hex::hex;
use crate::message::{Message, UriRef};
use crate::random::Random;

/// The bytes kept of the HMAC: 96 bits, as in flow tokens.
const CODE_BYTES: usize = 12;

/// The length of a code: hexadecimal digits, because some user agents change the letter case of URI parameters.
pub const DIALOG_CODE_LEN: usize = 2 * CODE_BYTES;

/// The key that makes and verifies codes.
#[derive(Clone)]
pub struct DialogKey {
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for DialogKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DialogKey")
    }
}

impl DialogKey {
    /// A configured key, that of the flow tokens: codes survive a restart and are shared by servers with the same key.
    pub fn from_bytes(key: &[u8]) -> Result<DialogKey, KeyTooShort> {
        if key.len() < MIN_KEY_BYTES {
            return Err(KeyTooShort);
        }
        Ok(DialogKey::new(key))
    }

    /// A key that lasts as long as the process.
    pub fn random(random: &mut Random) -> DialogKey {
        DialogKey::new(&random.bytes::<32>())
    }

    fn new(key: &[u8]) -> DialogKey {
        DialogKey { mac: Hmac::new_from_slice(key).expect("HMAC takes a key of any length") }
    }

    /// The code of the dialogs that a request of this Call-ID and From tag makes: lower-case hexadecimal digits. A client of
    /// RFC 2543 has no tag.
    pub fn code(&self, call_id: &[u8], from_tag: Option<&[u8]>) -> String {
        let mut mac = self.mac.clone();
        // Keeps other uses of the key apart.
        mac.update(b"dialog code 1\0");
        // Lengths go in as well: no two different pairs feed the same bytes.
        for part in [Some(call_id), from_tag] {
            let length = part.map_or(u64::MAX, |bytes| bytes.len() as u64);
            mac.update(&length.to_be_bytes());
            mac.update(part.unwrap_or_default());
        }
        hex(&mac.finalize().into_bytes()[..CODE_BYTES])
    }

    /// Whether the Routes of a request show a code for its dialog. The Routes that count are those at the top that are this
    /// server's own, which are those that loose routing removes; from a strict router the first of them came as the Request-URI.
    pub fn is_shown_by(&self, request: &Message, is_own: impl Fn(&UriRef<'_>) -> bool) -> bool {
        let mut fitting = None;
        let strict = request.strict_route().and_then(|uri| UriRef::parse(uri));
        strict
            .into_iter()
            .chain(request.routes().map(|(_, route)| route.uri()))
            .take_while(|uri| is_own(uri))
            .filter_map(|uri| uri.dialog_code())
            .filter(|shown| shown.len() == DIALOG_CODE_LEN)
            // Made once: a request can have more Routes than it is worth codes.
            .any(|shown| fits(shown, fitting.get_or_insert_with(|| self.fitting(request))))
    }

    /// The codes of either side's tag.
    fn fitting(&self, request: &Message) -> [Option<String>; 2] {
        let call_id = request.call_id().unwrap_or_default();
        let of_from = self.code(call_id, request.from_tag());
        [Some(of_from), request.to_tag().map(|tag| self.code(call_id, Some(tag)))]
    }
}

/// Compares in constant time.
fn fits(shown: &[u8], fitting: &[Option<String>; 2]) -> bool {
    let shown = shown.to_ascii_lowercase();
    fitting.iter().flatten().any(|code| shown.ct_eq(code.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn key() -> DialogKey {
        DialogKey::from_bytes(b"0123456789abcdef").unwrap()
    }

    /// A request with these tags and Routes.
    fn request(from_tag: &str, to_tag: &str, routes: &[String]) -> Message {
        let tag = |tag: &str| if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
        let routes: String = routes.iter().map(|route| format!("Route: {route}\r\n")).collect();
        let text = format!(
            "BYE sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\n{routes}From: <sip:a@a.example>{}\r\n\
             To: <sip:b@b.example>{}\r\nCall-ID: call\r\nCSeq: 2 BYE\r\n\r\n",
            tag(from_tag),
            tag(to_tag)
        );
        Message::parse(Bytes::from(text)).expect("a valid request").0
    }

    fn own(code: &str) -> String {
        format!("<sip:us.example;lr;ovcode={code}>")
    }

    fn shown(from_tag: &str, to_tag: &str, routes: &[String]) -> bool {
        let is_own = |uri: &UriRef<'_>| uri.host() == Some(b"us.example");
        key().is_shown_by(&request(from_tag, to_tag, routes), is_own)
    }

    #[test]
    fn requests_of_both_sides_show_the_code_of_the_caller() {
        let code = key().code(b"call", Some(b"alice"));
        assert!(shown("alice", "bob", &[own(&code)]));
        assert!(shown("bob", "alice", &[own(&code)]));
    }

    #[test]
    fn the_code_of_another_dialog_does_not_fit() {
        for code in [
            key().code(b"other", Some(b"alice")),
            key().code(b"call", Some(b"carol")),
            key().code(b"call", None),
            key().code(b"", Some(b"callalice")),
            DialogKey::from_bytes(b"fedcba9876543210").unwrap().code(b"call", Some(b"alice")),
            DialogKey::random(&mut Random::from_number(1)).code(b"call", Some(b"alice")),
        ] {
            assert!(!shown("alice", "bob", &[own(&code)]), "{code}");
        }
    }

    #[test]
    fn a_missing_tag_is_no_empty_one_and_fits_only_where_it_is_missing() {
        let without = key().code(b"call", None);
        assert_ne!(without, key().code(b"call", Some(b"")));
        assert!(shown("", "bob", &[own(&without)]));
        assert!(!shown("alice", "", &[own(&without)]));
    }

    #[test]
    fn a_changed_character_anywhere_is_noticed() {
        let code = key().code(b"call", Some(b"alice"));
        for at in 0..code.len() {
            let mut forged = code.clone().into_bytes();
            forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
            assert!(!shown("alice", "bob", &[own(&String::from_utf8(forged).unwrap())]), "digit {at}");
        }
        for forged in [&code[..22], &code[..23], "", &format!("{code}0"), &format!("{code}{code}")] {
            assert!(!shown("alice", "bob", &[own(forged)]), "{forged}");
        }
    }

    #[test]
    fn the_letter_case_of_the_digits_does_not_matter() {
        let code = key().code(b"call", Some(b"alice"));
        assert!(shown("alice", "bob", &[own(&code.to_ascii_uppercase())]));
    }

    #[test]
    fn the_request_uri_that_a_strict_router_has_put_there_counts_as_the_first_route() {
        let code = key().code(b"call", Some(b"a"));
        let shown = |own: &str| {
            let received = request("a", "b", &["<sip:b@b.example>".to_owned()]).head_bytes().to_vec();
            let text = String::from_utf8(received).unwrap().replacen("sip:b@b.example", own, 1);
            let (message, _) = Message::parse(Bytes::from(text)).unwrap();
            let is_own = |uri: &UriRef<'_>| uri.host() == Some(b"us.example");
            key().is_shown_by(&message.from_strict_router().unwrap(), is_own)
        };
        assert!(shown(&format!("sip:us.example;lr;ovcode={code}")));
        assert!(!shown("sip:us.example;lr"));
        assert!(!shown(&format!("sip:other.example;lr;ovcode={code}")));
    }

    #[test]
    fn the_own_routes_at_the_top_count_and_no_others() {
        let code = key().code(b"call", Some(b"alice"));
        let foreign = format!("<sip:other.example;lr;ovcode={code}>");
        let plain = "<sip:us.example;lr>".to_owned();
        let forged = own(&"0".repeat(DIALOG_CODE_LEN));
        let rows = [
            (vec![], false),
            (vec![plain.clone()], false),
            (vec![foreign.clone()], false),
            (vec![plain.clone(), own(&code)], true),
            (vec![forged, own(&code)], true),
            (vec![own(&code), foreign.clone()], true),
            (vec![foreign.clone(), own(&code)], false),
            (vec![plain, foreign, own(&code)], false),
        ];
        for (routes, fits) in rows {
            assert_eq!(shown("alice", "bob", &routes), fits, "{routes:?}");
        }
    }

    #[test]
    fn a_code_is_hexadecimal_and_its_key_has_a_least_length() {
        let code = key().code(b"call", Some(b"alice"));
        assert!(
            code.len() == DIALOG_CODE_LEN && code.bytes().all(|b| b"0123456789abcdef".contains(&b)),
            "{code}"
        );
        assert_eq!(DialogKey::from_bytes(&[1; 15]).err(), Some(KeyTooShort));
    }
}
