//! Answers to STUN Binding requests (RFC 5389), which clients send to learn how the server sees them and to keep a flow
//! alive (RFC 5626 4.4.2). Clients of the older RFC 3489 are answered in its form.

use std::net::{IpAddr, SocketAddr};

use bytes::{BufMut, Bytes, BytesMut};

/// Type, length, magic cookie and transaction id (RFC 5389 6).
const HEADER_LEN: usize = 20;
const BINDING_REQUEST: u8 = 0x01;
const BINDING_SUCCESS: u16 = 0x0101;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const MAPPED_ADDRESS: u16 = 0x0001;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;

/// What a datagram is to STUN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stun {
    /// The first byte is not zero: another protocol.
    Foreign,
    /// Too short, or no Binding request.
    Invalid,
    /// A Binding request, with the response to it.
    Request(Bytes),
}

/// Reads a datagram that came from `source`. Neither the declared length nor attributes are looked at.
pub fn stun(datagram: &[u8], source: SocketAddr) -> Stun {
    match datagram {
        [first, ..] if *first != 0 => Stun::Foreign,
        [_, BINDING_REQUEST, ..] if datagram.len() >= HEADER_LEN => {
            let mut id = [0; 16];
            id.copy_from_slice(&datagram[4..HEADER_LEN]);
            Stun::Request(response(id, source))
        }
        _ => Stun::Invalid,
    }
}

/// Binding success response with the one attribute that says where the request came from (RFC 5389 15.1, 15.2). `id`
/// is what is echoed: magic cookie and transaction id.
fn response(id: [u8; 16], source: SocketAddr) -> Bytes {
    let masked = id.starts_with(&MAGIC_COOKIE);
    let mask = if masked { id } else { [0; 16] };
    let mut address = [0; 16];
    let (family, len) = match source.ip() {
        IpAddr::V4(ip) => {
            address[..4].copy_from_slice(&ip.octets());
            (1, 4)
        }
        IpAddr::V6(ip) => {
            address = ip.octets();
            (2, 16)
        }
    };
    address.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    let attribute_len = 4 + len;
    let mut out = BytesMut::with_capacity(HEADER_LEN + 4 + attribute_len);
    out.put_u16(BINDING_SUCCESS);
    out.put_u16(4 + attribute_len as u16);
    out.put_slice(&id);
    out.put_u16(if masked { XOR_MAPPED_ADDRESS } else { MAPPED_ADDRESS });
    out.put_u16(attribute_len as u16);
    out.put_u8(0);
    out.put_u8(family);
    out.put_u16(source.port() ^ u16::from_be_bytes([mask[0], mask[1]]));
    out.put_slice(&address[..len]);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn answer(request: &[u8], source: &str) -> String {
        match stun(request, source.parse().unwrap()) {
            Stun::Request(response) => hex(&response),
            other => format!("{other:?}"),
        }
    }

    /// The request of RFC 5769 2.1 as far as it matters; 2.2 and 2.3 have the mapped addresses.
    #[test]
    fn m_b11_mapped_addresses_are_those_of_rfc_5769() {
        let request =
            [&b"\0\x01\0\0\x21\x12\xa4\x42"[..], b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"]
                .concat();
        assert_eq!(
            answer(&request, "192.0.2.1:32853"),
            "0101000c2112a442b7e7a701bc34d686fa87dfae002000080001a147e112a643"
        );
        assert_eq!(
            answer(&request, "[2001:db8:1234:5678:11:2233:4455:6677]:32853"),
            "010100182112a442b7e7a701bc34d686fa87dfae002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
        );
    }

    #[test]
    fn m_b11_port_and_address_are_masked_byte_by_byte() {
        assert_eq!(
            answer(b"\0\x01\0\0\x21\x12\xa4\x42ABCDEFGHIJKL", "10.1.2.3:5060"),
            "0101000c2112a4424142434445464748494a4b4c00200008000132d62b13a641"
        );
    }

    #[test]
    fn another_cookie_is_a_client_of_rfc_3489() {
        assert_eq!(
            answer(b"\0\x01\0\0WXYZABCDEFGHIJKL", "10.1.2.3:5060"),
            "0101000c5758595a4142434445464748494a4b4c00010008000113c40a010203"
        );
    }

    #[test]
    fn attributes_and_a_wrong_length_do_not_matter() {
        let source = "10.1.2.3:5060";
        let bare = b"\0\x01\0\0\x21\x12\xa4\x42ABCDEFGHIJKL";
        let with_attribute =
            [&b"\0\x01\0\x63\x21\x12\xa4\x42ABCDEFGHIJKL"[..], b"\x80\x22\0\x04test"].concat();
        assert_eq!(answer(bare, source), answer(&with_attribute, source));
    }

    #[test]
    fn everything_else_is_told_apart() {
        let source = "10.1.2.3:5060".parse().unwrap();
        assert_eq!(stun(b"INVITE sip:a@b SIP/2.0", source), Stun::Foreign);
        for invalid in
            [&b""[..], b"\0\x01\0", b"\0\x01\0\0\x21\x12\xa4\x42ABCDEFGHIJK", b"\0\x11\0\0WXYZABCDEFGHIJKL"]
        {
            assert_eq!(stun(invalid, source), Stun::Invalid);
        }
    }
}
