//! The ring of the trace: what it keeps, what goes first, and that it holds no more than it may.

use std::time::{Duration, Instant, SystemTime};

use oversip::element::{AttemptEnd, Happening, ObservedRequest, Responder, SendFailure, Word};
use oversip::message::{Method, Transport};
use oversip::observed::{BlockRun, Direction, Fate, FiveTuple, ObservedMessage};
use oversip::resolve::Target;
use oversip::trace::{row, Ring, TraceLimits, What};

const ROOM: TraceLimits = TraceLimits { calls: 1000, bytes: 16 << 20, sample: 1.0 };

struct Scene {
    ring: Ring,
    now: Instant,
}

impl Scene {
    fn new(limits: TraceLimits) -> Scene {
        let now = Instant::now();
        Scene { ring: Ring::new(limits, now, SystemTime::UNIX_EPOCH, [1, 2, 3, 4]), now }
    }

    /// A request of a call leaves, of about this many bytes.
    fn message(&mut self, call_id: &str, size: usize) {
        self.sent("MESSAGE", call_id, size);
    }

    fn sent(&mut self, method: &str, call_id: &str, size: usize) {
        self.told(Direction::Out, &format!("{method} sip:b SIP/2.0"), &format!("1 {method}"), call_id, size);
    }

    /// A message comes or leaves.
    fn told(&mut self, direction: Direction, start: &str, cseq: &str, call_id: &str, size: usize) {
        self.now += Duration::from_millis(1);
        let filling = "x".repeat(size);
        let wire = format!("{start}\r\nCall-ID: {call_id}\r\nCSeq: {cseq}\r\nSubject: {filling}\r\n\r\n");
        let address = "192.0.2.1:5060".parse().expect("an address");
        let between =
            FiveTuple { transport: Transport::Udp, local: Some(address), remote: address, connection: None };
        let message = ObservedMessage::sent(self.now, wire.as_bytes(), between, Fate::Sent);
        self.ring.message(&ObservedMessage { direction, ..message });
    }

    /// The element has done something about a request of a call.
    fn happened(&mut self, happening: Happening) {
        self.ring.happened(self.now, &happening);
    }

    /// An INVITE comes.
    fn invite(&mut self, call_id: &str) {
        self.told(Direction::In, "INVITE sip:b SIP/2.0", "1 INVITE", call_id, 10);
    }

    /// An INVITE gets a response.
    fn respond(&mut self, status: u16, call_id: &str) {
        self.respond_to(Method::Invite, "1 INVITE", status, call_id);
    }

    /// A request with this method and CSeq gets a response.
    fn respond_to(&mut self, method: Method, cseq: &str, status: u16, call_id: &str) {
        let (of, by) = (request(method, call_id), Responder::Script);
        match status {
            100 => {}
            101..200 => self.happened(Happening::Progress { of, status, by, after: None, call: true }),
            _ => {
                let (call, cancelled) = (true, false);
                self.happened(Happening::Answered { of, status, by, after: None, call, cancelled });
            }
        }
        self.told(Direction::Out, &format!("SIP/2.0 {status} Reason"), cseq, call_id, 10);
    }

    /// An INVITE comes, which is refused without having been routed.
    fn refused(&mut self, call_id: &str) {
        self.invite(call_id);
        self.respond(100, call_id);
        self.respond(403, call_id);
        self.told(Direction::In, "ACK sip:b SIP/2.0", "1 ACK", call_id, 10);
    }

    /// An INVITE is sent to a target.
    fn sent_on(&mut self, call_id: &str) {
        let target = Target::new(Transport::Udp, [192, 0, 2, 9].into(), 5060);
        self.happened(Happening::Attempt { target, of: request(Method::Invite, call_id) });
        self.sent("INVITE", call_id, 10);
    }

    /// An INVITE comes, is sent on, and is answered.
    fn answered(&mut self, call_id: &str) {
        self.invite(call_id);
        self.sent_on(call_id);
        self.respond(200, call_id);
    }

    /// The Call-IDs from the one that was active least recently on.
    fn calls(&self) -> Vec<String> {
        let calls = self.ring.active_since(0, usize::MAX);
        calls.iter().map(|call_id| String::from_utf8_lossy(call_id).into_owned()).collect()
    }

