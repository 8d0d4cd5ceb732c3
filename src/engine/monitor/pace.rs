//! How fast strangers may come and ask: one who does it without end must not take the processor from calls, nor their turn from others.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::connection_places::MonitorPeer;
use crate::clock::Clock;
use crate::engine::SystemClock;
use crate::host::lock;

/// Connections of all peers: to accept one costs little, and who has to wait behind idle ones gets no answer meanwhile.
const CONNECTIONS: Rate = Rate { interval: Duration::from_millis(1), burst: 1000 };

/// Requests of a peer.
const REQUESTS: Rate = Rate { interval: Duration::from_millis(20), burst: 50 };

/// Peers whose requests are counted apart; all others count together.
const MOST_PEERS: usize = 1024;

/// How many may go on.
#[derive(Debug, Clone, Copy)]
struct Rate {
    /// Time between two of a long row.
    interval: Duration,
    /// So many at once, after a while without any.
    burst: u32,
}

impl Rate {
    /// When one more may go on; `None` for at once. `over` is when those so far would have been over at an even pace.
    fn book(self, over: &mut Option<Instant>, now: Instant) -> Option<Instant> {
        let at = over.unwrap_or(now).max(now);
        *over = Some(at + self.interval);
        let begins = at.checked_sub(self.interval * self.burst)?;
        (begins > now).then_some(begins)
    }
}

async fn wait(at: Option<Instant>) {
    if let Some(at) = at {
        SystemClock.sleep_until(at).await;
    }
}

/// Lets each connection come at its time.
#[derive(Debug, Default)]
pub(super) struct ConnectionPace(Mutex<Option<Instant>>);

impl ConnectionPace {
    /// Waits until one more may come.
    pub(super) async fn turn(&self) {
        let at = CONNECTIONS.book(&mut lock(&self.0), SystemClock.now());
        wait(at).await;
    }
}

/// Lets each request be answered at its time.
#[derive(Debug, Default)]
pub(super) struct RequestPace(Mutex<HashMap<Option<MonitorPeer>, Option<Instant>>>);

impl RequestPace {
    /// Waits until one more of this peer may be answered.
    pub(super) async fn turn(&self, peer: MonitorPeer) {
        let at = self.book(peer, SystemClock.now());
        wait(at).await;
    }

    fn book(&self, peer: MonitorPeer, now: Instant) -> Option<Instant> {
        let mut overs = lock(&self.0);
        if overs.len() >= MOST_PEERS && !overs.contains_key(&Some(peer)) {
            overs.retain(|_, over| over.is_some_and(|over| over > now));
        }
        let apart = overs.len() < MOST_PEERS || overs.contains_key(&Some(peer));
        REQUESTS.book(overs.entry(apart.then_some(peer)).or_default(), now)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_few_go_on_at_once_and_a_long_row_at_an_even_pace() {
        let (mut over, now) = (None, Instant::now());
        let at_once = (0..).take_while(|_| REQUESTS.book(&mut over, now).is_none()).count();
        assert_eq!(at_once as u32, REQUESTS.burst + 1);
        let (first, second) = (REQUESTS.book(&mut over, now), REQUESTS.book(&mut over, now));
        assert_eq!((first, second), (Some(now + 2 * REQUESTS.interval), Some(now + 3 * REQUESTS.interval)));
    }

    #[test]
    fn after_a_while_a_few_go_on_at_once_again() {
        let (mut over, now) = (None, Instant::now());
        let row: Vec<_> = (0..2 * REQUESTS.burst).map(|_| REQUESTS.book(&mut over, now)).collect();
        assert!(row.last().is_some_and(Option::is_some));
        assert_eq!(REQUESTS.book(&mut over, now + 3 * REQUESTS.burst * REQUESTS.interval), None);
    }

    fn peer(number: usize) -> MonitorPeer {
        MonitorPeer::at(Ipv4Addr::from_bits(number as u32).into())
    }

    #[test]
    fn a_peer_without_end_takes_no_turn_of_others() {
        let (pace, now) = (RequestPace::default(), Instant::now());
        while pace.book(peer(1), now).is_none() {}
        assert_eq!(pace.book(peer(2), now), None);
    }

    #[test]
    fn so_many_peers_are_known_and_no_more() {
        let (pace, now) = (RequestPace::default(), Instant::now());
        for number in 0..3 * MOST_PEERS {
            pace.book(peer(number), now);
        }
        assert_eq!(lock(&pace.0).len(), MOST_PEERS + 1);
        assert!(pace.book(peer(3 * MOST_PEERS), now).is_some());
        assert_eq!(pace.book(peer(3 * MOST_PEERS), now + Duration::from_secs(100)), None);
        assert_eq!(lock(&pace.0).len(), 1);
    }
}
