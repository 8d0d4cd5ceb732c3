//! Hands messages to HEP3 collectors such as Homer, any number of them, by UDP or TCP.
//!
//! Whoever has sent or received a message only makes the packet and puts it into the queue of each collector ([`Collectors::hand`]).
//! A thread that no call waits for sends what waits there ([`Collectors::run`]). So a collector that is dead, slow or refuses costs
//! packets, which are counted, and the bounded memory of its queue, and nothing else.

mod address;
mod collector;
mod reconnecting;
mod tcp;
mod udp;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;

use self::collector::Collector;
use super::clock::SystemClock;
use crate::clock::Clock;
use crate::hep::Agent;
use crate::observed::{Fate, ObservedMessage};

pub use self::address::{Carrier, CollectorAddress, NoCollectorAddress};
pub use self::collector::CollectorState;

/// How long queued packets may take to leave when the engine stops, and how often that is looked at.
const FLUSH_LIMIT: Duration = Duration::from_millis(300);
const LOOK: Duration = Duration::from_millis(5);

/// Who captures, and for whom.
#[derive(Debug, Clone)]
pub struct HepSettings {
    /// What stands in each packet.
    pub agent: Agent,
    /// Where the collectors are.
    pub collectors: Vec<CollectorAddress>,
}

/// The collectors of an engine.
#[derive(Debug)]
pub struct Collectors {
    agent: Agent,
    collectors: Vec<Arc<Collector>>,
}

impl Collectors {
    /// Those of the settings. Nothing is sent before [`Collectors::run`].
    pub fn new(settings: &HepSettings) -> Collectors {
        let collectors = settings.collectors.iter().cloned().map(|address| Arc::new(Collector::new(address)));
        Collectors { agent: settings.agent.clone(), collectors: collectors.collect() }
    }

    /// Queues a message that came or left at this date for each of them; one that has not left goes to nobody. It waits for nobody.
    pub fn hand(&self, message: &ObservedMessage<'_>, date: SystemTime) {
        if message.fate == Fate::Refused {
            return;
        }
        match self.agent.packet(message, date) {
            Some(packet) => self.collectors.iter().for_each(|collector| collector.push(packet.clone())),
            None => self.collectors.iter().for_each(|collector| collector.lose()),
        }
    }

    /// How it stands with each of them, in the order of the settings.
    pub fn states(&self) -> Vec<CollectorState> {
        self.collectors.iter().map(|collector| collector.state()).collect()
    }

    /// Sends what is queued until `stop` ends; then what waits may still leave, for a moment.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut sending = JoinSet::new();
        for collector in &self.collectors {
            let collector = collector.clone();
            sending.spawn(async move { reconnecting::send(&collector).await });
        }
        stop.await;
        let clock: &dyn Clock = &SystemClock;
        let flushed = async {
            while self.collectors.iter().any(|collector| collector.has_something_to_send()) {
                clock.sleep(LOOK).await;
            }
        };
        // Whoever does not take them in time does not get them.
        let _ = clock.timeout(FLUSH_LIMIT, flushed).await;
    }
}
