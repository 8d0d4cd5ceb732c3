//! `/trace`: what calls have done, a row of JSON in each line, and on wish what they do from now on.

use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{Engine as _, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use hyper::StatusCode;
use tokio::sync::OwnedSemaphorePermit;

use super::door::Door;
use super::monitor_request::MonitorRequest;
use super::monitor_response::{MonitorResponse, Pieces};
use super::scene::Scene;
use crate::clock::Clock;
use crate::engine::observers::Observers;
use crate::engine::trace_rows::{ToldLeftOut, TracePiece, TracePieces, TracePosition, TraceQuery, TraceRows};
use crate::engine::SystemClock;

/// How often it is looked for what is new: no call tells of it.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// After how many looks without anything new an empty line shows that both ends are there: 5 seconds.
const LOOKS_PER_SIGN: u32 = 50;

/// Lines of JSON.
const CONTENT_TYPE: &str = "application/x-ndjson";

/// Why there are no rows.
const OFF: &str = "the trace is off (trace: enabled)";

/// The rows that are asked for: `last=N`, `call_id=X` or `id=BASE64URL`, `since=SEQ`; with `follow=1` the answer goes on.
pub(super) fn answer(asked: &MonitorRequest, door: &Arc<Door>, scene: &Arc<Scene>) -> MonitorResponse {
    let query = match query(asked) {
        Ok(query) => query,
        Err(reason) => return MonitorResponse::refusal(StatusCode::BAD_REQUEST, &reason),
    };
    let head = observers(scene).and_then(|observers| observers.trace_head(scene.driver.clock.now()));
    let Some(head) = head else { return MonitorResponse::refusal(StatusCode::NOT_FOUND, OFF) };
    if !asked.flag("follow") || asked.for_head() {
        let (answer, pieces) = MonitorResponse::in_pieces(CONTENT_TYPE);
        if !asked.for_head() {
            let scene = scene.clone();
            tokio::spawn(async move {
                send_kept(head.into(), &query, &mut ToldLeftOut::default(), &pieces, &scene).await
            });
        }
        return answer;
    }
    let Some(place) = door.place_to_go_on() else {
        return MonitorResponse::refusal(StatusCode::SERVICE_UNAVAILABLE, "too many follow already");
    };
    let (answer, pieces) = MonitorResponse::going_on(CONTENT_TYPE);
    tokio::spawn(follow(head.into(), query, pieces, place, scene.clone()));
    answer
}

fn query(asked: &MonitorRequest) -> Result<TraceQuery, String> {
    Ok(TraceQuery {
        last: asked.number("last")?.map(|number| usize::try_from(number).unwrap_or(usize::MAX)),
        call_id: call_id(asked)?,
        since: asked.number("since")?.unwrap_or(0),
    })
}

/// `id` has the bytes of a Call-ID that is no UTF-8, as its rows have them.
fn call_id(asked: &MonitorRequest) -> Result<Option<Vec<u8>>, String> {
    let Some(id) = asked.parameter("id") else {
        return Ok(asked.parameter("call_id").map(|call_id| call_id.as_bytes().to_vec()));
    };
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(id);
    decoded.map(Some).map_err(|_| "id has to be a Call-ID in base64url".to_owned())
}

fn observers(scene: &Scene) -> Option<&Observers> {
    scene.driver.observers.as_ref()
}

fn read(scene: &Scene, query: &TraceQuery, told: &mut ToldLeftOut) -> Option<TraceRows> {
    observers(scene)?.trace_rows(query, told)
}

fn missed_row(scene: &Scene, calls: u64) -> Option<Vec<u8>> {
    observers(scene)?.missed_row(scene.driver.clock.now(), calls)
}

/// Sends what is there. Hands out how far that goes; `None`: nobody takes it any more.
async fn send_kept(
    head: Bytes,
    query: &TraceQuery,
    told: &mut ToldLeftOut,
    pieces: &Pieces,
    scene: &Scene,
) -> Option<TracePosition> {
    let TracePieces { pieces: kept, reached, missed } = observers(scene)?.trace_pieces(query)?;
    send(head, pieces, scene).await?;
    // No more than so many: each has an entry that was not read.
    let mut gone = if missed { reached.dropped.min(reached.last - query.since) } else { 0 };
    for TracePiece { mut lines, left_out, is_gone } in kept {
        gone += u64::from(is_gone);
        if let Some((call_id, left_out)) = left_out {
            told.tell(&mut lines, &call_id, left_out);
        }
        if !lines.is_empty() {
            send(lines.into(), pieces, scene).await?;
        }
        // Each piece has taken its time, and others have something to do.
        tokio::task::yield_now().await;
    }
    if gone > 0 {
        send(missed_row(scene, gone)?.into(), pieces, scene).await?;
    }
    Some(reached)
}

async fn send(piece: Bytes, pieces: &Pieces, scene: &Scene) -> Option<()> {
    tokio::select! {
        sent = pieces.send(piece) => sent.ok(),
        () = scene.ends() => None,
    }
}

/// Sends what is there, and what comes, until the peer is gone or the engine ends.
async fn follow(
    head: Bytes,
    mut query: TraceQuery,
    pieces: Pieces,
    _place: OwnedSemaphorePermit,
    scene: Arc<Scene>,
) {
    let mut told = ToldLeftOut::default();
    let Some(mut reached) = send_kept(head, &query, &mut told, &pieces, &scene).await else { return };
    query.last = None;
    let clock: &dyn Clock = &SystemClock;
    let mut looks = 0;
    loop {
        tokio::select! {
            () = clock.sleep(LOOK_INTERVAL) => {}
            () = pieces.closed() => return,
            () = scene.ends() => return,
        }
        looks += 1;
        query.since = reached.last;
        let Some(mut rows) = read(&scene, &query, &mut told) else { return };
        if rows.missed && query.call_id.is_none() {
            let calls = (rows.reached.dropped - reached.dropped).max(1);
            rows.lines.extend(missed_row(&scene, calls).unwrap_or_default());
        }
        reached = rows.reached;
        let piece = match rows.lines {
            lines if lines.is_empty() && looks < LOOKS_PER_SIGN => continue,
            lines if lines.is_empty() => Bytes::from_static(b"\n"),
            lines => lines.into(),
        };
        looks = 0;
        if send(piece, &pieces, &scene).await.is_none() {
            return;
        }
    }
}
