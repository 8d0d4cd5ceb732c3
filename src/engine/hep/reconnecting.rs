//! A collector that is lost is tried again later, after a pause that grows as long as it does not stay.

use std::convert::Infallible;
use std::time::Duration;

use super::address::Carrier;
use super::collector::Collector;
use super::{tcp, udp};
use crate::clock::Clock;
use crate::engine::clock::SystemClock;

/// How long a lost collector is left alone: the first time, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Sends what is queued, for ever.
pub(super) async fn send(collector: &Collector) -> Infallible {
    let clock: &dyn Clock = &SystemClock;
    let mut pause = FIRST_PAUSE;
    loop {
        let begun = clock.now();
        let error = match collector.address().carrier {
            Carrier::Udp => udp::send(collector).await,
            Carrier::Tcp => tcp::send(collector).await,
        };
        collector.is_lost(&error);
        if clock.now() - begun > LONGEST_PAUSE {
            pause = FIRST_PAUSE;
        }
        clock.sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
