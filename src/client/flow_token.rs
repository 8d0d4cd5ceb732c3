//! Signed tokens that name a UDP flow (RFC 5626 5.2).
//!
//! A token comes back in a Route header from whoever received it, and makes the server send to the address in it. So it
//! carries a keyed code: only addresses that once sent a request to a holder of the key can be named.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::Engine;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use smallvec::SmallVec;
use thiserror::Error;

use crate::random::Random;
use crate::resolve::is_unicast;

/// The shortest key that may be configured, in bytes.
pub const MIN_KEY_BYTES: usize = 16;

/// The bytes kept of the HMAC: 96 bits. With them both kinds of token are whole groups of base64, so that a token has
/// one spelling only.
const MAC_BYTES: usize = 12;
const V4_BYTES: usize = 4 + 2 + MAC_BYTES;
const V6_BYTES: usize = 16 + 2 + MAC_BYTES;
/// A token of a UDP flow starts so; those of connections are hexadecimal digits.
const PREFIX: u8 = b'_';

/// A configured key is too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the flow token key must have at least {MIN_KEY_BYTES} bytes")]
pub struct KeyTooShort;

/// The key that signs and verifies.
#[derive(Clone)]
pub struct FlowTokenKey {
    mac: Hmac<Sha256>,
}

impl std::fmt::Debug for FlowTokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FlowTokenKey")
    }
}

impl FlowTokenKey {
    /// A configured key: tokens survive a restart and are shared by servers with the same key.
    pub fn from_bytes(key: &[u8]) -> Result<FlowTokenKey, KeyTooShort> {
        if key.len() < MIN_KEY_BYTES {
            return Err(KeyTooShort);
        }
        Ok(FlowTokenKey::new(key))
    }

    /// A key that lasts as long as the process.
    pub fn random(random: &mut Random) -> FlowTokenKey {
        FlowTokenKey::new(&random.bytes::<32>())
    }

    fn new(key: &[u8]) -> FlowTokenKey {
        FlowTokenKey { mac: Hmac::new_from_slice(key).expect("HMAC takes a key of any length") }
    }

    /// The token of the flow to `addr`: `_` and characters of `[A-Za-z0-9_-]`, 25 (IPv4) or 41 (IPv6) in all.
    pub fn sign(&self, addr: SocketAddr) -> String {
        let mut bytes: SmallVec<[u8; V6_BYTES]> = SmallVec::new();
        match addr.ip() {
            IpAddr::V4(ip) => bytes.extend_from_slice(&ip.octets()),
            IpAddr::V6(ip) => bytes.extend_from_slice(&ip.octets()),
        }
        bytes.extend_from_slice(&addr.port().to_be_bytes());
        let code = self.code(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&code[..MAC_BYTES]);
        let mut token = String::with_capacity(1 + V6_BYTES * 4 / 3);
        token.push(char::from(PREFIX));
        URL_SAFE_NO_PAD.encode_string(&bytes, &mut token);
        token
    }

    /// The address of the flow, if the token was signed with this key.
    pub fn verify(&self, token: &[u8]) -> Option<SocketAddr> {
        let (&first, text) = token.split_first()?;
        if first != PREFIX || text.len() > V6_BYTES * 4 / 3 {
            return None;
        }
        let mut bytes = [0; V6_BYTES];
        let len = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        if len != V4_BYTES && len != V6_BYTES {
            return None;
        }
        let (signed, code) = bytes[..len].split_at(len - MAC_BYTES);
        // Compares in constant time.
        self.code(signed).verify_truncated_left(code).ok()?;
        let (ip, port) = signed.split_at(signed.len() - 2);
        let ip = match ip.len() {
            4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(ip).ok()?)),
            _ => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(ip).ok()?)),
        };
        Some(SocketAddr::new(ip, u16::from_be_bytes(port.try_into().ok()?)))
    }

    /// The code over address and port. Their length tells the family; the label keeps other uses of the key apart.
    fn code(&self, signed: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(b"udp flow token 1\0");
        mac.update(signed);
        mac
    }
}

/// Reads the unsigned form that the original wrote: `_` and the Base64 of `ip_port`, with `-` for `=`. Anybody can make
/// such a token, so it is taken only where an operator allows it for the time of a migration, and never for an address of many
/// hosts.
pub fn read_unsigned(token: &[u8]) -> Option<SocketAddr> {
    let text: Vec<u8> =
        token.strip_prefix(&[PREFIX])?.iter().map(|byte| if *byte == b'-' { b'=' } else { *byte }).collect();
    let decoded = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    let (ip, port) = std::str::from_utf8(&decoded).ok()?.rsplit_once('_')?;
    let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
    Some(SocketAddr::new(ip.parse().ok().filter(|ip| is_unicast(*ip))?, port))
}

