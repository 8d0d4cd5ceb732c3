//! Any bytes after an upgrade, in two pieces and in one: the same messages, and nothing panics in them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oversip::message::websocket_message;
use oversip::transport::ws::{FrameLimits, FrameReader, Received};

fn read(pieces: &[&[u8]]) -> Vec<Received> {
    let mut reader = FrameReader::new(FrameLimits { max_frame_size: 1000, max_message_size: 2000 });
    let mut received = Vec::new();
    for piece in pieces {
        reader.push(piece);
        received.extend(std::iter::from_fn(|| reader.next()));
    }
    received
}

fuzz_target!(|data: &[u8]| {
    let whole = read(&[data]);
    let (first, second) = data.split_at(data.len() / 2);
    assert_eq!(read(&[first, second]), whole);
    for received in whole {
        if let Received::Message(message) = received {
            assert!(message.len() <= 2000);
            let _ = websocket_message(message);
        }
    }
});
