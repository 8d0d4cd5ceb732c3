//! A route from its beginning to its end: it is stepped by what comes in, and shown to blocks.

use super::backlog::Responses;
use super::client_state::Turn;
use super::ids::{AnchorId, RequestId, RouteId};
use super::output::{Outcome, Output, Round, ScriptEvent};
use super::route::{RoundEnd, Route, RouteRequest};
use super::Element;
use crate::client::session::{Action, Callback, SessionInput, SessionRound};
use crate::client::{random_loop_mark, Failure};
use crate::message::Method;

/// What a step of a route has led to. It waits for the network, or has ended, unless it was shown.
#[derive(Default)]
pub(super) struct RouteStep {
    /// Blocks of it run.
    pub(super) shown: bool,
    /// The round of blocks, where the caller of the present step runs it.
    round: Option<Round>,
}

impl Element {
    pub(super) fn begin_route(&mut self, mut ask: RouteRequest) -> Option<Round> {
        if ask.flow_of_sips_dialog().is_some_and(|token| self.is_flow_in_the_clear(token)) {
            ask.leave_flow();
        }
        let (client, upstream) = (ask.client, ask.origin.upstream().map(|request| request.id));
        let id = RouteId(self.numbers.next());
        // Before anything else: whatever happens to the route, its request is answered and who waits for it is told.
        let others = self.clients.begin(id, client, ask.anchor, ask.origin.id());
        if let Some(caller) = ask.caller {
            self.callers.wait(id, caller.call);
            if caller.in_block {
                self.clients.put_ahead(id);
            }
        }
        let own_call = upstream.is_none() && ask.request.method == Method::Invite && others.is_empty();
        self.counts.own_calls += u64::from(own_call && ask.request.to_tag().is_none());
        if let Some(upstream) = upstream {
            if !self.joins(upstream, id, &ask.request.method) {
                self.clients.end(id);
                self.clients.forget_if_idle(client);
                self.tell_call_ended(id, Outcome::Failed(Failure::canceled()));
                self.release(ask.anchor);
                return None;
            }
            let fresh = self.make_transaction(upstream);
            // A transaction made just now has its whole timer C2 before it.
            if !fresh {
                self.restart_c2(upstream);
            }
        }
        let antiloop_id = ask.antiloop_id.unwrap_or_else(|| random_loop_mark(&mut self.random));
        let search = self.searches.begin();
        let (mut route, destination) = Route::new(id, ask, antiloop_id, &self.settings.timings, search);
        if self.happenings.is_some() {
            route.session.tell_passed_over();
        }
        self.learns_of_request(&mut route);
        if self.clients.get_mut(client).is_some_and(|it| std::mem::take(&mut it.aborts)) {
            route.session.abort();
        }
        // One that is cancelled already goes nowhere: nothing is looked up for it.
        if !route.session.is_answered() {
            self.head_for(&mut route, destination);
        }
        self.limit_call(&route);
        for other in others {
            self.abandon_route(other);
        }
        let ahead = route.caller.is_some_and(|caller| caller.in_block);
        if !route.inline && !ahead && self.clients.get(client).is_some_and(|it| it.makes_wait()) {
            self.clients.put_back(route, false);
            self.take_turn(client, id, Turn::Begin);
            return None;
        }
        self.clients.begin_work(client);
        self.run_and_drain(route)
    }

    /// A proxy's route becomes a branch of its request. False: that was answered, nothing is sent. Nobody could cancel an INVITE
    /// whose client has its final response, or take what it leads to. Another request may be answered at once and delivered
    /// then.
    fn joins(&mut self, upstream: RequestId, route: RouteId, method: &Method) -> bool {
        let request = self.server_transactions.get_mut(upstream);
        let is_over = match method {
            Method::Ack => false,
            // The Clients of a cancelled one have yet to hear of that.
            Method::Invite => {
                request.as_ref().is_none_or(|request| !request.accepts(100) && !request.is_canceled())
            }
            _ => request.as_ref().is_some_and(|request| request.context.is_answered()),
        };
        if is_over {
            tracing::info!(target: "oversip::request", "the request is not routed: it was answered already");
        } else if let Some(request) = request {
            request.context.begin(route);
        }
        !is_over
    }

    /// What has happened to a proxy's request already counts for its new branch.
    fn learns_of_request(&mut self, route: &mut Route) {
        let Some(upstream) = route.upstream() else { return };
        let Some(request) = self.server_transactions.get(upstream) else { return };
        if let Some(end) = request.end_unanswered() {
            route.session.set_server_end(end);
        }
        // RFC 3261 16.7 step 5: after a 6xx no branch is made.
        let refused = request.context.is_refused_globally().then_some(SessionInput::Superseded);
        if refused.is_some() {
            tracing::info!(target: "oversip::request", "the request is not routed: a 6xx has refused it everywhere");
        }
        if let Some(input) = request.is_canceled().then_some(SessionInput::Canceled).or(refused) {
            let list = self.stores.blacklist(route.profile().blacklist);
            route.session.handle(self.now, list, input);
        }
    }

    pub(super) fn release(&mut self, anchor: AnchorId) {
        if anchor != AnchorId::NOTHING {
            self.emit(Output::Released(anchor));
        }
    }