/// Whether a token has the form of a UDP token (any other one names a connection).
pub fn is_udp_token(token: &[u8]) -> bool {
    token.first() == Some(&PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> FlowTokenKey {
        FlowTokenKey::from_bytes(b"0123456789abcdef").unwrap()
    }

    fn addresses() -> [SocketAddr; 4] {
        ["127.0.0.1:44992", "203.0.113.9:1", "[::1]:44454", "[2001:db8::ff]:65535"]
            .map(|a| a.parse().unwrap())
    }

    #[test]
    fn a_signed_address_verifies() {
        for addr in addresses() {
            assert_eq!(key().verify(key().sign(addr).as_bytes()), Some(addr));
        }
    }

    #[test]
    fn the_unsigned_form_of_the_original_can_be_read() {
        let read = |token: &str| read_unsigned(token.as_bytes()).map(|addr| addr.to_string());
        assert_eq!(read("_MTI3LjAuMC4xXzQ0OTky").as_deref(), Some("127.0.0.1:44992"));
        assert_eq!(read("_OjoxXzQ0NDU0").as_deref(), Some("[::1]:44454"));
        assert_eq!(read("_MjAzLjAuMTEzLjlfNDAwMDA-").as_deref(), Some("203.0.113.9:40000"));
        assert_eq!(read("_MTI3LjAuMC4xXzA-"), None);
        assert_eq!(read("_nonsense!"), None);
        for address in ["239.1.2.3_5060", "255.255.255.255_5060", "0.0.0.0_5060", "ff02::1_5060", "::_5060"] {
            let text = base64::engine::general_purpose::STANDARD.encode(address).replace('=', "-");
            assert_eq!(read(&format!("_{text}")), None, "{address}");
        }
    }

    #[test]
    fn tokens_use_only_characters_that_survive_in_a_user_part_and_a_parameter() {
        for addr in addresses() {
            let token = key().sign(addr);
            assert!(is_udp_token(token.as_bytes()));
            assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{token}");
            assert_eq!(token.len(), if addr.is_ipv4() { 25 } else { 41 });
        }
    }

    #[test]
    fn the_same_flow_has_the_same_token() {
        let [a, b, ..] = addresses();
        assert_eq!(key().sign(a), key().sign(a));
        assert_ne!(key().sign(a), key().sign(b));
    }

    #[test]
    fn a_changed_character_anywhere_is_noticed() {
        for addr in addresses() {
            let token = key().sign(addr).into_bytes();
            for at in 0..token.len() {
                let mut forged = token.clone();
                forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
                assert_eq!(key().verify(&forged), None, "byte {at}");
            }
        }
    }

    #[test]
    fn a_shortened_or_lengthened_token_is_noticed() {
        for addr in addresses() {
            let token = key().sign(addr).into_bytes();
            for end in 0..token.len() {
                assert_eq!(key().verify(&token[..end]), None, "{end} bytes");
            }
            for more in [&b"A"[..], b"AAAA", b"=", b"=="] {
                assert_eq!(key().verify(&[&token[..], more].concat()), None);
            }
        }
    }

    #[test]
    fn another_key_does_not_verify() {
        let other = FlowTokenKey::from_bytes(b"fedcba9876543210").unwrap();
        for addr in addresses() {
            assert_eq!(other.verify(key().sign(addr).as_bytes()), None);
            assert_eq!(
                FlowTokenKey::random(&mut Random::from_number(1)).verify(key().sign(addr).as_bytes()),
                None
            );
        }
    }

    #[test]
    fn the_unsigned_form_of_old_servers_is_refused() {
        for old in [&b"_MTI3LjAuMC4xXzQ0OTky"[..], b"_OjoxXzQ0NDU0", b"_", b"", b"0123456789", b"_\xff\xfe\0"]
        {
            assert_eq!(key().verify(old), None);
        }
    }

    #[test]
    fn an_ipv4_address_cannot_be_re_read_as_ipv6() {
        let addr: SocketAddr = "1.2.3.4:5".parse().unwrap();
        let mapped: SocketAddr = "[::ffff:1.2.3.4]:5".parse().unwrap();
        assert_ne!(key().sign(addr), key().sign(mapped));
        assert_eq!(key().verify(key().sign(mapped).as_bytes()), Some(mapped));
    }

    #[test]
    fn a_short_key_is_refused() {
        assert_eq!(FlowTokenKey::from_bytes(&[1; 15]).err(), Some(KeyTooShort));
    }

    #[test]
    fn the_scope_of_a_link_local_address_is_not_part_of_the_token() {
        let scoped = SocketAddr::V6(std::net::SocketAddrV6::new("fe80::1".parse().unwrap(), 5060, 0, 3));
        assert_eq!(key().verify(key().sign(scoped).as_bytes()), Some("[fe80::1]:5060".parse().unwrap()));
    }
}
