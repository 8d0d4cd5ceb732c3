//! Frames from a client, with exact bytes, and frames to it.

use bytes::Bytes;
use oversip::transport::ws::{
    close_frame, data_frame, keepalive_frame, pong_frame, FrameLimits, FrameReader, Received,
};
use proptest::prelude::*;

const FIN: u8 = 0x80;
const CONTINUE: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A masked frame as a client sends it.
fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut bytes = vec![first];
    match payload.len() {
        len @ 0..=125 => bytes.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(0x80 | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().enumerate().map(|(index, byte)| byte ^ MASK[index % 4]));
    bytes
}

fn reader() -> FrameReader {
    FrameReader::new(FrameLimits { max_frame_size: 200, max_message_size: 300 })
}

fn received(frames: &[Vec<u8>]) -> Vec<Received> {
    let mut reader = reader();
    reader.push(&frames.concat());
    std::iter::from_fn(|| reader.next()).collect()
}

fn message(text: impl AsRef<[u8]>) -> Received {
    Received::Message(Bytes::copy_from_slice(text.as_ref()))
}

#[track_caller]
fn assert_violation(frames: &[Vec<u8>], code: u16, reason: &str) {
    let after = frame(FIN | TEXT, "after");
    match &received(&[frames, &[after]].concat())[..] {
        [Received::Violation(violation)] => {
            assert_eq!((violation.code, &*violation.reason), (code, reason));
        }
        other => panic!("{other:?}"),
    }
}

// Receiving, row by row --------------------------------------------------------

#[test]
fn reserved_bits_are_refused() {
    for bit in [0x40, 0x20, 0x10] {
        assert_violation(&[frame(FIN | bit | TEXT, "x")], 1002, "RSV bit set not supported");
    }
}

#[test]
fn unknown_opcodes_are_refused() {
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        assert_violation(&[frame(FIN | opcode, "x")], 1002, &format!("unknown opcode={opcode}"));
    }
}

#[test]
fn frames_without_mask_are_refused() {
    assert_violation(&[vec![FIN | TEXT, 1, b'x']], 1002, "MASK bit not set");
}

#[test]
fn what_the_first_two_bytes_tell_is_told_at_once() {
    for start in [[0xc1, 0x80], [0x83, 0x80], [0x81, 0x05]] {
        let mut reader = reader();
        reader.push(&start);
        assert!(matches!(reader.next(), Some(Received::Violation(_))), "{start:?}");
    }
}
#[test]
fn a_length_of_four_gibibytes_is_too_big() {
    for length in [1u64 << 32, u64::MAX] {
        let mut bytes = vec![FIN | PING, 0x80 | 127];
        bytes.extend(length.to_be_bytes());
        bytes.extend(MASK);
        assert_violation(&[bytes], 1009, "frame too big");
    }
}

#[test]
fn control_frames_are_short_and_whole() {
    assert_violation(&[frame(FIN | PING, [b'x'; 126])], 1002, "");
    assert_violation(&[frame(PING, "x")], 1002, "forbidden FIN=0 in control frame");
    assert_eq!(received(&[frame(FIN | PING, [b'x'; 125])]).len(), 1);
}

#[test]
fn fragments_come_in_order() {
    assert_violation(&[frame(FIN | CONTINUE, "x")], 1002, "invalid continuation frame received");
    for opcode in [TEXT, BINARY] {
        let frames = [frame(TEXT, "x"), frame(FIN | opcode, "y")];
        assert_violation(&frames, 1002, "expected a continuation frame");
    }
    let frames = [frame(FIN | TEXT, "x"), frame(FIN | CONTINUE, "y")];
    assert_eq!(received(&frames)[0], message("x"));
    assert!(matches!(&received(&frames)[1], Received::Violation(violation) if violation.code == 1002));
}

#[test]
fn a_frame_may_be_as_long_as_the_limit() {
    assert_eq!(received(&[frame(FIN | BINARY, [b'x'; 200])]), [message([b'x'; 200])]);
    assert_violation(&[frame(FIN | BINARY, [b'x'; 201])], 1009, "frame too big");
}

#[test]
fn a_frame_that_is_too_big_is_refused_before_its_payload_comes() {
    let mut reader = reader();
    reader.push(&frame(FIN | BINARY, [b'x'; 201])[..8]);
    assert!(matches!(reader.next(), Some(Received::Violation(violation)) if violation.code == 1009));
}

