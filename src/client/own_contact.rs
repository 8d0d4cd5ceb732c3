//! The Contact of a request that starts here: it says where the requests of the dialog go that it makes (RFC 3261 8.1.1.8).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Transport;
use crate::message::{is_sips, parse_ip, NameAddrRef, UriRef};

/// The Contact for a request without one. `sent_by` is `host:port`; a secure one is for a `sips` Request-URI.
pub fn own_contact(sent_by: &str, transport: Transport, secure: bool) -> String {
    match (secure, transport) {
        (true, _) => format!("<sips:{sent_by}>"),
        (false, Transport::Udp) => format!("<sip:{sent_by}>"),
        (false, transport) => format!("<sip:{sent_by};transport={transport}>"),
    }
}

/// A Contact value with `sent_by` in the place of the host and port of its URI, and with the transport that leads there.
/// `None`: the URI names no address and port for which `is_ours` holds.
pub fn readdressed(
    value: &[u8],
    is_ours: impl Fn(IpAddr, u16) -> bool,
    sent_by: &str,
    transport: Transport,
) -> Option<Vec<u8>> {
    let parsed = NameAddrRef::parse(value)?;
    let uri = parsed.uri();
    let host = uri.host()?;
    let secure = is_sips(uri.text);
    let port = uri.port().unwrap_or(if secure { 5061 } else { 5060 });
    addresses(host).into_iter().flatten().find(|ip| is_ours(*ip, port))?;

    let at = offset(value, uri.text);
    let end = at + uri.text.len();
    let in_brackets = at > 0 && value[at - 1] == b'<';
    let mut text = Vec::with_capacity(value.len() + sent_by.len() + 20);
    text.extend_from_slice(&value[..at]);
    if !in_brackets {
        text.push(b'<');
    }
    text.extend_from_slice(&value[at..offset(value, host)]);
    text.extend_from_slice(sent_by.as_bytes());
    write_params(&uri, transport, secure, &mut text);
    if !in_brackets {
        text.push(b'>');
    }
    text.extend_from_slice(&value[end..]);
    Some(text)
}

/// The addresses that a host text stands for without asking anybody.
fn addresses(host: &[u8]) -> [Option<IpAddr>; 2] {
    if host.eq_ignore_ascii_case(b"localhost") {
        return [Some(Ipv4Addr::LOCALHOST.into()), Some(Ipv6Addr::LOCALHOST.into())];
    }
    [parse_ip(host), None]
}

/// The parameters and headers of a URI, with this transport.
fn write_params(uri: &UriRef<'_>, transport: Transport, secure: bool, text: &mut Vec<u8>) {
    for (key, value) in uri.params().filter(|(key, _)| !key.eq_ignore_ascii_case(b"transport")) {
        text.push(b';');
        text.extend_from_slice(key);
        if let Some(value) = value {
            text.push(b'=');
            text.extend_from_slice(value);
        }
    }
    if !secure && transport != Transport::Udp {
        text.extend_from_slice(format!(";transport={transport}").as_bytes());
    }
    if let Some(headers) = memchr::memchr(b'?', uri.text) {
        text.extend_from_slice(&uri.text[headers..]);
    }
}

/// Where a part of a text begins in it.
fn offset(text: &[u8], part: &[u8]) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(value: &str, transport: Transport) -> Option<String> {
        let ours = |ip: IpAddr, port| ip.is_loopback() && port == 5070;
        let text = readdressed(value.as_bytes(), ours, "192.0.2.1:40000", transport)?;
        Some(String::from_utf8(text).expect("UTF-8"))
    }

    #[test]
    fn a_contact_names_address_transport_and_security() {
        assert_eq!(own_contact("192.0.2.1:5", Transport::Udp, false), "<sip:192.0.2.1:5>");
        assert_eq!(own_contact("[::1]:5", Transport::Tcp, false), "<sip:[::1]:5;transport=tcp>");
        assert_eq!(own_contact("192.0.2.1:5", Transport::Tls, true), "<sips:192.0.2.1:5>");
    }

    #[test]
    fn our_address_is_replaced_and_everything_else_stays() {
        for (value, expected) in [
            ("<sip:127.0.0.1:5070>", "<sip:192.0.2.1:40000>"),
            ("<sip:[::1]:5070>", "<sip:192.0.2.1:40000>"),
            ("<sip:localhost:5070>", "<sip:192.0.2.1:40000>"),
            (
                "\"A <x>\" <sip:a:pw@127.0.0.1:5070;x=1;lr>;q=0.5;expires=60",
                "\"A <x>\" <sip:a:pw@192.0.2.1:40000;x=1;lr>;q=0.5;expires=60",
            ),
            ("sip:a@127.0.0.1:5070;expires=60", "<sip:a@192.0.2.1:40000>;expires=60"),
            ("<sip:127.0.0.1@127.0.0.1:5070?a=b>", "<sip:127.0.0.1@192.0.2.1:40000?a=b>"),
            ("<sip:a@127.0.0.1:5070;transport=tcp>", "<sip:a@192.0.2.1:40000>"),
        ] {
            assert_eq!(moved(value, Transport::Udp).as_deref(), Some(expected));
        }
    }

    #[test]
    fn the_transport_is_that_by_which_the_address_is_reached() {
        for (value, expected) in [
            ("<sip:a@127.0.0.1:5070;x>", "<sip:a@192.0.2.1:40000;x;transport=tls>"),
            ("<sip:a@127.0.0.1:5070;transport=udp;x>;q=1", "<sip:a@192.0.2.1:40000;x;transport=tls>;q=1"),
            ("<sips:a@127.0.0.1:5070>", "<sips:a@192.0.2.1:40000>"),
        ] {
            assert_eq!(moved(value, Transport::Tls).as_deref(), Some(expected));
        }
    }

    #[test]
    fn other_addresses_are_the_scripts() {
        for value in [
            "<sip:a@127.0.0.1:5071>",
            "<sip:a@127.0.0.1>",
            "<sip:a@192.0.2.9:5070>",
            "<sip:a@h.example:5070>",
            "*",
            "<tel:1>",
            "",
        ] {
            assert_eq!(moved(value, Transport::Udp), None, "{value}");
        }
    }
}
