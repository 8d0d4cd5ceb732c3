//! The response context of a proxy (RFC 3261 16.7): the branches of one request, and which answer goes upstream.
//!
//! Provisional responses and every 2xx go up at once. Other final ones are candidates: the best one goes up when no branch is
//! open any more and the script has begun all that it wants at first.

use smallvec::SmallVec;

use super::ids::RouteId;
use crate::message::{HeaderName, ResponseSnapshot};

/// A final answer that is no 2xx.
#[derive(Debug)]
pub(super) enum Candidate {
    /// A response from downstream, as it goes upstream.
    Response(ResponseSnapshot),
    /// A reply of our own.
    Reply {
        /// Status code.
        status: u16,
        /// Reason phrase.
        reason: String,
    },
}

impl Candidate {
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::Response(response) => response.status,
            Self::Reply { status, .. } => *status,
        }
    }

    /// RFC 3261 16.7 step 6: 6xx first, then the lowest class; within 4xx what tells the client how to try again. The smaller
    /// rank wins, and of equal ones what came first.
    fn rank(&self) -> (u16, bool) {
        let status = self.status();
        let class = if status >= 600 { 0 } else { status / 100 };
        (class, !matches!(status, 401 | 407 | 415 | 420 | 484))
    }
}

/// The branches of one request, and their answers so far.
#[derive(Debug, Default)]
pub(super) struct ResponseContext {
    /// The route that the script has begun last for the request, whether it has ended or not.
    last: Option<RouteId>,
    /// The routes that may still give an answer.
    open: SmallVec<[RouteId; 1]>,
    /// `on_request` has ended, or CANCEL has come: what is begun from now on, a block begins for an answer.
    complete: bool,
    /// Few requests have one, and not for long.
    best: Option<Box<Candidate>>,
    /// The values of WWW-Authenticate and Proxy-Authenticate in all 401 and 407 so far, in their order.
    challenges: Vec<(HeaderName, Vec<u8>)>,
    /// A 2xx of a branch went upstream: nothing more is begun.
    answered: bool,
    /// The script has answered by itself: no candidate goes upstream.
    decided: bool,
    /// Those that were pending when the CANCEL came and whose Clients have yet to hear of it.
    canceled: SmallVec<[RouteId; 1]>,
    /// A Client has heard of the CANCEL, or will.
    cancel_told: bool,
}

impl ResponseContext {
    /// Whether the script has never routed the request.
    pub(super) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    /// Whether a 2xx of a branch went upstream.
    pub(super) fn is_answered(&self) -> bool {
        self.answered
    }

    /// Whether the script has answered by itself.
    pub(super) fn is_decided(&self) -> bool {
        self.decided
    }

    /// A route has begun.
    pub(super) fn begin(&mut self, route: RouteId) {
        self.last = Some(route);
        self.open.push(route);
    }

    /// `on_request` has ended, or CANCEL has come: no further branch has to be waited for. Hands out what goes upstream now.
    pub(super) fn complete(&mut self) -> Option<Candidate> {
        self.complete = true;
        self.take_best()
    }

    /// Whether a route may still give an answer.
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The routes that may still give an answer.
    pub(super) fn open(&self) -> SmallVec<[RouteId; 1]> {
        self.open.clone()
    }

    /// The routes that a CANCEL concerns: those that are open, else the one that was begun last.
    pub(super) fn canceled_routes(&self) -> SmallVec<[RouteId; 1]> {
        match self.open.is_empty() {
            false => self.open.clone(),
            true => self.last.into_iter().collect(),
        }
    }

    /// CANCEL has come while these routes were pending, one of each Client.
    pub(super) fn cancel(&mut self, pending: SmallVec<[RouteId; 1]>) {
        self.cancel_told = !pending.is_empty();
        self.canceled = pending;
    }

    /// Whether the Client of a route is to hear of the CANCEL; it counts as told from now on. Each Client that had a branch
    /// pending hears of it, once; if none had, the first one that comes to it.
    pub(super) fn tell_canceled(&mut self, route: RouteId) -> bool {
        let pending = self.canceled.iter().position(|it| *it == route);
        pending.map(|index| self.canceled.swap_remove(index));
        let untold = !std::mem::replace(&mut self.cancel_told, true);
        pending.is_some() || untold
    }

    /// A branch has given a final answer that is no 2xx.
    pub(super) fn offer(&mut self, candidate: Candidate) {
        if self.answered || self.decided {
            return;
        }
        if let Candidate::Response(response) = &candidate {
            if matches!(response.status, 401 | 407) {
                for name in [HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate] {
                    let values = response.headers.iter().filter(|field| field.name == name);
                    self.challenges.extend(values.map(|field| (name, field.value().to_vec())));
                }
            }
        }
        if self.best.as_ref().is_none_or(|best| candidate.rank() < best.rank()) {
            self.best = Some(Box::new(candidate));
        }
    }

    /// Whether the best answer so far asks that nothing else is tried.
    pub(super) fn is_refused_globally(&self) -> bool {
        self.best.as_ref().is_some_and(|best| best.status() >= 600)
    }

