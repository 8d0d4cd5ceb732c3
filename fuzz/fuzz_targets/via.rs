//! Any bytes as the value of Via, which is then stamped and forwarded.
#![no_main]

#[path = "../../tests/message_support/mod.rs"]
mod message_support;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use message_support::{forward, round_trip, touch};
use oversip::message::Message;

fuzz_target!(|data: &[u8]| {
    let text = [b"OPTIONS sip:a SIP/2.0\r\nVia: ", data, b"\r\n\r\n"].concat();
    if let Ok((message, _)) = Message::parse(Bytes::from(text)) {
        touch(&message);
        round_trip(&message);
        forward(&message);
    }
});
