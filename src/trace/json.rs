//! The rows in which a trace is handed out: one JSON object in each line.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use base64::prelude::{Engine as _, BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;

use super::entry::{Of, SentResponse, What};
use super::log::{LeftOut, Read};
use super::ring::Summary;
use crate::element::AttemptEnd;
use crate::observed::{Direction, Fate};

/// The number of this form of rows. It grows with each change that a reader has to know of.
const FORM: u32 = 1;

/// The name of the element in pictures of its calls.
const ELEMENT: &str = "oversip";

/// The first row: what holds for all others.
#[derive(Serialize)]
struct HeadRow {
    kind: &'static str,
    rows: u32,
    element: &'static str,
    version: &'static str,
    began_at: f64,
    now: f64,
    seq: u64,
    calls: CallCounts,
}

#[derive(Serialize)]
struct CallCounts {
    kept: usize,
    dropped: u64,
    unsampled: u64,
}

/// A row about something that has happened.
#[derive(Serialize)]
struct EntryRow<'a> {
    kind: &'static str,
    call_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    at: f64,
    #[serde(flatten)]
    details: Details<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Details<'a> {
    Message {
        direction: &'static str,
        transport: &'static str,
        local: Option<String>,
        remote: String,
        connection: Option<u64>,
        fate: &'static str,
        bytes: String,
    },
    Block {
        event: &'static str,
        subject: Cow<'a, str>,
        file: Cow<'a, str>,
        line: u32,
        duration: f64,
        exception: Option<Exception<'a>>,
    },
    Transaction(Transaction<'a>),
    Resolution {
        question: Cow<'a, str>,
        targets: Vec<Cow<'a, str>>,
        seconds: f64,
    },
    Target {
        target: String,
    },
    FlowOpened {
        peer: String,
        local: String,
        inbound: bool,
        handshake: Option<f64>,
    },
    FlowClosed {
        peer: String,
    },
}

/// What there is to say of a transaction.
#[derive(Default, Serialize)]
struct Transaction<'a> {
    method: Cow<'a, str>,
    branch: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'static str>,
}

impl<'a> Transaction<'a> {
    fn of(of: Of<&'a [u8]>) -> Self {
        Transaction { method: text(of.method), branch: text(of.branch), ..Transaction::default() }
    }

    fn answered(of: Of<&'a [u8]>, answer: SentResponse) -> Self {
        let SentResponse { status, by, after } = answer;
        let (status, by, seconds) = (Some(status), Some(by.as_str()), after.map(seconds));
        Transaction { status, by, seconds, ..Transaction::of(of) }
    }

    fn details(self) -> Details<'a> {
        Details::Transaction(self)
    }
}

#[derive(Serialize)]
struct Exception<'a> {
    class: Cow<'a, str>,
    message: Cow<'a, str>,
}

/// What a call was not given room for.
#[derive(Serialize)]
struct LeftOutRow<'a> {
    kind: &'static str,
    call_id: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    at: f64,
    events: u64,
    bytes: u64,
}

/// Calls that went before somebody who follows them had read them.
#[derive(Serialize)]
struct MissedRow {
    kind: &'static str,
    call_id: Option<&'static str>,
    at: f64,
    calls: u64,
}

/// The first row.
pub fn head(out: &mut Vec<u8>, summary: &Summary) {
    let calls = CallCounts { kept: summary.calls, dropped: summary.dropped, unsampled: summary.unsampled };
    let began_at = summary.began_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let (began_at, now) = (seconds(began_at), seconds(summary.now));
    let (element, version, seq) = (ELEMENT, env!("CARGO_PKG_VERSION"), summary.last);
    write(out, &HeadRow { kind: "head", rows: FORM, element, version, began_at, now, seq, calls });
}

/// The row of an entry of a call, or of one that belongs to no call.
pub fn row(out: &mut Vec<u8>, call_id: Option<&[u8]>, entry: Read<'_>) {
    let (kind, details) = details(entry.what);
    let (call_id, id) = (call_id.map(text), call_id.and_then(id));
    write(out, &EntryRow { kind, call_id, id, at: seconds(entry.at), details });
}