#[test]
fn text_is_utf_8() {
    assert_violation(&[frame(FIN | TEXT, b"\xff")], 1007, "single text frame contains invalid UTF-8");
    assert_violation(&[frame(TEXT, b"\xff")], 1007, "single text frame contains invalid UTF-8");
    assert_violation(&[frame(FIN | TEXT, b"a\xc3")], 1007, "single text frame contains incomplete UTF-8");
    assert_violation(
        &[frame(TEXT, b"a\xc3"), frame(CONTINUE, b"a")],
        1007,
        "continuation text frame contains invalid UTF-8",
    );
    assert_violation(
        &[frame(TEXT, b"a"), frame(FIN | CONTINUE, b"\xc3")],
        1007,
        "continuation final text frame contains incomplete UTF-8",
    );
    let split = [frame(TEXT, b"a\xe2"), frame(CONTINUE, b"\x82"), frame(FIN | CONTINUE, b"\xac")];
    assert_eq!(received(&split), [message("a\u{20ac}")]);
    assert_eq!(received(&[frame(FIN | BINARY, b"\xff")]), [message(b"\xff")]);
}
#[test]
fn a_character_left_incomplete_before_an_empty_last_fragment_is_noticed() {
    assert_violation(
        &[frame(TEXT, b"a\xc3"), frame(FIN | CONTINUE, b"")],
        1007,
        "continuation final text frame contains incomplete UTF-8",
    );
}

#[test]
fn a_message_may_be_as_long_as_the_limit() {
    let mut reader = FrameReader::new(FrameLimits { max_frame_size: 400, max_message_size: 300 });
    reader.push(&frame(FIN | BINARY, [b'x'; 300]));
    assert_eq!(reader.next(), Some(message([b'x'; 300])));
    reader.push(&frame(FIN | BINARY, [b'x'; 301]));
    assert!(
        matches!(reader.next(), Some(Received::Violation(violation)) if violation.reason == "message too big")
    );
    let fragments = [frame(BINARY, [b'x'; 200]), frame(FIN | CONTINUE, [b'x'; 100])];
    assert_eq!(received(&fragments), [message([b'x'; 300])]);
}
#[test]
fn a_message_that_grows_too_big_is_refused() {
    let fragments = [frame(BINARY, [b'x'; 200]), frame(CONTINUE, [b'x'; 101])];
    assert_violation(&fragments, 1009, "message too big");
}

#[test]
fn a_close_reason_is_utf_8() {
    for reason in [&b"\x03\xe8\xff"[..], b"\x03\xe8a\xc3"] {
        assert_violation(&[frame(FIN | CLOSE, reason)], 1007, "close frame reason contains incomplete UTF-8");
    }
}
#[test]
fn a_malformed_close_is_refused() {
    assert_violation(&[frame(FIN | CLOSE, b"\x03")], 1002, "close frame payload too short");
    for status in [0u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535] {
        assert_violation(&[frame(FIN | CLOSE, status.to_be_bytes())], 1002, "close frame status not allowed");
    }
    for status in [1000u16, 1001, 1011, 3000, 4000, 4999] {
        let close = Received::Close { status: Some(status), reason: String::new() };
        assert_eq!(received(&[frame(FIN | CLOSE, status.to_be_bytes())]), [close]);
    }
}

#[test]
fn nothing_is_read_after_a_close() {
    let frames = [frame(FIN | CLOSE, b"\x03\xe8bye"), frame(FIN | TEXT, "after")];
    assert_eq!(received(&frames), [Received::Close { status: Some(1000), reason: "bye".into() }]);
    let frames = [frame(FIN | CLOSE, b""), frame(FIN | TEXT, "after")];
    assert_eq!(received(&frames), [Received::Close { status: None, reason: String::new() }]);
}

#[test]
fn control_frames_may_come_between_fragments() {
    let frames = [
        frame(TEXT, "a"),
        frame(FIN | PING, "p"),
        frame(FIN | PONG, "ignored"),
        frame(FIN | PING, ""),
        frame(FIN | CONTINUE, "b"),
    ];
    assert_eq!(
        received(&frames),
        [Received::Ping(Bytes::from_static(b"p")), Received::Ping(Bytes::new()), message("ab")]
    );
}

