//! What the monitor asks of Ruby, and the answers. A thread of Ruby's waits for questions without the interpreter's lock; the
//! monitor does not wait for it for long, since a script may have the interpreter for ever.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::engine::SystemClock;
use crate::host::lock;

/// Questions that may wait; beyond it there is no answer.
const MOST_QUESTIONS: usize = 16;

/// How long an answer is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// Something that Ruby alone knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RubyQuestion {
    /// To be handed back with the answer.
    pub number: u64,
    /// What is asked.
    pub kind: &'static str,
    /// What it is about; empty for nothing.
    pub about: String,
}

type RubyAnswer = Option<Vec<u8>>;

#[derive(Debug, Default)]
struct State {
    last: u64,
    waiting: VecDeque<RubyQuestion>,
    askers: Vec<(u64, oneshot::Sender<RubyAnswer>)>,
    interrupted: bool,
    closed: bool,
}

/// The questions of an engine.
#[derive(Debug, Default)]
pub struct RubyQuestions {
    state: Mutex<State>,
    news: Condvar,
}

/// Takes a question back that nobody waits for any more.
struct Asking<'a>(&'a RubyQuestions, u64);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.waiting.retain(|question| question.number != self.1);
        state.askers.retain(|(number, _)| *number != self.1);
    }
}

impl RubyQuestions {
    /// Asks, and waits for the answer for a second at most. `None` where none has come, or Ruby has none.
    pub(super) async fn ask(&self, kind: &'static str, about: &str) -> RubyAnswer {
        let (asking, answer) = self.put(kind, about)?;
        let clock: &dyn Clock = &SystemClock;
        let answer = clock.timeout(PATIENCE, answer).await;
        drop(asking);
        answer.ok()?.ok()?
    }

    fn put(&self, kind: &'static str, about: &str) -> Option<(Asking<'_>, oneshot::Receiver<RubyAnswer>)> {
        let mut state = lock(&self.state);
        if state.closed || state.askers.len() >= MOST_QUESTIONS {
            return None;
        }
        state.last += 1;
        let number = state.last;
        let (asker, answer) = oneshot::channel();
        state.waiting.push_back(RubyQuestion { number, kind, about: about.to_owned() });
        state.askers.push((number, asker));
        drop(state);
        self.news.notify_one();
        Some((Asking(self, number), answer))
    }

    /// Waits for a question. `None`: [`RubyQuestions::interrupt`] was called, or no question comes any more.
    pub fn next(&self) -> Option<RubyQuestion> {
        let mut state = lock(&self.state);
        loop {
            if std::mem::take(&mut state.interrupted) || state.closed {
                return None;
            }
            if let Some(question) = state.waiting.pop_front() {
                return Some(question);
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the present wait, or the one to come.
    pub fn interrupt(&self) {
        lock(&self.state).interrupted = true;
        self.news.notify_all();
    }

    /// The answer to a question; `None`: there is none. One that comes too late is thrown away.
    pub fn answer(&self, number: u64, answer: RubyAnswer) {
        let mut state = lock(&self.state);
        let Some(place) = state.askers.iter().position(|(asked, _)| *asked == number) else { return };
        let (_, asker) = state.askers.swap_remove(place);
        drop(state);
        let _ = asker.send(answer);
    }

    /// Whether no question comes any more.
    pub fn are_over(&self) -> bool {
        lock(&self.state).closed
    }

    /// No question comes any more.
    pub(in crate::engine) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        state.waiting.clear();
        state.askers.clear();
        drop(state);
        self.news.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn block_on<T>(future: impl std::future::Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(future)
    }

    #[test]
    fn an_answer_comes_from_another_thread() {
        let questions = Arc::new(RubyQuestions::default());
        let answers = std::thread::spawn({
            let questions = questions.clone();
            move || {
                let question = questions.next().expect("a question");
                questions.answer(question.number, Some(question.about.to_uppercase().into_bytes()));
                questions.next()
            }
        });
        assert_eq!(block_on(questions.ask("status", "abc")), Some(b"ABC".to_vec()));
        questions.close();
        assert_eq!(answers.join().expect("no panic"), None);
    }

    #[test]
    fn nobody_is_waited_for_longer_than_a_second_and_a_late_answer_is_thrown_away() {
        let questions = RubyQuestions::default();
        assert_eq!(block_on(questions.ask("status", "")), None);
        questions.answer(1, Some(b"late".to_vec()));
        questions.interrupt();
        assert_eq!(questions.next(), None);
    }

    #[test]
    fn so_many_may_wait_and_no_more() {
        let questions = RubyQuestions::default();
        let mut asked: Vec<_> = (0..MOST_QUESTIONS).map(|_| questions.put("status", "")).collect();
        assert!(asked.iter().all(Option::is_some));
        assert!(questions.put("status", "").is_none());
        asked.pop();
        assert!(questions.put("status", "").is_some());
    }

    #[test]
    fn the_end_ends_all_waits() {
        let questions = RubyQuestions::default();
        let asked = questions.put("status", "").expect("room");
        questions.close();
        assert!(asked.1.blocking_recv().is_err());
        assert_eq!(questions.next(), None);
        assert!(questions.put("status", "").is_none() && questions.are_over());
    }
}
