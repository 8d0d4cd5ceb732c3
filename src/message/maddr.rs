//! The URI parameter `maddr`: a server to be contacted in place of the host (RFC 3261 19.1.1).

use super::host::{self, HostType};
use super::lex::Cursor;
use super::parsed::FirstLine;
use super::received::Message;
use super::uri::{Scheme, TransportParam, UriRef};

impl UriRef<'_> {
    /// The `maddr` of a SIP URI in the form in which hosts are compared; an IPv6 address may have been written without brackets.
    /// `None`: there is none. `Some(None)`: its value is no host.
    pub fn maddr(&self) -> Option<Option<String>> {
        if !self.is_sip() {
            return None;
        }
        let value = self.param(b"maddr")?.unwrap_or_default();
        let mut c = Cursor::new(value, 0);
        if let Some((_, host_type)) = host::host(&mut c).filter(|_| c.at_end()) {
            return Some(Some(host::normalize(value, host_type)));
        }
        let ipv6 = host::normalize_ipv6(value, true);
        Some(ipv6.map(|ip| host::normalize(format!("[{ip}]").as_bytes(), HostType::Ipv6Reference)))
    }

    /// The text without `maddr`, and without port and transport where they are not those that the scheme has by default
    /// (RFC 3261 16.4).
    pub fn without_maddr(&self) -> Vec<u8> {
        let Some(host) = self.host() else { return self.text.to_vec() };
        let secure = matches!(self.scheme(), Scheme::Sips);
        let of = |part: &[u8]| part.as_ptr() as usize - self.text.as_ptr() as usize;
        let mut kept = self.text[..of(host) + host.len()].to_vec();
        if let Some(port) = self.port().filter(|port| *port == if secure { 5061 } else { 5060 }) {
            kept.extend_from_slice(format!(":{port}").as_bytes());
        }
        let default_transport = match self.transport() {
            Some(TransportParam::Udp) => !secure,
            Some(TransportParam::Tcp | TransportParam::Tls) => secure,
            _ => false,
        };
        for (key, value) in self.params() {
            let is = |name: &[u8]| key.eq_ignore_ascii_case(name);
            if is(b"maddr") || (is(b"transport") && !default_transport) {
                continue;
            }
            kept.push(b';');
            kept.extend_from_slice(key);
            if let Some(value) = value {
                kept.push(b'=');
                kept.extend_from_slice(value);
            }
        }
        kept.extend_from_slice(self.headers().unwrap_or_default());
        kept
    }
}

impl Message {
    /// The request without the `maddr` of its Request-URI, see [`UriRef::without_maddr`]. `None`: it is no request.
    pub fn without_maddr(&self) -> Option<Message> {
        let FirstLine::Request { uri: Some(uri), .. } = self.parsed.first else { return None };
        let (head, place) = (self.head_bytes(), uri.text.start as usize..uri.text.end as usize);
        let parts = [&head[..place.start], &self.ruri()?.without_maddr(), &head[place.end..]];
        self.with_head(parts.concat())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn maddr(text: &str) -> Option<Option<String>> {
        UriRef::parse(text.as_bytes()).expect("a URI").maddr()
    }

    #[test]
    fn a_name_or_an_address_is_a_host() {
        let rows = [
            ("127.0.0.1", "127.0.0.1"),
            ("[2001:DB8:0::1]", "[2001:db8::1]"),
            ("2001:DB8:0::1", "[2001:db8::1]"),
            ("Relay.Example.", "relay.example"),
            ("019f9ae299f5", "019f9ae299f5"),
        ];
        for (value, host) in rows {
            assert_eq!(maddr(&format!("sip:b@h:5;MAddr={value};x")), Some(Some(host.to_owned())), "{value}");
        }
        assert_eq!(maddr("sip:b@h;maddr=a.example;maddr=b.example"), Some(Some("b.example".to_owned())));
    }

    #[test]
    fn what_is_no_host_is_seen() {
        for value in [
            "",
            "=",
            "=10.1.2",
            "=300.1.1.1",
            "=127.0.0.1:5060",
            "=a~b",
            "=[::1",
            "=127%2e0.0.1",
            "=::g",
            "=-a",
        ] {
            let text = format!("sip:b@h;maddr{value}");
            match UriRef::parse(text.as_bytes()) {
                Some(uri) => assert_eq!(uri.maddr(), Some(None), "{text}"),
                None => assert_eq!(value, "==", "{text}"),
            }
        }
    }

    #[test]
    fn only_sip_uris_have_it() {
        assert_eq!(maddr("tel:+1;maddr=127.0.0.1"), None);
        assert_eq!(maddr("http://h/;maddr=127.0.0.1"), None);
        assert_eq!(maddr("sip:b@h;x=maddr"), None);
    }

    #[test]
    fn port_and_transport_go_with_it_unless_they_are_the_default() {
        let rows = [
            ("sip:b@h:5070;maddr=1.2.3.4", "sip:b@h"),
            (
                "sip:b:secret@h:5070;a=1;MADDR=1.2.3.4;Transport=tcp;lr;e=?x=y&z=1",
                "sip:b:secret@h;a=1;lr;e=?x=y&z=1",
            ),
            ("sip:b@h:5060;transport=udp;maddr=1.2.3.4", "sip:b@h:5060;transport=udp"),
            ("sip:h:5061;transport=tls;maddr=1.2.3.4", "sip:h"),
            ("sips:b@[::1]:5061;transport=tcp;maddr=[::2]", "sips:b@[::1]:5061;transport=tcp"),
            ("sips:b@[::1]:5060;transport=ws;maddr=[::2]", "sips:b@[::1]"),
            ("sip:h@h:5070;maddr=h;maddr=g", "sip:h@h"),
        ];
        for (text, expected) in rows {
            let uri = UriRef::parse(text.as_bytes()).expect(text);
            assert_eq!(String::from_utf8_lossy(&uri.without_maddr()), expected);
        }
    }

    #[test]
    fn nothing_else_of_the_request_changes() {
        let text = "MESSAGE sip:b@h:5070;maddr=1.2.3.4 SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n\
                    To: <sip:c@d>\r\nCall-ID: c\r\nCSeq: 7 MESSAGE\r\nContent-Length: 2\r\n\r\n";
        let (mut message, _) = Message::parse(text.into()).expect("a request");
        message.set_body(Bytes::from_static(b"hi"));
        let stripped = message.without_maddr().expect("a request");
        let expected = text.replace("sip:b@h:5070;maddr=1.2.3.4", "sip:b@h");
        assert_eq!(String::from_utf8_lossy(stripped.head_bytes()), expected);
        assert_eq!(stripped.body().as_ref(), b"hi");
    }
}