    fn entries(&self, call_id: &str) -> usize {
        self.ring.call_since(call_id.as_bytes(), 0).map_or(0, |log| log.since(0).count())
    }

    fn rows(&self, call_id: &str) -> Vec<serde_json::Value> {
        let log = self.ring.call_since(call_id.as_bytes(), 0).expect("it is kept");
        let mut lines = Vec::new();
        log.since(0).for_each(|entry| row(&mut lines, Some(call_id.as_bytes()), entry));
        let lines = String::from_utf8(lines).expect("UTF-8");
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

fn request(method: Method, call_id: &str) -> ObservedRequest {
    ObservedRequest { method, branch: Word::default(), call_id: Some(Word::from(call_id.as_bytes())) }
}

/// Names with numbers.
fn names(word: &str, numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("{word} {number}")).collect()
}

#[test]
fn the_call_that_was_active_least_recently_goes_first() {
    let mut scene = Scene::new(TraceLimits { calls: 3, ..ROOM });
    ["a", "b", "c", "a", "d"].into_iter().for_each(|call| scene.message(call, 10));
    assert_eq!(scene.calls(), ["c", "a", "d"]);
    assert_eq!(["a", "b", "c", "d"].map(|call| scene.entries(call)), [2, 0, 1, 1]);
    let summary = scene.ring.summary(scene.now);
    assert_eq!((summary.calls, summary.dropped, summary.last), (3, 1, 5));
}

#[test]
fn who_has_read_up_to_an_entry_learns_whether_later_ones_went_to_make_room() {
    let mut scene = Scene::new(TraceLimits { calls: 2, ..ROOM });
    ["a", "b", "c"].into_iter().for_each(|call| scene.message(call, 10));
    assert_eq!(
        [0, 1].map(|number| scene.ring.has_dropped_since(number)),
        [true, false],
        "a went, with entry 1"
    );
    scene.message("b", 10);
    scene.message("d", 10);
    assert_eq!(
        [2, 3].map(|number| scene.ring.has_dropped_since(number)),
        [true, false],
        "c went, with entry 3"
    );
    assert_eq!(scene.ring.dropped(), 2);
}

#[test]
fn a_call_id_that_is_no_utf_8_stands_in_its_rows_by_its_bytes_too() {
    let mut scene = Scene::new(ROOM);
    scene.message("a", 10);
    let ids = [&b"a"[..], b"a\xFF", b"a\xFE"].map(|call_id| {
        let mut line = Vec::new();
        let log = scene.ring.call_since(b"a", 0).expect("it is kept");
        log.since(0).for_each(|entry| row(&mut line, Some(call_id), entry));
        let row: serde_json::Value = serde_json::from_slice(&line).expect("JSON");
        (row["call_id"].clone(), row["id"].clone())
    });
    let expected = [("a", None), ("a\u{FFFD}", Some("Yf8")), ("a\u{FFFD}", Some("Yf4"))];
    assert_eq!(ids, expected.map(|(call_id, id)| (call_id.into(), id.into())));
}

#[test]
fn what_is_no_call_has_the_room_that_calls_do_not_need_and_a_quarter() {
    let mut scene = Scene::new(TraceLimits { calls: 8, ..ROOM });
    names("call", 0..5).iter().for_each(|call| scene.answered(call));
    names("client", 0..100).iter().for_each(|client| scene.sent("REGISTER", client, 10));
    assert_eq!(scene.calls(), [names("call", 0..5), names("client", 97..100)].concat());
    scene.answered("call 5");
    scene.sent("BYE", "call 0", 10);
    let kept = ["call 1", "call 2", "call 3", "call 4", "client 98", "client 99", "call 5", "call 0"];
    assert_eq!(scene.calls(), kept);
    scene.answered("call 6");
    assert_eq!(scene.entries("call 1"), 0, "the oldest call goes for a new one");
    assert_eq!(scene.entries("client 98"), 1);
}

#[test]
fn calls_that_are_refused_at_once_have_the_room_that_others_do_not_need_and_a_quarter() {
    let mut scene = Scene::new(TraceLimits { calls: 8, ..ROOM });
    names("call", 0..5).iter().for_each(|call| scene.answered(call));
    names("scan", 0..100).iter().for_each(|scan| scene.refused(scan));
    assert_eq!(scene.calls(), [names("call", 0..5), names("scan", 97..100)].concat());
    assert_eq!(scene.entries("scan 99"), 5);
    scene.answered("call 5");
    scene.answered("call 6");
    assert_eq!(scene.calls(), [names("call", 0..5), names("scan", 99..100), names("call", 5..7)].concat());
}

#[test]
fn of_a_ring_that_is_full_of_routed_calls_scanners_and_registrations_take_a_quarter_each() {
    let mut scene = Scene::new(TraceLimits { calls: 8, ..ROOM });
    names("call", 0..100).iter().for_each(|call| scene.answered(call));
    assert_eq!(scene.calls(), names("call", 92..100));
    names("scan", 0..100).iter().for_each(|scan| scene.refused(scan));
    assert_eq!(scene.calls(), [names("call", 94..100), names("scan", 98..100)].concat());
    names("client", 0..100).iter().for_each(|client| scene.sent("REGISTER", client, 10));
    let kept = [names("call", 96..100), names("scan", 98..100), names("client", 98..100)].concat();
    assert_eq!(scene.calls(), kept);
    names("scan", 100..200).iter().for_each(|scan| scene.refused(scan));
    let kept = [names("call", 96..100), names("client", 98..100), names("scan", 198..200)].concat();
    assert_eq!(scene.calls(), kept);
}

#[test]
fn where_there_are_no_calls_scanners_and_registrations_share_the_ring() {
    let mut scene = Scene::new(TraceLimits { calls: 8, ..ROOM });
    names("client", 0..100).iter().for_each(|client| scene.sent("REGISTER", client, 10));
    names("scan", 0..100).iter().for_each(|scan| scene.refused(scan));
    assert_eq!(scene.calls(), [names("client", 96..100), names("scan", 96..100)].concat());
}

#[test]
fn a_cseq_whose_method_is_not_that_of_the_request_makes_no_call_a_routed_one() {
    let mut scene = Scene::new(TraceLimits { calls: 8, ..ROOM });
    names("call", 0..100).iter().for_each(|call| scene.answered(call));
    for scan in names("scan", 0..100) {
        scene.told(Direction::In, "INVITE sip:b SIP/2.0", "1 OPTIONS", &scan, 10);
        scene.respond_to(Method::Invite, "1 OPTIONS", 403, &scan);
        scene.told(Direction::In, "OPTIONS sip:b SIP/2.0", "2 INVITE", &scan, 10);
        scene.respond_to(Method::Options, "2 INVITE", 200, &scan);
    }
    // What cannot be read is answered by the engine, and never comes to the script.
    for scan in names("other", 0..100) {
        scene.told(Direction::In, "INVITE sip:b SIP/2.0", "x", &scan, 10);
        scene.told(Direction::Out, "SIP/2.0 400 Bad CSeq", "x", &scan, 10);
    }
    assert_eq!(scene.calls(), [names("call", 94..100), names("other", 98..100)].concat());
}

#[test]
fn a_call_that_waits_for_the_script_goes_after_those_that_were_refused_before_it_came() {
    let mut scene = Scene::new(TraceLimits { calls: 16, ..ROOM });
    names("call", 0..100).iter().for_each(|call| scene.answered(call));
    names("scan", 0..4).iter().for_each(|scan| scene.refused(scan));
    scene.invite("waits");
    names("scan", 4..7).iter().for_each(|scan| scene.refused(scan));
    assert_eq!(scene.entries("waits"), 1);
    scene.sent_on("waits");
    names("scan", 7..100).iter().for_each(|scan| scene.refused(scan));
    assert_eq!(scene.entries("waits"), 3);
}

#[test]
fn an_attempt_counts_as_routed_even_if_the_system_refuses_to_send_it() {
    let mut scene = Scene::new(TraceLimits { calls: 8, ..ROOM });
    scene.invite("down");
    let target = Target::new(Transport::Tcp, [192, 0, 2, 9].into(), 5060);
    let of = request(Method::Invite, "down");
    scene.happened(Happening::Attempt { target, of: of.clone() });
    let end = AttemptEnd::Failed(SendFailure::Unreachable);
    scene.happened(Happening::AttemptEnded { target, of, end, took: Duration::ZERO });
    scene.respond(503, "down");
    names("scan", 0..100).iter().for_each(|scan| scene.refused(scan));
    assert_eq!(scene.entries("down"), 5);
}

#[test]
fn calls_that_end_without_a_response_push_no_routed_call_out() {
    let mut scene = Scene::new(TraceLimits { calls: 8, ..ROOM });
    names("call", 0..5).iter().for_each(|call| scene.answered(call));
    for scan in names("scan", 0..100) {
        scene.invite(&scan);
        scene.happened(Happening::Unanswered { of: request(Method::Invite, &scan), call: true });
        // Its sender has got nothing, and sends it again.
        scene.invite(&scan);
    }
    assert_eq!(scene.calls()[..5], names("call", 0..5));
}

#[test]
fn a_refused_call_is_pushed_out_neither_by_registrations_nor_after_it_was_routed() {
    let mut scene = Scene::new(TraceLimits { calls: 8, ..ROOM });
    scene.refused("refused");
    // The answer to a challenge is routed.
    scene.refused("challenged");
    scene.answered("challenged");
    // What a target refuses, or the script after it has rung, was routed.
    scene.invite("busy");
    scene.sent_on("busy");
    scene.respond(486, "busy");
    scene.invite("voicemail");
    scene.respond(180, "voicemail");
    scene.respond(480, "voicemail");
    names("client", 0..100).iter().for_each(|client| scene.sent("REGISTER", client, 10));
    assert_eq!(scene.calls()[..4], ["refused", "challenged", "busy", "voicemail"]);
    names("scan", 0..100).iter().for_each(|scan| scene.refused(scan));
    assert_eq!(scene.calls()[..3], ["challenged", "busy", "voicemail"]);
    assert_eq!(scene.entries("refused"), 0, "the oldest of the refused calls goes");
}

#[test]
fn bytes_of_what_is_no_call_push_no_call_out() {
    let mut scene = Scene::new(TraceLimits { bytes: 1 << 20, ..ROOM });
    names("call", 0..100).iter().for_each(|call| scene.answered(call));
    names("client", 0..5000).iter().for_each(|client| scene.sent("REGISTER", client, 1000));
    assert!(names("call", 0..100).iter().all(|call| scene.entries(call) == 5));
    assert!(scene.ring.bytes() <= 1 << 20, "{} bytes", scene.ring.bytes());
}

#[test]
fn what_begins_without_an_invite_becomes_a_call_when_one_is_routed() {
    let mut scene = Scene::new(TraceLimits { calls: 4, ..ROOM });
    scene.message("a", 10);
    scene.sent_on("a");
    (0..100).for_each(|client| scene.sent("OPTIONS", &client.to_string(), 10));
    assert_eq!((scene.entries("a"), scene.calls().len()), (3, 4));
}

#[test]
fn more_calls_than_there_is_room_for_leave_the_memory_at_its_bound() {
    let mut scene = Scene::new(TraceLimits { calls: usize::MAX, bytes: 1 << 20, ..ROOM });
    let mut most = 0;
    for call in 0..24_000 {
        (0..4).for_each(|_| scene.message(&call.to_string(), 700));
        most = most.max(scene.ring.bytes());
    }
    assert!((900 << 10..=1 << 20).contains(&most), "{most} bytes");
    let kept = scene.calls();
    assert_eq!(kept.last().map(String::as_str), Some("23999"));
    let held: usize = kept.len() * 4 * 700;
    assert!(held > most / 2, "{held} bytes of messages in {most} of memory");
}

#[test]
fn one_call_has_its_share_and_what_it_was_not_given_room_for_is_counted() {
    let mut scene = Scene::new(TraceLimits { bytes: 1 << 20, ..ROOM });
    scene.message("other", 700);
    (0..1000).for_each(|_| scene.message("long", 700));
    assert!(scene.ring.bytes() < 300 << 10, "{} bytes", scene.ring.bytes());
    assert_eq!(scene.calls(), ["other", "long"]);
    let log = scene.ring.call_since(b"long", 0).expect("it is kept");
    let kept = log.since(0).count() as u64;
    assert!(kept > 100 && kept + log.left_out().entries == 1000, "{kept} are kept");
    assert_eq!((log.last(), log.left_out().last), (1001, 1001));
}

#[test]
fn a_call_has_room_in_the_smallest_ring_too_whatever_was_there_before() {
    let mut scene = Scene::new(TraceLimits { bytes: 64 << 10, ..ROOM });
    for call in 0..200 {
        (0..8).for_each(|_| scene.message(&call.to_string(), 800));
        assert!(scene.entries(&call.to_string()) > 5, "call {call}");
        assert!(scene.ring.bytes() <= 64 << 10, "call {call}");
    }
}

#[test]
fn a_part_of_all_calls_is_kept_each_as_a_whole() {
    let mut scene = Scene::new(TraceLimits { calls: 10_000, sample: 0.25, ..ROOM });
    for _ in 0..2 {
        (0..4000).for_each(|call| scene.message(&call.to_string(), 10));
    }
    let kept = scene.calls();
    assert!((800..1200).contains(&kept.len()), "{} of 4000 calls", kept.len());
    assert!(kept.iter().all(|call| scene.entries(call) == 2));
    let mut none = Scene::new(TraceLimits { sample: 0.0, ..ROOM });
    none.message("a", 10);
    assert!(none.calls().is_empty());
}

#[test]
fn who_has_read_up_to_a_number_gets_what_came_after() {
    let mut scene = Scene::new(ROOM);
    ["a", "b", "a"].into_iter().for_each(|call| scene.message(call, 10));
    let read = scene.ring.last();
    ["b", "c"].into_iter().for_each(|call| scene.message(call, 10));
    let joined = |calls: Vec<Box<[u8]>>| calls.concat();
    assert_eq!(joined(scene.ring.active_since(read, usize::MAX)), b"bc");
    assert_eq!(joined(scene.ring.active_since(0, 2)), b"bc");
    let log = scene.ring.call_since(b"b", read).expect("it is kept");
    let again: Vec<_> = log.since(read).collect();
    assert_eq!(again.iter().map(|entry| entry.number).collect::<Vec<_>>(), [4]);
    let whole = scene.ring.call_since(b"b", 0).expect("it is kept");
    assert_eq!(again, whole.since(read).collect::<Vec<_>>());
    assert_eq!(scene.ring.call_since(b"b", 5).map(|log| log.since(0).count()), Some(0));
}

#[test]
fn a_reader_copies_a_long_call_part_by_part() {
    let mut scene = Scene::new(ROOM);
    (0..1000).for_each(|_| scene.message("long", 980));
    let (mut read, mut parts, mut numbers) = (0, 0, Vec::new());
    loop {
        let part = scene.ring.call_since(b"long", read).expect("it is kept");
        let Some(newest) = part.newest() else { break };
        assert!(part.since(0).count() < 300, "a part is short");
        numbers.extend(part.since(0).map(|entry| entry.number));
        (read, parts) = (newest, parts + 1);
    }
    assert_eq!((numbers, parts), ((1..=1000).collect(), 4));
}

#[test]
fn what_belongs_to_no_call_has_a_bound_of_its_own() {
    let mut scene = Scene::new(TraceLimits { bytes: 1 << 20, ..ROOM });
    let target = Target::new(Transport::Tcp, [192, 0, 2, 9].into(), 5060);
    for _ in 0..100_000 {
        scene.ring.happened(scene.now, &Happening::FlowClosed { peer: target });
    }
    assert!(scene.ring.bytes() < 64 << 10, "{} bytes", scene.ring.bytes());
    let last = scene.ring.others_since(99_999).since(0).count();
    assert_eq!((last, scene.ring.last()), (1, 100_000));
    let (mut read, mut numbers) = (0, Vec::new());
    while let Some(newest) = scene.ring.others_since(read).newest() {
        numbers.extend(scene.ring.others_since(read).since(0).map(|entry| entry.number));
        read = newest;
    }
    assert!(numbers.windows(2).all(|two| two[0] + 1 == two[1]), "they follow on each other");
    assert_eq!(numbers.last(), Some(&100_000));
}

#[test]
fn a_row_says_what_has_happened() {
    let mut scene = Scene::new(ROOM);
    let began = scene.now;
    let of = ObservedRequest {
        method: Method::Invite,
        branch: Word::from(&b"z9hG4bK1"[..]),
        call_id: Some(Word::from(&b"c"[..])),
    };
    let target = Target::new(Transport::Udp, [192, 0, 2, 9].into(), 5060);
    scene.message("c", 0);
    let at = began + Duration::from_micros(1500);
    let all = [
        Happening::Received { of: of.clone(), call: true },
        Happening::Attempt { target, of: of.clone() },
        Happening::AttemptEnded {
            target,
            of: of.clone(),
            end: AttemptEnd::Answered(486),
            took: Duration::from_millis(20),
        },
        Happening::Answered {
            of: of.clone(),
            status: 486,
            by: Responder::Relayed,
            after: Some(Duration::from_millis(20)),
            call: true,
            cancelled: false,
        },
        Happening::PassedOver { target, call_id: of.call_id.clone() },
    ];
    all.iter().for_each(|happening| scene.ring.happened(at, happening));
    scene.ring.block_ran(&BlockRun {
        event: "on_request",
        method: b"INVITE",
        call_id: Some(b"c"),
        file: "server.rb",
        line: 12,
        began: at,
        ended: at + Duration::from_millis(3),
        exception: Some(("KeyError", "no \u{fffd} key")),
    });
    let rows = scene.rows("c");
    let transaction = serde_json::json!({ "method": "INVITE", "branch": "z9hG4bK1" });
    let row = |kind: &str, others: serde_json::Value| {
        let mut row = serde_json::json!({ "kind": kind, "call_id": "c", "at": 0.0015 });
        let fields = row.as_object_mut().expect("an object");
        for part in [&transaction, &others] {
            fields.extend(part.as_object().expect("an object").clone());
        }
        row
    };
    let to = "udp:192.0.2.9:5060";
    assert_eq!(
        rows[0]["bytes"],
        "TUVTU0FHRSBzaXA6YiBTSVAvMi4wDQpDYWxsLUlEOiBjDQpDU2VxOiAxIE1FU1NBR0UNClN1YmplY3Q6IA0KDQo="
    );
    assert_eq!((&rows[0]["direction"], &rows[0]["local"]), (&"out".into(), &"192.0.2.1:5060".into()));
    assert_eq!(rows[1], row("received", serde_json::json!({})));
    assert_eq!(rows[2], row("attempt", serde_json::json!({ "target": to })));
    let ended = serde_json::json!({ "target": to, "outcome": "answered", "status": 486 });
    assert_eq!(rows[3], row("attempt_ended", ended));
    let answered = serde_json::json!({ "status": 486, "by": "relayed", "seconds": 0.02 });
    assert_eq!(rows[4], row("answered", answered));
    assert_eq!(
        rows[5],
        serde_json::json!({ "kind": "passed_over", "call_id": "c", "at": 0.0015, "target": to })
    );
    assert_eq!(
        rows[6],
        serde_json::json!({
            "kind": "block", "call_id": "c", "at": 0.0015, "event": "on_request", "subject": "INVITE",
            "file": "server.rb", "line": 12, "duration": 0.003,
            "exception": { "class": "KeyError", "message": "no \u{fffd} key" },
        })
    );
}

#[test]
fn bytes_of_a_peer_that_are_no_text_make_no_row_unreadable() {
    let mut scene = Scene::new(ROOM);
    let wire = b"MESSAGE sip:b SIP/2.0\r\nCall-ID: \xff\x00\"\r\n\r\n";
    let address = "[2001:db8::1]:5060".parse().expect("an address");
    let between = FiveTuple { transport: Transport::Ws, local: None, remote: address, connection: None };
    scene.ring.message(&ObservedMessage::sent(scene.now, wire, between, Fate::Refused));
    let call_id = scene.ring.active_since(0, 1).pop().expect("it is kept");
    let log = scene.ring.call_since(&call_id, 0).expect("it is kept");
    let mut line = Vec::new();
    log.since(0).for_each(|entry| row(&mut line, Some(&call_id), entry));
    let read: serde_json::Value = serde_json::from_slice(&line).expect("JSON");
    assert_eq!(read["call_id"], "\u{fffd}\u{0}\"");
    assert_eq!((&read["local"], &read["fate"]), (&serde_json::Value::Null, &"refused".into()));
    assert!(log.since(0).all(|entry| matches!(entry.what, What::Message { wire: kept, .. } if kept == wire)));
}
