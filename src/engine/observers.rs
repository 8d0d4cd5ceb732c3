//! Who looks on: the ring of the trace, the metrics, the collectors. The driver tells them what comes, leaves, happens and runs; no
//! call waits for them, and a defect of theirs costs no call.

use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use super::clock::EngineClock;
use super::config::Config;
use super::events::Observe;
use super::guarded::guarded;
use super::hep::Collectors;
use super::random::system_random;
use crate::clock::Clock;
use crate::element::{Happening, Input};
use crate::host::lock;
use crate::metrics::Metrics;
use crate::observed::{BlockRun, Fate, FiveTuple, ObservedMessage};
use crate::trace::Ring;

/// Those who look on, as far as there are any.
#[derive(Debug)]
pub struct Observers {
    clock: Arc<EngineClock>,
    ring: Option<Mutex<Ring>>,
    metrics: Option<Arc<Metrics>>,
    collectors: Option<Arc<Collectors>>,
}

impl Observers {
    /// `None` when nobody looks on.
    pub(super) fn new(config: &Config, clock: Arc<EngineClock>) -> Option<Observers> {
        let ring = config.trace.map(|limits| {
            let mut random = system_random();
            let key = [(); 4].map(|()| random.number());
            Mutex::new(Ring::new(limits, clock.now(), clock.date(), key))
        });
        let metrics = config.metrics.then(|| Arc::new(Metrics::default()));
        let collectors = config.hep.as_ref().map(|settings| Arc::new(Collectors::new(settings)));
        let any = ring.is_some() || metrics.is_some() || collectors.is_some();
        any.then_some(Observers { clock, ring, metrics, collectors })
    }

    /// Whether any of them wants to know what the element does and which blocks run; collectors want messages alone.
    pub fn follow_calls(&self) -> bool {
        self.ring.is_some() || self.metrics.is_some()
    }

    /// The ring, unless the trace is off.
    pub fn ring(&self) -> Option<&Mutex<Ring>> {
        self.ring.as_ref()
    }

    /// The metrics, unless they are off.
    pub fn metrics(&self) -> Option<&Arc<Metrics>> {
        self.metrics.as_ref()
    }

    /// Who is told how long events wait for the script; `None`: nobody wants to know.
    pub(super) fn waits(&self) -> Option<Observe> {
        let metrics = self.metrics.clone()?;
        Some(Box::new(move |time| metrics.waited(time)))
    }

    /// The collectors, if there are any.
    pub fn collectors(&self) -> Option<&Arc<Collectors>> {
        self.collectors.as_ref()
    }

    /// Something has come for the element.
    pub(super) fn comes(&self, at: Instant, input: &Input) {
        let (message, source) = match input {
            Input::Message { message, source, .. } | Input::HeldResponse { message, source, .. } => {
                (message, source)
            }
            Input::Refused { request, source, .. } => (request, source),
            _ => return,
        };
        guarded(|| self.message(&ObservedMessage::received(at, message, source)));
    }

    /// A message was sent at that time, or should have been.
    pub(super) fn leaves(&self, at: Instant, wire: &[u8], between: FiveTuple, fate: Fate) {
        guarded(|| self.message(&ObservedMessage::sent(at, wire, between, fate)));
    }

    fn message(&self, message: &ObservedMessage<'_>) {
        if let Some(ring) = &self.ring {
            lock(ring).message(message);
        }
        if let Some(metrics) = &self.metrics {
            metrics.message(message);
        }
        if let Some(collectors) = &self.collectors {
            collectors.hand(message, self.date_of(message.at));
        }
    }

    /// The date at a time that is over: a send takes a while, and an answer may be here before its end.
    fn date_of(&self, at: Instant) -> SystemTime {
        let (date, since) = (self.clock.date(), self.clock.now().saturating_duration_since(at));
        date.checked_sub(since).unwrap_or(date)
    }

    /// The element has done something.
    pub(super) fn happened(&self, at: Instant, happening: &Happening) {
        guarded(|| {
            if let Some(ring) = &self.ring {
                lock(ring).happened(at, happening);
            }
            if let Some(metrics) = &self.metrics {
                metrics.happened(happening);
            }
        });
    }

    /// A block of the script has run.
    pub fn block_ran(&self, run: &BlockRun<'_>) {
        guarded(|| {
            if let Some(ring) = &self.ring {
                lock(ring).block_ran(run);
            }
            if let Some(metrics) = &self.metrics {
                metrics.block_ran(run);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn collectors_get_the_date_of_the_message_whenever_they_get_it() {
        let clock = Arc::new(EngineClock::default());
        let observers = Observers { clock: clock.clone(), ring: None, metrics: None, collectors: None };
        clock.freeze();
        let at = clock.now();
        assert_eq!(observers.date_of(at), clock.date());
        assert_eq!(observers.date_of(at - Duration::from_secs(5)), clock.date() - Duration::from_secs(5));
    }
}
