//! The routes of Clients: begun by the script, stepped by what comes in, and shown to blocks.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::backlog::Responses;
use super::beneficiary::Beneficiary;
use super::clients::{Client, Owner, Turn, WaitingTurn};
use super::counts::Dropped;
use super::ids::{AnchorId, CallId, ClientId, OwnRequestId, RequestId, RouteId};
use super::output::{Outcome, Output, Round, ScriptEvent};
use super::route::{AcknowledgeError, Body, Caller, Origin, RoundEnd, Route, RouteRequest};
use super::timers::TimerKey;
use super::Element;
use crate::client::digest::{Credentials, Digested};
use crate::client::session::{Action, Callback, Input as SessionInput, Role, Round as SessionRound};
use crate::client::{
    random_hex, random_loop_mark, request_within, Destination, DialogRequest, Failure, IncomingResponse,
    Profile,
};
use crate::message::{HeaderName, Message, Method};

/// RFC 3261 8.1.1.5: a CSeq number is below 2^31.
const MAX_CSEQ: u32 = (1 << 31) - 1;

/// What keeps nothing alive.
const NO_ANCHOR: AnchorId = AnchorId(0);

/// How far a route has come in one step.
enum RouteProgress {
    /// Its blocks have to run.
    Round(Callback),
    /// It waits for the network, or is over.
    Waiting,
}

/// What the script asks of Clients.
impl Element {
    /// A Client, with one bit for each class of events that blocks are set for
    /// ([`CallbackClass::bit`](crate::client::session::CallbackClass::bit)). The script has it until
    /// [`Element::release_client`].
    pub fn new_client(&mut self, blocks: u8) -> ClientId {
        let id = ClientId(self.numbers.next());
        self.clients.add(id, blocks, true);
        id
    }

    /// The script has let go of a Client. What is under way goes on.
    pub fn release_client(&mut self, id: ClientId) {
        self.clients.release(id);
    }

    /// Says for which classes of events blocks are set.
    pub fn set_blocks(&mut self, id: ClientId, blocks: u8) {
        if let Some(client) = self.clients.get_mut(id) {
            client.blocks = blocks;
        }
    }

    /// The target in use or last used.
    pub fn current_target(&self, id: ClientId) -> Option<crate::resolve::Target> {
        self.clients.get(id)?.target
    }

    /// `drop_response` outside of a block: the next response is not sent upstream.
    pub fn drop_next_response(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(id) {
            client.drops_next = true;
        }
    }

    /// Takes the flag that [`Element::drop_next_response`] has set.
    pub fn take_drop(&mut self, id: ClientId) -> bool {
        self.clients.get_mut(id).is_some_and(|client| std::mem::take(&mut client.drops_next))
    }

    /// Begins a route. A proxy's request gets its server transaction, and the route is a branch of it. Where the route is
    /// `inline`, the round of blocks that it begins with is handed out: [`Element::round_done`] is due when it ended.
    ///
    /// A second route of a Client for the same request gives up what the first one has pending (RFC 3261 16.7 step 10).
    pub fn route(&mut self, now: Instant, ask: RouteRequest) -> Option<Round> {
        self.begin(now);
        let client = ask.client;
        self.attempt_for(Beneficiary::Client(client), |element| element.begin_route(ask)).flatten()
    }

    /// A round of blocks has ended. Hands out the next one of the same route, if it has one at once.
    pub fn round_done(
        &mut self,
        now: Instant,
        client: ClientId,
        route: RouteId,
        end: RoundEnd,
    ) -> Option<Round> {
        self.begin(now);
        let next =
            self.attempt_for(Beneficiary::Client(client), |element| element.end_round(client, route, end));
        self.pace_connections();
        next.flatten()
    }

