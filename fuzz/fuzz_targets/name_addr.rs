//! Any bytes as a name-addr, and as the value of From and Contact.
#![no_main]

#[path = "../../tests/message_support/mod.rs"]
mod message_support;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use message_support::{round_trip, touch, touch_name_addr};
use oversip::message::{CommaList, Message, NameAddrRef};

fuzz_target!(|data: &[u8]| {
    let alone = NameAddrRef::parse(data);
    if let Some(name_addr) = &alone {
        touch_name_addr(name_addr);
        assert_eq!(CommaList::new(data).count(), 1);
    }
    for name in [&b"From"[..], b"Contact", b"Route"] {
        let text = [b"OPTIONS sip:a SIP/2.0\r\n", name, b": ", data, b"\r\n\r\n"].concat();
        let Ok((message, _)) = Message::parse(Bytes::from(text)) else { continue };
        touch(&message);
        round_trip(&message);
        if let (Some(from), Some(alone)) = (message.from().filter(|_| message.lines().count() == 1), &alone) {
            assert_eq!(from.uri().text, alone.uri().text);
            assert_eq!(from.display_name(), alone.display_name());
        }
    }
});
