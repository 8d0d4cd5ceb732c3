//! `/calls/events`: what the page shows, as it happens (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).
//!
//! - `calls`: the calls to which something has happened, as rows of the list; the first time those of the whole list;
//! - `ladder`: the ladder of the call that is open, as Ruby has drawn it, after each change;
//! - `gone`: that call is not kept any more;
//! - `silent`: Ruby has not drawn it in time; it is asked again.

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::StatusCode;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::open_pages::OpenPages;
use super::row;
use crate::clock::Clock;
use crate::engine::monitor::door::Door;
use crate::engine::monitor::monitor_request::MonitorRequest;
use crate::engine::monitor::monitor_response::{MonitorResponse, Pieces};
use crate::engine::monitor::questions::Topic;
use crate::engine::monitor::scene::Scene;
use crate::engine::SystemClock;
use crate::host::lock;
use crate::trace::Ring;

/// Calls in the list: those that were active last.
const MOST_CALLS: usize = 200;

/// How often it is looked for what is new: no call tells of it.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// After how long a call is drawn again: Ruby has other things to do. After a silence of Ruby's it is twice as long each time, up to
/// the second.
const DRAW_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_INTERVAL: Duration = Duration::from_secs(16);

/// After how many looks without anything new a comment shows that both ends are there: 5 seconds.
const LOOKS_PER_SIGN: u32 = 10;

/// A ladder is given up by then.
const DRAW_LIMIT: Duration = Duration::from_secs(2);

const CONTENT_TYPE: &str = "text/event-stream";

/// The events, with those of the call in `call=`.
pub(super) fn answer(
    asked: &MonitorRequest,
    door: &Arc<Door>,
    scene: &Arc<Scene>,
    open_pages: &Arc<OpenPages>,
) -> MonitorResponse {
    let open = match asked.parameter("call").map(row::call_id) {
        Some(None) => return MonitorResponse::refusal(StatusCode::BAD_REQUEST, "call names no call"),
        open => open.flatten(),
    };
    if asked.for_head() {
        return MonitorResponse::new(CONTENT_TYPE, "");
    }
    let Some(place) = door.place_to_go_on() else {
        return MonitorResponse::refusal(StatusCode::SERVICE_UNAVAILABLE, "too many follow already");
    };
    let (answer, pieces) = MonitorResponse::going_on(CONTENT_TYPE);
    tokio::spawn(follow(open.map(Open::new), pieces, place, scene.clone(), open_pages.clone()));
    answer
}

fn ring(scene: &Scene) -> Option<&Mutex<Ring>> {
    scene.driver.observers.as_ref()?.ring()
}

/// The call whose ladder is shown.
struct Open {
    call_id: Vec<u8>,
    /// The number of the newest entry that was drawn.
    drawn: u64,
    /// Before that it is not asked for again.
    not_before: Option<Instant>,
    interval: Duration,
    gone: bool,
}

impl Open {
    fn new(call_id: Vec<u8>) -> Open {
        Open { call_id, drawn: 0, not_before: None, interval: DRAW_INTERVAL, gone: false }
    }

    /// The next event about it, if there is one.
    async fn event(&mut self, scene: &Scene, open_pages: &OpenPages) -> Option<String> {
        let now = SystemClock.now();
        if self.not_before.is_some_and(|at| now < at) {
            return None;
        }
        let Some(last) = lock(ring(scene)?).last_of(&self.call_id) else {
            return (!std::mem::replace(&mut self.gone, true)).then(|| event("gone", "{}"));
        };
        self.gone = false;
        if last == self.drawn || !open_pages.may_draw(now, DRAW_LIMIT) {
            return None;
        }
        let drawn = scene.questions.ask(Topic::Ladder, &row::name(&self.call_id)).await;
        open_pages.drawn(now);
        let drawn = drawn.and_then(|text| String::from_utf8(text).ok());
        self.interval = match drawn {
            Some(_) => DRAW_INTERVAL,
            None => (self.interval * 2).min(LONGEST_INTERVAL),
        };
        self.not_before = Some(now + self.interval);
        match drawn {
            Some(text) => {
                self.drawn = last;
                Some(event("ladder", &text))
            }
            None => Some(event("silent", "{}")),
        }
    }
}

/// Sends what is there, and what comes, until the peer is gone or the engine ends.
async fn follow(
    mut open: Option<Open>,
    pieces: Pieces,
    _place: OwnedSemaphorePermit,
    scene: Arc<Scene>,
    open_pages: Arc<OpenPages>,
) {
    let clock: &dyn Clock = &SystemClock;
    let mut since = None;
    let mut looks = 0;
    loop {
        let mut text = calls(&scene, &open_pages, &mut since).unwrap_or_default();
        if let Some(open) = &mut open {
            text.extend(open.event(&scene, &open_pages).await);
        }
        looks += 1;
        if text.is_empty() && looks >= LOOKS_PER_SIGN {
            text.push_str(":\n\n");
        }
        if !text.is_empty() {
            looks = 0;
            tokio::select! {
                sent = pieces.send(Bytes::from(text)) => if sent.is_err() { return },
                () = scene.ends() => return,
            }
        }
        tokio::select! {
            () = clock.sleep(LOOK_INTERVAL) => {}
            () = pieces.closed() => return,
            () = scene.ends() => return,
        }
    }
}

/// The calls to which something has happened since the entry with this number; without one those of the whole list.
fn calls(scene: &Scene, open_pages: &OpenPages, since: &mut Option<u64>) -> Option<String> {
    let ring = ring(scene)?;
    let (names, summary) = {
        let ring = lock(ring);
        (ring.active_since(since.unwrap_or(0), MOST_CALLS), ring.summary(scene.driver.clock.now()))
    };
    let whole = since.replace(summary.last).is_none();
    if names.is_empty() && !whole {
        return None;
    }
    let rows: Vec<_> = names.iter().filter_map(|name| open_pages.row(ring, name, summary.began_at)).collect();
    let rest = json!({
        "server": scene.identity.name,
        "whole": whole,
        "now": row::seconds_since_1970(summary.began_at + summary.now),
        "most": MOST_CALLS.min(summary.calls),
    });
    let rest = rest.to_string();
    Some(event("calls", &format!("{{\"calls\":[{}],{}", rows.join(","), &rest[1..])))
}

fn event(name: &str, data: &str) -> String {
    let mut text = format!("event: {name}\n");
    for line in data.lines() {
        // Writing to memory does not fail.
        let _ = writeln!(text, "data: {line}");
    }
    text.push('\n');
    text
}
