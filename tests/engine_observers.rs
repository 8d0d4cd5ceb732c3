//! Those who look on are told behind the element's lock: who steps it waits for none of them.

mod support;

use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::time::Duration;

use support::Relay;

#[test]
fn nobody_waits_for_the_element_while_a_reader_holds_the_trace() {
    let relay = Relay::traced();
    let ring = relay.engine.observers().and_then(|observers| observers.ring()).expect("a trace");
    let (told, tell) = channel();
    let engine = relay.engine.clone();
    let reads = ring.lock().expect("a ring");
    // To ask is a hold as well.
    let mut asked = engine.stats().holds;
    let by_asking = engine.stats().holds - asked;
    asked += by_asking;
    let (_, address) = relay.engine.listening()[1];
    // Its opening is a row of the trace.
    let _connection = TcpStream::connect(address).expect("a connection");
    let looks = std::thread::spawn(move || {
        while engine.stats().holds == asked + by_asking {
            asked += by_asking;
            std::thread::yield_now();
        }
        let _ = told.send(());
    });
    let looked = tell.recv_timeout(Duration::from_secs(5));
    drop(reads);
    assert!(looked.is_ok(), "the element is held until the reader has read");
    looks.join().expect("it looked");
}
