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
    /// The call went to make room before all of it was copied.
    pub(super) is_gone: bool,
}

/// What is sent of a trace before anything new comes.
pub(super) struct TracePieces<T> {
    /// In their order.
    pub(super) pieces: T,
    /// How far they go.
    pub(super) reached: TracePosition,
    /// Whether calls went to which something had happened after what was read before: not where nothing was, nor where one call is asked
    /// for.
    pub(super) missed: bool,
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
        let others = others(ring, since, last);
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

    /// The other rows in pieces of some lines each, for who takes them one after the other. `None`: the trace is off.
    pub(super) fn trace_pieces(
        &self,
        query: &TraceQuery,
    ) -> Option<TracePieces<impl Iterator<Item = TracePiece> + '_>> {
        Some(pieces(self.ring()?, query))
    }
}

/// The rows in pieces: first what belongs to no call, then call by call.
fn pieces<'a>(
    ring: &'a Mutex<Ring>,
    query: &TraceQuery,
) -> TracePieces<impl Iterator<Item = TracePiece> + 'a> {
    let (since, asks_for_all) = (query.since, query.call_id.is_none());
    let ReadPlan { names, reached, missed } = ReadPlan::begin(ring, query);
    let last = reached.last;
    let of_none = others(ring, since, last)
        .map(move |part| TracePiece { lines: rows(None, &part, last), ..Default::default() });
    let of_calls = names.into_iter().flat_map(move |name| {
        let mut rest = Some(since);
        std::iter::from_fn(move || {
            let number = rest.take()?;
            let Some((part, newest)) = part_of_call(ring, &name, number) else {
                // Nobody has promised that there is a call with the name that is asked for.
                return Some(TracePiece { is_gone: asks_for_all || number > since, ..Default::default() });
            };
            rest = part.newest().filter(|number| *number < newest.min(last));
            let left_out = left_out(&part, since).filter(|_| rest.is_none());
            let left_out = left_out.map(|left_out| (name.clone(), left_out));
            Some(TracePiece { lines: rows(Some(&name), &part, last), left_out, is_gone: false })
        })
    });
    let missed = missed && asks_for_all && since > 0;
    TracePieces { pieces: of_none.chain(of_calls), reached, missed }
}

/// A part of a call after the entry with this number, and the number of its newest entry. `None`: it is not kept.
fn part_of_call(ring: &Mutex<Ring>, call_id: &[u8], since: u64) -> Option<(Log, u64)> {
    let ring = lock(ring);
    Some((ring.call_since(call_id, since)?, ring.last_of(call_id)?))
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

/// A copy of what is kept of a call after the entry with this number. `None`: it is not kept, or no more before all was copied.
pub(super) fn copy(ring: &Mutex<Ring>, call_id: &[u8], since: u64) -> Option<Log> {
    let (mut log, mut newest) = part_of_call(ring, call_id, since)?;
    while let Some(number) = log.newest().filter(|number| *number < newest) {
        let (next, last) = part_of_call(ring, call_id, number)?;
        newest = last;
        if !log.append(next) {
            break;
        }
    }
    Some(log)
}

/// What belongs to no call between two numbers, copied part by part.
fn others(ring: &Mutex<Ring>, since: u64, last: u64) -> impl Iterator<Item = Log> + '_ {
    let mut next = Some(since);
    std::iter::from_fn(move || {
        let number = next.take().filter(|number| *number < last)?;
        let part = lock(ring).others_since(number);
        next = part.newest();
        next.is_some().then_some(part)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Transport;
    use crate::observed::{Fate, FiveTuple, ObservedMessage};
    use crate::trace::TraceLimits;
    use std::time::SystemTime;

    /// So long that few of them are copied at a time.
    const LONG: usize = 60_000;

    fn ring(calls: usize) -> Mutex<Ring> {
        let limits = TraceLimits { calls, bytes: 16 << 20, sample: 1.0 };
        Mutex::new(Ring::new(limits, Instant::now(), SystemTime::UNIX_EPOCH, [1, 2, 3, 4]))
    }

    /// Messages of a call come.
    fn tell(ring: &Mutex<Ring>, call_id: &str, messages: usize) {
        let wire =
            format!("OPTIONS sip:b SIP/2.0\r\nCall-ID: {call_id}\r\nSubject: {}\r\n\r\n", "x".repeat(LONG));
        let remote = ([192, 0, 2, 1], 5060).into();
        let between = FiveTuple { transport: Transport::Tcp, local: None, remote, connection: None };
        let message = ObservedMessage::sent(Instant::now(), wire.as_bytes(), between, Fate::Sent);
        (0..messages).for_each(|_| lock(ring).message(&message));
    }

    fn rows_in(piece: &TracePiece) -> usize {
        piece.lines.iter().filter(|byte| **byte == b'\n').count()
    }

    #[test]
    fn calls_that_go_while_pieces_are_taken_are_said_to_be_gone() {
        let ring = ring(3);
        [("a", 1), ("b", 10), ("c", 1)].into_iter().for_each(|(call, messages)| tell(&ring, call, messages));
        let mut pieces = pieces(&ring, &TraceQuery::default()).pieces;
        let whole = pieces.next().expect("a piece of a");
        assert_eq!((rows_in(&whole), whole.is_gone), (1, false));
        let part = pieces.next().expect("a part of b");
        assert!((1..10).contains(&rows_in(&part)) && !part.is_gone);
        ["d", "e", "f"].into_iter().for_each(|call| tell(&ring, call, 1));
        let rest: Vec<_> = pieces.map(|piece| (rows_in(&piece), piece.is_gone)).collect();
        assert_eq!(rest, [(0, true), (0, true)], "of b, which was there in part, and of c");
    }

    #[test]
    fn calls_that_go_after_they_were_taken_are_not() {
        let ring = ring(2);
        ["a", "b"].into_iter().for_each(|call| tell(&ring, call, 1));
        let mut pieces = pieces(&ring, &TraceQuery::default()).pieces;
        assert!(pieces.next().is_some_and(|piece| rows_in(&piece) == 1));
        tell(&ring, "c", 1);
        let rest: Vec<_> = pieces.map(|piece| (rows_in(&piece), piece.is_gone)).collect();
        assert_eq!(rest, [(1, false)]);
    }

    #[test]
    fn who_has_read_some_learns_that_calls_went_since_and_who_asks_for_one_call_does_not() {
        let ring = ring(2);
        ["a", "b", "c", "d"].into_iter().for_each(|call| tell(&ring, call, 1));
        let missed = |call_id: Option<&[u8]>, since| {
            let call_id = call_id.map(<[u8]>::to_vec);
            pieces(&ring, &TraceQuery { call_id, since, last: None }).missed
        };
        assert_eq!([0, 1, 2].map(|since| missed(None, since)), [false, true, false]);
        assert!(!missed(Some(b"c"), 1));
        let gone = TraceQuery { call_id: Some(b"a".to_vec()), ..Default::default() };
        assert!(pieces(&ring, &gone).pieces.all(|piece| !piece.is_gone));
    }
}
