//! Which target comes next: the order of targets, the blacklist, and the limits of a search.

use std::time::{Duration, Instant};

use super::{pop, After, LastResult, Queue, Session, State, Step};
use super::{Action, Callback, RequestClass};
use crate::client::{Failure, RouteError};
use crate::message::Transport;
use crate::resolve::{ResolveError, Target};

impl Session {
    /// The request belongs to a dialog: the targets on the blacklist are its last ones, and it makes no entry.
    pub fn set_in_dialog(&mut self) {
        self.in_dialog = true;
    }

    /// When the server transaction will end without an answer: no target is tried from then on.
    pub fn set_server_end(&mut self, at: Instant) {
        self.server_end = Some(at);
    }

    /// When the time for all targets is over; `None` until the first one is tried.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The target that an entry was made for since the last call.
    pub fn take_listed(&mut self) -> Option<Target> {
        self.newly_listed.take()
    }

    /// From now on [`Session::take_passed_over`] has something to say.
    pub fn tell_passed_over(&mut self) {
        self.tells_passed_over = true;
    }

    /// The targets that were passed over since the last call: they are on the blacklist, and another target is tried or none.
    pub fn take_passed_over(&mut self) -> Vec<Target> {
        self.passed_over
            .as_mut()
            .map(|passed_over| std::mem::take(&mut passed_over.untold))
            .unwrap_or_default()
    }

    /// Whether the session waits for the answer to [`Action::AskProbe`].
    pub fn asks_probe(&self) -> bool {
        matches!(self.state, State::AskingProbe(_))
    }

    /// How the probe ended that this request was: whether the target has failed. `None` while it is out.
    pub fn probe_outcome(&self) -> Option<bool> {
        self.probe_failed.filter(|_| self.state == State::Done)
    }

    pub(super) fn on_targets(&mut self, step: &mut Step<'_>, targets: Queue<Target>) {
        if self.state != State::Resolving {
            return;
        }
        if targets.is_empty() {
            return self.on_unroutable(ResolveError::NoDnsResolution);
        }
        self.targets = targets;
        self.next_target(step);
    }

    pub(super) fn on_flow(&mut self, step: &mut Step<'_>) {
        self.over_flow = true;
        if self.canceled {
            return self.end_canceled();
        }
        self.start_branch(step, Action::SendOverFlow);
    }

    /// Tries the next target that is not on the blacklist.
    pub(super) fn next_target(&mut self, step: &mut Step<'_>) {
        if self.ends_here(step) {
            return;
        }
        if let Some(udp) = self.udp_instead.take() {
            return self.show(udp);
        }
        if self.tried >= self.profile.max_targets {
            return self.give_last_result();
        }
        let mut longest: Option<(Instant, Target)> = None;
        while let Some(target) = pop(&mut self.targets) {
            let Some(entry) = step.blacklist.entry(step.now, &target) else {
                return self.try_target(step, target);
            };
            if self.tells_passed_over {
                self.passed_over.get_or_insert_default().skipped.push(target);
            }
            if let Some(since) = entry.automatic.filter(|since| longest.is_none_or(|(at, _)| *since < at)) {
                longest = Some((since, target));
            }
            if !self.in_dialog || entry.automatic.is_some() {
                self.passed.push(target);
            }
            self.last = Some(LastResult::Failure(entry.failure));
        }
        if self.in_dialog {
            return self.next_listed(step);
        }
        match longest {
            Some((_, target)) if self.tried == 0 => {
                self.state = State::AskingProbe(target);
                self.actions.push(Action::AskProbe(target));
            }
            _ => self.give_last_result(),
        }
    }

    /// For a request of a dialog: the listed targets come last, in their order.
    fn next_listed(&mut self, step: &mut Step<'_>) {
        if self.passed.is_empty() {
            return self.give_last_result();
        }
        let target = self.passed.remove(0);
        // The others have their turn as well.
        self.forget_skipped();
        self.try_target(step, target);
    }

    fn forget_skipped(&mut self) {
        if let Some(passed_over) = &mut self.passed_over {
            passed_over.skipped.clear();
        }
    }

    /// Whether nothing more is tried: the request was cancelled or aborted, or its time is over.
    fn ends_here(&mut self, step: &Step<'_>) -> bool {
        let any_left = self.has_target_to_try();
        self.state = State::Choosing;
        if self.abandoned {
            self.end_abandoned();
            return true;
        }
        if self.canceled {
            self.end_canceled();
            return true;
        }
        if self.withdrawn {
            self.end_withdrawn();
            return true;
        }
        if std::mem::take(&mut self.aborted) && any_left {
            self.forget_targets();
            self.finish(LastResult::Failure(RouteError::DestinationAborted.into()));
            return true;
        }
        if self.is_late(step) {
            self.give_last_result();
            return true;
        }
        false
    }

    /// Whether a target is left, or was chosen just now, that `abort_routing` keeps the request from.
    fn has_target_to_try(&self) -> bool {
        let left = !self.targets.is_empty() || self.udp_instead.is_some();
        left || self.asks_probe() || self.last.is_none()
    }

    fn is_late(&self, step: &Step<'_>) -> bool {
        self.deadline.or(self.server_end).is_some_and(|end| step.now >= end)
    }

