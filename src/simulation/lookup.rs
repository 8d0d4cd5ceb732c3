//! Resolutions under way: an inquiry put to the zone, in the time that the real look-ups take.

use std::time::{Duration, Instant};

use super::zone::{Reply, Zone};
use crate::element::ResolutionId;
use crate::resolve::{Answer, Inquiry, InquiryProgress, Resolved};

/// The time a whole resolution may take, all its questions together.
const RESOLUTION_LIMIT: Duration = Duration::from_secs(10);

/// A resolution whose questions are asked.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) resolution: ResolutionId,
    inquiry: Inquiry,
    deadline: Instant,
    answers: Vec<Answer>,
}

/// What comes next.
pub(super) enum Next {
    /// The answers are there at this time.
    Wait(Instant, Box<Lookup>),
    /// The end.
    Done(ResolutionId, Resolved),
}

impl Lookup {
    /// Asks the first questions.
    pub(super) fn begin(resolution: ResolutionId, inquiry: Inquiry, zone: &Zone, now: Instant) -> Next {
        Lookup::ask(resolution, inquiry, zone, now, now + RESOLUTION_LIMIT)
    }

    /// A step that others can follow takes no more than half of the time that is left.
    fn ask(resolution: ResolutionId, inquiry: Inquiry, zone: &Zone, now: Instant, deadline: Instant) -> Next {
        let left = deadline.saturating_duration_since(now);
        let until = if inquiry.is_last() { deadline } else { now + left / 2 };
        let mut at = now + zone.delay();
        let answers = inquiry.questions().iter().map(|question| match zone.reply(question) {
            Reply::Answer(answer) => answer,
            Reply::Silence => {
                at = until;
                Answer::Unavailable
            }
        });
        let answers = answers.collect();
        Next::Wait(at.min(until), Box::new(Lookup { resolution, inquiry, deadline, answers }))
    }

    /// The answers have come.
    pub(super) fn go_on(self: Box<Self>, zone: &Zone, now: Instant) -> Next {
        let Lookup { resolution, inquiry, deadline, answers } = *self;
        match inquiry.told(answers) {
            InquiryProgress::Done(resolved) => Next::Done(resolution, resolved),
            InquiryProgress::Ask(_) if now >= deadline => Next::Done(resolution, Resolved::unknown()),
            InquiryProgress::Ask(inquiry) => Lookup::ask(resolution, inquiry, zone, now, deadline),
        }
    }
}
