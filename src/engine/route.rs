//! One `route` of a Client: the pure [`Session`] with the request it sends and the way back upstream.
//!
//! A route is a value with one owner at a time. It is made on the thread that calls `route`, moves into the engine
//! at its first wait, and travels to the dispatcher and back for each round of callbacks.

mod call;
mod challenge;
mod dialog;
mod sips;
mod size;

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::counts::Search;
use super::incoming::IncomingRequest;
use super::outgoing::{self, ProxyHeaders};
use super::stores::StoredProfile;
use super::timers::TimerId;
use super::upstream;
use super::Shared;
pub use call::{Call, Outcome};
pub(super) use dialog::acknowledgement;
pub use dialog::Body;

use call::Caller;

use crate::client::digest::{Authenticator, Credentials};
use crate::client::session::{Action, Callback, CallbackClass, Input, Kind, RequestClass, Round, Session};
use crate::client::{
    random_loop_mark, Destination, Failure, ProbeKey, Profile, RestoreHeaders, Target, Transport,
};
use crate::message::{HeaderName, Headers, Message, Method, RequestSnapshot, ResponseSnapshot};
use crate::resolve::{plan, Inquiry, Plan, QueryTransport};
use crate::transaction::Timings;

/// What the engine reads of a Ruby `Client` object without touching Ruby.
#[derive(Debug)]
pub struct ClientShared {
    id: u64,
    callbacks: AtomicU8,
    drop_next: AtomicBool,
    abort: AtomicBool,
    canceled: AtomicBool,
    target: Mutex<Option<Target>>,
    authorization: Mutex<Authorization>,
}

/// The Call-ID of a request that answered challenges, and its answers.
type Authorization = (Bytes, Vec<(HeaderName, Bytes)>);

impl ClientShared {
    /// A Client without callbacks.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            callbacks: AtomicU8::new(0),
            drop_next: AtomicBool::new(false),
            abort: AtomicBool::new(false),
            canceled: AtomicBool::new(false),
            target: Mutex::new(None),
            authorization: Mutex::default(),
        }
    }

    /// The number that the engine knows the Client by.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Says whether blocks are set for `class`.
    pub fn set_callbacks(&self, class: CallbackClass, any: bool) {
        if any {
            self.callbacks.fetch_or(class.bit(), Ordering::AcqRel);
        } else {
            self.callbacks.fetch_and(!class.bit(), Ordering::AcqRel);
        }
    }

    /// Whether blocks are set for `class`.
    pub fn has_callbacks(&self, class: CallbackClass) -> bool {
        self.callbacks.load(Ordering::Acquire) & class.bit() != 0
    }

    /// `drop_response` outside of a callback: the next response is not sent upstream.
    pub fn drop_next_response(&self) {
        self.drop_next.store(true, Ordering::Release);
    }

    /// `abort_routing`: the routing at hand, or the next one, tries no target.
    pub fn abort_routing(&self) {
        self.abort.store(true, Ordering::Release);
    }

    fn take_abort(&self) -> bool {
        self.abort.swap(false, Ordering::AcqRel)
    }

    /// `Uac#cancel`: the routing at hand sends nothing more.
    pub(super) fn cancel(&self) {
        self.canceled.store(true, Ordering::Release);
    }

    /// What the request of this Call-ID has answered challenges with; it belongs into the ACK as well.
    fn authorization(&self, call_id: &[u8]) -> Vec<(HeaderName, Bytes)> {
        let kept = self.authorization.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if kept.0 == call_id {
            kept.1.clone()
        } else {
            Vec::new()
        }
    }

    fn set_authorization(&self, call_id: &[u8], answers: &Authenticator) {
        let answers = answers.headers().map(|(name, value)| (name, Bytes::copy_from_slice(value))).collect();
        *self.authorization.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) =
            (Bytes::copy_from_slice(call_id), answers);
    }

    /// Takes the flag that [`ClientShared::drop_next_response`] set.
    pub fn take_drop(&self) -> bool {
        self.drop_next.swap(false, Ordering::AcqRel)
    }

    /// The target in use or last used.
    pub fn current_target(&self) -> Option<Target> {
        *self.target.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn set_target(&self, target: &Target) {
        *self.target.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(*target);
    }
}

