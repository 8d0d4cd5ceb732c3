//! `/trace`: what calls have done, a row of JSON in each line, and on wish what they do from now on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use tokio::sync::OwnedSemaphorePermit;

use super::answer::{Answer, Pieces};
use super::asked::Asked;
use super::door::Door;
use super::scene::Scene;
use crate::clock::Clock;
use crate::engine::observers::Observers;
use crate::engine::trace_rows::{TraceQuery, TraceRows};
use crate::engine::SystemClock;

/// How often it is looked for what is new: no call tells of it.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// After how many looks without anything new an empty line shows that both ends are there: 5 seconds.
const LOOKS_PER_SIGN: u32 = 50;

/// Lines of JSON.
const KIND: &str = "application/x-ndjson";

/// Why there are no rows.
const OFF: &str = "the trace is off (trace: enabled)";

/// The rows that are asked for: `last=N`, `call_id=X`, `since=SEQ`; with `follow=1` the answer goes on.
pub(super) fn answer(asked: &Asked, door: &Arc<Door>, scene: &Arc<Scene>) -> Answer {
    let query = match query(asked) {
        Ok(query) => query,
        Err(reason) => return Answer::refusal(StatusCode::BAD_REQUEST, &reason),
    };
    let head = observers(scene).and_then(|observers| observers.trace_head(scene.driver.clock.now()));
    let (Some(head), Some(rows)) = (head, read(scene, &query)) else {
        return Answer::refusal(StatusCode::NOT_FOUND, OFF);
    };
    let begin = [head, rows.lines].concat();
    if !asked.flag("follow") || asked.for_head() {
        return Answer::new(KIND, begin);
    }
    let Some(place) = door.place_to_go_on() else {
        return Answer::refusal(StatusCode::SERVICE_UNAVAILABLE, "too many follow already");
    };
    let (answer, pieces) = Answer::going_on(KIND);
    let query = TraceQuery { last: None, since: rows.last, ..query };
    tokio::spawn(follow(begin.into(), query, pieces, place, scene.clone()));
    answer
}

fn query(asked: &Asked) -> Result<TraceQuery, String> {
    Ok(TraceQuery {
        last: asked.number("last")?.map(|number| usize::try_from(number).unwrap_or(usize::MAX)),
        call_id: asked.parameter("call_id").map(|call_id| call_id.as_bytes().to_vec()),
        since: asked.number("since")?.unwrap_or(0),
    })
}

fn observers(scene: &Scene) -> Option<&Observers> {
    scene.driver.observers.as_ref()
}

fn read(scene: &Scene, query: &TraceQuery) -> Option<TraceRows> {
    observers(scene)?.trace_rows(query)
}

/// Sends what is there, and what comes, until the peer is gone or the engine ends.
async fn follow(
    begin: Bytes,
    mut query: TraceQuery,
    pieces: Pieces,
    _place: OwnedSemaphorePermit,
    scene: Arc<Scene>,
) {
    let clock: &dyn Clock = &SystemClock;
    let mut next = Some(begin);
    let mut looks = 0;
    loop {
        if let Some(piece) = next.take().filter(|piece| !piece.is_empty()) {
            looks = 0;
            tokio::select! {
                sent = pieces.send(piece) => if sent.is_err() { return },
                () = scene.ends() => return,
            }
        }
        tokio::select! {
            () = clock.sleep(LOOK_INTERVAL) => {}
            () = pieces.closed() => return,
            () = scene.ends() => return,
        }
        looks += 1;
        let Some(rows) = read(&scene, &query) else { return };
        query.since = rows.last;
        next = Some(match rows.lines {
            lines if lines.is_empty() && looks >= LOOKS_PER_SIGN => Bytes::from_static(b"\n"),
            lines => lines.into(),
        });
    }
}
