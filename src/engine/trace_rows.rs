//! The rows of the trace for who reads it. Calls are copied part by part, each in a hold of its own, so that whoever adds to the ring
//! waits for a short copy at most.

use std::sync::Mutex;
use std::time::Instant;

use super::observers::Observers;
use crate::host::lock;
use crate::trace::{self, LeftOut, Log, Ring};

/// What somebody wants to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceQuery {
    /// Only the calls that were active last, this many.
    pub last: Option<usize>,
    /// Only this call.
    pub call_id: Option<Vec<u8>>,
    /// Only what came after the entry with this number.
    pub since: u64,
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceRows {
    /// A row in each line, by the time of what it tells.
    pub lines: Vec<u8>,
    /// How far that goes.
    pub reached: TracePosition,
    /// Whether there was more: calls went to make room before they could be read.
    pub missed: bool,
}

/// How far somebody has read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TracePosition {
    /// The number to ask with for what comes after.
    pub last: u64,
    /// How many calls had gone to make room by then.
    pub dropped: u64,
}

/// Calls of which it is remembered what a follower was told: few have used up their share at a time.
const MOST_TOLD: usize = 64;

/// What somebody who follows calls was told of what they were not given room for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldLeftOut(Vec<(Box<[u8]>, LeftOut)>);

impl ToldLeftOut {
    /// Adds the row that says what has come since this was told of the call.
    pub(super) fn tell(&mut self, lines: &mut Vec<u8>, call_id: &[u8], left_out: LeftOut) {
        let known = self.0.iter().position(|(told, _)| **told == *call_id);
        let former = known.map_or_else(LeftOut::default, |place| self.0.remove(place).1);
        let news = left_out.since(former);
        if news.entries > 0 {
            trace::left_out(lines, call_id, news);
        }
        if self.0.len() >= MOST_TOLD {
            self.0.remove(0);
        }
        self.0.push((call_id.into(), left_out));
    }
}

/// Some lines of a trace.
#[derive(Debug, Default)]
pub(super) struct TracePiece {
    /// A row in each.
    pub(super) lines: Vec<u8>,
    /// Behind them: the call that they are of, and what it was not given room for.
    pub(super) left_out: Option<(Box<[u8]>, LeftOut)>,
}

impl Observers {
    /// The first row of a trace. `None`: the trace is off.
    pub fn trace_head(&self, now: Instant) -> Option<Vec<u8>> {
        let summary = lock(self.ring()?).summary(now);
        let mut line = Vec::new();
        trace::head(&mut line, &summary);
        Some(line)
    }

    /// The other rows, by the time of what they tell; of what was left out, what was not told yet. `None`: the trace is off.
    pub fn trace_rows(&self, query: &TraceQuery, told: &mut ToldLeftOut) -> Option<TraceRows> {
        let ring = self.ring()?;
        let since = query.since;
        let ReadPlan { names, reached, missed } = ReadPlan::begin(ring, query);
        let last = reached.last;
        let wanted = names.len();
        let others = parts(since, last, |number| Some(lock(ring).others_since(number)));
        let calls: Vec<_> =
            names.into_iter().filter_map(|name| Some((copy(ring, &name, since)?, name))).collect();
        let of_calls =
            calls.iter().flat_map(|(log, name)| log.since(since).map(move |entry| (Some(&**name), entry)));
        let others: Vec<Log> = others.collect();
        let of_none = others.iter().flat_map(|log| log.since(since).map(|entry| (None, entry)));
        let mut entries: Vec<_> = of_calls.chain(of_none).filter(|(_, entry)| entry.number <= last).collect();
        entries.sort_by_key(|(_, entry)| (entry.at, entry.number));
        let mut lines = Vec::new();
        entries.into_iter().for_each(|(name, entry)| trace::row(&mut lines, name, entry));
        for (log, name) in &calls {
            if let Some(left_out) = left_out(log, since) {
                told.tell(&mut lines, name, left_out);
            }
        }
        let missed = missed || (query.call_id.is_none() && calls.len() < wanted);
        Some(TraceRows { lines, reached, missed })
    }