/// Everything `Client#route` hands to the engine.
pub struct RouteRequest {
    /// Proxy or Uac.
    pub kind: Kind,
    /// The Client's shared part.
    pub client: Arc<ClientShared>,
    /// The profile, as read when `route` was called.
    pub profile: StoredProfile,
    /// The request as the script left it.
    pub request: RequestSnapshot,
    /// Marks our branches (RFC 3261 16.6 step 8). `None`: the request is new wherever it arrives, our own listener included, so
    /// that nothing marks it as a loop.
    pub antiloop_id: Option<[u8; 32]>,
    /// The request's server side: set in a proxy.
    pub upstream: Option<Arc<IncomingRequest>>,
    /// Routing headers and hop count: set in a proxy.
    pub proxy_headers: Option<ProxyHeaders>,
    /// Where to.
    pub destination: Destination,
    /// It is for a SIPS resource, though the Request-URI, which a strict router has taken, may not say so.
    pub sips: bool,
    /// From and To values to put back into responses, where the script changed them.
    pub restore: RestoreHeaders,
    /// What challenges are answered with: set in a Uac.
    pub credentials: Vec<Credentials>,
    /// Who waits for the end.
    pub call: Option<Arc<Call>>,
    /// Keeps the Ruby objects alive; dropped with the route.
    pub anchor: Box<dyn Any + Send>,
}

/// What the route asks of its driver.
#[derive(Debug)]
pub(super) enum Effect {
    Send(Target),
    SendOverFlow,
    AskProbe(Target),
    Resolve(Inquiry),
}

/// Why [`Route::advance`] stopped.
#[derive(Debug)]
pub enum Progress {
    /// Blocks have to run; the callback waits in [`Route::callback`].
    Callback,
    /// The route waits for the network, or is over.
    Waiting,
}

/// A routing under way.
pub struct Route {
    pub(super) id: u64,
    pub(super) client: Arc<ClientShared>,
    pub(super) profile: StoredProfile,
    pub(super) kind: Kind,
    pub(super) request: RequestSnapshot,
    pub(super) antiloop_id: [u8; 32],
    pub(super) upstream: Option<Arc<IncomingRequest>>,
    pub(super) proxy_headers: Option<ProxyHeaders>,
    pub(super) flow: Option<Option<Vec<u8>>>,
    /// The request goes where its first Route says.
    pub(super) by_route: bool,
    /// It is for a SIPS resource, whatever its Request-URI is.
    sips: bool,
    /// The script has named the transport: what goes out in the clear is its decision.
    transport_named: bool,
    /// The host that the request is for; `None` when it is just the address that it is sent to, or a flow.
    pub(super) server: Option<String>,
    pub(super) effects: Vec<Effect>,
    /// Fires when the caller gives up.
    pub(super) call_timer: Option<TimerId>,
    /// The target that it is the probe of.
    pub(super) probe: Option<(ProbeKey, Arc<()>)>,
    /// The probe that it waits for, and until when it may.
    pub(super) probe_wait: Option<(ProbeKey, Instant)>,
    session: Session,
    /// Ends with the answer.
    search: Option<Search>,
    restore: RestoreHeaders,
    authenticator: Authenticator,
    /// The CSeq number after an answer to a challenge.
    sent_cseq: Option<u32>,
    caller: Option<Caller>,
    /// The destination names UDP.
    insists_on_udp: bool,
    callback: Option<Callback>,
    edited: Option<ResponseSnapshot>,
    anchor: Box<dyn Any + Send>,
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Route").field("id", &self.id).field("session", &self.session).finish_non_exhaustive()
    }
}