    /// A 2xx of a branch goes upstream.
    pub(super) fn answer(&mut self) {
        self.answered = true;
        self.discard();
    }

    /// The script has answered by itself: what the branches have answered does not go upstream.
    pub(super) fn decide(&mut self) {
        self.decided = true;
        self.discard();
    }

    fn discard(&mut self) {
        self.best = None;
        self.challenges.clear();
    }

    /// A route has given its answer. Hands out what goes upstream when no other one has to be waited for.
    pub(super) fn close(&mut self, route: RouteId) -> Option<Candidate> {
        self.open.retain(|open| *open != route);
        self.take_best()
    }

    /// The best answer, when no branch can give another one. After a 6xx none is begun.
    fn take_best(&mut self) -> Option<Candidate> {
        if !self.open.is_empty() || !(self.complete || self.is_refused_globally()) {
            return None;
        }
        let mut best = *self.best.take()?;
        let challenges = std::mem::take(&mut self.challenges);
        if let Candidate::Response(response) = &mut best {
            if matches!(response.status, 401 | 407) {
                collect_challenges(response, &challenges);
            }
        }
        Some(best)
    }
}

/// RFC 3261 16.7 step 7: a 401 or 407 carries the challenges of all others.
fn collect_challenges(response: &mut ResponseSnapshot, challenges: &[(HeaderName, Vec<u8>)]) {
    for (name, value) in challenges {
        let known = response.headers.iter().any(|field| field.name == *name && field.value() == value);
        if !known {
            response.headers.push(name.canonical().as_bytes(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Headers;
    use bytes::Bytes;

    fn response(status: u16, challenge: Option<&str>) -> Candidate {
        let mut headers = Headers::new();
        if let Some(value) = challenge {
            headers.push(b"WWW-Authenticate", value.as_bytes());
        }
        Candidate::Response(ResponseSnapshot { status, reason: Bytes::new(), headers, body: Bytes::new() })
    }

    fn best_of(statuses: &[u16]) -> Option<u16> {
        let mut context = ResponseContext::default();
        for (number, status) in statuses.iter().enumerate() {
            context.begin(RouteId(number as u64));
            context.offer(response(*status, None));
        }
        assert!(context.complete().is_none());
        let closed: Vec<_> = (0..statuses.len()).map(|route| context.close(RouteId(route as u64))).collect();
        let (last, earlier) = closed.split_last()?;
        assert!(earlier.iter().all(Option::is_none), "nothing goes up while a branch is open");
        last.as_ref().map(Candidate::status)
    }

    #[test]
    fn the_best_answer_is_a_6xx_else_of_the_lowest_class() {
        assert_eq!(best_of(&[486, 603, 500]), Some(603));
        assert_eq!(best_of(&[500, 302, 404]), Some(302));
        assert_eq!(best_of(&[503, 486, 480]), Some(486));
    }

    #[test]
    fn what_tells_the_client_how_to_try_again_comes_before_others_of_its_class() {
        for telling in [401, 407, 415, 420, 484] {
            assert_eq!(best_of(&[404, telling]), Some(telling));
        }
    }

    #[test]
    fn nothing_goes_up_when_no_branch_has_an_answer_for_upstream() {
        let mut context = ResponseContext::default();
        context.begin(RouteId(1));
        assert!(context.close(RouteId(1)).is_none());
        assert!(context.complete().is_none());
    }

    #[test]
    fn an_answer_waits_until_all_branches_are_begun_unless_it_is_a_6xx() {
        for (status, early) in [(404, None), (503, None), (603, Some(603))] {
            let mut context = ResponseContext::default();
            context.begin(RouteId(1));
            context.offer(response(status, None));
            assert_eq!(context.close(RouteId(1)).as_ref().map(Candidate::status), early);
            let late = context.complete().as_ref().map(Candidate::status);
            assert_eq!(early.or(late), Some(status));
        }
    }

    #[test]
    fn a_401_carries_the_challenges_of_all_branches_once() {
        let mut context = ResponseContext::default();
        for route in [1, 2, 3] {
            context.begin(RouteId(route));
        }
        for challenge in ["Digest realm=\"a\"", "Digest realm=\"b\"", "Digest realm=\"a\""] {
            context.offer(response(401, Some(challenge)));
        }
        context.complete();
        let mut closed = [1, 2, 3].map(|route| context.close(RouteId(route)));
        let Some(Candidate::Response(best)) = closed[2].take() else { panic!("a response") };
        let values: Vec<_> =
            best.headers.iter().map(|field| String::from_utf8_lossy(field.value()).into_owned()).collect();
        assert_eq!(values, ["Digest realm=\"a\"", "Digest realm=\"b\""]);
    }

    #[test]
    fn a_cancel_concerns_the_open_branches_or_else_the_last_one() {
        let mut context = ResponseContext::default();
        for route in [1, 2] {
            context.begin(RouteId(route));
        }
        assert_eq!(context.canceled_routes().to_vec(), [RouteId(1), RouteId(2)]);
        for route in [1, 2] {
            context.close(RouteId(route));
        }
        assert_eq!(context.canceled_routes().to_vec(), [RouteId(2)]);
    }
}