    /// `abort_routing`: the routing at hand, or the next one, tries no target. For one request: no target is tried for that any
    /// more. False: nothing of it was left to be aborted.
    pub fn abort_routing(&mut self, now: Instant, client: ClientId, of: Option<&Origin>) -> bool {
        self.begin(now);
        self.attempt_for(Beneficiary::Client(client), |element| {
            let Some(record) = element.clients.get_mut(client) else { return false };
            let mut any = of.is_none();
            record.aborts |= any;
            // What waits sends nothing any more. Blocks that run see to it themselves.
            for id in record.routes_of(of) {
                let route = element.clients.get_mut(client).and_then(|it| it.route_mut(id));
                if let Some(route) = route.filter(|route| of.is_some() && !route.session.is_answered()) {
                    route.session.abort();
                    any = true;
                }
                element.deliver(client, id, SessionInput::Aborted);
            }
            any
        })
        .unwrap_or(false)
    }

    /// Cancels what a Client has pending, for one request or for all.
    ///
    /// A Uac's blocks for `on_canceled` run. A Proxy's response to the cancelled request runs its blocks like any other one and
    /// goes upstream.
    pub fn cancel(&mut self, now: Instant, client: ClientId, of: Option<&Origin>) {
        self.begin(now);
        self.attempt_for(Beneficiary::Client(client), |element| {
            let Some(record) = element.clients.get_mut(client) else { return };
            for id in record.routes_of(of) {
                let Some(route) = element.clients.get_mut(client).and_then(|it| it.route_mut(id)) else {
                    continue;
                };
                let role = route.role;
                if !route.session.is_answered() {
                    match role {
                        Role::Uac => route.canceled = true,
                        Role::Proxy => route.session.note_withdrawn(),
                    }
                }
                element.cancel_branch(id, Vec::new());
                element.deliver(
                    client,
                    id,
                    match role {
                        Role::Uac => SessionInput::Canceled,
                        Role::Proxy => SessionInput::Withdrawn,
                    },
                );
            }
        });
    }

    /// Nobody waits for the end of a route any longer: its request is cancelled.
    pub fn give_up(&mut self, now: Instant, client: ClientId, call: CallId) {
        self.begin(now);
        self.attempt_for(Beneficiary::Client(client), |element| {
            let record = element.clients.get(client);
            let route = record.and_then(|it| it.routes().find(|route| route.is_called_by(call)));
            if let Some(id) = route.map(|route| route.id) {
                element.give_up_route(id);
            }
        });
    }

    /// Sends the ACK for a 2xx that a Client has received (RFC 3261 13.2.2.4). `ruri` is the Request-URI of its INVITE.
    pub fn acknowledge(
        &mut self,
        now: Instant,
        client: ClientId,
        profile: &Arc<Profile>,
        response: &Message,
        ruri: &Bytes,
        body: Option<Body>,
    ) -> Result<(), AcknowledgeError> {
        self.begin(now);
        self.attempt_for(Beneficiary::Client(client), |element| {
            element.send_acknowledgement(client, profile, response, ruri, body)
        })
        .unwrap_or(Err(AcknowledgeError::Defect))
    }
}

