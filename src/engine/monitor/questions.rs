//! What the monitor asks of Ruby, and the answers. For each topic a thread of Ruby's waits for questions without the interpreter's
//! lock: a ladder that takes long, or a gauge's block, keeps no other answer waiting. The monitor does not wait for them for long,
//! since a script may have the interpreter for ever.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::engine::SystemClock;
use crate::host::lock;

/// Questions on a topic that may wait; a further one has no answer.
const MOST_QUESTIONS: usize = 16;

/// How long an answer is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// What a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// What Ruby knows of itself: answered at once.
    State,
    /// The ladder of a call.
    Ladder,
    /// The gauges of the script, whose blocks set them; the answer is empty.
    Gauges,
}

impl Topic {
    const COUNT: usize = 3;

    /// The topic of this name.
    pub fn named(name: &str) -> Option<Topic> {
        match name {
            "state" => Some(Topic::State),
            "ladder" => Some(Topic::Ladder),
            "gauges" => Some(Topic::Gauges),
            _ => None,
        }
    }
}

/// Something that Ruby alone knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RubyQuestion {
    /// To be handed back with the answer.
    pub number: u64,
    /// What it is about; empty for nothing.
    pub about: String,
}

type RubyAnswer = Option<Vec<u8>>;

#[derive(Debug, Default)]
struct State {
    last: u64,
    topics: [TopicState; Topic::COUNT],
    closed: bool,
}

/// The questions on one topic.
#[derive(Debug, Default)]
struct TopicState {
    waiting: VecDeque<RubyQuestion>,
    askers: Vec<(u64, oneshot::Sender<RubyAnswer>)>,
    interrupted: bool,
}

/// The questions of an engine.
#[derive(Debug, Default)]
pub struct RubyQuestions {
    state: Mutex<State>,
    news: Condvar,
}

/// Takes a question back that nobody waits for any more.
struct Asking<'a>(&'a RubyQuestions, Topic, u64);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let Asking(questions, topic, number) = self;
        let asked = &mut lock(&questions.state).topics[*topic as usize];
        asked.waiting.retain(|question| question.number != *number);
        asked.askers.retain(|(asked, _)| asked != number);
    }
}

impl RubyQuestions {
    /// Asks, and waits for the answer for a second at most. `None` where none has come, or Ruby has none.
    pub(super) async fn ask(&self, topic: Topic, about: &str) -> RubyAnswer {
        let (asking, answer) = self.put(topic, about)?;
        let clock: &dyn Clock = &SystemClock;
        let answer = clock.timeout(PATIENCE, answer).await;
        drop(asking);
        answer.ok()?.ok()?
    }

    fn put(&self, topic: Topic, about: &str) -> Option<(Asking<'_>, oneshot::Receiver<RubyAnswer>)> {
        let mut state = lock(&self.state);
        let number = state.last + 1;
        let closed = state.closed;
        let asked = &mut state.topics[topic as usize];
        if closed || asked.askers.len() >= MOST_QUESTIONS {
            return None;
        }
        let (asker, answer) = oneshot::channel();
        asked.waiting.push_back(RubyQuestion { number, about: about.to_owned() });
        asked.askers.push((number, asker));
        state.last = number;
        drop(state);
        self.news.notify_all();
        Some((Asking(self, topic, number), answer))
    }

    /// Waits for a question on a topic. `None`: [`RubyQuestions::interrupt`] was called for it, or no question comes any more.
    pub fn next(&self, topic: Topic) -> Option<RubyQuestion> {
        let mut state = lock(&self.state);
        loop {
            let closed = state.closed;
            let asked = &mut state.topics[topic as usize];
            if std::mem::take(&mut asked.interrupted) || closed {
                return None;
            }
            if let Some(question) = asked.waiting.pop_front() {
                return Some(question);
            }
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the present wait for a topic, or the one to come.
    pub fn interrupt(&self, topic: Topic) {
        lock(&self.state).topics[topic as usize].interrupted = true;
        self.news.notify_all();
    }

    /// The answer to a question; `None`: there is none. One that comes too late is thrown away.
    pub fn answer(&self, topic: Topic, number: u64, answer: RubyAnswer) {
        let mut state = lock(&self.state);
        let asked = &mut state.topics[topic as usize];
        let Some(place) = asked.askers.iter().position(|(asked, _)| *asked == number) else { return };
        let (_, asker) = asked.askers.swap_remove(place);
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
        state.topics = Default::default();
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
                let question = questions.next(Topic::Ladder).expect("a question");
                let answer = question.about.to_uppercase().into_bytes();
                questions.answer(Topic::Ladder, question.number, Some(answer));
                questions.next(Topic::Ladder)
            }
        });
        assert_eq!(block_on(questions.ask(Topic::Ladder, "abc")), Some(b"ABC".to_vec()));
        questions.close();
        assert_eq!(answers.join().expect("no panic"), None);
    }

    #[test]
    fn nobody_is_waited_for_longer_than_a_second_and_a_late_answer_is_thrown_away() {
        let questions = RubyQuestions::default();
        assert_eq!(block_on(questions.ask(Topic::State, "")), None);
        questions.answer(Topic::State, 1, Some(b"late".to_vec()));
        questions.interrupt(Topic::State);
        assert_eq!(questions.next(Topic::State), None);
    }

    #[test]
    fn so_many_may_wait_on_a_topic_and_no_more() {
        let questions = RubyQuestions::default();
        let mut asked: Vec<_> = (0..MOST_QUESTIONS).map(|_| questions.put(Topic::Ladder, "")).collect();
        assert!(asked.iter().all(Option::is_some));
        assert!(questions.put(Topic::Ladder, "").is_none());
        assert!(questions.put(Topic::State, "").is_some());
        asked.pop();
        assert!(questions.put(Topic::Ladder, "").is_some());
    }

    #[test]
    fn a_topic_waits_for_no_other_one() {
        let questions = RubyQuestions::default();
        let _ladder = questions.put(Topic::Ladder, "abc").expect("room");
        let _state = questions.put(Topic::State, "").expect("room");
        questions.interrupt(Topic::Gauges);
        assert_eq!(questions.next(Topic::State).expect("a question").about, "");
        assert_eq!(questions.next(Topic::Ladder).expect("a question").about, "abc");
        assert_eq!(questions.next(Topic::Gauges), None);
    }

    #[test]
    fn the_end_ends_all_waits() {
        let questions = RubyQuestions::default();
        let asked = questions.put(Topic::State, "").expect("room");
        questions.close();
        assert!(asked.1.blocking_recv().is_err());
        assert_eq!(questions.next(Topic::State), None);
        assert!(questions.put(Topic::State, "").is_none() && questions.are_over());
    }
}
