//! Signs of life, the blacklists that they end entries of, and the requests that find out whether a listed target lives.

use super::client_state::Turn;
use super::consequences::Consequence;
use super::ids::{ClientId, RouteId};
use super::output::Output;
use super::route::Route;
use super::timers::{TimerId, TimerKey};
use super::Element;
use crate::client::session::SessionInput;
use crate::client::{ProbeAnswer, ProbeKey, ProbeWaiter, PROBE_WAIT};
use crate::resolve::Target;

impl Element {
    /// A target was heard: it is alive. Its automatic entries end, unless the message itself asks to be left alone.
    pub(super) fn heard(&mut self, target: Target, ends_entries: bool) {
        for list in self.reachability.heard(target, ends_entries) {
            self.stores.blacklist(list).heard(self.now, &target);
            let waiting = self.probes.heard(&(list, target));
            self.wake(waiting, &SessionInput::LookAgain);
        }
    }

    /// Asks for reports of keep-alives while they are of use. `idle`: or for their end while they are not.
    pub(super) fn heed_keepalives(&mut self, idle: bool) {
        if let Some(on) = self.reachability.change_of_heed(idle) {
            self.emit(Output::HeedKeepalives(on));
        }
    }

    /// All targets of a route are on the list: it is sent to find out, or waits for the one that was.
    pub(super) fn ask_probe(&mut self, route: &mut Route, target: Target) {
        let now = self.now;
        let list = route.profile().blacklist;
        if !self.stores.blacklist(list).is_automatic(now, &target) {
            return self.tell(route, SessionInput::LookAgain);
        }
        let key = (list, target);
        let (before, until) = *route.probe_wait.get_or_insert((key, now + PROBE_WAIT));
        route.probe_wait = Some((key, until));
        if before != key {
            // It has looked again and found another target.
            self.ask_next(&before);
        }
        let input = match self.probes.ask(now, key, route.id.0) {
            ProbeAnswer::Granted(out) => {
                route.probe = Some((key, out));
                SessionInput::Probe
            }
            ProbeAnswer::Busy if now < until => {
                let (client, id) = (route.client, route.id);
                let timer =
                    self.timers.arm(until, TimerKey::ProbeWait { key: Box::new(key), client, route: id });
                self.probes.wait(&key, ProbeWaiter { client: client.0, route: id.0, timer });
                return;
            }
            ProbeAnswer::Busy | ProbeAnswer::Full => SessionInput::StillListed,
        };
        self.tell(route, input);
    }

    /// A request has waited for a probe long enough.
    pub(super) fn probe_wait_over(&mut self, key: &ProbeKey, client: ClientId, route: RouteId) {
        if self.probes.leave(key, route.0).is_some() {
            self.take_turn(client, route, Turn::Input(SessionInput::StillListed));
        }
    }

    /// Draws the consequences of what a route has just decided, for others that want the same target.
    pub(super) fn settle(&mut self, route: &mut Route) {
        self.note_passed_over(route);
        if let Some(target) = route.session.take_listed() {
            self.reachability.list(target, route.profile().blacklist);
            self.note_blacklisted(target);
            self.heed_keepalives(false);
        }
        if let Some((key, _)) = route.probe_wait.filter(|_| !route.session.asks_probe()) {
            route.probe_wait = None;
            if let Some(waiting) = self.probes.leave(&key, route.id.0) {
                self.timers.stop(waiting.timer);
            }
            self.ask_next(&key);
        }
        if let Some(failed) = route.session.probe_outcome() {
            if let Some((key, out)) = route.probe.take() {
                drop(out);
                if failed {
                    let waiting = self.probes.failed(&key, route.id.0);
                    self.wake(waiting, &SessionInput::StillListed);
                } else {
                    self.ask_next(&key);
                }
            }
        }
    }

    /// Nothing was heard of the target: unless a probe is out, the request that has waited longest looks again. One whose
    /// Client is busy does so later, and another one at once.
    fn ask_next(&mut self, key: &ProbeKey) {
        while let Some(next) = self.probes.next(self.now, key) {
            let busy = self.clients.get(ClientId(next.client)).is_some_and(|client| client.is_busy());
            self.wake([next], &SessionInput::LookAgain);
            if !busy {
                return;
            }
        }
    }

    /// After the present step, which works for another call.
    fn wake(&mut self, waiting: impl IntoIterator<Item = ProbeWaiter<TimerId>>, input: &SessionInput) {
        for ProbeWaiter { client, route, timer } in waiting {
            self.timers.stop(timer);
            let (client, route) = (ClientId(client), RouteId(route));
            self.consequences.add(Consequence::Told { client, route, input: input.clone() });
        }
    }
}
