//! Log records of the thread that runs the engine on their way to the logger, which is Ruby's.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use super::driver::Driver;
use super::event::{Event, LogRecord, Severity};

/// Events that may wait for the dispatcher when a record is queued; beyond it records are dropped, since calls come first.
/// Their number is said where the first of them would have stood.
const QUEUE_LIMIT: usize = 2_000;

/// Bytes of a record's text that are kept, and with them what the queue may hold in all.
const TEXT_LIMIT: usize = 8_192;

thread_local! {
    /// The engine that this thread runs.
    static ENGINE: RefCell<Weak<Driver>> = const { RefCell::new(Weak::new()) };
}

/// This thread runs an engine as long as this lives.
pub(super) struct Speaks(());

impl Drop for Speaks {
    fn drop(&mut self) {
        ENGINE.set(Weak::new());
    }
}

/// This thread runs that engine from now on.
pub(super) fn speak_for(driver: &Arc<Driver>) -> Speaks {
    ENGINE.set(Arc::downgrade(driver));
    Speaks(())
}

/// Whether the caller runs an engine.
pub fn is_engine_thread() -> bool {
    ENGINE.with_borrow(|engine| engine.strong_count() > 0)
}

/// Queues a record of the thread that runs the engine for the logger. No lock is taken that a child of the process may want, so
/// that a fork at this moment leaves it none that stays taken.
pub fn queue_record(record: LogRecord) {
    if let Some(driver) = ENGINE.with_borrow(Weak::upgrade) {
        driver.queue_record(record);
    }
}

impl Driver {
    /// Queues a record for the logger.
    pub(super) fn queue_record(&self, mut record: LogRecord) {
        if self.events.len() < QUEUE_LIMIT {
            cut(&mut record.text);
            self.events.push(Event::Log(record));
        } else if self.counts.lose_record() {
            self.events.push(Event::LostRecords);
        }
    }

    /// Says how many records were dropped since this was said last.
    pub(super) fn lost_records(&self) -> LogRecord {
        let text = match self.counts.take_lost_records() {
            1 => "1 record was lost".to_owned(),
            number => format!("{number} records were lost"),
        };
        LogRecord { severity: Severity::Warning, target: "engine".to_owned(), text, kind: "lost records" }
    }
}

/// Says at the cut how long the text was.
fn cut(text: &mut String) {
    let whole = text.len();
    if whole > TEXT_LIMIT {
        let mut end = TEXT_LIMIT;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(&format!("... (cut here, {whole} bytes in all)"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        let mut text = "ü".repeat(TEXT_LIMIT);
        text.insert(0, 'x');
        cut(&mut text);
        let kept = "ü".repeat(TEXT_LIMIT / 2 - 1);
        assert_eq!(text, format!("x{kept}... (cut here, {} bytes in all)", 2 * TEXT_LIMIT + 1));
    }

    #[test]
    fn a_short_text_stays() {
        let mut text = "x".repeat(TEXT_LIMIT);
        cut(&mut text);
        assert_eq!(text.len(), TEXT_LIMIT);
    }
}
