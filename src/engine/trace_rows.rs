//! The rows of the trace for who reads it. Each call is copied in a hold of its own, so that no call that is under way waits for
//! a reader.

use std::time::Instant;

use super::observers::Observers;
use crate::host::lock;
use crate::trace;

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
    /// The number to ask with for what comes after.
    pub last: u64,
}

impl Observers {
    /// The first row of a trace. `None`: the trace is off.
    pub fn trace_head(&self, now: Instant) -> Option<Vec<u8>> {
        let summary = lock(self.ring()?).summary(now);
        let mut line = Vec::new();
        trace::head(&mut line, &summary);
        Some(line)
    }

    /// The other rows. `None`: the trace is off.
    pub fn trace_rows(&self, query: &TraceQuery) -> Option<TraceRows> {
        let ring = self.ring()?;
        let since = query.since;
        let (names, others, last) = {
            let ring = lock(ring);
            let names = match &query.call_id {
                Some(call_id) => vec![call_id.clone().into()],
                None => ring.active_since(since, query.last.unwrap_or(usize::MAX)),
            };
            // A blacklisted target and a lost connection explain calls as well.
            (names, ring.others_since(since), ring.last())
        };
        let calls: Vec<_> =
            names.into_iter().filter_map(|name| Some((lock(ring).call_since(&name, since)?, name))).collect();
        let of_calls =
            calls.iter().flat_map(|(log, name)| log.since(since).map(move |entry| (Some(&**name), entry)));
        let of_none = others.iter().flat_map(|log| log.since(since).map(|entry| (None, entry)));
        let mut entries: Vec<_> = of_calls.chain(of_none).filter(|(_, entry)| entry.number <= last).collect();
        entries.sort_by_key(|(_, entry)| (entry.at, entry.number));
        let mut lines = Vec::new();
        entries.into_iter().for_each(|(name, entry)| trace::row(&mut lines, name, entry));
        for (log, name) in &calls {
            let left_out = log.left_out();
            if left_out.last > since {
                trace::left_out(&mut lines, name, left_out);
            }
        }
        Some(TraceRows { lines, last })
    }
}