impl Route {
    /// Takes the request and plans its destination; nothing is sent yet.
    pub(super) fn new(id: u64, shared: &Shared, now: Instant, mut ask: RouteRequest) -> Box<Self> {
        ask.leave_open_flow(shared);
        let class = match ask.request.method {
            Method::Invite => RequestClass::Invite,
            Method::Ack => RequestClass::Ack,
            _ => RequestClass::NonInvite,
        };
        let mut session = Session::new(
            ask.kind,
            class,
            ask.profile.parameters.clone(),
            shared.timings.transaction_timeout(),
        );
        if ask.request.to_tag().is_some() {
            session.set_in_dialog();
        }
        if let Some(end) = ask.upstream.as_ref().and_then(|upstream| upstream.end_unanswered()) {
            session.set_server_end(end);
        }
        if ask.client.take_abort() {
            session.abort();
        }
        if ask.upstream.as_ref().is_some_and(|up| up.is_canceled()) {
            ask.profile.blacklist.with(|list| session.handle(now, list, Input::Canceled));
        }
        if ask.upstream.is_none() {
            ask.client.canceled.store(false, Ordering::Release);
        }
        let mut route = Box::new(Self {
            id,
            client: ask.client,
            profile: ask.profile,
            kind: ask.kind,
            request: ask.request,
            antiloop_id: ask.antiloop_id.unwrap_or_else(|| shared.random.draw(random_loop_mark)),
            upstream: ask.upstream,
            proxy_headers: ask.proxy_headers,
            flow: None,
            by_route: matches!(ask.destination, Destination::Route(_)),
            sips: ask.sips,
            transport_named: matches!(&ask.destination, Destination::Named(query) if query.transport.is_some()),
            server: None,
            effects: Vec::new(),
            call_timer: None,
            probe: None,
            probe_wait: None,
            session,
            search: Some(shared.counts.search()),
            restore: ask.restore,
            authenticator: Authenticator::new(ask.credentials),
            sent_cseq: None,
            caller: ask.call.map(Caller),
            insists_on_udp: false,
            callback: None,
            edited: None,
            anchor: ask.anchor,
        });
        route.head_for(shared, now, ask.destination);
        route
    }

    fn head_for(&mut self, shared: &Shared, now: Instant, destination: Destination) {
        let query = match destination {
            Destination::Resolve(query) | Destination::Route(query) | Destination::Named(query) => query,
            Destination::Flow(token) => {
                self.flow = Some(token);
                return self.step(now, Input::Flow);
            }
        };
        let query = if self.is_bound_to_tls() { query.as_sips() } else { query };
        self.server = query.server();
        self.insists_on_udp = query.transport == Some(QueryTransport::Known(Transport::Udp));
        match plan(&query, &self.profile().resolve) {
            Plan::Failed(error) => self.handle(shared, now, Input::Unroutable(error)),
            Plan::Targets(targets) => self.handle(shared, now, Input::Targets(targets)),
            Plan::Ask(inquiry) => match shared.cached_resolution(&inquiry, &self.profile) {
                Some(input) => self.handle(shared, now, input),
                None => self.effects.push(Effect::Resolve(inquiry)),
            },
        }
    }

    /// The object that keeps the script's objects alive.
    pub fn anchor(&self) -> &dyn Any {
        &*self.anchor
    }

    /// The callback whose blocks are to run.
    pub fn callback(&self) -> Option<&Callback> {
        self.callback.as_ref()
    }

    /// Whether the callback's event ends in a response upstream.
    pub fn answers(&self) -> bool {
        self.callback.as_ref().is_some_and(|callback| self.session.answers(callback))
    }