    /// The first target sets the clock going.
    pub(super) fn start_clock(&mut self, step: &Step<'_>) {
        if self.class == RequestClass::Ack || self.deadline.is_some() {
            return;
        }
        let end = step.now
            + self.profile.routing_time.unwrap_or(match self.class {
                RequestClass::Invite => self.profile.timer_c,
                // One target at least may have its Timer F.
                RequestClass::Ack | RequestClass::NonInvite => self.patience.max(self.profile.timer_f),
            });
        self.deadline = Some(self.server_end.map_or(end, |server| server.min(end)));
    }

    /// No target is left, or none may be tried any more: what became of the last one counts.
    fn give_last_result(&mut self) {
        if let Some(passed_over) = &mut self.passed_over {
            passed_over.settle(None);
        }
        self.forget_targets();
        let last = self.last.take().unwrap_or_else(|| LastResult::Failure(RouteError::ClientTimeout.into()));
        self.finish(last);
    }

    pub(super) fn forget_targets(&mut self) {
        self.targets.clear();
        self.passed.clear();
    }

    fn try_target(&mut self, step: &mut Step<'_>, listed: Target) {
        self.tried += 1;
        if let Some(passed_over) = &mut self.passed_over {
            passed_over.settle(Some(listed));
        }
        let by_tcp = self.by_tcp(step, listed);
        self.upgraded = by_tcp.map(|_| listed);
        self.show(by_tcp.unwrap_or(listed));
    }

    fn show(&mut self, target: Target) {
        self.current = Some(target);
        self.callback(Callback::Target(target), After::Target(target));
    }

    pub(super) fn after_target(&mut self, step: &mut Step<'_>, target: Target, dropped: bool) {
        if self.is_called_off() || self.aborted || self.is_late(step) {
            // The refusal that follows is what became of this event.
            self.refusal_dropped = dropped;
            if self.aborted {
                self.last = None;
            }
            return self.next_target(step);
        }
        self.start_branch(step, Action::Send(target));
    }

    /// The TCP target in place of a UDP one, for a request that is too large for UDP (RFC 3261 18.1.1).
    fn by_tcp(&self, step: &mut Step<'_>, target: Target) -> Option<Target> {
        if !self.oversize || target.transport != Transport::Udp {
            return None;
        }
        let tcp = Target { transport: Transport::Tcp, ..target };
        let (now, blacklist) = (step.now, &mut *step.blacklist);
        let known_to_fail =
            blacklist.entry(now, &tcp).is_some() || blacklist.has_refused_upgrade(now, &tcp.to_string());
        (!known_to_fail).then_some(tcp)
    }

    /// TCP was only tried because of the request's size: that it failed is no error, UDP follows.
    pub(super) fn fall_back_to_udp(&mut self, step: &mut Step<'_>, udp: Target) {
        self.udp_instead = Some(udp);
        self.next_target(step);
    }

    /// The target takes no TCP: large requests need not find that out one by one.
    pub(super) fn note_refused_upgrade(&self, step: &mut Step<'_>) {
        if let Some(tcp) = &self.current {
            step.blacklist.note_refused_upgrade(step.now, &tcp.to_string(), self.profile.blacklist_time);
        }
    }

    /// Puts the present target on the blacklist, by a request that may do so.
    pub(super) fn list_target(&mut self, step: &mut Step<'_>, failure: Failure, ttl: Duration) {
        let Some(target) = self.current.filter(|_| !self.over_flow && !self.in_dialog) else { return };
        if self.profile.use_blacklist && step.blacklist.add_automatic(step.now, &target, failure, ttl) {
            self.newly_listed = Some(target);
        }
        if let Some(failed) = &mut self.probe_failed {
            *failed = true;
        }
    }

    /// The time for all targets is over before the branch has come to its end. The target is to blame if it had long enough.
    pub(super) fn on_cut_short(&mut self, step: &mut Step<'_>, to_blame: bool) {
        // An INVITE's branch is there still, for a 2xx.
        self.branch_live &= self.class == RequestClass::Invite;
        if self.state == State::Pending {
            if to_blame {
                self.blame_target(step, RouteError::ClientTimeout);
            }
            self.last = Some(LastResult::Failure(RouteError::ClientTimeout.into()));
            self.deadline = Some(step.now);
            self.next_target(step);
        }
    }

    /// A branch that is out has been given its end by the deadline.
    pub(super) fn on_server_ended(&mut self, step: &mut Step<'_>) {
        if matches!(self.state, State::Resolving | State::AskingProbe(_)) {
            self.server_end = Some(step.now);
            self.deadline = None;
            self.next_target(step);
        }
    }

    /// The request goes to the target that is listed longest, to find out.
    pub(super) fn on_probe(&mut self, step: &mut Step<'_>) {
        let State::AskingProbe(target) = self.state else { return };
        self.probe_failed = Some(false);
        if self.ends_here(step) {
            return;
        }
        self.passed.clear();
        self.try_target(step, target);
    }

    pub(super) fn on_look_again(&mut self, step: &mut Step<'_>) {
        if self.asks_probe() {
            self.forget_skipped();
            self.targets = std::mem::take(&mut self.passed).into();
            self.next_target(step);
        }
    }

    pub(super) fn on_still_listed(&mut self, step: &mut Step<'_>) {
        if self.asks_probe() && !self.ends_here(step) {
            self.give_last_result();
        }
    }

    pub(super) fn on_aborted(&mut self, step: &mut Step<'_>) {
        if self.asks_probe() {
            self.aborted = true;
            self.next_target(step);
        }
    }
}