/// The row that says what a call was not given room for.
pub fn left_out(out: &mut Vec<u8>, call_id: &[u8], left_out: LeftOut) {
    let LeftOut { entries: events, bytes, at, .. } = left_out;
    let (call_id, id, at) = (text(call_id), id(call_id), seconds(at));
    write(out, &LeftOutRow { kind: "left_out", call_id, id, at, events, bytes });
}

/// The row that says that calls went before somebody who follows them had read them: no more than so many.
pub fn missed(out: &mut Vec<u8>, now: Duration, calls: u64) {
    write(out, &MissedRow { kind: "missed", call_id: None, at: seconds(now), calls });
}

fn details(what: What<&[u8]>) -> (&'static str, Details<'_>) {
    match what {
        What::Message { direction, transport, local, remote, connection, fate, wire } => {
            let details = Details::Message {
                direction: match direction {
                    Direction::In => "in",
                    Direction::Out => "out",
                },
                transport: transport.as_str(),
                local: local.map(|address| address.to_string()),
                remote: remote.to_string(),
                connection: connection.map(|connection| connection.as_u64()),
                fate: match fate {
                    Fate::Sent => "sent",
                    Fate::Refused => "refused",
                },
                bytes: BASE64_STANDARD.encode(wire),
            };
            ("message", details)
        }
        What::Block { event, method, file, line, duration, exception } => {
            let exception =
                exception.map(|(class, message)| Exception { class: text(class), message: text(message) });
            let (subject, file, duration) = (text(method), text(file), seconds(duration));
            ("block", Details::Block { event, subject, file, line, duration, exception })
        }
        What::Received(of) => ("received", Transaction::of(of).details()),
        What::Progress(of, answer) => ("progress", Transaction::answered(of, answer).details()),
        What::Answered(of, answer) => ("answered", Transaction::answered(of, answer).details()),
        What::Unanswered(of) => ("unanswered", Transaction::of(of).details()),
        What::DroppedResponse(of, status) => {
            ("dropped_response", Transaction { status: Some(status), ..Transaction::of(of) }.details())
        }
        What::Timer(of, timer) => {
            ("timer", Transaction { name: Some(timer.name()), ..Transaction::of(of) }.details())
        }
        What::Attempt(of, target) => {
            ("attempt", Transaction { target: Some(target.to_string()), ..Transaction::of(of) }.details())
        }
        What::AttemptEnded(of, target, end) => {
            let status = if let AttemptEnd::Answered(status) = end { Some(status) } else { None };
            let (target, outcome) = (Some(target.to_string()), Some(end.outcome()));
            ("attempt_ended", Transaction { target, outcome, status, ..Transaction::of(of) }.details())
        }
        What::Resolved { question, targets, took } => {
            let targets = targets.split(|byte| *byte == b' ').filter(|target| !target.is_empty());
            let (question, targets) = (text(question), targets.map(text).collect());
            ("resolution", Details::Resolution { question, targets, seconds: seconds(took) })
        }
        What::Blacklisted(target) => ("blacklisted", Details::Target { target: target.to_string() }),
        What::PassedOver(target) => ("passed_over", Details::Target { target: target.to_string() }),
        What::FlowOpened { peer, local, inbound, handshake } => {
            let (peer, local) = (peer.to_string(), local.to_string());
            let handshake = handshake.map(seconds);
            ("flow_opened", Details::FlowOpened { peer, local, inbound, handshake })
        }
        What::FlowClosed(peer) => ("flow_closed", Details::FlowClosed { peer: peer.to_string() }),
    }
}

/// Seconds with microseconds.
fn seconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e6
}

/// A text of a peer's, whatever its bytes are.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// The bytes of a Call-ID in base64url, where its text does not say them.
fn id(call_id: &[u8]) -> Option<String> {
    std::str::from_utf8(call_id).is_err().then(|| BASE64_URL_SAFE_NO_PAD.encode(call_id))
}

fn write(out: &mut Vec<u8>, row: &impl Serialize) {
    // Writing to memory does not fail, and neither do these types.
    let _ = serde_json::to_writer(&mut *out, row);
    out.push(b'\n');
}