    /// Proxy or Uac.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The profile the route was started with.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile.parameters
    }

    /// Ends the round of blocks. `request` is the request as it is now with what responses to it get back, `response` the
    /// response that the blocks saw.
    pub fn callback_done(
        &mut self,
        now: Instant,
        mut round: Round,
        request: Option<(RequestSnapshot, RestoreHeaders)>,
        response: Option<ResponseSnapshot>,
    ) {
        if let Some((request, restore)) = request {
            self.request = request;
            self.restore = restore;
        }
        self.edited = response;
        self.end_round(now, &mut round);
    }

    fn end_round(&mut self, now: Instant, round: &mut Round) {
        let callback = self.callback.take();
        if matches!(callback, Some(Callback::Target(_))) {
            round.aborted |= self.client.take_abort();
            if self.is_canceled() {
                self.session.note_canceled();
            }
        }
        let session = &mut self.session;
        self.profile.blacklist.with(|list| session.callback_done(now, list, *round));
        if let Some(callback) = &callback {
            self.tell_caller(callback);
        }
    }

    pub(super) fn handle(&mut self, shared: &Shared, now: Instant, input: Input) {
        // Inputs wait for their turn: what was cancelled meanwhile is treated so, whichever comes first.
        if self.is_canceled() {
            self.session.note_canceled();
        }
        let input = match input {
            Input::Response(response) if self.answer_challenge(shared, &response) => Input::Challenged,
            // Elsewhere the flag stays for what asks for it: a block that runs, or the next routing.
            Input::Aborted if !self.session.asks_probe() || !self.client.take_abort() => return,
            other => other,
        };
        if let Input::Targets(targets) = &input {
            self.measure(shared, targets);
        }
        self.step(now, input);
    }

    fn step(&mut self, now: Instant, input: Input) {
        let session = &mut self.session;
        self.profile.blacklist.with(|list| session.handle(now, list, input));
    }

    /// CANCEL came for the request, or its script called `Uac#cancel`.
    pub(super) fn is_canceled(&self) -> bool {
        match &self.upstream {
            Some(upstream) => upstream.is_canceled(),
            None => self.client.canceled.load(Ordering::Acquire),
        }
    }

    /// How long a branch may wait that would wait for `wanted`; `None` when it has that time. What is over a little later by
    /// itself is left to its own timer.
    pub(super) fn limit(&self, now: Instant, wanted: Duration, timings: &Timings) -> Option<Duration> {
        let left = self.session.deadline()?.saturating_duration_since(now);
        (wanted > left + timings.t1).then_some(left)
    }

    /// The target that was put on the blacklist since the last call.
    pub(super) fn take_listed(&mut self) -> Option<Target> {
        self.session.take_listed()
    }

    /// Whether it waits to hear whether it is the probe.
    pub(super) fn asks_probe(&self) -> bool {
        self.session.asks_probe()
    }

    /// How the probe ended that it was; `None` while it is out.
    pub(super) fn probe_outcome(&self) -> Option<bool> {
        self.session.probe_outcome()
    }

    /// Nobody wants an answer to the request any more.
    pub(super) fn is_given_up(&self) -> bool {
        let by_caller = self.caller.as_ref().is_some_and(|caller| caller.0.is_given_up());
        by_caller || self.upstream.as_ref().is_some_and(|upstream| upstream.is_abandoned())
    }

    /// An ACK has no response.
    pub fn is_ack(&self) -> bool {
        self.request.method == Method::Ack
    }

    /// Whether there are targets after the one in use.
    pub(super) fn has_further_targets(&self) -> bool {
        self.session.has_further_targets()
    }

    /// The number of this route.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Who waits for the end, and when its patience ends.
    pub(super) fn call_limit(&self) -> Option<(Arc<Call>, Duration)> {
        let call = &self.caller.as_ref()?.0;
        Some((call.clone(), call.limit()?))
    }

    /// The timer of a caller that waits no longer.
    pub(super) fn take_idle_call_timer(&mut self) -> Option<TimerId> {
        let finished = self.caller.as_ref().is_none_or(|caller| caller.0.is_finished());
        self.call_timer.take_if(|_| finished)
    }

    /// A thread that waits for the end hears of it when the blocks have run.
    fn tell_caller(&self, callback: &Callback) {
        let Some(caller) = &self.caller else { return };
        let outcome = match callback {
            Callback::Success(response) | Callback::Failure(response, _) => {
                Outcome::Response(response.clone())
            }
            Callback::Error(failure) => Outcome::Failed(failure.clone()),
            Callback::InviteTimeout => Outcome::Failed(Failure::invite_timeout()),
            Callback::Provisional(_) | Callback::Canceled | Callback::Target(_) => return,
        };
        caller.0.finish(outcome);
    }

    /// The route is over. A request that was cancelled may not have got an answer.
    pub(super) fn end(&self) {
        if let Some(caller) = &self.caller {
            caller.0.finish(Outcome::Failed(Failure::canceled()));
        }
    }

    /// A defect ended the route.
    pub(super) fn fail(&self) {
        if let Some(caller) = &self.caller {
            caller.0.finish(Outcome::Failed(Failure::internal_error()));
        }
    }

    /// Nothing is sent for this route any more, though further 2xx may come for half a minute: the request can go.
    pub(super) fn slim_down(&mut self) {
        if self.session.is_answered() {
            self.search = None;
            self.request.headers = Headers::new();
            self.request.body = Bytes::new();
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.session.is_over() && self.effects.is_empty()
    }

    /// Goes on until blocks have to run or the network has to be waited for. A class without blocks costs nothing.
    pub fn advance(&mut self, shared: &Shared, now: Instant) -> Progress {
        while let Some(action) = self.session.next_action() {
            match action {
                Action::Callback(callback) => {
                    if let Callback::Target(target) = &callback {
                        self.client.set_target(target);
                    }
                    if let Callback::Success(response) = &callback {
                        self.acknowledge_for_caller(shared, response);
                    }
                    let run = self.client.has_callbacks(callback.class()) && self.is_news(&callback);
                    if let (false, None, Callback::Error(failure)) = (run, &self.caller, &callback) {
                        self.log_unheard(failure);
                    }
                    self.callback = Some(callback);
                    // What the blocks of an earlier event made of its response is no longer wanted.
                    self.edited = None;
                    if run {
                        return Progress::Callback;
                    }
                    self.end_round(now, &mut Round::default());
                }
                Action::Send(target) => self.effects.push(Effect::Send(target)),
                Action::AskProbe(target) => self.effects.push(Effect::AskProbe(target)),
                Action::SendOverFlow => self.effects.push(Effect::SendOverFlow),
                Action::Forward(response, status) => self.forward(shared, now, &response, status),
                Action::Reply { status, reason } => self.reply(shared, now, status, &reason),
            }
        }
        Progress::Waiting
    }

    /// `on_canceled` runs once for a request, whichever Client of a serial fork comes to it first.
    fn is_news(&self, callback: &Callback) -> bool {
        match (callback, &self.upstream) {
            (Callback::Canceled, Some(upstream)) => upstream.tell_canceled(),
            _ => true,
        }
    }

    /// Sends the response on, as the blocks left it (RFC 3261 16.7).
    fn forward(&mut self, shared: &Shared, now: Instant, response: &Message, status: u16) {
        let edited = self.edited.take();
        let Some(upstream) = &self.upstream else { return };
        if self.client.take_drop() {
            return;
        }
        let Some(mut snapshot) = edited.or_else(|| self.upstream_form(response)) else { return };
        // Blocks may have set a status of their own; only the 503 that came from downstream is hidden.
        if snapshot.status == 503 && status == 500 {
            snapshot.status = 500;
            snapshot.reason = Bytes::from_static(crate::message::reason_phrase(500).as_bytes());
        }
        let wire = snapshot.to_bytes();
        let sent = upstream::send(shared, now, upstream, snapshot.status, wire.clone());
        if sent && (200..300).contains(&snapshot.status) {
            upstream.keep_success(self.id, response.to_tag(), wire);
        }
    }

    /// The response as it goes upstream when no block has looked at it: without our Via.
    fn upstream_form(&self, response: &Message) -> Option<ResponseSnapshot> {
        let mut snapshot = ResponseSnapshot::from_message(response)?;
        snapshot.headers.remove_top_value(HeaderName::Via);
        self.restore.apply(&mut snapshot.headers, response.to_tag());
        Some(snapshot)
    }

    fn reply(&self, shared: &Shared, now: Instant, status: u16, reason: &str) {
        let Some(upstream) = &self.upstream else { return };
        if !self.client.take_drop() {
            upstream::reply(shared, now, upstream, status, reason.as_bytes(), &[], b"");
        }
    }
}
