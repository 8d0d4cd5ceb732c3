//! Any bytes as a request for a WebSocket, in two pieces and in one: the same request, and an answer to it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oversip::transport::ws::{check, switching_protocols, HeadProgress, HeadReader};

fuzz_target!(|data: &[u8]| {
    let whole = HeadReader::new().read(data);
    let mut reader = HeadReader::new();
    let (first, second) = data.split_at(data.len() / 2);
    let halved = match reader.read(first) {
        HeadProgress::Incomplete => reader.read(second),
        // Nothing that comes later makes it better.
        progress => progress,
    };
    if let (HeadProgress::Complete(whole), HeadProgress::Complete(halved)) = (&whole, &halved) {
        assert_eq!(whole, halved);
    }
    assert_eq!(matches!(whole, HeadProgress::Complete(_)), matches!(halved, HeadProgress::Complete(_)));
    if let HeadProgress::Complete(request) = whole {
        match check(&request) {
            Ok(()) => drop(switching_protocols(&request, "fuzz")),
            Err(refusal) => drop(refusal.response(&request, "fuzz")),
        }
    }
});
