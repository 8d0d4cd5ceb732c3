//! Log records of the engine's thread on their way to the logger, which is Ruby's.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use super::{Dropped, Event, Shared};

/// Records that may wait for the dispatcher; beyond it they are dropped, since calls come first.
const QUEUE_LIMIT: usize = 2_000;

thread_local! {
    /// The engine that this thread runs.
    static ENGINE: RefCell<Weak<Shared>> = const { RefCell::new(Weak::new()) };
}

/// What the engine has to say to an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// 0 debug, 1 info, 3 warning, 4 error.
    pub severity: u8,
    /// The part of the engine that speaks.
    pub target: String,
    /// The text.
    pub text: String,
}

/// This thread runs that engine.
pub(super) fn speak_for(shared: &Arc<Shared>) {
    ENGINE.set(Arc::downgrade(shared));
}

/// Whether the caller is the thread of an engine.
pub fn is_engine_thread() -> bool {
    ENGINE.with_borrow(|engine| engine.strong_count() > 0)
}

/// Queues a record of the engine's own thread for the logger. No lock is taken that another thread of the process may
/// want, so that a fork at this moment leaves none behind that stays taken.
pub fn queue_record(record: LogRecord) {
    if let Some(shared) = ENGINE.with_borrow(Weak::upgrade) {
        shared.queue_record(record);
    }
}

impl Shared {
    /// Queues a record for the logger.
    pub fn queue_record(&self, record: LogRecord) {
        if self.events.len() < QUEUE_LIMIT {
            self.events.push(Event::Log(record));
        } else {
            self.counts.count_dropped(Dropped::LogRecord);
        }
    }
}