    pub(super) fn end_round(&mut self, id: RouteId, mut end: RoundEnd) -> Option<Round> {
        let (mut route, shown) = self.clients.has_run(id)?;
        self.responses -= shown;
        // The caller runs what follows at once, too.
        route.inline = true;
        self.finish_round(&mut route, &mut end);
        self.run_and_drain(route)
    }

    /// Runs a route, and then what has waited for its Client.
    fn run_and_drain(&mut self, route: Box<Route>) -> Option<Round> {
        let client = route.client;
        let RouteStep { round, shown } = self.run(route);
        if !shown {
            self.drain(client);
        }
        round
    }

    fn finish_round(&mut self, route: &mut Route, end: &mut RoundEnd) {
        let callback = route.end_round(end);
        if matches!(callback, Some(Callback::Target(_))) {
            let client = self.clients.get_mut(route.client);
            end.aborted |= client.is_some_and(|client| std::mem::take(&mut client.aborts));
            if self.is_route_canceled(route) {
                route.session.note_canceled();
            }
        }
        let list = self.stores.blacklist(route.profile().blacklist);
        let round = SessionRound { dropped: end.dropped, aborted: end.aborted };
        route.session.callback_done(self.now, list, round);
        if let (true, Some(Callback::Success(response))) = (end.dropped, &callback) {
            self.note_dropped(route, response);
        }
        if let (true, Some(callback)) = (end.dropped, &callback) {
            self.note_kept_back(route.upstream(), callback.status());
        }
        if let Some(callback) = &callback {
            self.tell_caller(route, callback);
        }
    }

    /// Runs a route that is at work until it waits for blocks or for the network.
    pub(super) fn run(&mut self, mut route: Box<Route>) -> RouteStep {
        let callback = self.advance(&mut route);
        if route.session.is_answered() {
            route.search = None;
        }
        if let Some(callback) = callback {
            return RouteStep { shown: true, round: self.show(route, callback) };
        }
        route.inline = false;
        if route.session.is_answered() {
            self.close_branch(&route);
        }
        let leaves_later = self.awaits_socket(route.id);
        if !leaves_later {
            route.slim_down();
        }
        self.stop_idle_call_timer(&route);
        // What came before the end is still heard, above all a CANCEL.
        let is_over = !leaves_later && route.session.is_over();
        if let Some(mut over) = self.clients.put_back(route, is_over) {
            self.end_route(&mut over);
        }
        RouteStep::default()
    }

    fn end_route(&mut self, route: &mut Route) {
        self.clients.end(route.id);
        // A request that was cancelled may not have got an answer.
        self.finish_call(route, Outcome::Failed(Failure::canceled()));
        self.release(route.anchor());
    }

    /// Shows an event to its blocks. Hands out the round where the caller of the present step runs it.
    fn show(&mut self, mut route: Box<Route>, callback: Callback) -> Option<Round> {
        let shown = callback.response().map(|response| Responses::of(response)).unwrap_or_default();
        route.begin_round(callback);
        let (round, inline) = (route.round(), route.inline);
        self.responses += shown;
        self.clients.run(route, shown);
        if inline {
            return round;
        }
        self.outputs.extend(round.map(|round| Output::Script(ScriptEvent::Round(Box::new(round)))));
        None
    }

    /// Goes on until blocks have to run, which are handed out, or the network has to be waited for. A class without blocks costs
    /// nothing.
    fn advance(&mut self, route: &mut Route) -> Option<Callback> {
        loop {
            let Some(action) = route.session.next_action() else {
                self.settle(route);
                return None;
            };
            match action {
                Action::Callback(callback) => {
                    if let Callback::Target(target) = &callback {
                        if let Some(client) = self.clients.get_mut(route.client) {
                            client.target = Some(*target);
                        }
                    }
                    if let Callback::Success(response) = &callback {
                        self.acknowledge_for_caller(route, response);
                    }
                    let client = self.clients.get(route.client);
                    let shown = client.is_some_and(|client| client.shows(callback.class()));
                    if shown && self.is_news(route, &callback) {
                        self.settle(route);
                        return Some(callback);
                    }
                    if let (None, Callback::Error(failure)) = (&route.caller, &callback) {
                        route.log_unheard(failure);
                    }
                    route.begin_round(callback);
                    self.finish_round(route, &mut RoundEnd::default());
                }
                Action::Send(target) => self.send_to_target(route, target),
                Action::SendOverFlow => self.send_over_flow(route),
                Action::AskProbe(target) => self.ask_probe(route, target),
                Action::Forward(response, status) => self.forward(route, &response, status),
                Action::EndCall(response) => self.end_given_up(route, &response),
                Action::Reply { status, reason } => self.answer_by_reply(route, status, &reason),
            }
        }
    }

    /// Whether the blocks of an event have to run: `on_canceled` runs once on each Client that a CANCEL concerns.
    fn is_news(&mut self, route: &Route, callback: &Callback) -> bool {
        let Callback::Canceled = callback else { return true };
        let request = route.upstream().and_then(|id| self.server_transactions.get_mut(id));
        request.is_none_or(|request| request.context.tell_canceled(route.id))
    }
}
