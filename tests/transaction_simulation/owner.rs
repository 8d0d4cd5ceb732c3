//! What the owner of a machine keeps for it, and the duties of a machine towards its owner.

use std::time::Instant;

use oversip::transaction::Timer;

/// The timers and the end of one machine.
#[derive(Default)]
pub struct Owner {
    armed: Vec<(Timer, Instant)>,
    /// When the machine terminated.
    pub over: Option<Instant>,
}

impl Owner {
    /// To be called before each effect is carried out.
    pub fn expect_alive(&self) {
        assert!(self.over.is_none(), "an effect after Terminated");
    }

    pub fn arm(&mut self, now: Instant, timer: Timer, at: Instant) {
        assert!(at > now, "timer {timer:?} is set to a time that is not ahead");
        self.armed.retain(|(known, _)| *known != timer);
        self.armed.push((timer, at));
    }

    pub fn stop(&mut self, timer: Timer) {
        let before = self.armed.len();
        self.armed.retain(|(known, _)| *known != timer);
        assert!(self.armed.len() < before, "timer {timer:?} is stopped but does not run");
    }

    pub fn terminated(&mut self, now: Instant) {
        self.over = Some(now);
        self.armed.clear();
    }

    /// Whether this firing is due. One that is not comes from a queue that forgets lazily, and may have no effect.
    pub fn due(&mut self, now: Instant, timer: Timer) -> bool {
        let before = self.armed.len();
        self.armed.retain(|known| *known != (timer, now));
        self.armed.len() < before
    }

    /// To be called after each input: a live machine has something to wait for.
    pub fn expect_future(&self) {
        assert!(self.over.is_some() || !self.armed.is_empty(), "a live machine without a timer");
    }
}