impl Element {
    fn begin_route(&mut self, mut ask: RouteRequest) -> Option<Round> {
        if ask.flow_of_sips_dialog().is_some_and(|token| self.is_flow_in_the_clear(token)) {
            ask.leave_flow();
        }
        let (client, origin) = (ask.client, ask.origin.clone());
        let id = RouteId(self.numbers.next());
        // Before anything else: whatever happens to the route, its request is answered and who waits for it is told.
        let call = ask.caller.map(|caller| caller.call);
        self.clients.begin(id, Owner { client, anchor: ask.anchor, call, call_timer: None });
        if let Some(upstream) = origin.upstream() {
            if !self.joins(upstream.id, id, &ask.request.method) {
                self.clients.end(id);
                self.release(ask.anchor);
                return None;
            }
            let fresh = self.make_transaction(upstream.id);
            // A transaction made just now has its whole timer C2 before it.
            if !fresh {
                self.restart_c2(upstream.id);
            }
        }
        if self.clients.get(client).is_none() {
            self.clients.add(client, 0, false);
        }
        let others = self.clients.get(client).map(|it| it.routes_of(Some(&origin))).unwrap_or_default();
        let antiloop_id = ask.antiloop_id.unwrap_or_else(|| random_loop_mark(&mut self.random));
        let (mut route, destination) = Route::new(id, ask, antiloop_id, &self.settings.timings);
        self.learns_of_request(&mut route);
        if self.clients.get_mut(client).is_some_and(|it| std::mem::take(&mut it.aborts)) {
            route.session.abort();
        }
        self.head_for(&mut route, destination);
        if let Some(Caller { limit: Some(limit), .. }) = route.caller {
            let key = TimerKey::CallLimit { client, route: id };
            let timer = self.timers.arm(self.now + limit, key);
            self.clients.set_call_timer(id, timer);
            route.call_timer = Some(timer);
        }
        for other in others {
            self.abandon_route(other);
        }
        let busy = self.clients.get(client).is_some_and(|it| it.is_busy());
        if busy && !route.inline {
            self.clients.get_mut(client)?.put(route);
            self.take_turn(client, id, Turn::Begin);
            return None;
        }
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
        if anchor != NO_ANCHOR {
            self.emit(Output::Released(anchor));
        }
    }

    fn end_round(&mut self, client: ClientId, id: RouteId, mut end: RoundEnd) -> Option<Round> {
        let record = self.clients.get_mut(client)?;
        let mut route = record.has_run(id)?;
        let shown = std::mem::take(&mut record.shown);
        record.responses -= shown;
        self.responses -= shown;
        // The caller runs what follows at once, too.
        route.inline = true;
        self.finish_round(&mut route, &mut end);
        self.run_and_drain(route)
    }

