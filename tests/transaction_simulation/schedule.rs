//! When the RFC wants a message to be sent again.

use std::time::{Duration, Instant};

const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);

/// The first sending and every retransmission before `end`: T1, then doubled, up to `longest` if there is one.
pub fn doubling(start: Instant, end: Instant, longest: Option<Duration>) -> Vec<Instant> {
    let mut times = vec![start];
    let mut interval = T1;
    let mut next = start + interval;
    while next < end {
        times.push(next);
        interval = (interval * 2).min(longest.unwrap_or(Duration::MAX));
        next += interval;
    }
    times
}

/// Timer A: doubled without limit.
pub fn invite(start: Instant, end: Instant) -> Vec<Instant> {
    doubling(start, end, None)
}

/// Timer G, and timer E of a request that gets no provisional response.
pub fn capped(start: Instant, end: Instant) -> Vec<Instant> {
    doubling(start, end, Some(T2))
}

/// Timer E of a request whose first provisional response comes at `provisional`.
pub fn slowed(start: Instant, provisional: Option<Instant>, end: Instant) -> Vec<Instant> {
    let Some(provisional) = provisional else { return capped(start, end) };
    // The interval that runs when the provisional arrives is not shortened: the first firing after it is as planned.
    let mut times = capped(start, provisional.min(end));
    let planned = capped(start, provisional + T2 * 2);
    let mut next = planned[times.len()];
    while next < end {
        times.push(next);
        next += T2;
    }
    times
}
