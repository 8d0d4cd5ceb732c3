//! Any bytes as a STUN request: an answer says where the request came from.
#![no_main]

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use oversip::message::{datagram, stun, Datagram, Stun};

fuzz_target!(|input: (u16, Option<[u8; 4]>, &[u8])| {
    let (port, ipv4, data) = input;
    let source = SocketAddr::new(ipv4.map_or([0x20; 16].into(), Into::into), port);
    let found = stun(data, source);
    assert_eq!(
        matches!(datagram(bytes::Bytes::copy_from_slice(data)), Datagram::Stun(_)),
        data.first() == Some(&0)
    );
    let Stun::Request(answer) = found else {
        assert_eq!(found == Stun::Foreign, data.first().is_some_and(|byte| *byte != 0));
        return;
    };
    let len = if source.is_ipv4() { 4 } else { 16 };
    assert_eq!(answer.len(), 28 + len);
    assert_eq!((&answer[..2], &answer[4..20]), (&[1, 1][..], &data[4..20]));
    let mask = if data[4..8] == [0x21, 0x12, 0xa4, 0x42] { data[4..20].to_vec() } else { vec![0; 16] };
    assert_eq!(answer[20..22], if mask[0] == 0 { [0, 1] } else { [0, 0x20] });
    let plain: Vec<u8> = answer[26..].iter().zip(mask[..2].iter().chain(&mask)).map(|(a, b)| a ^ b).collect();
    assert_eq!(plain[..2], port.to_be_bytes());
    match ipv4 {
        Some(ip) => assert_eq!(plain[2..], ip),
        None => assert_eq!(plain[2..], [0x20; 16]),
    }
});