#[test]
fn lengths_need_not_be_in_their_shortest_form() {
    let mut short = vec![FIN | BINARY, 0x80 | 126, 0, 1];
    short.extend([0, 0, 0, 0, b'x']);
    let mut long = vec![FIN | BINARY, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0, 1];
    long.extend([0, 0, 0, 0, b'y']);
    assert_eq!(received(&[short, long]), [message("x"), message("y")]);
}
#[test]
fn an_empty_message_is_nothing() {
    let frames =
        [frame(FIN | TEXT, ""), frame(BINARY, ""), frame(FIN | CONTINUE, ""), frame(FIN | TEXT, "next")];
    assert_eq!(received(&frames), [message("next")]);
}

// Sending -------------------------------------------------------------------------------------

#[test]
fn messages_go_out_as_text_where_they_are_utf_8() {
    assert_eq!(&data_frame(b"a\xc3\xa9")[..], b"\x81\x03a\xc3\xa9");
    assert_eq!(&data_frame(b"a\xc3")[..], b"\x82\x02a\xc3");
}

#[test]
fn lengths_go_out_in_their_shortest_form() {
    assert_eq!(&data_frame(&[b'x'; 125])[..2], b"\x81\x7d");
    assert_eq!(&data_frame(&[b'x'; 126])[..4], b"\x81\x7e\x00\x7e");
    assert_eq!(&data_frame(&[b'x'; 65535])[..4], b"\x81\x7e\xff\xff");
    assert_eq!(&data_frame(&[b'x'; 65536])[..10], b"\x81\x7f\0\0\0\0\0\x01\0\0");
    assert_eq!(data_frame(&[b'x'; 65536]).len(), 65546);
}

#[test]
fn control_frames_go_out_as_they_are_written() {
    assert_eq!(&close_frame(None, "")[..], b"\x88\x00");
    assert_eq!(&close_frame(Some(4000), "why")[..], b"\x88\x05\x0f\xa0why");
    assert_eq!(&pong_frame(b"p")[..], b"\x8a\x01p");
    assert_eq!(&pong_frame(b"")[..], b"\x8a\x00");
    assert_eq!(&keepalive_frame()[..], b"\x89\x0akeep-alive");
}
#[test]
fn a_close_reason_is_cut_at_a_character() {
    let long = close_frame(Some(1000), &"x".repeat(200));
    assert_eq!((&long[..2], long.len()), (&b"\x88\x7d"[..], 127));
    let wide = close_frame(Some(1000), &"\u{20ac}".repeat(60));
    assert_eq!((&wide[..2], wide.len()), (&b"\x88\x7d"[..], 2 + 2 + 123));
    let off = close_frame(Some(1000), &format!("x{}", "\u{20ac}".repeat(60)));
    assert_eq!(off.len(), 2 + 2 + 1 + 120);
    assert!(std::str::from_utf8(&off[4..]).is_ok());
}

// Any chunking -------------------------------------------------------------------------------------------------

fn conversation() -> Vec<u8> {
    [
        frame(TEXT, "a\u{20ac}"),
        frame(FIN | PING, "p"),
        frame(CONTINUE, b"\xe2\x82"),
        frame(FIN | CONTINUE, b"\xac!"),
        frame(FIN | BINARY, [0xff; 150]),
        frame(FIN | CLOSE, b"\x03\xe8bye"),
        frame(FIN | TEXT, "after"),
    ]
    .concat()
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same(cuts in proptest::collection::vec(1usize..60, 1..200)) {
        let bytes = conversation();
        let (mut reader, mut rest, mut cuts) = (reader(), &bytes[..], cuts.into_iter().cycle());
        let mut seen = Vec::new();
        while !rest.is_empty() {
            let (chunk, tail) = rest.split_at(cuts.next().unwrap().min(rest.len()));
            rest = tail;
            reader.push(chunk);
            seen.extend(std::iter::from_fn(|| reader.next()));
        }
        prop_assert_eq!(seen, received(&[bytes]));
    }

    #[test]
    fn no_bytes_make_it_panic(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 0..20)) {
        let mut reader = reader();
        for chunk in &chunks {
            reader.push(chunk);
            while reader.next().is_some() {}
        }
    }

    #[test]
    fn sent_and_masked_payloads_come_back(payload in proptest::collection::vec(any::<u8>(), 1..200)) {
        prop_assert_eq!(received(&[frame(FIN | BINARY, &payload)]), vec![message(&payload)]);
    }
}