    /// The row that tells who follows calls that some went before they could be read, no more than so many. `None`: the trace is off.
    pub fn missed_row(&self, now: Instant, calls: u64) -> Option<Vec<u8>> {
        let summary = lock(self.ring()?).summary(now);
        let mut line = Vec::new();
        trace::missed(&mut line, summary.now, calls);
        Some(line)
    }

    /// The other rows in pieces of some lines each, for who takes them one after the other: first what belongs to no call, then call by
    /// call. With it how far they go. `None`: the trace is off.
    pub(super) fn trace_pieces(
        &self,
        query: &TraceQuery,
    ) -> Option<(impl Iterator<Item = TracePiece> + '_, TracePosition)> {
        let ring = self.ring()?;
        let since = query.since;
        let ReadPlan { names, reached, .. } = ReadPlan::begin(ring, query);
        let last = reached.last;
        let others = parts(since, last, |number| Some(lock(ring).others_since(number)));
        let of_none = others.map(move |part| TracePiece { lines: rows(None, &part, last), left_out: None });
        let of_calls = names.into_iter().flat_map(move |name| {
            let asked = name.clone();
            let parts = parts(since, last, move |number| lock(ring).call_since(&asked, number));
            let mut parts = parts.peekable();
            std::iter::from_fn(move || {
                let part = parts.next()?;
                let lines = rows(Some(&name), &part, last);
                let left_out = left_out(&part, since).filter(|_| parts.peek().is_none());
                Some(TracePiece { lines, left_out: left_out.map(|left_out| (name.clone(), left_out)) })
            })
        });
        Some((of_none.chain(of_calls), reached))
    }
}

/// What somebody is about to read.
struct ReadPlan {
    /// The Call-IDs.
    names: Vec<Box<[u8]>>,
    /// Up to there.
    reached: TracePosition,
    /// Whether calls went to which something had happened after what was read before.
    missed: bool,
}

impl ReadPlan {
    fn begin(ring: &Mutex<Ring>, query: &TraceQuery) -> ReadPlan {
        let ring = lock(ring);
        let names = match &query.call_id {
            Some(call_id) => vec![call_id.clone().into()],
            None => ring.active_since(query.since, query.last.unwrap_or(usize::MAX)),
        };
        let reached = TracePosition { last: ring.last(), dropped: ring.dropped() };
        ReadPlan { names, reached, missed: ring.has_dropped_since(query.since) }
    }
}

/// A copy of what is kept of a call after the entry with this number. `None`: it is not kept.
pub(super) fn copy(ring: &Mutex<Ring>, call_id: &[u8], since: u64) -> Option<Log> {
    let mut log = lock(ring).call_since(call_id, since)?;
    while let Some(number) = log.newest() {
        let next = lock(ring).call_since(call_id, number);
        if !next.is_some_and(|next| log.append(next)) {
            break;
        }
    }
    Some(log)
}

/// What comes between two numbers, copied part by part. Where nothing but what was left out is new, that is a part.
fn parts<'a>(
    since: u64,
    last: u64,
    mut copy: impl FnMut(u64) -> Option<Log> + 'a,
) -> impl Iterator<Item = Log> + 'a {
    let mut next = Some(since);
    std::iter::from_fn(move || {
        let number = next.take().filter(|number| *number == since || *number < last)?;
        let part = copy(number)?;
        next = part.newest();
        (next.is_some() || number == since).then_some(part)
    })
}

fn rows(call_id: Option<&[u8]>, part: &Log, last: u64) -> Vec<u8> {
    let mut lines = Vec::new();
    let entries = part.since(0).take_while(|entry| entry.number <= last);
    entries.for_each(|entry| trace::row(&mut lines, call_id, entry));
    lines
}

fn left_out(log: &Log, since: u64) -> Option<LeftOut> {
    Some(log.left_out()).filter(|left_out| left_out.last > since)
}