    /// Runs a route, and then what has waited for its Client.
    fn run_and_drain(&mut self, route: Box<Route>) -> Option<Round> {
        let client = route.client;
        let round = self.run(route);
        if round.is_none() {
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
        if let Some(callback) = &callback {
            self.tell_caller(route, callback);
        }
    }

    /// Runs a route until it waits for blocks or for the network. Hands out the round where the caller of the present step runs
    /// it.
    fn run(&mut self, mut route: Box<Route>) -> Option<Round> {
        self.work_for(Beneficiary::Client(route.client));
        self.clients.set_at_work(route.client, true);
        let progress = self.advance(&mut route);
        if let RouteProgress::Round(callback) = progress {
            self.clients.set_at_work(route.client, false);
            return self.show(route, callback);
        }
        route.inline = false;
        if route.session.is_answered() {
            self.close_branch(&route);
        }
        let leaves_later = self.awaits_socket(route.id);
        if !leaves_later {
            route.slim_down();
        }
        self.stop_idle_call_timer(&mut route);
        self.clients.set_at_work(route.client, false);
        let client = self.clients.get_mut(route.client)?;
        // What came before the end is still heard, above all a CANCEL.
        if leaves_later || !route.session.is_over() || client.awaits(route.id) {
            client.put(route);
        } else {
            self.end_route(&mut route);
        }
        None
    }

    fn end_route(&mut self, route: &mut Route) {
        self.clients.end(route.id);
        // A request that was cancelled may not have got an answer.
        self.finish_call(route, Outcome::Failed(Failure::canceled()));
        self.release(route.anchor());
    }

    /// Shows an event to its blocks.
    fn show(&mut self, mut route: Box<Route>, callback: Callback) -> Option<Round> {
        let shown = callback.response().map(|response| Responses::of(response)).unwrap_or_default();
        route.begin_round(callback);
        let (round, inline) = (route.round(), route.inline);
        self.responses += shown;
        let client = self.clients.get_mut(route.client)?;
        client.shown += shown;
        client.responses += shown;
        client.run(route);
        if inline {
            return round;
        }
        self.outputs.extend(round.map(|round| Output::Script(ScriptEvent::Round(Box::new(round)))));
        None
    }

    /// Goes on until blocks have to run or the network has to be waited for. A class without blocks costs nothing.
    fn advance(&mut self, route: &mut Route) -> RouteProgress {
        loop {
            let Some(action) = route.session.next_action() else {
                self.settle(route);
                return RouteProgress::Waiting;
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
                        return RouteProgress::Round(callback);
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

    /// Gives an input to a route, in the order of the Client's events.
    pub(super) fn deliver(&mut self, client: ClientId, route: RouteId, input: SessionInput) {
        if matches!(&input, SessionInput::Response(response) if !self.takes(client, response)) {
            return self.counts.drop(Dropped::ProvisionalResponse);
        }
        self.take_turn(client, route, Turn::Input(input));
    }

    /// Something is to happen to a route, in the order of the Client's events.
    pub(super) fn take_turn(&mut self, client: ClientId, route: RouteId, turn: Turn) {
        let Some(record) = self.clients.get_mut(client) else { return };
        let responses = match &turn {
            Turn::Input(SessionInput::Response(response)) => Responses::of(response),
            _ => Responses::default(),
        };
        record.responses += responses;
        self.responses += responses;
        record.queue.push_back(WaitingTurn { route, turn, responses });
        self.drain(client);
    }

    /// Hands waiting turns to their routes until one of them has blocks to run.
    fn drain(&mut self, client: ClientId) {
        while let Some(record) = self.clients.get_mut(client) {
            if !record.is_free() {
                return;
            }
            let Some(WaitingTurn { route, turn, responses }) = record.queue.pop_front() else {
                return self.clients.forget_if_idle(client);
            };
            record.responses -= responses;
            let taken = record.take(route);
            self.responses -= responses;
            if let Some(route) = taken {
                self.turn(route, turn);
            }
        }
    }

    fn turn(&mut self, mut route: Box<Route>, turn: Turn) {
        let (client, role) = (route.client, route.role);
        let outer = self.working_for;
        self.work_for(Beneficiary::Client(client));
        self.clients.set_at_work(client, true);
        #[cfg(feature = "defects")]
        self.panic_if_planned(client);
        let relayed = role == Role::Proxy && matches!(turn, Turn::Input(SessionInput::Response(_)));
        match turn {
            Turn::Begin => {}
            Turn::Input(input) => {
                if matches!(input, SessionInput::Canceled | SessionInput::Withdrawn) {
                    // It may have come while the blocks of on_target held the request back.
                    self.cancel_branch(route.id, Vec::new());
                }
                self.tell(&mut route, input);
            }
            Turn::Hop(Ok(hop)) => self.begin_transaction(&mut route, hop),
            Turn::Hop(Err(no_way)) => self.has_no_hop(&mut route, &no_way),
        }
        self.run(route);
        let shown = self.clients.get(client).is_some_and(|record| record.is_busy());
        self.counts.relayed += u64::from(relayed && !shown);
        self.work_for(outer);
    }

    /// Tells the session of a route that is at work.
    pub(super) fn tell(&mut self, route: &mut Route, input: SessionInput) {
        let input = match input {
            SessionInput::Response(response) if self.answer_challenge(route, &response) => {
                SessionInput::Challenged
            }
            // Elsewhere the flag stays for what asks for it: a block that runs, or the next routing.
            SessionInput::Aborted => {
                let client = self.clients.get_mut(route.client);
                let aborts = |client: &mut Client| std::mem::take(&mut client.aborts);
                if !route.session.asks_probe() || !(route.session.is_aborted() || client.is_some_and(aborts))
                {
                    return;
                }
                SessionInput::Aborted
            }
            other => other,
        };
        if let SessionInput::Targets(targets) = &input {
            self.measure(route, targets);
        }
        let canceled = self.is_route_canceled(route);
        let list = self.stores.blacklist(route.profile().blacklist);
        route.handle(self.now, list, canceled, input);
    }

    /// CANCEL came for the request of a route, or its script has cancelled it.
    pub(super) fn is_route_canceled(&self, route: &Route) -> bool {
        route.canceled || route.upstream().is_some_and(|id| self.is_canceled(id))
    }

    /// Nobody wants an answer to the request of a route any more.
    pub(super) fn is_given_up(&self, route: &Route) -> bool {
        let upstream = route.upstream().and_then(|id| self.server_request(id));
        route.given_up || upstream.is_some_and(|request| request.is_abandoned())
    }

    /// Whether a route may still come to an answer.
    pub(super) fn is_pending(&self, id: RouteId) -> bool {
        let client = self.client_of(id).and_then(|client| self.clients.get(client));
        client
            .and_then(|it| it.routes().find(|route| route.id == id))
            .is_some_and(|route| !route.session.is_answered() && !route.session.is_abandoned())
    }

    /// The Client of a route.
    pub(super) fn client_of(&self, route: RouteId) -> Option<ClientId> {
        self.clients.client_of(route)
    }

    /// Of a route only a 2xx is still of interest. Only what is pending is abandoned: a route whose branch has failed ends in
    /// its own way, but tries no further target.
    pub(super) fn abandon_route(&mut self, id: RouteId) {
        let Some(client) = self.client_of(id) else { return };
        let route = self.clients.get_mut(client).and_then(|it| it.route_mut(id));
        let waits = route.is_some_and(|route| {
            route.session.note_abandoned();
            route.session.asks_probe()
        });
        if self.abandon_branch(id) || self.resolutions.abandon(id) || self.forget_socket(id) || waits {
            self.deliver(client, id, SessionInput::Abandoned);
        }
    }

    /// Nobody wants an answer of a route any more: what is pending is cancelled, and nothing more is tried.
    pub(super) fn give_up_route(&mut self, id: RouteId) {
        let Some(client) = self.client_of(id) else { return };
        self.working_for(Beneficiary::Client(client), |element| {
            if let Some(route) = element.clients.get_mut(client).and_then(|it| it.route_mut(id)) {
                route.given_up = true;
            }
            element.abandon_branch(id);
            element.resolutions.abandon(id);
            element.deliver(client, id, SessionInput::Abandoned);
        });
    }

    /// Somebody has waited long enough for the end of a route.
    pub(super) fn call_limit(&mut self, client: ClientId, id: RouteId) {
        let route = self.clients.get_mut(client).and_then(|it| it.route_mut(id));
        let Some(call) = route.and_then(Route::end_call) else { return };
        self.emit(Output::CallEnded { call, outcome: Outcome::Failed(Failure::call_timeout()) });
        self.give_up_route(id);
    }

    fn stop_idle_call_timer(&mut self, route: &mut Route) {
        if route.session.is_answered() {
            if let Some(timer) = route.call_timer.take() {
                self.timers.stop(timer);
            }
        }
    }

    /// Who waits for the end of a route hears of it when the blocks have run.
    fn tell_caller(&mut self, route: &mut Route, callback: &Callback) {
        let outcome = match callback {
            Callback::Success(response) | Callback::Failure(response, _) => {
                Outcome::Response(response.clone())
            }
            Callback::Error(failure) => Outcome::Failed(failure.clone()),
            Callback::InviteTimeout => Outcome::Failed(Failure::invite_timeout()),
            Callback::Provisional(_) | Callback::Canceled | Callback::Target(_) => return,
        };
        self.finish_call(route, outcome);
    }

    /// Who waits is told, once: what comes first counts.
    fn finish_call(&mut self, route: &mut Route, outcome: Outcome) {
        if let Some(call) = route.end_call() {
            self.emit(Output::CallEnded { call, outcome });
        }
    }

    /// Answers the challenge of a response (RFC 3261 22.2, 22.3). True: the request goes out again, with the answer and the next
    /// CSeq number.
    fn answer_challenge(&mut self, route: &mut Route, response: &Message) -> bool {
        if !route.session.may_answer_challenge() {
            return false;
        }
        let next = route.cseq().and_then(|number| number.checked_add(1)).filter(|number| *number <= MAX_CSEQ);
        let Some(next) = next else { return false };
        let request = Digested {
            method: route.request.method.as_bytes(),
            uri: &route.request.ruri,
            body: &route.request.body,
        };
        let client_nonce = random_hex::<8>(&mut self.random);
        if !route.authenticator.answer(response, request, &mut self.nonce_counts, &client_nonce) {
            return false;
        }
        route.sent_cseq = Some(next);
        if let Some(Caller { call, .. }) = route.caller {
            self.emit(Output::CallRenumbered { call, cseq: next });
        }
        if let Some(client) = self.clients.get_mut(route.client) {
            let answers = route.authenticator.headers();
            let answers = answers.map(|(name, value)| (name, Bytes::copy_from_slice(value))).collect();
            client.set_authorization(response.call_id().unwrap_or_default(), answers);
        }
        true
    }

    fn send_acknowledgement(
        &mut self,
        client: ClientId,
        profile: &Arc<Profile>,
        response: &Message,
        ruri: &Bytes,
        body: Option<Body>,
    ) -> Result<(), AcknowledgeError> {
        let ack = self.within(response, Method::Ack, ruri);
        let mut ack = ack.ok_or(AcknowledgeError::NoSuccessOfInvite)?;
        // RFC 3261 22.1, as for an ACK of the script's.
        let client = self.clients.get(client);
        let answers = client.map_or(&[][..], |it| it.authorization(response.call_id().unwrap_or_default()));
        for (name, value) in answers {
            ack.request.headers.push(name.canonical().as_bytes(), value);
        }
        if let Some(body) = body {
            ack.request.headers.push(b"Content-Type", &body.content_type);
            ack.request.body = body.bytes;
        }
        self.send_by_itself(profile, ack, Vec::new());
        Ok(())
    }

    /// The 2xx of a request that somebody waits for is acknowledged here; one that is not theirs makes a call that is ended at once
    /// (RFC 3261 13.2.2.4, 15).
    fn acknowledge_for_caller(&mut self, route: &mut Route, response: &IncomingResponse) {
        if route.is_called_invite(response) {
            let theirs = route.is_callers(response);
            self.acknowledge_and_end(route, response, !theirs);
        }
    }

    /// Acknowledges a 2xx, and ends its call if that is asked.
    pub(super) fn acknowledge_and_end(&mut self, route: &Route, response: &Message, end: bool) {
        let profile = route.profile().clone();
        let ruri = route.request.ruri.clone();
        if self.send_acknowledgement(route.client, &profile, response, &ruri, None).is_err() || !end {
            return;
        }
        if let Some(bye) = self.within(response, Method::Bye, &ruri) {
            let credentials = route.authenticator.credentials().to_vec();
            self.send_by_itself(&profile, bye, credentials);
        }
    }

    /// A request to the callee whose 2xx this is.
    fn within(&self, response: &Message, method: Method, ruri: &Bytes) -> Option<DialogRequest> {
        request_within(response, method, ruri, |value| self.settings.has_recorded(value))
    }

    /// Sends a request that no script made: no blocks run for it.
    fn send_by_itself(&mut self, profile: &Arc<Profile>, ask: DialogRequest, credentials: Vec<Credentials>) {
        let DialogRequest { mut request, by_route, sips } = ask;
        let product = self.settings.product.as_bytes();
        request.headers.push(HeaderName::UserAgent.canonical().as_bytes(), product);
        let client = ClientId(self.numbers.next());
        let ask = RouteRequest {
            client,
            role: Role::Uac,
            profile: profile.clone(),
            destination: Destination::of_request(&request, by_route),
            request,
            antiloop_id: None,
            origin: Origin::Own(OwnRequestId(client.as_u64())),
            proxy_headers: None,
            restore: Default::default(),
            sips,
            credentials,
            caller: None,
            anchor: NO_ANCHOR,
            inline: false,
        };
        let before = std::mem::replace(&mut self.working_for, Beneficiary::Nobody);
        self.begin_route(ask);
        self.working_for = before;
    }
}
