//! The targets that requests were sent to: how often, and what came of it. Targets are no labels: a zone may have any number.

use std::time::Duration;

use hashlink::LinkedHashMap;

use crate::element::AttemptEnd;
use crate::resolve::Target;

/// Targets that are known; the one that nothing was sent to for the longest time goes.
const MOST_TARGETS: usize = 256;

/// About as many answers decide how long one takes of late.
const LATE_ANSWERS: u64 = 16;

/// The targets of an engine.
#[derive(Debug, Default)]
pub(super) struct Targets {
    known: LinkedHashMap<Target, Attempts>,
}

/// What is known of a target.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Attempts {
    /// Requests sent to it.
    pub count: u64,
    /// Those with a final response.
    pub answered: u64,
    /// Those without, but for the ones that nobody wanted an answer to any more.
    pub failed: u64,
    /// Of these, those that the target has left unanswered.
    pub timeouts: u64,
    /// How the last one has ended, in one word.
    pub last: Option<&'static str>,
    /// How long an answer takes of late: the last ones weigh most. `None` without one.
    pub mean: Option<Duration>,
}

impl Attempts {
    fn answer(&mut self, took: Duration) {
        self.answered += 1;
        let weight = self.answered.min(LATE_ANSWERS) as u32;
        let before = self.mean.unwrap_or_default();
        self.mean = Some((before * (weight - 1) + took) / weight);
    }
}

impl Targets {
    pub(super) fn attempt(&mut self, target: Target) {
        self.known(target).count += 1;
    }

    pub(super) fn ended(&mut self, target: Target, end: AttemptEnd, took: Duration) {
        let known = self.known(target);
        known.last = Some(end.outcome());
        match end {
            AttemptEnd::Answered(_) => known.answer(took),
            AttemptEnd::Abandoned => {}
            AttemptEnd::Unanswered | AttemptEnd::InviteTimeout => {
                known.failed += 1;
                known.timeouts += 1;
            }
            AttemptEnd::Failed(_) => known.failed += 1,
        }
    }

    /// All that are known, the one that a request was sent to last at the end.
    pub(super) fn list(&self) -> Vec<(Target, Attempts)> {
        self.known.iter().map(|(target, attempts)| (*target, *attempts)).collect()
    }

    /// Also moves it to the end.
    fn known(&mut self, target: Target) -> &mut Attempts {
        if self.known.len() >= MOST_TARGETS && !self.known.contains_key(&target) {
            self.known.pop_front();
        }
        self.known.to_back(&target);
        self.known.entry(target).or_insert_with(Attempts::default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::element::SendFailure;
    use crate::message::Transport;

    fn target(port: u16) -> Target {
        Target::new(Transport::Udp, [192, 0, 2, 1].into(), port)
    }

    #[test]
    fn a_target_has_its_attempts_and_their_ends() {
        let (mut targets, took) = (Targets::default(), Duration::from_secs(2));
        for end in [
            AttemptEnd::Answered(486),
            AttemptEnd::Unanswered,
            AttemptEnd::Abandoned,
            AttemptEnd::Failed(SendFailure::Unreachable),
        ] {
            targets.attempt(target(1));
            targets.ended(target(1), end, took);
        }
        let wanted = Attempts {
            count: 4,
            answered: 1,
            failed: 2,
            timeouts: 1,
            last: Some("connection_error"),
            mean: Some(Duration::from_secs(2)),
        };
        assert_eq!(targets.list(), [(target(1), wanted)]);
    }

    #[test]
    fn a_target_that_has_become_slow_is_seen_as_slow() {
        let mut targets = Targets::default();
        let answer = |targets: &mut Targets, seconds| {
            targets.ended(target(1), AttemptEnd::Answered(200), Duration::from_secs(seconds));
            targets.list()[0].1.mean.map(|mean| mean.as_secs_f64())
        };
        assert_eq!([answer(&mut targets, 1), answer(&mut targets, 3)], [Some(1.0), Some(2.0)]);
        let early = (0..1000).filter_map(|_| answer(&mut targets, 1)).last();
        let late = (0..50).filter_map(|_| answer(&mut targets, 5)).last();
        assert!(early < Some(1.1) && late > Some(4.5), "{early:?} {late:?}");
    }

    #[test]
    fn the_target_that_was_not_tried_for_longest_goes() {
        let mut targets = Targets::default();
        (0..MOST_TARGETS as u16).for_each(|port| targets.attempt(target(port)));
        targets.attempt(target(0));
        targets.attempt(target(9999));
        let list: Vec<_> = targets.list().into_iter().map(|(target, _)| target).collect();
        assert_eq!(list.len(), MOST_TARGETS);
        assert!(list.contains(&target(0)) && !list.contains(&target(1)));
    }
}
