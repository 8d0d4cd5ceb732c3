//! Any bytes as a URI, as a user part and as an IP address.
#![no_main]

#[path = "../../tests/message_support/mod.rs"]
mod message_support;

use libfuzzer_sys::fuzz_target;
use message_support::touch_uri;
use oversip::message::{compare_ips, escape_user, ip_type, normalize_ipv6, parse_ip, unescape, UriRef};

fuzz_target!(|data: &[u8]| {
    if let Some(uri) = UriRef::parse(data) {
        assert_eq!(uri.text, data);
        touch_uri(&uri);
    }
    assert_eq!(&unescape(&escape_user(data))[..], data);
    assert_eq!(ip_type(data).is_some(), parse_ip(data).is_some());
    if let Some(normal) = normalize_ipv6(data, false) {
        assert_eq!(compare_ips(normal.as_bytes(), data), Some(true));
        assert_eq!(normalize_ipv6(normal.as_bytes(), false), Some(normal));
    }
});
