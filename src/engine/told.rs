//! What the element has done and the script is to be told, if it wants to.

use std::collections::VecDeque;
use std::time::Instant;

use crate::element::Happening;

/// Happenings that may wait for the script, or for those who look on; the oldest ones go.
pub(super) const MOST_HAPPENINGS: usize = 20_000;

/// What waits to be told; `None` while the script does not want to know.
#[derive(Default)]
pub(super) struct Told(Option<VecDeque<(Instant, Happening)>>);

impl Told {
    /// Whether the script wants to know from now on; whether that is a change.
    pub(super) fn want(&mut self, wanted: bool) -> bool {
        let change = wanted != self.0.is_some();
        if change {
            self.0 = wanted.then(VecDeque::new);
        }
        change
    }

    /// Something has happened; whether it is the first thing since the script was told.
    pub(super) fn add(&mut self, at: Instant, happening: &Happening) -> bool {
        let Some(waiting) = &mut self.0 else { return false };
        let first = waiting.is_empty();
        if waiting.len() == MOST_HAPPENINGS {
            waiting.pop_front();
        }
        waiting.push_back((at, happening.clone()));
        first
    }

    /// Hands out what waits.
    pub(super) fn take(&mut self) -> Vec<(Instant, Happening)> {
        self.0.as_mut().map(|waiting| waiting.drain(..).collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Transport;
    use crate::resolve::Target;

    fn happening(port: u16) -> Happening {
        Happening::Blacklisted { target: Target::new(Transport::Udp, [192, 0, 2, 1].into(), port) }
    }

    #[test]
    fn nothing_waits_for_a_script_that_does_not_want_to_know() {
        let (mut told, now) = (Told::default(), Instant::now());
        assert!(!told.add(now, &happening(1)) && told.take().is_empty());
        assert!(told.want(true) && !told.want(true));
        assert!(told.add(now, &happening(2)) && !told.add(now, &happening(3)));
        assert_eq!(told.take(), [(now, happening(2)), (now, happening(3))]);
        assert!(told.add(now, &happening(4)), "it was told of the others");
        assert!(told.want(false) && told.take().is_empty());
    }

    #[test]
    fn the_oldest_things_go_where_nobody_takes_them() {
        let (mut told, now) = (Told::default(), Instant::now());
        told.want(true);
        let firsts = (0..=20_000).filter(|port| told.add(now, &happening(*port))).count();
        assert_eq!(firsts, 1);
        let taken = told.take();
        assert_eq!((taken.len(), &taken[0].1), (20_000, &happening(1)));
    }
}
