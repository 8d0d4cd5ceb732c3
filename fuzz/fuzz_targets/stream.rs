//! Any bytes as a stream: the same frames however the bytes are cut, and no more memory than was sent. The first byte says how.
#![no_main]

use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use oversip::message::{Frame, StreamFramer};

fn frames<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let now = Instant::now();
    let mut framer = StreamFramer::new(1000);
    let mut frames = Vec::new();
    for chunk in chunks {
        framer.push(now, chunk);
        while let Some(frame) = framer.next() {
            frames.push(match frame {
                Frame::Message(message) => format!("{:?} {:?}", message.head_bytes(), message.body()),
                Frame::Keepalive => "keepalive".to_owned(),
                Frame::Failed { close_reason, reply_to, status, .. } => {
                    format!("{close_reason:?} {status} {:?}", reply_to.map(|m| m.head_bytes().clone()))
                }
            });
        }
    }
    frames
}

fuzz_target!(|data: &[u8]| {
    let Some((size, bytes)) = data.split_first() else { return };
    let whole = frames(std::iter::once(bytes));
    assert_eq!(frames(bytes.chunks(usize::from(*size).max(1))), whole);
});
