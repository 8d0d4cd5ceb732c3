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

/// Requests of a peer: as many as may wait at once, one on each connection, have their turn within a second.
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

/// Lets each connection come at its time.
#[derive(Debug, Default)]
pub(super) struct ConnectionPace(Mutex<Option<Instant>>);

impl ConnectionPace {
    /// Waits until one more may come.
    pub(super) async fn turn(&self) {
        let at = CONNECTIONS.book(&mut lock(&self.0), SystemClock.now());
        if let Some(at) = at {
            SystemClock.sleep_until(at).await;
        }
    }
}

/// Lets each request be answered at its time.
#[derive(Debug, Default)]
pub(super) struct RequestPace(Mutex<HashMap<Option<MonitorPeer>, Option<Instant>>>);

/// A turn that has not come. Who does not wait for it gives it back: who asks and leaves, however often, takes no time from others.
#[derive(Debug)]
struct Turn<'a> {
    pace: &'a RequestPace,
    /// With whom it is counted.
    peer: Option<MonitorPeer>,
    at: Instant,
    has_come: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.has_come {
            return;
        }
        if let Some(Some(over)) = lock(&self.pace.0).get_mut(&self.peer) {
            *over -= REQUESTS.interval;
        }
    }
}

impl RequestPace {
    /// Waits until one more of this peer may be answered.
    pub(super) async fn turn(&self, peer: MonitorPeer) {
        if let Some(mut turn) = self.book(peer, SystemClock.now()) {
            SystemClock.sleep_until(turn.at).await;
            turn.has_come = true;
        }
    }

    /// The turn of one more of this peer; `None` for at once.
    fn book(&self, peer: MonitorPeer, now: Instant) -> Option<Turn<'_>> {
        let mut overs = lock(&self.0);
        if overs.len() >= MOST_PEERS && !overs.contains_key(&Some(peer)) {
            overs.retain(|_, over| over.is_some_and(|over| over > now));
        }
        let apart = overs.len() < MOST_PEERS || overs.contains_key(&Some(peer));
        let peer = apart.then_some(peer);
        let at = REQUESTS.book(overs.entry(peer).or_default(), now)?;
        Some(Turn { pace: self, peer, at, has_come: false })
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
        MonitorPeer::Address(Ipv4Addr::from_bits(number as u32).into())
    }

    #[test]
    fn a_peer_without_end_takes_no_turn_of_others() {
        let (pace, now) = (RequestPace::default(), Instant::now());
        while pace.book(peer(1), now).is_none() {}
        assert!(pace.book(peer(2), now).is_none());
    }

    #[test]
    fn who_does_not_wait_for_its_turn_gives_it_back() {
        let (pace, now) = (RequestPace::default(), Instant::now());
        while pace.book(peer(1), now).is_none() {}
        let waiting: Vec<_> = (0..10).map(|_| pace.book(peer(1), now).expect("a wait")).collect();
        for _ in 0..1000 {
            drop(pace.book(peer(1), now));
        }
        let next = pace.book(peer(1), now).expect("a wait");
        assert_eq!([waiting[0].at, next.at], [now + REQUESTS.interval, now + 11 * REQUESTS.interval]);
    }

    #[tokio::test]
    async fn a_turn_that_has_come_is_used_up() {
        let pace = RequestPace::default();
        let began = Instant::now();
        for _ in 0..REQUESTS.burst + 4 {
            pace.turn(peer(1)).await;
        }
        assert!(began.elapsed() >= 2 * REQUESTS.interval);
    }

    #[test]
    fn so_many_peers_are_known_and_no_more() {
        let (pace, now) = (RequestPace::default(), Instant::now());
        for number in 0..3 * MOST_PEERS {
            pace.book(peer(number), now);
        }
        assert_eq!(lock(&pace.0).len(), MOST_PEERS + 1);
        assert!(pace.book(peer(3 * MOST_PEERS), now).is_some());
        assert!(pace.book(peer(3 * MOST_PEERS), now + Duration::from_secs(100)).is_none());
        assert_eq!(lock(&pace.0).len(), 1);
    }
}
