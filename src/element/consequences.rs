//! What a step means for other calls than its own: a lost connection has many requests, and many routes may wait for one
//! look-up.

use std::collections::VecDeque;

use super::ids::{ClientId, RequestId, RouteId};
use super::input::ConnectionEnd;
use crate::client::session::SessionInput;
use crate::client::Branch;

/// How many consequences a step draws itself, and how many turns a Client has in it. What is beyond waits for steps of its own.
pub(super) const AT_ONCE: usize = 8;

/// What a step means for another call. It is drawn after the step, as a step of that call: it panics for that call alone.
#[derive(Debug)]
pub(super) enum Consequence {
    /// A route is told something.
    Told { client: ClientId, route: RouteId, input: SessionInput },
    /// What was sent with this branch went by a connection that has ended so.
    ConnectionLost { branch: Branch, end: ConnectionEnd },
    /// The look-up has ended that a route waits for.
    Resolved(RouteId),
    /// The script has cancelled a route, with others.
    Canceled(RouteId),
    /// A Client has more turns than one step takes.
    Turns(ClientId),
    /// A defect has cost the Client of a route.
    RouteLost(RouteId),
    /// The same for a client transaction.
    BranchLost(Branch),
    /// The same for a request.
    RequestLost(RequestId),
}

/// The consequences that are to be drawn, in their order. There are as many at most as there are routes, transactions and
/// requests that they concern.
#[derive(Debug, Default)]
pub(super) struct Consequences {
    waiting: VecDeque<Consequence>,
    /// There are too many for one step: a timer that is due draws the next one.
    deferred: bool,
}

impl Consequences {
    pub(super) fn add(&mut self, consequence: Consequence) {
        self.waiting.push_back(consequence);
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The next one, for the timer.
    pub(super) fn next(&mut self) -> Option<Consequence> {
        self.waiting.pop_front()
    }

    /// The next one, for the step that has them; none where earlier ones wait for the timer.
    pub(super) fn next_at_once(&mut self) -> Option<Consequence> {
        if self.deferred {
            return None;
        }
        self.next()
    }

    /// Whether a timer has to be armed for what is left after a step.
    pub(super) fn defer(&mut self) -> bool {
        !self.waiting.is_empty() && !std::mem::replace(&mut self.deferred, true)
    }

    /// Whether the timer that has fired has to be armed again.
    pub(super) fn go_on(&mut self) -> bool {
        self.deferred = !self.waiting.is_empty();
        self.deferred
    }
}
