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
const BINDING_ERROR: u16 = 0x0111;
const CHANGE_REQUEST: u16 = 0x0003;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
/// Attributes below this have to be understood by whoever answers (RFC 5389 15).
const OPTIONAL: u16 = 0x8000;
/// The attributes of RFC 5389 that have to be understood; none of those in a request changes the answer of a server that asks
/// for no credentials: MAPPED-ADDRESS, USERNAME, MESSAGE-INTEGRITY, ERROR-CODE, UNKNOWN-ATTRIBUTES, REALM, NONCE,
/// XOR-MAPPED-ADDRESS.
const UNDERSTOOD: [u16; 8] =
    [MAPPED_ADDRESS, 0x0006, 0x0008, ERROR_CODE, UNKNOWN_ATTRIBUTES, 0x0014, 0x0015, XOR_MAPPED_ADDRESS];
/// Status and reason phrase, with its class and number as the attribute has them (RFC 5389 15.6).
const UNKNOWN_ATTRIBUTE: (u8, u8, &[u8]) = (4, 20, b"Unknown Attribute");

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

/// Reads a datagram that came from `source`. The declared length is not looked at. A request with an attribute that has to be
/// understood and is not gets the error 420 (RFC 5389 7.3.1).
pub fn stun(datagram: &[u8], source: SocketAddr) -> Stun {
    match datagram {
        [first, ..] if *first != 0 => Stun::Foreign,
        [_, BINDING_REQUEST, ..] if datagram.len() >= HEADER_LEN => {
            let mut id = [0; 16];
            id.copy_from_slice(&datagram[4..HEADER_LEN]);
            let unknown = unknown_attributes(&datagram[HEADER_LEN..]);
            Stun::Request(if unknown.is_empty() { response(id, source) } else { error(id, &unknown) })
        }
        _ => Stun::Invalid,
    }
}

/// The types of the attributes that have to be understood and are not. What is cut short is no attribute.
fn unknown_attributes(mut rest: &[u8]) -> Vec<u16> {
    let mut unknown = Vec::new();
    while let [t1, t2, l1, l2, after @ ..] = rest {
        let (kind, len) = (u16::from_be_bytes([*t1, *t2]), usize::from(u16::from_be_bytes([*l1, *l2])));
        let Some(value) = after.get(..len) else { break };
        // Clients of RFC 3489 send one that asks for no change.
        let asks_nothing = kind == CHANGE_REQUEST && value.iter().all(|byte| *byte == 0);
        if kind < OPTIONAL && !UNDERSTOOD.contains(&kind) && !asks_nothing {
            unknown.push(kind);
        }
        rest = after.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    unknown
}

/// Binding error response 420, which lists what was not understood (RFC 5389 15.6, 15.9). As RFC 3489 wants it, too: the list
/// fills whole words, its last type perhaps twice.
fn error(id: [u8; 16], unknown: &[u16]) -> Bytes {
    let (class, number, phrase) = UNKNOWN_ATTRIBUTE;
    let phrase_len = phrase.len().next_multiple_of(4);
    let list_len = (2 * unknown.len()).next_multiple_of(4);
    let len = 4 + 4 + phrase_len + 4 + list_len;
    let mut out = BytesMut::with_capacity(HEADER_LEN + len);
    out.put_u16(BINDING_ERROR);
    out.put_u16(len as u16);
    out.put_slice(&id);
    out.put_u16(ERROR_CODE);
    // A client of RFC 3489 does not expect padding, so that the phrase itself is filled up.
    out.put_u16(4 + phrase_len as u16);
    out.put_slice(&[0, 0, class, number]);
    out.put_slice(phrase);
    out.put_bytes(b' ', phrase_len - phrase.len());
    out.put_u16(UNKNOWN_ATTRIBUTES);
    let odd = unknown.len() % 2 == 1;
    out.put_u16(list_len as u16);
    for kind in unknown.iter().chain(unknown.last().filter(|_| odd)) {
        out.put_u16(*kind);
    }
    out.freeze()
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
    fn mapped_addresses_are_those_of_rfc_5769() {
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
    fn port_and_address_are_masked_byte_by_byte() {
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

    /// RFC 5389 7.3.1, RFC 3489 8.1
    #[test]
    fn an_attribute_that_must_be_understood_and_is_not_gets_420() {
        let source = "10.1.2.3:5060";
        let with = |attributes: &[u8]| [&b"\0\x01\0\0\x21\x12\xa4\x42ABCDEFGHIJKL"[..], attributes].concat();
        let head = "2112a4424142434445464748494a4b4c";
        let error_code = format!("0009001800000414{}", hex(b"Unknown Attribute   "));
        // A priority, as ICE sends it, and behind it a software name.
        assert_eq!(
            answer(&with(b"\0\x24\0\x04\x6e\x7f\x1e\xff\x80\x22\0\x04test"), source),
            format!("01110024{head}{error_code}000a000400240024")
        );
        assert_eq!(
            answer(&with(b"\x7f\xff\0\x01x\0\0\0\0\x24\0\0\0\x03\0\x04\0\0\0\x06"), source),
            format!("01110028{head}{error_code}000a00087fff002400030003")
        );
        let success = answer(&with(b""), source);
        for understood in [
            &b"\0\x06\0\x03abc\0\0\x08\0\x14aaaaaaaaaaaaaaaaaaaa"[..],
            b"\0\x03\0\x04\0\0\0\0",
            b"\x80\x28\0\x04abcd",
            b"\0\x24\0\x09abcd",
            b"\0\x24\0",
        ] {
            assert_eq!(answer(&with(understood), source), success, "{understood:?}");
        }
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
