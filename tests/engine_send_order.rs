//! Messages leave in the order of the calls that caused them, whichever threads have called. Threads of Rust call at the same
//! moment, which threads of Ruby do not.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::Arc;

use oversip::element::Reply;
use oversip::host::IncomingRequest;
use support::{Peer, Relay};

/// As many calls at a time as the system's buffer of a UDP socket holds messages of.
const CALLS: usize = 20;
const ROUNDS: usize = 100;

fn invite(relay: &Relay, round: usize, call: usize) -> String {
    format!(
        "INVITE sip:bob@{} SIP/2.0\r\nVia: SIP/2.0/UDP {{self}};branch=z9hG4bK{round}x{call};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:alice@a.example>;tag=a\r\nTo: <sip:bob@b.example>\r\n\
         Call-ID: {call}\r\nCSeq: {} INVITE\r\nContact: <sip:alice@{{self}}>\r\nContent-Length: 0\r\n\r\n",
        relay.address(),
        round + 1
    )
}

/// The number of the call and the status.
fn parts(response: &str) -> (usize, u16) {
    let status = response.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)).expect("a response");
    let call =
        response.split("Call-ID: ").nth(1).and_then(|rest| rest.split("\r\n").next()).expect("a Call-ID");
    (call.parse().expect("a number"), status.parse().expect("a status"))
}

#[test]
fn a_180_of_one_thread_leaves_before_the_200_that_another_one_sends_after_it() {
    let relay = Relay::start();
    relay.engine.testing().freeze();
    let caller = Peer::udp();
    // A third thread steps as well: whoever carries out what another one has caused must not be overtaken.
    caller.send(&invite(&relay, ROUNDS, 0), relay.udp());
    let spare = relay.next_request();
    relay.engine.requests().create_transaction(&spare);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                relay.engine.requests().create_transaction(&spare);
            }
        });
        // Ends the other thread when the test fails, too.
        let _end = End(&over);
        race(&relay, &caller);
    });
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn race(relay: &Relay, caller: &Peer) {
    for round in 0..ROUNDS {
        for call in 0..CALLS {
            caller.send(&invite(relay, round, call), relay.udp());
        }
        let requests: Vec<Arc<IncomingRequest>> = (0..CALLS).map(|_| relay.next_request()).collect();
        let (hand_over, taken) = mpsc::channel::<Arc<IncomingRequest>>();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for request in &requests {
                    relay.engine.requests().create_transaction(request);
                    relay.engine.requests().reply(request, Reply::new(180, b"Ringing")).expect("taken");
                    hand_over.send(request.clone()).expect("the other thread waits");
                }
                drop(hand_over);
            });
            scope.spawn(|| {
                for request in taken {
                    relay.engine.requests().reply(&request, Reply::new(200, b"OK")).expect("taken");
                    relay.engine.requests().done(&request);
                }
            });
        });
        let mut answers = Vec::new();
        while answers.len() < 2 * CALLS {
            answers.extend(Some(parts(&caller.receive())).filter(|(_, status)| *status > 100));
        }
        for wanted in [180, 200] {
            let seen: Vec<_> =
                answers.iter().filter(|(_, status)| *status == wanted).map(|(call, _)| *call).collect();
            assert_eq!(seen, (0..CALLS).collect::<Vec<_>>(), "{wanted} in round {round}");
        }
        for call in 0..CALLS {
            let place = |status| answers.iter().position(|answer| *answer == (call, status));
            assert!(place(180) < place(200), "call {call} in round {round}: {answers:?}");
        }
    }
}
